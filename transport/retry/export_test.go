package retry

import (
	"net/http"
	"time"
)

// RetryAfter is the wait that a response with these fields asks for.
func RetryAfter(h http.Header, now time.Time) time.Duration { return retryAfter(h, now) }

// Backoff is a wait before the n-th repeat.
func Backoff(rt http.RoundTripper, n int) time.Duration { return rt.(*layer).backoff(n) }
