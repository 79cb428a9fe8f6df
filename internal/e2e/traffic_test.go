package e2e_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/internal/e2e/resource"
)

// A call is one request of a caller and what the caller got.
type call struct {
	id    string
	began time.Time
	took  time.Duration
	err   error
}

// do makes one request that can be told from others at the resource.
func do(ctx context.Context, c *reauth.Client) call {
	got := call{id: rand.Text(), began: time.Now()}
	got.err = func() error {
		req, err := c.NewRequest(ctx, http.MethodGet, "/v1/me", nil)
		if err != nil {
			return err
		}
		req.Header.Set(resource.IDHeader, got.id)
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != http.StatusOK {
			err = errors.Join(err, errors.New(resp.Status))
		}
		return err
	}()
	got.took = time.Since(got.began)
	return got
}

// traffic makes requests from n goroutines until the time is over, each with a
// rest between two, and returns all of them in the order of their beginning.
func traffic(t *testing.T, c *reauth.Client, n int, until time.Time, rest time.Duration) []call {
	var wg sync.WaitGroup
	calls := make([][]call, n)
	for i := range calls {
		wg.Go(func() {
			time.Sleep(rest * time.Duration(i) / time.Duration(n)) // steady, and no herd
			for time.Now().Before(until) {
				calls[i] = append(calls[i], do(t.Context(), c))
				time.Sleep(rest)
			}
		})
	}
	wg.Wait()
	all := slices.Concat(calls...)
	slices.SortFunc(all, func(a, b call) int { return a.began.Compare(b.began) })
	return all
}

// at makes n requests at the same moment.
func at(t *testing.T, c *reauth.Client, n int) []call {
	var wg sync.WaitGroup
	calls := make([]call, n)
	for i := range calls {
		wg.Go(func() { calls[i] = do(t.Context(), c) })
	}
	wg.Wait()
	return calls
}

func failed(calls []call) (out []call) {
	for _, c := range calls {
		if c.err != nil {
			out = append(out, c)
		}
	}
	return out
}

func slowest(calls []call) (d time.Duration) {
	for _, c := range calls {
		d = max(d, c.took)
	}
	return d
}

// wantAllWell fails the test if any caller heard of trouble.
func wantAllWell(t *testing.T, calls []call) {
	t.Helper()
	if bad := failed(calls); len(bad) > 0 {
		t.Errorf("%d of %d requests failed; the first, after %v: %v", len(bad), len(calls), bad[0].took, bad[0].err)
	}
}

// wantOneRepeat checks law L1 on what the resource saw: each request came once
// or, with another token, twice.
func wantOneRepeat(t *testing.T, res *resource.Server) {
	t.Helper()
	tokens := map[string][]string{}
	for _, s := range res.Seen() {
		tokens[s.ID] = append(tokens[s.ID], s.Token)
	}
	for id, used := range tokens {
		if len(used) > 2 || len(used) == 2 && used[0] == used[1] {
			t.Errorf("L1: request %s was sent %d times, with the same token %v", id, len(used), used[0] == used[len(used)-1])
		}
	}
}
