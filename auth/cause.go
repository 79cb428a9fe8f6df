package auth

// A Cause is the one reason of a definitive failure: a stable code, which
// programs may compare and people may search for. Each constant is an error
// itself, so that errors.Is(err, auth.AccessExpired) tells.
type Cause string

// Error returns the code.
func (c Cause) Error() string { return string(c) }

// Step returns the step to take. An unknown code gives [StepConsult].
func (c Cause) Step() Step {
	if i, ok := causes[c]; ok {
		return i.step
	}
	return StepConsult
}

// Meaning returns one sentence that says what the code stands for.
func (c Cause) Meaning() string { return causes[c].meaning }

// Remedy returns what to do where nothing more fitting is known: one sentence
// in the imperative, without a full stop.
func (c Cause) Remedy() string { return causes[c].remedy }

// Fixer returns who can put it right. An unknown code gives [FixerDeveloper].
func (c Cause) Fixer() Fixer {
	if i, ok := causes[c]; ok {
		return i.fixer
	}
	return FixerDeveloper
}

// A Fixer is whoever can put a failure right: the second question of a program
// that got one, after the step.
type Fixer string

// The fixers.
const (
	FixerCode      Fixer = "code"      // the program itself: this module did, or the next call may succeed
	FixerUser      Fixer = "user"      // the person whose access it is, by logging in or asking for more
	FixerDeveloper Fixer = "developer" // whoever configures the program: keys, schemes, addresses
	FixerOperator  Fixer = "operator"  // whoever runs the machine, its clock, its proxy and its keyring
	FixerProvider  Fixer = "provider"  // whoever runs the API or administers its accounts
)

// A Step is what somebody has to do next: the four things that every article
// on "how to fix a 401" teaches, and two that they forget. A program's own
// switch is over these.
type Step string

// The steps.
const (
	StepVerify         Step = "verify_credential" // is there one, is it the right one, is it intact?
	StepSend           Step = "send_correctly"    // is it sent in the header, scheme and place that the API wants?
	StepRenew          Step = "renew"             // has it expired or been revoked? refresh, or log in again
	StepConsult        Step = "consult_provider"  // has it the permission; what does the provider's documentation or console say?
	StepFixEnvironment Step = "fix_environment"   // is the keyring locked, the clock wrong, a proxy in the way?
	StepWait           Step = "wait"              // throttled, or the issuer is down
)

// Nothing usable was found. Only the first three let [FirstOf] go on.
const (
	MissingCredential  Cause = "missing_credential"
	EmptyCredential    Cause = "empty_credential"
	SourceUnavailable  Cause = "source_unavailable"
	SourceLocked       Cause = "source_locked"
	SourceDenied       Cause = "source_denied"
	SourceTimeout      Cause = "source_timeout"
	SourceCorrupt      Cause = "source_corrupt"
	SourceFailed       Cause = "source_failed"
	HelperFailed       Cause = "helper_failed"
	CoordinationFailed Cause = "coordination_failed"
	ValueTooBig        Cause = "value_too_big"
)

// The value itself is wrong.
const (
	MalformedCharacters Cause = "malformed_characters"
	MalformedWrapping   Cause = "malformed_wrapping"
	PlaceholderValue    Cause = "placeholder_value"
	TypoOrTruncated     Cause = "typo_or_truncated"
	InvalidCredential   Cause = "invalid_credential"
	WrongCredentialKind Cause = "wrong_credential_kind"
	WrongEnvironment    Cause = "wrong_environment"
	WrongIssuer         Cause = "wrong_issuer"
)

// The value may be right and was not sent as it should be.
const (
	NotSent              Cause = "not_sent"
	WrongScheme          Cause = "wrong_scheme"
	WrongLocation        Cause = "wrong_location"
	AmbiguousCredentials Cause = "ambiguous_credentials"
	StrippedInTransit    Cause = "stripped_in_transit"
	MissingCompanion     Cause = "missing_companion"
	SignatureInvalid     Cause = "signature_invalid"
	WrongAudience        Cause = "wrong_audience"
	BindingMismatch      Cause = "binding_mismatch"
	ProofInvalid         Cause = "proof_invalid"
	InsecureTransport    Cause = "insecure_transport"
	ProxyAuthRequired    Cause = "proxy_auth_required"
)

// It was good once.
const (
	AccessExpired    Cause = "access_expired"
	StaticKeyExpired Cause = "static_key_expired"
	SessionExpired   Cause = "session_expired"
	AccessRevoked    Cause = "access_revoked"
	ClockSkew        Cause = "clock_skew"
	NonceRequired    Cause = "nonce_required"
)

