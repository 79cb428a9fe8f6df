package auth

// A causeInfo is all that is known of a cause before it happens.
//
// The proof is a promise about rules that are elsewhere: in package diagnose,
// and in whatever makes an [Error]. Who changes one of those changes it here;
// tests compare the degrees that it names with those that are given.
type causeInfo struct {
	cause   Cause
	step    Step
	fixer   Fixer
	meaning string // a sentence without capital and full stop
	proof   string // sentences: "Certain if …. Likely if …. Possible if …."
	remedy  string // a sentence in the imperative, without a full stop
}

var causes = func() map[Cause]causeInfo {
	all := make(map[Cause]causeInfo)
	for _, info := range catalogue {
		all[info.cause] = info
	}
	return all
}()

// questions are what the steps ask, as the comments of their constants do.
var questions = map[Step]string{
	StepVerify:         "is there one, is it the right one, is it intact?",
	StepSend:           "is it sent in the header, scheme and place that the API wants?",
	StepRenew:          "has it expired or been revoked? refresh, or log in again",
	StepConsult:        "has it the permission; what does the provider's documentation or console say?",
	StepFixEnvironment: "is the keyring locked, the clock wrong, a proxy in the way?",
	StepWait:           "throttled, or the issuer is down",
}

// people are who the fixers are, as the comments of their constants say.
var people = map[Fixer]string{
	FixerCode:      "the program itself: this module did, or the next call may succeed",
	FixerUser:      "the person whose access it is, by logging in or asking for more",
	FixerDeveloper: "whoever configures the program: keys, schemes, addresses",
	FixerOperator:  "whoever runs the machine, its clock, its proxy and its keyring",
	FixerProvider:  "whoever runs the API or administers its accounts",
}

