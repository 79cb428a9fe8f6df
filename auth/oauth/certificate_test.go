package oauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// certificate makes one that is signed by parent, or by itself if that is nil.
func certificate(t testing.TB, parent *tls.Certificate, edit func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fake, for a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: parent == nil,
	}
	if edit != nil {
		edit(template)
	}
	issuer, signer := template, any(key)
	if parent != nil {
		issuer, signer = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func pool(c tls.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(c.Leaf)
	return p
}

// A certificate that one side does not accept is nobody's weather: waiting does
// not help, and no credential is to blame.
func TestTrap89_CertificatesAreTheEnvironments(t *testing.T) {
	authority, stranger := certificate(t, nil, nil), certificate(t, nil, nil)
	good := certificate(t, &authority, nil)
	old := certificate(t, &authority, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	otherName := certificate(t, &authority, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} })
	start := func(shows tls.Certificate, wants tls.ClientAuthType, version uint16) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(goodToken))
		}))
		s.Config.ErrorLog = quiet
		s.TLS = &tls.Config{Certificates: []tls.Certificate{shows}, ClientCAs: pool(authority), ClientAuth: wants, MaxVersion: version}
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	trust := func(shows ...tls.Certificate) *tls.Config {
		return &tls.Config{RootCAs: pool(authority), Certificates: shows}
	}
	always := func(c tls.Certificate) *tls.Config { // whatever authorities the other side names
		return &tls.Config{RootCAs: pool(authority), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c, nil }}
	}
	issuer := start(good, tls.RequireAndVerifyClientCert, tls.VersionTLS13)
	issuer12 := start(good, tls.RequireAndVerifyClientCert, tls.VersionTLS12)
	proxy := start(old, tls.NoClientCert, tls.VersionTLS13)
	through := func(c *tls.Config) *http.Transport {
		to, _ := url.Parse(proxy.URL)
		return &http.Transport{TLSClientConfig: c, Proxy: http.ProxyURL(to)}
	}
	const server, client = "have this machine trust the issuer's certificate", "client certificate that the issuer knows"
	for _, tt := range []struct {
		name   string
		server *httptest.Server
		rt     *http.Transport
		remedy string
	}{
		{"unknown authority", issuer, &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool(stranger), Certificates: []tls.Certificate{good}}}, server},
		{"expired", start(old, tls.NoClientCert, 0), &http.Transport{TLSClientConfig: trust()}, "have the issuer's certificate renewed"},
		{"another name", start(otherName, tls.NoClientCert, 0), &http.Transport{TLSClientConfig: trust()}, "name that host"},
		{"proxy's expired", issuer, through(trust(good)), "have the proxy's certificate renewed"},
		{"no client certificate", issuer, &http.Transport{TLSClientConfig: trust()}, client},
		{"no client certificate, TLS 1.2", issuer12, &http.Transport{TLSClientConfig: trust()}, "client certificate that the issuer wants"},
		{"a stranger's client certificate", issuer, &http.Transport{TLSClientConfig: always(stranger)}, client},
		{"a stranger's client certificate, TLS 1.2", issuer12, &http.Transport{TLSClientConfig: always(stranger)}, client},
		{"an old client certificate", issuer, &http.Transport{TLSClientConfig: always(old)}, client},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, src := range []auth.Source{appAt(t, tt.server.URL, tt.rt), refreshAt(t, tt.server.URL, tt.rt)} {
				_, err := src.Credential(t.Context())
				e := want(t, err, auth.CertificateRejected)
				if e.Step() != auth.StepFixEnvironment || (e.Confidence == auth.Certain) == strings.Contains(e.Error(), "handshake failure") || !strings.Contains(e.Remedy.Text, tt.remedy) {
					t.Errorf("%v", e)
				}
				page := e.Explain()
				if strings.Contains(page, "asked ") || strings.Contains(page, "used up") {
					t.Errorf("it was tried again, or the refresh token is doubted:\n%s", page)
				}
			}
		})
	}
	for _, s := range []*httptest.Server{issuer, issuer12} {
		get(t, appAt(t, s.URL, &http.Transport{TLSClientConfig: trust(good)}))
	}
}

// What a proxy answers in place of connecting. net/http keeps the words only.
func TestTrap72_AProxyThatDoesNotConnect(t *testing.T) {
	for words, want := range map[string]struct {
		cause auth.Cause
		says  string
	}{
		"Forbidden":                     {auth.IntermediaryResponse, "have the proxy let this machine connect to issuer.example"},
		"Not Found":                     {auth.IntermediaryResponse, "(404 Not Found)"},
		"Service Unavailable":           {auth.IssuerUnavailable, "whether the proxy reaches the issuer"},
		"Proxy Authentication Required": {auth.ProxyAuthRequired, "the proxy's own user and password"},
		"Forbidden fruit":               {auth.IssuerUnavailable, "whether this machine reaches the issuer"},
	} {
		t.Run(words, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &answers{reply: func(int, *http.Request) (*http.Response, error) { return nil, errors.New(words) }}
				_, err := clientSource(t, rt).Credential(t.Context())
				e := diagnosis(t, err)
				if e.Cause != want.cause || !strings.Contains(e.Error(), want.says) || e.Step() == auth.StepWait && rt.count() != 3 || e.Step() != auth.StepWait && rt.count() != 1 {
					t.Errorf("asked %d times: %v", rt.count(), e)
				}
			})
		})
	}
}

// The issuer's wish is the error's NextTry, on the wall clock.
func TestL5_RetryAfterIsTheNextTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]time.Duration{
			"30": 30 * time.Second, "0": 0, "": 0, "soon": 0, "86400": time.Hour,
			time.Now().Add(time.Minute).UTC().Format(http.TimeFormat): time.Minute,
		} {
			rt := &answers{reply: func(int, *http.Request) (*http.Response, error) {
				r := reply(429, "text/plain", "slowly")
				r.Header.Set("Retry-After", value)
				return r, nil
			}}
			_, err := refreshSource(t, rt, auth.Static(canaryRefresh)).Credential(t.Context())
			e := diagnosis(t, err)
			if got := e.NextTry; want == 0 && !got.IsZero() || want != 0 && !got.Equal(time.Now().Add(want)) || e.Throttled {
				t.Errorf("Retry-After %q: next try %v, want in %v", value, got, want)
			}
		}
	})
}
