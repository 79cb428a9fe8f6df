package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/reauth-go/reauth/auth"
)

// setenv is for examples, which have no *testing.T.
func setenv(name, value string) (undo func()) {
	_ = os.Setenv(name, value)
	return func() { _ = os.Unsetenv(name) }
}

func ExampleEnv() {
	defer setenv("ACME_API_KEY", "  sk_live_4711\n")()

	cred, err := auth.Env("ACME_API_KEY", "ACME_TOKEN").Credential(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cred.Provenance, cred.Secret, len(cred.Secret.Reveal()))
	// Output: env ACME_API_KEY [masked] 12
}

func ExampleEnv_missing() {
	_, err := auth.Env("ACME_API_KEY", "ACME_TOKEN").Credential(context.Background())
	fmt.Println(err)
	// Output: missing_credential (certain): ACME_API_KEY and ACME_TOKEN are not set; verify_credential: set ACME_API_KEY or ACME_TOKEN
}

func ExampleFile() {
	// Such as a secret that an orchestrator mounts, or a projected token.
	_ = os.WriteFile("example.key", []byte("sk_live_4711\n"), 0o600)
	defer func() { _ = os.Remove("example.key") }()

	cred, err := auth.File("example.key").Credential(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cred.Provenance, cred.Secret)
	// Output: file example.key [masked]
}

func ExampleStatic() {
	cred, _ := auth.Static("sk_live_4711").Credential(context.Background())
	fmt.Println(cred.Provenance, cred.Secret)
	// Output: static value [masked]
}

func ExampleFirstOf() {
	src := auth.FirstOf(auth.Env("ACME_API_KEY"), auth.File("/run/secrets/acme"), auth.Static("built-in"))
	cred, _ := src.Credential(context.Background())
	for _, a := range cred.Tried {
		fmt.Printf("%s: %s\n", a.Place, a.Answer)
	}
	fmt.Println("found in", cred.Provenance)
	// Output:
	// env ACME_API_KEY: not set
	// file /run/secrets/acme: no such file
	// found in static value
}

func ExampleSourceFunc() {
	// A source of your own, such as a vault. A Cause says that there is none,
	// so that FirstOf goes on; any other error stops it.
	vault := auth.SourceFunc(func(ctx context.Context) (*auth.Credential, error) {
		return nil, fmt.Errorf("vault: nothing at secret/acme: %w", auth.MissingCredential)
	})
	cred, _ := auth.FirstOf(vault, auth.Static("built-in")).Credential(context.Background())
	fmt.Println(cred.Provenance)

	_, err := auth.FirstOf(vault).Credential(context.Background())
	fmt.Println(errors.Is(err, auth.MissingCredential))
	// Output:
	// static value
	// true
}

func ExampleWithUsername() {
	cred, _ := auth.WithUsername("Aladdin", auth.Static("open sesame")).Credential(context.Background())
	value, _ := cred.Scheme.Value(cred)
	fmt.Println(cred.Scheme.Place(), value)
	// Output: Authorization Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==
}

func ExampleScheme() {
	cred := &auth.Credential{Secret: auth.NewSecret("abc")}
	for _, s := range []auth.Scheme{auth.Bearer, auth.Token, auth.APIKeyHeader("x-api-key"), auth.APIKeyQuery("key")} {
		value, _ := s.Value(cred)
		fmt.Printf("%s: %s\n", s.Place(), value)
	}
	// Output:
	// Authorization: Bearer abc
	// Authorization: token abc
	// X-Api-Key: abc
	// query parameter key: abc
}

func ExampleAPIKeyHeader() {
	fmt.Println(auth.APIKeyHeader("x-api-key").Place())
	// Output: X-Api-Key
}

func ExampleAPIKeyQuery() {
	fmt.Println(auth.APIKeyQuery("key").Place())
	// Output: query parameter key
}

func ExampleCached() {
	asked := 0
	cache := auth.Cached(auth.SourceFunc(func(ctx context.Context) (*auth.Credential, error) {
		asked++
		return &auth.Credential{Secret: auth.NewSecret(fmt.Sprintf("token-%d", asked))}, nil
	}))
	defer func() { _ = cache.Close() }()

	ctx := context.Background()
	for range 1000 {
		_, _ = cache.Credential(ctx)
	}
	fmt.Println("asked", asked)

	// The API refused it.
	stale, _ := cache.Credential(ctx)
	fresh, _ := cache.Refresh(ctx, stale)
	fmt.Println("asked", asked, "- the same:", fresh.Same(stale))

	// Another request was refused with the old one: its successor is at hand.
	_, _ = cache.Refresh(ctx, stale)
	fmt.Println("asked", asked)
	// Output:
	// asked 1
	// asked 2 - the same: false
	// asked 2
}

