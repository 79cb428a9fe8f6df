package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/transport/rpc"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	origin  = "https://api.acme.example"
	service = origin + "/acme.v1.Reports"
)

// A status is an error as gRPC makes it.
type status struct{ code, desc string }

func (s *status) Error() string { return "rpc error: code = " + s.code + " desc = " + s.desc }

func refused(err error) bool {
	s, ok := errors.AsType[*status](err)
	return ok && s.code == "Unauthenticated"
}

// A server plays gRPC and what is behind it: it asks for the metadata, and
// judges the header.
type server struct {
	creds   *rpc.Credentials
	uri     string
	answers func(value string) error

	mu   sync.Mutex
	sent []string
}

func (s *server) invoke(ctx context.Context) error {
	md, err := s.creds.GetRequestMetadata(ctx, s.uri)
	if err != nil {
		return &status{"Unauthenticated", "transport: per-RPC creds failed due to error: " + err.Error()}
	}
	value := md["authorization"]
	s.mu.Lock()
	s.sent = append(s.sent, value)
	s.mu.Unlock()
	return s.answers(value)
}

func (s *server) count() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.sent) }

func newServer(t testing.TB, cfg rpc.Config, answers func(string) error) *server {
	t.Helper()
	if cfg.Origins == nil {
		cfg.Origins = []string{origin}
	}
	creds, err := rpc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := creds.Close(); err != nil {
			t.Error(err)
		}
	})
	return &server{creds: creds, uri: service, answers: answers}
}

// rotating gives "token 1", "token 2", …
func rotating(asked *atomic.Int32) auth.Source {
	return auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
		return &auth.Credential{Secret: auth.NewSecret(fmt.Sprintf("fake-token-%d", asked.Add(1))), Provenance: auth.Provenance{Kind: auth.KindOAuth, Name: "test"}}, nil
	})
}

func accept(values ...string) func(string) error {
	return func(value string) error {
		for _, v := range values {
			if value == v {
				return nil
			}
		}
		return &status{"Unauthenticated", "the token is unknown"}
	}
}

func TestMetadata(t *testing.T) {
	for name, tt := range map[string]struct {
		scheme auth.Scheme
		cred   auth.Credential
		want   map[string]string
	}{
		"bearer":         {nil, auth.Credential{Secret: auth.NewSecret("fake")}, map[string]string{"authorization": "Bearer fake"}},
		"key":            {auth.APIKeyHeader("X-Api-Key"), auth.Credential{Secret: auth.NewSecret("fake")}, map[string]string{"x-api-key": "fake"}},
		"the source's":   {nil, auth.Credential{Secret: auth.NewSecret("fake"), Scheme: auth.Token}, map[string]string{"authorization": "token fake"}},
		"with user name": {auth.Basic, auth.Credential{Secret: auth.NewSecret("p"), Username: "u"}, map[string]string{"authorization": "Basic dTpw"}},
	} {
		src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) { c := tt.cred; return &c, nil })
		s := newServer(t, rpc.Config{Source: src, Scheme: tt.scheme}, nil)
		got, err := s.creds.GetRequestMetadata(t.Context(), service)
		if err != nil || !maps.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestL6_OnlyToItsOrigins(t *testing.T) {
	var events []auth.Event
	var rec auth.Recorder
	s := newServer(t, rpc.Config{
		Source: auth.Static("fake"), Origins: []string{origin, "https://other.acme.example:8443"},
		Words: diagnose.Words{Docs: "https://acme.example/docs"},
		Hook:  func(_ context.Context, e auth.Event) { events = append(events, e) },
	}, nil)
	for _, uri := range []string{service, origin, "https://API.acme.example.:443/x", "https://other.acme.example:8443/x"} {
		if md, err := s.creds.GetRequestMetadata(t.Context(), uri); err != nil || len(md) != 1 {
			t.Errorf("%s: %v, %v", uri, md, err)
		}
	}
	ctx := auth.WithRecorder(t.Context(), &rec)
	for _, uri := range [][]string{
		{"https://evil.example/x"}, {"https://api.acme.example:8443/x"}, {"https://x.api.acme.example/x"}, {"https://api.acme.example@evil.example/x"},
		{""}, {}, {"::"}, {service, "https://evil.example"}, {"https://api.acme.example%2eevil.example/x"},
	} {
		events = nil
		md, err := s.creds.GetRequestMetadata(ctx, uri...)
		e, ok := errors.AsType[*auth.Error](err)
		if md != nil || !ok || e.Cause != auth.NotSent || rec.Last() != e || e.Remedy.URL == "" || len(e.Evidence) == 0 {
			t.Errorf("%v: %v, %v", uri, md, err)
		}
		if len(events) != 1 || events[0].Kind != auth.EventRefused || events[0].Err != error(e) {
			t.Errorf("%v: events %v", uri, events)
		}
	}
}

