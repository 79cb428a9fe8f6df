package authtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/reauth-go/reauth/auth/authtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// everyway runs a test against each kind of server: what one can play, all can.
func everyway(t *testing.T, config authtest.Config, test func(*testing.T, *authtest.Server, *http.Client)) {
	t.Helper()
	for name, set := range map[string]func(*authtest.Config){
		"sockets":     func(*authtest.Config) {},
		"sockets TLS": func(c *authtest.Config) { c.TLS = true },
		"memory":      func(c *authtest.Config) { c.InMemory = true },
	} {
		t.Run(name, func(t *testing.T) {
			c := config
			set(&c)
			srv := authtest.NewServer(c)
			defer srv.Close()
			test(t, srv, &http.Client{Transport: srv.Transport()})
		})
	}
}

// An answer is a response that was read to its end.
type answer struct {
	*http.Response
	body string
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(a.body), &members); err != nil {
		t.Fatalf("body %q: %v", a.body, err)
	}
	return members
}

// send performs a request whose header is "Name: value" and returns the answer.
func send(t *testing.T, client *http.Client, method, url, header, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if name, value, ok := strings.Cut(header, ": "); ok {
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, string(text)}
}

func get(t *testing.T, client *http.Client, url, header string) answer {
	t.Helper()
	return send(t, client, http.MethodGet, url, header, "")
}

// exchange asks the token endpoint, with the client's secret in the form.
func exchange(t *testing.T, client *http.Client, srv *authtest.Server, form url.Values) answer {
	t.Helper()
	if !form.Has("client_id") {
		form.Set("client_id", "test-client")
		form.Set("client_secret", "test-client-secret")
	}
	return send(t, client, http.MethodPost, srv.Issuer.TokenURL, formType, form.Encode())
}

func refresh(t *testing.T, client *http.Client, srv *authtest.Server, token string) answer {
	t.Helper()
	return exchange(t, client, srv, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

const formType = "Content-Type: application/x-www-form-urlencoded"

func bearer(token string) string { return "Authorization: Bearer " + token }

func wantStatus(t *testing.T, got answer, want int) {
	t.Helper()
	if got.StatusCode != want {
		t.Fatalf("status %d, want %d; body %.200q", got.StatusCode, want, got.body)
	}
}

func wantEqual[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
