package oauth_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func refreshAt(t testing.TB, url string, rt http.RoundTripper) auth.Refresher {
	t.Helper()
	src, err := oauth.RefreshToken(&oauth2.Config{ClientID: "reports", Endpoint: oauth2.Endpoint{TokenURL: url}}, auth.Static(canaryRefresh), oauth.Options{Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func appAt(t testing.TB, url string, rt http.RoundTripper) auth.Source {
	t.Helper()
	src, err := oauth.ClientCredentials(&clientcredentials.Config{ClientID: "reports", ClientSecret: canaryClient, TokenURL: url}, oauth.Options{Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func facts(e *auth.Error) string { return fmt.Sprint(e.Evidence) }

// lose reads the request, and closes the connection without an answer.
func lose(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.(*net.TCPConn).SetLinger(0) // a reset
		_ = conn.Close()
	}
}

func TestTrap64_RefreshTokenIsSentOnceWhenTheReplyIsLost(t *testing.T) {
	replies := map[string]http.HandlerFunc{
		"reset before the answer": lose,
		"half an answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "500")
			_, _ = w.Write([]byte(`{"access_token":"`))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	}
	for name, h := range replies {
		t.Run(name, func(t *testing.T) {
			s, count := serve(t, h)
			_, err := refreshAt(t, s.URL, nil).Credential(t.Context())
			e := want(t, err, auth.IssuerUnavailable)
			if count() != 1 {
				t.Errorf("the refresh token was sent %d times", count())
			}
			if !strings.Contains(facts(e), "may have been used up") {
				t.Errorf("the doubt is not told: %s", facts(e))
			}
			// Client credentials may be repeated.
			_, err = appAt(t, s.URL, nil).Credential(t.Context())
			want(t, err, auth.IssuerUnavailable)
			if count() != 4 {
				t.Errorf("client credentials were sent %d times", count()-1)
			}
		})
	}
}

// HTTP/2 tells of its connections in another way.
func TestTrap64_RefreshTokenIsSentOnceOverHTTP2(t *testing.T) {
	var n atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n.Add(1)
		if r.ProtoMajor != 2 {
			t.Errorf("spoken to in %s", r.Proto)
		}
		panic(http.ErrAbortHandler)
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	_, err := refreshAt(t, s.URL, s.Client().Transport).Credential(t.Context())
	e := want(t, err, auth.IssuerUnavailable)
	if n.Load() != 1 || !strings.Contains(facts(e), "may have been used up") {
		t.Errorf("sent %d times: %s", n.Load(), facts(e))
	}
}

// closedPort returns an address where nobody listens.
func closedPort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestTrap64_RefreshTokenIsRetriedWhenNoConnectionWasMade(t *testing.T) {
	s, count := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(goodToken))
	})
	var dials atomic.Int32
	closed := closedPort(t)
	rt := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials.Add(1) < 3 {
			addr = closed
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	if c := get(t, refreshAt(t, s.URL, rt)); c.Secret.Reveal() != canaryAccess || dials.Load() != 3 || count() != 1 {
		t.Errorf("%d dials, %d requests", dials.Load(), count())
	}
}

// A transport that tells nothing of its connections is believed only if it
// failed to dial.
func TestTrap64_SilentTransport(t *testing.T) {
	for _, tt := range []struct {
		err   error
		times int
	}{
		{syscall.ECONNRESET, 1},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, 1},
		{errors.New("broken"), 1},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, 3},
		{&net.DNSError{Err: "no such host", Name: "issuer.example", IsNotFound: true}, 1}, // no name appears within seconds
		{&net.DNSError{Err: "server misbehaving", Name: "issuer.example", IsTemporary: true}, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			rt := &answers{reply: func(int, *http.Request) (*http.Response, error) { return nil, tt.err }}
			_, err := refreshSource(t, rt, auth.Static(canaryRefresh)).Credential(t.Context())
			want(t, err, auth.IssuerUnavailable)
			if rt.count() != tt.times || !errors.Is(err, tt.err) {
				t.Errorf("%v: sent %d times, want %d; got %v", tt.err, rt.count(), tt.times, err)
			}
		})
	}
	empty := &answers{reply: func(int, *http.Request) (*http.Response, error) { return nil, nil }}
	_, err := refreshSource(t, empty, auth.Static(canaryRefresh)).Credential(t.Context())
	want(t, err, auth.IssuerUnavailable)
}

// An answer that was lost is remembered: should the issuer reject the token
// afterwards, that is why.
func TestTrap64_LostAnswerIsRemembered(t *testing.T) {
	rt := &answers{reply: func(n int, _ *http.Request) (*http.Response, error) {
		if n == 1 {
			return nil, syscall.ECONNRESET
		}
		return reply(400, "application/json", `{"error":"invalid_grant"}`), nil
	}}
	src := refreshSource(t, rt, auth.Static(canaryRefresh))
	_, err := src.Credential(t.Context())
	want(t, err, auth.IssuerUnavailable)
	_, err = src.Credential(t.Context())
	if e := want(t, err, auth.RefreshRejected); !strings.Contains(facts(e), "earlier exchange") {
		t.Errorf("got %s", facts(e))
	}
}

