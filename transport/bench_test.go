package transport_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport"
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

// contenders are measured on the same base, one after the other in each round.
func contenders(tb testing.TB) []struct {
	name string
	rt   http.RoundTripper
} {
	date := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}, "Content-Type": {"application/json"}}
	base := memory{date}
	hour := time.Now().Add(time.Hour)
	return []struct {
		name string
		rt   http.RoundTripper
	}{
		{"plain", base},
		{"floor", floor{base, []string{"Bearer not-a-real-token"}}},
		{"reauth/no-expiry", mustTransport(tb, base, &auth.Credential{Secret: auth.NewSecret("not-a-real-token")})},
		{"reauth/expiry", mustTransport(tb, base, &auth.Credential{Secret: auth.NewSecret("not-a-real-token"), Expiry: hour})},
		{"x-oauth2", &oauth2.Transport{Base: base, Source: oauth2.ReuseTokenSource(&oauth2.Token{AccessToken: "not-a-real-token", Expiry: hour}, nil)}},
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
// over plain with up to seven headers, no more than the floor has.
func TestCostOfARequest(t *testing.T) {
	allocs := map[string]float64{}
	for _, c := range contenders(t) {
		req := benchRequest(t, 4)
		allocs[c.name] = testing.AllocsPerRun(1000, func() { _, _ = c.rt.RoundTrip(req) })
	}
	t.Logf("allocations: %v", allocs)
	for _, name := range []string{"reauth/no-expiry", "reauth/expiry"} {
		if got := allocs[name] - allocs["plain"]; got > 3 {
			t.Errorf("%s: %v allocations over plain, want at most 3", name, got)
		}
	}
}
