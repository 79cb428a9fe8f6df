package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/transport"
)

// TestMain proves L11 for the whole package: no test leaves a goroutine.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const acme = "https://api.acme.example"

// ---- the wire ---------------------------------------------------------------

// A wire is a base transport without a wire. It reads the body and closes it
// once, as a round tripper must, keeps what was sent, and answers as told.
type wire struct {
	answer func(n int, s sent) (*http.Response, error) // n counts from 1

	mu   sync.Mutex
	seen []sent
	idle int // calls of CloseIdleConnections
}

// sent is a request as it went out.
type sent struct {
	*http.Request
	header  http.Header
	url     string
	body    string
	problem error // of the body
}

func (s sent) authorization() string { return s.header.Get("Authorization") }

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	s := sent{Request: req, header: req.Header.Clone(), url: req.URL.String()}
	if req.Body != nil {
		body, err := io.ReadAll(req.Body)
		s.body, s.problem = string(body), err
		_ = req.Body.Close()
	}
	w.mu.Lock()
	w.seen = append(w.seen, s)
	n := len(w.seen)
	w.mu.Unlock()
	if s.problem != nil {
		return nil, s.problem
	}
	resp, err := w.answer(n, s)
	if resp != nil {
		resp.Request = req // as http.Transport has it
	}
	return resp, err
}

func (w *wire) CloseIdleConnections() { w.idle++ }

func (w *wire) sent() []sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

// authorizations lists the Authorization headers that went out, in order.
func (w *wire) authorizations() []string {
	var out []string
	for _, s := range w.sent() {
		out = append(out, s.authorization())
	}
	return out
}

// response makes a response; fields are name and value in turn.
func response(status int, body string, fields ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

const badToken = `Bearer realm="acme", error="invalid_token"`

func refusal() *http.Response {
	return response(http.StatusUnauthorized, `{"error":"invalid_token"}`, "Www-Authenticate", badToken, "Content-Type", "application/json")
}

// accepts is an API that takes the given Authorization values only.
func accepts(values ...string) *wire {
	return &wire{answer: func(_ int, s sent) (*http.Response, error) {
		if slices.Contains(values, s.authorization()) {
			return response(200, "fine"), nil
		}
		return refusal(), nil
	}}
}

// roundTripper makes a function a round tripper. Printers do not follow it.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// ---- sources ----------------------------------------------------------------

// A series is a source whose credential is replaced by the next one in the row
// each time it is refreshed. The last one stays.
type series struct {
	mu        sync.Mutex
	list      []*auth.Credential
	at        int
	failing   error // of Refresh
	asked     int   // calls of Credential
	exchanged int   // calls of Refresh
	gate      chan struct{}
}

func values(list ...string) *series {
	s := &series{}
	for _, v := range list {
		s.list = append(s.list, &auth.Credential{
			Secret: auth.NewSecret(v), Provenance: auth.Provenance{Kind: auth.KindSource, Name: "series"},
		})
	}
	return s
}

func (s *series) Credential(context.Context) (*auth.Credential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return s.list[s.at], nil
}

func (s *series) Refresh(ctx context.Context, _ *auth.Credential) (*auth.Credential, error) {
	s.mu.Lock()
	s.exchanged++
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing != nil {
		return nil, s.failing
	}
	s.at = min(s.at+1, len(s.list)-1)
	return s.list[s.at], nil
}

func (s *series) exchanges() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exchanged
}

// counting counts the calls of a source.
type counting struct {
	auth.Source
	calls atomic.Int32
}

func (c *counting) Credential(ctx context.Context) (*auth.Credential, error) {
	c.calls.Add(1)
	return c.Source.Credential(ctx)
}

// ---- transports and requests ------------------------------------------------

// newTransport returns a transport for acme unless the configuration says otherwise.
func newTransport(t testing.TB, cfg transport.Config) *transport.Transport {
	t.Helper()
	if cfg.Origins == nil && !cfg.DangerouslyAnyOrigin {
		cfg.Origins = []string{acme}
	}
	tr, err := transport.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	return tr
}

// warm sends one request that must be accepted, so that the credential in use
// is not new any more when the test begins.
func warm(t testing.TB, rt http.RoundTripper) {
	t.Helper()
	got := fetch(t, rt, newRequest(t, http.MethodGet, acme+"/warm", nil))
	if got.StatusCode != 200 {
		t.Fatalf("the first request: %s", got.Status)
	}
}

