package reauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/profile"
)

// elsewhere answers requests in the place of the providers, whose hosts are
// real, and keeps what arrived.
type elsewhere struct{ seen []*http.Request }

func (e *elsewhere) RoundTrip(req *http.Request) (*http.Response, error) {
	e.seen = append(e.seen, req)
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

func variables(t *testing.T, p profile.Profile, value string) {
	t.Helper()
	for i, v := range p.Env {
		t.Setenv(v, "")
		t.Setenv(v+"_FILE", "")
		if i == 0 {
			t.Setenv(v, value)
		}
	}
}

// TestAProfileIsAllThatItTakes: each kind of profile, called with nothing else.
func TestAProfileIsAllThatItTakes(t *testing.T) {
	for _, c := range []struct {
		p                  profile.Profile
		path, url          string
		header, want, also string
	}{
		{profile.OpenAI, "/v1/models", "https://api.openai.com/v1/models", "Authorization", "Bearer " + canary, ""},
		{profile.Anthropic, "/v1/models", "https://api.anthropic.com/v1/models", "X-Api-Key", canary, "Anthropic-Version"},
		{profile.GoogleMaps, "/maps/api/geocode/json?address=x", "https://maps.googleapis.com/maps/api/geocode/json?address=x&key=" + canary, "", "", ""},
		{profile.Mailgun, "/v3/domains", "https://api.mailgun.net/v3/domains", "Authorization", "Basic YXBpOmNhbmFyeS1ub3QtYS1yZWFsLWtleS03ZDFm", ""},
		{profile.Okta, "/api/v1/users/me", "https://acme.okta.com/api/v1/users/me", "Authorization", "SSWS " + canary, ""},
		{profile.Heroku, "/account", "https://api.heroku.com/account", "Authorization", "Bearer " + canary, "Accept"},
	} {
		t.Run(c.p.Name, func(t *testing.T) {
			variables(t, c.p, canary)
			wire := &elsewhere{}
			cfg := reauth.Config{Profile: c.p, Transport: wire}
			if c.p.BaseURL == "" {
				cfg.BaseURL = "https://acme.okta.com"
			}
			if err := mustClient(t, cfg).Get(t.Context(), c.path, nil); err != nil {
				t.Fatal(err)
			}
			got := wire.seen[0]
			if got.URL.String() != c.url {
				t.Errorf("went to %s, want %s", got.URL, c.url)
			}
			if c.header != "" && got.Header.Get(c.header) != c.want {
				t.Errorf("%s: %q, want %q", c.header, got.Header.Get(c.header), c.want)
			}
			if c.also != "" && got.Header.Get(c.also) != c.p.Header[c.also] {
				t.Errorf("%s: %q", c.also, got.Header.Get(c.also))
			}
		})
	}
}

// TestL6_ProfilesOrigins: the provider's further origins get the credential,
// unless the program calls another place.
func TestL6_ProfilesOrigins(t *testing.T) {
	variables(t, profile.GitHub, canary)
	for _, c := range []struct {
		base string
		want string
	}{{"", "Bearer " + canary}, {"https://github.acme.example", ""}} {
		wire := &elsewhere{}
		client := mustClient(t, reauth.Config{Profile: profile.GitHub, BaseURL: c.base, Transport: wire})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://uploads.github.com/repos/o/r/releases/1/assets", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := wire.seen[0].Header.Get("Authorization"); got != c.want {
			t.Errorf("base %q: uploads.github.com got %q, want %q", c.base, got, c.want)
		}
	}
	// A customer's pattern is no origin.
	variables(t, profile.Okta, canary)
	wire := &elsewhere{}
	client := mustClient(t, reauth.Config{Profile: profile.Okta, BaseURL: "https://acme.okta.com", Transport: wire})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://evil.okta.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := wire.seen[0].Header.Get("Authorization"); got != "" {
		t.Errorf("another customer's host got %q", got)
	}
}

// TestFieldsBeatTheProfile: what the program sets counts.
func TestFieldsBeatTheProfile(t *testing.T) {
	variables(t, profile.Anthropic, "the-providers")
	t.Setenv("MINE_API_KEY", canary)
	wire := &elsewhere{}
	client := mustClient(t, reauth.Config{
		Name: "mine", Profile: profile.Anthropic, BaseURL: "https://gateway.acme.example", Scheme: auth.Bearer, Transport: wire,
	})
	if err := client.Get(t.Context(), "/v1/models", nil); err != nil {
		t.Fatal(err)
	}
	got := wire.seen[0]
	if got.URL.Host != "gateway.acme.example" || got.Header.Get("Authorization") != "Bearer "+canary || got.Header.Get("X-Api-Key") != "" {
		t.Errorf("%s %v", got.URL, got.Header)
	}
}

