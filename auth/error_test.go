package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/reauth-go/reauth/auth"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// diagnoses are whole errors, one for each shape that an explanation takes.
func diagnoses() map[string]*auth.Error {
	env := auth.Provenance{Kind: auth.KindEnv, Name: "ACME_API_KEY"}
	keyring := auth.Provenance{Kind: auth.KindKeyring, Name: "acme/default"}
	header := http.Header{}
	header.Set("Date", "Mon, 23 Nov 2026 09:12:04 GMT")
	return map[string]*auth.Error{
		"refused": {
			Cause: auth.MalformedWrapping, Confidence: auth.Likely,
			Remedy:   auth.Remedy{Text: "take \"Bearer \" out of ACME_API_KEY", Command: "reauth set acme", URL: "https://acme.example/docs/auth"},
			Evidence: []auth.Evidence{{Source: env.String(), Fact: `the value begins with "Bearer ", so the header says it twice`}, {Source: "response", Fact: "invalid_token"}},
			Request:  "GET https://api.acme.example/v1/me",
			Sent: &auth.Sent{Scheme: "Bearer", Place: auth.Bearer.Place(), Masked: "Bearer [masked, 47 characters]", Form: "Bearer SECRET", Fingerprint: "0a1b2c3d",
				Provenance: env, Since: noon, Expiry: noon.Add(time.Hour)},
			Tried: []auth.Attempt{{Place: env, Answer: "found"}, {Place: keyring, Answer: "holds a different key, hidden by the variable"}},
			Response: &auth.Response{Status: 401, Header: header, RequestID: "7f3c21", Challenges: []auth.Challenge{
				{Scheme: "Bearer", Params: map[string]string{"realm": "acme", "error": "invalid_token"}}, {Scheme: "Negotiate", Token68: "abc=="}, {Scheme: "Basic"}}},
			Support: "write to help@acme.example",
		},
		"nothing_found": {
			Cause: auth.MissingCredential, Confidence: auth.Certain, Remedy: auth.Remedy{Text: "set ACME_API_KEY"},
			Evidence: []auth.Evidence{{Source: env.String(), Fact: "ACME_API_KEY is not set"}},
			Tried:    []auth.Attempt{{Place: env, Answer: "not set", Err: auth.MissingCredential}, {Place: keyring, Answer: "no keyring here, which is normal in a container"}},
		},
		"not_sent": {
			Cause: auth.InsecureTransport, Confidence: auth.Certain,
			Evidence: []auth.Evidence{{Source: "request", Fact: "http, and not to this machine"}}, Request: "GET http://api.acme.example/v1/me",
		},
		"throttled": {
			Cause: auth.IssuerUnavailable, Confidence: auth.Likely,
			Evidence:  []auth.Evidence{{Source: "issuer", Fact: "no answer"}, {Source: "throttle", Fact: "asked a moment ago"}},
			Throttled: true, NextTry: noon, Err: errDown,
		},
		"response_alone": {
			Cause: auth.RejectedUnclassified, Evidence: []auth.Evidence{{Source: "response", Fact: "401 without a challenge"}},
			Response: &auth.Response{Status: 401},
		},
		"unknown_status": {
			Cause: auth.InvalidCredential, Confidence: auth.Possible, Request: "GET https://api.acme.example/",
			Evidence: []auth.Evidence{{Source: "response", Fact: "REQUEST_DENIED"}}, Response: &auth.Response{Status: 499, Time: noon},
		},
		"bare": {Cause: auth.AccessRevoked},
		"hostile": {
			Cause: auth.SourceFailed, Remedy: auth.Remedy{Text: "run\n\x1b[31mrm -rf\x1b[0m"},
			Evidence: []auth.Evidence{{Source: "response\r\nX-Evil: 1", Fact: "a\nb\u2028c\u0085d\x9be\tf\x00g\u202eh\u200bi\ufeff"}},
			Request:  "GET https://api.acme.example/\n\nforged",
			Tried:    []auth.Attempt{{Place: auth.Provenance{Kind: "a\nb", Name: "c"}, Answer: "d\re"}},
			Sent:     &auth.Sent{Place: auth.Bearer.Place(), Masked: "x\ny", Provenance: env},
			Response: &auth.Response{Status: 401, RequestID: "1\n2"},
		},
	}
}

