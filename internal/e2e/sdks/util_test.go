package sdks_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/oauth"
)

// TestMain takes away what the SDKs would find on the machine of whoever runs
// this.
func TestMain(m *testing.M) {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		for _, prefix := range []string{"OPENAI_", "ANTHROPIC_", "STRIPE_", "AZURE_", "GITHUB_", "GH_"} {
			if strings.HasPrefix(name, prefix) {
				_ = os.Unsetenv(name)
			}
		}
	}
	// Nor is anybody at home.
	_ = os.Setenv("HOME", os.DevNull)
	_ = os.Setenv("XDG_CONFIG_HOME", os.DevNull)
	goleak.VerifyTestMain(m)
}

// canary is a key that the API does not know. No text may show it.
const canary = "sk-test-fake-canary-0123456789abcdefghij"

// placeholder is what a program gives an SDK that wants a key.
const placeholder = "sk-test-fake-placeholder-0123456789abcd"

// A subject is an SDK as docs/sdks.md wires it, and what it is like.
type subject struct {
	config reauth.Config                                      // as the page shows it
	open   func(t *testing.T, c *reauth.Client) sdk           // by the lines of the page
	own    func(t *testing.T, c *reauth.Client, k string) sdk // with a key k of the SDK's own

	answer  string // a good answer
	refusal string // how the provider says that it does not know a key

	pieces [2]string // of a streamed response, as they are sent
	parts  [2]string // what the SDK makes of them

	leavesResponse bool // whether the SDK lets the caller at the response of a refusal
	rewinds        bool // whether it wants bodies that it can rewind
	on503          int  // how many requests it makes if the first one meets with a 503
	onUnsent       int  // how often it tries if there is no credential to send
}

// An sdk is a client of the SDK, in a few closures.
type sdk struct {
	// call makes a request that has a body. The response is nil if the SDK
	// leaves none to its caller.
	call func(ctx context.Context) (*http.Response, error)
	// stream starts a response that is streamed. next returns its parts.
	stream func(ctx context.Context) (next func() (string, error), err error)
	// upload sends a body that cannot be reopened; nil if the SDK has no way to
	// do that without reading all of it first.
	upload func(ctx context.Context, body io.ReadCloser, size int64) error
	// file sends a file by the SDK's own means, multipart as a rule; nil if it
	// has none.
	file func(ctx context.Context, content string) error
}

// A stand is an API and an issuer on loopback, and the SDK that calls the one
// over a client that knows the other.
type stand struct {
	*authtest.Server
	sdk
	heard     *journal
	exchanges func() int // so far
	revoke    func()     // the credential in use
}

// stand starts one. change may edit the configuration; a Source that it sets is
// used as it is.
func (s subject) stand(t *testing.T, open func(*testing.T, *reauth.Client) sdk, change func(*reauth.Config)) *stand {
	t.Helper()
	srv := authtest.NewServer(authtest.Config{
		TLS: true, Handler: answer(http.StatusOK, s.answer), Refusal: answer(http.StatusUnauthorized, s.refusal),
	})
	t.Cleanup(srv.Close)
	st := &stand{Server: srv, heard: &journal{}}

	// The SDK believes that it speaks to the provider: every address leads to
	// the stand-in, whose certificate is for example.com.
	wire := srv.Transport().(*http.Transport).Clone()
	wire.TLSClientConfig.ServerName = "example.com"
	wire.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(srv.API.URL, "https://"))
	}
	t.Cleanup(wire.CloseIdleConnections)

	cfg := s.config
	cfg.Transport, cfg.Hook = wire, st.heard.hook
	if cfg.Scheme == nil {
		cfg.Source = st.issued(t)
	} else {
		cfg.Source = st.rotated(cfg.Scheme.Place().Header)
	}
	if change != nil {
		change(&cfg)
	}
	client, err := reauth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	st.sdk = open(t, client)
	return st
}

