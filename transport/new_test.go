package transport_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/transport"
)

// A misplaced scheme names whatever place it is told.
type misplaced struct {
	auth.Scheme
	place auth.Place
}

func (m misplaced) Place() auth.Place { return m.place }

// TestNewNamesEveryWrongField at once, and shows nothing that could be a secret
// in the wrong place.
func TestNewNamesEveryWrongField(t *testing.T) {
	_, err := transport.New(transport.Config{
		Scheme: auth.APIKeyHeader("X Api Key"),
		Origins: []string{
			"https://fine.example", "api.acme.example", "ftp://acme.example", "https://" + canary + ":x@acme.example", "https://me:" + canary + "@acme.example",
			"https://acme.example/v1/" + canary, "https://acme.example?key=" + canary, "https://acme.example#" + canary, "http://acme.example",
			"https://", canary, "https://me:" + canary + "%zz@acme.example", "", "https:acme.example",
		},
	})
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	for _, want := range []string{
		"Source", "Scheme", "Origins[1] ", "Origins[2] ", "Origins[3] ", "Origins[4] ", "Origins[5] ", "Origins[6] ", "Origins[7] ",
		"Origins[8] ", "Origins[9] ", "Origins[10] ", "Origins[11] ", "Origins[12] ", "Origins[13] ",
	} {
		if !strings.Contains(text, "transport: "+want) {
			t.Errorf("%s is not named in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "Origins[0]") {
		t.Errorf("the good origin is blamed:\n%s", text)
	}
	wantEqual(t, "lines", strings.Count(text, "\n")+1, 15)
	wantSilent(t, "the error", err, canary)
	if !errors.Is(err, auth.InsecureTransport) {
		t.Error("the cause of the clear-text origin is lost")
	}

	_, err = transport.New(transport.Config{})
	for _, want := range []string{"transport: Source is nil", "transport: Origins is empty"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestNewChecksThePlace(t *testing.T) {
	for place, ok := range map[auth.Place]bool{
		{Header: "Authorization"}:    true,
		{Header: "x-api-key"}:        true,
		{Query: "key"}:               true,
		{Query: "any thing & all"}:   true,
		{}:                           false,
		{Header: "A", Query: "b"}:    false,
		{Header: "X Key"}:            false,
		{Header: "X-Key:"}:           false,
		{Header: "X-Key\r\nX-Other"}: false,
		{Header: "X-K\u00e9y"}:       false,
		{Header: "X-Key\x00"}:        false,
		{Header: "X(Key)"}:           false,
		{Header: "X-Key\x7f"}:        false,
	} {
		_, err := transport.New(transport.Config{Source: values("T1"), Origins: []string{acme}, Scheme: misplaced{auth.Bearer, place}})
		if (err == nil) != ok {
			t.Errorf("%+q: %v, want ok %v", place, err, ok)
		}
		if ok {
			continue
		}
		// The same of a credential's own scheme: found when it is used.
		src := values("T1")
		src.list[0].Scheme = misplaced{auth.Bearer, place}
		w := &wire{answer: always(fine)}
		tr := newTransport(t, transport.Config{Source: src, Base: w})
		_, err = tr.RoundTrip(newRequest(t, http.MethodGet, acme, nil))
		wantCause(t, err, auth.SourceFailed)
		wantEqual(t, "requests", len(w.sent()), 0)
	}
}

// TestNewTakesACacheAsItIs: no second cache around it.
func TestNewTakesACacheAsItIs(t *testing.T) {
	w := accepts("Bearer T1", "Bearer T2")
	tokens := values("T1", "T2")
	cache := auth.Cached(tokens)
	defer func() { _ = cache.Close() }()
	tr := newTransport(t, transport.Config{Source: cache, Base: w})
	warm(t, tr)
	tokens.at = 1
	cache.Forget()
	warm(t, tr)
	wantEqual(t, "on the wire", w.authorizations(), []string{"Bearer T1", "Bearer T2"})
}

// TestWords: a vendor's own go into the remedy.
func TestWords(t *testing.T) {
	w := &wire{answer: always(refusal)}
	words := diagnose.Words{Docs: "https://acme.example/docs/auth", Support: "mail help@acme.example", Login: "acme login"}
	tr := newTransport(t, transport.Config{Source: values("T1"), Base: w, Words: words})
	page := fetch(t, tr, newRequest(t, http.MethodGet, acme, nil)).diagnosis().Explain()
	none := newTransport(t, transport.Config{Source: auth.Env("ACME_NO_SUCH_VARIABLE"), Base: w, Words: words})
	_, err := none.RoundTrip(newRequest(t, http.MethodGet, acme, nil))
	page += wantCause(t, err, auth.MissingCredential).Explain()
	for _, want := range []string{words.Docs, words.Support, words.Login} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is in neither page:\n%s", want, page)
		}
	}
}