// The token endpoint would not give a new one.
const (
	RefreshRejected       Cause = "refresh_rejected"
	RefreshSuperseded     Cause = "refresh_superseded"
	RefreshReused         Cause = "refresh_reused"
	RefreshResponseLost   Cause = "refresh_response_lost"
	RefreshExpired        Cause = "refresh_expired"
	GrantRevoked          Cause = "grant_revoked"
	ClientRejected        Cause = "client_rejected"
	ClientNotAllowed      Cause = "client_not_allowed"
	EndpointMisconfigured Cause = "endpoint_misconfigured"
	CertificateRejected   Cause = "certificate_rejected"
	IntermediaryResponse  Cause = "intermediary_response"
	IssuerUnavailable     Cause = "issuer_unavailable"
	RefreshThrottled      Cause = "refresh_throttled"
)

// It is good and does not suffice, or nothing is known.
const (
	InsufficientScope    Cause = "insufficient_scope"
	PermissionDenied     Cause = "permission_denied"
	StepUpRequired       Cause = "step_up_required"
	PolicyBlocked        Cause = "policy_blocked"
	PrincipalDisabled    Cause = "principal_disabled"
	RateOrQuota          Cause = "rate_or_quota"
	RejectedUnclassified Cause = "rejected_unclassified"
)

type causeInfo struct {
	step    Step
	fixer   Fixer
	meaning string
	remedy  string
}

