// Package transport has the round trippers that put a credential on requests,
// renew it when it was refused, repeat the request once, and explain what they
// could not cure.
//
// A [Transport] is made for the origins that its credential belongs to. Layers
// are stacked outside in:
//
//	http.Client          follows redirects; each hop comes through the stack
//	Strict               optional: turns a diagnosis into the returned error
//	(transient retries)  belongs here, outside authentication
//	Transport            takes the credential from its cache, sends, heals
//	Config.Base          the wire: http.DefaultTransport, a proxy, mutual TLS
//
// What happens to a request:
//
//   - It goes out untouched if the program set the credential's header itself,
//     here or on an earlier hop of the redirect chain, if its origin is not one
//     of ours, or if the chain has left our origins before.
//   - Without a credential nothing is sent: the error is an [*auth.Error].
//   - The caller's request is never changed. The response's Request equals it,
//     but for the context, where a diagnosis rides.
//   - Origins are those of URLs; Request.Host is the caller's business.
//   - A refusal is a 401, a 403 whose challenge carries an error of RFC 6750, or
//     what Config.Profile recognises: some APIs refuse with status 200. After a
//     401, or a refusal in disguise that it could help against, the source is
//     asked for another credential, and if it has one the request is repeated,
//     once in a call however many redirects it follows. A body is sent again only
//     if GetBody reopens it, and not while it is still being sent, as it may be
//     where a server refuses early; nothing is buffered.
//   - What stays refused comes back as the response that it is, readable, with
//     the diagnosis attached: see [auth.FromResponse].
package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/auth/profile"
	"github.com/reauth-go/reauth/internal/bodies"
)

// Config says how a [Transport] is made.
type Config struct {
	// Source finds the credential. Required. A source that is no [auth.Cache]
	// gets one.
	Source auth.Source
	// Scheme says how the credential is sent. Nil means [auth.Bearer]. A
	// credential that names its own scheme is sent by that one.
	Scheme auth.Scheme
	// Origins are those that the credential may go to, such as
	// "https://api.acme.example"; a default port may be left out. Required. A
	// subdomain or another port is another origin. Plain http is accepted for
	// loopback addresses only.
	Origins []string
	// DangerouslyAnyOrigin lets the credential go to whatever https or loopback
	// origin the first request of a redirect chain names, and to no other in
	// that chain. Whoever can choose a URL can then steal the credential.
	DangerouslyAnyOrigin bool
	// ReplaceHeader puts the credential in the place of one that the caller has
	// set there, header or query parameter, instead of passing such requests
	// through. It is for SDKs that always send a key of their own. A redirect to
	// another origin still carries what the caller set.
	ReplaceHeader bool
	// Base makes the connection. Nil means [http.DefaultTransport].
	Base http.RoundTripper
	// Profile is what the API's provider documents. Of it the transport takes what
	// refusals look like: Scheme and Origins are those above.
	Profile profile.Profile
	// Words are put into remedies.
	Words diagnose.Words
	// Hook is told what happens to requests, and to the credential if the
	// cache is the transport's own.
	Hook auth.Hook
}

// A Transport authenticates requests. It is an [http.RoundTripper], safe for
// concurrent use.
type Transport struct {
	cache     *auth.Cache
	ownsCache bool
	scheme    auth.Scheme
	place     auth.Place
	origins   []origin
	anyOrigin bool
	replace   bool
	// base is a closure: printers by reflection would find the requests that
	// net/http's connections keep in their buffers.
	base  func() http.RoundTripper
	words diagnose.Words
	hook  auth.Hook
	// profile is used if disguises says that its refusals need a second look.
	profile   profile.Profile
	disguises bool

	last  atomic.Pointer[prepared]
	clock clock
}

// New returns a transport, or an error that joins one error for each field that
// is wrong and names it.
func New(cfg Config) (*Transport, error) {
	t := &Transport{scheme: cfg.Scheme, anyOrigin: cfg.DangerouslyAnyOrigin, replace: cfg.ReplaceHeader, words: cfg.Words, hook: cfg.Hook, profile: cfg.Profile}
	t.disguises = slices.ContainsFunc(cfg.Profile.Codes, func(c profile.Codes) bool { return c.Status != 0 })
	base := cfg.Base
	if base == nil {
		base = http.DefaultTransport
	}
	t.base = func() http.RoundTripper { return base }
	if t.scheme == nil {
		t.scheme = auth.Bearer
	}
	var wrong []error
	if cfg.Source == nil {
		wrong = append(wrong, errors.New("transport: Source is nil: say where the credential comes from, such as auth.Env(\"ACME_API_KEY\")"))
	}
	var err error
	if t.place, err = checkedPlace(t.scheme); err != nil {
		wrong = append(wrong, fmt.Errorf("transport: Scheme: %w", err))
	}
	if len(cfg.Origins) == 0 && !cfg.DangerouslyAnyOrigin {
		wrong = append(wrong, errors.New("transport: Origins is empty: name the origins that the credential belongs to, such as https://api.acme.example"))
	}
	for i, raw := range cfg.Origins {
		o, err := parseOrigin(raw)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("transport: Origins[%d] %w", i, err))
		}
		t.origins = append(t.origins, o)
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	var cached bool
	if t.cache, cached = cfg.Source.(*auth.Cache); !cached {
		t.ownsCache = true
		t.cache, err = auth.NewCache(cfg.Source, auth.CacheConfig{Hook: inWords(cfg.Hook, cfg.Words)})
	}
	return t, err
}

