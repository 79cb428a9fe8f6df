package diagnose

// A statement is what a sentence or code of any provider amounts to.
type statement uint8

// The statements, the most telling first: of two that a response makes, the
// earlier one counts.
const (
	saysNonce     statement = iota // a nonce of the server's is wanted
	saysProof                      // the proof of possession is wrong
	saysForm                       // the request token of a form (CSRF) is wrong
	saysLimit                      // too many requests or attempts
	saysStepUp                     // a second factor or a fresher login
	notYet                         // a time of the token or signature is wrong
	saysReused                     // a refresh token was used twice
	saysSeveral                    // more than one credential was sent
	saysPlace                      // address, network, origin
	saysAudience                   // good for another API
	saysIssuer                     // good from another issuer
	saysElsewhere                  // good for another tenant, region or environment
	saysMismatch                   // two things that were sent do not belong together
	saysCompanion                  // something that has to go along is missing
	saysAccount                    // the account, not the credential
	saysKind                       // another kind of credential is wanted
	saysScheme                     // sent in a form that the server does not take
	saysScope                      // permissions
	saysPolicy                     // single sign-on, conditional access
	saysSession                    // the session, not the credential
	saysRevoked
	saysExpired
	saysBroken    // the value cannot be read
	saysSignature // the signature is wrong
	saysClient    // the client, not its token
	saysInvalid
	saysMissing
	saysDenied // no access, without a word on why
	saysLogin  // log in, without a word on why
	statementCount
)

// A pattern is a statement that a text makes if it holds one phrase of each
// group and none of the last. Phrases are words, or beginnings of words if they
// end in "*".
type pattern struct {
	makes  statement
	groups [][]string
	unless []string
}

func any1(phrases ...string) []string { return phrases }

// wrong is how sentences say that something is not as it should be.
var wrong = any1("invalid", "wrong", "bad", "mismatch*", "incorrect", "unexpected", "unknown", "unsupported", "not allowed", "not match*", "does not", "do not", "doesnt", "not in", "not accepted", "not valid", "not intended",
	"not trusted", "untrusted", "must match", "must be", "expecting", "expected", "not recognized", "unacceptable", "not among", "different", "disallowed", "rejected", "belongs to", "not for", "should be", "failed", "not configured", "not permitted")

// thing is what sentences about a credential speak of.
var thing = any1("key", "keys", "apikey", "token", "tokens", "jwt", "credential*", "password", "passwd", "passphrase", "pin", "secret", "login", "user", "username", "accesskey*", "api key*",
	"identifier", "session", "authentication", "authenticate*", "authenticating", "authorization", "auth", "access", "grant", "bearer", "certificate", "signature", "code", "apikeys", "appid", "app id", "app key", "authorisation", "authorized", "passcode", "assertion", "ticket", "cookie")