// issued is a source of bearer tokens from the issuer.
func (st *stand) issued(t *testing.T) auth.Source {
	source, err := oauth.ClientCredentials(&clientcredentials.Config{
		ClientID: "test-client", ClientSecret: "test-client-secret", TokenURL: st.Issuer.TokenURL,
	}, oauth.Options{Transport: st.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	st.exchanges = func() int { return st.Issuer.Stats().Exchanges["client_credentials"] }
	st.revoke = st.Issuer.RevokeAccess
	return source
}

// rotated is a source of keys for a header of their own, which can make a new
// one in the place of one that was refused.
func (st *stand) rotated(header string) auth.Source {
	r := &rotor{}
	good := func(n int) {
		st.Set(func(c *authtest.Config) { c.Keys = []authtest.Key{{Header: header, Value: r.value(n)}} })
	}
	good(1)
	st.exchanges = func() int { r.mu.Lock(); defer r.mu.Unlock(); return 1 + r.made }
	st.revoke = func() { good(2) }
	return r
}

// A rotor makes keys, and counts them.
type rotor struct {
	mu   sync.Mutex
	made int // after the first one
}

func (r *rotor) value(n int) string { return fmt.Sprintf("sk-test-fake-rotated-%06d", n) }

func (r *rotor) Credential(context.Context) (*auth.Credential, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &auth.Credential{Secret: auth.NewSecret(r.value(1 + r.made))}, nil
}

func (r *rotor) Refresh(ctx context.Context, _ *auth.Credential) (*auth.Credential, error) {
	r.mu.Lock()
	r.made++
	r.mu.Unlock()
	return r.Credential(ctx)
}

// prove shows that the SDK works over us, and we under it.
func prove(t *testing.T, s subject) {
	t.Parallel()
	t.Run("GoodKey", s.goodKey)
	t.Run("L1_L2_RevokedToken", s.revokedToken)
	t.Run("L1_DeadKey", s.deadKey)
	t.Run("L6_NoCredential", s.noCredential)
	t.Run("OwnKeyIsReplaced", s.ownKeyIsReplaced)
	t.Run("L13_OwnKeyPassesThrough", s.ownKeyPassesThrough)
	t.Run("L8_Stream", s.streams)
	t.Run("L8_Upload", s.uploads)
	t.Run("L8_RevokedTokenUnderAFile", s.fileIsRepeated)
	t.Run("L8_RevokedTokenUnderAStream", s.streamIsNotRepeated)
	t.Run("ServiceUnavailable", s.unavailable)
}

func (s subject) goodKey(t *testing.T) {
	t.Parallel()
	st := s.stand(t, s.open, nil)
	st.callsWell(t)
	wantRequests(t, st, 1)
	wantNone(t, st, auth.EventPassed)
}

// revokedToken: one repeat, with the whole body again, and one exchange.
func (s subject) revokedToken(t *testing.T) {
	t.Parallel()
	st := s.stand(t, s.open, nil)
	st.callsWell(t)
	st.revoke()
	before := st.exchanges()
	st.callsWell(t)
	if n := st.exchanges() - before; n != 1 {
		t.Errorf("%d exchanges, want 1", n)
	}
	wantRequests(t, st, 3)
	wantRepeated(t, st, 1)
}

// deadKey: one request, whatever the SDK thinks of it, and a diagnosis.
func (s subject) deadKey(t *testing.T) {
	t.Parallel()
	st := s.stand(t, s.open, func(c *reauth.Config) { c.Source = auth.Static(canary) })
	var rec auth.Recorder
	resp, err := st.call(auth.WithRecorder(bounded(t), &rec))
	if err == nil && (resp == nil || resp.StatusCode != http.StatusUnauthorized) {
		t.Fatalf("the dead key was not refused: %v", resp)
	}
	wantRequests(t, st, 1)

	e := rec.Last()
	if e == nil {
		t.Fatal("the recorder has no diagnosis")
	}
	if !errors.Is(e, auth.InvalidCredential) || e.Step() != auth.StepVerify {
		t.Errorf("cause %s, step %s, want %s and %s", e.Cause, e.Step(), auth.InvalidCredential, auth.StepVerify)
	}
	told := st.heard.of(auth.EventRefused)
	if len(told) != 1 || told[0].Err != e {
		t.Errorf("the events that tell of it: %v", told)
	}
	if (resp != nil) != s.leavesResponse {
		t.Errorf("the SDK leaves the response: %v, want %v", resp != nil, s.leavesResponse)
	}
	texts := []string{
		fmt.Sprint(err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), e.Error(), e.Explain(), fmt.Sprintf("%+v", e), logged(told),
	}
	if resp != nil {
		if found, ok := auth.FromResponse(resp); !ok || found != e {
			t.Errorf("FromResponse has another diagnosis: %v", found)
		}
		texts = append(texts, fmt.Sprintf("%+v", resp.Request.Header), fmt.Sprintf("%+v", resp.Request))
	}
	for i, text := range texts {
		if strings.Contains(text, canary) {
			t.Errorf("text %d shows the key", i)
		}
	}
}

// noCredential: nothing is sent, and the error says what to do.
func (s subject) noCredential(t *testing.T) {
	t.Parallel()
	st := s.stand(t, s.open, func(c *reauth.Config) { c.Source = auth.Env("REAUTH_E2E_NO_SUCH_KEY") })
	var rec auth.Recorder
	_, err := st.call(auth.WithRecorder(bounded(t), &rec))
	if e, ok := errors.AsType[*auth.Error](err); !ok || e.Cause != auth.MissingCredential {
		t.Errorf("the SDK's error is %v", err)
	}
	if e := rec.Last(); e == nil || e.Cause != auth.MissingCredential {
		t.Errorf("the recorder has %v", e)
	}
	wantRequests(t, st, 0)
	if n := len(st.heard.of(auth.EventRefused)); n != s.onUnsent {
		t.Errorf("the SDK tried %d times, want %d", n, s.onUnsent)
	}
}

func (s subject) openOwn(t *testing.T, c *reauth.Client) sdk { return s.own(t, c, placeholder) }

// ownKeyIsReplaced: what the SDK sends gives way to our credential.
func (s subject) ownKeyIsReplaced(t *testing.T) {
	t.Parallel()
	st := s.stand(t, s.openOwn, func(c *reauth.Config) { c.ReplaceHeader = true })
	st.callsWell(t)
	st.revoke()
	st.callsWell(t)
	wantRequests(t, st, 3)
	wantRepeated(t, st, 1)
	wantNone(t, st, auth.EventPassed)
	if n := st.API.Counts()["unknown"].Requests; n != 0 {
		t.Errorf("the SDK's own key arrived %d times", n)
	}
}

// ownKeyPassesThrough: without ReplaceHeader the SDK's own key goes out
// untouched, and somebody hears of it, even while all is well.
func (s subject) ownKeyPassesThrough(t *testing.T) {
	t.Parallel()
	st := s.stand(t, s.openOwn, func(c *reauth.Config) { c.ReplaceHeader = false })
	var rec auth.Recorder
	if resp, err := st.call(auth.WithRecorder(bounded(t), &rec)); err == nil && (resp == nil || resp.StatusCode != http.StatusUnauthorized) {
		t.Error("the SDK's own key was accepted")
	}
	wantRequests(t, st, 1)
	place := auth.Bearer.Place()
	if s.config.Scheme != nil {
		place = s.config.Scheme.Place()
	}
	passed := st.heard.of(auth.EventPassed)
	if len(passed) != 1 || !strings.Contains(passed[0].Reason, "the program set") || !strings.Contains(passed[0].Reason, place.String()) {
		t.Errorf("what is told of it: %v", passed)
	}
	e := rec.Last()
	if e == nil || e.Sent == nil || e.Sent.Provenance.Kind != auth.KindCaller {
		t.Errorf("the diagnosis does not blame the program's own key: %v", e)
	}
}

// streams: a part is there before the next one is sent.
func (s subject) streams(t *testing.T) {
	t.Parallel()
	st := s.stand(t, s.open, nil)
	had := make(chan struct{})
	st.Set(func(c *authtest.Config) {
		c.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/octet-stream")
			if strings.HasPrefix(s.pieces[0], "data:") || strings.HasPrefix(s.pieces[0], "event:") {
				w.Header().Set("Content-Type", "text/event-stream")
			}
			_, _ = io.WriteString(w, s.pieces[0])
			_ = http.NewResponseController(w).Flush()
			select {
			case <-had:
			case <-r.Context().Done():
				return
			}
			_, _ = io.WriteString(w, s.pieces[1])
		})
	})
	next, err := st.stream(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range s.parts {
		got, err := next()
		if err != nil || got != want {
			t.Fatalf("part %d is %q, want %q: %v", i, got, want, err)
		}
		if i == 0 {
			close(had)
		}
	}
	if got, err := next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end comes %q: %v", got, err)
	}
	wantRequests(t, st, 1)
}

