package oauth

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/reauth-go/reauth/auth"
	"golang.org/x/oauth2"
)

// The numbers of an exchange; patience bounds the whole.
const (
	maxTries      = 3
	firstPause    = 250 * time.Millisecond // doubles; half of it is jitter
	maxRetryAfter = 5 * time.Second        // a longer Retry-After ends the exchange
	downFor       = time.Minute            // after a failure without a verdict an exchange is one try
)

// A grant is a grant type, in the words that people read.
type grant string

const (
	clientCredentials grant = "client credentials"
	refreshToken      grant = "refresh token"
)

// An exchanger asks one token endpoint for tokens by one grant. What may be secret in its configuration is in closures only, and so is
// base: its connections may have the API's requests in their buffers.
type exchanger struct {
	grant    grant
	place    auth.Provenance
	endpoint string // the URL as it may be shown
	style    oauth2.AuthStyle
	scopes   []string    // asked for
	secret   auth.Source // of the client; nil for a public one
	// assertion is what the client proves itself by in place of a secret.
	assertion auth.Source
	repeats   bool // a request whose fate is unknown may be repeated
	// down is when the endpoint last gave no verdict, in wall-clock nanoseconds;
	// zero if it did since. For a minute an exchange is one try then: repeats
	// bridge a hiccup, and would make an outage three times as loud.
	down    atomic.Int64
	base    func() http.RoundTripper
	request func(ctx context.Context, clientSecret, refreshToken string) (*oauth2.Token, error)
	scrub   func(p proof, refreshToken string) *scrubber
}

// exchange returns a token endpoint's answer that has an access token. If it
// fails, the attempt is the last one, nil if nothing was tried. The error is a
// new [*auth.Error], or the context's.
func (x *exchanger) exchange(parent context.Context, refreshToken string) (*attempt, error) {
	if parent.Err() != nil {
		return nil, x.ended(parent)
	}
	ctx, cancel := context.WithTimeout(parent, patience)
	defer cancel()
	p, err := x.prove(ctx)
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		a := x.try(ctx, p, refreshToken)
		if a.finding == nil {
			x.down.Store(0)
			return a, nil
		}
		if a.status == 0 && parent.Err() == context.Canceled {
			return a, x.ended(parent)
		}
		pause, again := x.pause(ctx, a, n)
		if !again {
			x.down.Store(0)
			if a.finding.transient {
				x.down.Store(time.Now().UnixNano())
			}
			return a, x.failure(a, n)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return a, x.ended(ctx)
		}
	}
}

// isDown reports whether the endpoint gave no verdict a short while ago.
func (x *exchanger) isDown() bool {
	since := time.Now().UnixNano() - x.down.Load()
	return 0 <= since && since < int64(downFor)
}

// pause returns how long to wait before the next try, if there is to be one.
func (x *exchanger) pause(ctx context.Context, a *attempt, n int) (time.Duration, bool) {
	if !a.finding.transient || a.finding.lasting || n == maxTries || x.isDown() || ctx.Err() != nil || !x.repeats && !a.unreached() {
		return 0, false
	}
	pause := firstPause << (n - 1)
	pause = pause/2 + rand.N(pause/2)
	if a.retryAfter > maxRetryAfter {
		return 0, false
	}
	pause = max(pause, a.retryAfter)
	deadline, _ := ctx.Deadline()
	return pause, time.Until(deadline) > pause
}

// try makes one request. x/oauth2 builds it and reads the answer, in the form
// that [attempt.RoundTrip] gives it.
func (x *exchanger) try(ctx context.Context, p proof, refreshToken string) *attempt {
	a := &attempt{base: x.base(), scrub: x.scrub(p, refreshToken), proof: p, began: time.Now()}
	if a.base == nil {
		a.base = http.DefaultTransport
	}
	client := &http.Client{
		Transport: a,
		// net/http would send the form to wherever a 307 or 308 points. The
		// reply that it gets has no Location either.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	_, err := x.request(context.WithValue(ctx, oauth2.HTTPClient, client), p.secret, refreshToken)
	if !a.asked {
		a.err = a.scrub.err(err) // no request came out of the configuration
	}
	a.judge(x)
	return a
}

// credential makes a credential of an answer.
func (x *exchanger) credential(a *attempt) (*auth.Credential, error) {
	scheme := bearing(a.answer.tokenType)
	if scheme == nil {
		return nil, wrongType(x.place, newScrubber("", a.answer.accessToken, a.answer.refreshToken).text(a.scrub.mask(a.answer.tokenType), 40))
	}
	return &auth.Credential{
		Secret:     auth.NewSecret(a.answer.accessToken),
		Scheme:     scheme,
		Expiry:     a.answer.expiry(a.began, a.received),
		Scopes:     slices.DeleteFunc(a.answer.scopes, func(s string) bool { return a.scrub.known().Text(s) != s }),
		Provenance: x.place,
		Tried:      []auth.Attempt{{Place: x.place, Answer: "found"}},
	}, nil
}

// ended is the answer when the caller's context is over. That is no diagnosis:
// the caller knows why.
func (x *exchanger) ended(ctx context.Context) error {
	return fmt.Errorf("oauth: %s: %w", x.place.Name, ctx.Err())
}