func newRequest(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// An answer is a response that was read to its end and closed.
type answer struct {
	*http.Response
	body string
}

// diagnosis is the attached one, or nil.
func (a answer) diagnosis() *auth.Error {
	e, _ := auth.FromResponse(a.Response)
	return e
}

func fetch(t testing.TB, rt http.RoundTripper, req *http.Request) answer {
	t.Helper()
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return drained(t, resp)
}

// do is fetch through an http.Client, redirects and all.
func do(t testing.TB, rt http.RoundTripper, req *http.Request) answer {
	t.Helper()
	resp, err := (&http.Client{Transport: rt}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return drained(t, resp)
}

func drained(t testing.TB, resp *http.Response) answer {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the body of %s: %v", resp.Status, err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return answer{resp, string(body)}
}

func wantStatus(t testing.TB, got answer, want int) {
	t.Helper()
	if got.StatusCode != want {
		t.Fatalf("status %d, want %d; body %.200q; diagnosis %v", got.StatusCode, want, got.body, got.diagnosis())
	}
}

func wantEqual[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// wantCause checks that err is or holds a complete diagnosis of that cause.
func wantCause(t testing.TB, err error, want auth.Cause) *auth.Error {
	t.Helper()
	e, ok := errors.AsType[*auth.Error](err)
	if !ok || e == nil {
		t.Fatalf("got %v (%T), want an *auth.Error with cause %s", err, err, want)
	}
	if e.Cause != want {
		t.Errorf("cause %s, want %s: %v", e.Cause, want, e)
	}
	if len(e.Evidence) == 0 {
		t.Errorf("L9: %s without evidence", e.Cause)
	}
	return e
}

// ---- a server with an issuer ------------------------------------------------

// serve starts an authtest server. It ends after what the test cleans up.
func serve(t testing.TB, cfg authtest.Config) *authtest.Server {
	t.Helper()
	srv := authtest.NewServer(cfg)
	t.Cleanup(srv.Close)
	return srv
}

// inBubble is the configuration of a server that works under synctest.
func inBubble() authtest.Config { return authtest.Config{InMemory: true} }

// clientCredentials is a source of the server's tokens.
func clientCredentials(t testing.TB, srv *authtest.Server) auth.Source {
	t.Helper()
	return clientCredentialsOf(t, srv, "test-client-secret")
}

func clientCredentialsOf(t testing.TB, srv *authtest.Server, secret string) auth.Source {
	t.Helper()
	src, err := oauth.ClientCredentials(
		&clientcredentials.Config{ClientID: "test-client", TokenURL: srv.Issuer.TokenURL},
		oauth.Options{ClientSecret: auth.Static(secret), Transport: roundTripper(srv.Transport().RoundTrip)})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// session logs in and is a source of that session's tokens.
func session(t testing.TB, srv *authtest.Server) auth.Source {
	t.Helper()
	src, err := oauth.RefreshToken(
		&oauth2.Config{ClientID: "test-client", Endpoint: oauth2.Endpoint{TokenURL: srv.Issuer.TokenURL}},
		auth.Static(srv.Issuer.Login().Refresh),
		oauth.Options{ClientSecret: auth.Static("test-client-secret"), Transport: srv.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// against returns a transport for the server's API.
func against(t testing.TB, srv *authtest.Server, cfg transport.Config) *transport.Transport {
	t.Helper()
	if cfg.Source == nil {
		cfg.Source = clientCredentials(t, srv)
	}
	if cfg.Base == nil {
		cfg.Base = srv.Transport()
	}
	cfg.Origins = append([]string{srv.API.URL}, cfg.Origins...)
	return newTransport(t, cfg)
}

func exchanges(srv *authtest.Server) int {
	n := 0
	for _, count := range srv.Issuer.Stats().Exchanges {
		n += count
	}
	return n
}

// ---- bodies and snapshots ---------------------------------------------------

// A countedBody counts how often it is closed.
type countedBody struct {
	io.Reader
	closes *atomic.Int32
}

func (b countedBody) Close() error { b.closes.Add(1); return nil }

// bodies hands out counted bodies, one for each attempt.
type bodies struct {
	text  string
	all   []*atomic.Int32
	opens int   // calls of GetBody
	fail  error // of GetBody
}

func (b *bodies) open() io.ReadCloser {
	closes := new(atomic.Int32)
	b.all = append(b.all, closes)
	return countedBody{strings.NewReader(b.text), closes}
}

func (b *bodies) attach(req *http.Request) {
	req.Body, req.ContentLength = b.open(), int64(len(b.text))
	req.GetBody = func() (io.ReadCloser, error) {
		b.opens++
		if b.fail != nil {
			return nil, b.fail
		}
		return b.open(), nil
	}
}

// wantClosedOnce checks that every body that was opened was closed, once.
func (b *bodies) wantClosedOnce(t testing.TB) {
	t.Helper()
	for i, closes := range b.all {
		if n := closes.Load(); n != 1 {
			t.Errorf("L8: body %d of %d was closed %d times, want once", i+1, len(b.all), n)
		}
	}
}

// wantClosed is for calls through http.Client, which closes bodies itself after
// redirects: none may be left open.
func (b *bodies) wantClosed(t testing.TB) {
	t.Helper()
	for i, closes := range b.all {
		if closes.Load() == 0 {
			t.Errorf("L8: body %d of %d was never closed", i+1, len(b.all))
		}
	}
}

// A snapshot is a request as it was.
type snapshot struct {
	req     *http.Request
	was     http.Request
	header  http.Header
	trailer http.Header
	url     url.URL
}

func snap(req *http.Request) snapshot {
	return snapshot{req, *req, req.Header.Clone(), req.Trailer.Clone(), *req.URL}
}

// wantUnchanged compares the request with what it was, field by field.
func (s snapshot) wantUnchanged(t testing.TB) {
	t.Helper()
	s.compare(t, "L8: the caller's request", s.req)
	if s.req.URL != s.was.URL {
		t.Error("L8: the caller's request has another *url.URL")
	}
	if s.req.Context() != s.was.Context() {
		t.Error("L8: the caller's request has another context")
	}
}

// wantEqualTo compares another request, such as a response's, with what this
// one was. Only the context may differ.
func (s snapshot) wantEqualTo(t testing.TB, req *http.Request) {
	t.Helper()
	if req == nil {
		t.Error("L8: the response has no request")
		return
	}
	s.compare(t, "L8: the response's request", req)
}

func (s snapshot) compare(t testing.TB, what string, req *http.Request) {
	t.Helper()
	if !reflect.DeepEqual(req.Header, s.header) {
		t.Errorf("%s has header %v, was %v", what, req.Header, s.header)
	}
	if !reflect.DeepEqual(req.Trailer, s.trailer) {
		t.Errorf("%s has trailer %v, was %v", what, req.Trailer, s.trailer)
	}
	if *req.URL != s.url {
		t.Errorf("%s has URL %v, was %v", what, req.URL, &s.url)
	}
	now, was := reflect.ValueOf(*req), reflect.ValueOf(s.was)
	for i := range now.NumField() {
		f := now.Type().Field(i)
		switch {
		case !f.IsExported(), f.Name == "Header", f.Name == "Trailer", f.Name == "URL":
		case f.Type.Kind() == reflect.Func:
			if now.Field(i).Pointer() != was.Field(i).Pointer() {
				t.Errorf("%s has another %s", what, f.Name)
			}
		case f.Name == "Body":
			if req.Body != s.was.Body {
				t.Errorf("%s has another Body", what)
			}
		default:
			if !reflect.DeepEqual(now.Field(i).Interface(), was.Field(i).Interface()) {
				t.Errorf("%s has another %s: %v, was %v", what, f.Name, now.Field(i), was.Field(i))
			}
		}
	}
}

// ---- events -----------------------------------------------------------------

// A journal is a hook that keeps what it hears.
type journal struct {
	mu     sync.Mutex
	events []auth.Event
}

func (j *journal) hook(_ context.Context, e auth.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

// kinds returns what was heard since the last call, one word for each event.
func (j *journal) kinds() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []string
	for _, e := range j.events {
		out = append(out, string(e.Kind))
	}
	j.events = nil
	return strings.Join(out, " ")
}

func (j *journal) all() []auth.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.events)
}

// ---- secrets ----------------------------------------------------------------

// printed returns all that a program could make of v by accident.
func printed(v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	text, err := json.Marshal(v)
	fmt.Fprintln(&b, string(text), err)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	if e, ok := v.(error); ok {
		for ; e != nil; e = errors.Unwrap(e) {
			fmt.Fprintf(&b, "%v\n%+v\n%#v\n", e, e, e)
		}
		if u, ok := errors.AsType[*url.Error](v.(error)); ok {
			fmt.Fprintf(&b, "%v %s %+v", u, u.URL, *u)
		}
	}
	if x, ok := v.(interface{ Explain() string }); ok {
		b.WriteString(x.Explain())
	}
	walk(&b, reflect.ValueOf(v), map[visit]bool{})
	return b.String()
}

type visit struct {
	at uintptr
	t  reflect.Type
}

// walk writes every string and byte slice that is reachable by reflection,
// unexported fields included: what spew, testify and go-cmp could show.
func walk(b *bytes.Buffer, v reflect.Value, seen map[visit]bool) {
	switch v.Kind() {
	case reflect.String:
		b.WriteString(v.String() + "\n")
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if v.IsNil() {
			return
		}
		if at := (visit{v.Pointer(), v.Type()}); v.Kind() != reflect.Slice {
			if seen[at] {
				return
			}
			seen[at] = true
		}
		switch v.Kind() {
		case reflect.Pointer:
			walk(b, v.Elem(), seen)
		case reflect.Map:
			for it := v.MapRange(); it.Next(); {
				walk(b, it.Key(), seen)
				walk(b, it.Value(), seen)
			}
		default:
			if v.Type().Elem().Kind() == reflect.Uint8 {
				b.Write(v.Bytes())
				return
			}
			for i := range v.Len() {
				walk(b, v.Index(i), seen)
			}
		}
	case reflect.Interface:
		if !v.IsNil() {
			walk(b, v.Elem(), seen)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			walk(b, v.Field(i), seen)
		}
	case reflect.Array:
		for i := range v.Len() {
			walk(b, v.Index(i), seen)
		}
	}
}

// wantSilent checks that no printed form of v holds one of the secrets, as it
// is or encoded.
func wantSilent(t testing.TB, what string, v any, secrets ...string) {
	t.Helper()
	text := printed(v)
	for _, secret := range secrets {
		for _, form := range slices.Compact([]string{secret, url.QueryEscape(secret), url.PathEscape(secret), fmt.Sprintf("%x", secret)}) {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("L7: %s shows %q: …%s…", what, form, text[max(0, i-120):min(len(text), i+80)])
				return
			}
		}
	}
}