func TestL6_TransportSecurity(t *testing.T) {
	for _, tt := range []struct {
		origins []string
		secure  bool
	}{
		{[]string{origin}, true},
		{[]string{"https://localhost:1"}, true},
		{[]string{"http://localhost:50051"}, false},
		{[]string{"http://127.0.0.1:1", "http://[::1]:2"}, false},
	} {
		s := newServer(t, rpc.Config{Source: auth.Static("fake"), Origins: tt.origins}, nil)
		if s.creds.RequireTransportSecurity() != tt.secure {
			t.Errorf("%v: not %v", tt.origins, tt.secure)
		}
		// gRPC says https also where there is no TLS.
		if _, err := s.creds.GetRequestMetadata(t.Context(), "https"+tt.origins[0][strings.Index(tt.origins[0], "://"):]+"/x.Y"); err != nil {
			t.Error(err)
		}
	}
}

func TestNewNamesEveryField(t *testing.T) {
	_, err := rpc.New(rpc.Config{Scheme: auth.APIKeyQuery("key"), Origins: []string{origin, "http://localhost:1", "https://x.example/path"}})
	for _, says := range []string{"Scheme: ApiKey uses a query parameter", "Origins mixes http and https", "Origins[2]", "Source is nil"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("not said: %s\n%v", says, err)
		}
	}
	for _, header := range []string{"grpc-token", "x-key-bin", "TE", "User-Agent"} {
		if _, err := rpc.New(rpc.Config{Source: auth.Static("x"), Scheme: auth.APIKeyHeader(header), Origins: []string{origin}}); err == nil || !strings.Contains(err.Error(), "gRPC's own") {
			t.Errorf("%s: %v", header, err)
		}
	}
	if _, err := rpc.New(rpc.Config{Source: auth.Static("x")}); err == nil || !strings.Contains(err.Error(), "Origins") {
		t.Error(err)
	}
}

// A source may name a scheme that nobody has looked at before.
func TestL6_ACredentialForAQueryIsNotSent(t *testing.T) {
	src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
		return &auth.Credential{Secret: auth.NewSecret("fake-zebra-0123"), Scheme: auth.APIKeyQuery("key")}, nil
	})
	s := newServer(t, rpc.Config{Source: src}, accept())
	for _, err := range []error{second(s.creds.GetRequestMetadata(t.Context(), service)), s.creds.Do(t.Context(), refused, s.invoke)} {
		e, ok := errors.AsType[*auth.Error](err)
		if !ok || e.Cause != auth.WrongScheme || strings.Contains(fmt.Sprintf("%v %+v %s", err, err, e.Explain()), "zebra") {
			t.Errorf("%v", err)
		}
	}
	if s.count() != 0 {
		t.Error("it was sent without a credential")
	}
}

func second[T any](_ T, err error) error { return err }

func TestL1_OneRepeatWithAnotherCredential(t *testing.T) {
	var asked atomic.Int32
	var kinds []auth.EventKind
	s := newServer(t, rpc.Config{Source: rotating(&asked), Hook: func(_ context.Context, e auth.Event) { kinds = append(kinds, e.Kind) }}, accept("Bearer fake-token-1"))
	if err := s.creds.Do(t.Context(), refused, s.invoke); err != nil {
		t.Fatal(err)
	}
	s.answers = accept("Bearer fake-token-2")
	if err := s.creds.Do(t.Context(), refused, s.invoke); err != nil {
		t.Fatal(err)
	}
	if want := "[Bearer fake-token-1 Bearer fake-token-1 Bearer fake-token-2]"; fmt.Sprint(s.sent) != want {
		t.Errorf("sent %v", s.sent)
	}
	if fmt.Sprint(kinds) != "[found renewed repeated]" {
		t.Errorf("events %v", kinds)
	}
	// In vain: one repeat, one error, both statuses.
	s.sent, s.answers, s.uri = nil, accept(), origin+"/acme.v1.Other"
	err := s.creds.Do(t.Context(), refused, s.invoke)
	e, ok := errors.AsType[*auth.Error](err)
	own, ok2 := errors.AsType[*status](err)
	if !ok || !ok2 || own.code != "Unauthenticated" || len(s.sent) != 2 || e.Request != "POST "+s.uri || err.Error() != e.Error() {
		t.Errorf("%d RPCs, %v, %+v", len(s.sent), err, e)
	}
	if asked.Load() != 3 {
		t.Errorf("the source was asked %d times", asked.Load())
	}
}

