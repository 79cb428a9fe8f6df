// Metrics draws counters and gauges from a client, with expvar alone. It plays
// the case that they are for: renewals fail while the token is still valid, so
// that nobody notices but whoever looks here.
//
//	go run ./examples/metrics
//
// It takes as long as a token lives, four seconds.
package main

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"io"
	"log"
	"math"
	"os"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/oauth"
)

// Metrics are what is drawn from one client. With another monitoring system
// only the types differ. The zero value is ready.
type metrics struct {
	events expvar.Map // how often something happened, by its kind
	causes expvar.Map // how often a request failed for good, by the cause
}

// Hook counts. It is called inline by whatever happens, so it does no more.
func (m *metrics) hook(_ context.Context, e auth.Event) {
	m.events.Add(string(e.Kind), 1)
	if why, ok := errors.AsType[*auth.Error](e.Err); ok && e.Kind == auth.EventRefused {
		m.causes.Add(string(why.Cause), 1)
	}
}

// Of returns the metrics of a client as one variable. The gauges ask the client
// when somebody reads them: what has mended itself is seen there first.
func (m *metrics) of(client *reauth.Client) expvar.Var {
	status := func(value func(auth.Status) any) expvar.Func {
		return func() any { return value(client.Status(context.Background())) }
	}
	all := new(expvar.Map)
	all.Set("events", &m.events)
	all.Set("refused", &m.causes)
	all.Set("failures", status(func(s auth.Status) any { return s.Failures }))
	all.Set("seconds_to_expiry", status(func(s auth.Status) any {
		if s.Expiry.IsZero() {
			return nil // no credential yet, or one that does not say when it ends
		}
		return math.Round(time.Until(s.Expiry).Seconds()*10) / 10
	}))
	return all
}

func main() {
	// A program that serves HTTP on the default mux shows it at /debug/vars.
	publish := func(v expvar.Var) { expvar.Publish("acme_auth", v) }
	if err := run(context.Background(), os.Stdout, publish); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, publish func(expvar.Var)) error {
	srv := authtest.NewServer(authtest.Config{InMemory: true, Lifetime: 4 * time.Second})
	defer srv.Close()
	source, err := oauth.ClientCredentials(&clientcredentials.Config{
		ClientID: "test-client", ClientSecret: "test-client-secret", TokenURL: srv.Issuer.TokenURL,
	}, oauth.Options{Transport: srv.Transport()})
	if err != nil {
		return err
	}
	var m metrics
	client, err := reauth.New(reauth.Config{BaseURL: srv.API.URL, Source: source, Transport: srv.Transport(), Hook: m.hook})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	vars := m.of(client)
	publish(vars)

	call := func() error { return client.Get(ctx, "/v1/me", nil) }
	// Traffic until something has happened. Idle clients do nothing, renew nothing
	// and fail at nothing.
	until := func(kind auth.EventKind) {
		for m.events.Get(string(kind)) == nil {
			_ = call() // how often that fails is what the metrics are to tell
			time.Sleep(50 * time.Millisecond)
		}
	}
	for _, chapter := range []struct {
		what string
		play func()
	}{
		{"a token is found", func() { _ = call() }},
		{"renewals fail, and requests still succeed: the time for an alert", func() {
			srv.Issuer.FailNext(math.MaxInt, authtest.InvalidClient)
			until(auth.EventRenewFailed)
		}},
		{"the issuer accepts the client again", func() {
			srv.Issuer.FailNext(0, nil)
			srv.Set(func(now *authtest.Config) { now.Lifetime = time.Hour })
			until(auth.EventRenewed)
			_ = call() // with the new token
		}},
		{"the token is revoked, and one repeat heals it", func() { srv.Issuer.RevokeAccess(); _ = call() }},
		{"a request wants more than the token may do", func() { srv.API.RefuseNext(1, authtest.InsufficientScope); _ = call() }},
	} {
		chapter.play()
		if _, err := fmt.Fprintf(out, "%s\n  %s\n", chapter.what, vars); err != nil {
			return err
		}
	}
	return nil
}