func ExampleNewCache() {
	told := make(chan auth.Event, 1)
	cache, err := auth.NewCache(auth.Static("sk_live_4711"), auth.CacheConfig{
		Timeout: 5 * time.Second,
		Hook:    func(_ context.Context, e auth.Event) { told <- e },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = cache.Close() }()
	_, _ = cache.Credential(context.Background())
	e := <-told
	fmt.Println(e.Kind, "in", e.Provenance)
	// Output: found in static value
}

func ExampleNewCache_twice() {
	_, err := auth.NewCache(auth.Cached(auth.Static("sk_live_4711")), auth.CacheConfig{Timeout: time.Second})
	fmt.Println(err)
	// Output: auth: NewCache: the source is a cache already, with options of its own
}

func ExampleCache_Refresh_nothingElse() {
	cache := auth.Cached(auth.Static("sk_live_4711"))
	defer func() { _ = cache.Close() }()
	ctx := context.Background()
	stale, _ := cache.Credential(ctx)
	fresh, err := cache.Refresh(ctx, stale)
	fmt.Println("the same:", fresh.Same(stale), err)
	// Output: the same: true <nil>
}

func ExampleCache_Forget() {
	defer setenv("ACME_API_KEY", "old")()
	cache := auth.Cached(auth.Env("ACME_API_KEY"))
	defer func() { _ = cache.Close() }()
	ctx := context.Background()
	_, _ = cache.Credential(ctx)

	_ = os.Setenv("ACME_API_KEY", "new")
	cred, _ := cache.Credential(ctx)
	fmt.Println(cred.Secret.Reveal())
	cache.Forget()
	cred, _ = cache.Credential(ctx)
	fmt.Println(cred.Secret.Reveal())
	// Output:
	// old
	// new
}

func ExampleCache_Status() {
	cache := auth.Cached(auth.Env("ACME_API_KEY"))
	defer func() { _ = cache.Close() }()
	_, _ = cache.Credential(context.Background())
	s := cache.Status()
	fmt.Println(s.Failures, errors.Is(s.LastError, auth.MissingCredential), !s.NextTry.IsZero())
	// Output: 1 true true
}

func ExampleCache_Close() {
	cache := auth.Cached(auth.Static("sk_live_4711"))
	_ = cache.Close()
	_, err := cache.Credential(context.Background())
	fmt.Println(err)
	// Output: auth: the credential cache is closed
}

func ExampleSecret() {
	key := auth.NewSecret("sk_live_4711")
	fmt.Printf("%v %+v %q\n", key, struct{ Key auth.Secret }{key}, key)
	fmt.Println(key.Reveal()[:8])
	// Output:
	// [masked] {Key:[masked]} [masked]
	// sk_live_
}

func ExampleCredential_Same() {
	a := &auth.Credential{Secret: auth.NewSecret("token"), Expiry: time.Unix(1, 0)}
	b := &auth.Credential{Secret: auth.NewSecret("token"), Expiry: time.Unix(2, 0)}
	fmt.Println(a.Same(b))
	// Output: true
}

func ExampleStatedExpiry() {
	token := auth.NewSecret("eyJhbGciOiJub25lIn0.eyJleHAiOjE3MDAwMDAwMDB9.c2ln")
	fmt.Println(auth.StatedExpiry(token).UTC())
	fmt.Println(auth.StatedExpiry(auth.NewSecret("sk_live_4711")).IsZero())
	// Output:
	// 2023-11-14 22:13:20 +0000 UTC
	// true
}

func ExampleError() {
	_, err := auth.Env("ACME_API_KEY").Credential(context.Background())
	err = fmt.Errorf("listing orders: %w", err)

	if e, ok := errors.AsType[*auth.Error](err); ok {
		switch e.Step() {
		case auth.StepVerify:
			fmt.Println("check your key:", e.Remedy.Text)
		case auth.StepRenew:
			fmt.Println("log in again")
		case auth.StepWait:
			fmt.Println("try again at", e.NextTry)
		}
	}
	fmt.Println(errors.Is(err, auth.MissingCredential))
	// Output:
	// check your key: set ACME_API_KEY
	// true
}

func ExampleError_Explain() {
	defer setenv("ACME_TOKEN", " ")()

	_, err := auth.FirstOf(auth.Env("ACME_API_KEY"), auth.Env("ACME_TOKEN")).Credential(context.Background())
	if e, ok := errors.AsType[*auth.Error](err); ok {
		fmt.Print(e.Explain())
	}
	// Output:
	// There is no credential to use.
	//
	//   cause    empty_credential (certain): ACME_TOKEN is set, but blank
	//   because  env ACME_API_KEY: ACME_API_KEY is not set
	//   tried    env ACME_API_KEY  not set
	//            env ACME_TOKEN    set, but blank
	//   fix      set ACME_API_KEY, or set ACME_TOKEN
}

func ExampleAsError() {
	e := auth.AsError(errors.New("connection refused"), auth.Provenance{Kind: "vault", Name: "acme"})
	fmt.Println(e.Cause, e.Step(), e.Evidence[0].Source)
	// Output: source_failed fix_environment vault acme
}

func ExampleCause() {
	c := auth.AccessExpired
	fmt.Println(c, c.Step())
	fmt.Println(c.Meaning())
	// Output:
	// access_expired renew
	// the credential has expired
}

func ExampleFromResponse() {
	resp := &http.Response{StatusCode: http.StatusUnauthorized}
	auth.Attach(resp, &auth.Error{Cause: auth.AccessExpired, Confidence: auth.Certain}) // the transport does that

	if e, ok := auth.FromResponse(resp); ok {
		fmt.Println(e)
	}
	// Output: access_expired (certain); renew: get a new one
}

func ExampleAttach() {
	resp := new(http.Response)
	_, before := auth.FromResponse(resp)
	auth.Attach(resp, &auth.Error{Cause: auth.AccessExpired})
	_, after := auth.FromResponse(resp)
	fmt.Println(before, after)
	// Output: false true
}

func ExampleHook() {
	log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	hook := auth.Hook(func(ctx context.Context, e auth.Event) { log.InfoContext(ctx, "credential", "event", e) })
	hook.Tell(context.Background(), auth.Event{Kind: auth.EventFound, Provenance: auth.Provenance{Kind: auth.KindEnv, Name: "ACME_API_KEY"}})
	// Output: level=INFO msg=credential event.kind=found event.found_in="env ACME_API_KEY"
}
