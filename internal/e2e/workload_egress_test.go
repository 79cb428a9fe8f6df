package e2e_test

import (
	"crypto/tls"
	"fmt"
	"io"
	golog "log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/internal/e2e/issuer"
	"github.com/reauth-go/reauth/internal/e2e/resource"
	"github.com/reauth-go/reauth/internal/e2e/sandbox"
)

// An egress is a real proxy, Squid, behind which alone the name issuer.test is
// known. One of its ports wants user and password.
type egress struct{ open, paid string }

func startEgress(t *testing.T) egress {
	t.Helper()
	sandbox.Need(t, "squid")
	box := sandbox.New(t)
	port := func() int {
		l := listen(t)
		defer l.Close()
		return l.Addr().(*net.TCPAddr).Port
	}
	open, paid := port(), port()
	// As root, Squid becomes a user of its own, who has to find these, and may not
	// be able to look into our temporary directory.
	dir, err := os.MkdirTemp("/tmp", "reauth-egress-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"hosts":   "127.0.0.1 issuer.test banned.test dead.test\n",
		"auth.sh": `while read -r line; do [ "$line" = "svc fake-proxy-password" ] && echo OK || echo ERR; done` + "\n",
		"squid.conf": fmt.Sprintf(`
http_port 127.0.0.1:%[1]d
http_port 127.0.0.1:%[2]d
auth_param basic program /bin/sh %[3]s/auth.sh
auth_param basic realm egress
acl CONNECT method CONNECT
acl paid localport %[2]d
acl banned dstdomain banned.test
acl known proxy_auth REQUIRED
http_access deny banned
http_access deny !CONNECT
http_access allow !paid
http_access allow known
http_access deny all
hosts_file %[3]s/hosts
dns_nameservers 127.0.0.1
udp_outgoing_address 127.0.0.1
visible_hostname egress.test
coredump_dir %[3]s
pid_filename none
access_log none
cache_log /dev/null
netdb_filename none
pinger_enable off
cache deny all
shutdown_lifetime 0 seconds
`, open, paid, dir),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// A name of its own, because Squid's shared memory has that name.
	p := box.Start(exec.Command("squid", "-N", "-d", "1", "-n", fmt.Sprint("egress", open), "-f", filepath.Join(dir, "squid.conf")))
	e := egress{fmt.Sprintf("127.0.0.1:%d", open), fmt.Sprintf("127.0.0.1:%d", paid)}
	sandbox.Poll(t, 30*time.Second, "squid listens", func() bool {
		if p.Ended() {
			t.Fatal("squid ended before it was ready")
		}
		for _, address := range []string{e.open, e.paid} {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				return false
			}
			conn.Close()
		}
		return true
	})
	return e
}

// through is a transport that goes through a proxy, and knows these certificates.
func through(t *testing.T, proxy string, trusts *authority, shows ...tls.Certificate) *http.Transport {
	t.Helper()
	u, err := url.Parse("http://" + proxy)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Transport{Proxy: http.ProxyURL(u), TLSClientConfig: &tls.Config{RootCAs: trusts.pool(), Certificates: shows}}
}

// behindTLS puts a front before a server that has a certificate of a private
// authority and wants one from its clients.
func behindTLS(t *testing.T, address string, ca *authority, edit func(*tls.Config)) (port string) {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }})
	srv.Config.ErrorLog = golog.New(io.Discard, "", 0)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{ca.issue("issuer.test", "localhost")}, ClientCAs: ca.pool(), ClientAuth: tls.RequireAndVerifyClientCert}
	if edit != nil {
		edit(srv.TLS)
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	_, port, _ = net.SplitHostPort(srv.Listener.Addr().String())
	return port
}

