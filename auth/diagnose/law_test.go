package diagnose_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	neturl "net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/internal/challenge"
)

func TestT82_SameExchangeSameDiagnosis(t *testing.T) {
	for _, tt := range table {
		one, two := diagnose.Refusal(tt.x, diagnose.Words{}), diagnose.Refusal(tt.x, diagnose.Words{})
		if !reflect.DeepEqual(one, two) {
			t.Errorf("%s: two answers:\n%s\n%s", tt.name, one.Explain(), two.Explain())
		}
	}
}

// What a program says of its provider changes what is advised, and neither the
// cause, nor the evidence, nor what may be done about it.
func TestT86_WordsChangeOnlyTheAdvice(t *testing.T) {
	words := diagnose.Words{Login: "acme login", Docs: "https://acme.example/docs", Support: "help@acme.example"}
	for _, tt := range table {
		with, without := diagnose.Refusal(tt.x, words), diagnose.Refusal(tt.x, diagnose.Words{})
		with.Remedy, with.Support = without.Remedy, without.Support
		if !reflect.DeepEqual(with, without) {
			t.Errorf("%s: more than the advice differs:\n%s\n%s", tt.name, with.Explain(), without.Explain())
		}
	}
}

// A status alone, or prose, is never certain: whatever the table proves to be
// certain must not be so any more once the facts behind it are taken away.
func TestT83_CertainNeedsMoreThanStatusAndProse(t *testing.T) {
	for _, tt := range table {
		x := tt.x
		x.Challenges, x.NotSent, x.RenewalErr, x.Renewal = nil, diagnose.WasSent, nil, diagnose.RenewalNotTried
		x.Credential = refused().Credential
		x.Scheme = auth.Bearer
		if e := diagnose.Refusal(x, diagnose.Words{}); e.Confidence == auth.Certain && x.Status != 407 {
			t.Errorf("%s: %s is certain of %d and %q", tt.name, e.Cause, x.Status, x.Body)
		}
	}
	for _, said := range []string{"token expired", "invalid_token", "insufficient_scope", "revoked", "insufficient_user_authentication", "407", "missing"} {
		for _, code := range []int{400, 401, 403, 419, 500} {
			for _, form := range []string{"%s", `{"error":%q}`, `{"message":%q}`, "<Error><Code>%s</Code></Error>", "<html><title>%s</title>"} {
				e := diagnose.Refusal(refused(status(code), body(fmt.Sprintf(form, said))), diagnose.Words{})
				if e.Confidence == auth.Certain {
					t.Errorf("%d %q: %s is certain", code, said, e.Cause)
				}
			}
		}
	}
}

// What is not a challenge of the scheme that was used is not about us.
func TestT68_ErrorBelongsToTheSchemeUsed(t *testing.T) {
	fields := []string{`DPoP error="insufficient_scope", scope="a"`, `Bearer realm="x"`}
	if e := diagnose.Refusal(refused(announces(fields...)), diagnose.Words{}); e.Cause != auth.InvalidCredential {
		t.Errorf("Bearer: got %s", e.Cause)
	}
	dpop := otherScheme{"DPoP"}
	if e := diagnose.Refusal(refused(scheme(dpop), announces(fields...)), diagnose.Words{}); e.Cause != auth.InsufficientScope || e.Confidence != auth.Certain {
		t.Errorf("DPoP: got %s", e.Cause)
	}
}

type otherScheme struct{ name string }

func (s otherScheme) Name() string      { return s.name }
func (s otherScheme) Place() auth.Place { return auth.Place{Header: "Authorization"} }
func (s otherScheme) Value(c *auth.Credential) (string, error) {
	return s.name + " " + c.Secret.Reveal(), nil
}

