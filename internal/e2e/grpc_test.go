package e2e_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	rpcstatus "google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/internal/e2e/issuer"
	"github.com/reauth-go/reauth/internal/e2e/sandbox"
	"github.com/reauth-go/reauth/transport/rpc"
)

// gRPC must take our value for one of its own.
var _ credentials.PerRPCCredentials = (*rpc.Credentials)(nil)

// A grpcAPI is a gRPC server that judges the bearer token, or the key, of every
// RPC. It serves gRPC's own health service: one call, one stream.
type grpcAPI struct {
	health.UnimplementedHealthServer

	mu      sync.Mutex
	accepts func(context.Context, string) bool
	seen    []string // the values of the header that came, "" for none
}

func (a *grpcAPI) judge(ctx context.Context) error {
	md, _ := metadata.FromIncomingContext(ctx)
	value := strings.Join(append(md.Get("authorization"), md.Get("x-api-key")...), ", ")
	a.mu.Lock()
	a.seen = append(a.seen, value)
	accepts := a.accepts
	a.mu.Unlock()
	if !accepts(ctx, strings.TrimPrefix(value, "Bearer ")) {
		return rpcstatus.Error(codes.Unauthenticated, "the token is unknown, expired or revoked")
	}
	return nil
}

func (a *grpcAPI) Check(context.Context, *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	return &health.HealthCheckResponse{Status: health.HealthCheckResponse_SERVING}, nil
}

func (a *grpcAPI) Watch(_ *health.HealthCheckRequest, s health.Health_WatchServer) error {
	for range 3 {
		if err := s.Send(&health.HealthCheckResponse{}); err != nil {
			return err
		}
	}
	return nil
}

func (a *grpcAPI) count() int { a.mu.Lock(); defer a.mu.Unlock(); return len(a.seen) }

func (a *grpcAPI) last() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.TrimPrefix(a.seen[len(a.seen)-1], "Bearer ")
}

// serveGRPC serves until the test ends; with a certificate if there is one.
func serveGRPC(t *testing.T, l net.Listener, cert *tls.Certificate, accepts func(context.Context, string) bool) *grpcAPI {
	t.Helper()
	a := &grpcAPI{accepts: accepts}
	options := []grpc.ServerOption{
		grpc.UnaryInterceptor(func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := a.judge(ctx); err != nil {
				return nil, err
			}
			return next(ctx, in)
		}),
		grpc.StreamInterceptor(func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := a.judge(s.Context()); err != nil {
				return err
			}
			return next(srv, s)
		}),
	}
	if cert != nil {
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(cert)))
	}
	srv := grpc.NewServer(options...)
	health.RegisterHealthServer(srv, a)
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Stop(); <-done })
	return a
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// heal is the interceptor that package rpc shows.
func heal(creds *rpc.Credentials) grpc.UnaryClientInterceptor {
	refused := func(err error) bool { return rpcstatus.Code(err) == codes.Unauthenticated }
	return func(ctx context.Context, method string, in, out any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return creds.Do(ctx, refused, func(ctx context.Context) error { return invoke(ctx, method, in, out, cc, opts...) })
	}
}

func newCredentials(t *testing.T, cfg rpc.Config) *rpc.Credentials {
	t.Helper()
	creds, err := rpc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = creds.Close() })
	return creds
}

