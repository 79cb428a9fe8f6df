package auth

import (
	"strings"
	"unicode/utf8"
)

// A Cause is the one reason of a definitive failure: a stable code, which
// programs may compare and people may search for. Each constant is an error
// itself, so that errors.Is(err, auth.AccessExpired) tells.
type Cause string

// Error returns the code.
func (c Cause) Error() string { return string(c) }

// Causes returns the whole catalogue, in the order of the constants: a new slice
// each time. docs/causes.md has it as a page.
func Causes() []Cause {
	var all []Cause
	for _, info := range catalogue {
		all = append(all, info.cause)
	}
	return all
}

// Step returns the step to take. An unknown code gives [StepConsult].
func (c Cause) Step() Step {
	if info, ok := causes[c]; ok {
		return info.step
	}
	return StepConsult
}

// Meaning returns one sentence that says what the code stands for.
func (c Cause) Meaning() string { return causes[c].meaning }

// Proof returns what the cause is concluded from, in sentences that begin with
// how sure that is, the surest first: "Certain if …. Likely if …. Possible if
// …." No rule gives a degree that is left out; docs/causes.md says what else can
// lower one. A cause that nothing concludes yet says so.
func (c Cause) Proof() string { return causes[c].proof }

// Remedy returns what to do where nothing more fitting is known: one sentence
// in the imperative, without a full stop.
func (c Cause) Remedy() string { return causes[c].remedy }

// Fixer returns who can put it right. An unknown code gives [FixerDeveloper].
func (c Cause) Fixer() Fixer {
	if info, ok := causes[c]; ok {
		return info.fixer
	}
	return FixerDeveloper
}

// Explain returns the page of the cause, for whoever met its code in a log: what
// it means, what proves it, what to do and who can do it. It ends with a newline.
// An unknown code has no page.
func (c Cause) Explain() string {
	info, ok := causes[c]
	if !ok {
		return ""
	}
	var p page
	p.line(string(c) + ": " + info.meaning)
	p.line("")
	for sentence := range strings.SplitAfterSeq(info.proof, ". ") {
		p.wrapped("proof", sentence)
	}
	p.wrapped("fix", info.remedy)
	p.wrapped("step", string(info.step)+": "+questions[info.step])
	p.wrapped("who", string(info.fixer)+": "+people[info.fixer])
	return p.String()
}

// wrapped writes a row of prose, which goes on below itself.
func (p *page) wrapped(label, text string) {
	const width = 78 // without the label
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			p.row(label, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	p.row(label, line)
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