func TestL2_OneExchangeForAHerd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const herd = 50
		var asked atomic.Int32
		s := newServer(t, rpc.Config{Source: rotating(&asked)}, accept("Bearer fake-token-1"))
		if err := s.creds.Do(t.Context(), refused, s.invoke); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		s.answers = func(value string) error {
			time.Sleep(time.Second) // all are refused before the first is healed
			return accept("Bearer fake-token-2")(value)
		}
		errs := make([]error, herd)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = s.creds.Do(t.Context(), refused, s.invoke) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil || asked.Load() != 2 || s.count() != 1+2*herd {
			t.Errorf("%v; asked %d times, %d RPCs", err, asked.Load(), s.count())
		}
	})
}

// What is no refusal is the RPC's own affair, and so is what was refused for
// credentials that are not ours.
func TestL8_OtherErrorsAreTheRPCsOwn(t *testing.T) {
	var asked atomic.Int32
	s := newServer(t, rpc.Config{Source: rotating(&asked)}, nil)
	for _, own := range []error{&status{"NotFound", "x"}, &status{"PermissionDenied", "x"}, context.Canceled} {
		s.answers = func(string) error { return own }
		if err := s.creds.Do(t.Context(), refused, s.invoke); err != own {
			t.Errorf("got %v, want %v", err, own)
		}
	}
	foreign := &status{"Unauthenticated", "another interceptor's"}
	if err := s.creds.Do(t.Context(), refused, func(context.Context) error { return foreign }); err != error(foreign) {
		t.Errorf("got %v", err)
	}
	if asked.Load() != 1 || s.count() != 3 {
		t.Errorf("asked %d times, %d RPCs", asked.Load(), s.count())
	}
}

func TestL6_WithoutACredentialNoRPC(t *testing.T) {
	s := newServer(t, rpc.Config{Source: auth.Env("REAUTH_TEST_UNSET")}, accept())
	for range 2 {
		err := s.creds.Do(t.Context(), refused, s.invoke)
		if e, ok := errors.AsType[*auth.Error](err); !ok || e.Cause != auth.MissingCredential || e.Request == "" {
			t.Errorf("%v", err)
		}
	}
	s.creds, _ = rpc.New(rpc.Config{Source: auth.Static("fake"), Origins: []string{origin}})
	s.uri = "https://evil.example/x"
	err := s.creds.Do(t.Context(), refused, s.invoke)
	if e, ok := errors.AsType[*auth.Error](err); !ok || e.Cause != auth.NotSent || !refused(err) {
		t.Errorf("%v", err)
	}
	if s.count() != 0 {
		t.Errorf("%d RPCs were sent", s.count())
	}
	if err := s.creds.Close(); err != nil {
		t.Error(err)
	}
	if err := s.creds.Do(t.Context(), refused, s.invoke); !errors.Is(err, auth.ErrClosed) {
		t.Error(err)
	}
}

// A caller who leaves while the credential is renewed hears of both.
func TestL4_ALeavingCallerKillsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		inner := rotating(&asked)
		src := auth.SourceFunc(func(ctx context.Context) (*auth.Credential, error) {
			c, err := inner.Credential(ctx)
			if asked.Load() > 1 {
				time.Sleep(5 * time.Second)
			}
			return c, err
		})
		s := newServer(t, rpc.Config{Source: src}, accept("Bearer fake-token-1"))
		if err := s.creds.Do(t.Context(), refused, s.invoke); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		s.answers = accept("Bearer fake-token-2")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.creds.Do(ctx, refused, s.invoke); !errors.Is(err, context.DeadlineExceeded) || !refused(err) {
			t.Errorf("%v", err)
		}
		time.Sleep(time.Minute)
		if err := s.creds.Do(t.Context(), refused, s.invoke); err != nil || asked.Load() != 2 {
			t.Errorf("%v, asked %d times", err, asked.Load())
		}
	})
}

// The server repeats what it was sent.
func TestL7_EchoesAreScrubbed(t *testing.T) {
	const secret = "fake-zebra-0123456789"
	s := newServer(t, rpc.Config{Source: auth.Static(secret)}, func(value string) error {
		return &status{"Unauthenticated", "unknown token: " + value}
	})
	err := s.creds.Do(t.Context(), refused, s.invoke)
	e, _ := errors.AsType[*auth.Error](err)
	j, _ := e.MarshalJSON()
	for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%+v %#v %q", err, err, err), e.Explain(), string(j), fmt.Sprintf("%+v", e.Response), fmt.Sprintf("%#v", s.creds)} {
		if strings.Contains(text, "zebra") {
			t.Errorf("shown: %s", text)
		}
	}
}

// A pass through all of it costs little beside an RPC.
func BenchmarkDo(b *testing.B) {
	s := newServer(b, rpc.Config{Source: auth.Static("fake")}, nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.creds.Do(b.Context(), refused, func(ctx context.Context) error {
			_, err := s.creds.GetRequestMetadata(ctx, service)
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}