// What breaks on the way is never put on the credential.
func TestT71_WebPageIsNotTheAPI(t *testing.T) {
	page := body("<html><head><title>Your token is invalid, expired and revoked</title></head>")
	for _, opts := range []opt{with(), with(from(byOAuth)), with(accepted), with(status(403)), with(secret("null"))} {
		e := diagnose.Refusal(refused(opts, page), diagnose.Words{})
		if e.Confidence > auth.Possible {
			t.Errorf("%s is %s", e.Cause, e.Confidence)
		}
		contains(t, facts(e), "web page")
	}
}

func TestL9_RefusalKeepsWhatTheSourceSaid(t *testing.T) {
	e := diagnose.Refusal(refused(from(byOAuth), expiry(-time.Hour), renewal(diagnose.RenewalFailed, throttledGrant)), diagnose.Words{Login: "acme login"})
	if !e.Throttled || !e.NextTry.Equal(now.Add(40*time.Second)) || !errors.Is(e, auth.RefreshThrottled) {
		t.Errorf("throttled %v, next try %v", e.Throttled, e.NextTry)
	}
	if e.Err != error(throttledGrant) || e.Remedy.Command != "acme login" {
		t.Errorf("err %v, command %q", e.Err, e.Remedy.Command)
	}
	if len(e.Tried) == 0 || e.Tried[len(e.Tried)-1].Place != byOAuth {
		t.Errorf("tried %v", e.Tried)
	}
	plain := errors.New("dial tcp: connection refused")
	e = diagnose.Refusal(refused(renewal(diagnose.RenewalFailed, plain)), diagnose.Words{})
	if !errors.Is(e, plain) {
		t.Error("the source's error is lost")
	}
	contains(t, facts(e), "connection refused")
	// A pause after refusals is no cause of the next refusal.
	pause := sourceError(auth.RefreshThrottled, "3 new credentials in a row were refused at once")
	pause.Throttled = true
	e = diagnose.Refusal(refused(from(byOAuth), accepted, renewal(diagnose.RenewalFailed, pause)), diagnose.Words{})
	if e.Cause == auth.RefreshThrottled || !e.Throttled {
		t.Errorf("got %s, throttled %v", e.Cause, e.Throttled)
	}
	contains(t, facts(e), "3 new credentials")
}

// Advice fits the place: nobody is told to log in where a variable is wrong.
// Trap 90.
func TestL9_AdviceFitsThePlace(t *testing.T) {
	words := diagnose.Words{Login: "acme login", Docs: "https://acme.example/docs", Support: "help@acme.example"}
	for place, want := range map[auth.Provenance]string{
		env("ACME_API_KEY"): "ACME_API_KEY",
		inFile:              "/run/secrets/acme",
		inKeyring:           "in the keyring entry acme/default",
		inCode:              "the program",
		byOAuth:             "log in again",
		{Kind: auth.KindOAuth, Name: "client credentials at https://issuer.example/token"}: "nobody has to log in",
	} {
		for _, says := range []string{"invalid api key", "token expired", "token revoked"} {
			e := diagnose.Refusal(refused(from(place), body(fmt.Sprintf(`{"error":%q}`, says))), words)
			contains(t, e.Remedy.Text, want)
			if (e.Remedy.Command == "acme login") != (place == byOAuth) {
				t.Errorf("%s, %q: command %q", place, says, e.Remedy.Command)
			}
			if place == inKeyring {
				containsNone(t, e.Remedy.Text, "set ", "variable")
			}
			if e.Remedy.URL != words.Docs || e.Support != words.Support {
				t.Errorf("url %q, support %q", e.Remedy.URL, e.Support)
			}
		}
	}
}

