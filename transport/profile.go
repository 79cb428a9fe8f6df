package transport

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/bodies"
	"github.com/reauth-go/reauth/internal/repeat"
)

// firstWait is how long an answer of unknown length may keep us waiting that
// could be a refusal. Refusals come together with their headers; what takes its
// time is a stream.
const firstWait = 250 * time.Millisecond

// unmask reports whether a response is a refusal in disguise, by what the
// profile says of status and beginning of the body. Only JSON is looked into,
// and only with a status that the provider refuses with. What was read is still
// there for the caller.
func (t *Transport) unmask(req *http.Request, resp *http.Response, p *prepared) bool {
	if !t.disguises {
		return false
	}
	if _, stale := auth.FromResponse(resp); stale {
		resp.Request = req.WithContext(req.Context()) // see setRequest
	}
	if !t.profile.MayDisguise(resp.StatusCode, resp.Header) || resp.Body == nil || resp.Body == http.NoBody || resp.ContentLength > bodies.PrefixLimit {
		return false
	}
	wait := bodies.Wait
	if resp.ContentLength < 0 {
		wait = firstWait
	}
	body := bodies.LookAhead(resp, wait, whole())
	if !t.inDisguise(resp, body.Prefix()) {
		return false
	}
	if resp.StatusCode < 300 { // of which send has noted nothing
		if repeat.Marked(req) {
			resp.Request = req.WithContext(req.Context())
		}
		note(resp, p.cred)
	}
	return true
}

func (t *Transport) inDisguise(resp *http.Response, prefix []byte) bool {
	if !t.disguises {
		return false
	}
	_, ok := t.profile.Refused(resp.StatusCode, resp.Header, prefix)
	return ok
}

// whole returns a function that says whether a JSON document is complete, so
// that nobody waits for what follows it. A body that comes in crumbs is not
// parsed anew for each.
func whole() func([]byte) bool {
	left := 32
	return func(b []byte) bool {
		if left--; left < 0 {
			return false
		}
		var document json.RawMessage
		err := json.NewDecoder(bytes.NewReader(b)).Decode(&document)
		return err != io.ErrUnexpectedEOF && err != io.EOF // broken is complete
	}
}

// mayCure reports whether another credential could be accepted where this one was
// refused.
func (t *Transport) mayCure(resp *http.Response, body *bodies.Ahead, s auth.Scheme) bool {
	if !t.disguises || !t.profile.MayDisguise(resp.StatusCode, resp.Header) {
		return curable(resp, s)
	}
	code, ok := t.profile.Refused(resp.StatusCode, resp.Header, body.Prefix())
	if !ok {
		return curable(resp, s)
	}
	switch code.Cause {
	case auth.NotSent, auth.WrongScheme, auth.WrongLocation, auth.WrongCredentialKind, auth.MissingCompanion,
		auth.InsufficientScope, auth.PermissionDenied, auth.StepUpRequired, auth.PolicyBlocked, auth.RateOrQuota:
		return false
	}
	return true
}