// What large companies have, all at once: the token endpoint has a certificate
// of the company's own authority, wants one from its clients, and is reached
// through a proxy; the API is reached directly.
func TestWorkload_PrivateAuthorityProxyAndMutualTLSTogether(t *testing.T) {
	t.Parallel()
	egress := startEgress(t)
	iss := issuer.Start(t, issuer.Config{AccessTTL: time.Minute})
	res := resource.Start(t, iss, resource.Config{})
	ca, stranger := newAuthority(t, "the company's"), newAuthority(t, "a stranger's")
	port := behindTLS(t, iss.URL, ca, nil)
	good := ca.issue()
	always := func(c tls.Certificate) *http.Transport { // whatever authorities the server names
		rt := through(t, egress.open, ca)
		rt.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c, nil }
		return rt
	}
	client := func(t *testing.T, host string, tokens *http.Transport) *reauth.Client {
		t.Helper()
		t.Cleanup(tokens.CloseIdleConnections)
		src, err := oauth.ClientCredentials(&clientcredentials.Config{ClientID: issuer.Basic.ID, TokenURL: "https://" + host + "/token"},
			oauth.Options{ClientSecret: auth.Static(issuer.Basic.Secret), Transport: tokens})
		if err != nil {
			t.Fatal(err)
		}
		return newClient(t, reauth.Config{Source: src, BaseURL: res.URL, Transport: newWire(t)})
	}
	host := "issuer.test:" + port
	if _, err := net.LookupHost("issuer.test"); err == nil {
		t.Error("issuer.test is known without the proxy, so this proves nothing")
	}
	for name, tokens := range map[string]*http.Transport{
		"an open proxy":                   through(t, egress.open, ca, good),
		"a proxy with a password":         through(t, "svc:fake-proxy-password@"+egress.paid, ca, good),
		"whatever authority is asked for": always(good),
	} {
		c := client(t, host, tokens)
		wantAllWell(t, at(t, c, 5))
		iss.Revoke(issuer.Basic, res.LastToken())
		wantAllWell(t, at(t, c, 5))
		t.Log(name, "works")
	}
	if n := iss.Exchanges(); n != 6 {
		t.Errorf("L2: %d exchanges, 6 are enough", n)
	}
	wantOneRepeat(t, res)

	before := iss.Exchanges()
	for _, tt := range []struct {
		name   string
		host   string
		tokens *http.Transport
		cause  auth.Cause
		says   string // of the remedy
	}{
		{"a stranger's client certificate", host, always(stranger.issue()), auth.CertificateRejected, "client certificate that the issuer knows"},
		{"no client certificate", host, through(t, egress.open, ca), auth.CertificateRejected, "client certificate that the issuer knows"},
		{"one that the server's list leaves out", host, through(t, egress.open, ca, stranger.issue()), auth.CertificateRejected, "client certificate that the issuer knows"},
		{"an authority that is not trusted here", host, through(t, egress.open, stranger, good), auth.CertificateRejected, "have this machine trust the issuer's certificate"},
		{"another name", "dead.test:" + port, through(t, egress.open, ca, good), auth.CertificateRejected, "correct the token endpoint's URL"},
		{"a proxy that wants a password", host, through(t, egress.paid, ca, good), auth.ProxyAuthRequired, "the proxy's own user and password"},
		{"a wrong password", host, through(t, "svc:fake-zebra-password@"+egress.paid, ca, good), auth.ProxyAuthRequired, "the proxy's own user and password"},
		{"a proxy that does not let us there", "banned.test:" + port, through(t, egress.open, ca, good), auth.IntermediaryResponse, "have the proxy let this machine connect to banned.test:" + port},
		{"nobody behind the proxy", "dead.test:1", through(t, egress.open, ca, good), auth.IssuerUnavailable, "whether the proxy reaches the issuer"},
		{"no proxy there", host, through(t, "127.0.0.1:1", ca, good), auth.IssuerUnavailable, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls := at(t, client(t, tt.host, tt.tokens), 5)
			if len(failed(calls)) != len(calls) {
				t.Fatal("a call succeeded")
			}
			wantCause(t, calls[0].err, tt.cause, tt.says)
			step := tt.cause.Step()
			if want := map[bool]auth.Step{true: auth.StepWait, false: auth.StepFixEnvironment}[tt.cause == auth.IssuerUnavailable]; step != want {
				t.Errorf("the step is %s, want %s", step, want)
			}
			for _, word := range []string{issuer.Basic.Secret, "fake-zebra", "client secret", "log in"} {
				if strings.Contains(calls[0].err.Error(), word) {
					t.Errorf("it speaks of %q: %v", word, calls[0].err)
				}
			}
		})
	}
	if n := iss.Exchanges(); n != before || len(iss.Counts().Refused) != 0 {
		t.Errorf("the issuer was reached: %d exchanges", n-before)
	}
}
