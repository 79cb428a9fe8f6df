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
	MissingCredential Cause = "missing_credential"
	EmptyCredential   Cause = "empty_credential"
	SourceUnavailable Cause = "source_unavailable"
	SourceLocked      Cause = "source_locked"
	SourceDenied      Cause = "source_denied"
	SourceTimeout     Cause = "source_timeout"
	SourceCorrupt     Cause = "source_corrupt"
	SourceFailed      Cause = "source_failed"
	ValueTooBig       Cause = "value_too_big"
)

// The value itself is wrong.
const (
	MalformedCharacters Cause = "malformed_characters"
	MalformedWrapping   Cause = "malformed_wrapping"
	PlaceholderValue    Cause = "placeholder_value"
	InvalidCredential   Cause = "invalid_credential"
)

// The value may be right and was not sent as it should be.
const (
	NotSent           Cause = "not_sent"
	WrongScheme       Cause = "wrong_scheme"
	InsecureTransport Cause = "insecure_transport"
	ProxyAuthRequired Cause = "proxy_auth_required"
)

// It was good once.
const (
	AccessExpired Cause = "access_expired"
	AccessRevoked Cause = "access_revoked"
	ClockSkew     Cause = "clock_skew"
)

// The token endpoint would not give a new one.
const (
	RefreshRejected       Cause = "refresh_rejected"
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
	StepUpRequired       Cause = "step_up_required"
	PolicyBlocked        Cause = "policy_blocked"
	RejectedUnclassified Cause = "rejected_unclassified"
)

type causeInfo struct {
	step    Step
	meaning string
	remedy  string
}

var causes = map[Cause]causeInfo{
	MissingCredential: {StepVerify, "no place that was asked holds a credential", "store a credential in one of the places that were asked"},
	EmptyCredential:   {StepVerify, "the place exists, and what it holds is blank", "put the credential in, or remove the empty entry"},
	SourceUnavailable: {StepFixEnvironment, "the place that should hold the credential cannot be reached", "make the place reachable, or store the credential in another one"},
	SourceLocked:      {StepFixEnvironment, "the place that holds the credential is locked", "unlock it"},
	SourceDenied:      {StepFixEnvironment, "the system refused to read the place that holds the credential", "give this program the right to read it"},
	SourceTimeout:     {StepFixEnvironment, "the place that holds the credential did not answer in time", "find out what keeps it from answering; a prompt may be waiting on some screen"},
	SourceCorrupt:     {StepFixEnvironment, "what the place holds cannot be read as a credential", "store the credential there anew"},
	SourceFailed:      {StepFixEnvironment, "the source of the credential failed in a way of its own", "see what the source says"},
	ValueTooBig:       {StepFixEnvironment, "the credential is larger than the place can hold", "store it in a file that only you can read, and name that file"},

	MalformedCharacters: {StepVerify, "the value contains characters that cannot be sent or do not belong in it", "store the value anew without them"},
	MalformedWrapping:   {StepVerify, "the value is wrapped in something that is not part of it", "store the bare value"},
	PlaceholderValue:    {StepVerify, "the value is a placeholder that nobody replaced", "put the real value in its place"},
	InvalidCredential:   {StepVerify, "the provider says that it does not know this credential", "compare it with the one that the provider shows; make a new one if in doubt"},

	NotSent:           {StepSend, "the refused request did not carry our credential", "send the request to an origin that the credential belongs to"},
	WrongScheme:       {StepSend, "the API asks for another authentication scheme than the one used", "use the scheme that the API asks for"},
	InsecureTransport: {StepSend, "the credential would have crossed a network in clear text", "use https"},
	ProxyAuthRequired: {StepFixEnvironment, "a proxy between here and the API asks for its own credentials", "put the proxy's user and password into the proxy's URL (HTTPS_PROXY)"},

	AccessExpired: {StepRenew, "the credential has expired", "get a new one"},
	AccessRevoked: {StepRenew, "the credential was accepted before and is not any more, though it has not expired", "get a new one, and find out who withdrew it"},
	ClockSkew:     {StepFixEnvironment, "this machine's clock and the server's differ by more than tokens allow", "set this machine's clock"},

	RefreshRejected:       {StepRenew, "the issuer does not accept the refresh token or grant any more", "log in again"},
	ClientRejected:        {StepVerify, "the issuer does not accept the client id and secret", "check client id and client secret"},
	ClientNotAllowed:      {StepConsult, "the issuer knows the client and does not let it do this", "compare grant, scopes and client settings with what the issuer allows"},
	EndpointMisconfigured: {StepConsult, "what answers at the token endpoint is not a token endpoint", "check the token endpoint's URL"},
	CertificateRejected:   {StepFixEnvironment, "a TLS certificate was not accepted, on this side or on the other", "have this machine trust the other side's certificate authority, or give it the right client certificate"},
	IntermediaryResponse:  {StepFixEnvironment, "something on the way answered in place of the other side", "find out what stands in between: a proxy, a gateway, a network's own login page"},
	IssuerUnavailable:     {StepWait, "the issuer of tokens could not be reached or is out of order", "try again later"},
	RefreshThrottled:      {StepWait, "renewal failed so often that it is not tried again yet", "wait, or mend what the last attempt failed on"},

	InsufficientScope:    {StepConsult, "the credential is good and its permissions do not cover this request", "get a credential with more permissions; renewing this one does not widen it"},
	StepUpRequired:       {StepConsult, "the API wants a stronger or fresher login than the one behind this token", "log in again in the way that the API asks for; renewing does not help"},
	PolicyBlocked:        {StepConsult, "a policy of the provider does not let this through as it is", "ask the provider's administrator, or log in again in the way that the policy asks for"},
	RejectedUnclassified: {StepConsult, "the request was refused and nothing says why", "check in this order: the value, how it is sent, its age, its permissions"},
}
