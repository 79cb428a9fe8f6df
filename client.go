// Package reauth makes HTTP clients that log themselves back in, and say
// exactly what to fix when they can't.
//
//	client, err := reauth.New(reauth.Config{Name: "acme", BaseURL: "https://api.acme.example"})
//	…
//	var me struct{ Login string }
//	err = client.Get(ctx, "/v1/me", &me)
//	if e, ok := errors.AsType[*auth.Error](err); ok {
//		fmt.Fprint(os.Stderr, e.Explain())
//	}
//
// A [Client] finds its credential, puts it where the API wants it, renews it
// before it expires, and on a 401 renews it and repeats the request once. If
// that does not help, the error is one [*auth.Error] that names the cause, how
// sure it is, and the next step.
//
// # Where the credential is found
//
// With a Name and no Source these places are asked in this order. The name
// becomes a prefix in capitals, other characters than letters and digits
// become underscores: "acme" gives ACME_…, "my-api" gives MY_API_….
//
//  1. If NAME_CLIENT_ID or NAME_TOKEN_URL is set: OAuth client credentials,
//     with NAME_CLIENT_ID, NAME_TOKEN_URL, optionally NAME_SCOPE (separated by
//     spaces), and NAME_CLIENT_SECRET, which the keyring may hold instead as
//     the account "client_secret" of the service NAME. Nothing else is asked.
//  2. The variable NAME_API_KEY, or the file that NAME_API_KEY_FILE names.
//  3. The variable NAME_TOKEN, or the file that NAME_TOKEN_FILE names.
//  4. The operating system's keyring: service NAME, account "default".
//
// # The stack
//
// Client is [transport.Transport] under [transport.Strict] under an
// [http.Client], with an [auth.Cache] around the source. [Client.HTTPClient]
// is the same without Strict, for SDKs that somebody else wrote.
//
// This is version 0: names may still change between minor versions, the codes
// of causes and steps do not.
package reauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/transport"
)

// Config says which API a [Client] is for. Name and BaseURL suffice.
type Config struct {
	// Name is the client's name: it gives the variables' prefix and the
	// keyring's service. It begins with a letter and consists of ASCII letters,
	// digits, '-', '_' and '.'. Required unless Source is set.
	Name string
	// BaseURL is what paths are joined to. Required. https, or http to a
	// loopback address, without user, query or fragment.
	BaseURL string
	// Origins are further ones that the credential may go to, such as
	// "https://uploads.acme.example". That of BaseURL is always one.
	Origins []string
	// Source finds the credential. Nil means the places that the package
	// comment lists. An [auth.Cache] of your own keeps its own hook, and Close
	// leaves it open for its other users.
	Source auth.Source
	// Scheme says how the credential is sent. Nil means [auth.Bearer].
	Scheme auth.Scheme
	// Transport makes the connections, to the API and, for client credentials
	// found in the environment, to their token endpoint. Nil means
	// [http.DefaultTransport].
	Transport http.RoundTripper
	// Docs is the address of the API's page on authentication, Support says
	// where help is to be had, and Login is the command that logs in, such as
	// "acme login". They are put into remedies.
	Docs, Support, Login string
	// UserAgent is sent with requests made by NewRequest. Empty means Go's.
	UserAgent string
	// Timeout bounds a whole call, redirects and reading the body included.
	// Zero means no other bound than the context's.
	Timeout time.Duration
	// Hook is told what happens to requests and to the credential.
	Hook auth.Hook
}

// A Client calls one API. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	userAgent string
	cache     *auth.Cache
	ownsCache bool
	transport *transport.Transport
	strict    *http.Client
	timeout   time.Duration
}

// New returns a client, or an error that joins one error for each field that is
// wrong and names it. It asks no source and opens no connection.
func New(cfg Config) (*Client, error) {
	var wrong []error
	bad := func(field, format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("reauth: Config."+field+" "+format, args...))
	}
	base, err := baseURL(cfg.BaseURL)
	if err != nil {
		bad("BaseURL", "%w", err)
	}
	if cfg.Timeout < 0 {
		bad("Timeout", "is negative: %v", cfg.Timeout)
	}
	if u, err := url.Parse(cfg.Docs); err != nil || cfg.Docs != "" && u.Scheme != "https" && u.Scheme != "http" {
		bad("Docs", "is no web address: %q", cfg.Docs)
	}
	src := cfg.Source
	if src == nil {
		if src, err = defaultSource(cfg.Name, cfg.Transport); err != nil {
			bad("Name", "%w", err)
		}
	}
	c := &Client{base: base, userAgent: cfg.UserAgent, timeout: cfg.Timeout}
	if cached, ok := src.(*auth.Cache); ok {
		c.cache = cached
	} else if src != nil {
		c.ownsCache = true
		if c.cache, err = auth.NewCache(src, auth.CacheConfig{Hook: cfg.Hook}); err != nil {
			bad("Source", "%w", err)
		}
	}
	if len(wrong) > 0 {
		// Go on with stand-ins, so that what else is wrong is told as well.
		base, c.cache = &url.URL{Scheme: "https", Host: "stand.in"}, auth.Cached(auth.Static(""))
	}
	c.transport, err = transport.New(transport.Config{
		Source: c.cache, Scheme: cfg.Scheme,
		Origins: append(slices.Clone(cfg.Origins), base.Scheme+"://"+base.Host), // last, so that messages count as the caller does
		Base:    cfg.Transport,
		Words:   diagnose.Words{Docs: cfg.Docs, Support: cfg.Support, Login: cfg.Login},
		Hook:    cfg.Hook,
	})
	if err = errors.Join(append(wrong, err)...); err != nil {
		return nil, err
	}
	c.strict = &http.Client{Transport: transport.Strict(c.transport), Timeout: cfg.Timeout}
	return c, nil
}

func baseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return nil, errors.New("is empty")
	case err != nil:
		return nil, errors.New("is no URL")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("has a query or a fragment")
	case u.User != nil:
		return nil, errors.New("has a user in it: credentials come from the Source")
	case u.Scheme == "" || u.Host == "":
		return nil, errors.New("must begin with https:// and a host")
	}
	return u, transport.CheckOrigin((&url.URL{Scheme: u.Scheme, Host: u.Host}).String())
}

// Close ends renewals that are under way. Later calls fail with
// [auth.ErrClosed]. It does not close connections, which may be shared, nor a
// cache that Config.Source gave.
func (c *Client) Close() error {
	if c.ownsCache {
		return c.cache.Close()
	}
	return nil
}

// HTTPClient returns an http.Client for code that wants one, such as an SDK
// that somebody else wrote: it finds, sends, renews and repeats as c does, and
// returns refusals as the responses that they are. [auth.FromResponse] has
// their diagnosis.
func (c *Client) HTTPClient() *http.Client {
	return &http.Client{Transport: c.transport, Timeout: c.timeout}
}

// Do sends a request as [http.Client.Do] does, with these differences: a
// refusal is an [*auth.Error] and no response, and so is a credential that
// cannot be found. Other statuses are responses, whatever they say. The error
// is wrapped in a [*url.Error] that names method and URL.
//
// A request to an origin that is not the client's goes out without the
// credential.
func (c *Client) Do(req *http.Request) (*http.Response, error) { return c.strict.Do(req) }

// Get calls GET on path and decodes the JSON answer into out. See [Client.Call].
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.Call(ctx, http.MethodGet, path, nil, out)
}
