package profile_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/profile"
)

func header(fields ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(fields); i += 2 {
		h.Set(fields[i], fields[i+1])
	}
	return h
}

func named(t testing.TB, name string) profile.Profile {
	t.Helper()
	for _, p := range profile.Builtin {
		if p.Name == name {
			return *p
		}
	}
	t.Fatalf("no profile %q", name)
	return profile.Profile{}
}

// TestWhatProvidersSay plays answers as providers document them, or as they were
// recorded; each line of the table names where.
func TestWhatProvidersSay(t *testing.T) {
	raw, err := os.ReadFile("testdata/refusals.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Profile, Type, Body, Refused, Explained, Source string
		Status                                          int
		Cause                                           auth.Cause
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Profile+"/"+c.Refused+c.Explained, func(t *testing.T) {
			p, h := named(t, c.Profile), header("Content-Type", c.Type)
			check := func(what, want string, code profile.Code, ok bool) {
				if ok != (want != "") || ok && (code.String() != want || code.Cause != c.Cause) {
					t.Errorf("%s: %s, %s, %t; want %q, %s", what, code, code.Cause, ok, want, c.Cause)
				}
			}
			code, ok := p.Refused(c.Status, h, []byte(c.Body))
			check("Refused", c.Refused, code, ok)
			code, ok = p.Explain(c.Status, h, []byte(c.Body))
			check("Explain", c.Refused+c.Explained, code, ok)
			if c.Refused != "" && !p.MayDisguise(c.Status, h) {
				t.Error("it is a refusal, and was not worth a look")
			}
			if _, ok := p.Refused(401, h, []byte(c.Body)); ok {
				t.Error("a 401 wears no disguise")
			}
			if c.Source == "" {
				t.Error("no source")
			}
		})
	}
}

// TestOnlyWhatIsDocumented: near misses are answers.
func TestOnlyWhatIsDocumented(t *testing.T) {
	asJSON := header("Content-Type", "application/json")
	const refusal = `{"ok":false,"error":"token_expired"}`
	for name, c := range map[string]struct {
		status int
		header http.Header
		body   string
	}{
		"another status":          {201, asJSON, refusal},
		"no status":               {0, asJSON, refusal},
		"an event stream":         {200, header("Content-Type", "text/event-stream"), refusal},
		"lines of JSON":           {200, header("Content-Type", "application/x-ndjson"), refusal},
		"a download":              {200, header("Content-Type", "application/octet-stream"), refusal},
		"compressed":              {200, header("Content-Type", "application/json", "Content-Encoding", "gzip"), refusal},
		"ok":                      {200, asJSON, `{"ok":true,"error":"token_expired"}`},
		"no word of ok":           {200, asJSON, `{"error":"token_expired"}`},
		"ok in words":             {200, asJSON, `{"ok":"no","error":"token_expired"}`},
		"both":                    {200, asJSON, `{"ok":false,"error":"token_expired","ok":true}`},
		"within":                  {200, asJSON, `{"ok":false,"data":{"error":"token_expired"}}`},
		"as a key":                {200, asJSON, `{"ok":false,"token_expired":"error"}`},
		"within the value":        {200, asJSON, `{"ok":false,"error":{"error":"token_expired"}}`},
		"in a longer value":       {200, asJSON, `{"ok":false,"error":"token_expired_soon"}`},
		"in capitals":             {200, asJSON, `{"ok":false,"error":"TOKEN_EXPIRED"}`},
		"in the second document":  {200, asJSON, `{"ok":true} ` + refusal},
		"after a plain document":  {200, asJSON, "true " + refusal},
		"in a text":               {200, asJSON, `{"ok":true,"text":"{\"ok\":false,\"error\":\"token_expired\"}"}`},
		"cut before the value":    {200, asJSON, `{"ok":false,"error":"token_exp`},
		"broken before the value": {200, asJSON, `{"ok":false,,"error":"token_expired"}`},
		"after 16 KiB":            {200, asJSON, `{"ok":false,"pad":"` + strings.Repeat("x", 16<<10) + `","error":"token_expired"}`},
		"empty":                   {200, asJSON, ``},
		"a web page":              {200, asJSON, `<html>token_expired</html>`},
		"deeper than anybody":     {200, asJSON, strings.Repeat(`{"error":`, 5000) + `"token_expired"`},
	} {
		if code, ok := profile.Slack.Refused(c.status, c.header, []byte(c.body)); ok {
			t.Errorf("%s: taken for %s", name, code)
		}
	}
	for name, body := range map[string]string{
		"whole":       refusal,
		"cut off":     `{"ok":false,"error":"token_expired","pad":"xx`,
		"other order": `{"error":"token_expired","ok":false}`,
		"spaced":      "\n {\t\"ok\" : false , \"error\" : \"token_expired\" }",
	} {
		if _, ok := profile.Slack.Refused(200, asJSON, []byte(body)); !ok {
			t.Errorf("%s: not recognised", name)
		}
		if _, ok := profile.Slack.Refused(200, nil, []byte(body)); !ok {
			t.Errorf("%s: not recognised without a header", name)
		}
	}
	if code, ok := profile.GoogleMaps.Refused(200, asJSON, []byte(`{"status":"OK"} {"status":"REQUEST_DENIED"}`)); ok {
		t.Errorf("the second document: taken for %s", code)
	}
	var none profile.Profile
	if _, ok := none.Refused(200, asJSON, []byte(refusal)); ok || none.MayDisguise(200, asJSON) {
		t.Error("the zero profile recognises something")
	}
	if profile.Slack.MayDisguise(200, nil) {
		t.Error("a body of unknown kind is no reason to wait for it")
	}
}

