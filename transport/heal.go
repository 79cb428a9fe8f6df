package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/internal/bodies"
	"github.com/reauth-go/reauth/internal/challenge"
	"github.com/reauth-go/reauth/internal/repeat"
)

// A credential that its first user took within mintedNow of its making was made
// for that call, and not ahead of time. If it is refused within soon, another
// would fare no better.
const (
	mintedNow = time.Second
	soon      = 30 * time.Second
)

// refuses reports whether a response is a refusal or, for a 407, wants an
// explanation like one. A plain 403 is an answer and no refusal; one that
// carries an error of RFC 6750 section 3.1 speaks of the credential.
func refuses(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return true
	case http.StatusForbidden:
		_, sound := challenges(resp)
		for _, c := range sound {
			if c.Params["error"] != "" {
				return true
			}
		}
	}
	return false
}

// maxChallenges is how many are kept; a hostile field can hold thousands.
const maxChallenges = 32

// challenges returns what the response asks for, as far as sense can be made of
// it, and those that may be acted on because nothing about them is broken.
func challenges(resp *http.Response) (all, sound []auth.Challenge) {
	field := "Www-Authenticate"
	if resp.StatusCode == http.StatusProxyAuthRequired {
		field = "Proxy-Authenticate"
	}
	all, err := challenge.Parse(resp.Header[field])
	sound = all
	if broken, ok := errors.AsType[*challenge.Error](err); ok {
		sound = broken.Sound
	}
	return all[:min(len(all), maxChallenges)], sound
}

// curable reports whether another credential of the same source could be
// accepted where this one was refused. These codes say that it could not: the
// request itself is wrong, or the login behind the credential does not suffice
// (RFC 6750 section 3.1, RFC 9470 section 3). No code tells expired from wrong.
func curable(resp *http.Response, s auth.Scheme) bool {
	if resp.StatusCode != http.StatusUnauthorized {
		return false
	}
	_, sound := challenges(resp)
	for _, c := range sound {
		if !strings.EqualFold(c.Scheme, s.Name()) {
			continue
		}
		switch c.Params["error"] {
		case "invalid_request", "insufficient_scope", "insufficient_user_authentication", "insufficient_claims":
			return false
		}
	}
	return true
}

// heal tries to cure a refusal with another credential, once, and returns the
// response that the caller gets: that of the repeat, or the refusal with its
// diagnosis. What was sent is the request's body.
func (t *Transport) heal(req *http.Request, resp *http.Response, sent io.ReadCloser, p *prepared, fresh bool) (*http.Response, error) {
	body := bodies.ReadAhead(resp)
	x := t.exchange(req, resp, p)
	ctx := req.Context()
	if !t.mayCure(resp, body, p.scheme) || repeat.Spent(req) {
		return t.refused(req, resp, x, body), nil
	}
	ask := func() (*auth.Credential, error) { return t.cache.Refresh(ctx, p.cred) }
	// Where others use it too, they ask for another one anyway.
	minted := fresh && !p.shared.Load() && p.taken.Sub(p.since) < mintedNow && x.At.Sub(p.since) < soon
	if minted {
		// No exchange for it, but somebody else may have made one by now.
		ask = func() (*auth.Credential, error) { return t.cache.Credential(ctx) }
	}
	next, err := ask()
	switch {
	case err != nil && ctx.Err() != nil:
		_ = resp.Body.Close()
		return nil, ctx.Err()
	case err != nil:
		x.Renewal, x.RenewalErr = diagnose.RenewalFailed, err
		return t.refused(req, resp, x, body), nil
	case next.Same(p.cred) && minted:
		return t.refused(req, resp, x, body), nil
	case next.Same(p.cred):
		x.Renewal = diagnose.RenewalUnchanged
		return t.refused(req, resp, x, body), nil
	}
	p2, _, err := t.prepare(next)
	if err != nil {
		x.Renewal, x.RenewalErr = diagnose.RenewalFailed, err
		return t.refused(req, resp, x, body), nil
	}
	// What the caller set there stays the caller's.
	ok := !p2.elsewhere || !t.wasSet(req, p2.place)
	var again io.ReadCloser
	if ok {
		again, ok = reopen(req, sent, body)
	}
	switch {
	case !ok && ctx.Err() != nil:
		_ = resp.Body.Close()
		return nil, ctx.Err()
	case !ok:
		x.Renewal = diagnose.RenewalUnsendable
		return t.refused(req, resp, x, body), nil
	}
	x.Renewal, x.Body = diagnose.RenewalReplaced, body.Prefix()
	body.Discard()
	t.hook.Tell(ctx, auth.Event{Kind: auth.EventRepeated, Provenance: next.Provenance, Expiry: next.Expiry, Origin: originOf(req.URL).String()})
	resp2, err := t.send(req, again, p2)
	if err != nil {
		return nil, repeat.Error(err)
	}
	disguised := t.unmask(req, resp2, p2)
	repeat.Mark(resp2)
	if !refuses(resp2) && !disguised {
		t.accept(resp2, p2)
		return resp2, nil
	}
	body = bodies.ReadAhead(resp2)
	x2 := t.exchange(req, resp2, p2)
	x2.First = &x
	return t.refused(req, resp2, x2, body), nil
}

