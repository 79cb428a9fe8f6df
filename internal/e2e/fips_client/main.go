// Program fips_client does once what reauth does with cryptography: fingerprints,
// TLS with client certificates, exchanges, assertions, refusals. Each step is one
// line of JSON. It is built and run by fips_test.go, in a process in which Go
// allows nothing that FIPS 140-3 does not.
package main

import (
	"context"
	"crypto/fips140"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/keyring"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/transport/rpc"
)

// A Step is what came of one thing that was tried.
type Step struct {
	Name, Error string
	Cause       auth.Cause
	Page        string
}

func tell(name string, err error) {
	s := Step{Name: name}
	if err != nil {
		s.Error = err.Error()
	}
	if e, ok := errors.AsType[*auth.Error](err); ok {
		s.Cause, s.Page = e.Cause, e.Explain()
	}
	if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
		panic(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func main() {
	ctx := context.Background()
	dir, api, tokens, odd := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	file := func(name string) string { return filepath.Join(dir, name) }

	var err error
	if !fips140.Enforced() {
		err = errors.New("nothing is enforced: this proves nothing")
	}
	tell("enforced", err)

	seen := map[string]bool{}
	for _, n := range []int{1, 7, 32, 200, 1 << 16} {
		s := auth.NewSecret(strings.Repeat("k", n))
		seen[s.Fingerprint()] = true
		if !s.Equal(auth.NewSecret(strings.Repeat("k", n))) {
			err = errors.New("a secret is not equal to itself")
		}
	}
	if len(seen) != 5 {
		err = fmt.Errorf("%d fingerprints", len(seen))
	}
	tell("fingerprints", err)

	cert := must(tls.LoadX509KeyPair(file("client.pem"), file("client.key")))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(must(os.ReadFile(file("ca.pem"))))
	wire := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}}

	get := func(src auth.Source) error {
		c := must(reauth.New(reauth.Config{Name: "acme", Source: src, BaseURL: api, Transport: wire}))
		defer c.Close()
		return c.Get(ctx, "/v1/me", nil)
	}
	config := &clientcredentials.Config{ClientID: "test-client", ClientSecret: "test-client-secret", TokenURL: tokens}
	tell("client credentials", get(must(oauth.ClientCredentials(config, oauth.Options{Transport: wire}))))
	tell("a key that is refused", get(auth.Static("fake-key-0123456789")))
	tell("a token that is refused", get(auth.Static("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.c2ln")))

	wrong := *config
	wrong.ClientSecret = "fake-wrong-secret"
	tell("a client secret that is refused", get(must(oauth.ClientCredentials(&wrong, oauth.Options{Transport: wire}))))
	asserting := &clientcredentials.Config{ClientID: "test-client", TokenURL: tokens}
	tell("an assertion that is refused", get(must(oauth.ClientCredentials(asserting, oauth.Options{Transport: wire, ClientAssertion: auth.File(file("token"))}))))
	oddly := *config
	oddly.TokenURL = odd
	tell("an issuer with other curves", get(must(oauth.ClientCredentials(&oddly, oauth.Options{Transport: wire}))))

	_, err = must(keyring.New(keyring.Config{Service: "acme"})).Credential(ctx)
	tell("a keyring that is not there", err)

	creds := must(rpc.New(rpc.Config{Source: auth.Static("fake"), Origins: []string{api}}))
	_, err = creds.GetRequestMetadata(ctx, api+"/acme.v1.Reports")
	tell("gRPC", err)
}
