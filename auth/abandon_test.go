package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// hangs ignores its context until it is released, and then answers.
func hangs(release <-chan struct{}, then answer) answer {
	return func(ctx context.Context, n int, stale *auth.Credential) (*auth.Credential, error) {
		<-release
		return then(ctx, n, stale)
	}
}

func TestL10_Trap36_EndlessHang(t *testing.T) {
	for name, forever := range map[string]bool{"ignores its context": true, "honours its context": false} {
		bubble(t, name, func(t *testing.T) {
			release := make(chan struct{})
			var inside, peak atomic.Int32
			src := &source{answer: func(ctx context.Context, n int, _ *auth.Credential) (*auth.Credential, error) {
				peak.Store(max(peak.Load(), inside.Add(1)))
				defer inside.Add(-1)
				if forever {
					<-release
				} else {
					select {
					case <-release:
					case <-ctx.Done():
						return nil, &url.Error{Op: "Post", URL: "https://issuer.example", Err: ctx.Err()}
					}
				}
				return cred("token", time.Hour), nil
			}}
			c := newCache(t, src, auth.CacheConfig{Timeout: 10 * time.Second})
			for end := time.Now().Add(time.Hour); time.Now().Before(end); time.Sleep(time.Second) {
				start := time.Now()
				_, err := c.Credential(t.Context())
				e := wantCause(t, err, auth.SourceTimeout)
				if took := time.Since(start); took > 10*time.Second {
					t.Fatalf("a caller waited %v, want 10s at most", took)
				}
				if !errors.Is(e, context.DeadlineExceeded) {
					t.Errorf("lost the deadline: %v", e)
				}
			}
			if n := peak.Load(); n > auth.MaxAbandoned {
				t.Errorf("%d calls hung at once, want %d at most", n, auth.MaxAbandoned)
			}
			if forever {
				wantAsks(t, src, auth.MaxAbandoned)
			} else if n := src.count(); n < 100 {
				t.Errorf("asked %d times in an hour: it may have healed", n)
			}
			close(release)
			synctest.Wait()
			time.Sleep(8 * time.Second)
			wantSecret(t, get(t, c), "token")
		})
	}
}

// While calls hang, a valid credential stays in use.
func TestL4_HangDuringEarlyRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		src := &source{answer: first(mints(time.Hour, 0), hangs(release, mints(time.Hour, 0)))}
		c := newCache(t, src, auth.CacheConfig{})
		issued := mustGet(t, c)
		for time.Until(issued.Expiry) > 0 {
			start := time.Now()
			if mustGet(t, c) != issued || time.Since(start) != 0 {
				t.Fatal("a caller waited, or got something else")
			}
			time.Sleep(time.Second)
		}
		wantAsks(t, src, 1+auth.MaxAbandoned)
		if _, err := c.Credential(t.Context()); !errors.Is(err, auth.SourceTimeout) {
			t.Errorf("after expiry: %v", err)
		}
		close(release)
		synctest.Wait()
		if got := get(t, c); got != "token-2" && got != "token-3" { // whichever came first; no pause, no further call
			t.Errorf("got %s", got)
		}
		wantAsks(t, src, 1+auth.MaxAbandoned)
	})
}

// A rotated token that arrives after its callers were sent away may be the only
// one that the issuer still accepts.
func TestTrap31_LateResult(t *testing.T) {
	t.Run("is used", func(t *testing.T) {
		for name, refused := range map[string]bool{"if there is none": false, "instead of the one that was refused": true} {
			bubble(t, name, func(t *testing.T) {
				src := &source{answer: mints(time.Hour, 20*time.Second)}
				c := newCache(t, src, auth.CacheConfig{Timeout: 15 * time.Second})
				want := "token-1"
				if refused {
					src.answer = first(mints(time.Hour, 0), mints(time.Hour, 20*time.Second))
					want = "token-2"
					if _, err := c.Refresh(t.Context(), mustGet(t, c)); !errors.Is(err, auth.SourceTimeout) {
						t.Fatalf("got %v, want a timeout", err)
					}
				} else if _, err := c.Credential(t.Context()); !errors.Is(err, auth.SourceTimeout) {
					t.Fatalf("got %v, want a timeout", err)
				}
				n := src.count()
				time.Sleep(6 * time.Second)
				wantSecret(t, get(t, c), want)
				wantAsks(t, src, n)
			})
		}
		bubble(t, "instead of the one that was to be renewed early", func(t *testing.T) {
			src := &source{answer: first(mints(time.Hour, 0), mints(time.Hour, 20*time.Second))}
			c := newCache(t, src, auth.CacheConfig{})
			get(t, c)
			time.Sleep(58 * time.Minute)
			get(t, c)
			time.Sleep(21 * time.Second)
			wantSecret(t, get(t, c), "token-2")
			wantAsks(t, src, 2)
		})
	})
	bubble(t, "never replaces a newer one", func(t *testing.T) {
		release := make(chan struct{})
		src := &source{answer: first(mints(time.Hour, 0), hangs(release, same("old", 0)), same("new", 0))}
		c := newCache(t, src, auth.CacheConfig{})
		old := mustGet(t, c)
		if _, err := c.Refresh(t.Context(), old); !errors.Is(err, auth.SourceTimeout) {
			t.Fatalf("got %v, want a timeout", err)
		}
		time.Sleep(time.Second)
		wantSecret(t, refresh(t, c, old), "new")
		close(release)
		synctest.Wait()
		wantSecret(t, get(t, c), "new")
		wantSecret(t, refresh(t, c, old), "new")
		wantAsks(t, src, 3)
	})
	for name, late := range map[string]answer{
		"that is a failure": fails(errDown, 0),
		"that is expired":   mints(-time.Minute, 0),
		"that is empty":     same("", 0),
	} {
		bubble(t, name+" changes nothing", func(t *testing.T) {
			release := make(chan struct{})
			src := &source{answer: first(hangs(release, late), same("next", 0))}
			c := newCache(t, src, auth.CacheConfig{})
			_, _ = c.Credential(t.Context())
			before := c.Status()
			close(release)
			synctest.Wait()
			if after := c.Status(); after != before {
				t.Errorf("status %+v, was %+v", after, before)
			}
			time.Sleep(time.Second)
			wantSecret(t, get(t, c), "next")
		})
	}
}