func TestRemedyLinks(t *testing.T) {
	for said, want := range map[string]string{
		`{"message":"Bad credentials","documentation_url":"https://docs.acme.example/auth?key=1#bad"}`: "https://docs.acme.example/auth#bad",
		`{"message":"Bad credentials","documentation_url":"javascript:alert(1)"}`:                      "",
		`{"message":"Bad credentials","doc_url":"https://user:pw@acme.example/"}`:                      "",
		`{"message":"Bad credentials","doc_url":"https://acme.example/k3y-7f1c90aa5be24d61"}`:          "",
	} {
		if e := diagnose.Refusal(refused(body(said)), diagnose.Words{}); e.Remedy.URL != want {
			t.Errorf("%s: got %q", said, e.Remedy.URL)
		}
	}
	x := refused(announces(`Bearer error="invalid_token", error_uri="https://acme.example/errors"`))
	if e := diagnose.Refusal(x, diagnose.Words{}); e.Remedy.URL != "https://acme.example/errors" {
		t.Errorf("error_uri: got %q", e.Remedy.URL)
	}
	x = refused(notSent(diagnose.ForeignOrigin), body(`{"doc_url":"https://evil.example/login"}`))
	if e := diagnose.Refusal(x, diagnose.Words{}); e.Remedy.URL != "" {
		t.Errorf("a foreign origin gives advice: %q", e.Remedy.URL)
	}
}

func TestResponseIsBoundedAndTelling(t *testing.T) {
	x := refused(
		header("Set-Cookie", "session=1"), header("X-Request-Id", "7f3c21"), header("Server", "nginx"), header("Date", now.Format(httpTime)),
		body(strings.Repeat("ä\x00\x1b[31m\u202e", 10<<10)), announces(`Bearer realm="`+strings.Repeat("r", 9000)+`"`))
	r := diagnose.Refusal(x, diagnose.Words{}).Response
	if r.RequestID != "7f3c21" || r.Header.Get("Server") != "nginx" || r.Header.Get("Set-Cookie") != "" {
		t.Errorf("request id %q, header %v", r.RequestID, r.Header)
	}
	if len(r.Body) > 2<<10+3 || !utf8.ValidString(r.Body) || strings.ContainsAny(r.Body, "\x00\x1b\u202e") {
		t.Errorf("body of %d bytes: %.40q", len(r.Body), r.Body)
	}
	if n := len(r.Challenges[0].Params["realm"]); n > 2<<10 {
		t.Errorf("realm of %d bytes", n)
	}
	x = refused(body(`{"error":{"message":"no","request_id":"req_1"}}`))
	if id := diagnose.Refusal(x, diagnose.Words{}).Response.RequestID; id != "req_1" {
		t.Errorf("request id %q", id)
	}
}

func TestSentShowsNoPassword(t *testing.T) {
	s := diagnose.Refusal(refused(user("alice", "open sesame")), diagnose.Words{}).Sent
	if s.Masked != "Basic [masked]" || s.Fingerprint != "" {
		t.Errorf("got %q, %q", s.Masked, s.Fingerprint)
	}
	s = diagnose.Refusal(refused(), diagnose.Words{}).Sent
	if s.Masked != "Bearer [masked, 20 characters]" || s.Fingerprint == "" || s.Provenance != env("ACME_API_KEY") || !s.Since.Equal(now.Add(-time.Hour)) {
		t.Errorf("got %+v", s)
	}
	s = diagnose.Refusal(refused(scheme(auth.APIKeyQuery("key"))), diagnose.Words{}).Sent
	if s.Masked != "[masked, 20 characters]" || s.Place.Query != "key" {
		t.Errorf("got %+v", s)
	}
	s = diagnose.Refusal(refused(notSent(diagnose.CallerSet)), diagnose.Words{}).Sent
	if s == nil || s.Provenance.Kind != auth.KindCaller {
		t.Errorf("got %+v", s)
	}
	if s = diagnose.Refusal(refused(notSent(diagnose.ForeignOrigin)), diagnose.Words{}).Sent; s != nil {
		t.Errorf("got %+v", s)
	}
}

