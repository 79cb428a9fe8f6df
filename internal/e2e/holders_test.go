package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/auth/keyring"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/transport"
	"github.com/reauth-go/reauth/transport/retry"
	"github.com/reauth-go/reauth/transport/rpc"
)

// An echo is an API, and on /token an issuer, that repeats what it is sent in
// every place that it can: the worst of servers.
func echo(t *testing.T) *httptest.Server {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_ = r.ParseForm()
		_, password, _ := r.BasicAuth()
		sent := strings.Join([]string{r.Header.Get("Authorization"), password, r.Header.Get("X-Api-Key"), r.URL.RawQuery, string(body)}, " ")
		status := map[string]int{"/ok": 200, "/missing": 404, "/token": 200}[r.URL.Path]
		if r.URL.Path == "/token" && strings.Contains(r.URL.RawQuery, "refuse") {
			status = 400
		}
		if status == 0 {
			status = 401
		}
		w.Header().Set("X-Request-Id", sent)
		w.Header().Set("X-Echo", sent)
		w.Header().Set("Content-Type", "application/json")
		if status == 401 {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q, error="invalid_token", error_description=%q`, sent, "not accepted: "+sent))
		}
		w.WriteHeader(status)
		answer := map[string]any{"message": "you sent " + sent, "request": sent}
		switch {
		case r.URL.Path == "/token" && status == 200:
			answer = map[string]any{"access_token": canary + "-access", "token_type": "Bearer", "expires_in": 3600, "refresh_token": canary + "-rotated"}
		case r.URL.Path == "/token":
			answer = map[string]any{"error": "invalid_grant", "error_description": "you sent " + sent, "error_uri": "https://issuer.example/?" + sent}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// holders returns one of everything that holds, or held, a secret: the canary
// followed by suffix.
func holders(t *testing.T, suffix string) map[string]any {
	t.Helper()
	srv, secret, ctx := echo(t), canary+"-"+suffix, t.Context()
	all := map[string]any{}

	s := auth.NewSecret(secret)
	held := &auth.Credential{
		Secret: s, Username: "user", Scheme: auth.Basic, Expiry: time.Now().Add(time.Hour),
		Provenance: auth.Provenance{Kind: auth.KindStatic, Name: "value"},
	}
	all["Secret"], all["*Secret"] = s, &s
	all["Credential"], all["*Credential"], all["[]*Credential"] = *held, held, []*auth.Credential{held}
	all["a field of the user's"] = struct {
		Key    auth.Secret
		hidden *auth.Credential
	}{s, held}

	// Sources, and what is made of them.
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	setenv(t, "PRINTERS_API_KEY", secret, "PRINTERS_FILE_FILE", path)
	issuerURL := srv.URL + "/token"
	granted := wanted(oauth.ClientCredentials(&clientcredentials.Config{ClientID: "id", ClientSecret: secret, TokenURL: issuerURL}, oauth.Options{}))
	refreshed := wanted(oauth.RefreshToken(&oauth2.Config{
		ClientID: "id", ClientSecret: secret, Endpoint: oauth2.Endpoint{TokenURL: issuerURL, AuthStyle: oauth2.AuthStyleInParams},
	}, auth.Static(secret), oauth.Options{Transport: http.DefaultTransport}))
	foreign := oauth.FromTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: secret, RefreshToken: secret}))
	for name, src := range map[string]auth.Source{
		"Static": auth.Static(secret), "Env": auth.Env("PRINTERS_API_KEY"), "Env's file": auth.Env("PRINTERS_FILE"), "File": auth.File(path),
		"FirstOf":                 auth.FirstOf(auth.Env("PRINTERS_UNSET"), auth.Static(secret)),
		"WithUsername":            auth.WithUsername("user", auth.Static(secret)),
		"oauth.ClientCredentials": granted, "oauth.RefreshToken": refreshed, "oauth.FromTokenSource": foreign,
	} {
		var l log
		cache := wanted(auth.NewCache(src, auth.CacheConfig{Hook: l.hook}))
		t.Cleanup(func() { cache.Close() })
		cred := wanted(cache.Credential(ctx))
		if !strings.Contains(cred.Secret.Reveal(), canary) {
			t.Fatalf("%s does not hold the canary", name)
		}
		if _, err := cache.Refresh(ctx, cred); err != nil { // so that it remembers a refusal
			t.Fatal(err)
		}
		tr := wanted(transport.New(transport.Config{Source: cache, Origins: []string{srv.URL}, Hook: l.hook}))
		for _, p := range []string{"/ok", "/refused"} {
			resp := wanted((&http.Client{Transport: tr}).Get(srv.URL + p))
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if e, ok := auth.FromResponse(resp); ok {
				all["diagnosis for "+name] = e
			}
		}
		cfg := reauth.Config{BaseURL: srv.URL, Source: src, Hook: l.hook}
		c := newClient(t, cfg)
		if err := c.Call(ctx, http.MethodGet, "/ok", nil, nil); err != nil {
			t.Fatal(err)
		}
		err := c.Get(ctx, "/refused", nil)
		e, ok := errors.AsType[*auth.Error](err)
		if !ok {
			t.Fatalf("%s: %v", name, err)
		}
		all["source "+name], all["cache of "+name], all["credential of "+name], all["status of "+name] = src, cache, cred, cache.Status()
		all["transport of "+name], all["Config of "+name], all["*Config of "+name] = tr, cfg, &cfg
		all["client of "+name], all["http.Client of "+name] = c, c.HTTPClient()
		all["a user's service with "+name] = struct{ api *reauth.Client }{c}
		all["error of "+name], all["*auth.Error of "+name], all["auth.Error of "+name] = err, e, *e
		all["what is beneath the error of "+name], all["page of "+name] = errors.Unwrap(e), e.Explain()
		all["StatusError for "+name] = c.Get(ctx, "/missing", nil)
		l.mu.Lock()
		all["events of "+name] = l.events
		l.mu.Unlock()
	}
	all["oauth.TokenSource"] = oauth.TokenSource(ctx, wanted(auth.NewCache(auth.Static(secret), auth.CacheConfig{})))

	// The default source, which finds the variable by the client's name.
	c := newClient(t, reauth.Config{Name: "printers", BaseURL: srv.URL, Transport: http.DefaultTransport})
	all["error of a named client"] = c.Get(ctx, "/refused", nil)
	all["named client"] = c

	// Other places than a Bearer header.
	for _, scheme := range []auth.Scheme{auth.Basic, auth.Token, auth.APIKeyHeader("X-Api-Key"), auth.APIKeyQuery("key")} {
		c := newClient(t, reauth.Config{BaseURL: srv.URL, Scheme: scheme, Source: auth.SourceFunc(func(context.Context) (*auth.Credential, error) {
			return &auth.Credential{Secret: s, Username: "user"}, nil
		})})
		all["error by "+scheme.Name()+" in "+scheme.Place().String()] = c.Get(ctx, "/refused", nil)
		all["client by "+scheme.Name()+" in "+scheme.Place().String()] = c
	}

	// An issuer that refuses and repeats, and values that cannot be sent.
	refusing := issuerURL + "?refuse"
	for name, src := range map[string]auth.Source{
		"ClientCredentials": wanted(oauth.ClientCredentials(&clientcredentials.Config{ClientID: "id", ClientSecret: secret, TokenURL: refusing}, oauth.Options{})),
		"RefreshToken":      wanted(oauth.RefreshToken(&oauth2.Config{ClientID: "id", Endpoint: oauth2.Endpoint{TokenURL: refusing}}, auth.Static(secret), oauth.Options{})),
		"FromTokenSource": oauth.FromTokenSource((&clientcredentials.Config{
			ClientID: "id", ClientSecret: secret, TokenURL: refusing, AuthStyle: oauth2.AuthStyleInParams,
		}).TokenSource(context.Background())),
		"a value in two lines": auth.Static(secret + "\n" + secret),
		"a doubled Bearer":     auth.Static("Bearer " + secret),
		"a source that panics": auth.SourceFunc(func(context.Context) (*auth.Credential, error) { panic(secret) }),
	} {
		c := newClient(t, reauth.Config{BaseURL: srv.URL, Source: src})
		err := c.Get(ctx, "/refused", nil)
		if err == nil {
			t.Fatalf("%s did not fail", name)
		}
		all["failure of "+name], all["client after the failure of "+name] = err, c
	}
	layers(t, all, srv.URL, path, secret)
	rings(t, all, srv.URL, secret)
	tests(t, all, secret)
	for what, v := range all {
		if v == nil || v == error(nil) {
			delete(all, what)
		}
	}
	return all
}

// layers adds the parts that programs stack themselves.
func layers(t *testing.T, all map[string]any, api, path, secret string) {
	var rec auth.Recorder
	ctx := auth.WithRecorder(context.Background(), &rec)
	cfg := transport.Config{Source: auth.Static(secret), Origins: []string{api}, Scheme: auth.APIKeyQuery("key")}
	tr := wanted(transport.New(cfg))
	t.Cleanup(func() { _ = tr.Close() })
	repeating := wanted(retry.New(tr, retry.Config{MinWait: time.Millisecond}))
	all["transport.Config"], all["transport.Strict"], all["retry.New"] = cfg, transport.Strict(repeating), repeating
	resp := wanted((&http.Client{Transport: repeating}).Do(wanted(http.NewRequestWithContext(ctx, http.MethodGet, api+"/refused?a=1", nil))))
	_ = resp.Body.Close()
	req := *resp.Request
	all["request of a refused response"], all["its URL"], all["its context"] = &req, req.URL, req.Context()
	all["Location that was cleaned"] = fmt.Sprint(resp.Header["Location"])
	all["Recorder"], all["last of the Recorder"] = &rec, rec.Last()
	_, err := (&http.Client{Transport: transport.Strict(tr)}).Get(api + "/refused")
	all["error of transport.Strict"] = err
	all["scrubbed text"] = transport.Scrub(resp, "you sent "+secret) + diagnose.Scrub("you sent "+secret, &auth.Credential{Secret: auth.NewSecret(secret)})
	all["oauth.Options"] = oauth.Options{ClientSecret: auth.Static(secret), ClientAssertion: auth.File(path)}

	calls := rpc.Config{Source: auth.Static(secret), Origins: []string{api}}
	creds := wanted(rpc.New(calls))
	t.Cleanup(func() { _ = creds.Close() })
	all["rpc.Config"], all["rpc.Credentials"] = calls, creds
	refusal := errors.New("unauthenticated")
	all["error of rpc.Credentials"] = creds.Do(ctx, func(err error) bool { return errors.Is(err, refusal) }, func(ctx context.Context) error {
		if md := wanted(creds.GetRequestMetadata(ctx, api+"/acme.Service")); !strings.Contains(fmt.Sprint(md), secret) {
			t.Fatalf("the RPC does not carry the canary: %v", md)
		}
		return refusal
	})
	_, err = creds.GetRequestMetadata(ctx, "https://elsewhere.example/acme.Service")
	all["error of rpc.Credentials elsewhere"] = err
	all["errors of configurations"] = errors.Join(
		second(transport.New(transport.Config{Origins: []string{"https://" + secret + ":" + secret + "@x.example/?" + secret}})),
		second(rpc.New(rpc.Config{Origins: []string{"https://x.example/" + secret}})),
		second(reauth.New(reauth.Config{BaseURL: "https://user:" + secret + "@x.example/?key=" + secret, Source: auth.Static(secret)})),
		second(oauth.ClientCredentials(&clientcredentials.Config{TokenURL: "http://x.example/?" + secret, ClientSecret: secret, EndpointParams: url.Values{"client_secret": {secret}}}, oauth.Options{})),
		transport.CheckOrigin("https://user:"+secret+"@x.example/"+secret),
	)
}

// second is the error of what was not to succeed.
func second[T any](_ T, err error) error { return err }

// rings adds what a keyring gives. There is one keyring in a process, so none of
// these tests may run beside another.
func rings(t *testing.T, all map[string]any, api, secret string) {
	ring := authtest.NewKeyring(authtest.KeyringConfig{})
	defer ring.Close()
	ring.Put("printers", "default", secret)
	entry := wanted(keyring.New(keyring.Config{Service: "printers", Timeout: 300 * time.Millisecond}))
	cred := wanted(entry.Credential(t.Context()))
	if cred.Secret.Reveal() != secret {
		t.Fatal("the keyring does not hold the canary")
	}
	named := newClient(t, reauth.Config{Name: "printers", BaseURL: api, Transport: http.DefaultTransport})
	all["error of a client with a keyring"] = named.Get(t.Context(), "/refused", nil)
	all["keyring.Entry"], all["keyring.Entry, by value"], all["credential of a keyring"], all["client with a keyring"] = entry, *entry, cred, named
	for name, state := range map[string]authtest.KeyringState{
		"locked": authtest.KeyringLocked, "absent": authtest.KeyringAbsent, "denied": authtest.KeyringDenied,
		"mute": authtest.KeyringMute, "forgetful": authtest.KeyringForgetful,
	} {
		ring.Set(func(c *authtest.KeyringConfig) { c.State = state })
		_, err := entry.Credential(t.Context())
		all["error of a "+name+" keyring"] = errors.Join(err, entry.Set(t.Context(), auth.NewSecret(secret+"-2")), entry.Delete(t.Context()))
	}
	ring.Set(func(c *authtest.KeyringConfig) { c.State, c.Limit = authtest.KeyringOpen, 10 })
	all["error of a small keyring"] = errors.Join(entry.Set(t.Context(), auth.NewSecret(secret)), entry.Set(t.Context(), auth.NewSecret(secret+"\x00")))
	ring.Put("printers", "default", secret+"\xff\xfe")
	_, err := entry.Credential(t.Context())
	all["error of a keyring with another value"] = err
	all["transcript of a keyring"] = ring.Transcript()
}

// tests adds what package authtest reports, which comes into the log of a test
// that fails.
func tests(t *testing.T, all map[string]any, secret string) {
	srv := authtest.NewServer(authtest.Config{
		Keys: []authtest.Key{{Value: secret}, {Query: "key", Value: secret}, {Username: "user", Value: secret}}, ClientSecret: secret,
	})
	defer srv.Close()
	for _, address := range []string{srv.API.URL + "/v1/me?key=" + secret, srv.Issuer.TokenURL + "?key=" + secret, srv.Trap.URL + "/" + secret + "?key=" + secret} {
		for _, authorization := range []string{"Bearer " + secret, "", "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+secret))} {
			req := wanted(http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader("grant_type=client_credentials&client_secret="+secret)))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Authorization", authorization)
			_ = wanted(srv.Transport().RoundTrip(req)).Body.Close()
		}
	}
	all["transcript of authtest"], all["counts of authtest"], all["total of authtest"] = srv.Transcript(), srv.API.Counts(), srv.API.Total()
	all["requests of authtest"] = slices.Concat(srv.API.Requests(), srv.Issuer.Requests(), srv.Trap.Requests())
	all["leaks of authtest"], all["stats of authtest"] = srv.Trap.Leaks(), srv.Issuer.Stats()
	if len(srv.Trap.Leaks()) == 0 {
		t.Error("the trap saw nothing")
	}
}

// wanted is for what cannot fail.
func wanted[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
