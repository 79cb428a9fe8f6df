package reauth_test

import (
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
)

// TestCostOfACall holds the README's figure for the stack as New makes it, its
// retry layer included: a call makes three allocations of 720 bytes more than
// one through a plain http.Client. What layers cost in time is to be seen in
// package transport's benchmark.
func TestCostOfACall(t *testing.T) {
	header := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}, "Content-Type": {"application/json"}}
	base := roundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Header: header, Request: req}, nil
	})
	c := mustClient(t, reauth.Config{BaseURL: "https://api.acme.example", Source: auth.Static("not-a-real-key"), Transport: base})
	req, err := c.NewRequest(t.Context(), http.MethodGet, "/v1/thing", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"A", "B", "C", "D"} {
		req.Header.Set(name, "value")
	}
	plainAllocs, plainBytes := allocates(t, (&http.Client{Transport: base}).Do, req)
	allocs, bytes := allocates(t, c.Do, req)
	allocs, bytes = allocs-plainAllocs, bytes-plainBytes
	t.Logf("%d allocations, %d B over plain", allocs, bytes)
	if allocs > 3 || bytes > 720 {
		t.Errorf("a call costs %d allocations of %d B over plain, want at most 3 of 720 B", allocs, bytes)
	}
}

// allocates returns what one call of do allocates: the least of some rounds,
// because what else the process does can only add to one.
func allocates(t *testing.T, do func(*http.Request) (*http.Response, error), req *http.Request) (allocs, bytes int64) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const runs = 1000
	for round := range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			if resp, err := do(req); err != nil || resp.StatusCode != http.StatusOK {
				t.Fatal(resp, err)
			}
		}
		runtime.ReadMemStats(&after)
		a, b := int64(after.Mallocs-before.Mallocs)/runs, int64(after.TotalAlloc-before.TotalAlloc)/runs
		if round == 0 || b < bytes {
			allocs, bytes = a, b
		}
	}
	return allocs, bytes
}