// uploads: the server has the first part before the second is written, and the
// body is closed once at most.
func (s subject) uploads(t *testing.T) {
	t.Parallel()
	st := s.stand(t, s.open, nil)
	if st.upload == nil {
		t.Skip("this SDK reads all of a body before it sends any")
	}
	const part = 64 << 10
	ctx, content := bounded(t), bytes.Repeat([]byte("0123456789abcdef"), 2*part/16)
	arrived := make(chan struct{})
	st.Set(func(c *authtest.Config) {
		c.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadFull(r.Body, make([]byte, part/2)); err != nil {
				return
			}
			close(arrived)
			_, _ = io.Copy(io.Discard, r.Body)
			answer(http.StatusOK, s.answer)(w, r)
		})
	})
	from, to := io.Pipe()
	body := &closes{PipeReader: from}
	var writing sync.WaitGroup
	writing.Go(func() {
		_, _ = to.Write(content[:part])
		select {
		case <-arrived:
			_, _ = to.Write(content[part:])
			_ = to.Close()
		case <-ctx.Done():
			_ = to.CloseWithError(ctx.Err())
		}
	})
	if err := st.upload(ctx, body, int64(len(content))); err != nil {
		t.Error(err)
	}
	_ = from.Close()
	writing.Wait()
	wantRequests(t, st, 1)
	sum := sha256.Sum256(content)
	for _, got := range st.API.Requests() {
		if got.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%d bytes arrived, and not those that were sent", got.Length)
		}
	}
	if n := body.count(); n > 1 {
		t.Errorf("the body was closed %d times", n)
	}
}

