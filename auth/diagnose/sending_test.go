package diagnose_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
)

// TestWhatWasSentTells: the same words have another cause where what was sent
// explains them.
func TestWhatWasSentTells(t *testing.T) {
	const whole = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqZG9lIn0.c3ludGhldGljLXNpZ25hdHVyZS1ub3QtcmVhbA"
	const key = "k3y-7f1c90aa5be24d61"
	at := func(host string) opt { return func(x *diagnose.Exchange) { x.URL = "https://" + host + "/v1/me" } }
	posted := func(x *diagnose.Exchange) { x.Method = "POST" }
	missing, denied, format, silence := body(`{"message":"No API key found in request"}`), body(`{"message":"forbidden"}`), body(`{"message":"Bad authorization string"}`), body(`{}`)
	for name, tt := range map[string]struct {
		x     diagnose.Exchange
		cause auth.Cause
		level auth.Confidence
	}{
		"a value alone, and words about its form":  {recording(401, "other", "Authorization", key, "", format), auth.MalformedWrapping, possible},
		"a scheme before it, and the same words":   {recording(401, "bearer", "Authorization", "Bearer "+key, "", format), auth.WrongScheme, likely},
		"a value alone, not found":                 {recording(401, "other", "Authorization", key, "", missing), auth.MalformedWrapping, possible},
		"a token alone, and silence":               {recording(401, "other", "Authorization", whole, "", silence), auth.MalformedWrapping, possible},
		"a key alone, and silence":                 {recording(401, "other", "Authorization", key, "", silence), auth.RejectedUnclassified, possible},
		"a key alone, called expired":              {recording(401, "other", "Authorization", key, "", body(`{"message":"Key has expired"}`)), auth.AccessExpired, likely},
		"a value run together with the scheme":     {recording(401, "other", "Authorization", "bearer="+key, "", body(`{"message":"Invalid token"}`)), auth.MalformedWrapping, likely},
		"a code that is no more than the status":   {recording(401, "bearer", "Authorization", "Bearer "+key, "", body(`{"code":"NOT_AUTHORIZED","message":"Credentials are missing or invalid"}`)), auth.InvalidCredential, possible},
		"sessions, expired or invalid":             {recording(401, "bearer", "Authorization", "Bearer "+key, "", body(`{"message":"Session expired or invalid"}`)), auth.SessionExpired, possible},
		"an underscore, not found":                 {recording(401, "apikey-header", "ACME_KEY", key, "", missing), auth.StrippedInTransit, likely},
		"an underscore, and a status":              {recording(403, "apikey-header", "ACME_KEY", key, "", denied), auth.StrippedInTransit, possible},
		"an underscore, called invalid":            {recording(401, "apikey-header", "ACME_KEY", key, "", body(`{"message":"Invalid API key"}`)), auth.InvalidCredential, possible},
		"a header that is there, not found":        {recording(401, "bearer", "Authorization", "Bearer "+key, "", body(`{"message":"Missing Authorization header"}`)), auth.StrippedInTransit, possible},
		"a header of another scheme, not found":    {recording(401, "bearer", "Authorization", "Bearer "+key, "", body(`{"message":"No Authorization: Basic header found"}`)), auth.WrongScheme, possible},
		"a wrong value, and a header not found":    {recording(401, "bearer", "Authorization", "Bearer invalid-key", "", body(`{"message":"Missing Authorization header"}`)), auth.InvalidCredential, possible},
		"a hyphen, not found":                      {recording(401, "apikey-header", "ACME-KEY", key, "", missing), auth.WrongScheme, possible},
		"a trial key elsewhere":                    {recording(403, "bearer", "Authorization", "Bearer acme-sandbox-7f1c90aa5be24d61", "", denied, at("api.acme.example")), auth.WrongEnvironment, possible},
		"a trial key in its place":                 {recording(403, "bearer", "Authorization", "Bearer acme-sandbox-7f1c90aa5be24d61", "", denied, at("sandbox.acme.example")), auth.InsufficientScope, possible},
		"a live key in a trial":                    {recording(403, "bearer", "Authorization", "Bearer acme-live-7f1c90aa5be24d61", "", denied, at("sandbox.acme.example")), auth.WrongEnvironment, possible},
		"an assertion that is said to be past":     {recording(400, "other", "request-body", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion="+whole, "past", body(`{"error":"invalid_grant"}`), posted), auth.ClockSkew, possible},
		"an assertion with a wrong signature":      {recording(400, "other", "request-body", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion="+whole, "", body(`{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`), posted), auth.SignatureInvalid, likely},
		"an assertion, and words about times":      {recording(400, "other", "request-body", "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion="+whole, "", body(`{"error":"invalid_grant","error_description":"The exp value is more than 60 seconds away"}`), posted), auth.ClockSkew, possible},
		"no pair for a token endpoint":             {recording(400, "basic", "Authorization", "Basic b'ZXhhbXBsZTpleGFtcGxl'", "", body(`{"error":"invalid_client"}`)), auth.MalformedWrapping, likely},
		"a secret that is a word of the answer":    {recording(401, "apikey-header", "X-Key", "invalid", "", body(`{"message":"invalid key"}`)), auth.InvalidCredential, likely},
		"a whole token called invalid":             {recording(401, "bearer", "Authorization", "Bearer "+whole, "", body(`{"message":"Invalid token"}`)), auth.InvalidCredential, possible},
		"a password where none is taken":           {recording(401, "basic", "Authorization", "Basic dXNlcjpleGFtcGxl", "", body(`{"message":"Password login is disabled"}`)), auth.WrongCredentialKind, possible},
		"a placeholder that stands for a key":      {recording(403, "bearer", "Authorization", "Bearer <token>", "", body(`{"message":"The token lacks the scope read"}`)), auth.InsufficientScope, likely},
		"a placeholder that was sent":              {recording(401, "bearer", "Authorization", "Bearer <token>", "", body(`{"message":"Invalid token"}`)), auth.PlaceholderValue, likely},
		"expired, of a token that states no end":   {recording(403, "bearer", "Authorization", "Bearer "+whole, "", body(`{"reason":"ExpiredToken"}`)), auth.AccessExpired, possible},
		"a project is suspended":                   {recording(403, "bearer", "Authorization", "Bearer "+key, "", body(`{"message":"Your project has been suspended"}`)), auth.PrincipalDisabled, possible},
		"an account is suspended":                  {recording(403, "bearer", "Authorization", "Bearer "+key, "", body(`{"message":"Your account has been suspended"}`)), auth.PrincipalDisabled, likely},
		"a cookie, and silence":                    {recording(401, "other", "Cookie", "sid=7f1c90aa5be24d61", "", silence), auth.SessionExpired, possible},
		"a time that is the answer's":              {recording(401, "bearer", "Authorization", "Bearer "+key, "", body(`{"message":"Token revoked. Timestamp: 2026-11-23 10:00:00Z"}`)), auth.AccessRevoked, likely},
		"an or that joins no causes":               {recording(401, "bearer", "Authorization", "Bearer "+key, "", body(`{"message":"Error validating token: revoked by the user or an administrator"}`)), auth.AccessRevoked, likely},
		"an or that does":                          {recording(401, "bearer", "Authorization", "Bearer "+key, "", body(`{"message":"Token is revoked or invalid"}`)), auth.InvalidCredential, possible},
		"causes with a slash":                      {recording(401, "bearer", "Authorization", "Bearer "+key, "", body(`{"message":"Missing/invalid token"}`)), auth.InvalidCredential, possible},
		"several reasons that are none of the key": {recording(401, "apikey-header", "X-Key", key, "", body(`{"message":"Invalid key, plan, or permissions"}`)), auth.InvalidCredential, possible},
	} {
		e := diagnose.Refusal(tt.x, diagnose.Words{})
		if e.Cause != tt.cause || e.Confidence != tt.level {
			t.Errorf("%s: got %s (%s), want %s (%s): %s", name, e.Cause, e.Confidence, tt.cause, tt.level, e.Evidence[0].Fact)
		}
		if strings.Contains(e.Error(), key) || strings.Contains(e.Error(), "7f1c90aa") {
			t.Errorf("%s: it shows the value:\n%s", name, e)
		}
	}
}

// TestFieldsSpeakTogether: a field that names a parameter, and the one that says
// what is wrong with it, are one sentence.
func TestFieldsSpeakTogether(t *testing.T) {
	for said, want := range map[string]auth.Cause{
		`{"errors":[{"resource":"Application","field":"client_id","code":"invalid"}]}`:            auth.ClientRejected,
		`{"errors":[{"code":"missing","field":"read_permission"}]}`:                               auth.InsufficientScope,
		`{"errors":{"token":["has expired"]}}`:                                                    auth.AccessExpired,
		`{"errors":{"api_key":"is missing"}}`:                                                     auth.WrongScheme,
		`{"error":{"errors":[{"domain":"usageLimits","message":"Token has been revoked"}]}}`:      auth.AccessRevoked,
		`{"errors":[{"field":"name","message":"is required"},{"message":"The key has expired"}]}`: auth.AccessExpired,
	} {
		if e := diagnose.Refusal(refused(body(said)), diagnose.Words{}); e.Cause != want {
			t.Errorf("%s: got %s or %v, want %s", said, e.Cause, e.Others, want)
		}
	}
}

// TestWhatElseItCouldBe: the first two runners-up are those that somebody looks
// at.
func TestWhatElseItCouldBe(t *testing.T) {
	for name, tt := range map[string]struct {
		x    diagnose.Exchange
		want auth.Cause
	}{
		"whoever takes no password alone": {recording(401, "basic", "Authorization", "Basic dXNlcjpleGFtcGxl", "", body(`{"message":"Password login is disabled"}`)), auth.StepUpRequired},
		"what the API did not see":        {recording(401, "bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61", "", body(`{"message":"JWT not found"}`)), auth.StrippedInTransit},
		"a wrong key, or a wrong region":  {recording(401, "apikey-header", "X-Key", "k3y-7f1c90aa5be24d61", "", body(`{"message":"Key is missing or invalid for the environment"}`)), auth.WrongEnvironment},
		"a token that a program signed":   {recording(403, "bearer", "Authorization", "Bearer "+jwt(map[string]any{"iss": "acme"}), "", body(`{"reason":"ExpiredProviderToken"}`)), auth.ClockSkew},
	} {
		e := diagnose.Refusal(tt.x, diagnose.Words{})
		if !slices.ContainsFunc(e.Others[:min(2, len(e.Others))], func(o auth.Other) bool { return o.Cause == tt.want }) {
			t.Errorf("%s: got %s or %v, want %s among the first", name, e.Cause, e.Others, tt.want)
		}
	}
}