// patterns say what sentences mean. None names a provider: they have to work on
// those that nobody listed.
var patterns = []pattern{
	{saysNonce, [][]string{any1("dpop nonce", "nonce in dpop", "nonce in the dpop", "requires nonce", "nonce required", "nonce is required", "missing nonce")}, nil},
	{saysProof, [][]string{any1("dpop proof", "proof of possession", "dpop header", "htm mismatch", "htu mismatch", "ath mismatch", "dpop jwt"), wrong}, any1("nonce")},
	{saysProof, [][]string{any1("dpop proof", "proof of possession", "dpop header"), any1("missing", "must", "required", "malformed", "mismatch")}, any1("nonce")},
	{saysForm, [][]string{any1("csrf", "xsrf", "cross site request", "antiforgery", "anti forgery", "authenticity token", "valid crumb", "cookie nonce", "page expired", "page has expired")}, nil},
	{saysLimit, [][]string{any1("rate limit*", "ratelimit*", "rate exceeded", "over rate", "too many", "quota*", "throttl*", "login attempt*", "requests per", "request limit*", "usage limit*", "limit exceeded", "limit reached", "exceeded the limit", "slow down", "temporarily blocked", "temporarily locked", "max number", "daily limit", "monthly limit", "call limit", "please wait")}, nil},
	{saysStepUp, [][]string{any1("two factor", "2fa", "2 factor", "multi factor", "multifactor", "mfa", "otp", "one time password", "one time pass", "one time code", "second factor", "two step", "2 step", "totp", "aal2", "aal3", "insufficient aal", "authenticator app",
		"interaction required", "authentication factor", "second authentication", "additional authentication", "additional verification", "strong customer authentication", "step up", "reauthenticat*", "re authenticat*", "fresh token", "fresh login", "fresh authentication", "insufficient user authentication", "verification code", "sudo mode", "acr values", "security key", "elevated session")}, any1("requests per")},
	{notYet, [][]string{any1("not yet valid", "before issued", "used before", "not active yet", "not yet active", "not before", "not valid before", "valid before", "too far in the future", "far in the future", "issued in the future", "issued at future", "in the future", "in future",
		"clock", "clocks", "skew*", "signature expired", "time too skewed", "request expired", "request has expired", "request is expired", "iat", "issued at", "nbf", "timestamp", "timestamps", "request time", "system time", "not currently valid", "invalid nonce", "nonce too low", "duplicate nonce", "nonce used")}, any1("cookie nonce")},
	{saysReused, [][]string{any1("refresh token", "refreshtoken", "token", "code"), any1("reuse*", "reused", "already used", "already been used", "already redeemed", "already been redeemed", "replay*", "used more than once", "already consumed", "already exchanged")}, nil},
	{saysSeveral, [][]string{any1("multiple authorization", "multiple authentication", "multiple credentials", "multiple auth", "more than one authorization", "more than one authentication", "more than one method", "more than one mechanism", "only one auth", "only one authentication", "only one authorization", "multiple tokens", "multiple access tokens", "both authorization", "duplicate authorization", "duplicated authorization")}, nil},
	{saysPlace, [][]string{any1("ip", "ip address*", "ips", "ipaddress*", "client ip", "location", "network", "referer*", "referrer*", "country", "geo*", "http referer", "android client", "ios client"),
		any1("not allowed", "not permitted", "isnt allowed", "isnt permitted", "not authorized", "not authorised", "allow list", "allowlist*", "access list", "whitelist*", "white list*", "safelist*", "restrict*", "blocked", "denied", "cannot use", "not on", "not in", "mismatch*", "unrecognised", "unrecognized", "not recognised", "not recognized", "does not match", "invalid", "violat*", "forbidden", "not supported", "not available", "disallowed", "unauthorized")}, any1("email", "invalid api key", "not in audience", "url")},
	{saysPlace, [][]string{any1("not in", "not on"), any1("allow list", "allowlist*", "access list", "whitelist*", "white list*", "safelist*")}, nil},
	{saysPlace, [][]string{any1("waf", "firewall", "web application firewall"), any1("block*", "denied", "rule*", "reject*")}, nil},
	{saysPlace, [][]string{any1("origin", "region", "country", "territory", "countries"), any1("not allowed", "blocked", "restricted", "not supported", "not available", "unsupported")}, nil},
	{saysAudience, [][]string{any1("audience*", "aud", "resource indicator", "invalid target", "azp"), append(any1("invalid", "mismatch*", "not"), wrong...)}, nil},
	{saysAudience, [][]string{any1("token", "tokens", "jwt"), any1("issued for another", "issued for a different", "not intended for", "not issued for", "another resource", "different resource", "another application", "different application", "another client")}, nil},
	{saysElsewhere, [][]string{any1("issuer", "iss", "authority", "token"), wrong, any1("tenant*", "directory", "realm", "region*", "environment*", "stage")}, any1("missing tenant")},
	{saysIssuer, [][]string{any1("issuer*", "iss"), wrong}, nil},
	{saysIssuer, [][]string{any1("issued by a different", "issued by another", "different issuer", "another issuer", "different provider"), any1("token", "jwt", "issuer", "provider", "iss")}, nil},
	{saysIssuer, [][]string{any1("kid", "key id", "jwks", "signing key"), any1("not found", "doesnt have", "does not have", "no match*", "unknown", "unable", "could not", "cannot find")}, any1("access key")},
	{saysIssuer, [][]string{any1("unknown issuer", "untrusted issuer", "unknown key id", "unknown kid", "no matching key", "no matching jwk", "signing key not found", "signature key was not found", "unable to find a signing key", "kid not found", "issuer not found")}, nil},
	{saysElsewhere, [][]string{any1("tenant*", "region*", "environment*", "data center", "datacenter", "shard", "realm", "base url", "hostname", "host", "workspace", "domain", "live mode", "test mode", "sandbox", "production"),
		any1("wrong", "mismatch*", "unexpected", "not match*", "incorrect", "expecting", "expected", "does not match", "doesnt match", "do not match", "valid region", "different", "another", "not exist", "belongs to", "but you are", "but a", "cannot be used", "can only be used", "only works", "invalid region", "invalid tenant", "invalid environment", "not valid for", "not found", "illegal", "invalid")},
		any1("not supported for", "invalid api key", "invalid token")},
	{saysElsewhere, [][]string{any1("test key", "live key", "test api key", "live api key", "test mode key", "live mode key", "sandbox key", "production key", "test credentials", "live credentials", "production credentials", "sandbox credentials", "sandbox token", "production token"), any1("in", "used", "was", "mode", "cannot", "with", "but", "while")}, nil},
	{saysMismatch, [][]string{any1("do not match", "does not match", "doesnt match", "dont match", "mismatch*", "not belong*", "doesnt belong", "does not belong", "different client", "another client"), any1("client", "app", "application", "client id", "consumer", "account", "organization", "project", "merchant", "workspace", "shop")}, any1("password*", "signature*")},
	{saysCompanion, [][]string{any1("missing", "required", "no", "must provide", "must specify", "must include", "not provided", "must be set", "must supply", "not specified"), any1("client id", "tenant id", "organization id", "org id", "account id", "project id", "customer id", "user agent", "api version", "version header", "organization header", "tenant header", "account header", "date header", "host header", "developer token", "merchant id", "app id header", "content type", "content sha256", "idempotency key", "user project", "quota project")}, any1("api key", "apikey", "authorization header")},
	{saysAccount, [][]string{any1("account*", "user", "users", "subscription*", "organization", "organisation", "member", "email", "e mail", "plan", "billing", "payment*", "trial", "tenant", "merchant", "application", "app", "partner", "customer", "profile", "license*", "membership", "project", "team", "workspace"),
		any1("suspended", "banned", "inactive", "not active", "isnt active", "deactivated", "locked", "disabled", "upgrade", "confirm", "verify your", "verify the", "unverified", "not verified", "has not been verified", "not subscribed", "unsubscribed", "unpaid", "closed", "be a member", "not a member", "blocked", "payment required", "credit*", "overdue", "past due", "not activated", "not been activated", "activate your", "not enabled", "not been enabled", "is not approved", "pending", "delinquent", "deleted", "terminated", "frozen", "not confirmed", "unconfirmed", "not approved", "cancelled", "canceled", "not in good standing", "not eligible", "not entitled", "ended", "lapsed", "archived", "blacklisted", "does not include", "doesnt include")}, any1("key is inactive", "token is inactive", "token has been deactivated", "key has been disabled", "key is disabled", "key has been deleted", "ip address")},
	{saysAccount, [][]string{any1("license*", "licence*", "subscription*", "trial", "plan", "membership"), any1("expired", "has ended", "over")}, nil},
	{saysAccount, [][]string{any1("verify your email", "verify your phone", "verify your account", "verify your identity", "confirm your email", "confirm your account", "phone number"), any1("verify", "confirm")}, any1("code")},
	{saysAccount, [][]string{any1("api", "apis", "service"), any1("not enabled", "not been enabled", "not been used", "not activated", "not been activated")}, nil},
	{saysAccount, [][]string{any1("not subscribed", "upgrade your", "upgrade to", "please upgrade", "billing", "insufficient funds", "insufficient entitlement", "entitlement*", "insufficient balance", "insufficient credit*", "out of credit*", "no active subscription", "requires a subscription", "paid plan", "premium", "enterprise plan", "purchase", "account inactive", "user inactive", "account disabled", "user disabled", "account locked", "user locked", "not enabled for your", "terms of service", "accept the terms", "email not verified", "verify email")}, nil},
	{saysAccount, [][]string{any1("credit*", "balance", "funds"), any1("low", "insufficient", "exhausted", "negative", "empty", "not enough", "zero", "run out", "ran out")}, nil},
	{saysKind, [][]string{any1("publishable key", "publishable api key", "secret key", "restricted key", "token type", "type of token", "bot token", "user token", "app token", "id token", "refresh token", "access token", "personal access token", "service account", "api token", "type of credential", "credential type", "legacy token", "admin key", "admin api key", "grant type", "oauth token", "oauth2 token", "kind of"),
		any1("not allowed token", "not supported here", "is not allowed", "not allowed for", "cannot be used", "cant be used", "can not be used", "instead of", "required for this", "must use", "must be used", "not supported", "does not support", "use a", "use an", "use your", "should be used", "not an access", "only be used", "is required for", "are not supported", "is not supported", "unsupported", "expected access", "expected an access", "not permitted for", "wrong type", "is not accepted", "were provided instead", "was provided instead")}, any1("expired", "authorization header", "missing bearer")},
	{saysKind, [][]string{any1("wrong token type", "not allowed token type", "invalid token type", "wrong type of token", "wrong type of key", "wrong key type", "basic authentication with passwords", "password authentication was removed", "password authentication is no", "passwords are not")}, any1("expired")},
	{saysScheme, [][]string{any1("expected authorization", "missing bearer", "must use bearer", "use bearer", "using bearer", "bearer type", "unsupported authorization", "unsupported authentication", "unsupported auth", "only valid bearer", "only bearer", "bearer authentication supported", "bearer prefix", "bearer scheme", "start with bearer", "begin with bearer", "starts with bearer", "prefixed with",
		"authentication scheme", "auth scheme", "authorization scheme", "authentication method", "auth method", "authorization type", "authentication type", "auth type", "invalid format for", "bad authorization header", "invalid authorization header", "malformed authorization header", "authorization header is invalid", "authorization header format", "authorization format", "header format", "not supported for this endpoint", "requires the dpop", "token type is not", "basic auth is not", "basic authentication is not", "must be basic", "authorization header must", "authorization header is badly", "authorization header is malformed", "authorization header malformed", "authorization header requires", "must be sent as", "must be passed in", "should be passed in", "should be sent in", "must be sent in", "in the query string", "as a query parameter")}, any1("for example", "e g using", "must be provided", "not provided", "not found", "region", "contain spaces", "did not provide", "didnt provide")},
	{saysScheme, [][]string{any1("password authentication", "password login", "login with password", "basic authentication", "basic auth", "oauth authentication", "token authentication", "key authentication", "digest authentication", "bearer authentication", "bearer auth"),
		any1("not supported", "not available", "disabled", "not allowed", "not enabled", "not accepted", "deprecated", "removed", "no longer")}, nil},
	{saysScope, [][]string{any1("scope", "scopes", "privilege*", "insufficient permission*", "insufficient right*", "insufficient access", "insufficient scope", "missing permission*", "required permission*", "access rights", "insufficient authentication scopes", "insufficient authorization",
		"key unauthorized", "key not authorized for", "token unauthorized", "required role", "required roles", "not authorized to", "not authorised to", "isnt authorized to", "not allowed to", "not permitted to", "unauthorized to", "not have permission*", "no permission*", "lack permission*", "lacks permission*", "have permission*", "has permission*", "enough permission*", "not have access", "no access to", "doesnt have access", "not have the required", "dont have access", "does not have access", "not have sufficient", "forbidden for this", "rbac", "acl", "not have the right", "permissions to", "permission to", "requires permission", "permission required", "read only", "not have rights")}, nil},
	{saysScope, [][]string{any1("must have", "need", "needs", "requires", "required", "lacks", "must grant", "missing", "dont have", "does not have", "doesnt have", "not been granted", "do not have"), any1("access", "rights", "role", "roles", "permission*", "admin*", "privilege*", "authority", "grants")}, any1("access token", "access key", "requires authentication", "authentication is required", "authentication required")},
	{saysScope, [][]string{any1("grant your", "must grant", "grant access", "granted access"), any1("access", "permission*")}, any1("invalid")},
	{saysPolicy, [][]string{any1("saml", "sso", "single sign on", "conditional access", "insufficient claims", "device is not", "compliant device", "security policy", "access policy", "organization policy", "policies", "admin consent", "administrator has", "blocked by policy", "policy violation")}, nil},
	{saysSession, [][]string{any1("session*", "sid", "login session"), any1("expired", "expire*", "timed out", "timeout", "ended", "no longer", "invalid", "stale", "has been closed", "lost", "logged out")}, any1("session token", "security token")},
	{saysRevoked, [][]string{any1("revoked", "revocation", "inactive", "deactivated", "withdrawn", "invalidated", "blacklisted", "blocklisted", "denylisted", "deleted", "disabled", "logged out", "no longer active", "no longer valid", "been removed", "has been reset", "password was changed", "changed their password", "changed the password", "not active", "isnt active", "suspended", "uninstalled", "deauthorized", "has been rotated", "terminated", "been cancelled", "superseded"), append(any1("client", "app", "it"), thing...)}, any1("anonymous")},
	{saysRevoked, [][]string{any1("revoked", "session not found", "session terminated", "deauthorized")}, nil},
	{saysRevoked, [][]string{any1("session", "session id"), any1("does not exist", "doesnt exist", "not found", "no such", "terminated")}, nil},
	{saysExpired, [][]string{any1("expired", "expire", "expires", "expiration", "expiry", "exp", "has lapsed", "outdated", "timed out", "too old", "past its", "no longer valid", "end of life", "stale")}, any1("not expired", "will expire", "never expire*")},
	{saysBroken, [][]string{any1("malformed", "malformatted", "misformatted", "not well formed", "wrongly formatted", "badly formatted", "improperly formatted", "badly formed", "incorrectly formatted", "wrong format", "invalid format", "bad format", "incorrect format", "decode*", "decoding", "undecodable", "parse", "parsed", "parsing", "deserializ*", "unmarshal*", "not a jwt", "not a valid jwt", "3 parts", "three parts", "3 segments", "three segments", "number of segments", "wrong number of", "not enough segments", "contain space*", "contains space*", "one space", "whitespace", "white space", "invalid json", "compact serialization", "compact jws", "space delimited", "base64*", "padding", "illegal character*", "invalid character*", "non ascii", "not properly formatted", "wrong length", "invalid length", "incorrect length", "truncated", "unreadable", "ill formed", "illformed", "unexpected length", "empty jwt", "unsupported algorithm", "algorithm none", "alg none", "not a valid format", "valid format", "syntax", "is not a valid uuid", "characters long", "too short", "incomplete", "unrecognized format")}, nil},
	{saysBroken, [][]string{any1("token format", "key format", "token string format"), wrong}, nil},
	{saysSignature, [][]string{any1("signature*", "hmac", "digest"), append(any1("does not match", "not match*", "verification", "verify", "verified", "could not", "cannot", "calculated", "for this request", "failure", "error", "unable"), wrong...)}, nil},
	{saysSignature, [][]string{any1("signing method", "signing algorithm", "signature algorithm"), wrong}, nil},
	{saysSignature, [][]string{any1("verification error", "verification failure", "signature error", "signature failure", "crypto rsa", "crypto ecdsa", "cryptographic primitive", "no key could verify")}, nil},
	{saysClient, [][]string{any1("unknown", "invalid", "bad", "unrecognized", "not found", "not recognized", "does not exist", "no such", "not registered", "authentication failed", "incorrect", "wrong", "expired", "failed", "rejected"), any1("consumer", "consumer key", "client id", "client secret", "client credentials", "invalid client", "client authentication", "oauth client", "client identifier", "unknown client", "client assertion")}, any1("access token")},
	{saysInvalid, [][]string{any1("invalid", "bad", "incorrect", "wrong", "unknown", "unrecognized", "unrecognised", "not recognized", "not recognised", "not valid", "isnt valid", "not a valid", "no valid", "not known", "does not exist", "doesnt exist", "not exist", "improper", "illegal", "inexistent", "nonexistent", "mismatch*", "not correct",
		"not found", "could not be found", "failed", "failure", "fails", "no such", "non existent", "couldnt", "could not", "cant", "unable to", "cannot be", "can not", "malformed", "rejected", "unacceptable", "disallowed", "not match*", "no match*", "unsuccessful", "not accepted", "not successful", "not registered", "did not match", "denied", "error", "unverified", "not verified"), thing}, any1("header is missing", "header not found", "header was not found", "header missing", "not found in request")},
	{saysInvalid, [][]string{any1("wrong credentials", "invalid key", "auth failed", "login failed", "invalid auth", "not a valid", "api key not valid", "required claim*", "missing claim*", "invalid claim*")}, nil},
	{saysMissing, [][]string{any1("missing", "not provided", "wasnt provided", "not supplied", "not present", "not included", "not specified", "did not provide", "didnt provide", "did not include", "did not specify", "not found in request", "no api key", "no apikey", "no token", "no credential*", "no authorization", "no authentication", "no auth", "no key", "no access token", "no bearer", "no jwt", "is required", "are required", "must be provided", "must provide", "must supply", "must include", "must specify", "must contain", "without", "not set", "is empty", "not given", "absent", "lacks", "need to provide", "have to provide", "please provide", "please supply", "provide a valid", "was empty", "expected a", "required parameter", "not sent", "no valid", "not received", "forgot", "mandatory", "none provided", "not authed"), append(any1("header", "headers", "parameter", "param", "api", "field", "api key*", "subscription key"), thing...)}, any1("required claim*", "missing claim*")},
	{saysMissing, [][]string{any1("no"), any1("supplied", "provided", "present", "specified", "were sent", "was sent", "found in"), append(any1("header", "headers"), thing...)}, nil},
	{saysMissing, [][]string{any1("header not found", "header was not found", "header missing", "header is missing", "header required", "header is required")}, any1("csrf")},
	{saysDenied, [][]string{any1("permission*", "access denied", "forbidden", "access forbidden", "not authorized", "not authorised", "denied", "not allowed", "not permitted")}, nil},
	{saysLogin, [][]string{any1("sign in", "log in", "logged in", "authenticated user", "login required", "authentication required", "requires authentication", "authentication is required", "authentication is needed", "need to authenticate", "must authenticate", "not authenticated", "unauthenticated", "unauthenticated request", "requires login", "not logged in", "please login", "please authenticate", "need auth", "must be logged in", "must be authenticated", "not authed", "must be signed in", "not signed in", "requires user authentication", "authenticate", "authorization required", "auth required", "credentials required", "anonymous")}, nil},
}