func dial(t *testing.T, target string, options ...grpc.DialOption) health.HealthClient {
	t.Helper()
	conn, err := grpc.NewClient(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return health.NewHealthClient(conn)
}

func check(ctx context.Context, c health.HealthClient) error {
	_, err := c.Check(ctx, &health.HealthCheckRequest{})
	return err
}

// exchanged is a source of client credentials at the issuer.
func exchanged(t *testing.T, iss *issuer.Issuer) auth.Source {
	t.Helper()
	src, err := oauth.ClientCredentials(&clientcredentials.Config{ClientID: issuer.Basic.ID, TokenURL: iss.TokenURL},
		oauth.Options{ClientSecret: auth.Static(issuer.Basic.Secret)})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func active(iss *issuer.Issuer) func(context.Context, string) bool {
	return func(ctx context.Context, token string) bool {
		ok, err := iss.Active(ctx, token)
		return err == nil && ok
	}
}

// A real issuer, real gRPC, TLS: one exchange for everybody, one repeat for what
// was refused.
func TestGRPC_L1_L2_ARevokedTokenCostsOneRepeatEachAndOneExchange(t *testing.T) {
	t.Parallel()
	const herd = 20
	iss := issuer.Start(t, issuer.Config{AccessTTL: time.Minute})
	ca := newAuthority(t, "private")
	cert := ca.issue("localhost")
	l := listen(t)
	api := serveGRPC(t, l, &cert, active(iss))
	_, port, _ := net.SplitHostPort(l.Addr().String())
	var events log
	creds := newCredentials(t, rpc.Config{Source: exchanged(t, iss), Origins: []string{"https://localhost:" + port}, Hook: events.hook})
	c := dial(t, "localhost:"+port, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: ca.pool()})),
		grpc.WithPerRPCCredentials(creds), grpc.WithUnaryInterceptor(heal(creds)))

	for range 3 {
		if err := check(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if api.count() != 3 || iss.Exchanges() != 1 {
		t.Errorf("%d RPCs, %d exchanges, want 3 and 1", api.count(), iss.Exchanges())
	}
	iss.Revoke(issuer.Basic, api.last())
	errs := make([]error, herd)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = check(t.Context(), c) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	repeated := events.count(auth.EventRepeated)
	if n := iss.Exchanges(); n != 2 || repeated == 0 || api.count() != 3+herd+repeated {
		t.Errorf("L1, L2: %d exchanges, %d repeats, %d RPCs", n, repeated, api.count())
	}

	// Streams: the credential is taken when one begins.
	stream, err := c.Watch(t.Context(), &health.HealthCheckRequest{})
	for range 3 {
		if err == nil {
			_, err = stream.Recv()
		}
	}
	if err != nil {
		t.Error(err)
	}
	iss.Revoke(issuer.Basic, api.last())
	before := api.count()
	err = creds.Do(t.Context(), func(err error) bool { return rpcstatus.Code(err) == codes.Unauthenticated }, func(ctx context.Context) error {
		s, err := c.Watch(ctx, &health.HealthCheckRequest{})
		if err == nil {
			_, err = s.Recv()
		}
		return err
	})
	if err != nil || api.count() != before+2 || iss.Exchanges() != 3 {
		t.Errorf("a refused stream: %v, %d RPCs, %d exchanges", err, api.count()-before, iss.Exchanges())
	}
	t.Logf("%d RPCs, %d repeated, %d exchanges", api.count(), events.count(auth.EventRepeated), iss.Exchanges())
}

func TestGRPC_L9_ADeadKeyIsOneTypedErrorAndOneRPC(t *testing.T) {
	t.Parallel()
	l := listen(t)
	api := serveGRPC(t, l, nil, func(context.Context, string) bool { return false })
	file := filepath.Join(t.TempDir(), "key")
	write(t, file, "fake-dead-key-0123456789")
	creds := newCredentials(t, rpc.Config{Source: auth.File(file), Scheme: auth.APIKeyHeader("X-Api-Key"), Origins: []string{"http://" + l.Addr().String()}})
	c := dial(t, l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(creds), grpc.WithUnaryInterceptor(heal(creds)))
	err := check(t.Context(), c)
	e, ok := errors.AsType[*auth.Error](err)
	if !ok || rpcstatus.Code(err) != codes.Unauthenticated || rpcstatus.Convert(err).Message() != err.Error() {
		t.Fatalf("got %v (%T), status %v", err, err, rpcstatus.Code(err))
	}
	if api.count() != 1 || e.Sent == nil || e.Request != "POST http://"+l.Addr().String()+"/grpc.health.v1.Health" || !strings.Contains(e.Explain(), file) {
		t.Errorf("%d RPCs\n%s", api.count(), e.Explain())
	}
	if strings.Contains(err.Error()+e.Explain(), "fake-dead") {
		t.Errorf("the key is shown: %v", err)
	}
	t.Logf("%v\n%s", err, e.Explain())

	// A new key in the file: the next RPC has it, after one refusal.
	write(t, file, "fake-good-key-0123456789")
	api.mu.Lock()
	api.accepts = func(_ context.Context, key string) bool { return key == "fake-good-key-0123456789" }
	api.mu.Unlock()
	time.Sleep(time.Second) // the pause after a look in vain
	if err := check(t.Context(), c); err != nil || api.count() != 3 {
		t.Errorf("%d RPCs, %v", api.count(), err)
	}
}

// Nothing is sent without a credential, nor with it to others. What gRPC leaves
// of our error depends on how the credentials were given.
func TestGRPC_L6_WithoutACredentialNothingIsSent(t *testing.T) {
	t.Parallel()
	l := listen(t)
	api := serveGRPC(t, l, nil, func(context.Context, string) bool { return true })
	plain := grpc.WithTransportCredentials(insecure.NewCredentials())
	origin := "http://" + l.Addr().String()
	none := newCredentials(t, rpc.Config{Source: auth.Env("REAUTH_E2E_GRPC_UNSET"), Origins: []string{origin}})
	other := newCredentials(t, rpc.Config{Source: auth.Static("fake"), Origins: []string{"http://127.0.0.1:1"}})
	for _, tt := range []struct {
		name  string
		creds *rpc.Credentials
		cause auth.Cause
		says  string
	}{
		{"no credential", none, auth.MissingCredential, "set REAUTH_E2E_GRPC_UNSET"},
		{"another origin", other, auth.NotSent, "the RPC goes to " + origin + ", and the credential belongs to http://127.0.0.1:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var rec auth.Recorder
			ctx := auth.WithRecorder(t.Context(), &rec)
			want := func(err error, code codes.Code) {
				t.Helper()
				if rpcstatus.Code(err) != code || !strings.Contains(err.Error(), string(tt.cause)+" (certain)") || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v", err)
				}
			}
			// Given with the connection, or with the call: words, and the recorder.
			want(check(ctx, dial(t, l.Addr().String(), plain, grpc.WithPerRPCCredentials(tt.creds))), codes.Unauthenticated)
			if e := rec.Last(); e == nil || e.Cause != tt.cause {
				t.Errorf("recorded: %v", e)
			}
			_, err := dial(t, l.Addr().String(), plain).Check(ctx, &health.HealthCheckRequest{}, grpc.PerRPCCredentials(tt.creds))
			want(err, codes.Internal)
			// Through Do: the type.
			err = check(t.Context(), dial(t, l.Addr().String(), plain, grpc.WithPerRPCCredentials(tt.creds), grpc.WithUnaryInterceptor(heal(tt.creds))))
			wantCause(t, err, tt.cause, tt.says)
		})
	}
	if api.count() != 0 {
		t.Errorf("%d RPCs were sent", api.count())
	}
}

