// Package retry has the round tripper that sends a request again after a
// failure that may pass: a broken connection, an overloaded server.
//
// It belongs outside authentication, so that each attempt is authenticated anew:
//
//	http.Client          follows redirects; each hop comes through the stack
//	transport.Strict     optional
//	retry                this package
//	transport.Transport  takes the credential from its cache, sends, heals
//
// Sent again are requests that are safe to send twice: those with an idempotent
// method (RFC 9110 section 9.2.2), and those that carry an Idempotency-Key or
// X-Idempotency-Key, or have one of these set to no value at all, by which
// [http.Transport], too, is told that a request is idempotent. Their body must
// be absent or reopened by GetBody; nothing is buffered. A body that is still
// being sent a second after the answer is not sent again.
//
// What may pass:
//
//   - 429, 502, 503 and 504. 408, with which a server says that the request did
//     not arrive in time, and 425, with which it asks for it once more. Not 500
//     and what is not registered: these are answers, and another attempt gets
//     the same.
//   - An error of the connection. Not the context's end or a cancellation, a host
//     name that does not exist, a certificate or a TLS peer that says no, or a
//     request that could not be sent as it is.
//
// A verdict about the credential is final: an [*auth.Error], a response with a
// diagnosis ([auth.FromResponse]), [auth.ErrClosed].
//
// A wait is drawn at random between half of a step and the whole. Steps begin at
// twice MinWait and double up to MaxWait. A Retry-After (RFC 9110 section
// 10.2.3) can make a wait longer and never shorter. Where it asks for more than
// MaxRetryAfter, and where the context's deadline comes before the end of the
// wait, the last outcome is returned at once: a response with its body unread,
// or the error. So it is when the attempts have taken 15 seconds, waits not
// counted: a host that drops everything, on which Go's dialer spends half a
// minute, is tried twice. A server that takes the request and says nothing is
// waited for as long as the context allows, here as everywhere: give it a deadline.
//
// A POST is not sent again because its connection was refused, though nothing has
// arrived then: no error of net/http's proves it.
//
// This package is the only one that links hashicorp/go-retryablehttp (MPL-2.0).
package retry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/bodies"
)

// The defaults. With them a call that fails four times at once has waited for 3.5
// to 7 seconds.
const (
	defaultRetries       = 3
	defaultMinWait       = 500 * time.Millisecond
	defaultMaxWait       = 8 * time.Second
	defaultMaxRetryAfter = 30 * time.Second
	// maxBusy is how long the attempts of a call may take together, waits not
	// counted, before no other one begins: where a host does not answer at all, a
	// caller should not wait for that four times. All are taken to be as long as
	// the last one. The first is not timed: a look at the clock is a tenth of what
	// a request costs here.
	maxBusy = 15 * time.Second
)

// Config says how often and after which waits a request is sent again. The zero
// Config is right for most programs.
type Config struct {
	// Retries is how often a request is sent again at most, after the first
	// attempt. Zero means 3.
	Retries int
	// MinWait and MaxWait bound a wait that the server did not ask for. Zero
	// means 0.5 and 8 seconds, or as much as the other one where that does not
	// fit.
	MinWait, MaxWait time.Duration
	// MaxRetryAfter is the longest wait that a server may ask for. A response
	// that asks for more is returned at once. Zero means 30 seconds.
	MaxRetryAfter time.Duration
	// Logger is told of each retry (at level Info), and when a request that could
	// have been sent again is given up (Warn). It gets the URL without query and
	// user information. Nil means that nothing is logged.
	Logger *slog.Logger
	// Hook is told of each retry ([auth.EventRetried]), before the wait.
	Hook auth.Hook
}

// New returns a round tripper that sends requests through next, or an error that
// joins one error for each field that is wrong and names it. A nil next means
// [http.DefaultTransport].
//
// Its errors are those of next. If attempts were made until none was left, the
// error says how many; what it wraps is that of the last one. If the context
// ends during a wait, the error is the context's.
func New(next http.RoundTripper, cfg Config) (http.RoundTripper, error) {
	if next == nil {
		next = http.DefaultTransport
	}
	l := &layer{next: func() http.RoundTripper { return next }, retries: cfg.Retries, hook: cfg.Hook}
	var wrong []error
	if l.retries == 0 {
		l.retries = defaultRetries
	}
	if l.retries < 0 {
		wrong = append(wrong, fmt.Errorf("retry: Retries is negative: %d; for none at all set NoRetry in a reauth.Config, or leave the layer out", l.retries))
	}
	orDefault := func(field string, d, def time.Duration) time.Duration {
		if d < 0 {
			wrong = append(wrong, fmt.Errorf("retry: %s is negative: %v", field, d))
		}
		if d == 0 {
			return def
		}
		return d
	}
	l.minWait = orDefault("MinWait", cfg.MinWait, defaultMinWait)
	l.maxWait = orDefault("MaxWait", cfg.MaxWait, max(defaultMaxWait, l.minWait))
	l.maxRetryAfter = orDefault("MaxRetryAfter", cfg.MaxRetryAfter, defaultMaxRetryAfter)
	if 0 < l.maxWait && l.maxWait < l.minWait {
		if cfg.MinWait == 0 {
			l.minWait = l.maxWait
		} else {
			wrong = append(wrong, fmt.Errorf("retry: MaxWait is less than MinWait: %v and %v", l.maxWait, l.minWait))
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	if cfg.Logger != nil {
		l.log = cfg.Logger.LogAttrs
	}
	return l, nil
}

type layer struct {
	next          func() http.RoundTripper // a closure: printers by reflection would find what connections keep in their buffers
	retries       int
	minWait       time.Duration
	maxWait       time.Duration
	maxRetryAfter time.Duration
	hook          auth.Hook
	log           func(context.Context, slog.Level, string, ...slog.Attr)
}

// RoundTrip sends req, and sends it again where that may help.
//
// A request that may be sent again, with a body that may have to be waited for,
// goes out as a copy whose body is watched. All others go out as they are.
func (l *layer) RoundTrip(req *http.Request) (*http.Response, error) {
	if bodies.Unwatched(req) && repeatable(req) {
		return l.watched(req)
	}
	resp, err := l.next().RoundTrip(req)
	if err == nil && (resp == nil || !mayPass(resp.StatusCode)) || !repeatable(req) {
		return resp, err
	}
	c := &call{layer: l, req: req, body: req.Body}
	c.took(resp, err)
	if !c.wanted {
		return resp, err
	}
	return c.again()
}

// CloseIdleConnections passes on to the next layer.
func (l *layer) CloseIdleConnections() {
	if c, ok := l.next().(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
