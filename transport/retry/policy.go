package retry

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/reauth-go/reauth/auth"
)

// mayPass reports whether a status speaks of the moment and not of the request.
func mayPass(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// repeatable reports whether a request may be sent twice, and its body can be. One
// that net/http does not send at all fares no better the second time.
func repeatable(req *http.Request) bool {
	if req.URL == nil || req.URL.Host == "" || req.Header == nil || hasBody(req) && req.GetBody == nil ||
		strings.ContainsFunc(req.Method, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return false
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return hasKey(req.Header, "Idempotency-Key") || hasKey(req.Header, "X-Idempotency-Key")
}

func hasBody(req *http.Request) bool { return req.Body != nil && req.Body != http.NoBody }

func hasKey(h http.Header, name string) bool {
	values, set := h[name]
	return set && (len(values) == 0 || values[0] != "")
}

// transient reports whether another attempt could end otherwise.
func transient(req *http.Request, resp *http.Response, err error) bool {
	if err == nil {
		_, diagnosed := auth.FromResponse(resp)
		return resp != nil && mayPass(resp.StatusCode) && !diagnosed
	}
	if _, verdict := errors.AsType[*auth.Error](err); verdict {
		return false
	}
	if errors.Is(err, auth.ErrClosed) || errors.Is(err, context.Canceled) || refusedByTLS(err) {
		return false
	}
	// The caller's body is not as long as the caller says: net/http has no type for it.
	if strings.HasPrefix(err.Error(), "http: ContentLength=") {
		return false
	}
	// That a name does not exist is an answer. That nobody could be asked is none.
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		return false
	}
	// The library knows by their texts what net/http gives no type to: a scheme or
	// a header that cannot be sent, and a client beneath that stopped redirecting.
	// It looks into an url.Error only.
	again, _ := retryablehttp.ErrorPropagatedRetryPolicy(req.Context(), nil, &url.Error{Err: err})
	return again
}

// refusedByTLS reports whether one of the two sides does not want the other: its
// certificate, its version, or that it does not speak TLS at all.
func refusedByTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	// An alert of the other side has no exported type.
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}

// backoff returns the wait before the n-th repeat; n counts from 1. Half of it is
// left to chance, so that those who failed together do not come back together.
func (l *layer) backoff(n int) time.Duration {
	step := l.maxWait
	if n < 62 && l.minWait <= l.maxWait>>n { // so that the shift cannot overflow
		step = l.minWait << n
	}
	least := max(step/2, l.minWait)
	return least + rand.N(step-least+1)
}

// retryAfter returns the wait that a response asks for. Zero means none, or one
// that is over. The time in an HTTP date is that of the server's clock, and so is
// Date, which tells how far the two are apart.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := textproto.TrimString(h.Get("Retry-After"))
	if strings.Trim(text, "0123456789") == "" {
		if text == "" {
			return 0
		}
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(math.MaxInt64/time.Second) {
			return math.MaxInt64
		}
		return time.Duration(seconds) * time.Second
	}
	when, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil && h.Get("Age") == "" {
		now = date
	}
	return max(when.Sub(now), 0)
}

const (
	// discardLimit is how much is read of a response that is thrown away, so that
	// its connection can be used again.
	discardLimit = 256 << 10
	discardWait  = time.Second
)

// discard reads on for a bounded while, and closes.
func discard(ctx context.Context, body io.ReadCloser, wait time.Duration) {
	if body == nil {
		return
	}
	defer func() { _ = body.Close() }()
	if body == http.NoBody {
		return
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.CopyN(io.Discard, body, discardLimit)
	}()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-drained:
	case <-timer.C:
	case <-ctx.Done():
	}
}
