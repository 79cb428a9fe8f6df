package profile_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/profile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	nameForm     = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	variableForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	hostForm     = regexp.MustCompile(`^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$`)
	fieldForm    = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
)

// TestEveryProfile holds what every profile of this package must have: facts in
// their right form, and a dated source.
func TestEveryProfile(t *testing.T) {
	if n := len(profile.Builtin); n < 25 {
		t.Errorf("%d profiles, want 25 at least", n)
	}
	names, titles := map[string]bool{}, map[string]bool{}
	for _, p := range profile.Builtin {
		t.Run(p.Name, func(t *testing.T) {
			if !nameForm.MatchString(p.Name) || names[p.Name] {
				t.Errorf("the name %q is not of its form, or given twice", p.Name)
			}
			if p.Title == "" || titles[p.Title] {
				t.Errorf("the title %q is empty, or given twice", p.Title)
			}
			names[p.Name], titles[p.Title] = true, true

			if p.BaseURL == "" && len(p.Hosts) == 0 {
				t.Error("neither a base URL nor hosts")
			}
			for _, o := range append([]string{p.BaseURL}, p.Origins...) {
				if u := page(t, "origin", o); u != nil && (u.Path != "" || u.RawQuery != "" || u.Port() != "" || !hostForm.MatchString(u.Host)) {
					t.Errorf("%s is more than an origin", o)
				}
			}
			for _, h := range p.Hosts {
				if !hostForm.MatchString(h) || strings.Count(strings.TrimPrefix(h, "*."), ".") == 0 {
					t.Errorf("the host %q is too wide, or none", h)
				}
			}
			if page(t, "Docs", p.Docs) == nil {
				t.Error("no page on authentication")
			}
			page(t, "KeysURL", p.KeysURL)

			place := auth.Bearer.Place()
			if p.Scheme != nil {
				place = p.Scheme.Place()
				if p.Scheme.Name() == "" || (place.Header == "") == (place.Query == "") || place.Header != http.CanonicalHeaderKey(place.Header) {
					t.Errorf("the scheme %q has the place %+v", p.Scheme.Name(), place)
				}
				if v, err := p.Scheme.Value(&auth.Credential{Secret: auth.NewSecret("not-a-real-key"), Username: "somebody"}); err != nil || v == "" {
					t.Errorf("the scheme makes %q, %v", v, err)
				}
			}
			for _, v := range append(p.Env, p.UsernameEnv) {
				if v != "" && !variableForm.MatchString(v) {
					t.Errorf("no variable: %q", v)
				}
			}
			if (p.Username != "" || p.UsernameEnv != "") && p.Scheme != auth.Basic {
				t.Error("a user name, and not the scheme Basic")
			}
			for name, value := range p.Header {
				if name != http.CanonicalHeaderKey(name) || !fieldForm.MatchString(name) || value == "" || name == place.Header {
					t.Errorf("the field %s: %s cannot be sent", name, value)
				}
			}
			if p.RequestID != http.CanonicalHeaderKey(p.RequestID) {
				t.Errorf("the field %q is not canonical", p.RequestID)
			}
			for _, c := range p.Codes {
				if c.At == "" || len(c.Causes) == 0 || c.Status == http.StatusUnauthorized || c.Status != 0 && (c.Status < 200 || c.Status > 499) {
					t.Errorf("codes that say nothing: %+v", c)
				}
				if c.When != "" && !strings.Contains(c.When, "=") {
					t.Errorf("no condition: %q", c.When)
				}
				for value, cause := range c.Causes {
					if value == "" || cause.Meaning() == "" {
						t.Errorf("the value %q has the cause %q, which is none", value, cause)
					}
				}
			}

			if len(p.Sources) == 0 {
				t.Error("no source")
			}
			for _, s := range p.Sources {
				day, err := time.Parse(time.DateOnly, s.Date)
				if err != nil || day.Year() < 2020 || day.After(time.Now().AddDate(0, 0, 1)) {
					t.Errorf("no date of a source: %q", s.Date)
				}
				if s.Says == "" || page(t, "source", s.URL) == nil {
					t.Errorf("a source that says nothing: %+v", s)
				}
			}
		})
	}
}

func page(t *testing.T, what, raw string) *url.URL {
	t.Helper()
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		t.Errorf("%s: no https address: %q", what, raw)
		return nil
	}
	return u
}

// TestL6_NoHostTwice: which profile a host has must not depend on an order.
func TestL6_NoHostTwice(t *testing.T) {
	owner := map[string]string{}
	for _, p := range profile.Builtin {
		for _, h := range profile.HostsOf(*p) {
			if other := owner[h]; other != "" {
				t.Errorf("%s belongs to %s and to %s", h, other, p.Name)
			}
			owner[h] = p.Name
		}
	}
}

func TestFor(t *testing.T) {
	for host, want := range map[string]string{
		"api.openai.com":                    "openai",
		"API.OpenAI.com.":                   "openai",
		"api.openai.com:443":                "openai",
		"uploads.github.com":                "github",
		"maps.googleapis.com":               "google-maps",
		"storage.googleapis.com":            "google",
		"generativelanguage.googleapis.com": "gemini",
		"example.openai.azure.com":          "azure-openai",
		"my-shop.myshopify.com":             "shopify",

		// Nothing that only looks like one, or has one within it.
		"":                               "",
		"openai.com":                     "",
		"api.openai.com:8443":            "",
		"api.openai.com.evil.example":    "",
		"evil-api.openai.com":            "",
		"xapi.github.com":                "",
		"openai.azure.com":               "",
		".openai.azure.com":              "",
		"a.b.openai.azure.com":           "",
		"*.openai.azure.com":             "",
		"api.openai.com@evil.example":    "",
		"evil.example/api.openai.com":    "",
		"myshopify.com":                  "",
		"my-shop.myshopify.com.evil.com": "",
	} {
		p, ok := profile.For(host)
		if p.Name != want || ok != (want != "") {
			t.Errorf("For(%q) = %q, %t; want %q", host, p.Name, ok, want)
		}
	}
}

// TestTakesKeysOf: whose keys a provider takes is in the words that the shape of
// a key is told in.
func TestTakesKeysOf(t *testing.T) {
	for _, p := range profile.Builtin {
		if word := p.Maker; word == "" && !p.TakesKeysOf(p.Title) || word != "" && (!p.TakesKeysOf(word) || p.TakesKeysOf(p.Title)) {
			t.Errorf("%s does not take its own keys", p.Title)
		}
	}
	if profile.Anthropic.TakesKeysOf("OpenAI") || !profile.GoogleMaps.TakesKeysOf("Google") {
		t.Error("the wrong keys")
	}
}