// inWords completes what a cache tells: it knows nothing of a vendor's words.
func inWords(hook auth.Hook, words diagnose.Words) auth.Hook {
	if hook == nil {
		return nil
	}
	return func(ctx context.Context, e auth.Event) {
		if _, ok := errors.AsType[*auth.Error](e.Err); ok {
			e.Err = diagnose.Unsent(e.Err, "", "", words)
		}
		hook(ctx, e)
	}
}

func checkedPlace(s auth.Scheme) (auth.Place, error) {
	place := s.Place()
	if place == (auth.Place{}) {
		return place, fmt.Errorf("%s names neither a header nor a query parameter", s.Name())
	}
	if place.Header != "" && place.Query != "" {
		return place, fmt.Errorf("%s names a header and a query parameter, and can be sent in one only", s.Name())
	}
	switch strings.ToLower(place.Header) {
	case "host", "content-length", "transfer-encoding", "trailer", "connection":
		return place, fmt.Errorf("%s names a header that net/http writes itself: %s", s.Name(), place.Header)
	}
	if strings.ContainsFunc(place.Header, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("()<>@,;:\\\"/[]?={}", r) }) {
		return place, fmt.Errorf("%s names a header that cannot exist: %q", s.Name(), place.Header)
	}
	place.Header = textproto.CanonicalMIMEHeaderKey(place.Header)
	return place, nil
}

// Close ends renewals that are under way, if the cache is the transport's own.
// Later requests fail with [auth.ErrClosed].
func (t *Transport) Close() error {
	if t.ownsCache {
		return t.cache.Close()
	}
	return nil
}

// Check gets the credential, as the first request would, and sees whether it
// can be sent. It sends nothing. The error is an [*auth.Error], the context's,
// or [auth.ErrClosed].
func (t *Transport) Check(ctx context.Context) error {
	cred, err := t.cache.Credential(ctx)
	if err == nil {
		_, _, err = t.prepare(cred)
	}
	if _, ok := errors.AsType[*auth.Error](err); !ok {
		return err
	}
	e := diagnose.Unsent(err, "", "", t.words)
	t.refusal(ctx, e, "")
	return e
}

// Status tells which credential is in use, how its renewals fare (see
// [auth.Cache.Status]), and whether the API refused it last.
func (t *Transport) Status() auth.Status {
	s := t.cache.Status()
	if last := t.last.Load(); last != nil {
		s.Refused = last.refused.Load()
	}
	return s
}

// CloseIdleConnections closes those of the base transport.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.base().(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// RoundTrip sends one request. Its errors are those of the base transport, an
// [*auth.Error] if there is no credential to send, and the context's.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL == nil {
		closeBody(req)
		return nil, errors.New("transport: the request has no URL")
	}
	why, err := t.admit(req)
	if err != nil {
		return nil, t.unsent(req, err)
	}
	if why != diagnose.WasSent {
		return t.passThrough(req, why)
	}
	cred, err := t.cache.Credential(req.Context())
	if err != nil {
		return nil, t.unsent(req, err)
	}
	p, fresh, err := t.prepare(cred)
	if err != nil {
		return nil, t.unsent(req, err)
	}
	if p.elsewhere && t.wasSet(req, p.place) {
		return t.passThrough(req, diagnose.CallerSet)
	}
	body := req.Body
	if body != nil {
		body = bodies.Watch(req)
	}
	resp, err := t.send(req, body, p)
	if err != nil {
		return nil, err
	}
	if !refuses(resp) && !(t.disguises && t.unmask(req, resp, p)) {
		t.accept(resp, p)
		return resp, nil
	}
	return t.heal(req, resp, body, p, fresh)
}

