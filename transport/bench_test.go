package transport_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/oauth2"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport"
	"github.com/reauth-go/reauth/transport/retry"
)

// memory is a base transport that costs one allocation and no wire.
type memory struct{ header http.Header }

func (m memory) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: m.header, Request: req}, nil
}

// floor is the least that a round tripper can do which sets a header and leaves
// the caller's request alone: a shallow copy and a copied map.
type floor struct {
	next  http.RoundTripper
	value []string
}

func (f floor) RoundTrip(req *http.Request) (*http.Response, error) {
	out := new(http.Request)
	*out = *req
	out.Header = maps.Clone(req.Header)
	out.Header["Authorization"] = f.value
	return f.next.RoundTrip(out)
}

func mustTransport(tb testing.TB, base http.RoundTripper, c *auth.Credential) *transport.Transport {
	tb.Helper()
	t, err := transport.New(transport.Config{
		Source:  auth.SourceFunc(func(context.Context) (*auth.Credential, error) { return c, nil }),
		Origins: []string{"https://api.acme.example"},
		Base:    base,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = t.Close() })
	return t
}

func benchRequest(tb testing.TB, headers int) *http.Request {
	tb.Helper()
	req, err := http.NewRequest(http.MethodGet, "https://api.acme.example/v1/thing", nil)
	if err != nil {
		tb.Fatal(err)
	}
	for i := range headers {
		req.Header.Set(fmt.Sprintf("X-Header-%d", i), "value")
	}
	return req
}

func mustRetry(tb testing.TB, next http.RoundTripper) http.RoundTripper {
	tb.Helper()
	layer, err := retry.New(next, retry.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return layer
}

type contender struct {
	name string
	rt   http.RoundTripper
}

// contenders are measured on the same base, one after the other in each round.
// With both layers it is the stack that a reauth.Client has.
func contenders(tb testing.TB) []contender {
	tb.Helper()
	date := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}, "Content-Type": {"application/json"}}
	base := memory{date}
	hour := time.Now().Add(time.Hour)
	noExpiry := mustTransport(tb, base, &auth.Credential{Secret: auth.NewSecret("not-a-real-token")})
	expiry := mustTransport(tb, base, &auth.Credential{Secret: auth.NewSecret("not-a-real-token"), Expiry: hour})
	peer := &oauth2.Transport{Base: base, Source: oauth2.ReuseTokenSource(&oauth2.Token{AccessToken: "not-a-real-token", Expiry: hour}, nil)}
	library := retryablehttp.NewClient()
	library.Logger, library.HTTPClient = nil, &http.Client{Transport: peer}
	return []contender{
		{"plain", base},
		{"floor", floor{base, []string{"Bearer not-a-real-token"}}},
		{"reauth/no-expiry", noExpiry},
		{"reauth/expiry", expiry},
		{"reauth/no-expiry+retry", mustRetry(tb, noExpiry)},
		{"reauth/expiry+retry", mustRetry(tb, expiry)},
		{"reauth/no-expiry+retry+strict", transport.Strict(mustRetry(tb, noExpiry))},
		{"reauth/expiry+retry+strict", transport.Strict(mustRetry(tb, expiry))},
		{"x-oauth2", peer},
		{"x-oauth2+retryablehttp", &retryablehttp.RoundTripper{Client: library}},
	}
}

// BenchmarkRoundTrip compares what a request costs with a fresh cached
// credential. Run it with -count=10 and compare medians or minima.
func BenchmarkRoundTrip(b *testing.B) {
	for _, c := range contenders(b) {
		b.Run(c.name, func(b *testing.B) {
			req := benchRequest(b, 4)
			b.ReportAllocs()
			for b.Loop() {
				resp, err := c.rt.RoundTrip(req)
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Fatal(resp, err)
				}
			}
		})
	}
}

// BenchmarkRoundTripParallel is the same from all processors at once.
func BenchmarkRoundTripParallel(b *testing.B) {
	for _, c := range contenders(b) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				req := benchRequest(b, 4)
				for pb.Next() {
					if _, err := c.rt.RoundTrip(req); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// TestCostOfARequest holds the figure that the README states: three allocations
// of 720 bytes over plain with up to seven headers, no more than the floor has,
// and nothing more for the layers above the transport.
func TestCostOfARequest(t *testing.T) {
	var plain cost
	for _, c := range contenders(t) {
		got := measure(c.rt, benchRequest(t, 4))
		if c.name == "plain" {
			plain = got
		}
		got.allocs, got.bytes = got.allocs-plain.allocs, got.bytes-plain.bytes
		t.Logf("%-29s %2d allocations, %4d B over plain", c.name, got.allocs, got.bytes)
		if strings.HasPrefix(c.name, "reauth") && (got.allocs > 3 || got.bytes > 720) {
			t.Errorf("%s: %+v over plain, want at most 3 allocations of 720 B", c.name, got)
		}
	}
}

type cost struct{ allocs, bytes int64 }

// measure returns what a request allocates. [testing.AllocsPerRun] counts no
// bytes. What else the process allocates can only add to a round, so the least
// of some is the request's.
func measure(rt http.RoundTripper, req *http.Request) (least cost) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const runs = 1000
	for round := range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			_, _ = rt.RoundTrip(req)
		}
		runtime.ReadMemStats(&after)
		now := cost{int64(after.Mallocs-before.Mallocs) / runs, int64(after.TotalAlloc-before.TotalAlloc) / runs}
		if round == 0 || now.bytes < least.bytes {
			least = now
		}
	}
	return least
}
