package e2e_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/transport"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

var errWire = errors.New("broken")

// broken are base transports that fail, and tell all they know.
func broken() map[string]func(req *http.Request, words string) error {
	return map[string]func(*http.Request, string) error{
		"words": func(_ *http.Request, words string) error { return fmt.Errorf("cannot send %s: %w", words, errWire) },
		"a URL": func(req *http.Request, _ string) error {
			return &url.Error{Op: "Get", URL: req.URL.String(), Err: errWire}
		},
		"URLs in URLs": func(req *http.Request, words string) error {
			return &url.Error{Op: "Get", URL: req.URL.String(), Err: fmt.Errorf("proxy: %w", &url.Error{Op: "Connect", URL: req.URL.String(), Err: errors.New(words)})}
		},
		"several": func(req *http.Request, words string) error {
			return errors.Join(errWire, fmt.Errorf("%v: %w", req.Header, errWire), errors.New(words))
		},
		"a connection": func(_ *http.Request, words string) error {
			return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: words, IsNotFound: true}}
		},
		"a proxy": func(_ *http.Request, words string) error { return errors.New("Proxy Authentication Required " + words) },
		"TLS":     func(_ *http.Request, words string) error { return tls.RecordHeaderError{Msg: words} },
		"a deadline": func(_ *http.Request, words string) error {
			return fmt.Errorf("%s: %w", words, context.DeadlineExceeded)
		},
		"an end": func(_ *http.Request, words string) error { return fmt.Errorf("%s: %w", words, context.Canceled) },
		"a diagnosis": func(_ *http.Request, words string) error {
			return fmt.Errorf("%s: %w", words, &auth.Error{Cause: auth.SourceFailed, Evidence: []auth.Evidence{{Source: words, Fact: words}}, Err: errors.New(words)})
		},
	}
}

// TestL7_EveryFailure is the same for connections that break, with everything
// that is known of the request in the error.
func TestL7_EveryFailure(t *testing.T) {
	finder := newFinder(awkward, tokenlike, awkward[:20]+"\n"+awkward[20:])
	for _, w := range ways(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			srv := authtest.Start(quiet{t}, authtest.Config{})
			srv.Issuer.FailNext(math.MaxInt, granted())
			for _, name := range slices.Sorted(maps.Keys(broken())) {
				for _, place := range []string{"API", "issuer"} {
					if place == "issuer" && (!w.issuer || w.foreign) {
						continue
					}
					seen := &journal{}
					w.drive(t, srv, roundTripper(func(req *http.Request) (*http.Response, error) {
						if (req.URL.Path == "/token") != (place == "issuer") {
							return srv.Transport().RoundTrip(req)
						}
						dump, _ := httputil.DumpRequestOut(req, true)
						again := req.Clone(context.Background())
						again.Body = io.NopCloser(strings.NewReader(string(dump[max(0, strings.Index(string(dump), "\r\n\r\n")):][4:])))
						return nil, broken()[name](req, strings.Join(append(sentOf(again), string(dump), req.URL.String()), " "))
					}), seen)
					for _, s := range seen.told {
						if found := finder.in(s.text); found != "" {
							t.Errorf("%s failed with %s: %s shows a secret: %s", place, name, s.what, found)
						}
					}
				}
			}
		})
	}
}

// TestL7_CertificatesAndContexts: real ones.
func TestL7_CertificatesAndContexts(t *testing.T) {
	finder := newFinder(awkward)
	srv := authtest.Start(t, authtest.Config{TLS: true})
	for name, scheme := range map[string]auth.Scheme{"header": auth.Bearer, "query": auth.APIKeyQuery("key")} {
		look := func(what string, v any) {
			t.Helper()
			if found := finder.in(everything(v)); found != "" {
				t.Errorf("%s: %s shows a secret: %s", name, what, found)
			}
		}
		c := newClient(t, reauth.Config{BaseURL: srv.API.URL, Source: auth.Static(awkward), Scheme: scheme, Transport: &http.Transport{DisableKeepAlives: true}})
		err := c.Get(t.Context(), "/v1/me?a=1", nil)
		if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
			t.Errorf("got %v, want a certificate's error", err)
		}
		look("the error of a certificate", err)

		ctx, cancel := context.WithCancel(context.Background())
		c = newClient(t, reauth.Config{BaseURL: srv.API.URL, Source: auth.Static(awkward), Scheme: scheme, Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			cancel()
			<-req.Context().Done()
			return nil, fmt.Errorf("%s %v: %w", req.URL, req.Header, context.Cause(req.Context()))
		})})
		err = c.Get(ctx, "/v1/me?a=1", nil)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the context's end", err)
		}
		look("the error of a context", err)
	}
}