type slip struct{}

// find returns a nil *Error where it means none: the commonest slip in Go.
func (slip) find() (*auth.Credential, *auth.Error) { return cred("token", 0), nil }

func TestTrap38_SourcesThatMisbehave(t *testing.T) {
	const canary = "canary-in-a-panic"
	for name, test := range map[string]struct {
		answer answer
		cause  auth.Cause
		fact   string
	}{
		"panic": {func(context.Context, int, *auth.Credential) (*auth.Credential, error) { panic(canary) }, auth.SourceFailed, "panicked with a string"},
		"panic with an error": {func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
			panic(fmt.Errorf("bad token %s", canary))
		}, auth.SourceFailed, "panicked"},
		"nil dereference": {func(_ context.Context, _ int, stale *auth.Credential) (*auth.Credential, error) {
			return &auth.Credential{Secret: stale.Secret}, nil
		}, auth.SourceFailed, "panicked"},
		"Goexit": {func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
			runtime.Goexit()
			return nil, nil
		}, auth.SourceFailed, "ended its goroutine"},
		"nil, nil (Trap 29)": {func(context.Context, int, *auth.Credential) (*auth.Credential, error) { return nil, nil }, auth.SourceFailed, "neither a credential nor an error"},
		"empty secret":       {same("", 0), auth.EmptyCredential, "empty secret"},
		"expired on arrival (T63)": {func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
			return cred("token", -90*time.Second), nil
		}, auth.AccessExpired, "1m30s ago"},
		"expires this instant": {func(context.Context, int, *auth.Credential) (*auth.Credential, error) {
			c := cred("token", 0)
			c.Expiry = time.Now()
			return c, nil
		}, auth.AccessExpired, "0s ago"},
		"its own deadline": {fails(fmt.Errorf("dial: %w", context.DeadlineExceeded), 2*time.Second), auth.SourceTimeout, "dial: "},
		"a bare cause":     {fails(auth.SourceLocked, 0), auth.SourceLocked, ""},
		"a wrapped cause":  {fails(fmt.Errorf("vault: sealed: %w", auth.SourceLocked), 0), auth.SourceLocked, "vault: sealed"},
		"a foreign error":  {fails(errDown, 0), auth.SourceFailed, "connection refused"},
	} {
		bubble(t, name, func(t *testing.T) {
			src := &source{answer: first(test.answer, same("token", 0))}
			c := newCache(t, src, auth.CacheConfig{})
			errs := make([]error, 10)
			together(len(errs), func(i int) { _, errs[i] = c.Credential(t.Context()) })
			for _, err := range errs {
				e := wantCause(t, err, test.cause)
				if !strings.Contains(e.Evidence[0].Fact, test.fact) {
					t.Fatalf("fact %q, want %q in it", e.Evidence[0].Fact, test.fact)
				}
				if strings.Contains(fmt.Sprintf("%v %+v %#v %s", e, e, e, e.Explain()), canary) {
					t.Fatal("the panic's value is printed")
				}
				if strings.Contains(e.Error()+e.Explain(), "  \n") || strings.HasSuffix(e.Remedy.Text, " ") {
					t.Fatalf("something is missing in %q", e.Explain())
				}
			}
			time.Sleep(time.Second)
			wantSecret(t, get(t, c), "token") // usable afterwards (T22)
		})
	}
	bubble(t, "a nil *Error returned as an error", func(t *testing.T) {
		c := newCache(t, auth.SourceFunc(func(context.Context) (*auth.Credential, error) { return slip{}.find() }), auth.CacheConfig{})
		wantSecret(t, get(t, c), "token")
	})
}

// Trap 90: what to do about an expired credential depends on where it is kept.
func TestTrap90_RemedyForExpired(t *testing.T) {
	for kind, want := range map[string]string{
		auth.KindFile:  "put a new credential into file name",
		auth.KindOAuth: "", // a token endpoint is not written to
		"":             "",
	} {
		bubble(t, "kind "+kind, func(t *testing.T) {
			src := auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
				c := cred("token", -time.Minute)
				c.Provenance = auth.Provenance{Kind: kind}
				if kind != "" {
					c.Provenance.Name = "name"
				}
				return c, nil
			})
			_, err := newCache(t, src, auth.CacheConfig{}).Credential(t.Context())
			if e := wantCause(t, err, auth.AccessExpired); e.Remedy.Text != want {
				t.Errorf("remedy %q, want %q", e.Remedy.Text, want)
			}
		})
	}
}
