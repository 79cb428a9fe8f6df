// Package repeat keeps the one repeat for authentication's sake that a call has.
//
// A call is more than one request: net/http's client follows redirects, and a
// retry layer makes further attempts. Each comes through the authenticating
// transport as if it were alone. What it has to know is written down on the
// request of the response, where the next hop finds it through
// [http.Request.Response]; [Without] leads the next attempt there as well. A
// repeat that ended without a response leaves its note in the error.
package repeat

import (
	"context"
	"errors"
	"net/http"
)

type key struct{}

// A mark names its request, because a context may be used again for something
// else.
type mark struct{ req *http.Request }

// Mark notes that resp came from a call's repeat. It replaces resp.Request by a
// copy with another context, and changes nothing else.
func Mark(resp *http.Response) {
	m := new(mark)
	resp.Request = resp.Request.WithContext(context.WithValue(resp.Request.Context(), key{}, m))
	m.req = resp.Request
}

// Marked reports whether req is that of a response which Mark was called for.
func Marked(req *http.Request) bool {
	m, ok := req.Context().Value(key{}).(*mark)
	return ok && m.req == req
}

// Spent reports whether the call that req belongs to has had its repeat, on an
// earlier hop or in an earlier attempt.
func Spent(req *http.Request) bool {
	for resp := req.Response; resp != nil && resp.Request != nil; resp = resp.Request.Response {
		if Marked(resp.Request) {
			return true
		}
	}
	return false
}

// Without returns a copy of req, for another attempt, that has no repeat any
// more. The copy looks like a hop that follows req itself, and a copy of it does
// too, as layers in between may make one.
func Without(req *http.Request) *http.Request {
	earlier := &http.Response{Request: req, Body: http.NoBody}
	Mark(earlier)
	out := new(http.Request)
	*out = *req
	out.Response = earlier
	return out
}

// Error returns an error that tells what err tells, and that it ended a repeat.
func Error(err error) error { return ended{err} }

// In reports whether an attempt that ended so was, or held, the call's repeat.
func In(resp *http.Response, err error) bool {
	if resp != nil && resp.Request != nil && Marked(resp.Request) {
		return true
	}
	_, ok := errors.AsType[ended](err)
	return ok
}

type ended struct{ error }

func (e ended) Unwrap() error { return e.error }

// Timeout is what the error beneath says. Callers, [net/url.Error] among them,
// ask the outermost error only.
func (e ended) Timeout() bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](e.error)
	return ok && t.Timeout()
}

// Temporary is what the error beneath says.
func (e ended) Temporary() bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](e.error)
	return ok && t.Temporary()
}
