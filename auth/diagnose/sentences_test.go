package diagnose_test

import (
	"fmt"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
)

// Sentences and codes as APIs and gateways of many kinds write them; none of
// them is in the corpus. What each stands for has to be among the first three.
func TestWordsOfStrangers(t *testing.T) {
	bad := 0
	for _, tt := range []struct {
		said string
		want []auth.Cause
	}{
		{"API key not valid. Please pass a valid API key.", one(auth.InvalidCredential)},
		{"API_KEY_INVALID", one(auth.InvalidCredential)},
		{"Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.", one(auth.InvalidCredential)},
		{"Request had insufficient authentication scopes.", one(auth.InsufficientScope)},
		{"ACCESS_TOKEN_SCOPE_INSUFFICIENT", one(auth.InsufficientScope)},
		{"The caller does not have permission", one(auth.InsufficientScope)},
		{"Requests from referer <empty> are blocked.", one(auth.PolicyBlocked)},
		{"API_KEY_HTTP_REFERRER_BLOCKED", one(auth.PolicyBlocked)},
		{"The provided API key has an IP address restriction. The originating IP address of the call violates this restriction.", one(auth.PolicyBlocked)},
		{"Maps API has not been used in project 1 before or it is disabled.", one(auth.PrincipalDisabled)},
		{"not_authed", one(auth.WrongScheme, auth.InvalidCredential)},
		{"invalid_auth", one(auth.InvalidCredential)},
		{"account_inactive", one(auth.PrincipalDisabled)},
		{"token_revoked", one(auth.AccessRevoked)},
		{"token_expired", one(auth.AccessExpired)},
		{"missing_scope", one(auth.InsufficientScope)},
		{"not_allowed_token_type", one(auth.WrongCredentialKind)},
		{"Invalid token provided", one(auth.InvalidCredential)},
		{"You do not have permission to perform the requested action", one(auth.InsufficientScope)},
		{"invalid x-api-key", one(auth.InvalidCredential)},
		{"Invalid username or password.", one(auth.InvalidCredential)},
		{"Unable to authenticate, your authentication token seems to be invalid.", one(auth.InvalidCredential)},
		{"This operation requires a one-time password from your authenticator", one(auth.StepUpRequired)},
		{"Timestamp for this request is outside of the recvWindow.", one(auth.ClockSkew)},
		{"Signature for this request is not valid.", one(auth.SignatureInvalid)},
		{"Invalid API-key, IP, or permissions for action.", one(auth.InvalidCredential, auth.PolicyBlocked, auth.InsufficientScope)},
		{"request timestamp expired", one(auth.ClockSkew)},
		{"EAPI:Invalid signature", one(auth.SignatureInvalid)},
		{"The Access Key Id you provided does not exist in our records.", one(auth.InvalidCredential)},
		{"RequestTimeTooSkewed: The difference between the request time and the current time is too large.", one(auth.ClockSkew)},
		{"The access token expired", one(auth.AccessExpired)},
		{"Only valid bearer authentication supported", one(auth.WrongScheme)},
		{"No token provided", one(auth.WrongScheme, auth.WrongLocation)},
		{"Basic authentication with passwords is deprecated", one(auth.WrongCredentialKind, auth.WrongScheme)},
		{"No valid crumb was included in the request", one(auth.SessionExpired)},
		{"CSRF token mismatch.", one(auth.SessionExpired)},
		{"CSRF Failed: CSRF token missing or incorrect.", one(auth.SessionExpired)},
		{"Page Expired", one(auth.SessionExpired)},
		{"Expired API key", one(auth.AccessExpired)},
		{"The bearer token has expired. If you have a refresh token, you can refresh.", one(auth.AccessExpired)},
		{"Access token is expired.", one(auth.AccessExpired)},
		{"Invalid access token, does not contain scopes: [user:read]", one(auth.InsufficientScope)},
		{"expired_access_token/..", one(auth.AccessExpired)},
		{"The token used in the request has been revoked by the user", one(auth.AccessRevoked)},
		{"REVOKED_ACCESS_TOKEN", one(auth.AccessRevoked)},
		{"Error validating access token: Session has expired on Thursday, 01-Jan-26.", one(auth.SessionExpired, auth.AccessExpired)},
		{"Error validating access token: The session has been invalidated because the user changed their password.", one(auth.AccessRevoked, auth.SessionExpired)},
		{"The signature key was not found", one(auth.WrongIssuer, auth.SignatureInvalid)},
		{"The token expired at '01/01/2026 10:00:00'", one(auth.AccessExpired)},
		{"The audience 'https://a.example' is invalid", one(auth.WrongAudience)},
		{"The issuer 'https://i.example' is invalid", one(auth.WrongIssuer)},
		{"The token is not valid before '11/23/2026 10:00:00'", one(auth.ClockSkew)},
		{"An API key was supplied but it is disabled.", one(auth.AccessRevoked)},
		{"API_KEY_DISABLED", one(auth.AccessRevoked)},
		{"API_KEY_UNVERIFIED", one(auth.PrincipalDisabled, auth.InvalidCredential)},
		{"API_KEY_UNAUTHORIZED", one(auth.InsufficientScope)},
		{"OVER_RATE_LIMIT", one(auth.RateOrQuota)},
		{"Invalid authentication credentials", one(auth.InvalidCredential)},
		{"HMAC signature cannot be verified", one(auth.SignatureInvalid)},
		{"HMAC signature does not match", one(auth.SignatureInvalid)},
		{"unable to authenticate user [elastic] for REST request [/]", one(auth.InvalidCredential)},
		{"missing authentication credentials for REST request [/]", one(auth.WrongScheme, auth.WrongLocation)},
		{"action [indices:admin] is unauthorized for user [bob] with roles [r], this action is granted by the index privileges [all]", one(auth.InsufficientScope)},
		{"Could not authenticate you.", one(auth.InvalidCredential)},
		{"Bad Authentication data.", one(auth.InvalidCredential)},
		{"Invalid or expired token.", one(auth.InvalidCredential, auth.AccessExpired)},
		{"Your account is suspended and is not permitted to access this feature.", one(auth.PrincipalDisabled)},
		{"Read-only application cannot POST.", one(auth.InsufficientScope)},
		{"Jwt issuer is not configured", one(auth.WrongIssuer)},
		{"Jwt verification fails", one(auth.TypoOrTruncated)},
		{"jwt malformed", one(auth.TypoOrTruncated)},
		{"jwt expired", one(auth.AccessExpired)},
		{"invalid signature", one(auth.SignatureInvalid)},
		{"jwt audience invalid. expected: x", one(auth.WrongAudience)},
		{"jwt issuer invalid. expected: x", one(auth.WrongIssuer)},
		{"Signature has expired.", one(auth.ClockSkew, auth.AccessExpired)},
		{"Error decoding signature.", one(auth.TypoOrTruncated, auth.SignatureInvalid)},
		{"crypto/rsa: verification error", one(auth.SignatureInvalid)},
		{"token contains an invalid number of segments", one(auth.TypoOrTruncated)},
		{"The authorization header is malformed; a non-empty Access Key (AKID) must be provided in the credential.", one(auth.WrongScheme, auth.TypoOrTruncated, auth.MalformedWrapping)},
		{"Invalid API Key: test mode key used in live mode", one(auth.WrongEnvironment)},
		{"This API call cannot be made with a publishable API key. Please use a secret API key.", one(auth.WrongCredentialKind)},
		{"Please verify your email address before using the API", one(auth.PrincipalDisabled)},
		{"Your credit balance is too low to access the API", one(auth.PrincipalDisabled)},
		{"Country, region, or territory not supported", one(auth.PolicyBlocked)},
		{"Your subscription does not include access to this endpoint. Upgrade your plan.", one(auth.PrincipalDisabled)},
		{"invalid organization", one(auth.WrongEnvironment, auth.MissingCompanion, auth.InvalidCredential)},
		{"User not found", one(auth.InvalidCredential)},
		{"Authentication failed", one(auth.InvalidCredential)},
		{"Login failed: incorrect username or password", one(auth.InvalidCredential)},
		{"Full authentication is required to access this resource", one(auth.InvalidCredential, auth.WrongScheme)},
		{"Your session has timed out. Please log in.", one(auth.SessionExpired)},
		{"Client certificate required", one(auth.WrongScheme, auth.MissingCompanion, auth.InvalidCredential)},
		{"Token has been blacklisted", one(auth.AccessRevoked)},
		{"user_disabled", one(auth.PrincipalDisabled)},
		{"Your IP has not been whitelisted", one(auth.PolicyBlocked)},
		{"Device is not compliant with the conditional access policy", one(auth.PolicyBlocked)},
		{"Too many failed login attempts. Try again in 15 minutes.", one(auth.RateOrQuota)},
		{"Cookie nonce is invalid", one(auth.SessionExpired)},
		{"Authorization header not found.", one(auth.WrongScheme)},
		{"Consumer key is invalid.", one(auth.ClientRejected)},
		{"Invalid timestamp.", one(auth.ClockSkew)},
		{"Timestamp expired: Given timestamp (2026) not within 600s of server time", one(auth.ClockSkew)},
		{"A second authentication factor or pre-authorization is required for this request", one(auth.StepUpRequired)},
		{"We have detected you are using an unrecognised IP address 192.0.2.1", one(auth.PolicyBlocked)},
		{"ip mismatched! callerIp=192.0.2.1", one(auth.PolicyBlocked)},
		{"Host not in allowlist", one(auth.PolicyBlocked)},
		{"No Account or Server API tokens were supplied in the HTTP headers.", one(auth.WrongScheme)},
		{"OAuth authentication is currently not supported.", one(auth.WrongScheme)},
		{"Password authentication is not available for this user", one(auth.WrongScheme)},
		{"Please verify your phone number", one(auth.PrincipalDisabled)},
		{"Your trial has ended", one(auth.PrincipalDisabled)},
		{"License expired", one(auth.PrincipalDisabled)},
		{"API access is not enabled for this organization", one(auth.PrincipalDisabled)},
		{"The provided access token is not valid for this environment", one(auth.WrongEnvironment)},
		{"Sandbox credentials used on production host", one(auth.WrongEnvironment)},
		{"Your API key may be invalid, or you have attempted to access the wrong datacenter.", one(auth.InvalidCredential)},
		{"oidc: id token issued by a different provider, expected x got y", one(auth.WrongIssuer)},
		{"no matching key found in JWKS", one(auth.WrongIssuer)},
		{"Jwks doesn't have key to match kid or alg from Jwt", one(auth.WrongIssuer)},
		{"token is unverifiable: unexpected signing method: HS256", one(auth.SignatureInvalid)},
		{"This action is outside the authorized scopes", one(auth.InsufficientScope)},
		{"Illegal base64 data at input byte 4", one(auth.TypoOrTruncated)},
		{"INVALID_OAUTHTOKEN", one(auth.InvalidCredential)},
		{"REFRESH_TOKEN_REUSED", one(auth.AccessRevoked)},
	} {
		x := refused(status(401), body(fmt.Sprintf(`{"message":%q}`, tt.said)))
		e := diagnose.Refusal(x, diagnose.Words{})
		ok := false
		for _, w := range tt.want {
			ok = ok || w == e.Cause
		}
		if !ok {
			bad++
			t.Logf("%-70.70q %s (%s) %v", tt.said, e.Cause, e.Confidence, e.Others)
		}
	}
	if bad > 0 {
		t.Errorf("%d wrong", bad)
	}
}

func one(causes ...auth.Cause) []auth.Cause { return causes }