// refused gives a refusal to the caller, with its diagnosis.
func (t *Transport) refused(req *http.Request, resp *http.Response, x diagnose.Exchange, body *bodies.Ahead) *http.Response {
	x.Body = body.Prefix()
	t.explain(req, resp, x)
	return resp
}

// exchange records the facts of a response; p is nil if nothing of ours was sent.
func (t *Transport) exchange(req *http.Request, resp *http.Response, p *prepared) diagnose.Exchange {
	now := time.Now()
	if p != nil {
		t.clock.learn(resp.Header, now) // else it may be anybody's clock
	}
	x := diagnose.Exchange{
		Method: req.Method, URL: req.URL.String(), At: now,
		Status: resp.StatusCode, Header: resp.Header, Profile: t.profile,
	}
	x.Challenges, _ = challenges(resp)
	if x.Method == "" {
		x.Method = http.MethodGet
	}
	x.Offset, x.Samples = t.clock.offset()
	if p != nil {
		x.Credential, x.Scheme, x.Since, x.Accepted = p.cred, p.scheme, p.since, p.accepted.Load()
	}
	return x
}

// grace is how long the sending of a body may take to end by itself, once the
// response was read. net/http's own patience is 50 milliseconds.
const grace = 250 * time.Millisecond

// reopen returns the body for a repeat. A body that only GetBody can give again
// and that has none is not sent again: half a body would be worse than a 401. Nor
// is one that is still being sent, which GetBody may rewind. With net/http the
// sending ends when the response was read to its end, or is closed.
func reopen(req *http.Request, sent io.ReadCloser, answer *bodies.Ahead) (io.ReadCloser, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req.Body, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	ctx := req.Context()
	answer.Prefix()
	if !bodies.Closed(ctx, sent, grace) {
		answer.Cut()
		if !bodies.Closed(ctx, sent, bodies.Wait) {
			return nil, false
		}
	}
	body, err := bodies.Reopen(req, sent)
	return body, err == nil
}

type noteKey struct{}

// note keeps the credential that was sent with an answer which may echo it, for
// [Scrub].
func note(resp *http.Response, cred *auth.Credential) {
	resp.Request = resp.Request.WithContext(context.WithValue(resp.Request.Context(), noteKey{}, cred))
}

// Scrub masks the credential that was sent for resp in a text that comes from
// it, such as its body. It knows what a Transport sent or saw in its place, and
// does not look at answers with a status below 300.
func Scrub(resp *http.Response, text string) string {
	if resp == nil || resp.Request == nil {
		return text
	}
	cred, ok := resp.Request.Context().Value(noteKey{}).(*auth.Credential)
	if !ok {
		return text
	}
	return diagnose.Scrub(text, cred)
}

// setRequest makes req the request of resp. If req is that of an earlier
// response, which somebody sends again, resp gets a copy: what is noted in its
// context is about that one. A 2xx carries no note that anybody would look for,
// and is not worth the look.
func setRequest(resp *http.Response, req *http.Request) {
	resp.Request = req
	if resp.StatusCode < 300 {
		return
	}
	if _, diagnosed := auth.FromResponse(resp); diagnosed || repeat.Marked(req) {
		resp.Request = req.WithContext(req.Context())
	}
}
