package transport

import (
	"net/http"

	"github.com/reauth-go/reauth/auth"
)

// Strict returns a round tripper that turns a diagnosis attached by next into
// the returned error: a refusal is an [*auth.Error] then, and no response. The
// response is closed; what it said is in the error. Everything else passes.
//
// It bends the contract of [http.RoundTripper], which wants a response returned
// that was received: use it in clients of your own, and not below an SDK that
// repeats requests which end in an error.
func Strict(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return strict{func() http.RoundTripper { return next }}
}

type strict struct{ next func() http.RoundTripper } // a closure, as Transport's base is

func (s strict) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.next().RoundTrip(req)
	if err != nil {
		return nil, err
	}
	// A diagnosis rides in a copy of the request: no look-up where there is none.
	if resp == nil || resp.Request == req {
		return resp, nil
	}
	if e, ok := auth.FromResponse(resp); ok {
		_ = resp.Body.Close()
		return nil, e
	}
	return resp, nil
}

// CloseIdleConnections passes on to the next layer.
func (s strict) CloseIdleConnections() {
	if c, ok := s.next().(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