func TestTrap63_TheTokenIsSentInOneStyleOnly(t *testing.T) {
	rt := always(401, `{"error":"invalid_client"}`)
	_, err := refreshSource(t, rt, auth.Static(canaryRefresh)).Credential(t.Context())
	want(t, err, auth.ClientRejected)
	if rt.count() != 1 || rt.auths[0] == "" || rt.forms[0].Has("client_secret") {
		t.Errorf("sent %d times: %v %v", rt.count(), rt.auths, rt.forms)
	}
}

func TestAuthStyles(t *testing.T) {
	for _, tt := range []struct {
		name   string
		style  oauth2.AuthStyle
		secret auth.Source
		header bool
	}{
		{"unset", 0, auth.Static("s"), true},
		{"header", oauth2.AuthStyleInHeader, auth.Static("s"), true},
		{"params", oauth2.AuthStyleInParams, auth.Static("s"), false},
		{"public client", 0, nil, false},
	} {
		rt := always(200, goodToken)
		src, err := oauth.RefreshToken(&oauth2.Config{ClientID: "app", Endpoint: oauth2.Endpoint{TokenURL: tokenURL, AuthStyle: tt.style}},
			auth.Static("r"), oauth.Options{ClientSecret: tt.secret, Transport: rt})
		if err != nil {
			t.Fatal(err)
		}
		get(t, src)
		if f := rt.forms[0]; (rt.auths[0] != "") != tt.header || (f.Get("client_id") == "app") == tt.header || f.Get("grant_type") != "refresh_token" || f.Get("refresh_token") != "r" {
			t.Errorf("%s: %v %v", tt.name, rt.auths, f)
		}
	}
}

func TestTrap14_RedirectsAreNotFollowed(t *testing.T) {
	elsewhere, stolen := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(goodToken)) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		for name, to := range map[string]string{"another origin": elsewhere.URL + "/login?rt=1", "the same origin": "/oauth/token"} {
			s, count := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, status) })
			for _, src := range []auth.Source{refreshAt(t, s.URL+"/token", nil), appAt(t, s.URL+"/token", nil)} {
				_, err := src.Credential(t.Context())
				e := want(t, err, auth.EndpointMisconfigured)
				if path, _, _ := strings.Cut(to, "?"); !strings.Contains(e.Error(), path) || strings.Contains(e.Error(), "rt=1") {
					t.Errorf("%d to %s: %v", status, name, e)
				}
			}
			if count() != 2 || stolen() != 0 {
				t.Errorf("%d to %s: asked %d times, %d forms went elsewhere", status, name, count(), stolen())
			}
		}
	}
}

func TestL6_RedirectToClearText(t *testing.T) {
	plain, stolen := serve(t, func(http.ResponseWriter, *http.Request) {})
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL, http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	_, err := refreshAt(t, s.URL, s.Client().Transport).Credential(t.Context())
	if e := want(t, err, auth.InsecureTransport); e.Confidence != auth.Certain || stolen() != 0 {
		t.Errorf("%v; %d forms went elsewhere", e, stolen())
	}
}

// Trouble on the way is named by its layer, and never worded as a bad
// credential.
func TestTrap89_NetworkTrouble(t *testing.T) {
	selfSigned := httptest.NewUnstartedServer(http.NotFoundHandler())
	selfSigned.Config.ErrorLog = quiet
	selfSigned.StartTLS()
	t.Cleanup(selfSigned.Close)
	otherName := selfSigned.Client().Transport.(*http.Transport).Clone()
	otherName.TLSClientConfig.ServerName = "other.example.org"
	clear, _ := serve(t, func(http.ResponseWriter, *http.Request) {})
	noHost := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "issuer.example", IsNotFound: true}}
	}}
	for _, tt := range []struct {
		name, layer string
		cause       auth.Cause
		url         string
		rt          http.RoundTripper
		is          func(error) bool
	}{
		{"offline", "connection: ", auth.IssuerUnavailable, "http://" + closedPort(t), nil, func(err error) bool { _, ok := errors.AsType[*net.OpError](err); return ok }},
		{"DNS", "DNS: ", auth.IssuerUnavailable, "https://issuer.example", noHost, func(err error) bool { _, ok := errors.AsType[*net.DNSError](err); return ok }},
		{"certificate", "TLS certificate: ", auth.CertificateRejected, selfSigned.URL, nil, func(err error) bool { _, ok := errors.AsType[x509.UnknownAuthorityError](err); return ok }},
		{"name", "TLS certificate: ", auth.CertificateRejected, selfSigned.URL, otherName, func(err error) bool { _, ok := errors.AsType[x509.HostnameError](err); return ok }},
		{"not TLS", "TLS: ", auth.IssuerUnavailable, strings.Replace(clear.URL, "http:", "https:", 1), nil, func(err error) bool { _, ok := errors.AsType[tls.RecordHeaderError](err); return ok }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, src := range []auth.Source{refreshAt(t, tt.url, tt.rt), appAt(t, tt.url, tt.rt)} {
				_, err := src.Credential(t.Context())
				e := want(t, err, tt.cause)
				if !strings.HasPrefix(e.Evidence[0].Fact, tt.layer) || e.Evidence[0].Source != "network" || e.Response != nil {
					t.Errorf("%s: got %s", tt.name, facts(e))
				}
				if !tt.is(err) {
					t.Errorf("Trap 88: %s: the network's error is not in %v", tt.name, err)
				}
				for _, word := range []string{"invalid", "reject", "log in", "secret"} {
					if strings.Contains(strings.TrimPrefix(e.Error(), string(e.Cause)), word) {
						t.Errorf("%s: worded as a bad credential: %v", tt.name, e)
					}
				}
			}
		})
	}
}

