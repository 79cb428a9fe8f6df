package oauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"go.uber.org/goleak"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Secrets with characters that every encoding writes in another way.
const (
	canaryClient  = `cs-Zebra/7+q=&"<ü`
	canaryRefresh = `rt-YakYak/8+q=&"<ö`
	canaryRotated = `rt2-Xerus/9+q=&"<ä`
	canaryAccess  = "at-Wombat-0123456789"
	canaryParam   = "as-VoleVole/6+q="
)

// quiet is for servers whose clients hang up on purpose.
var quiet = log.New(io.Discard, "", 0)

var canaries = []string{canaryClient, canaryRefresh, canaryRotated, canaryAccess, canaryParam, "Zebra", "Yak", "Xerus", "Wombat", "Vole"}

const tokenURL = "https://issuer.example/token"

// answers is a round tripper that plays a token endpoint. It counts, and keeps
// the forms that it got.
type answers struct {
	mu    sync.Mutex
	forms []url.Values
	auths []string
	reply func(n int, req *http.Request) (*http.Response, error)
}

func (a *answers) RoundTrip(req *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(req.Body)
	_ = req.Body.Close()
	form, _ := url.ParseQuery(string(body))
	a.mu.Lock()
	a.forms = append(a.forms, form)
	a.auths = append(a.auths, req.Header.Get("Authorization"))
	n := len(a.forms)
	a.mu.Unlock()
	resp, err := a.reply(n, req)
	if resp != nil && resp.Request == nil {
		resp.Request = req
	}
	return resp, err
}

func (a *answers) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.forms)
}

func reply(status int, contentType, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

func always(status int, body string) *answers {
	return &answers{reply: func(int, *http.Request) (*http.Response, error) {
		return reply(status, "application/json", body), nil
	}}
}

const goodToken = `{"access_token":"` + canaryAccess + `","token_type":"Bearer","expires_in":3600,"scope":"read write"}`

func clientSource(t testing.TB, rt http.RoundTripper) auth.Source {
	t.Helper()
	src, err := oauth.ClientCredentials(
		&clientcredentials.Config{ClientID: "reports", TokenURL: tokenURL, Scopes: []string{"read", "write"}},
		oauth.Options{ClientSecret: auth.Static(canaryClient), Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func refreshSource(t testing.TB, rt http.RoundTripper, initial auth.Source) auth.Refresher {
	t.Helper()
	src, err := oauth.RefreshToken(
		&oauth2.Config{ClientID: "reports", Endpoint: oauth2.Endpoint{TokenURL: tokenURL}},
		initial, oauth.Options{ClientSecret: auth.Static(canaryClient), Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// serve starts a server on loopback that counts the requests it gets.
func serve(t testing.TB, h http.HandlerFunc) (*httptest.Server, func() int) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		mu.Unlock()
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s, func() int { mu.Lock(); defer mu.Unlock(); return n }
}

// diagnosis returns the *auth.Error that err must be.
func diagnosis(t testing.TB, err error) *auth.Error {
	t.Helper()
	e, ok := errors.AsType[*auth.Error](err)
	if !ok {
		t.Fatalf("got %v (%T), want an *auth.Error", err, err)
	}
	if len(e.Evidence) == 0 {
		t.Errorf("L9: no evidence in %v", e)
	}
	return e
}

func want(t testing.TB, err error, cause auth.Cause) *auth.Error {
	t.Helper()
	e := diagnosis(t, err)
	if e.Cause != cause {
		t.Fatalf("got cause %s, want %s\n%v", e.Cause, cause, e)
	}
	return e
}

func get(t testing.TB, src auth.Source) *auth.Credential {
	t.Helper()
	c, err := src.Credential(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// printed returns everything that a program could make of v by accident.
func printed(v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	text, err := json.Marshal(v)
	fmt.Fprintln(&b, string(text), err)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	if e, ok := v.(error); ok {
		for ; e != nil; e = errors.Unwrap(e) {
			fmt.Fprintf(&b, "%v\n%+v\n%#v\n", e, e, e)
		}
		if r, ok := errors.AsType[*oauth2.RetrieveError](v.(error)); ok {
			fmt.Fprintf(&b, "%v %s %+v %+v", r, r.Body, *r, *r.Response)
		}
	}
	if x, ok := v.(interface{ Explain() string }); ok {
		b.WriteString(x.Explain())
	}
	walk(&b, reflect.ValueOf(v), map[any]bool{})
	return b.String()
}

// walk writes every string that printers by reflection could reach, unexported
// fields included.
func walk(b *bytes.Buffer, v reflect.Value, seen map[any]bool) {
	switch v.Kind() {
	case reflect.String:
		b.WriteString(v.String() + "\n")
	case reflect.Pointer:
		if !v.IsNil() && !seen[v.Pointer()] {
			seen[v.Pointer()] = true
			walk(b, v.Elem(), seen)
		}
	case reflect.Interface:
		if !v.IsNil() {
			walk(b, v.Elem(), seen)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[answers]() {
			return // the test's own
		}
		for i := range v.NumField() {
			walk(b, v.Field(i), seen)
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			b.Write(v.Bytes())
			return
		}
		for i := range v.Len() {
			walk(b, v.Index(i), seen)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			walk(b, it.Key(), seen)
			walk(b, it.Value(), seen)
		}
	}
}

func silent(t testing.TB, what string, v any) {
	t.Helper()
	text := printed(v)
	for _, c := range canaries {
		for _, form := range []string{c, url.QueryEscape(c), url.PathEscape(c)} {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("L7: %s shows %q: …%s…", what, form, text[max(0, i-80):min(len(text), i+80)])
				return
			}
		}
	}
}