// thrown is what schemes, sources and round trippers throw below.
type thrown struct{ words string }

func (v thrown) String() string { return v.words }

// A strange scheme knows the secret, and says so.
type strange struct{ panics bool }

func (strange) Name() string      { return "Strange" }
func (strange) Place() auth.Place { return auth.Place{Header: "Authorization"} }
func (s strange) Value(c *auth.Credential) (string, error) {
	if s.panics {
		panic(thrown{c.Secret.Reveal()})
	}
	return "", fmt.Errorf("cannot encode %q", c.Secret.Reveal())
}

// TestL7_Panics: what somebody else's code throws is contained where that code
// runs on its own account: a source, a hook, a remedy, a token source. A scheme
// and a base transport run on the caller's: their panic passes through as it is,
// as it does through net/http, and what it says is theirs. Nothing of ours
// repeats it.
func TestL7_Panics(t *testing.T) {
	finder := newFinder(awkward)
	throwing := auth.SourceFunc(func(context.Context) (*auth.Credential, error) { panic(thrown{awkward}) })
	quitting := auth.SourceFunc(func(context.Context) (*auth.Credential, error) { panic(fmt.Errorf("no: %w", errors.New(awkward))) })
	srv := authtest.Start(t, authtest.Config{})
	srv.API.FailNext(math.MaxInt, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { refused(w, r, "no") }))
	for name, test := range map[string]struct {
		cfg    reauth.Config
		passes bool // to the caller
	}{
		"a source":          {cfg: reauth.Config{Source: throwing}},
		"an error":          {cfg: reauth.Config{Source: quitting}},
		"one of several":    {cfg: reauth.Config{Source: auth.FirstOf(auth.Env("LEAKS_UNSET"), throwing)}},
		"within a user":     {cfg: reauth.Config{Source: auth.WithUsername("user", throwing), Scheme: auth.Basic}},
		"while it explains": {cfg: reauth.Config{Source: auth.FirstOf(auth.Static(awkward), throwing)}},
		"a scheme":          {cfg: reauth.Config{Source: auth.Static(awkward), Scheme: strange{panics: true}}, passes: true},
		"a scheme's error":  {cfg: reauth.Config{Source: auth.Static(awkward), Scheme: strange{}}},
		"a round tripper": {cfg: reauth.Config{Source: auth.Static(awkward), Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			panic(thrown{req.Header.Get("Authorization")})
		})}, passes: true},
	} {
		t.Run(name, func(t *testing.T) {
			seen := &journal{}
			test.cfg.BaseURL, test.cfg.Hook = srv.API.URL, seen.hook
			test.cfg.Remedy = func(*auth.Error) auth.Remedy { panic(thrown{awkward}) }
			c := newClient(t, test.cfg)
			var err error
			got := func() (v any) {
				defer func() { v = recover() }()
				err = c.Get(t.Context(), "/v1/me", nil)
				return nil
			}()
			if _, passed := got.(thrown); passed != test.passes || (got != nil) != test.passes {
				t.Errorf("the caller sees a panic: %v, want %v", got != nil, test.passes)
			}
			if !test.passes && err == nil {
				t.Error("no error")
			}
			seen.add("the error", everything(err))
			seen.add("Check", everything(checked(c, t.Context())))
			seen.add("the status", everything(c.Status(t.Context())))
			seen.add("the client", fmt.Sprintf("%v %+v %#v", c, c, *c))
			for _, s := range seen.told {
				if found := finder.in(s.text); found != "" {
					t.Errorf("%s shows a secret: %s", s.what, found)
				}
			}
		})
	}
	// The transport by itself, and strict.
	tr := wanted(transport.New(transport.Config{Source: throwing, Origins: []string{srv.API.URL}}))
	for _, rt := range []http.RoundTripper{tr, transport.Strict(tr)} {
		_, err := rt.RoundTrip(wanted(http.NewRequest(http.MethodGet, srv.API.URL, nil)))
		if found := finder.in(everything(err)); err == nil || found != "" {
			t.Errorf("%T shows a secret: %s", rt, found)
		}
	}
}

func checked(c *reauth.Client, ctx context.Context) (err error) {
	defer func() { _ = recover() }()
	return c.Check(ctx)
}
