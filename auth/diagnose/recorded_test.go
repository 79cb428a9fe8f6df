package diagnose_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/internal/challenge"
)

// recording is an exchange that happened elsewhere.
func recording(status int, scheme, name, value, expiry string, opts ...opt) diagnose.Exchange {
	x := diagnose.Exchange{Method: "GET", URL: url, Status: status, Header: http.Header{}, At: now}
	x.Carried(scheme, name, &value, expiry)
	for _, o := range opts {
		o(&x)
	}
	return x
}

func unknown(status int, opts ...opt) diagnose.Exchange {
	x := recording(status, "none", "", "", "", opts...)
	x.Carried("", "", nil, "")
	return x
}

func to(method, address string) opt {
	return func(x *diagnose.Exchange) { x.Method, x.URL = method, address }
}

const tokens = "https://login.acme.example/oauth/token"

// What was sent beats what is said of it.
var recordings = []struct {
	name       string
	x          diagnose.Exchange
	cause      auth.Cause
	confidence auth.Confidence
}{
	{"nothing, and told that it is invalid", recording(401, "none", "", "", "", body(`{"message":"Invalid token"}`)), auth.NotSent, likely},
	{"nothing, and told that it has expired", recording(401, "none", "", "", "", body(`{"message":"Token expired"}`)), auth.NotSent, likely},
	{"nothing, and 403", recording(403, "none", "", "", "", body(`{"message":"Forbidden"}`)), auth.NotSent, possible},
	{"nothing, and the quota is used up", recording(403, "none", "", "", "", header("X-RateLimit-Remaining", "0"), body(`{"message":"API rate limit exceeded"}`)), auth.RateOrQuota, likely},
	{"the scheme and nothing behind it", recording(401, "bearer", "Authorization", "Bearer ", "", body(`{"message":"Invalid access token"}`)), auth.MalformedWrapping, possible},
	{"the scheme alone, as a client trims it", recording(401, "", "Authorization", "Bearer", "", body(`{"message":"Invalid access token"}`)), auth.MalformedWrapping, possible},
	{"a colon behind the scheme", recording(401, "", "Authorization", "Bearer: k3y-7f1c90aa5be24d61", "", announces("Bearer")), auth.MalformedWrapping, likely},
	{"a header that is misspelt", recording(401, "apikey-header", "Authorisation", "Bearer k3y-7f1c90aa5be24d61", "", announces("Bearer")), auth.WrongLocation, likely},
	{"a scheme as the name of the header", recording(401, "apikey-header", "Bearer", "k3y-7f1c90aa5be24d61", "", body(`{"message":"Unauthorized"}`)), auth.WrongLocation, likely},
	{"a password with a line break", recording(401, "basic", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("alice:k3y-7f1c90aa\n")), "", announces(`Basic realm="x"`)), auth.MalformedCharacters, likely},
	{"a value that was blacked out", recording(401, "apikey-header", "X-Api-Key", "xxxxxxxx", "", body(`{"message":"Unauthorized"}`)), auth.RejectedUnclassified, possible},
	{"a field of the request, at 400", recording(400, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", body(`{"message":"field name is required"}`)), auth.RejectedUnclassified, possible},
	{"a key that is required, at 400", recording(400, "none", "", "", "", body(`{"message":"parameter key is required"}`)), auth.NotSent, possible},
	{"nothing there", recording(404, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", body("404 page not found")), auth.RejectedUnclassified, possible},
	{"nothing there, and nothing sent", recording(404, "none", "", "", "", body("404 page not found")), auth.RejectedUnclassified, possible},
	{"a plan that is used up", recording(429, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", body(`{"error":{"message":"You exceeded your quota, check your plan and billing details","code":"quota_exceeded"}}`)), auth.RateOrQuota, likely},
	{"single sign-on, by a header", recording(403, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", header("X-Acme-Sso", "required; url=https://acme.example/sso"), body(`{"message":"You must grant your key access to this organization"}`)), auth.PolicyBlocked, likely},
	{"a body in JSON", recording(401, "other", "request-body", `{"client_id":"app","client_secret":"k3y-7f1c90aa5be24d61","grant_type":"client_credentials"}`, "", to("POST", tokens), body(`{"error":"invalid_client","error_description":"app is not known"}`)), auth.ClientRejected, likely},
	{"an empty parameter", recording(401, "apikey-query", "key", "", ""), auth.MalformedWrapping, possible},
	{"the scheme twice", recording(401, "bearer", "Authorization", "Bearer Bearer k3y-7f1c90aa5be24d61", ""), auth.MalformedWrapping, likely},
	{"a word that stands for nothing", recording(401, "other", "Authorization", "None", ""), auth.PlaceholderValue, likely},
	{"crossed out by whoever recorded it", recording(401, "bearer", "Authorization", "Bearer ****", "", body(`{"message":"Invalid token"}`)), auth.InvalidCredential, possible},
	{"crossed out with one digit, and called incorrect", recording(401, "bearer", "Authorization", "Bearer 00000000000000000000", "", body(`{"message":"Incorrect token"}`)), auth.InvalidCredential, likely},
	{"crossed out in parts, and expired", recording(401, "other", "Authorization", "Signature keyId=aaaa,signature=0000000000", "past"), auth.AccessExpired, likely},
	{"the name of a variable, and words about permissions", recording(403, "apikey-header", "X-Key", "ACME_API_KEY", "", body(`{"message":"The key lacks the scope read"}`)), auth.InsufficientScope, likely},
	{"a variable that is called wrong", recording(401, "bearer", "Authorization", "Bearer INVALID_TOKEN", "", body(`{"message":"Invalid token"}`)), auth.InvalidCredential, likely},
	{"a scheme in the header of a key", recording(401, "apikey-header", "X-Key", "Bearer k3y-7f1c90aa5be24d61", "", body(`{"message":"Invalid key"}`)), auth.WrongScheme, possible},
	{"a header as a parameter", recording(401, "apikey-query", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", body(`{"message":"No token"}`)), auth.WrongLocation, likely},
	{"an underscore in the name, and nothing seen", recording(401, "apikey-header", "ACME_KEY", "k3y-7f1c90aa5be24d61", "", body(`{"message":"No API key found in request"}`)), auth.StrippedInTransit, likely},
	{"nothing sent, and nothing seen", recording(401, "bearer", "Authorization", "Bearer ", "", body(`{"message":"Authentication required"}`)), auth.EmptyCredential, possible},
	{"a made-up value by Basic", recording(401, "basic", "Authorization", "Basic ExampleExample0", "", announces(`Basic realm="x"`)), auth.InvalidCredential, likely},
	{"Basic, not base64", recording(401, "basic", "Authorization", "Basic nobase64", "", announces(`Basic realm="x"`)), auth.MalformedWrapping, likely},
	{"Basic, not base64, and Bearer is asked for", recording(401, "basic", "Authorization", "Basic nobase64", "", announces("Bearer")), auth.WrongScheme, likely},
	{"half a token", recording(401, "bearer", "Authorization", "Bearer "+jwt(map[string]any{"sub": "1"})[:36]+".e30", ""), auth.TypoOrTruncated, likely},
	{"no token where one is wanted", recording(401, "bearer", "Authorization", "Bearer abc.def.ghi", "", body("Jwt is not in the form of Header.Payload.Signature, cannot parse")), auth.TypoOrTruncated, likely},
	{"expired, and the body says missing", recording(401, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "past", body(`{"detail":"Authentication credentials were not provided."}`)), auth.AccessExpired, likely},
	{"expired, by its own claim", recording(401, "bearer", "Authorization", "Bearer "+jwt(map[string]any{"exp": at(-1e12)}), "past", body(`{"message":"Unauthorized"}`)), auth.AccessExpired, certain},
	{"expired, they say, and the date is older", recording(401, "bearer", "Authorization", "Bearer "+jwt(map[string]any{"exp": at(1e12)}), "past", body(`{"message":"Unauthorized"}`)), auth.AccessExpired, likely},
	{"short, and nothing said", recording(401, "bearer", "Authorization", "Bearer sesame", "", body(`{"message":"Unauthorized"}`)), auth.InvalidCredential, possible},
	{"called wrong, and nothing said", recording(401, "bearer", "Authorization", "Bearer some-invalid-api-key", "", body(`{"message":"Unauthorized"}`)), auth.InvalidCredential, possible},
	{"a session that has ended", recording(401, "other", "Cookie", "sid=k3y7f1c90aa5be24d61", "past"), auth.SessionExpired, possible},
	{"a session that is said to have ended", recording(401, "other", "Cookie", "sid=k3y7f1c90aa5be24d61", "past", body(`{"message":"Session has expired"}`)), auth.SessionExpired, likely},
	{"a ticket in a cookie", recording(401, "other", "Cookie", "sid=k3y7f1c90aa5be24d61", "past", body(`{"message":"invalid ticket"}`)), auth.AccessExpired, possible},
	{"CSRF", recording(403, "other", "Cookie", "sid=k3y7f1c90aa5be24d61", "", body("CSRF token missing or incorrect.")), auth.SessionExpired, possible},
	{"a token of its own scheme", recording(401, "other", "Authorization", "Token k3y-7f1c90aa5be24d61", "", announces("Token"), body(`{"detail":"Invalid token."}`)), auth.InvalidCredential, possible},
	{"not accepted, and nothing said", recording(401, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", body(`{"message":"Unauthorized"}`)), auth.RejectedUnclassified, possible},

	{"a form, and words that its fields have too", recording(401, "other", "request-body", "user=alice&password=k3y-7f1c90aa5be24d61", "", body(`{"message":"Name or password is incorrect"}`)), auth.InvalidCredential, likely},
	{"a page that says no more than the status", recording(401, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", body("<html><head><title>HTTP Status 401 – Unauthorized</title></head></html>")), auth.RejectedUnclassified, possible},
	{"a page that says more", recording(403, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", body("<html><head><title>Access Denied</title></head></html>")), auth.IntermediaryResponse, possible},
	{"a header beside a page", recording(403, "basic", "Authorization", "Basic YWxpY2U6c2VzYW1l", "", header("X-Denied-Reason", "CAPTCHA_CHALLENGE"), body("<html><head><title>Denied</title></head></html>")), auth.PrincipalDisabled, possible},
	{"a page about a form", recording(403, "basic", "Authorization", "Basic YWxpY2U6c2VzYW1l", "", body("<html><head><title>Error 403 No valid crumb was included in the request</title></head></html>")), auth.SessionExpired, possible},
	{"a page about a token", recording(403, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", body("<html><head><title>Invalid token</title></head></html>")), auth.IntermediaryResponse, possible},
	{"a challenge beside a key of no scheme", recording(401, "apikey-header", "X-Api-Key", "k3y-7f1c90aa5be24d61", "", announces(`Key realm="x", error="invalid_token", error_description="The key has expired"`)), auth.AccessExpired, likely},
	{"a place in a template", recording(401, "bearer", "Authorization", "Bearer {token}", "", body(`{"message":"Unauthorized"}`)), auth.PlaceholderValue, likely},
	{"a token with its name", recording(401, "other", "Authorization", `Token token="k3y-7f1c90aa5be24d61"`, "", announces(`Token realm="x"`), body("HTTP Token: Access denied.")), auth.InvalidCredential, possible},
	{"password, by GET", recording(400, "other", "request-body", "grant_type=password&username=alice&password=k3y-7f1c90aa5be24d61", "", body(`{"error":"invalid_grant"}`)), auth.InvalidCredential, likely},
	{"a form that has expired", recording(419, "none", "", "", ""), auth.SessionExpired, likely},
	{"nothing, and CSRF", recording(403, "none", "", "", "", body(`{"detail":"CSRF Failed: CSRF token missing."}`)), auth.SessionExpired, possible},
	{"nothing, and the address", recording(403, "none", "", "", "", body(`{"message":"Your IP address is not allowed"}`)), auth.PolicyBlocked, possible},
	{"a token for somebody else", recording(401, "bearer", "Authorization", "Bearer "+jwt(map[string]any{"aud": "https://other.example.org"}), "", announces(`Bearer error="invalid_token"`)), auth.WrongAudience, possible},
	{"a token for a name", recording(401, "bearer", "Authorization", "Bearer "+jwt(map[string]any{"aud": "acme"}), "", announces(`Bearer error="invalid_token"`)), auth.InvalidCredential, possible},

	// Requests for tokens.
	{"refresh token", recording(400, "other", "request-body", "grant_type=refresh_token&refresh_token=k3y-7f1c90aa5be24d61", "", to("POST", tokens), body(`{"error":"invalid_grant"}`)), auth.RefreshRejected, likely},
	{"refresh token, expired", recording(400, "other", "request-body", "grant_type=refresh_token&refresh_token=k3y-7f1c90aa5be24d61", "", to("POST", tokens), body(`{"error":"invalid_grant","error_description":"The refresh token has expired"}`)), auth.RefreshExpired, likely},
	{"refresh token, revoked", recording(400, "other", "request-body", "grant_type=refresh_token&refresh_token=k3y-7f1c90aa5be24d61", "", to("POST", tokens), body(`{"error":"invalid_grant","error_description":"Token has been revoked"}`)), auth.GrantRevoked, likely},
	{"refresh token, used twice", recording(400, "other", "request-body", "grant_type=refresh_token&refresh_token=k3y-7f1c90aa5be24d61", "", to("POST", tokens), body(`{"error":"invalid_grant","error_description":"Refresh token reuse detected"}`)), auth.RefreshReused, likely},
	{"password", recording(400, "other", "request-body", "grant_type=password&username=alice&password=k3y-7f1c90aa5be24d61", "", to("POST", tokens), body(`{"error":"invalid_grant"}`)), auth.InvalidCredential, likely},
	{"client secret", recording(401, "other", "request-body", "grant_type=client_credentials&client_id=c&client_secret=k3y-7f1c90aa5be24d61", "", to("POST", tokens), body(`{"error":"invalid_client"}`)), auth.ClientRejected, likely},
	{"client secret, expired", recording(401, "other", "request-body", "grant_type=client_credentials&client_id=c&client_secret=k3y-7f1c90aa5be24d61", "past", to("POST", tokens), body(`{"error":"invalid_client"}`)), auth.StaticKeyExpired, likely},

	// Of the request nothing is known.
	{"no request: a bare challenge", unknown(401, announces(`Bearer realm="x"`)), auth.MissingCredential, possible},
	{"no request: scope", unknown(403, announces(`Bearer error="insufficient_scope", scope="a"`)), auth.InsufficientScope, likely},
	{"no request: expired", unknown(401, body(`{"error":{"message":"The token has expired"}}`)), auth.AccessExpired, likely},
	{"no request, no word", unknown(401), auth.RejectedUnclassified, possible},

	// Proofs.
	{"a nonce is wanted", recording(401, "dpop", "Authorization", "DPoP k3y-7f1c90aa5be24d61", "", announces(`DPoP error="use_dpop_nonce"`), header("DPoP-Nonce", "n")), auth.NonceRequired, certain},
	{"a proof is wrong", recording(401, "dpop", "Authorization", "DPoP k3y-7f1c90aa5be24d61", "", announces(`DPoP error="invalid_dpop_proof"`)), auth.ProofInvalid, certain},
	{"Digest, stale", recording(401, "digest", "Authorization", `Digest username="alice", realm="r", nonce="n", response="k3y7f1c90aa5be24d61"`, "", announces(`Digest realm="r", nonce="m", stale=true`)), auth.NonceRequired, certain},
	{"bound, and sent as Bearer", recording(401, "bearer", "Authorization", "Bearer "+jwt(map[string]any{"cnf": map[string]any{"jkt": "x"}}), ""), auth.WrongScheme, likely},
	{"nobody has signed it", recording(401, "bearer", "Authorization", "Bearer eyJhbGciOiJub25lIn0.e30.c3ln", ""), auth.TypoOrTruncated, likely},
	{"a key of somebody else's", recording(401, "apikey-header", "X-Api-Key", "sk-proj-"+strings.Repeat("Zz9y", 30), "", to("POST", "https://api.anthropic.com/v1/messages")), auth.WrongEnvironment, likely},
}

func TestT81_Recordings(t *testing.T) {
	for _, tt := range recordings {
		t.Run(tt.name, func(t *testing.T) {
			e := diagnose.Refusal(tt.x, diagnose.Words{})
			if e.Cause != tt.cause || e.Confidence != tt.confidence {
				t.Errorf("got %s (%s), want %s (%s)\n%s", e.Cause, e.Confidence, tt.cause, tt.confidence, e.Explain())
			}
			complete(t, e)
			if e.Confidence == auth.Certain && len(e.Others) > 0 || len(e.Others) > 3 {
				t.Errorf("others: %v", e.Others)
			}
			for i, o := range e.Others {
				if o.Cause == e.Cause || o.Confidence > e.Confidence || slices.ContainsFunc(e.Others[:i], func(p auth.Other) bool { return p.Cause == o.Cause }) {
					t.Errorf("other %d: %v", i, o)
				}
			}
			if text := everyPrint(e); strings.Contains(text, "k3y") {
				t.Errorf("L7: %s", text)
			}
		})
	}
}

// A value of somebody else's is named for what it is.
func TestKeyOfSomebodyElse(t *testing.T) {
	e := diagnose.Refusal(recordings[len(recordings)-1].x, diagnose.Words{})
	contains(t, e.Error(), "an OpenAI project key was sent to api.anthropic.com")
}

// What a recording carried is masked wherever a server echoes it, whatever the
// place and form; what everybody knows of a form stays readable.
func TestL7_RecordingsEcho(t *testing.T) {
	const canary = "c4nary0fth3c0alm1ne"
	for _, tt := range []struct{ scheme, name, value string }{
		{"bearer", "Authorization", "Bearer " + canary},
		{"basic", "Authorization", "Basic YWxpY2U6YzRuYXJ5MGZ0aDNjMGFsbTFuZQ=="},
		{"basic", "Authorization", "Basic YzRuYXJ5MGZ0aDNjMGFsbTFuZTo="},
		{"apikey-header", "X-Api-Key", canary},
		{"apikey-query", "key", canary},
		{"other", "Cookie", "a=b; sid=" + canary + "; theme=dark"},
		{"other", "Authorization", `OAuth oauth_consumer_key="c", oauth_token="` + canary + `", oauth_signature="0000000000"`},
		{"digest", "Authorization", `Digest username="alice", realm="r", response="` + canary + `", qop=auth`},
		{"other", "request-body", "grant_type=refresh_token&refresh_token=" + canary + "&client_secret=other-secret-value"},
		{"other", "request-body", "grant_type=password&password=" + canary + "&client_secret=another-one"},
		{"other", "request-body", canary},
		{"other", "url-path", canary},
		{"", "Authorization", "Bearer " + canary},
		{"", "X-Key", canary},
		{"none", "", canary},
	} {
		x := recording(401, tt.scheme, tt.name, tt.value, "", to("GET", "https://api.acme.example/"+canary+"?key="+canary),
			body(fmt.Sprintf(`{"message":"the token %s is not known","token":%q}`, canary, canary)), header("X-Error", "no "+canary), announces(`Bearer error="invalid_token", error_description="`+canary+`"`))
		if tt.scheme == "none" {
			continue
		}
		if text := everyPrint(diagnose.Refusal(x, diagnose.Words{})); strings.Contains(text, canary) {
			t.Errorf("%s %s: %s", tt.scheme, tt.name, text)
		}
	}
	e := diagnose.Refusal(recording(400, "other", "request-body", "grant_type=password&username=alice&password=sesame-4711", "", body(`{"error_description":"wrong password for this grant_type"}`)), diagnose.Words{})
	contains(t, facts(e), "wrong password for this grant_type")
}

// The order in which header fields come out of a map changes nothing.
func TestT82_HeadersHaveNoOrder(t *testing.T) {
	x := recording(401, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", body(`{"message":"no"}`))
	for i := range 12 {
		x.Header.Set(fmt.Sprintf("X-Error-%d", i), []string{"token expired", "token revoked", "invalid token"}[i%3])
	}
	first := diagnose.Refusal(x, diagnose.Words{})
	for range 20 {
		if got := diagnose.Refusal(x, diagnose.Words{}); !reflect.DeepEqual(got, first) {
			t.Fatalf("two answers:\n%s\n%s", first.Explain(), got.Explain())
		}
	}
}

// FuzzBody: no body is too much, and the same body always says the same.
func FuzzBody(f *testing.F) {
	for _, tt := range table {
		f.Add(string(tt.x.Body), "application/json", uint16(401))
	}
	f.Add(`{"error":{"code":"token_expired","message":"x`, "", uint16(403))
	f.Add("error=invalid_token&error_description=a%20b", "application/x-www-form-urlencoded", uint16(400))
	f.Add("<Error><Code>ExpiredToken</Code>", "text/xml", uint16(400))
	f.Fuzz(func(t *testing.T, said, kind string, code uint16) {
		x := refused(status(int(code)), header("Content-Type", kind), body(said))
		e := diagnose.Refusal(x, diagnose.Words{})
		if e.Cause.Meaning() == "" || len(e.Evidence) == 0 || e.Remedy.Text == "" || len(e.Response.Body) > 4<<10 || e.Confidence == auth.Certain && code != 407 {
			t.Fatalf("%s", e.Explain())
		}
		if !reflect.DeepEqual(e, diagnose.Refusal(x, diagnose.Words{})) {
			t.Fatal("two answers")
		}
	})
}

// fourKiB is a refusal with 4 KiB of JSON.
func fourKiB() diagnose.Exchange {
	var members []string
	for i := len(`{"error":{"code":"invalid_token","message":"The access token has expired; get a new one"},"details":[]}`); i < 4<<10; {
		m := fmt.Sprintf(`{"@type":"type.acme.example/ErrorInfo","reason":"ACCESS_TOKEN_EXPIRED","domain":"acme.example","field":"n%d"}`, len(members))
		members = append(members, m)
		i += len(m) + 1
	}
	x := refused(announces(`Bearer realm="acme", error="invalid_token"`), header("Date", now.Format(httpTime)), header("X-Request-Id", "7f3c21"), header("Content-Type", "application/json"),
		body(`{"error":{"code":"invalid_token","message":"The access token has expired; get a new one"},"details":[`+strings.Join(members, ",")+`]}`))
	x.Challenges, _ = challenge.Parse(x.Header.Values("WWW-Authenticate"))
	return x
}

func TestRefusalAllocates(t *testing.T) {
	x := fourKiB()
	diagnose.Refusal(x, diagnose.Words{}) // the table of phrases is made once
	if n := testing.AllocsPerRun(20, func() { diagnose.Refusal(x, diagnose.Words{}) }); n > 200 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkRefusal is a diagnosis of 4 KiB of JSON: 100 µs and 200 allocations
// are the aim.
func BenchmarkRefusal(b *testing.B) {
	x := fourKiB()
	b.SetBytes(int64(len(x.Body)))
	b.ReportAllocs()
	for b.Loop() {
		diagnose.Refusal(x, diagnose.Words{})
	}
}

// What accepted a credential before has read it: it was whole, and was sent as
// the API wants it. Nothing of that kind is named, not even behind the first.
func TestL9_AcceptedBeforeExcludes(t *testing.T) {
	for _, tt := range table {
		x := tt.x
		if x.NotSent != diagnose.WasSent || x.Credential == nil || x.Renewal == diagnose.RenewalFailed {
			continue
		}
		x.Accepted = true
		e := diagnose.Refusal(x, diagnose.Words{})
		for _, o := range e.Others {
			switch o.Cause {
			case auth.MalformedCharacters, auth.MalformedWrapping, auth.PlaceholderValue, auth.TypoOrTruncated, auth.WrongCredentialKind,
				auth.WrongEnvironment, auth.WrongScheme, auth.WrongLocation, auth.InvalidCredential:
				t.Errorf("%s: %s, or %s", tt.name, e.Cause, o.Cause)
			}
		}
	}
}

// A body is read as far as it goes, and no further than it may.
func TestT70_BodiesAreBounded(t *testing.T) {
	nested := func(depth int) string {
		return strings.Repeat(`{"error":`, depth) + `"the token has expired"` + strings.Repeat("}", depth)
	}
	pages := strings.Repeat(`{"a":[1,2,{"b":"c"}]},`, 10<<20/22)
	for name, tt := range map[string]struct {
		said string
		want auth.Cause
	}{
		"a string":           {`"the token has expired"`, auth.AccessExpired},
		"cut off":            {`{"error":"the token has expired","more":"and mo`, auth.AccessExpired},
		"a comma missing":    {`{"a":"b" "error":"the token has expired"}`, auth.AccessExpired},
		"escapes":            {`{"error":"the\u0020token has\texpired"}`, auth.AccessExpired},
		"an escaped quote":   {`{"x":"a\"b","error":"the token has expired"}`, auth.AccessExpired},
		"the last of a list": {`[1,null,"the token has expired"]`, auth.AccessExpired},
		"twenty deep":        {nested(20), auth.AccessExpired},
		"a hundred deep":     {nested(100), auth.InvalidCredential},
		"behind 10 MB":       {`{"list":[` + pages + `],"error":"the token has expired"}`, auth.InvalidCredential},
		"before 10 MB":       {`{"error":"the token has expired","list":[` + pages + `]}`, auth.AccessExpired},
		"not speaking":       {`{"list":["the token has expired"]}`, auth.InvalidCredential},
		"XML":                {`<?xml version="1.0"?><Error><Code>ExpiredToken</Code></Error>`, auth.AccessExpired},
		"a form":             {`error=invalid_token&error_description=the+token+has%20expired`, auth.AccessExpired},
	} {
		x := refused(body(tt.said))
		e := diagnose.Refusal(x, diagnose.Words{})
		if e.Cause != tt.want {
			t.Errorf("%s: got %s, want %s", name, e.Cause, tt.want)
		}
		if n := testing.AllocsPerRun(3, func() { diagnose.Refusal(x, diagnose.Words{}) }); n > 1500 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// Where the credential is not known, what looks like one is masked; what servers
// make themselves is not.
func TestL7_UnknownCredential(t *testing.T) {
	const echoed, made = "acme_fake_K3yF0rTests0nly7f1c90", "dcd98b7102dd2f0e8b11d0f600bfb0c093"
	e := diagnose.Refusal(unknown(401, announces(`Digest realm="`+echoed+`", nonce="`+made+`", opaque="`+made+`"`),
		header("X-Request-Id", echoed), header("Server", echoed), header("X-Error", echoed), header("Content-Type", "application/json"),
		body(`{"message":"unknown key `+echoed+`","type":"https://a.example/`+echoed+`","request_id":"`+echoed+`"}`)), diagnose.Words{})
	raw, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%s %s %s %+v", raw, e.Explain(), e.Error(), e.Response); strings.Contains(text, echoed) {
		t.Errorf("L7: %s", text)
	}
	if c := e.Response.Challenges[0].Params; c["nonce"] != made || c["opaque"] != made {
		t.Errorf("%v", c)
	}
	for _, id := range []string{"7f3c21", "3b1f7d4e-8a52-4c19-9d0e-5f6a7b8c9d0e", "req_011CQfakefakefakefake", "0HMV:00000001", "84d2f3a1be5c0000-AMS", "Root=1-5759e988-bd862e3fe1be46a994272793"} {
		if e := diagnose.Refusal(unknown(401, header("X-Request-Id", id)), diagnose.Words{}); e.Response.RequestID != id {
			t.Errorf("%q became %q", id, e.Response.RequestID)
		}
	}
}

// What the answer says, and what it asks for, is told although nothing was sent;
// a remedy that waits is no help against a bill; pages about statuses are none.
func TestWordsAroundTheCause(t *testing.T) {
	for name, c := range map[string]struct {
		x          diagnose.Exchange
		has, lacks []string
	}{
		"nothing sent":  {recording(401, "none", "", "", "", announces(`Basic realm="x"`), body(`{"message":"You need to provide your API key in an X-Acme-Key header"}`)), []string{"X-Acme-Key"}, nil},
		"announced":     {recording(401, "none", "", "", "", announces(`Basic realm="x"`)), []string{"the API asks for Basic"}, nil},
		"a bill":        {recording(429, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", body(`{"message":"quota exceeded, check your plan and billing"}`)), []string{"waiting does not help", "check your plan"}, []string{"wait before"}},
		"too many":      {recording(429, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", ""), []string{"wait before"}, nil},
		"its own place": {recording(401, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", body(`{"message":"No API key found in request. Send it in the X-Api-Key header."}`)), []string{"in the place that the response names"}, nil},
		"a status page": {recording(401, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", header("Content-Type", "application/problem+json"), body(`{"type":"https://tools.ietf.org/html/rfc9110#section-15.5.2","title":"Unauthorized"}`)), nil, []string{"tools.ietf.org"}},
		"empty":         {recording(401, "", "Authorization", "Bearer", ""), []string{"[empty]", "not set"}, []string{"0 characters"}},
		"blacked out":   {recording(401, "", "Authorization", "Bearer ghp_xxxxxxxxxxxx", ""), []string{"blacked out"}, []string{"shorter"}},
		"JSON body":     {recording(401, "other", "request-body", `{"user":"application","password":"k3y-7f1c90aa5be24d61"}`, "", to("POST", tokens), body(`{"error":"application is not allowed k3y-7f1c90aa5be24d61"}`)), []string{"application"}, []string{"k3y-7f1c"}},
	} {
		text := diagnose.Refusal(c.x, diagnose.Words{}).Explain()
		for _, s := range c.has {
			if !strings.Contains(text, s) {
				t.Errorf("%s: %q is missing:\n%s", name, s, text)
			}
		}
		for _, s := range c.lacks {
			if strings.Contains(text, s) {
				t.Errorf("%s: %q is there:\n%s", name, s, text)
			}
		}
	}
}