// TestListsAreLookedThrough: a path names members; lists have none.
func TestListsAreLookedThrough(t *testing.T) {
	p := profile.Profile{Name: "acme", Codes: []profile.Codes{{Status: 403, At: "errors/code", Causes: map[string]auth.Cause{"17": auth.AccessExpired, "true": auth.AccessRevoked}}}}
	for body, want := range map[string]auth.Cause{
		`{"errors":[{"code":3},{"code":17}]}`: auth.AccessExpired,
		`[{"errors":[[{"code":17}]]}]`:        auth.AccessExpired,
		`{"errors":{"code":true}}`:            auth.AccessRevoked,
		`{"errors":[{"code":"17"}]}`:          auth.AccessExpired,
		`{"errors":[17]}`:                     "",
		`{"errors":[{"code":null}]}`:          "",
		`{"errors":[{"a/code":17}]}`:          "",
	} {
		if code, _ := p.Refused(403, nil, []byte(body)); code.Cause != want {
			t.Errorf("%s: %q, want %q", body, code.Cause, want)
		}
	}
}

// FuzzRefused: no body may panic, take long, or say what is not in it.
func FuzzRefused(f *testing.F) {
	for _, s := range []string{`{"ok":false,"error":"token_expired"}`, `[[[`, `{"a":`, `{"ok":false}}`, "\x00", `]`, `{"status":"REQUEST_DENIED"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if n := profile.Scan(body, "error", "ok"); n > 64 {
			t.Errorf("%d values kept", n)
		}
		code, ok := profile.Slack.Refused(200, nil, body)
		again, ok2 := profile.Slack.Refused(200, nil, body)
		if code != again || ok != ok2 {
			t.Error("two answers to one question")
		}
		if ok && profile.Slack.Codes[0].Causes[code.Value] != code.Cause {
			t.Errorf("a code that nobody documents: %s", code)
		}
	})
}

func BenchmarkRefused(b *testing.B) {
	body := []byte(`{"results":[` + strings.Repeat(`{"name":"somewhere","geometry":{"lat":47.05,"lng":8.3},"types":["street"]},`, 50) + `{}],"status":"OK"}`)
	h := header("Content-Type", "application/json")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		profile.GoogleMaps.Refused(200, h, body)
	}
}

func ExampleProfile_Refused() {
	h := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for _, body := range []string{
		`{"ok":true,"team":"Acme"}`,
		`{"ok":false,"error":"channel_not_found"}`,
		`{"ok":false,"error":"token_expired"}`,
	} {
		if code, refused := profile.Slack.Refused(http.StatusOK, h, []byte(body)); refused {
			fmt.Println("a refusal:", code.Cause)
		} else {
			fmt.Println("an answer")
		}
	}
	// Output:
	// an answer
	// an answer
	// a refusal: access_expired
}

func ExampleFor() {
	p, ok := profile.For("api.stripe.com")
	fmt.Println(ok, p.Title, p.Env, p.KeysURL)
	// Output: true Stripe [STRIPE_API_KEY] https://dashboard.stripe.com/apikeys
}