// A certificate does not mend itself within seconds: nothing is repeated.
func TestTrap89_CertificatesAreNotTriedAgain(t *testing.T) {
	rt := &answers{reply: func(int, *http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "dial", Err: x509.UnknownAuthorityError{}}
	}}
	_, err := clientSource(t, rt).Credential(t.Context())
	if e := want(t, err, auth.CertificateRejected); rt.count() != 1 || !strings.Contains(e.Error(), "trust the issuer's certificate") {
		t.Errorf("asked %d times: %v", rt.count(), e)
	}
}

// endless is a body without end. It counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read += len(p); e.read > 4<<20 {
		return 0, errors.New("read too much")
	}
	return copy(p, bytes.Repeat([]byte{'x'}, len(p))), nil
}

func (e *endless) Close() error { return nil }

func TestTrap66_EndlessBody(t *testing.T) {
	for status, cause := range map[int]auth.Cause{200: auth.EndpointMisconfigured, 400: auth.EndpointMisconfigured, 503: auth.IssuerUnavailable} {
		rt := &answers{reply: func(int, *http.Request) (*http.Response, error) {
			r := reply(status, "application/json", "")
			r.Body = &endless{}
			return r, nil
		}}
		_, err := refreshSource(t, rt, auth.Static(canaryRefresh)).Credential(t.Context())
		if e := want(t, err, cause); !strings.Contains(e.Error(), "more than 1 MiB") || e.Response.Body != "" {
			t.Errorf("%d: %v", status, e)
		}
	}
}

// The token request does not go through whatever client the context names: that
// may be the one that waits for the token.
func TestT11_ContextClientIsNotUsed(t *testing.T) {
	trap := &answers{reply: func(int, *http.Request) (*http.Response, error) { return nil, os.ErrInvalid }}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: trap})
	rt := always(200, goodToken)
	if _, err := clientSource(t, rt).Credential(ctx); err != nil || trap.count() != 0 || rt.count() != 1 {
		t.Errorf("got %v, %d requests by the trap", err, trap.count())
	}
}

// Nothing is left behind: no connection, so no goroutine that keeps one.
func TestL11_ConnectionsAreClosed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ended := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			ended <- err
			return
		}
		defer func() { _ = conn.Close() }()
		r := bufio.NewReader(conn)
		req, err := http.ReadRequest(r)
		if err != nil || !req.Close {
			ended <- fmt.Errorf("the request does not end the connection: %v", err)
			return
		}
		_ = req.ParseForm()
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(goodToken), goodToken)
		_, err = r.ReadByte() // until the client closes
		ended <- err
	}()
	get(t, appAt(t, "http://"+l.Addr().String(), &http.Transport{}))
	if err := <-ended; err == nil || strings.Contains(err.Error(), "does not end") {
		t.Error(err)
	}
}

// A proxy that refuses to connect leaves nothing but the words of its status.
func TestProxyThatAsksForCredentials(t *testing.T) {
	proxy, count := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			t.Errorf("the proxy got %s", r.Method)
		}
		w.Header().Set("Proxy-Authenticate", "Basic")
		w.WriteHeader(http.StatusProxyAuthRequired)
	})
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	rt := &http.Transport{Proxy: http.ProxyURL(at)}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: rt})
	foreign := (&clientcredentials.Config{ClientID: "a", ClientSecret: "s", TokenURL: tokenURL, AuthStyle: oauth2.AuthStyleInHeader}).TokenSource(ctx)
	_, err = oauth.FromTokenSource(foreign).Credential(t.Context())
	want(t, err, auth.ProxyAuthRequired)
	for _, src := range []auth.Source{refreshAt(t, tokenURL, rt), appAt(t, tokenURL, rt)} {
		before := count()
		_, err := src.Credential(t.Context())
		e := want(t, err, auth.ProxyAuthRequired)
		if e.Confidence != auth.Likely || e.Evidence[0].Source != "proxy" || !strings.Contains(facts(e), "connect to issuer.example with 407") || !strings.Contains(e.Remedy.Text, "HTTPS_PROXY") {
			t.Errorf("got %+v", e)
		}
		if count() != before+1 {
			t.Errorf("asked %d times", count()-before)
		}
	}
}