// TestTheProvidersVariables: without a name only the provider's own variables
// count, and an OAuth client's id among them asks for nothing. With one they
// come after the program's.
func TestTheProvidersVariables(t *testing.T) {
	variables(t, profile.GitHub, "")
	t.Setenv("GITHUB_TOKEN", canary)
	t.Setenv("GITHUB_CLIENT_ID", "of a login page")
	t.Setenv("GITHUB_API_KEY", "of another program")
	wire := &elsewhere{}
	client := mustClient(t, reauth.Config{Profile: profile.GitHub, Transport: wire})
	if err := client.Get(t.Context(), "/user", nil); err != nil {
		t.Fatal(err)
	}
	if got := client.Status(t.Context()).Provenance.Name; got != "GITHUB_TOKEN" {
		t.Errorf("found in %s", got)
	}
	clearEnv(t, "MINE_")
	client = mustClient(t, reauth.Config{Name: "mine", Profile: profile.GitHub, Transport: wire})
	if err := client.Get(t.Context(), "/user", nil); err != nil {
		t.Fatal(err)
	}
	if got := client.Status(t.Context()).Provenance.Name; got != "GITHUB_TOKEN" {
		t.Errorf("found in %s", got)
	}
	t.Setenv("MINE_TOKEN", "mine-comes-first")
	client = mustClient(t, reauth.Config{Name: "mine", Profile: profile.GitHub, Transport: wire})
	if err := client.Get(t.Context(), "/user", nil); err != nil {
		t.Fatal(err)
	}
	if got := client.Status(t.Context()).Provenance.Name; got != "MINE_TOKEN" {
		t.Errorf("found in %s", got)
	}
}

// TestTheUserOfAProfile: Twilio's user name is in a variable of its own, read
// anew each time; without it a pair will do, and a bare token will not.
func TestTheUserOfAProfile(t *testing.T) {
	variables(t, profile.Twilio, "not-a-real-token")
	t.Setenv("TWILIO_ACCOUNT_SID", "")
	wire := &elsewhere{}
	client := mustClient(t, reauth.Config{Profile: profile.Twilio, Transport: wire})
	e := wantError(t, client.Get(t.Context(), "/2010-04-01/Accounts.json", nil), auth.MissingCredential)
	if e.Remedy.Text != "set TWILIO_ACCOUNT_SID" || len(wire.seen) != 0 {
		t.Errorf("%s, after %d requests", e.Explain(), len(wire.seen))
	}
	for user, want := range map[string]string{"AC1": "AC1 not-a-real-token", "": "SK1 secret"} {
		t.Setenv("TWILIO_ACCOUNT_SID", user)
		if user == "" {
			t.Setenv("TWILIO_AUTH_TOKEN", "SK1:secret")
		}
		client := mustClient(t, reauth.Config{Profile: profile.Twilio, Transport: wire})
		if err := client.Get(t.Context(), "/2010-04-01/Accounts.json", nil); err != nil {
			t.Fatal(err)
		}
		name, password, _ := wire.seen[len(wire.seen)-1].BasicAuth()
		if got := name + " " + password; got != want {
			t.Errorf("user %q: sent %q, want %q", user, got, want)
		}
		t.Setenv("TWILIO_AUTH_TOKEN", "not-a-real-token")
	}
}

// TestAProfileThatIsWrong: the error names the field that the user wrote.
func TestAProfileThatIsWrong(t *testing.T) {
	for want, p := range map[string]profile.Profile{
		"Config.Profile.BaseURL":  {Name: "acme", BaseURL: "http://api.acme.example"},
		"Config.BaseURL is empty": {Name: "acme"},
		"Config.Name":             {BaseURL: "https://api.acme.example"},
		"Origins[0]":              {Name: "acme", BaseURL: "https://api.acme.example", Origins: []string{"nowhere"}},
	} {
		if _, err := reauth.New(reauth.Config{Profile: p}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func ExampleConfig_profile() {
	srv := authtest.NewServer(authtest.Config{
		Keys: []authtest.Key{{Header: "X-Acme-Key", Value: "not-a-real-key"}},
		Refusal: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"result": "error", "code": 4012}) // with status 200
		}),
	})
	defer srv.Close()

	// What Acme's documentation says, as data. For a provider that the package
	// knows this is one word: profile.OpenAI.
	acme := profile.Profile{
		Name: "acme", Title: "Acme", BaseURL: srv.API.URL,
		Scheme: auth.APIKeyHeader("X-Acme-Key"),
		Env:    []string{"ACME_KEY"},
		Docs:   "https://acme.example/docs/auth",
		Codes:  []profile.Codes{{Status: 200, At: "code", When: "result=error", Causes: map[string]auth.Cause{"4012": auth.StaticKeyExpired}}},
	}
	_ = os.Setenv("ACME_KEY", "last-years-key")
	defer func() { _ = os.Unsetenv("ACME_KEY") }()

	client, err := reauth.New(reauth.Config{Profile: acme})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = client.Close() }()
	err = client.Get(context.Background(), "/v1/me", nil)
	if e, ok := errors.AsType[*auth.Error](err); ok {
		fmt.Println(e.Cause, e.Evidence[0].Fact)
		fmt.Println(e.Remedy.URL)
	}
	// Output:
	// static_key_expired Acme refuses with status 200 and says so in code=4012
	// https://acme.example/docs/auth
}

// TestProfileWithoutABaseURL: where each customer has an address, the error says so.
func TestProfileWithoutABaseURL(t *testing.T) {
	_, err := reauth.New(reauth.Config{Profile: profile.Okta})
	if err == nil || !strings.Contains(err.Error(), "Config.BaseURL is empty, and Okta has another one for each customer") {
		t.Errorf("got %v", err)
	}
}