func TestExplain(t *testing.T) {
	for name, e := range diagnoses() {
		t.Run(name, func(t *testing.T) {
			got := e.Explain()
			path := filepath.Join("testdata", "explain", name+".txt")
			if *update {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				write(t, path, got)
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if got != e.Explain() {
				t.Error("a second time it says something else")
			}
			wantPlain(t, strings.ReplaceAll(got, "\n", ""))
			if !strings.HasSuffix(got, "\n") || strings.Contains(got, " \n") {
				t.Errorf("line ends: %q", got)
			}
		})
	}
}

// wantPlain checks that nothing in s moves a terminal's cursor or begins a line.
func wantPlain(t *testing.T, s string) {
	t.Helper()
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Cf, r) {
			t.Errorf("control character %U in %q", r, s)
		}
	}
}

func TestError_OneLine(t *testing.T) {
	for name, e := range diagnoses() {
		line := e.Error()
		wantPlain(t, line)
		for _, part := range []string{string(e.Cause), e.Confidence.String(), string(e.Step())} {
			if !strings.Contains(line, part) {
				t.Errorf("%s: %q lacks %q", name, line, part)
			}
		}
		if e.Sent != nil && !strings.Contains(line, e.Sent.Provenance.String()) {
			t.Errorf("%s: %q does not say where the credential was found", name, line)
		}
		if e.Request != "" && strings.Contains(line, "https://api.acme.example") {
			t.Errorf("%s: %q repeats what *url.Error says", name, line)
		}
	}
	want := `malformed_wrapping (likely): the value begins with "Bearer ", so the header says it twice; ` +
		`verify_credential: take "Bearer " out of ACME_API_KEY (sent: env ACME_API_KEY)`
	if got := diagnoses()["refused"].Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The shape that the command line promises.
func TestError_JSON(t *testing.T) {
	for name, e := range diagnoses() {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		for key, kind := range map[string]string{"cause": "string", "confidence": "string", "step": "string", "fixer": "string", "others": "[]interface {}",
			"remedy": "map[string]interface {}", "evidence": "[]interface {}", "challenges": "[]interface {}"} {
			if fmt.Sprintf("%T", got[key]) != kind {
				t.Errorf("%s: %s is %T, want %s", name, key, got[key], kind)
			}
		}
		remedy := got["remedy"].(map[string]any)
		if keys := slices.Sorted(maps.Keys(remedy)); !slices.Equal(keys, []string{"command", "text", "url"}) || remedy["text"] == "" {
			t.Errorf("%s: remedy %v", name, remedy)
		}
		if got["cause"] != string(e.Cause) || got["step"] != string(e.Step()) || got["confidence"] != e.Confidence.String() {
			t.Errorf("%s: %s", name, data)
		}
	}
	got, err := json.MarshalIndent(diagnoses()["refused"], "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "refused.json")
	if *update {
		write(t, path, string(got)+"\n")
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if data, err := json.Marshal((*auth.Error)(nil)); err != nil || string(data) != "null" {
		t.Errorf("nil: %s, %v", data, err)
	}
}

func TestChallenge_JSON(t *testing.T) {
	for want, c := range map[string]auth.Challenge{
		`{"scheme":"Basic","params":{},"token68":null}`:                {Scheme: "Basic"},
		`{"scheme":"Bearer","params":{"realm":"a\"b"},"token68":null}`: {Scheme: "Bearer", Params: map[string]string{"realm": `a"b`}},
		`{"scheme":"Negotiate","params":{},"token68":"abc=="}`:         {Scheme: "Negotiate", Token68: "abc=="},
	} {
		if got, err := json.Marshal(c); err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}

func TestError_Slog(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	all := diagnoses()
	log.Error("no", "err", all["refused"])
	log.Error("no", "err", all["throttled"])
	log.Error("no", "event", auth.Event{
		Kind: auth.EventRenewFailed, Provenance: auth.Provenance{Kind: "oauth", Name: "x"}, Expiry: noon,
		Origin: "https://api.acme.example", Err: all["bare"], Failures: 2, NextTry: noon,
	})
	log.Error("no", "event", auth.Event{Kind: auth.EventPassed})
	log.Error("no", "credential", &auth.Credential{Secret: auth.NewSecret("x"), Provenance: auth.Provenance{Kind: "env", Name: "X"}, Expiry: noon})
	log.Error("no", "credential", (*auth.Credential)(nil))
	want := `{"level":"ERROR","msg":"no","err":{"cause":"malformed_wrapping","confidence":"likely","step":"verify_credential","remedy":"take \"Bearer \" out of ACME_API_KEY","fact":"the value begins with \"Bearer \", so the header says it twice","found_in":"env ACME_API_KEY","status":401,"request_id":"7f3c21"}}
{"level":"ERROR","msg":"no","err":{"cause":"issuer_unavailable","confidence":"likely","step":"wait","remedy":"try again later","fact":"no answer","next_try":"2026-11-23T12:00:00Z"}}
{"level":"ERROR","msg":"no","event":{"kind":"renew_failed","found_in":"oauth x","expiry":"2026-11-23T12:00:00Z","origin":"https://api.acme.example","err":{"cause":"access_revoked","confidence":"possible","step":"renew","remedy":"get a new one, and find out who withdrew it"},"failures":2,"next_try":"2026-11-23T12:00:00Z"}}
{"level":"ERROR","msg":"no","event":{"kind":"passed_through"}}
{"level":"ERROR","msg":"no","credential":{"found_in":"env X","expiry":"2026-11-23T12:00:00Z"}}
{"level":"ERROR","msg":"no","credential":null}
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestTrap88_ChainOfErrors(t *testing.T) {
	network := &url.Error{Op: "Post", URL: "https://issuer.example", Err: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "issuer.example"}}}
	inner := &auth.Error{Cause: auth.IssuerUnavailable, Err: fmt.Errorf("refresh: %w", errors.Join(network, context.DeadlineExceeded, fs.ErrNotExist))}
	for name, outer := range map[string]*auth.Error{
		"nested":          {Cause: auth.AccessExpired, Err: inner},
		"wrapped, nested": {Cause: auth.AccessExpired, Err: fmt.Errorf("while renewing: %w", inner)},
		"joined, nested":  {Cause: auth.AccessExpired, Err: errors.Join(errDown, inner)},
		"twice nested":    {Cause: auth.AccessExpired, Err: &auth.Error{Cause: auth.SourceFailed, Err: inner}},
		"a cause beneath": {Cause: auth.AccessExpired, Err: errors.Join(auth.IssuerUnavailable, inner.Err)},
	} {
		var err error = fmt.Errorf("calling acme: %w", outer)
		if e, ok := errors.AsType[*auth.Error](err); !ok || e != outer {
			t.Errorf("%s: errors.As finds %v, want the outer one", name, e)
		}
		if got := errors.Unwrap(outer).Error(); got != outer.Err.Error() {
			t.Errorf("%s: beneath lies %q, want %q", name, got, outer.Err)
		}
		if !errors.Is(err, auth.AccessExpired) {
			t.Errorf("%s: its own cause is not found", name)
		}
		for _, hidden := range []auth.Cause{auth.IssuerUnavailable, auth.SourceFailed, auth.RefreshThrottled} {
			if errors.Is(err, hidden) {
				t.Errorf("%s: a second cause %s", name, hidden)
			}
		}
		if c, ok := errors.AsType[auth.Cause](err); ok {
			t.Errorf("%s: errors.As finds the second cause %s", name, c)
		}
		for _, visible := range []error{context.DeadlineExceeded, fs.ErrNotExist, network} {
			if !errors.Is(err, visible) {
				t.Errorf("%s: %v is hidden", name, visible)
			}
		}
		if _, ok := errors.AsType[*net.DNSError](err); !ok {
			t.Errorf("%s: the network's error is hidden", name)
		}
		if u, ok := errors.AsType[*url.Error](err); !ok || u != network {
			t.Errorf("%s: the URL's error is hidden", name)
		}
		var timeout net.Error
		if !errors.As(err, &timeout) {
			t.Errorf("%s: no net.Error", name)
		}
	}
	if e := (&auth.Error{Cause: auth.AccessExpired}); errors.Unwrap(e) != nil || errors.Is(e, errDown) {
		t.Error("nothing lies beneath, and yet something is found")
	}
	throttled := &auth.Error{Cause: auth.IssuerUnavailable, Throttled: true}
	if !errors.Is(throttled, auth.RefreshThrottled) || !errors.Is(throttled, auth.IssuerUnavailable) {
		t.Error("a throttled error is both")
	}
}

func TestAsError(t *testing.T) {
	p := auth.Provenance{Kind: "vault", Name: "acme"}
	known := &auth.Error{Cause: auth.SourceLocked}
	if auth.AsError(fmt.Errorf("x: %w", known), p) != known {
		t.Error("a diagnosis is not kept")
	}
	for name, test := range map[string]struct {
		err  error
		want auth.Cause
	}{
		"foreign":         {errDown, auth.SourceFailed},
		"a cause":         {auth.MissingCredential, auth.MissingCredential},
		"a wrapped cause": {fmt.Errorf("x: %w", auth.SourceUnavailable), auth.SourceUnavailable},
		"a deadline":      {&url.Error{Op: "Get", Err: context.DeadlineExceeded}, auth.SourceTimeout},
		"a cancellation":  {context.Canceled, auth.SourceFailed},
	} {
		e := wantCause(t, auth.AsError(test.err, p), test.want)
		if !errors.Is(e, test.err) || !strings.Contains(e.Error(), test.err.Error()) || e.Evidence[0].Source != "vault acme" {
			t.Errorf("%s: %v", name, e)
		}
		wantTried(t, e.Tried, "vault acme: failed")
	}
}

func TestT81_EveryCauseHasItsWords(t *testing.T) {
	steps := []auth.Step{auth.StepVerify, auth.StepSend, auth.StepRenew, auth.StepConsult, auth.StepFixEnvironment, auth.StepWait}
	fixers := []auth.Fixer{auth.FixerCode, auth.FixerUser, auth.FixerDeveloper, auth.FixerOperator, auth.FixerProvider}
	for _, c := range []auth.Cause{
		auth.MissingCredential, auth.EmptyCredential, auth.SourceUnavailable, auth.SourceLocked, auth.SourceDenied, auth.SourceTimeout,
		auth.SourceCorrupt, auth.SourceFailed, auth.ValueTooBig, auth.MalformedCharacters, auth.MalformedWrapping, auth.PlaceholderValue,
		auth.InvalidCredential, auth.NotSent, auth.WrongScheme, auth.InsecureTransport, auth.ProxyAuthRequired, auth.AccessExpired,
		auth.AccessRevoked, auth.ClockSkew, auth.RefreshRejected, auth.ClientRejected, auth.ClientNotAllowed, auth.EndpointMisconfigured,
		auth.IssuerUnavailable, auth.RefreshThrottled, auth.InsufficientScope, auth.StepUpRequired, auth.PolicyBlocked, auth.RejectedUnclassified,
		auth.HelperFailed, auth.CoordinationFailed, auth.TypoOrTruncated, auth.WrongCredentialKind, auth.WrongEnvironment, auth.WrongIssuer,
		auth.WrongLocation, auth.AmbiguousCredentials, auth.StrippedInTransit, auth.MissingCompanion, auth.SignatureInvalid, auth.WrongAudience,
		auth.BindingMismatch, auth.ProofInvalid, auth.StaticKeyExpired, auth.SessionExpired, auth.NonceRequired, auth.RefreshSuperseded,
		auth.RefreshReused, auth.RefreshResponseLost, auth.RefreshExpired, auth.GrantRevoked, auth.CertificateRejected, auth.IntermediaryResponse,
		auth.PermissionDenied, auth.PrincipalDisabled, auth.RateOrQuota,
	} {
		if !slices.Contains(fixers, c.Fixer()) {
			t.Errorf("%s: fixer %q", c, c.Fixer())
		}
		if c.Error() != string(c) || strings.ToLower(string(c)) != string(c) {
			t.Errorf("%q is no code", c)
		}
		if c.Meaning() == "" || !slices.Contains(steps, c.Step()) {
			t.Errorf("%s: step %q, meaning %q", c, c.Step(), c.Meaning())
		}
		line := (&auth.Error{Cause: c}).Error()
		if strings.HasSuffix(line, ": ") || strings.HasSuffix(line, ".") {
			t.Errorf("%s has no remedy: %q", c, line)
		}
		if !errors.Is(&auth.Error{Cause: c}, c) {
			t.Errorf("errors.Is does not find %s", c)
		}
	}
	if auth.Cause("of_a_later_version").Fixer() != auth.FixerDeveloper {
		t.Error("an unknown code has another fixer than developer")
	}
	if auth.Cause("of_a_later_version").Step() != auth.StepConsult {
		t.Error("an unknown code has another step than consult_provider")
	}
}

func TestFromResponse(t *testing.T) {
	e := &auth.Error{Cause: auth.AccessExpired}
	refusing := func(req *http.Request) (*http.Response, error) {
		resp := &http.Response{StatusCode: 401, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("no")), Request: req}
		auth.Attach(resp, e)
		return resp, nil
	}
	t.Run("survives a client's timeout and swapped bodies", func(t *testing.T) {
		client := &http.Client{Timeout: time.Minute, Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			resp, err := refusing(req)
			resp.Body = io.NopCloser(strings.NewReader("another body"))
			return resp, err
		})}
		type key struct{}
		ctx := context.WithValue(t.Context(), key{}, "kept")
		req, _ := http.NewRequestWithContext(ctx, "GET", "http://api.example/", nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		resp.Body = http.NoBody
		if got, ok := auth.FromResponse(resp); !ok || got != e {
			t.Errorf("%v, %v", got, ok)
		}
		if resp.Request.URL != req.URL || resp.Request.Method != req.Method || resp.Request.Context().Value(key{}) != "kept" {
			t.Error("Attach changed more than the context")
		}
		if req.Context() != ctx {
			t.Error("the caller's request was changed")
		}
	})
	t.Run("the later one counts", func(t *testing.T) {
		resp, _ := refusing(httptest.NewRequest("GET", "/", nil))
		later := &auth.Error{Cause: auth.AccessRevoked}
		auth.Attach(resp, later)
		if got, ok := auth.FromResponse(resp); !ok || got != later {
			t.Errorf("%v, %v", got, ok)
		}
	})
	t.Run("a response without a request", func(t *testing.T) {
		resp := new(http.Response)
		auth.Attach(resp, e)
		if got, ok := auth.FromResponse(resp); !ok || got != e {
			t.Errorf("%v, %v", got, ok)
		}
	})
	t.Run("another request with the same context has none", func(t *testing.T) {
		resp, _ := refusing(httptest.NewRequest("GET", "/", nil))
		next := httptest.NewRequestWithContext(resp.Request.Context(), "GET", "/next", nil)
		if got, ok := auth.FromResponse(&http.Response{Request: next}); ok {
			t.Errorf("found %v", got)
		}
	})
	for name, resp := range map[string]*http.Response{"nil": nil, "no request": {}, "no diagnosis": {Request: httptest.NewRequest("GET", "/", nil)}} {
		if got, ok := auth.FromResponse(resp); ok || got != nil {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// What else it could be is in the JSON, and on the page only of what is no more
// than possible; who can fix it is the cause's, unless somebody says otherwise.
func TestL9_RunnersUpAndFixer(t *testing.T) {
	e := &auth.Error{
		Cause: auth.InvalidCredential, Evidence: []auth.Evidence{{Source: "response", Fact: "it says no"}},
		Others: []auth.Other{{Cause: auth.AccessExpired}, {Cause: auth.WrongEnvironment}},
	}
	raw, err := json.Marshal(e)
	if err != nil || !strings.Contains(string(raw), `"fixer":"developer"`) ||
		!strings.Contains(string(raw), `"others":[{"cause":"access_expired","confidence":"possible"},{"cause":"wrong_environment","confidence":"possible"}]`) {
		t.Errorf("%v %s", err, raw)
	}
	const row = "or       access_expired, wrong_environment"
	if !strings.Contains(e.Explain(), row) {
		t.Error(e.Explain())
	}
	e.Confidence, e.Fixer = auth.Likely, auth.FixerProvider
	if strings.Contains(e.Explain(), row) {
		t.Error(e.Explain())
	}
	if raw, _ = json.Marshal(e); !strings.Contains(string(raw), `"fixer":"provider"`) {
		t.Errorf("%s", raw)
	}
	if errors.Is(e, auth.AccessExpired) {
		t.Error("a runner-up is a second cause")
	}
}