var causes = map[Cause]causeInfo{
	MissingCredential:  {StepVerify, FixerDeveloper, "no place that was asked holds a credential", "store a credential in one of the places that were asked"},
	EmptyCredential:    {StepVerify, FixerDeveloper, "the place exists, and what it holds is blank", "put the credential in, or remove the empty entry"},
	SourceUnavailable:  {StepFixEnvironment, FixerOperator, "the place that should hold the credential cannot be reached", "make the place reachable, or store the credential in another one"},
	SourceLocked:       {StepFixEnvironment, FixerOperator, "the place that holds the credential is locked", "unlock it"},
	SourceDenied:       {StepFixEnvironment, FixerOperator, "the system refused to read the place that holds the credential", "give this program the right to read it"},
	SourceTimeout:      {StepFixEnvironment, FixerOperator, "the place that holds the credential did not answer in time", "find out what keeps it from answering; a prompt may be waiting on some screen"},
	SourceCorrupt:      {StepFixEnvironment, FixerUser, "what the place holds cannot be read as a credential", "store the credential there anew"},
	SourceFailed:       {StepFixEnvironment, FixerOperator, "the source of the credential failed in a way of its own", "see what the source says"},
	HelperFailed:       {StepFixEnvironment, FixerOperator, "the program that should hand out the credential failed", "run the helper by hand, and mend what it says"},
	CoordinationFailed: {StepFixEnvironment, FixerOperator, "the place that programs share a login in could not be locked or written", "make the store and its lock reachable and writable"},
	ValueTooBig:        {StepFixEnvironment, FixerDeveloper, "the credential is larger than the place can hold", "store it in a file that only you can read, and name that file"},

	MalformedCharacters: {StepVerify, FixerDeveloper, "the value contains characters that cannot be sent or do not belong in it", "store the value anew without them"},
	MalformedWrapping:   {StepVerify, FixerDeveloper, "the value is wrapped in something that is not part of it", "store the bare value"},
	PlaceholderValue:    {StepVerify, FixerDeveloper, "the value is a placeholder that nobody replaced", "put the real value in its place"},
	TypoOrTruncated:     {StepVerify, FixerDeveloper, "the value is not whole: mistyped, cut off, or not in the form that such a credential has", "copy the whole value again from where it was made"},
	InvalidCredential:   {StepVerify, FixerDeveloper, "the provider says that it does not know this credential", "compare it with the one that the provider shows; make a new one if in doubt"},
	WrongCredentialKind: {StepVerify, FixerDeveloper, "the value is a credential of another kind than the API takes here", "use the kind of credential that the API's documentation names"},
	WrongEnvironment:    {StepConsult, FixerDeveloper, "the credential belongs to another environment, tenant, region or address than the one that was called", "use the address that the credential was made for, or a credential of this one"},
	WrongIssuer:         {StepConsult, FixerDeveloper, "the token comes from another issuer than the API trusts", "get the token from the issuer that the API trusts"},

	NotSent:              {StepSend, FixerDeveloper, "the refused request did not carry our credential", "send the request to an origin that the credential belongs to"},
	WrongScheme:          {StepSend, FixerDeveloper, "the API asks for another authentication scheme than the one used", "use the scheme that the API asks for"},
	WrongLocation:        {StepSend, FixerDeveloper, "the API looks for the credential in another header or parameter than the one used", "send it in the header or parameter that the API's documentation names"},
	AmbiguousCredentials: {StepSend, FixerDeveloper, "the request carried more than one credential", "send one credential, in one place"},
	StrippedInTransit:    {StepSend, FixerOperator, "the credential was sent and did not arrive", "find out what on the way (a proxy, a gateway, a redirect) takes it out"},
	MissingCompanion:     {StepSend, FixerDeveloper, "a header or parameter that has to accompany the credential is missing or names something else", "send the account, organization, tenant or version that the API's documentation asks for along with it"},
	SignatureInvalid:     {StepVerify, FixerDeveloper, "the signature does not match what was signed", "check the signing key, and that nothing changes the request after it was signed; then the clock"},
	WrongAudience:        {StepConsult, FixerDeveloper, "the token was made for another API than the one that was called", "ask the issuer for a token whose audience is this API"},
	BindingMismatch:      {StepSend, FixerDeveloper, "the token is bound to another key or certificate than the one that came with it", "send the token with the key or certificate that it was issued to"},
	ProofInvalid:         {StepSend, FixerDeveloper, "the proof of possession that came with the token was not accepted", "check the proof's method, address, time and key"},
	InsecureTransport:    {StepSend, FixerDeveloper, "the credential would have crossed a network in clear text", "use https"},
	ProxyAuthRequired:    {StepFixEnvironment, FixerOperator, "a proxy between here and the API asks for its own credentials", "put the proxy's user and password into the proxy's URL (HTTPS_PROXY)"},

	AccessExpired:    {StepRenew, FixerUser, "the credential has expired", "get a new one"},
	StaticKeyExpired: {StepRenew, FixerUser, "the key or client secret has reached the end that it was given when it was made", "make a new one at the provider's"},
	SessionExpired:   {StepRenew, FixerUser, "the session has ended, or its request token is missing", "log in again; for a form, fetch the request token anew and send it along"},
	AccessRevoked:    {StepRenew, FixerUser, "the credential was accepted before and is not any more, though it has not expired", "get a new one, and find out who withdrew it"},
	ClockSkew:        {StepFixEnvironment, FixerOperator, "this machine's clock and the server's differ by more than tokens allow", "set this machine's clock"},
	NonceRequired:    {StepSend, FixerCode, "the server wants a nonce of its own in the proof", "make the proof again with the nonce that the response gives"},

	RefreshRejected:       {StepRenew, FixerUser, "the issuer does not accept the refresh token or grant any more", "log in again"},
	RefreshSuperseded:     {StepRenew, FixerCode, "another program has exchanged the refresh token already", "use the one that the other program stored"},
	RefreshReused:         {StepRenew, FixerUser, "the refresh token was exchanged before, and the issuer has withdrawn the login", "log in again; give each program a login of its own"},
	RefreshResponseLost:   {StepRenew, FixerUser, "the refresh token was exchanged, and the answer never arrived or was not stored", "log in again"},
	RefreshExpired:        {StepRenew, FixerUser, "the refresh token has expired", "log in again"},
	GrantRevoked:          {StepRenew, FixerUser, "the login behind the token was withdrawn", "log in again, and find out who withdrew it"},
	ClientRejected:        {StepVerify, FixerDeveloper, "the issuer does not accept the client id and secret", "check client id and client secret"},
	ClientNotAllowed:      {StepConsult, FixerDeveloper, "the issuer knows the client and does not let it do this", "compare grant, scopes and client settings with what the issuer allows"},
	EndpointMisconfigured: {StepConsult, FixerDeveloper, "what answers at the token endpoint is not a token endpoint", "check the token endpoint's URL"},
	CertificateRejected:   {StepFixEnvironment, FixerOperator, "a TLS certificate was not accepted, on this side or on the other", "have this machine trust the other side's certificate authority, or give it the right client certificate"},
	IntermediaryResponse:  {StepFixEnvironment, FixerOperator, "something on the way answered in place of the other side", "find out what stands in between: a proxy, a gateway, a network's own login page"},
	IssuerUnavailable:     {StepWait, FixerProvider, "the issuer of tokens could not be reached or is out of order", "try again later"},
	RefreshThrottled:      {StepWait, FixerCode, "renewal failed so often that it is not tried again yet", "wait, or mend what the last attempt failed on"},

	InsufficientScope:    {StepConsult, FixerUser, "the credential is good and its permissions do not cover this request", "get a credential with more permissions; renewing this one does not widen it"},
	PermissionDenied:     {StepConsult, FixerProvider, "the credential is good and whoever it stands for may not do this", "ask the administrator of the resource for access; renewing does not help"},
	StepUpRequired:       {StepConsult, FixerUser, "the API wants a stronger or fresher login than the one behind this token", "log in again in the way that the API asks for; renewing does not help"},
	PolicyBlocked:        {StepConsult, FixerProvider, "a policy of the provider does not let this through as it is", "ask the provider's administrator, or log in again in the way that the policy asks for"},
	PrincipalDisabled:    {StepConsult, FixerProvider, "the account behind the credential is suspended, locked, unpaid or not entitled to this", "look at the account's state and plan at the provider's; do not try again before, which may lock it"},
	RateOrQuota:          {StepWait, FixerDeveloper, "too many requests or attempts, or a quota is used up", "wait before the next request, and ask the provider about the limit"},
	RejectedUnclassified: {StepConsult, FixerDeveloper, "the request was refused and nothing says why", "check in this order: the value, how it is sent, its age, its permissions"},
}