// How gRPC names the place that an RPC goes to, for the package's comment.
func TestGRPC_L6_TheAuthorityIsTheOrigin(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "private")
	cert := ca.issue("localhost", "api.acme.example", "name.acme.example")
	l := listen(t)
	api := serveGRPC(t, l, &cert, func(_ context.Context, token string) bool { return token == "fake-token" })
	pipe := bufconn.Listen(1 << 16)
	inMemory := serveGRPC(t, pipe, &cert, func(_ context.Context, token string) bool { return token == "fake-token" })
	dialPipe := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) })
	dialTCP := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	})
	_, port, _ := net.SplitHostPort(l.Addr().String())
	trust := func(name string) grpc.DialOption {
		return grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: ca.pool(), ServerName: name}))
	}
	for _, tt := range []struct {
		name, target, origin string
		options              []grpc.DialOption
	}{
		{"host and port", "localhost:" + port, "https://localhost:" + port, []grpc.DialOption{trust("")}},
		{"dns", "dns:///localhost:" + port, "https://localhost:" + port, []grpc.DialOption{trust("")}},
		{"the default port", "passthrough:///api.acme.example:443", "https://api.acme.example", []grpc.DialOption{trust(""), dialTCP}},
		{"no port", "passthrough:///api.acme.example", "https://api.acme.example", []grpc.DialOption{trust(""), dialTCP}},
		{"case", "passthrough:///API.acme.example:443", "https://api.acme.example", []grpc.DialOption{trust(""), dialTCP}},
		{"WithAuthority", "localhost:" + port, "https://api.acme.example:8443", []grpc.DialOption{trust(""), grpc.WithAuthority("api.acme.example:8443")}},
		{"ServerName loses the port", "localhost:" + port, "https://name.acme.example", []grpc.DialOption{trust("name.acme.example")}},
		{"bufconn", "passthrough:///api.acme.example", "https://api.acme.example", []grpc.DialOption{trust(""), dialPipe}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			creds := newCredentials(t, rpc.Config{Source: auth.Static("fake-token"), Origins: []string{tt.origin}})
			if err := check(t.Context(), dial(t, tt.target, append(tt.options, grpc.WithPerRPCCredentials(creds))...)); err != nil {
				t.Error(err)
			}
			u, err := url.Parse(tt.origin)
			if err != nil {
				t.Fatal(err)
			}
			elsewhere := newCredentials(t, rpc.Config{Source: auth.Static("fake-token"), Origins: []string{"https://" + u.Hostname() + ":9"}})
			before := api.count() + inMemory.count()
			err = check(t.Context(), dial(t, tt.target, append(tt.options, grpc.WithPerRPCCredentials(elsewhere))...))
			if !strings.Contains(err.Error(), "not_sent") || api.count()+inMemory.count() != before {
				t.Errorf("to another port: %v", err)
			}
		})
	}
	if inMemory.count() != 1 {
		t.Errorf("%d RPCs came through the pipe", inMemory.count())
	}

	// In clear text, where that stays on this machine.
	socket := filepath.Join(sandbox.New(t).Dir, "grpc.sock")
	for _, tt := range []struct{ network, address, origin string }{
		{"unix", socket, "http://localhost"},
		{"tcp", "[::1]:0", "http://"},
	} {
		l, err := net.Listen(tt.network, tt.address)
		if err != nil {
			t.Logf("not tried here: %v", err)
			continue
		}
		target := l.Addr().String()
		if tt.network == "unix" {
			target = "unix://" + target
		} else {
			tt.origin += target
		}
		serveGRPC(t, l, nil, func(_ context.Context, token string) bool { return token == "fake-token" })
		creds := newCredentials(t, rpc.Config{Source: auth.Static("fake-token"), Origins: []string{tt.origin}})
		if err := check(t.Context(), dial(t, target, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(creds))); err != nil {
			t.Errorf("%s: %v", target, err)
		}
	}
}

// gRPC does not put the credentials on a connection in clear text unless they
// say that it does not leave this machine.
func TestGRPC_L6_ClearTextIsForLoopback(t *testing.T) {
	t.Parallel()
	secure := newCredentials(t, rpc.Config{Source: auth.Static("fake-token"), Origins: []string{"https://localhost:1"}})
	if _, err := grpc.NewClient("localhost:1", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(secure)); err == nil {
		t.Error("gRPC would send the credential in clear text")
	}
	if _, err := rpc.New(rpc.Config{Source: auth.Static("fake-token"), Origins: []string{"http://api.acme.example"}}); !errors.Is(err, auth.InsecureTransport) {
		t.Error(err)
	}
}
