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
//     spaces), and NAME_CLIENT_SECRET or NAME_CLIENT_SECRET_FILE, which the
//     keyring may hold instead as the account "client_secret" of the service
//     NAME. The secret goes into the header, or into the form if
//     NAME_TOKEN_AUTH_METHOD is client_secret_post (the names of RFC 7591). In
//     place of a secret, NAME_CLIENT_ASSERTION_FILE names a file with a token
//     that the platform keeps current, such as Kubernetes (RFC 7523), or
//     NAME_CLIENT_ASSERTION holds one. Nothing else is asked.
//  2. The variable NAME_API_KEY, or the file that NAME_API_KEY_FILE names.
//  3. The variable NAME_TOKEN, or the file that NAME_TOKEN_FILE names.
//  4. The operating system's keyring: service NAME, account "default".
//
// With a [profile.Profile] the variables that the provider's own tools read are
// asked before the keyring. Without a Name they are the only ones (if there are
// none, NAME_API_KEY and NAME_TOKEN of the profile's name), because a variable
// such as GITHUB_CLIENT_ID means something else to other programs; and the
// keyring's service is the profile's name.
//
// # The stack
//
// Client is [transport.Transport] under a layer of package retry under
// [transport.Strict] under an [http.Client], with an [auth.Cache] around the
// source. [Client.HTTPClient] is the transport alone, for SDKs that somebody else
// wrote: most of them repeat transient failures themselves.
//
// This is version 0: names may still change between minor versions, the codes
// of causes and steps do not.
package reauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/auth/profile"
	"github.com/reauth-go/reauth/transport"
	"github.com/reauth-go/reauth/transport/retry"
)

// Config says which API a [Client] is for. Name and BaseURL suffice, or Profile.
type Config struct {
	// Profile is what the API's provider documents, such as [profile.OpenAI]. It
	// gives BaseURL, Origins, Scheme, Docs, the variables that the key is read
	// from, and what the provider's refusals look like. What is set below counts
	// instead; with another BaseURL the profile's Origins are not ours.
	Profile profile.Profile
	// Name is the client's name: it gives the variables' prefix and the
	// keyring's service. It begins with a letter and consists of ASCII letters,
	// digits, '-', '_' and '.'. Required unless Source or Profile is set.
	Name string
	// BaseURL is what paths are joined to. Required unless Profile has one. https,
	// or http to a loopback address, without user, query or fragment.
	BaseURL string
	// Origins are further ones that the credential may go to, such as
	// "https://uploads.acme.example". That of BaseURL is always one.
	Origins []string
	// Source finds the credential. Nil means the places that the package
	// comment lists. An [auth.Cache] of your own keeps its own hook, and Close
	// leaves it open for its other users.
	Source auth.Source
	// Scheme says how the credential is sent. Nil means the profile's, or
	// [auth.Bearer].
	Scheme auth.Scheme
	// ReplaceHeader sends the credential in the place of what the caller has set
	// there, instead of passing such requests through: for SDKs that always send
	// a key of their own.
	ReplaceHeader bool
	// Transport makes the connections to the API. Nil means
	// [http.DefaultTransport].
	Transport http.RoundTripper
	// TokenTransport makes those to the token endpoint, for client credentials
	// found in the environment: it may need another proxy, certificate authority
	// or client certificate than the API does. Nil means Transport.
	TokenTransport http.RoundTripper
	// Docs is the address of the API's page on authentication, Support says
	// where help is to be had, and Login is the command that logs in, such as
	// "acme login". They are put into remedies.
	Docs, Support, Login string
	// Remedy, if set, has the last word on what to do: it is given each finished
	// diagnosis and returns the remedy to use, e.Remedy or nothing where that is
	// good enough. It must depend on e alone. If it panics, e.Remedy stays.
	Remedy func(e *auth.Error) auth.Remedy
	// CheckPath is what [Client.Check] gets to see that the API takes the
	// credential, such as "/v1/me". Empty means that Check does not ask the API.
	CheckPath string
	// UserAgent is sent with requests made by NewRequest. Empty means Go's.
	UserAgent string
	// Retry says how a request is sent again after a transient failure (a broken
	// connection; 408, 425, 429, 502, 503, 504), where it may safely be sent twice.
	// Zero means up to three times after jittered waits of 0.5 to 4 seconds; see
	// [retry.Config]. A nil Retry.Hook means Hook.
	Retry retry.Config
	// NoRetry leaves transient failures to the caller.
	NoRetry bool
	// Timeout bounds a whole call, redirects and reading the body included.
	// Zero means no other bound than the context's.
	Timeout time.Duration
	// Hook is told what happens to requests and to the credential.
	Hook auth.Hook
}

