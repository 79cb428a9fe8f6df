// Package rpc finds, renews and explains the credentials of gRPC clients as
// package transport does those of HTTP clients. It does not import gRPC:
// [Credentials] has the methods of its credentials.PerRPCCredentials.
//
//	creds, err := rpc.New(rpc.Config{Source: src, Origins: []string{"https://api.acme.example"}})
//	…
//	conn, err := grpc.NewClient("api.acme.example:443",
//		grpc.WithTransportCredentials(credentials.NewTLS(nil)),
//		grpc.WithPerRPCCredentials(creds),
//		grpc.WithUnaryInterceptor(heal(creds)))
//
// With that every RPC carries the credential, which is renewed before it
// expires. A refused one is renewed, and the RPC repeated once, by an
// interceptor that is the program's own:
//
//	func heal(creds *rpc.Credentials) grpc.UnaryClientInterceptor {
//		refused := func(err error) bool { return status.Code(err) == codes.Unauthenticated }
//		return func(ctx context.Context, method string, in, out any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
//			return creds.Do(ctx, refused, func(ctx context.Context) error { return invoke(ctx, method, in, out, cc, opts...) })
//		}
//	}
//
// A stream takes its credential when it begins. To have its refusal healed as
// well, give [Credentials.Do] a function that opens the stream and receives its
// first message.
//
// # Origins
//
// gRPC names the place that an RPC goes to by the connection's authority, which
// is what stands behind the last slash of the target, or what WithAuthority or
// the ServerName of the TLS configuration say instead. Write that as an origin:
// "https://api.acme.example:8443", without the port if the authority has none,
// as with a ServerName. The target "passthrough:///name", which bufconn wants, is
// "https://name", and a unix socket "https://localhost". The scheme is http where
// the connection is in clear text, which it may be to loopback addresses and to
// unix sockets.
//
// # Errors
//
// What Do returns holds an [*auth.Error] if the credential is to blame, and
// keeps the RPC's own status: errors.AsType and status.Code both answer. It
// speaks of Unauthenticated as a 401, which is its twin in HTTP. An RPC
// without Do fails, if there is no credential to send, with a status that gRPC
// makes of the error's words alone (Unauthenticated; Internal for credentials
// that are given as a call option); [auth.WithRecorder] has the diagnosis then.
//
// The metadata must not hold a credential besides: gRPC would send both.
package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/transport"
)

// Config says how [Credentials] are made. Its fields mean what those of
// [transport.Config] do.
type Config struct {
	// Source finds the credential. Required. A source that is no [auth.Cache]
	// gets one.
	Source auth.Source
	// Scheme says how the credential is sent. Nil means [auth.Bearer]. An RPC
	// has no query, so only schemes that use a header can be used.
	Scheme auth.Scheme
	// Origins are those that the credential may go to. Required. They are all
	// https, or all http to loopback addresses.
	Origins []string
	// Words are put into remedies.
	Words diagnose.Words
	// Hook is told what happens to RPCs, and to the credential if the cache is
	// our own.
	Hook auth.Hook
}

// Credentials put a credential on RPCs. They are safe for concurrent use.
type Credentials struct {
	transport *transport.Transport
	origins   []*url.URL
	words     diagnose.Words
	hook      auth.Hook
}