// send makes one attempt with its own copy of the request.
func (t *Transport) send(req *http.Request, body io.ReadCloser, p *prepared) (*http.Response, error) {
	out := new(http.Request)
	*out = *req
	if body != nil {
		bodies.Attach(out, body)
	}
	if p.place.Query != "" {
		u := *req.URL
		if t.replace {
			u.RawQuery = withoutParam(u.RawQuery, p.place.Query)
		}
		u.RawQuery = p.appendTo(u.RawQuery)
		out.URL = &u
	} else {
		out.Header = withHeader(req.Header, p.place.Header, p.values)
		if t.replace {
			onlySpelling(out.Header, p.place.Header)
		}
	}
	if t.replace && p.elsewhere {
		t.withoutTheirs(out)
	}
	resp, err := t.base().RoundTrip(out)
	switch {
	case err != nil && proxyRefused(req, err):
		return nil, t.unconnected(req, scrubbed(err, p.cred))
	case err != nil:
		return nil, scrubbed(err, p.cred)
	case resp == nil:
		return nil, errNoResponse
	}
	setRequest(resp, req)
	if resp.StatusCode >= 300 {
		note(resp, p.cred)
	}
	// A credential that was sent in a header is looked for in redirects only.
	if resp.StatusCode >= 300 || p.place.Query != "" {
		t.cleanLinks(resp, p)
	}
	return resp, nil
}

var errNoResponse = errors.New("transport: the base transport returned neither a response nor an error")

// proxyRefused reports whether a proxy would not connect to the API because it
// wants credentials of its own. net/http has only the proxy's words for it.
func proxyRefused(req *http.Request, err error) bool {
	return req.URL.Scheme == "https" && strings.EqualFold(err.Error(), "Proxy Authentication Required")
}

func (t *Transport) unconnected(req *http.Request, err error) error {
	e := diagnose.ProxyRefused(err, req.Method, req.URL.String(), t.words)
	t.tell(req, e)
	return e
}

// tell leaves a diagnosis with all who want to know of it.
func (t *Transport) tell(req *http.Request, e *auth.Error) {
	t.refusal(req.Context(), e, originOf(req.URL).String())
}

func (t *Transport) refusal(ctx context.Context, e *auth.Error, origin string) {
	auth.Record(ctx, e)
	event := auth.Event{Kind: auth.EventRefused, Origin: origin, Err: e}
	if e.Sent != nil {
		event.Provenance, event.Expiry = e.Sent.Provenance, e.Sent.Expiry
	}
	t.hook.Tell(ctx, event)
}

// withHeader copies the caller's header with one more field. Below eight fields
// a cloned map has room for it; from eight on a clone would grow a second time.
func withHeader(h http.Header, name string, values []string) http.Header {
	var out http.Header
	if n := len(h); n == 0 || n >= 8 {
		out = make(http.Header, n+1)
		maps.Copy(out, h)
	} else {
		out = maps.Clone(h)
	}
	out[name] = values
	return out
}

// A prepared credential is ready to be put on requests.
type prepared struct {
	cred   *auth.Credential
	before *auth.Credential // another value that was in use until this one; nil if there was none
	scheme auth.Scheme
	place  auth.Place
	// elsewhere says that place is not the transport's, so that what the caller
	// set there has still to be looked for.
	elsewhere bool

	values []string  // of the header; length and capacity 1, shared by all requests
	query  string    // "name=value", escaped
	sent   string    // the value in it, not escaped
	since  time.Time // when the cache got it
	taken  time.Time // when a request first took it
	// accepted is set once the API took the credential.
	accepted atomic.Bool
	// shared is set once a second request uses it.
	shared atomic.Bool
	// refused is the last refusal, nil after a success.
	refused atomic.Pointer[auth.Error]
	// hidden is what it shadows; nil until somebody has looked.
	hidden  atomic.Pointer[[]auth.Attempt]
	looking atomic.Bool
}

// prepare returns the prepared form of a credential, and whether this call is
// the first to use it.
func (t *Transport) prepare(cred *auth.Credential) (*prepared, bool, error) {
	last := t.last.Load()
	if last != nil && last.cred == cred {
		return last.share(), false, nil
	}
	p := &prepared{cred: cred, scheme: cred.Scheme, since: t.cache.Status().Since, taken: time.Now()}
	var err error
	if p.scheme == nil {
		p.scheme, p.place = t.scheme, t.place
	} else if p.place, err = checkedPlace(p.scheme); err != nil {
		return nil, false, auth.AsError(fmt.Errorf("the credential's scheme: %w", err), cred.Provenance)
	}
	p.elsewhere = p.place != t.place
	if last != nil {
		if p.before = last.cred; p.before.Same(cred) { // found again
			p.before = last.before
		}
	}
	if bad := diagnose.Value(cred, p.scheme); bad != nil {
		return nil, false, bad
	}
	value, err := p.scheme.Value(cred)
	if err == nil && value == "" {
		err = fmt.Errorf("the scheme %s made an empty value of it", p.scheme.Name())
	}
	if err != nil {
		return nil, false, auth.AsError(err, cred.Provenance)
	}
	if p.place.Query != "" {
		p.sent, p.query = value, url.QueryEscape(p.place.Query)+"="+url.QueryEscape(value)
	} else {
		p.values = slices.Clip([]string{value})
	}
	if t.last.CompareAndSwap(last, p) {
		return p, true, nil
	}
	// A herd that waited for the credential arrives together: one is the first.
	if last = t.last.Load(); last.cred == cred {
		return last.share(), false, nil
	}
	return p, false, nil // and another one is in use by now
}