// A Client calls one API. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	checkPath string
	userAgent string
	header    map[string]string // that the provider wants in each request
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
	cfg, field := withProfile(cfg)
	base, err := baseURL(cfg.BaseURL)
	if err != nil {
		if cfg.BaseURL == "" && cfg.Profile.Name != "" {
			err = fmt.Errorf("%w, and %s has another one for each customer", err, cmp.Or(cfg.Profile.Title, cfg.Profile.Name))
		}
		bad(field, "%w", err)
	}
	if cfg.Timeout < 0 {
		bad("Timeout", "is negative: %v", cfg.Timeout)
	}
	if u, err := url.Parse(cfg.Docs); err != nil || cfg.Docs != "" && u.Scheme != "https" && u.Scheme != "http" {
		bad("Docs", "is no web address: %q", cfg.Docs)
	}
	src := cfg.Source
	if src == nil {
		tokens := cfg.TokenTransport
		if tokens == nil {
			tokens = cfg.Transport
		}
		if src, err = defaultSource(cfg.Name, cfg.Profile, tokens); err != nil {
			bad("Name", "%w", err)
		}
	} else if cfg.TokenTransport != nil {
		bad("TokenTransport", "is of no use with a Source of your own: give it to that")
	}
	c := &Client{base: base, checkPath: cfg.CheckPath, userAgent: cfg.UserAgent, header: maps.Clone(cfg.Profile.Header), timeout: cfg.Timeout}
	if base != nil && cfg.CheckPath != "" {
		if _, err := c.join(cfg.CheckPath); err != nil {
			bad("CheckPath", "is no path of the API: %w", err)
		}
	}
	if len(wrong) > 0 {
		// Go on with stand-ins, so that what else is wrong is told as well.
		base, src = &url.URL{Scheme: "https", Host: "stand.in"}, auth.Static("")
	}
	c.transport, err = transport.New(transport.Config{
		Source: src, Scheme: cfg.Scheme,
		Origins:       append(slices.Clone(cfg.Origins), base.Scheme+"://"+base.Host), // last, so that messages count as the caller does
		ReplaceHeader: cfg.ReplaceHeader,
		Base:          cfg.Transport,
		Profile:       cfg.Profile,
		Words:         diagnose.Words{Docs: cfg.Docs, Support: cfg.Support, Login: cfg.Login, Remedy: cfg.Remedy},
		Hook:          cfg.Hook,
	})
	wrong = append(wrong, err)
	var stack http.RoundTripper = c.transport
	if !cfg.NoRetry {
		if cfg.Retry.Hook == nil {
			cfg.Retry.Hook = cfg.Hook
		}
		stack, err = retry.New(c.transport, cfg.Retry)
		wrong = append(wrong, err)
	} else if !reflect.ValueOf(cfg.Retry).IsZero() {
		bad("Retry", "is set, and NoRetry as well")
	}
	if err = errors.Join(wrong...); err != nil {
		return nil, err
	}
	c.strict = &http.Client{Transport: transport.Strict(stack), Timeout: cfg.Timeout}
	return c, nil
}

// withProfile fills in what the profile knows and cfg leaves open, and returns
// the field that gave the base URL.
func withProfile(cfg Config) (Config, string) {
	p, field := cfg.Profile, "BaseURL"
	if cfg.BaseURL == "" && p.BaseURL != "" {
		cfg.BaseURL, field = p.BaseURL, "Profile.BaseURL"
		cfg.Origins = slices.Concat(cfg.Origins, p.Origins)
	}
	if cfg.Scheme == nil {
		cfg.Scheme = p.Scheme
	}
	if cfg.Docs == "" {
		cfg.Docs = p.Docs
	}
	return cfg, field
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

// Status tells which credential is in use, since when and until when, and how
// its renewals fare. It never waits and starts nothing: right after [New] it is
// empty. The context is for credentials whose state lives elsewhere; today
// nobody is asked.
func (c *Client) Status(context.Context) auth.Status { return c.transport.Status() }

// Check is for the start of a program: it gets the credential now, as the first
// request would, and returns nil, an [*auth.Error] that says what to do, or the
// context's error. With Config.CheckPath it goes on to get that path, and any
// status but 2xx is an error as it is in [Client.Call]; without, whether the API
// takes the credential is still to be seen.
func (c *Client) Check(ctx context.Context) error {
	if c.checkPath != "" {
		return c.Get(ctx, c.checkPath, nil)
	}
	return c.transport.Check(ctx)
}

// Close ends renewals that are under way. Later calls fail with
// [auth.ErrClosed]. It does not close connections, which may be shared, nor a
// cache that Config.Source gave.
func (c *Client) Close() error { return c.transport.Close() }

// HTTPClient returns an http.Client for code that wants one, such as an SDK
// that somebody else wrote: it finds, sends, renews and repeats refused requests
// as c does, and returns refusals as the responses that they are.
// [auth.FromResponse] has their diagnosis. Transient failures are the SDK's to
// repeat; for one that does not, put a layer of package retry around Transport.
func (c *Client) HTTPClient() *http.Client {
	return &http.Client{Transport: c.transport, Timeout: c.timeout}
}

// Do sends a request as [http.Client.Do] does, with these differences: a
// refusal is an [*auth.Error] and no response, and so is a credential that
// cannot be found; after transient failures it sends req again as Config.Retry says. Other
// statuses are responses, whatever they say. The error
// is wrapped in a [*url.Error] that names method and URL.
//
// A request to an origin that is not the client's goes out without the
// credential.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	resp, err := c.strict.Do(req)
	return resp, c.transport.ScrubError(err)
}

// Get calls GET on path and decodes the JSON answer into out. See [Client.Call].
func (c *Client) Get(ctx context.Context, path string, out any) error {
	return c.Call(ctx, http.MethodGet, path, nil, out)
}