// everyPrint is every form in which a program can print a diagnosis.
func everyPrint(e *auth.Error) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v %+v %#v %s %q %v %+v %#v\n", e, e, e, e, e, *e, *e, *e)
	fmt.Fprintf(&b, "%+v %#v %+v %#v\n", e.Sent, e.Sent, e.Response, e.Response)
	if raw, err := json.Marshal(e); err == nil {
		b.Write(raw)
	}
	if raw, err := json.Marshal(e.Response); err == nil {
		b.Write(raw)
	}
	b.WriteString(e.Explain())
	slog.New(slog.NewTextHandler(&b, nil)).Error("refused", "err", e)
	slog.New(slog.NewJSONHandler(&b, nil)).Error("refused", "err", e, "sent", e.Sent, "response", e.Response, "tried", e.Tried)
	for err := e.Err; err != nil; err = errors.Unwrap(err) {
		fmt.Fprintf(&b, "%v", err)
		break // what lies beneath that belongs to the source
	}
	return b.String()
}

// leaks reports which part of the secret is in the text, in any of its forms.
func leaks(text, secret string) string {
	text = strings.ToLower(text)
	for _, form := range echoes(secret) {
		for i := 0; i+10 <= len(form); i++ {
			if part := strings.ToLower(form[i : i+10]); strings.Contains(text, part) {
				return part
			}
		}
	}
	return ""
}

func echoes(secret string) []string {
	raw, _ := json.Marshal(secret)
	return []string{
		secret, neturl.QueryEscape(secret), neturl.PathEscape(secret), strings.Trim(string(raw), `"`), html.EscapeString(secret),
		base64.StdEncoding.EncodeToString([]byte("alice:" + secret)), strings.ToUpper(secret),
	}
}

func TestT79_NothingPrintsASecret(t *testing.T) {
	for _, canary := range []string{"c4nary-0f-th3-c0al-m1ne", `c4nary/0f<th3+c0al&m1ne="x y`, "c4näry-öf-the-minē-0123456789"} {
		for _, echo := range echoes(canary) {
			for _, form := range []string{"Incorrect key provided: %s.", `{"error":{"message":"Incorrect key: %s","code":"invalid_key"}}`, "<Error><Message>Unknown key %s</Message></Error>", strings.Repeat("x", 16<<10-15) + "%s"} {
				said := strings.Replace(form, "%s", echo, 1)
				x := refused(body(said), header("X-Request-Id", echo), header("Server", "s "+echo), user("alice", canary))
				x.URL = "https://alice:" + neturl.PathEscape(canary) + "@api.acme.example/v1/" + neturl.PathEscape(canary) + "/me?key=" + neturl.QueryEscape(canary) + "#" + neturl.PathEscape(canary)
				x.Challenges = []auth.Challenge{{Scheme: "Basic", Params: map[string]string{"realm": echo, "error": echo, "error_description": said, "error_uri": "https://a.example/" + echo, "scope": echo}}, {Scheme: "Negotiate", Token68: echo}}
				x.Renewal, x.RenewalErr = diagnose.RenewalFailed, fmt.Errorf("exchange failed for %s", echo)
				first := x
				second := refused(body(said))
				second.First, second.Header, second.Challenges = &first, x.Header, x.Challenges
				for _, x := range []diagnose.Exchange{x, second} {
					if part := leaks(everyPrint(diagnose.Refusal(x, diagnose.Words{})), canary); part != "" {
						t.Fatalf("%q leaks of %q in\n%s", part, echo, diagnose.Refusal(x, diagnose.Words{}).Explain())
					}
				}
			}
		}
	}
}

// The header that a program set itself is not known here, and is hidden all the
// same where a server repeats it.
func TestT79_CallersOwnValueIsHidden(t *testing.T) {
	x := refused(notSent(diagnose.CallerSet), body(`{"message":"Incorrect key: c4nary-0f-th3-c0al-m1ne"}`), announces(`Bearer realm="c4nary-0f-th3-c0al-m1ne"`), header("Cf-Ray", "8f2a1b3c4d5e6f70-FRA"))
	e := diagnose.Refusal(x, diagnose.Words{})
	if part := leaks(everyPrint(e), "c4nary-0f-th3-c0al-m1ne"); part != "" {
		t.Errorf("%q leaks:\n%s", part, e.Explain())
	}
	if e.Response.RequestID != "8f2a1b3c4d5e6f70-FRA" {
		t.Errorf("request id %q", e.Response.RequestID)
	}
}