// New returns credentials, or an error that joins one error for each field that
// is wrong and names it.
func New(cfg Config) (*Credentials, error) {
	c := &Credentials{words: cfg.Words, hook: cfg.Hook}
	var wrong []error
	if cfg.Scheme != nil {
		switch place := cfg.Scheme.Place(); {
		case place.Query != "" && place.Header == "":
			wrong = append(wrong, fmt.Errorf("rpc: Scheme: %s uses a query parameter, and an RPC has no query", cfg.Scheme.Name()))
		case reserved(place.Header):
			wrong = append(wrong, fmt.Errorf("rpc: Scheme: %s uses a header that is gRPC's own: %s", cfg.Scheme.Name(), place.Header))
		}
	}
	for _, raw := range cfg.Origins {
		if u, err := url.Parse(raw); err == nil && transport.CheckOrigin(raw) == nil {
			if len(c.origins) > 0 && u.Scheme != c.origins[0].Scheme {
				wrong = append(wrong, errors.New("rpc: Origins mixes http and https: gRPC asks once whether the connection must be secure; make two Credentials, around one auth.Cache"))
			}
			c.origins = append(c.origins, u)
		}
	}
	var err error
	c.transport, err = transport.New(transport.Config{
		Source: cfg.Source, Scheme: cfg.Scheme, Origins: cfg.Origins, Base: wire{c}, Words: cfg.Words, Hook: cfg.Hook,
	})
	if err = errors.Join(append(wrong, err)...); err != nil {
		return nil, err
	}
	return c, nil
}

// reserved reports whether gRPC has a use of its own for a header: it would be
// refused, or encoded as binary.
func reserved(header string) bool {
	header = strings.ToLower(header)
	return strings.HasPrefix(header, "grpc-") || strings.HasSuffix(header, "-bin") ||
		slices.Contains([]string{"te", "content-type", "user-agent"}, header)
}

// Close ends renewals that are under way, if the cache is our own. Later RPCs
// fail with [auth.ErrClosed].
func (c *Credentials) Close() error { return c.transport.Close() }

// RequireTransportSecurity tells gRPC to use the credentials on secure
// connections only. It is false if all origins are http, and so loopback
// addresses: what is sent there stays on this machine.
func (c *Credentials) RequireTransportSecurity() bool { return c.origins[0].Scheme == "https" }

// GetRequestMetadata returns the credential as metadata. gRPC calls it for each
// RPC, with the address of the service. If that is on none of the origins, or if
// there is no credential, the error is an [*auth.Error] and the RPC is not sent.
func (c *Credentials) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	a, _ := ctx.Value(key{c}).(*attempt)
	to, err := c.audience(ctx, uri)
	if err != nil {
		a.fail(err)
		return nil, err
	}
	if a != nil {
		a.to.Store(to)
		return a.metadata, nil
	}
	resp, err := c.transport.RoundTrip(request(ctx, to))
	if err != nil {
		return nil, err
	}
	return metadata(resp.Header), nil
}