func (p *prepared) share() *prepared {
	if !p.shared.Load() {
		p.shared.Store(true)
	}
	return p
}

// unsent explains why a request was not sent, and closes its body.
func (t *Transport) unsent(req *http.Request, err error) error {
	closeBody(req)
	if _, ok := errors.AsType[*auth.Error](err); !ok {
		return err // the context's end, or auth.ErrClosed
	}
	e := diagnose.Unsent(err, req.Method, req.URL.String(), t.words)
	t.tell(req, e)
	return e
}

// shadowed returns the places whose credential this one hides. They are looked at
// once, when it is first refused, by whoever's request that was; others do not
// wait for it.
func (p *prepared) shadowed(t *Transport, req *http.Request) []auth.Attempt {
	if known := p.hidden.Load(); known != nil {
		return *known
	}
	if !p.looking.CompareAndSwap(false, true) {
		return nil
	}
	hidden, done := t.cache.Shadowed(req.Context(), p.cred)
	if !done && req.Context().Err() != nil {
		p.looking.Store(false) // this caller left; the next one may have more time
		return nil
	}
	p.hidden.Store(&hidden)
	for _, a := range hidden {
		t.hook.Tell(req.Context(), auth.Event{
			Kind: auth.EventShadowed, Provenance: p.cred.Provenance, Expiry: p.cred.Expiry,
			Origin: originOf(req.URL).String(), Reason: "a different credential in " + a.Place.String() + " is hidden",
		})
	}
	return hidden
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// passThrough sends a request as it is.
func (t *Transport) passThrough(req *http.Request, why diagnose.NotSent) (*http.Response, error) {
	t.hook.Tell(req.Context(), auth.Event{Kind: auth.EventPassed, Origin: originOf(req.URL).String(), Reason: t.reason(why)})
	resp, err := t.base().RoundTrip(req)
	switch {
	case err != nil:
		return nil, err
	case resp == nil:
		return nil, errNoResponse
	}
	setRequest(resp, req)
	if resp.StatusCode < 300 {
		return resp, nil
	}
	var cred *auth.Credential
	if why == diagnose.CallerSet {
		cred = callersOwn(req, t.place)
	} else if last := t.last.Load(); last != nil {
		cred = last.cred // not sent, and masked all the same: a redirect may have told it
	}
	note(resp, cred)
	if resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusProxyAuthRequired {
		return resp, nil
	}
	body := bodies.ReadAhead(resp)
	x := t.exchange(req, resp, nil)
	x.NotSent, x.Body, x.Credential = why, body.Prefix(), cred
	t.explain(req, resp, x)
	return resp, nil
}

// reason says why a request passes through, for the event of it.
func (t *Transport) reason(why diagnose.NotSent) string {
	switch why {
	case diagnose.CallerSet:
		return "the program set " + t.place.String() + " itself"
	case diagnose.LeftOrigin:
		return "the redirect chain had left the credential's origins"
	}
	return "the origin is not one of the credential's"
}

// callersOwn is what the program set itself. It is told to the diagnosis so that
// it can be masked where the server echoes it.
func callersOwn(req *http.Request, place auth.Place) *auth.Credential {
	value := req.Header.Get(place.Header)
	if place.Query != "" {
		value = req.URL.RawQuery
	}
	return &auth.Credential{Secret: auth.NewSecret(value), Provenance: auth.Provenance{Kind: auth.KindCaller, Name: place.String()}}
}

// accept takes note of a request that was not refused. Only success proves that
// the API took the credential: others on the way answer with errors, too.
func (t *Transport) accept(resp *http.Response, p *prepared) {
	if resp.StatusCode/100 == 2 {
		if !p.accepted.Load() {
			p.accepted.Store(true)
		}
		if p.refused.Load() != nil {
			p.refused.Store(nil)
		}
	}
	if t.clock.wants() {
		t.clock.learn(resp.Header, time.Now())
	}
}

// explain attaches the diagnosis of a refusal and tells of it.
func (t *Transport) explain(req *http.Request, resp *http.Response, x diagnose.Exchange) {
	last := t.last.Load()
	ours := (resp.StatusCode == http.StatusUnauthorized || t.inDisguise(resp, x.Body)) && x.NotSent == diagnose.WasSent && last != nil && last.cred == x.Credential
	if ours {
		x.Shadowed = last.shadowed(t, req)
	}
	e := diagnose.Refusal(x, t.words)
	if ours {
		last.refused.Store(e)
	}
	auth.Attach(resp, e)
	t.tell(req, e)
}
