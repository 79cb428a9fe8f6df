package e2e_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/internal/e2e/sandbox"
)

// With GODEBUG=fips140=only Go's own packages panic, or fail, at whatever FIPS
// 140-3 does not approve. Everything works there, or is a typed error.
func TestFIPS_NothingPanicsWhereOnlyApprovedCryptographyIsAllowed(t *testing.T) {
	t.Parallel()
	sandbox.Need(t, "go")
	box := sandbox.New(t)
	srv := authtest.NewServer(authtest.Config{})
	t.Cleanup(srv.Close)
	ca := newAuthority(t, "private")
	api := "https://localhost:" + behindTLS(t, srv.API.URL, ca, nil)
	tokens := "https://localhost:" + behindTLS(t, srv.Issuer.URL, ca, nil) + "/token"
	odd := "https://localhost:" + behindTLS(t, srv.Issuer.URL, ca, func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} }) + "/token"
	client := ca.issue()
	key, err := x509.MarshalPKCS8PrivateKey(client.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"ca.pem":     {Type: "CERTIFICATE", Bytes: ca.cert.Raw},
		"client.pem": {Type: "CERTIFICATE", Bytes: client.Certificate[0]},
		"client.key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		write(t, filepath.Join(box.Dir, name), string(pem.EncodeToMemory(block)))
	}
	write(t, filepath.Join(box.Dir, "token"), "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln")

	want := []struct {
		name  string
		cause auth.Cause
	}{
		{"enforced", ""},
		{"fingerprints", ""},
		{"client credentials", ""},
		{"a key that is refused", auth.InvalidCredential},
		{"a token that is refused", auth.AccessExpired},
		{"a client secret that is refused", auth.ClientRejected},
		{"an assertion that is refused", auth.ClientRejected},
		{"an issuer with other curves", auth.CertificateRejected},
		{"a keyring that is not there", auth.SourceUnavailable},
		{"gRPC", ""},
	}
	for _, module := range []string{"off", "latest"} { // Go's own cryptography, as it is and as a module
		program := filepath.Join(box.Dir, "client-"+module)
		build := exec.Command("go", "build", "-o", program, "./fips_client")
		build.Env = append(os.Environ(), "GOFIPS140="+module, "GOWORK=off")
		began := time.Now()
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("GOFIPS140=%s: %v\n%s", module, err, out)
		}
		t.Logf("GOFIPS140=%s: built in %v", module, time.Since(began).Round(time.Second))
		run := exec.Command(program, box.Dir, api, tokens, odd)
		run.Env = box.Env("GODEBUG=fips140=only")
		res := box.Run(time.Minute, run)
		if res.Code != 0 {
			t.Fatalf("GOFIPS140=%s: exit status %d, timed out %v\n%s", module, res.Code, res.TimedOut, res.Stderr)
		}
		answers := json.NewDecoder(bytes.NewBufferString(res.Stdout))
		for _, w := range want {
			var got struct {
				Name, Error string
				Cause       auth.Cause
				Page        string
			}
			if err := answers.Decode(&got); err != nil {
				t.Fatalf("%s: %v\n%s", w.name, err, res.Stdout)
			}
			if got.Name != w.name || got.Cause != w.cause || (w.cause == "") != (got.Error == "") {
				t.Errorf("GOFIPS140=%s: %s: %s\n%s", module, got.Name, got.Error, got.Page)
			}
			t.Logf("%s: %s", got.Name, got.Error)
		}
	}
}
