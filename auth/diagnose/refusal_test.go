package diagnose_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
)

// The sources' errors that the table uses.
func sourceError(c auth.Cause, fact string) *auth.Error {
	return &auth.Error{
		Cause: c, Confidence: auth.Certain,
		Evidence: []auth.Evidence{{Source: "token endpoint", Fact: fact}},
		Tried:    []auth.Attempt{{Place: byOAuth, Answer: "refused", Err: c}},
	}
}

const (
	certain  = auth.Certain
	likely   = auth.Likely
	possible = auth.Possible
)

var deadGrant = sourceError(auth.RefreshRejected, `the issuer answers invalid_grant, "token has been revoked"`)

var throttledGrant = func() *auth.Error {
	e := *deadGrant
	e.Throttled, e.NextTry = true, now.Add(40*time.Second)
	return &e
}()

// at127 sends the request in clear text, where a proxy can answer.
func at127(x *diagnose.Exchange) { x.URL = "http://127.0.0.1:8080/v1/me" }

// Every failure gives exactly one cause, with its confidence and its step.
var table = []struct {
	name       string
	x          diagnose.Exchange
	cause      auth.Cause
	confidence auth.Confidence
	step       auth.Step
	says       []string // in evidence or remedy
}{
	// The value.
	{"doubled Bearer", refused(secret("Bearer k3y-7f1c90aa5be24d61")), auth.MalformedWrapping, likely, auth.StepVerify,
		[]string{`begins with "Bearer "`, "the header says it twice", `take "Bearer " out of ACME_API_KEY`}},
	{"doubled bearer in the keyring", refused(secret("bearer k3y-7f1c90aa5be24d61"), from(inKeyring)), auth.MalformedWrapping, likely, auth.StepVerify,
		[]string{`store the bare value in the keyring entry acme/default again, without "bearer "`}},
	{"scheme word in an API key", refused(scheme(auth.APIKeyHeader("X-Api-Key")), secret("Bearer k3y-7f1c90aa5be24d61")), auth.MalformedWrapping, likely, auth.StepVerify,
		[]string{`scheme's name "Bearer"`}},
	{"a whole header", refused(secret("Authorization: Bearer k3y-7f1c90"), from(inFile)), auth.MalformedWrapping, likely, auth.StepVerify,
		[]string{"name of a header", "out of the file /run/secrets/acme"}},
	{"a whole assignment", refused(secret("export ACME_API_KEY=k3y-7f1c90")), auth.MalformedWrapping, likely, auth.StepVerify, []string{"assignment"}},
	{"double quotes", refused(secret(`"k3y-7f1c90aa5be24d61"`)), auth.MalformedWrapping, likely, auth.StepVerify, []string{"double quotation marks", "ACME_API_KEY"}},
	{"single quotes in the program", refused(secret(`'k3y-7f1c90aa5be24d61'`), from(inCode)), auth.MalformedWrapping, likely, auth.StepVerify,
		[]string{"give the program the value without the quotation marks"}},
	{"typographic quotes", refused(secret("“k3y-7f1c90aa5be24d61”")), auth.MalformedWrapping, likely, auth.StepVerify, []string{"typographic"}},
	{"JSON", refused(secret(`{"key":"k3y-7f1c90aa5be24d61"}`), from(inFile)), auth.MalformedWrapping, likely, auth.StepVerify, []string{"JSON"}},
	{"base64 of a pair", refused(secret("YWxpY2U6b3BlbiBzZXNhbWU=")), auth.MalformedWrapping, possible, auth.StepVerify, []string{"base64 form of user:password"}},
	{"base64 of a pair, Basic announced", refused(secret("YWxpY2U6b3BlbiBzZXNhbWU="), announces(`Basic realm="x"`)), auth.MalformedWrapping, likely, auth.StepVerify, []string{"Basic"}},
	{"variable not expanded", refused(secret("${ACME_API_KEY}")), auth.PlaceholderValue, likely, auth.StepVerify, []string{"set ACME_API_KEY to the real key"}},
	{"placeholder in brackets", refused(secret("<your-key>")), auth.PlaceholderValue, likely, auth.StepVerify, nil},
	{"YOUR_API_KEY", refused(secret("YOUR_API_KEY")), auth.PlaceholderValue, likely, auth.StepVerify, nil},
	{"placeholder with a prefix", refused(secret("sk_test_your_key_here")), auth.PlaceholderValue, likely, auth.StepVerify, nil},
	{"changeme as a password", refused(user("alice", "changeme")), auth.PlaceholderValue, likely, auth.StepVerify, nil},
	{"undefined", refused(secret("undefined")), auth.PlaceholderValue, likely, auth.StepVerify, nil},
	{"None", refused(secret("None")), auth.PlaceholderValue, likely, auth.StepVerify, nil},
	{"null", refused(secret("null"), from(inKeyring)), auth.PlaceholderValue, likely, auth.StepVerify, []string{"store the real key in the keyring entry acme/default"}},
	{"crossed out", refused(secret("SG.xxxxxxxxxxxxx")), auth.PlaceholderValue, likely, auth.StepVerify, nil},
	{"space within", refused(secret("k3y-7f1c 90aa5be24d61")), auth.MalformedCharacters, likely, auth.StepVerify, []string{"a space at byte 9 of 21"}},
	{"zero-width character", refused(secret("k3y-\u200b7f1c90aa")), auth.MalformedCharacters, likely, auth.StepVerify, []string{"invisible character (U+200B) at byte 5"}},
	{"not ASCII", refused(secret("k3y–7f1c90aa")), auth.MalformedCharacters, likely, auth.StepVerify, []string{"not ASCII (U+2013) at byte 4"}},
	{"odd, but accepted before", refused(secret("null"), accepted), auth.AccessRevoked, possible, auth.StepRenew, []string{"accepted this key before"}},

	// Time.
	{"expired", refused(from(byOAuth), expiry(-time.Hour)), auth.AccessExpired, certain, auth.StepRenew, []string{"expired at 2026-11-23 08:12:04 UTC, 60 minutes before", "log in again"}},
	{"expired by its own claim", refused(secret(jwt(map[string]any{"exp": at(-2 * time.Hour)}))), auth.AccessExpired, certain, auth.StepRenew, []string{"ACME_API_KEY"}},
	{"expired seconds ago, and told so", refused(expiry(-2*time.Second), announces(`Bearer error="invalid_token"`)), auth.AccessExpired, certain, auth.StepRenew, nil},
	{"expired seconds ago, not told so", refused(expiry(-2 * time.Second)), auth.AccessExpired, likely, auth.StepRenew, nil},
	{"expired, and both clocks agree", refused(secret(jwt(map[string]any{"exp": at(-time.Hour)})), clock(time.Second, 3)), auth.AccessExpired, certain, auth.StepRenew, nil},
	{"expired, clock in doubt", refused(secret(jwt(map[string]any{"exp": at(-time.Hour)})), header("Date", now.Add(-3*time.Hour).Format(httpTime))), auth.AccessExpired, likely, auth.StepRenew, nil},
	{"expired, and the words speak of permissions", refused(expiry(-time.Hour), status(403), body(`{"message":"Missing scopes: read"}`)), auth.AccessExpired, likely, auth.StepRenew, nil},
	{"expired, though the body says missing", refused(expiry(-time.Hour), body(`{"detail":"Authentication credentials were not provided."}`)), auth.AccessExpired, certain, auth.StepRenew, nil},
	{"clock an hour slow", refused(secret(jwt(map[string]any{"exp": at(30 * time.Minute)})), clock(61*time.Minute, 2), announces(`Bearer error="invalid_token"`)), auth.ClockSkew, likely, auth.StepFixEnvironment,
		[]string{"this machine's clock is 61 minutes behind the server's", "not yet by this machine's clock, 31 minutes ago by the server's"}},
	{"clock an hour fast, token of its own making", refused(secret(jwt(map[string]any{"iat": at(0), "exp": at(5 * time.Minute)})), clock(-time.Hour, 4)), auth.ClockSkew, likely, auth.StepFixEnvironment,
		[]string{"60 minutes ahead of the server's"}},
	{"used before issued", refused(body(`{"error":"token used before issued"}`)), auth.ClockSkew, possible, auth.StepFixEnvironment, nil},
	{"used before issued, clock known to be off", refused(clock(-2*time.Minute, 2), body(`{"error":"token used before issued"}`)), auth.ClockSkew, likely, auth.StepFixEnvironment, nil},
	{"a clock that explains nothing is only mentioned", refused(clock(time.Hour, 5), body(`{"error":"incorrect api key"}`)), auth.InvalidCredential, likely, auth.StepVerify,
		[]string{"this machine's clock is 60 minutes behind"}},
	{"one wild Date moves nothing", refused(clock(24*time.Hour, 1), expiry(time.Hour)), auth.InvalidCredential, possible, auth.StepVerify, nil},

	// Standard codes.
	{"insufficient scope", refused(status(403), scopes("read", "list"), announces(`Bearer error="insufficient_scope", scope="read write"`)), auth.InsufficientScope, certain, auth.StepConsult,
		[]string{`needs the scope "read write"`, `granted "read list"`, `missing is "write"`, "has write as well"}},
	{"insufficient scope with 401", refused(announces(`Bearer error="insufficient_scope"`)), auth.InsufficientScope, certain, auth.StepConsult, nil},
	{"insufficient scope in the body only", refused(status(403), body(`{"error":"insufficient_scope"}`)), auth.InsufficientScope, likely, auth.StepConsult, nil},
	{"step up", refused(from(byOAuth), announces(`Bearer error="insufficient_user_authentication", acr_values="phr", max_age=300`)), auth.StepUpRequired, certain, auth.StepConsult,
		[]string{`class "phr"`, `"300" seconds`}},
	{"insufficient claims", refused(announces(`Bearer error="insufficient_claims", claims="e30="`)), auth.PolicyBlocked, certain, auth.StepConsult, nil},
	{"invalid_token, never accepted", refused(announces(`Bearer error="invalid_token"`)), auth.InvalidCredential, likely, auth.StepVerify, nil},
	{"invalid_token, accepted and unexpired", refused(from(byOAuth), accepted, expiry(time.Hour), announces(`Bearer error="invalid_token"`)), auth.AccessRevoked, likely, auth.StepRenew, []string{"accepted it before"}},
	{"invalid_token, fresh from the issuer", refused(from(byOAuth), expiry(time.Hour), announces(`Bearer error="invalid_token"`)), auth.InvalidCredential, possible, auth.StepVerify, []string{"audience"}},
	{"invalid_token twice", refused(from(byOAuth), expiry(time.Hour), announces(`Bearer error="invalid_token"`), repeated), auth.RejectedUnclassified, possible, auth.StepConsult,
		[]string{"refused in the same way", "audience"}},
	{"an error of another scheme", refused(announces(`DPoP error="insufficient_scope", Bearer error="invalid_token"`)), auth.InvalidCredential, likely, auth.StepVerify, nil},

	// How it was sent.
	{"gateway", refused(status(407), header("Via", "1.1 gateway")), auth.ProxyAuthRequired, likely, auth.StepFixEnvironment,
		[]string{"a gateway in front of the API", "whoever runs the gateway"}},
	{"proxy", refused(status(407), header("Via", "1.1 proxy (squid)"), header("Proxy-Authenticate", "Basic"), at127), auth.ProxyAuthRequired, certain, auth.StepFixEnvironment,
		[]string{"has not seen the request", "HTTPS_PROXY"}},
	{"foreign origin", refused(notSent(diagnose.ForeignOrigin)), auth.NotSent, certain, auth.StepSend, []string{"https://api.acme.example", "Origins"}},
	{"left the origin", refused(notSent(diagnose.LeftOrigin)), auth.NotSent, certain, auth.StepSend, []string{"redirect", "Origins"}},
	{"header of the program's own", refused(notSent(diagnose.CallerSet), announces(`Bearer error="invalid_token"`)), auth.RejectedUnclassified, possible, auth.StepConsult, []string{"program set the header"}},
	{"header of the program's own, and words", refused(notSent(diagnose.CallerSet), body(`{"message":"Bad credentials"}`)), auth.InvalidCredential, likely, auth.StepVerify, []string{"program set the header"}},
	{"a pair sent as Bearer, only Basic announced", refused(secret("alice:open sesame"), announces(`Basic realm="x"`)), auth.MalformedCharacters, likely, auth.StepVerify, nil},
	{"a pair without spaces sent as Bearer, only Basic announced", refused(secret("alice:sesame"), announces(`Basic realm="x"`)), auth.WrongScheme, certain, auth.StepSend, []string{"asks for Basic; sent was Bearer"}},
	{"a JWT sent as Basic, only Bearer announced", refused(user("alice", jwt(map[string]any{"sub": "1"})), announces("Bearer")), auth.WrongScheme, certain, auth.StepSend, nil},
	{"a JWT sent as Basic, and Bearer announced with an error", refused(user("alice", jwt(map[string]any{"sub": "1"})), announces(`Bearer error="invalid_token"`)), auth.WrongScheme, likely, auth.StepSend, nil},
	{"a password sent as Basic, only Bearer announced", refused(user("alice", "sesame"), announces("Bearer")), auth.WrongScheme, likely, auth.StepSend, nil},
	{"Bearer sent, Basic announced, nothing to send by Basic", refused(announces(`Basic realm="x"`)), auth.WrongScheme, possible, auth.StepSend, nil},
	{"Bearer sent, Digest or Negotiate announced", refused(announces(`Digest nonce="x"`, "Negotiate")), auth.WrongScheme, likely, auth.StepSend, []string{"Digest or Negotiate"}},
	{"Basic announced for browsers, the key is known to be wrong", refused(announces(`Basic realm="x"`), body(`{"error":"Unknown API key"}`)), auth.InvalidCredential, likely, auth.StepVerify, nil},
	{"key in a header of its own, Bearer announced", refused(scheme(auth.APIKeyHeader("X-Api-Key")), announces("Bearer")), auth.WrongScheme, possible, auth.StepSend, nil},
	{"key in a header of its own, Bearer announced, said to be missing", refused(scheme(auth.APIKeyHeader("X-Api-Key")), announces("Bearer"), body(`{"message":"Missing Authorization Header"}`)), auth.WrongScheme, likely, auth.StepSend, nil},
	{"said to be missing", refused(body(`{"message":"No API key found in request"}`)), auth.WrongScheme, possible, auth.StepSend, []string{"request: it carried Bearer"}},
	{"said to be missing, accepted before", refused(accepted, body(`{"message":"No API key found in request"}`)), auth.StrippedInTransit, possible, auth.StepSend, []string{"takes the credential out"}},

	// What the source said.
	{"refresh token dead", refused(from(byOAuth), expiry(-time.Hour), renewal(diagnose.RenewalFailed, deadGrant)), auth.RefreshRejected, certain, auth.StepRenew,
		[]string{"invalid_grant", "expired at"}},
	{"refresh token dead, remembered", refused(from(byOAuth), expiry(-time.Hour), renewal(diagnose.RenewalFailed, throttledGrant)), auth.RefreshRejected, certain, auth.StepRenew, nil},
	{"client rejected", refused(from(byOAuth), announces(`Bearer error="invalid_token"`), renewal(diagnose.RenewalFailed, sourceError(auth.ClientRejected, "the issuer answers invalid_client"))), auth.ClientRejected, certain, auth.StepVerify, nil},
	{"issuer down", refused(from(byOAuth), expiry(-time.Hour), renewal(diagnose.RenewalFailed, sourceError(auth.IssuerUnavailable, "no connection"))), auth.IssuerUnavailable, certain, auth.StepWait,
		[]string{"no connection", "expired at"}},
	{"issuer down, nothing says that the token is at its end", refused(from(byOAuth), expiry(time.Hour), renewal(diagnose.RenewalFailed, sourceError(auth.IssuerUnavailable, "no connection"))), auth.IssuerUnavailable, likely, auth.StepWait, nil},
	{"keyring locked when asked again", refused(from(inKeyring), renewal(diagnose.RenewalFailed, sourceError(auth.SourceLocked, "the keyring is locked"))), auth.SourceLocked, likely, auth.StepFixEnvironment, nil},
	{"source unchanged", refused(renewal(diagnose.RenewalUnchanged, nil)), auth.InvalidCredential, possible, auth.StepVerify, []string{"holds the same value"}},
	{"body cannot be sent again", refused(from(byOAuth), expiry(-time.Hour), renewal(diagnose.RenewalUnsendable, nil)), auth.AccessExpired, certain, auth.StepRenew, []string{"make the call again"}},

	// Words.
	{"says expired", refused(body(`{"error":{"code":"token_expired","message":"The access token has expired"}}`)), auth.AccessExpired, likely, auth.StepRenew, []string{"The access token has expired"}},
	{"says expired, and it has not", refused(expiry(time.Hour), body(`{"message":"Token expired"}`)), auth.AccessExpired, possible, auth.StepRenew, []string{"has not come yet"}},
	{"says invalid", refused(body(`{"error":"invalid api key"}`)), auth.InvalidCredential, possible, auth.StepVerify, nil},
	{"says unknown", refused(body(`{"error":"API key not found"}`)), auth.InvalidCredential, likely, auth.StepVerify, nil},
	{"says invalid in XML", refused(body(`<?xml version="1.0"?><Error><Code>InvalidAccessKeyId</Code></Error>`)), auth.InvalidCredential, likely, auth.StepVerify, nil},
	{"says invalid in plain text", refused(body("Bad credentials")), auth.InvalidCredential, possible, auth.StepVerify, nil},
	{"says invalid, and was accepted before", refused(accepted, body(`{"error":"invalid api key"}`)), auth.AccessRevoked, likely, auth.StepRenew, nil},
	{"says three things at once", refused(body(`{"message":"The key is invalid, expired, or revoked"}`)), auth.InvalidCredential, possible, auth.StepVerify, []string{"several causes"}},
	{"says revoked", refused(body(`{"msg":"Token has been revoked"}`)), auth.AccessRevoked, likely, auth.StepRenew, nil},
	{"says forbidden", refused(status(403), body(`{"message":"Forbidden"}`)), auth.InsufficientScope, possible, auth.StepConsult, nil},
	{"forbidden for any refusal", refused(body("Forbidden")), auth.InvalidCredential, possible, auth.StepVerify, nil},
	{"says permissions in a problem document", refused(status(403), header("Content-Type", "application/problem+json"), body(`{"type":"https://acme.example/p/1","title":"Insufficient permissions","status":403}`)), auth.InsufficientScope, likely, auth.StepConsult, []string{"Insufficient permissions"}},
	{"says second factor", refused(body(`{"error":"mfa_required"}`)), auth.StepUpRequired, likely, auth.StepConsult, nil},
	{"says address", refused(status(403), body(`{"message":"Your IP address is not permitted to access this resource"}`)), auth.PolicyBlocked, likely, auth.StepConsult, nil},
	{"says limit", refused(status(403), body(`{"message":"API rate limit exceeded"}`)), auth.RateOrQuota, likely, auth.StepWait, []string{"the credential may be good"}},
	{"says account", refused(status(403), body(`{"message":"User is suspended"}`)), auth.PrincipalDisabled, likely, auth.StepConsult, []string{"account"}},
	{"says audience", refused(body(`{"error_description":"Unexpected 'aud' value","error":"invalid_token"}`)), auth.WrongAudience, likely, auth.StepConsult, []string{"audience"}},

	// A web page, or nothing.
	{"a web page", refused(header("Content-Type", "text/html"), body("<!DOCTYPE html><html><head><title>Invalid token? Log in to the hotel's network</title>")), auth.IntermediaryResponse, possible, auth.StepFixEnvironment,
		[]string{"a web page came back", "Log in to the hotel's network"}},
	{"a web page, though expired", refused(expiry(-time.Hour), body("<html><h1>Welcome</h1>")), auth.AccessExpired, likely, auth.StepRenew, []string{"web page"}},
	{"a web page with a challenge of ours", refused(user("alice", "sesame"), announces(`Basic realm="x"`), body("<html><h1>401</h1>")), auth.InvalidCredential, likely, auth.StepVerify, nil},
	{"a key, and no word", refused(), auth.InvalidCredential, possible, auth.StepVerify, []string{"does not say why"}},
	{"a token, and no word", refused(from(byOAuth)), auth.RejectedUnclassified, possible, auth.StepConsult, []string{"check in this order"}},
	{"accepted before, and no word", refused(accepted), auth.AccessRevoked, possible, auth.StepRenew, nil},
	{"403, and no word", refused(status(403)), auth.InsufficientScope, possible, auth.StepConsult, nil},
	{"nothing known at all", diagnose.Exchange{}, auth.NotSent, possible, auth.StepSend, nil},
}

