package authtest_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth/authtest"
)

// Where keys belong, what is no key of ours is masked as well: it may be a real
// one.
func TestL7_UnknownCredentialsAreMasked(t *testing.T) {
	keys := []authtest.Key{{Header: "X-Acme-Token", Value: "key-in-header"}, {Query: "api key", Value: "key-in-query"}}
	everyway(t, authtest.Config{Keys: keys}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		const secret = "sk-somebody-s-own"
		for _, origin := range []string{srv.API.URL, srv.Trap.URL} {
			get(t, client, origin+"/a", "X-Acme-Token: "+secret)
			get(t, client, origin+"/b?q=1&api+key="+secret, "")
			get(t, client, origin+"/c", "Authorization: "+secret)
			get(t, client, origin+"/d", bearer(secret))
		}
		exchange(t, client, srv, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {secret}})
		var shown strings.Builder
		for _, requests := range [][]authtest.Request{srv.API.Requests(), srv.Issuer.Requests(), srv.Trap.Requests()} {
			for _, r := range requests {
				fmt.Fprintf(&shown, "%#v\n%v\n", r, r)
			}
		}
		fmt.Fprintf(&shown, "%#v %v\n%s", srv.Trap.Leaks(), srv.API.Counts(), srv.Transcript())
		if strings.Contains(shown.String(), secret) {
			t.Errorf("a secret is shown:\n%s", shown.String())
		}
		wantEqual(t, "query", srv.API.Requests()[1].RawQuery, "q=1&api+key=[unknown]")
		wantEqual(t, "scheme", srv.API.Requests()[2].Scheme, "")
		wantEqual(t, "leaks", len(srv.Trap.Leaks()), 4)
	})
}

func TestTranscript(t *testing.T) {
	everyway(t, authtest.Config{Keys: []authtest.Key{{Label: "old key", Value: "a-key"}}}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		began := time.Now()
		get(t, client, srv.API.URL+"/v1/me?a=b", "")
		refresh(t, client, srv, srv.Issuer.Login().Refresh)
		get(t, client, srv.Trap.URL+"/a-key", bearer("a-key"))
		exchange(t, client, srv, clientCredentials())
		exchange(t, client, srv, url.Values{"grant_type": {"a-key"}})
		srv.API.FailNext(1, authtest.Reset)
		if _, err := client.Post(srv.API.URL, "text/plain", nil); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want EOF", err)
		}
		wantEqual(t, "transcript", srv.Transcript(), `API    GET /v1/me without a credential: 401
issuer POST /token, refresh_token with refresh 1: 200
trap   GET /[old key] with old key: 200
issuer POST /token, client_credentials: 200
issuer POST /token, [old key]: 400
API    POST / without a credential: no answer
`)
		for _, r := range srv.API.Requests() {
			if r.Time.Before(began) || r.Time.After(time.Now()) {
				t.Errorf("arrived at %v", r.Time)
			}
		}
	})
}