// A closes counts how often it is closed.
type closes struct {
	*io.PipeReader
	mu sync.Mutex
	n  int
}

func (c *closes) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.PipeReader.Close()
}

func (c *closes) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// fileIsRepeated: a file that the SDK can open again goes out whole, twice.
func (s subject) fileIsRepeated(t *testing.T) {
	t.Parallel()
	st := s.stand(t, s.open, nil)
	if st.file == nil {
		t.Skip("this SDK has no files")
	}
	st.callsWell(t)
	st.revoke()
	if err := st.file(bounded(t), strings.Repeat("a line of the file\n", 10_000)); err != nil {
		t.Fatal(err)
	}
	wantRequests(t, st, 3)
	all := st.API.Requests()
	if first, again := all[1], all[2]; first.Length < 100_000 || first.SHA256 == "" || first.SHA256 != again.SHA256 {
		t.Errorf("the file came as %d bytes, and then as %d", first.Length, again.Length)
	}
}

// streamIsNotRepeated: what cannot be opened again is sent once. The refusal is
// reported, and the next call has the new credential.
func (s subject) streamIsNotRepeated(t *testing.T) {
	t.Parallel()
	st := s.stand(t, s.open, nil)
	if st.upload == nil || s.rewinds {
		t.Skip("this SDK sends no such body")
	}
	st.callsWell(t)
	st.revoke()
	before := st.exchanges()
	content := "a stream that is gone once it is read"
	var rec auth.Recorder
	_ = st.upload(auth.WithRecorder(bounded(t), &rec), io.NopCloser(io.LimitReader(strings.NewReader(content), 1<<20)), int64(len(content)))
	wantRequests(t, st, 2)
	if rec.Last() == nil {
		t.Error("the recorder has no diagnosis")
	}
	st.callsWell(t)
	wantRequests(t, st, 3)
	if n := st.exchanges() - before; n != 1 {
		t.Errorf("%d exchanges, want 1", n)
	}
}