// A hostile body costs no more than its length.
func TestT70_HostileBodies(t *testing.T) {
	for _, s := range []string{
		strings.Repeat("[", 16<<10), strings.Repeat(`{"a":`, 3000), strings.Repeat("<", 16<<10), strings.Repeat("<title", 2700),
		`{"error":"` + strings.Repeat("expired or invalid ", 800), strings.Repeat("<a>b", 4000), strings.Repeat("a=b&", 4000),
		strings.Repeat("A", 16<<10), strings.Repeat("\xff", 16<<10), strings.Repeat("'", 16<<10),
	} {
		began := time.Now()
		complete(t, diagnose.Refusal(refused(body(s)), diagnose.Words{}))
		if d := time.Since(began); d > time.Second {
			t.Errorf("%.10q took %v", s, d)
		}
	}
}

func FuzzRefusal(f *testing.F) {
	for i, tt := range table {
		value := ""
		if tt.x.Credential != nil {
			value = tt.x.Credential.Secret.Reveal()
		}
		f.Add(uint16(tt.x.Status), tt.x.Header.Get("WWW-Authenticate"), string(tt.x.Body), value, uint8(i), int64(tt.x.Offset))
	}
	const canary = "c4nary-0f-th3-c0al-m1ne"
	f.Fuzz(func(t *testing.T, code uint16, field, said, value string, pick uint8, offset int64) {
		places := []auth.Provenance{env("ACME_API_KEY"), inFile, inKeyring, inCode, byOAuth, {}}
		schemes := []auth.Scheme{auth.Bearer, auth.Token, auth.Basic, auth.APIKeyHeader("X-Api-Key"), auth.APIKeyQuery("key"), nil}
		x := diagnose.Exchange{
			Method: "GET", URL: "https://api.acme.example/" + said, Status: int(code), Header: http.Header{"Www-Authenticate": {field}},
			Body: []byte(said + canary + said), At: now, Offset: time.Duration(offset), Samples: int(pick % 4), Accepted: pick&16 != 0,
			Scheme: schemes[pick%6], NotSent: diagnose.NotSent(pick / 64), Renewal: diagnose.Renewal(pick % 5),
			Credential: &auth.Credential{Secret: auth.NewSecret(value + canary), Provenance: places[pick%6], Expiry: now.Add(time.Duration(offset))},
		}
		x.Challenges, _ = challenge.Parse([]string{field, field + " " + canary})
		if x.NotSent != diagnose.WasSent {
			x.Credential, x.Scheme, x.Body = nil, nil, []byte(said)
			x.Challenges, _ = challenge.Parse([]string{field})
			x.URL = "https://api.acme.example/"
		}
		if x.Renewal == diagnose.RenewalFailed {
			x.RenewalErr = deadGrant
		}
		if pick&32 != 0 {
			first := x
			x.First = &first
		}
		e := diagnose.Refusal(x, diagnose.Words{})
		if e.Cause.Meaning() == "" || len(e.Evidence) == 0 || e.Remedy.Text == "" || e.Response == nil {
			t.Fatalf("incomplete: %+v", e)
		}
		if x.Credential != nil {
			if strings.Contains(strings.ToLower(everyPrint(e)), canary) {
				t.Fatalf("the canary is in\n%s", everyPrint(e))
			}
			diagnose.Unsent(e, "GET", x.URL, diagnose.Words{})
			if x.Scheme != nil {
				if e := diagnose.Value(x.Credential, x.Scheme); e != nil && strings.Contains(everyPrint(e), canary) {
					t.Fatalf("the canary is in\n%s", everyPrint(e))
				}
			}
		}
		if !reflect.DeepEqual(e, diagnose.Refusal(x, diagnose.Words{})) {
			t.Fatal("two answers")
		}
	})
}
