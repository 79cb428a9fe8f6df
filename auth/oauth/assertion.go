package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// assertionType says what kind of assertion is sent (RFC 7523 section 2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// A proof is what the client shows in one exchange to prove who it is: a secret,
// an assertion, or nothing.
type proof struct {
	secret, assertion string
	from              auth.Provenance // where that was found
}

// noun completes "the client …".
func (p proof) noun() string {
	if p.assertion != "" {
		return "assertion"
	}
	return "secret"
}

// form returns the parameters that x/oauth2 has no place for.
func (p proof) form() url.Values {
	if p.assertion == "" {
		return nil
	}
	return url.Values{"client_assertion_type": {assertionType}, "client_assertion": {p.assertion}}
}

// prove asks for the proof. An assertion that no issuer could accept is an error
// here: nothing is sent with it.
func (x *exchanger) prove(ctx context.Context) (proof, error) {
	switch {
	case x.assertion != nil:
		found, err := ask(ctx, x.assertion, "client assertion")
		if err != nil {
			return proof{}, x.needed(err)
		}
		if err := unusable(found, time.Now()); err != nil {
			return proof{}, err
		}
		return proof{assertion: found.Secret.Reveal(), from: found.Provenance}, nil
	case x.secret != nil:
		found, err := ask(ctx, x.secret, "client secret")
		if err != nil {
			return proof{}, err
		}
		return proof{secret: found.Secret.Reveal(), from: found.Provenance}, nil
	}
	return proof{}, nil
}

// needed says in a source's own error what was wanted of it: who reads "no such
// file" does not know that it is the platform that should have written it.
func (x *exchanger) needed(err error) error {
	e, ok := err.(*auth.Error)
	if !ok {
		return err
	}
	more := *e
	more.Evidence = append(e.Evidence[:len(e.Evidence):len(e.Evidence)], auth.Evidence{
		Source: x.place.String(), Fact: "the client proves who it is by an assertion, a JSON Web Token that its platform gives it, and there is none",
	})
	if p := placeOf(e); p.Kind == auth.KindFile {
		more.Remedy.Text = "have the platform write the token into " + p.Name + ", or name the file that it does write"
	}
	return &more
}

// placeOf returns the last place that was asked.
func placeOf(e *auth.Error) auth.Provenance {
	if len(e.Tried) == 0 {
		return auth.Provenance{}
	}
	return e.Tried[len(e.Tried)-1].Place
}

// unusable returns why no issuer could accept an assertion: it is no JSON Web
// Token (RFC 7519 section 3), or it has expired (RFC 7523 section 3, item 4).
func unusable(c *auth.Credential, now time.Time) error {
	place := c.Provenance
	if place == (auth.Provenance{}) {
		place = auth.Provenance{Kind: auth.KindSource, Name: "of the client assertion"}
	}
	where := place.String()
	if place.Kind == auth.KindFile {
		where = place.Name
	}
	value, expiry := c.Secret.Reveal(), c.Expiry
	if expiry.IsZero() {
		expiry = auth.StatedExpiry(c.Secret)
	}
	e, answer := &auth.Error{Confidence: auth.Certain}, ""
	switch dots := strings.Count(value, "."); {
	case dots != 2 && dots != 4 || strings.ContainsAny(value, " \t\r\n"):
		e.Cause, answer = auth.SourceCorrupt, "holds no token"
		e.Evidence = []auth.Evidence{{Source: place.String(), Fact: "what is found there is no JSON Web Token, so it cannot be sent as a client assertion"}}
		e.Remedy.Text = "put the token and nothing else into " + where + "; a client secret has a setting of its own"
	case !expiry.IsZero() && !now.Round(0).Before(expiry):
		e.Cause, answer = auth.AccessExpired, "expired"
		e.Evidence = []auth.Evidence{{Source: place.String(), Fact: fmt.Sprintf("the client assertion in %s expired at %s, %s ago",
			where, expiry.UTC().Format("2006-01-02 15:04:05 UTC"), now.Round(0).Sub(expiry).Round(time.Second))}}
		e.Remedy.Text = "find out why the platform has not put a new one into " + where + ", and see that this machine's clock is right"
	default:
		return nil
	}
	e.Tried = append(c.Tried[:len(c.Tried):len(c.Tried)], auth.Attempt{Place: place, Answer: answer, Err: e.Cause})
	return e
}

// claimed says by whom, about whom and for whom an assertion is, as it says
// itself: that is what the issuer compares with what it was told to trust.
func claimed(assertion string) string {
	const most = 120
	_, rest, _ := strings.Cut(assertion, ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return ""
	}
	var claims map[string]json.RawMessage
	if json.Unmarshal(raw, &claims) != nil {
		return ""
	}
	var said []string
	for _, name := range []string{"iss", "sub", "aud"} {
		var one string
		var several []string
		if json.Unmarshal(claims[name], &one) == nil && one != "" {
			several = []string{one}
		} else {
			_ = json.Unmarshal(claims[name], &several)
		}
		for _, s := range several[:min(len(several), 4)] {
			said = append(said, name+" "+quote(newScrubber("", "").text(s, most)))
		}
	}
	return strings.Join(said, ", ")
}