// audience returns the address of the service if the credential may go there.
func (c *Credentials) audience(ctx context.Context, uri []string) (*url.URL, error) {
	to := new(url.URL)
	if len(uri) == 1 { // as gRPC does
		if u, err := url.Parse(uri[0]); err == nil {
			to = u
		}
	}
	to.Scheme = c.origins[0].Scheme // gRPC always says https
	if slices.ContainsFunc(c.origins, func(o *url.URL) bool { return transport.SameOrigin(o, to) }) {
		return to, nil
	}
	ours := make([]string, len(c.origins))
	for i, o := range c.origins {
		ours[i] = origin(o)
	}
	return nil, c.unsent(ctx, to, &auth.Error{
		Cause: auth.NotSent, Confidence: auth.Certain,
		Evidence: []auth.Evidence{{Source: "gRPC", Fact: fmt.Sprintf("the RPC goes to %s, and the credential belongs to %s", origin(to), strings.Join(ours, ", "))}},
		Remedy:   auth.Remedy{Text: "give these credentials only to connections to " + strings.Join(ours, " or ") + ", or add the other to Origins if the credential belongs there as well"},
	})
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// unsent completes and tells the reason why an RPC was not sent.
func (c *Credentials) unsent(ctx context.Context, to *url.URL, e *auth.Error) error {
	e = diagnose.Unsent(e, http.MethodPost, to.String(), c.words)
	auth.Record(ctx, e)
	c.hook.Tell(ctx, auth.Event{Kind: auth.EventRefused, Origin: origin(to), Err: e})
	return e
}

// Do makes one RPC and, if it is refused, gets another credential and makes it
// once more. The function rpc must use the context that it is given, on a
// connection that has these credentials; refused says whether its error is a
// refusal, which is the status Unauthenticated. If both are in vain, or nothing
// can be done, the error holds an [*auth.Error] and wraps the RPC's own. Any
// other error is the RPC's as it is. Without a credential rpc is not called.
func (c *Credentials) Do(ctx context.Context, refused func(error) bool, rpc func(context.Context) error) error {
	first := *c.origins[0]
	made := &call{rpc: rpc, refused: refused}
	req := request(context.WithValue(ctx, callKey{c}, made), &first)
	made.url = req.URL
	resp, err := c.transport.RoundTrip(req)
	switch {
	case errors.Is(err, errNotTaken):
		return made.err
	case err != nil && made.err != nil:
		return &refusal{err, func() error { return made.err }}
	case err != nil:
		return err
	}
	if e, ok := auth.FromResponse(resp); ok {
		return &refusal{e, func() error { return made.err }}
	}
	return made.err
}

// An RPC goes through the transport as a request whose base is gRPC.
func request(ctx context.Context, to *url.URL) *http.Request {
	return (&http.Request{Method: http.MethodPost, URL: to, Header: http.Header{}}).WithContext(ctx)
}

// metadata has its keys in lower case (HTTP/2).
func metadata(h http.Header) map[string]string {
	m := make(map[string]string, len(h))
	for name, values := range h {
		m[strings.ToLower(name)] = values[0]
	}
	return m
}

type (
	callKey struct{ c *Credentials } // of a *call
	key     struct{ c *Credentials } // of an *attempt
)

// A call is one call of Do.
type call struct {
	rpc     func(context.Context) error
	refused func(error) bool
	url     *url.URL // of the request; the true address once that is known
	err     error    // of the last RPC
}

// An attempt is one RPC of a call.
type attempt struct {
	metadata map[string]string
	to       atomic.Pointer[url.URL] // where the credential went
	failed   atomic.Pointer[error]   // why it did not go
}

func (a *attempt) fail(err error) {
	if a != nil {
		a.failed.Store(&err)
	}
}

// errNotTaken ends a call whose RPC did not ask for the credential: it never got
// so far, or its connection has other ones. What it failed for is not ours.
var errNotTaken = errors.New("rpc: the RPC was made without these credentials")

// A wire is the base of the transport: it sees what would be sent.
type wire struct{ creds *Credentials }

func (w wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if len(req.Header) == 0 {
		return nil, w.creds.unsent(req.Context(), &url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: req.URL.Path}, &auth.Error{
			Cause: auth.WrongScheme, Confidence: auth.Certain,
			Evidence: []auth.Evidence{{Source: "credential", Fact: "the credential names a scheme of its own that uses a query parameter, and an RPC has no query"}},
		})
	}
	made, _ := req.Context().Value(callKey{w.creds}).(*call)
	// Neither accepted nor refused: nothing is known yet.
	resp := &http.Response{Header: req.Header, Body: http.NoBody, Request: req}
	if made == nil {
		return resp, nil
	}
	a := &attempt{metadata: metadata(req.Header)}
	made.err = made.rpc(context.WithValue(req.Context(), key{w.creds}, a))
	resp.Header = http.Header{}
	to := a.to.Load()
	switch {
	case made.err != nil && a.failed.Load() != nil:
		return nil, *a.failed.Load()
	case to == nil && made.err != nil:
		return nil, errNotTaken
	case made.err == nil && to != nil:
		resp.StatusCode = http.StatusOK
	case made.err != nil && made.refused(made.err):
		// The status that stands for Unauthenticated in HTTP.
		*made.url = *to
		resp.StatusCode = http.StatusUnauthorized
		resp.Header.Set("Content-Type", "text/plain")
		resp.Body = io.NopCloser(strings.NewReader(made.err.Error()))
	}
	return resp, nil
}

// A refusal is a diagnosis, and the RPC's error with its status. The latter may
// repeat what it was sent, so printers by reflection are kept from it.
type refusal struct {
	error
	rpc func() error
}

func (r *refusal) Unwrap() []error { return []error{r.error, r.rpc()} }
