package diagnose_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
)

// The catalogue says of each cause how sure it can be ([auth.Cause.Proof]). The
// rules give no degree that it does not name, and all that it names but those
// that only sources give.
func TestL9_ProofsNameEveryDegree(t *testing.T) {
	given := make(map[auth.Cause][]auth.Confidence)
	note := func(from string, e *auth.Error) {
		if slices.Contains(given[e.Cause], e.Confidence) {
			return
		}
		given[e.Cause] = append(given[e.Cause], e.Confidence)
		if !names(e.Cause, e.Confidence) {
			t.Errorf("%s: %s (%s), and its proof says: %s\n%s", from, e.Cause, e.Confidence, e.Cause.Proof(), e.Explain())
		}
	}
	for from, x := range manyExchanges(t) {
		e := diagnose.Refusal(x, diagnose.Words{})
		if nested, ok := errors.AsType[*auth.Error](x.RenewalErr); !ok || nested.Cause != e.Cause { // else the source concluded it
			note(from, e)
		}
	}
	for _, value := range []string{"", "k3y\n", "no-pair"} {
		note("value", diagnose.Value(&auth.Credential{Secret: auth.NewSecret(value)}, auth.Basic))
	}
	note("proxy", diagnose.ProxyRefused(errors.New("no"), "GET", url, diagnose.Words{}))

	for _, c := range auth.Causes() {
		for _, d := range []auth.Confidence{certain, likely, possible} {
			if names(c, d) && !slices.Contains(given[c], d) && !slices.Contains(bySources[c], d) {
				t.Errorf("%s is never %s, and its proof says: %s", c, d, c.Proof())
			}
		}
	}
}

// names reports whether a proof has a sentence of that degree.
func names(c auth.Cause, d auth.Confidence) bool {
	word := d.String()
	return strings.Contains(". "+c.Proof(), ". "+strings.ToUpper(word[:1])+word[1:]+" ")
}

// bySources are the degrees that only sources, stores and token endpoints give:
// packages auth, keyring, oauth and transport, whose tests have them.
var bySources = map[auth.Cause][]auth.Confidence{
	auth.MissingCredential: {certain, likely}, auth.EmptyCredential: {likely}, auth.SourceUnavailable: {certain, likely}, auth.SourceLocked: {certain, likely},
	auth.SourceDenied: {certain, likely}, auth.SourceTimeout: {likely}, auth.SourceCorrupt: {certain}, auth.SourceFailed: {certain, likely},
	auth.ValueTooBig: {certain, likely}, auth.InsecureTransport: {certain}, auth.RefreshRejected: {certain}, auth.ClientRejected: {certain},
	auth.ClientNotAllowed: {certain}, auth.WrongAudience: {certain}, auth.EndpointMisconfigured: {certain, likely}, auth.CertificateRejected: {certain, possible},
	auth.IntermediaryResponse: {likely}, auth.IssuerUnavailable: {certain, possible}, auth.RefreshThrottled: {certain},
}

// manyExchanges are those of the tables and of the corpus, each also with one
// fact changed, and each sentence said in prose and in a field. Not every change
// makes sense; the rules must not say of nonsense what they never say either.
func manyExchanges(t *testing.T) func(func(string, diagnose.Exchange) bool) {
	all := make(map[string]diagnose.Exchange)
	for _, tt := range table {
		all[tt.name] = tt.x
	}
	for _, tt := range recordings {
		all[tt.name] = tt.x
	}
	real, _ := reals(t)
	for _, r := range real {
		all[r.ID] = r.exchange()
	}
	token := func(form, said string) diagnose.Exchange {
		return recording(400, "other", "request-body", form, "", to("POST", tokens), body(said))
	}
	for _, text := range []string{
		"Illegal character in the key", "Unknown issuer", "Multiple authorization headers", "Missing tenant id", "Signature does not match", "The DPoP proof is invalid",
		"DPoP nonce required", "Two factor authentication required", "Too many requests", "Unauthorized client",
	} {
		all["prose: "+text] = refused(body(text))
		all["field: "+text] = refused(body(`{"message":"` + text + `"}`))
	}
	for _, text := range []string{"The token is invalid", "The refresh token was already used", "The refresh token has expired", "The refresh token was revoked"} {
		all["renewal: "+text] = token("grant_type=refresh_token&refresh_token=k3y-7f1c90aa5be24d61", text)
	}
	for _, text := range []string{"The client secret has expired", "The client id is unknown", `{"error":"unauthorized_client"}`, `{"error":"server_error"}`} {
		all["client: "+text] = token("grant_type=client_credentials&client_id=c&client_secret=k3y-7f1c90aa5be24d61", text)
	}
	all["a code of the provider's"] = refused(to("POST", "https://api.anthropic.com/v1/messages"), status(403), scheme(auth.APIKeyHeader("X-Api-Key")), body(`{"type":"error","error":{"type":"permission_error","message":"no"}}`))

	changes := []opt{
		with(), accepted, status(400), status(403), status(419), status(429), clock(40*time.Minute, 2), clock(-40*time.Minute, 3), header("Content-Type", "text/html"),
		func(x *diagnose.Exchange) { x.Body = nil }, func(x *diagnose.Exchange) { x.Challenges = nil },
		func(x *diagnose.Exchange) { x.Lifetime = diagnose.LifetimePast }, func(x *diagnose.Exchange) { x.Lifetime = diagnose.LifetimeFuture },
		notSent(diagnose.NotKnown), notSent(diagnose.WasSent), notSent(diagnose.ForeignOrigin),
		announces(`Bearer error="invalid_token"`), announces(`Basic realm="acme"`), announces(`DPoP error="use_dpop_nonce"`), announces(`Bearer error="insufficient_claims"`),
	}
	ofCredentials := []opt{
		from(byOAuth), expiry(-3 * time.Second), expiry(time.Hour), user("alice", "sesame-1234567"), scheme(auth.APIKeyHeader("X-Api-Key")), repeated,
	}
	return func(yield func(string, diagnose.Exchange) bool) {
		for name, x := range all {
			if x.Header == nil {
				x.Header = http.Header{}
			}
			which := changes
			if x.Credential != nil {
				which = slices.Concat(changes, ofCredentials)
			}
			for _, change := range which {
				changed := x
				change(&changed)
				if !yield(name, changed) {
					return
				}
			}
		}
	}
}