// catalogue is in the order of the constants.
var catalogue = []causeInfo{
	{
		MissingCredential, StepVerify, FixerDeveloper,
		"no place that was asked holds a credential",
		"Certain if every place that was asked answers that it holds none: no variable, no file, no keyring entry. " +
			"Likely if one of those answers is only likely itself. " +
			"Possible if no more than a response is known, and it asks for a credential without naming an error (RFC 6750 section 3.1) or says that there was none.",
		"store a credential in one of the places that were asked",
	},
	{
		EmptyCredential, StepVerify, FixerDeveloper,
		"the place exists, and what it holds is blank",
		"Certain if the place is there and holds nothing but white space: a variable, a file, a keyring entry, a value that the program gave. " +
			"Likely if another place that was asked gave an answer that is only likely. " +
			"Possible if a recorded request was sent with nothing in the credential's place, and the response sees none.",
		"put the credential in, or remove the empty entry",
	},
	{
		SourceUnavailable, StepFixEnvironment, FixerOperator,
		"the place that should hold the credential cannot be reached",
		"Certain if the system says so: no session bus, no keyring service, no stored credentials for this kind of logon. " +
			"Likely on macOS, where only the exit status of its security tool tells, or if another place that was asked gave an answer that is only likely.",
		"make the place reachable, or store the credential in another one",
	},
	{
		SourceLocked, StepFixEnvironment, FixerOperator,
		"the place that holds the credential is locked",
		"Certain if the keyring service says that it is locked. " +
			"Likely if a prompt was shown and nobody unlocked it, or on macOS, where only the exit status of its security tool tells.",
		"unlock it, or store the credential where nothing has to be unlocked",
	},
	{
		SourceDenied, StepFixEnvironment, FixerOperator,
		"the system refused access to the place that holds the credential",
		"Certain if the operating system or the session bus says so: the mode of a file, the rights of a user. " +
			"Likely on macOS, where only the exit status of its security tool tells, or if a keyring reports success and has stored or deleted nothing.",
		"give this program the right to read it",
	},
	{
		SourceTimeout, StepFixEnvironment, FixerOperator,
		"the place that holds the credential did not answer in time",
		"Likely if a deadline passed without an answer: the place may be slow or dead, or a prompt may be waiting on some screen.",
		"find out what keeps it from answering; a prompt may be waiting on some screen",
	},
	{
		SourceCorrupt, StepFixEnvironment, FixerUser,
		"what the place holds cannot be read as a credential",
		"Certain if the content shows it: a file of more than 64 KiB, a keyring value that is no text or cannot be decoded, a client assertion that is no JSON Web Token.",
		"store the credential there anew",
	},
	{
		SourceFailed, StepFixEnvironment, FixerOperator,
		"the source of the credential failed in a way of its own",
		"Certain if this side sees why: what should be a file cannot be read or is none, or two settings exclude each other. " +
			"Likely if a keyring, or a source that is not of this module, returns an error without a cause of its own.",
		"read in the evidence what the source says it failed on, and mend that",
	},
	{
		HelperFailed, StepFixEnvironment, FixerOperator,
		"the program that should hand out the credential failed",
		"Nothing in this version concludes it. " +
			"It is meant for a program that hands out credentials and cannot be run, ends with an error, or prints none.",
		"run the helper by hand, and mend what it says",
	},
	{
		CoordinationFailed, StepFixEnvironment, FixerOperator,
		"the place that programs share a login in could not be locked or written",
		"Nothing in this version concludes it. " +
			"It is meant for a store of logins whose lock cannot be had in time, or that cannot be written.",
		"make the store and its lock reachable and writable",
	},
	{
		ValueTooBig, StepFixEnvironment, FixerDeveloper,
		"the credential is larger than the place can hold",
		"Certain if its bytes, counted before anything is stored, are more than the keyring entry can hold, or the keyring says so. " +
			"Likely on macOS, where only the exit status of its security tool tells.",
		"store it in a file that only you can read, and name that file",
	},

	{
		MalformedCharacters, StepVerify, FixerDeveloper,
		"the value contains characters that cannot be sent or do not belong in it",
		"Certain if there is a line break or another control character in it, which no HTTP header can carry (RFC 9110 section 5.5), so that it is not sent; or if a keyring should store what is no UTF-8 text. " +
			"Likely if a value with invisible or foreign characters was sent and refused, or a field of the response speaks of characters. " +
			"Possible if it is a web page that refused the value, or prose that speaks of characters.",
		"store the value anew without them",
	},
	{
		MalformedWrapping, StepVerify, FixerDeveloper,
		"the value is wrapped in something that is not part of it",
		"Certain if the scheme cannot send the value at all: Basic needs user:password, or a user name without a colon (RFC 7617 section 2). " +
			"Likely if the value was refused and is in quotation marks, begins with the name of a scheme or header, is a whole assignment or JSON document. " +
			"Possible if sound values look like that too, if it was sent empty or without the name of a scheme before it, or if it is a web page that refused it.",
		"store the bare value",
	},
	{
		PlaceholderValue, StepVerify, FixerDeveloper,
		"the value is a placeholder that nobody replaced",
		"Likely if the value was refused and is a reference that nothing expanded, the path of a file, a word such as changeme, or one character many times. " +
			"Possible if sound values look like that too, it is a web page that refused it, the response speaks of something else, such as a limit, or a recorded value may stand for another one.",
		"put the real value in its place",
	},
	{
		TypoOrTruncated, StepVerify, FixerDeveloper,
		"the value is not whole: mistyped, cut off, or not in the form that such a credential has",
		"Likely if the value was refused and a documented checksum or length does not fit, it is a copy with dots or asterisks in it, or a JSON Web Token that is not whole or not signed; or if a field of the response says that it cannot be read. " +
			"Possible if sound values look like that too, it is a web page that refused it, or only prose says so.",
		"copy the whole value again from where it was made",
	},
	{
		InvalidCredential, StepVerify, FixerDeveloper,
		"the provider says that it does not know this credential",
		"Likely if a code that the provider documents says so, if a field of the response calls it unknown or incorrect, or a password or a value that is visibly no key invalid, if Basic is asked for again without a word (RFC 7617 section 2), or if invalid_token (RFC 6750 section 3.1) answers a key that states no expiry and has not been accepted since the program started. " +
			"Possible if it is only called invalid, which is also said of revoked, expired and foreign ones; if only prose says so, if several reasons are named, if nothing is said at all, or if an issuer made the token for this program.",
		"compare it with the one that the provider shows; make a new one if in doubt",
	},
	{
		WrongCredentialKind, StepVerify, FixerDeveloper,
		"the value is a credential of another kind than the API takes here",
		"Likely if the value shows what it is (a private key, a key file, an address), if its prefix or its claims and the response agree (a publishable key, the ID of a key, a refresh or ID token), or if a code that the provider documents or a field of the response says so. " +
			"Possible if only its shape or only prose says so, or if a password is not taken, which a second factor explains as well.",
		"use the kind of credential that the API's documentation names",
	},
	{
		WrongEnvironment, StepConsult, FixerDeveloper,
		"the credential belongs to another environment, tenant, region or address than the one that was called",
		"Likely if the value is made like the keys of a provider who does not run this host, or if a field of the response speaks of another tenant, region, host or mode. " +
			"Possible if only prose does, if several reasons are named, or if two things that were sent are said not to belong together.",
		"use the address that the credential was made for, or a credential of this one",
	},
	{
		WrongIssuer, StepConsult, FixerDeveloper,
		"the token comes from another issuer than the API trusts",
		"Likely if a field of the response says that the token's issuer is unknown or not trusted. " +
			"Possible if it says so only of the key that signed it (kid), or if only prose does.",
		"get the token from the issuer that the API trusts",
	},

	{
		NotSent, StepSend, FixerDeveloper,
		"the refused request did not carry our credential",
		"Certain if it was left out on purpose: the request went to an origin that the credential does not belong to, or a redirect had left those origins before. " +
			"Likely if the recorded request carried none and was answered with 401, or if a code that the provider documents says that none came. " +
			"Possible if the recorded request carried none and was answered with another status.",
		"send the request to an origin that the credential belongs to",
	},
	{
		WrongScheme, StepSend, FixerDeveloper,
		"the API asks for another authentication scheme than the one used",
		"Certain if the API announces one scheme only (RFC 9110 section 11.6.1), names no error, and the value shows that it was made for that scheme; or if this program cannot send tokens of the type that it was given. " +
			"Likely if the scheme that was used is not among those announced, if a token that is bound to a key was sent as Bearer (RFC 9449 section 7.2), or if a field of the response says so. " +
			"Possible if the credential fits none of the announced schemes, if only prose says so, or if the response finds no credential where one was sent.",
		"use the scheme that the API asks for",
	},
	{
		WrongLocation, StepSend, FixerDeveloper,
		"the API looks for the credential in another header or parameter than the one used",
		"Likely if the header is called almost Authorization, or by the name of a scheme, or if a parameter of the address is called Authorization. " +
			"Any other wrong place is answered like none, or like a wrong credential: it is named behind wrong_scheme as what it could be instead.",
		"send it in the header or parameter that the API's documentation names",
	},
	{
		AmbiguousCredentials, StepSend, FixerDeveloper,
		"the request carried more than one credential",
		"Likely if a field of the response says that more than one credential or method came, of which there may be one (RFC 6750 section 2). " +
			"Possible if only prose says so.",
		"send one credential, in one place",
	},
	{
		StrippedInTransit, StepSend, FixerOperator,
		"the credential was sent and did not arrive",
		"Likely if the response finds no credential, and it was sent in a header with an underscore in its name, which many servers drop. " +
			"Possible if it finds no header Authorization although that was sent, or no credential although the API accepted the same one before.",
		"find out what on the way (a proxy, a gateway, a redirect) takes it out",
	},
	{
		MissingCompanion, StepSend, FixerDeveloper,
		"a header or parameter that has to accompany the credential is missing or names something else",
		"Possible if the response names something that has to come along and did not: an account, an organization, a tenant, a version.",
		"send the account, organization, tenant or version that the API's documentation asks for along with it",
	},
	{
		SignatureInvalid, StepVerify, FixerDeveloper,
		"the signature does not match what was signed",
		"Likely if a field of the response says that the signature of the request or of the token does not hold. " +
			"Possible if only prose says so, or if the key that should verify it was not found.",
		"check the signing key, and that nothing changes the request after it was signed; then the clock",
	},
	{
		WrongAudience, StepConsult, FixerDeveloper,
		"the token was made for another API than the one that was called, or asked for one that the issuer does not know",
		"Certain if the token endpoint answers invalid_target (RFC 8707 section 2) with status 400 or 401. " +
			"Likely if that answer was recorded elsewhere or has another status, or if a field of the response says that the token is for somebody else. " +
			"Possible if only prose says so, or if nothing is said and the token's aud (RFC 7519 section 4.1.3) is an address of another domain.",
		"ask the issuer for a token whose audience is this API",
	},
	{
		BindingMismatch, StepSend, FixerDeveloper,
		"the token is bound to another key or certificate than the one that came with it",
		"Nothing in this version concludes it. " +
			"What would prove it is the thumbprint in the token's cnf (RFC 7800 section 3.1), beside that of the key or certificate that came with it.",
		"send the token with the key or certificate that it was issued to",
	},
	{
		ProofInvalid, StepSend, FixerDeveloper,
		"the proof of possession that came with the token was not accepted",
		"Certain if the challenge of the scheme that was used has the code invalid_dpop_proof (RFC 9449 section 7.1). " +
			"Likely if that code is anywhere else in the response, or a field of it says so in words. " +
			"Possible if only prose says so.",
		"check the proof's method, address, time and key",
	},
	{
		InsecureTransport, StepSend, FixerDeveloper,
		"the credential would have crossed a network in clear text",
		"Certain if the address, or the one that a token endpoint redirects to, is neither https nor this machine's own: the credential is not sent.",
		"use https",
	},
	{
		ProxyAuthRequired, StepFixEnvironment, FixerOperator,
		"a proxy between here and the API asks for its own credentials",
		"Certain if a request by plain http, or one for a tunnel (CONNECT), is answered with 407, which has one meaning (RFC 9110 section 15.5.8). " +
			"Likely if no more than the words of the answer to CONNECT are left, or if 407 comes by https, where it is a gateway in front of the API that asks.",
		"put the proxy's user and password into the proxy's URL (HTTPS_PROXY)",
	},

	{
		AccessExpired, StepRenew, FixerUser,
		"the credential has expired",
		"Certain if the stated expiry (exp of a token, RFC 7519 section 4.1.4; expires_in of an issuer, RFC 6749 section 5.1) had passed: by this machine's clock before the credential was sent, or by clocks that agree when it was refused. " +
			"Likely if the clocks may differ, if it had passed less than a minute before, if the response speaks of something else as well, or if a code that the provider documents or a field of the response says so. " +
			"Possible if only prose says so, if several reasons are named, or if the stated expiry has not come.",
		"get a new one",
	},
	{
		StaticKeyExpired, StepRenew, FixerUser,
		"the key or client secret has reached the end that it was given when it was made",
		"Likely if a code that the provider documents says so, if a recorded token endpoint says it of the client, or if the recording says that its end had passed. " +
			"Possible if only prose says so.",
		"make a new one at the provider's",
	},
	{
		SessionExpired, StepRenew, FixerUser,
		"the session has ended, or its request token is missing",
		"Likely if the status is 419, which frameworks give to a form that has expired, or if a field of the response speaks of the session or of a form's request token (CSRF). " +
			"Possible if prose or a web page does, if a cookie is answered with a request to log in, or if its end is known to have passed.",
		"log in again; for a form, fetch the request token anew and send it along",
	},
	{
		AccessRevoked, StepRenew, FixerUser,
		"the credential was accepted before and is not any more, though it has not expired",
		"Likely if the API accepted it before, answers invalid_token now (RFC 6750 section 3.1), and its stated expiry has not come; or if a code that the provider documents or a field of the response says so. " +
			"Possible if it states no expiry, so that it may have expired as well, if nothing is said, or if only prose says so.",
		"get a new one, and find out who withdrew it",
	},
	{
		ClockSkew, StepFixEnvironment, FixerOperator,
		"this machine's clock and the server's differ by more than tokens allow",
		"Likely if two or more Date fields agree that the clocks differ (RFC 9110 section 6.6.1), and by the server's the token is behind its exp or before its nbf or iat, or the response speaks of a time; or if the token becomes valid only later by both clocks. " +
			"Possible if the clocks differ and nothing shows that this is why, or if only the response speaks of a time.",
		"set this machine's clock, and see why nothing keeps it right",
	},
	{
		NonceRequired, StepSend, FixerCode,
		"the server wants a nonce of its own in the proof",
		"Certain if the challenge of the scheme that was used says so: use_dpop_nonce (RFC 9449 section 9), or Digest with stale=true (RFC 7616 section 3.3). " +
			"Likely if that code is anywhere else in the response, or a field of it says so in words. " +
			"Possible if only prose says so.",
		"make the proof again with the nonce that the response gives",
	},

	{
		RefreshRejected, StepRenew, FixerUser,
		"the issuer does not accept the refresh token or grant any more",
		"Certain if the token endpoint answers invalid_grant with status 400 or 401 (RFC 6749 section 5.2): which of the five reasons of that code it was, nobody can tell. " +
			"Likely if the status is another one, the code is one of the issuer's own, or the answer was recorded elsewhere. " +
			"Possible if only prose says so, if several reasons or none are named, or if an assertion was refused, which may be a clock's fault.",
		"log in again",
	},
	{
		RefreshSuperseded, StepRenew, FixerCode,
		"another program has exchanged the refresh token already",
		"Nothing in this version concludes it. " +
			"It is named behind refresh_rejected as what it could be instead; a newer refresh token in the store that the programs share would prove it.",
		"use the one that the other program stored",
	},
	{
		RefreshReused, StepRenew, FixerUser,
		"the refresh token was exchanged before, and the issuer has withdrawn the login",
		"Likely if a recorded answer to a refresh token says in a field that it was used before. " +
			"Possible if only prose says so.",
		"log in again; give each program a login of its own",
	},
	{
		RefreshResponseLost, StepRenew, FixerUser,
		"the refresh token was exchanged, and the answer never arrived or was not stored",
		"Nothing in this version concludes it. " +
			"That an earlier answer was lost is evidence behind refresh_rejected; a journal of exchanges would prove it.",
		"log in again",
	},
	{
		RefreshExpired, StepRenew, FixerUser,
		"the refresh token has expired",
		"Likely if a recorded answer to a refresh token says so in a field, or the recording says that its end had passed. " +
			"Possible if only prose says so; it is also named behind refresh_rejected as what it could be instead.",
		"log in again",
	},
	{
		GrantRevoked, StepRenew, FixerUser,
		"the login behind the token was withdrawn",
		"Likely if a recorded answer to a refresh token says so in a field. " +
			"Possible if only prose says so; it is also named behind refresh_rejected as what it could be instead.",
		"log in again, and find out who withdrew it",
	},
	{
		ClientRejected, StepVerify, FixerDeveloper,
		"the issuer does not accept the client id and secret",
		"Certain if the token endpoint answers invalid_client with status 400 or 401 (RFC 6749 section 5.2). " +
			"Likely if the status is another one, the code is one of the issuer's own, invalid_grant answers client credentials, behind which there is no login, or the answer was recorded elsewhere. " +
			"Possible if only prose says so.",
		"compare client id and client secret with what the issuer's console shows",
	},
	{
		ClientNotAllowed, StepConsult, FixerDeveloper,
		"the issuer knows the client and does not let it do this",
		"Certain if the token endpoint answers unauthorized_client, unsupported_grant_type or invalid_scope (RFC 6749 section 5.2) with status 400 or 401. " +
			"Likely if the status is another one, the code is invalid_request or access_denied, which have more than one meaning, or the answer was recorded elsewhere.",
		"compare grant, scopes and client settings with what the issuer allows",
	},
	{
		EndpointMisconfigured, StepConsult, FixerDeveloper,
		"what answers at the token endpoint is not a token endpoint",
		"Certain if the configured URL cannot be one. " +
			"Likely if what is there answers 404, 405 or 410, redirects, or reports success without an access token.",
		"check the token endpoint's URL",
	},
	{
		CertificateRejected, StepFixEnvironment, FixerOperator,
		"a TLS certificate was not accepted, on this side or on the other",
		"Certain if this side did not accept the certificate of the token endpoint or of the proxy before it, or the other side says that it does not accept ours. " +
			"Possible if the other side ends the handshake without a reason.",
		"have this machine trust the other side's certificate authority, or give it the right client certificate",
	},
	{
		IntermediaryResponse, StepFixEnvironment, FixerOperator,
		"something on the way answered in place of the other side",
		"Likely if a proxy refuses to connect to the token endpoint with a 4xx of its own. " +
			"Possible if a web page without a challenge comes back where an API should answer.",
		"find out what stands in between: a proxy, a gateway, a network's own login page",
	},
	{
		IssuerUnavailable, StepWait, FixerProvider,
		"the issuer of tokens could not be reached or is out of order",
		"Certain if the token endpoint cannot be reached, answers 429 or 5xx, or says so itself (temporarily_unavailable and server_error, RFC 6749 section 4.1.2.1). " +
			"Likely if it did not answer in time, if a token source that is not of this module says so, or if the answer was recorded elsewhere. " +
			"Possible if it answers 4xx without an OAuth error: something in front of it may have spoken.",
		"try again later",
	},
	{
		RefreshThrottled, StepWait, FixerCode,
		"renewal failed so often that it is not tried again yet",
		"Certain if several new credentials in a row were refused at once, and this program makes a pause of its own. " +
			"A remembered answer keeps its own cause, and errors.Is finds this one in it as well.",
		"wait, or mend what the last attempt failed on",
	},

	{
		InsufficientScope, StepConsult, FixerUser,
		"the credential is good and its permissions do not cover this request",
		"Certain if the challenge of the scheme that was used has the code insufficient_scope (RFC 6750 section 3.1). " +
			"Likely if that code is anywhere else in the response, or if a code that the provider documents or a field of the response speaks of permissions. " +
			"Possible if only prose does, or if a 403 says nothing.",
		"get a credential with more permissions; renewing this one does not widen it",
	},
	{
		PermissionDenied, StepConsult, FixerProvider,
		"the credential is good and whoever it stands for may not do this",
		"Likely if a code that the provider documents says so. " +
			"Otherwise it is only named behind insufficient_scope as what it could be instead: from here the two look alike.",
		"ask the administrator of the resource for access; renewing does not help",
	},
	{
		StepUpRequired, StepConsult, FixerUser,
		"the API wants a stronger or fresher login than the one behind this token",
		"Certain if the challenge of the scheme that was used has the code insufficient_user_authentication (RFC 9470 section 3). " +
			"Likely if that code is anywhere else in the response, or a field of it speaks of a second factor or a fresher login. " +
			"Possible if only prose does.",
		"log in again in the way that the API asks for; renewing does not help",
	},
	{
		PolicyBlocked, StepConsult, FixerProvider,
		"a policy of the provider does not let this through as it is",
		"Certain if the challenge of the scheme that was used has the code insufficient_claims. " +
			"Likely if that code is anywhere else in the response, or if a code that the provider documents or a field of the response speaks of a policy, of single sign-on, or of the address, app or place that the request came from. " +
			"Possible if only prose does, or if several reasons are named.",
		"ask the provider's administrator, or log in again in the way that the policy asks for",
	},
	{
		PrincipalDisabled, StepConsult, FixerProvider,
		"the account behind the credential is suspended, locked, unpaid or not entitled to this",
		"Likely if a code that the provider documents or a field of the response speaks of the account, its plan or its payment. " +
			"Possible if only prose does, if it speaks of an application or a project, which may lack a right or a switch, or if the value that was sent is damaged as well.",
		"look at the account's state and plan at the provider's; do not try again before, which may lock it",
	},
	{
		RateOrQuota, StepWait, FixerDeveloper,
		"too many requests or attempts, or a quota is used up",
		"Likely if the status is 429 (RFC 6585 section 4), a header says that no request is left in this period, or a field of the response speaks of a limit. " +
			"Possible if prose or a web page does.",
		"wait before the next request, and ask the provider about the limit",
	},
	{
		RejectedUnclassified, StepConsult, FixerDeveloper,
		"the request was refused and nothing says why",
		"Possible if neither facts of this side, nor codes, nor words tell why, or a token endpoint gives a code that no standard knows. " +
			"It is never more than that.",
		"check in this order: the value, how it is sent, its age, its permissions",
	},
}