const httpTime = "Mon, 02 Jan 2006 15:04:05 GMT"

// Trap 55, T47, T59, T69, T72.
func TestT81_EachFailureHasOneCause(t *testing.T) {
	for _, tt := range table {
		t.Run(tt.name, func(t *testing.T) {
			e := diagnose.Refusal(tt.x, diagnose.Words{})
			if e.Cause != tt.cause || e.Confidence != tt.confidence || e.Step() != tt.step {
				t.Errorf("got %s (%s), %s; want %s (%s), %s", e.Cause, e.Confidence, e.Step(), tt.cause, tt.confidence, tt.step)
			}
			complete(t, e)
			contains(t, facts(e)+e.Remedy.Text, tt.says...)
			if t.Failed() {
				t.Logf("%s", e.Explain())
			}
		})
	}
}

// complete checks what holds for every diagnosis.
func complete(t *testing.T, e *auth.Error) {
	t.Helper()
	if e.Cause.Meaning() == "" {
		t.Errorf("unknown cause %q", e.Cause)
	}
	if e.Remedy.Text == "" || strings.HasSuffix(e.Remedy.Text, ".") {
		t.Errorf("remedy %q", e.Remedy.Text)
	}
	if len(e.Evidence) == 0 {
		t.Error("no evidence")
	}
	for i, ev := range e.Evidence {
		if ev.Source == "" || ev.Fact == "" || strings.ContainsAny(ev.Fact, "\n\r\x00") || len(ev.Fact) > 600 {
			t.Errorf("evidence %d: %q", i, ev)
		}
	}
	for _, c := range []auth.Cause{auth.AccessExpired, auth.InvalidCredential, auth.InsufficientScope, auth.RejectedUnclassified, auth.NotSent} {
		if errors.Is(e, c) != (c == e.Cause) {
			t.Errorf("is %s, and also %s", e.Cause, c)
		}
	}
}
