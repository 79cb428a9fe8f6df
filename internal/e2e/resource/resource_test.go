package resource_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/reauth-go/reauth/internal/e2e/issuer"
	"github.com/reauth-go/reauth/internal/e2e/resource"
)

func TestAcceptsWhatTheIssuerStandsFor(t *testing.T) {
	iss := issuer.Start(t, issuer.Config{AccessTTL: time.Minute})
	api := resource.Start(t, iss, resource.Config{})
	tok, err := iss.ClientCredentials(issuer.Basic, nil)
	if err != nil {
		t.Fatal(err)
	}

	plain := `Bearer realm="e2e"`
	invalid := plain + `, error="invalid_token", error_description="the token is unknown, expired or revoked"`
	for _, try := range []struct {
		name, header string
		status       int
		challenge    string
	}{
		{"none", "", 401, plain},
		{"another scheme", "Basic YTpi", 401, plain},
		{"unknown", "Bearer nonsense", 401, invalid},
		{"good", "Bearer " + tok.AccessToken, 200, ""},
	} {
		status, challenge := get(t, api.URL+"/v1/me", try.header)
		if status != try.status || challenge != try.challenge {
			t.Errorf("%s: %d %q", try.name, status, challenge)
		}
	}
	if api.LastToken() != tok.AccessToken || api.Accepted() != 1 || api.Refused() != 3 {
		t.Errorf("accepted %d, refused %d", api.Accepted(), api.Refused())
	}

	iss.Revoke(issuer.Basic, api.LastToken())
	if status, challenge := get(t, api.URL, "Bearer "+tok.AccessToken); status != 401 || challenge != invalid {
		t.Errorf("revoked: %d %q", status, challenge)
	}
	iss.Process.Kill()
	if status, _ := get(t, api.URL, "Bearer "+tok.AccessToken); status != 503 {
		t.Errorf("without an issuer: %d", status)
	}
	if seen := api.Seen(); len(seen) != 6 || seen[3].Path != "/v1/me" {
		t.Errorf("%+v", seen)
	}
}

func TestCacheBelievesForAWhile(t *testing.T) {
	iss := issuer.Start(t, issuer.Config{AccessTTL: time.Minute})
	api := resource.Start(t, iss, resource.Config{CacheFor: time.Minute})
	tok, err := iss.ClientCredentials(issuer.Basic, nil)
	if err != nil {
		t.Fatal(err)
	}
	get(t, api.URL, "Bearer "+tok.AccessToken)
	iss.Process.Kill()
	if status, _ := get(t, api.URL, "Bearer "+tok.AccessToken); status != 200 {
		t.Errorf("the cached verdict was not used: %d", status)
	}
}

// The suite sends steady traffic from 50 goroutines: this shows that the issuer
// and the API can keep up, so that what fails there is ours.
func TestKeepsUpWithFiftyCallers(t *testing.T) {
	iss := issuer.Start(t, issuer.Config{AccessTTL: time.Minute})
	api := resource.Start(t, iss, resource.Config{})
	tok, err := iss.ClientCredentials(issuer.Basic, nil)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			for range 20 {
				if status, _ := get(t, api.URL, "Bearer "+tok.AccessToken); status != 200 {
					t.Errorf("%d", status)
				}
			}
		})
	}
	callers.Wait()
	t.Logf("%.0f requests a second", 1000/time.Since(begun).Seconds())
	if n := api.Accepted(); n != 1000 {
		t.Errorf("accepted %d of 1000", n)
	}
}

var caller = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

func get(t *testing.T, to, authorization string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, to, nil)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := caller.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("WWW-Authenticate")
}