// unavailable: we leave a 503 to the SDK, and each of its attempts is
// authenticated.
func (s subject) unavailable(t *testing.T) {
	t.Parallel()
	st := s.stand(t, s.open, nil)
	st.API.FailNext(1, authtest.Unavailable)
	resp, err := st.call(bounded(t))
	if failed := err != nil || resp != nil && resp.StatusCode == http.StatusServiceUnavailable; failed != (s.on503 == 1) {
		t.Errorf("failed: %v, %v", failed, err)
	}
	wantRequests(t, st, s.on503)
	for _, r := range st.API.Requests() {
		if r.Credential != "access 1" && r.Credential != "key 1" {
			t.Errorf("an attempt was sent with %q", r.Credential)
		}
	}
}

func (st *stand) callsWell(t *testing.T) {
	t.Helper()
	if resp, err := st.call(bounded(t)); err != nil || resp != nil && resp.StatusCode != http.StatusOK {
		t.Fatalf("the call failed: %v\n%s", err, st.Transcript())
	}
}

// bounded is longer than any machine stalls.
func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func wantRequests(t *testing.T, st *stand, n int) {
	t.Helper()
	if got := st.API.Total().Requests; got != n {
		t.Errorf("%d requests arrived, want %d:\n%s", got, n, st.Transcript())
	}
}

// wantRepeated also compares each repeat with what it repeats.
func wantRepeated(t *testing.T, st *stand, n int) {
	t.Helper()
	if got := len(st.heard.of(auth.EventRepeated)); got != n {
		t.Errorf("%d repeats, want %d:\n%s", got, n, st.Transcript())
	}
	all := st.API.Requests()
	for i, r := range all {
		if r.Status != http.StatusUnauthorized || i+1 == len(all) {
			continue
		}
		if again := all[i+1]; r.Length == 0 || r.SHA256 != again.SHA256 || r.Credential == again.Credential || again.Credential == "unknown" {
			t.Errorf("%v (%d bytes) was repeated as %v (%d bytes)", r, r.Length, again, again.Length)
		}
	}
}

func wantNone(t *testing.T, st *stand, kind auth.EventKind) {
	t.Helper()
	if got := st.heard.of(kind); len(got) > 0 {
		t.Errorf("there are events of the kind %s: %v", kind, got)
	}
}

// answer is a handler that reads all and says body.
func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// A journal is a hook that remembers.
type journal struct {
	mu     sync.Mutex
	events []auth.Event
}

func (j *journal) hook(_ context.Context, e auth.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

func (j *journal) of(kind auth.EventKind) (found []auth.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.events {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	return found
}

func logged(events []auth.Event) string {
	var text strings.Builder
	for _, e := range events {
		slog.New(slog.NewTextHandler(&text, nil)).Info("event", "event", e)
	}
	return text.String()
}

// parts is the next function of a body that holds the parts.
func parts(body io.ReadCloser, of [2]string) func() (string, error) {
	i := 0
	return func() (string, error) {
		if i == len(of) {
			defer body.Close()
			n, err := body.Read(make([]byte, 1))
			if n > 0 {
				return "more", nil
			}
			return "", err
		}
		part := make([]byte, len(of[i]))
		i++
		_, err := io.ReadFull(body, part)
		return string(part), err
	}
}
