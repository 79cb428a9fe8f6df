package authtest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/oauth"
)

// scenarios are those of the package comment, each with the client that this
// module makes, in a bubble: what the table says of a healthy client holds.
var scenarios = map[string]func(*testing.T){
	"expire": func(t *testing.T) {
		srv := start(t, authtest.Config{Lifetime: time.Minute})
		client := service(t, srv)
		wantMe(t, client, nil)
		time.Sleep(2 * time.Minute)
		wantMe(t, client, nil)
		srv.Issuer.ExpireAccess()
		wantMe(t, client, nil)
		wantTranscript(t, srv, `
			API    GET /v1/me with access 2: 200
			API    GET /v1/me with access 2: 401
			issuer POST /token, client_credentials: 200
			API    GET /v1/me with access 3: 200`)
	},
	"herd": func(t *testing.T) {
		const n = 100
		srv := start(t, authtest.Config{})
		client := service(t, srv)
		wantMe(t, client, nil)
		hold := srv.API.Hold(n)
		var herd sync.WaitGroup
		for range n {
			herd.Go(func() { wantMe(t, client, nil) })
		}
		if err := hold.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		srv.Issuer.ExpireAccess()
		hold.ReleaseAll()
		herd.Wait()
		wantEqual(t, "exchanges", srv.Issuer.Stats().Exchanges["client_credentials"], 2)
		wantEqual(t, "access 1", srv.API.Counts()["access 1"], authtest.Count{Requests: n + 1, Accepted: 1, Refused: n})
		wantEqual(t, "access 2", srv.API.Counts()["access 2"], authtest.Count{Requests: n, Accepted: n})
	},
	"revoke one": func(t *testing.T) {
		srv := start(t, authtest.Config{})
		one, two := service(t, srv), service(t, srv)
		wantMe(t, one, nil)
		wantMe(t, two, nil)
		srv.Issuer.Revoke("access 1")
		wantMe(t, one, nil)
		wantMe(t, two, nil)
		wantTranscript(t, srv, `
			API    GET /v1/me with access 1: 401
			issuer POST /token, client_credentials: 200
			API    GET /v1/me with access 3: 200
			API    GET /v1/me with access 2: 200`)
	},
	"revoke all": func(t *testing.T) {
		srv := start(t, authtest.Config{})
		client := session(t, srv, srv.Issuer.Login())
		wantMe(t, client, nil)
		srv.Issuer.RevokeAccess()
		srv.Issuer.RevokeRefresh()
		for range 10 {
			wantMe(t, client, auth.RefreshRejected)
		}
		wantEqual(t, "exchanges", srv.Issuer.Stats().Exchanges["refresh_token"], 2)
	},
	"dead key": func(t *testing.T) {
		srv := start(t, authtest.Config{Keys: []authtest.Key{{Value: "test-key-1"}}})
		client := keyed(t, srv, "test-key-1")
		wantMe(t, client, nil)
		srv.Set(func(c *authtest.Config) { c.Keys = []authtest.Key{{Value: "test-key-2"}} })
		if e := wantRefusal(t, client); e.Sent == nil {
			t.Error("nothing was sent")
		}
		wantTranscript(t, srv, `
			API    GET /v1/me with key 1: 200
			API    GET /v1/me with key 1: 401`)
	},
	"rotate": func(t *testing.T) {
		srv := start(t, authtest.Config{Lifetime: time.Minute, Rotation: authtest.RevokeOnReuse})
		client := session(t, srv, srv.Issuer.Login())
		for range 5 {
			wantMe(t, client, nil)
			time.Sleep(2 * time.Minute)
		}
		wantMe(t, client, nil)
		wantEqual(t, "reused", srv.Issuer.Stats().Reused, 0)
		wantEqual(t, "exchanges", srv.Issuer.Stats().Granted["refresh_token"] >= 6, true)
	},
	"stolen token": func(t *testing.T) {
		srv := start(t, authtest.Config{})
		stolen := srv.Issuer.Login()
		owner, thief := session(t, srv, stolen), session(t, srv, stolen)
		wantMe(t, owner, nil)
		wantMe(t, thief, auth.RefreshRejected)
		wantMe(t, owner, auth.RefreshRejected) // RFC 9700 section 4.14.2: nobody keeps what both had
		wantEqual(t, "reused", srv.Issuer.Stats().Reused, 1)
		wantEqual(t, "exchanges", srv.Issuer.Stats().Exchanges["refresh_token"], 3)
	},
	"lost reply": func(t *testing.T) {
		srv := start(t, authtest.Config{})
		client := session(t, srv, srv.Issuer.Login())
		srv.Issuer.FailNext(1, authtest.LostReply)
		wantRefusal(t, client)
		wantEqual(t, "granted", srv.Issuer.Stats().Granted["refresh_token"], 1)
		wantEqual(t, "reused", srv.Issuer.Stats().Reused, 0)

		other := service(t, srv)
		wantMe(t, other, nil)
		srv.API.FailNext(1, authtest.LostReply)
		before := srv.API.Total()
		if err := other.Call(t.Context(), http.MethodPost, "/v1/orders", map[string]int{"pieces": 1}, nil); err == nil {
			t.Error("the call succeeded, its answer was lost")
		}
		wantEqual(t, "orders", srv.API.Total(), authtest.Count{Requests: before.Requests + 1, Accepted: before.Accepted + 1})
	},
	"outage": func(t *testing.T) {
		for _, fault := range []authtest.Fault{authtest.InternalError, authtest.Unavailable, authtest.Maintenance, authtest.TooManyRequests} {
			srv := start(t, authtest.Config{Lifetime: 2 * time.Hour})
			client := service(t, srv)
			wantMe(t, client, nil)
			time.Sleep(100 * time.Minute)
			srv.Issuer.FailFor(19*time.Minute, fault)
			for range 19 * 60 {
				wantMe(t, client, nil)
				time.Sleep(time.Second)
			}
			asked := srv.Issuer.Stats().Exchanges["client_credentials"] - 1
			if asked > 19*12 { // L5
				t.Errorf("%s: the issuer was asked %d times in 19 minutes", fault, asked)
			}
			time.Sleep(time.Hour)
			wantMe(t, client, nil)
		}
	},
	"API outage": func(t *testing.T) {
		for _, fault := range []authtest.Fault{authtest.InternalError, authtest.Unavailable, authtest.Maintenance, authtest.TooManyRequests} {
			srv := start(t, authtest.Config{})
			client := service(t, srv)
			wantMe(t, client, nil)
			srv.API.FailFor(time.Hour, fault)
			err := me(t, client)
			if _, ok := errors.AsType[*auth.Error](err); ok || err == nil {
				t.Errorf("%s: got %v, want an error that is no refusal", fault, err)
			}
			time.Sleep(time.Hour)
			srv.API.FailFor(0, nil)
			wantEqual(t, "exchanges", srv.Issuer.Stats().Minted, 1)
		}
	},
	"stall": func(t *testing.T) {
		srv := start(t, authtest.Config{})
		client := service(t, srv)
		srv.Issuer.FailNext(math.MaxInt, authtest.Hang)
		began := time.Now()
		wantRefusal(t, client)
		if took := time.Since(began); took > 5*time.Minute {
			t.Errorf("gave up after %v", took)
		}
		srv.Issuer.FailNext(0, nil)
		srv.API.FailNext(1, authtest.Hang)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		time.Sleep(5 * time.Minute)
		if err := client.Get(ctx, "/v1/me", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want DeadlineExceeded", err)
		}
	},
	"slow": func(t *testing.T) {
		const late = 3 * time.Second
		srv := start(t, authtest.Config{})
		client := service(t, srv)
		srv.Issuer.FailNext(1, authtest.Late(late))
		srv.API.FailNext(1, authtest.Late(late))
		began := time.Now()
		wantMe(t, client, nil)
		wantEqual(t, "took", time.Since(began), 2*late)
		wantTranscript(t, srv, `
			issuer POST /token, client_credentials: 200
			API    GET /v1/me with access 1: 200`)
	},
	"spoiled answer": func(t *testing.T) {
		for _, fault := range []authtest.Fault{authtest.StallReply, authtest.CutReply, authtest.HalfReply} {
			srv := start(t, authtest.Config{})
			client := session(t, srv, srv.Issuer.Login())
			srv.Issuer.FailNext(1, fault)
			e := wantRefusal(t, client)
			if e.Cause == auth.InvalidCredential || e.Cause == auth.RefreshRejected {
				t.Errorf("%s: %v", fault, e)
			}
			wantEqual(t, "reused", srv.Issuer.Stats().Reused, 0)
		}
		srv := start(t, authtest.Config{})
		srv.Issuer.FailNext(1, authtest.TrickleReply)
		wantMe(t, service(t, srv), nil)
	},
	"slow body": func(t *testing.T) {
		for _, refusal := range []authtest.Refusal{authtest.TrickleBody, authtest.StallBody, authtest.HugeBody} {
			srv := start(t, authtest.Config{Keys: []authtest.Key{{Value: "test-key"}}})
			client := keyed(t, srv, "test-key")
			srv.API.RefuseNext(1, refusal)
			began := time.Now()
			wantRefusal(t, client)
			if took := time.Since(began); took > time.Minute {
				t.Errorf("%s: took %v", refusal, took)
			}
		}
	},
	"storm": func(t *testing.T) {
		const n = 100
		srv := start(t, authtest.Config{})
		client := service(t, srv)
		wantMe(t, client, nil)
		srv.API.RefuseNext(math.MaxInt, nil)
		var storm sync.WaitGroup
		for range n {
			storm.Go(func() { wantRefusal(t, client) })
		}
		storm.Wait()
		if got := srv.API.Total().Requests; got > 1+2*n { // L1
			t.Errorf("%d requests for %d calls", got, n)
		}
		if got := srv.Issuer.Stats().Minted; got > 13 { // L5
			t.Errorf("%d exchanges", got)
		}
		srv.API.RefuseNext(0, nil)
		wantMe(t, client, nil)
	},
	"skew": func(t *testing.T) {
		srv := start(t, authtest.Config{ClockOffset: 30 * time.Minute, JWT: true, Lifetime: time.Hour})
		client := keyed(t, srv, srv.Issuer.Login().Access) // that knows its exp only
		for range 5 {
			wantMe(t, client, nil)
			time.Sleep(time.Second)
		}
		time.Sleep(time.Hour) // over by the servers' clock, for half an hour to come not by ours
		wantMe(t, client, auth.ClockSkew)
	},
	"redirect trap": func(t *testing.T) {
		srv := start(t, authtest.Config{Keys: []authtest.Key{{Header: "X-Api-Key", Value: "test-key"}, {Query: "key", Value: "test-key-2"}}})
		for _, client := range []*reauth.Client{
			newClient(t, srv, auth.Static("test-key"), auth.APIKeyHeader("X-Api-Key")),
			newClient(t, srv, auth.Static("test-key-2"), auth.APIKeyQuery("key")), // which comes back in the Location
		} {
			for _, fault := range []authtest.Fault{authtest.RedirectToTrap, authtest.RedirectToPort} {
				srv.API.FailNext(1, fault)
				_ = client.Get(t.Context(), "/v1/me", nil)
			}
			_ = client.Get(t.Context(), srv.API.RedirectURL(http.StatusFound, srv.Trap.URL), nil)
		}
		srv.Issuer.FailNext(1, authtest.RedirectToTrap)
		wantRefusal(t, service(t, srv))
		for _, leak := range srv.Trap.Leaks() {
			t.Error(leak)
		}
		wantEqual(t, "sprung", len(srv.Trap.Requests()), 6)
	},
	"disguise": func(t *testing.T) {
		for _, refusal := range []authtest.Refusal{
			authtest.ErrorIn200, authtest.DeniedIn200, authtest.LoginPageIn200, authtest.LoginRedirect, authtest.HiddenIn404, authtest.KeyIn403,
		} {
			srv := start(t, authtest.Config{})
			client := service(t, srv)
			wantMe(t, client, nil)
			srv.API.RefuseNext(1, refusal)
			_ = me(t, client) // whether it is an error depends on what the client knows of the API
			wantMe(t, client, nil)
			wantEqual(t, string(refusal)+": minted", srv.Issuer.Stats().Minted, 1)
		}
	},
	"echo": func(t *testing.T) {
		srv := start(t, authtest.Config{Keys: []authtest.Key{{Value: "test-key-of-many-characters"}}})
		srv.API.RefuseNext(1, authtest.EchoCredential)
		srv.Issuer.FailNext(1, authtest.EchoRequest)
		for _, e := range []*auth.Error{
			wantRefusal(t, keyed(t, srv, "test-key-of-many-characters")),
			wantRefusal(t, service(t, srv)),
		} {
			text := fmt.Sprintf("%v\n%+v\n%s", e, *e, e.Explain())
			for _, secret := range []string{"test-key-of-many-characters", "test-client-secret"} {
				if strings.Contains(text, secret) {
					t.Errorf("the error shows a secret: %s", text)
				}
			}
		}
	},
}

// TestScenarios plays the table of the package comment, row by row.
func TestScenarios(t *testing.T) {
	for name, play := range scenarios {
		t.Run(name, func(t *testing.T) { synctest.Test(t, play) })
	}
	var played []string
	for name := range scenarios {
		played = append(played, name)
	}
	slices.Sort(played)
	wantEqual(t, "documented", strings.Join(documented(t), ", "), strings.Join(played, ", "))
}

// documented returns the names in the first column of the table.
func documented(t *testing.T) (names []string) {
	t.Helper()
	source, err := os.ReadFile("authtest.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rows, found := strings.Cut(string(source), "//\t--------")
	rows, _, ends := strings.Cut(rows, "\n//\n")
	if !found || !ends {
		t.Fatal("no table")
	}
	for _, row := range strings.Split(rows, "\n//\t")[1:] {
		if name := strings.TrimSpace(row[:15]); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func start(t *testing.T, c authtest.Config) *authtest.Server {
	t.Helper()
	c.InMemory = true
	return authtest.Start(t, c)
}

// service is a program that logs in by itself.
func service(t *testing.T, srv *authtest.Server) *reauth.Client {
	t.Helper()
	acme, err := NewAcme(srv.API.URL, srv.Issuer.TokenURL, srv.Transport())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(acme.Close)
	return acme.client
}

// session is a program that a user has logged in.
func session(t *testing.T, srv *authtest.Server, login authtest.Token) *reauth.Client {
	t.Helper()
	src, err := oauth.RefreshToken(&oauth2.Config{
		ClientID: "test-client", ClientSecret: "test-client-secret", Endpoint: oauth2.Endpoint{TokenURL: srv.Issuer.TokenURL},
	}, auth.Static(login.Refresh), oauth.Options{Transport: srv.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, srv, src, nil)
}

// keyed is a program that was given a key.
func keyed(t *testing.T, srv *authtest.Server, key string) *reauth.Client {
	t.Helper()
	return newClient(t, srv, auth.Static(key), nil)
}

func newClient(t *testing.T, srv *authtest.Server, src auth.Source, scheme auth.Scheme) *reauth.Client {
	t.Helper()
	client, err := reauth.New(reauth.Config{BaseURL: srv.API.URL, Source: src, Scheme: scheme, Transport: srv.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func me(t *testing.T, client *reauth.Client) error {
	t.Helper()
	var me struct{ Login string }
	return client.Get(t.Context(), "/v1/me", &me)
}

// wantMe makes a call that should end with the given cause, or well if it is nil.
func wantMe(t *testing.T, client *reauth.Client, want error) {
	t.Helper()
	if err := me(t, client); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

// wantRefusal makes a call that should end with a diagnosis.
func wantRefusal(t *testing.T, client *reauth.Client) *auth.Error {
	t.Helper()
	err := me(t, client)
	e, ok := errors.AsType[*auth.Error](err)
	if !ok {
		t.Errorf("got %v, want an *auth.Error", err)
		return &auth.Error{}
	}
	return e
}

// wantTranscript wants these to be the last lines, indented or not.
func wantTranscript(t *testing.T, srv *authtest.Server, want string) {
	t.Helper()
	want = strings.TrimSpace(strings.ReplaceAll(want, "\t", "")) + "\n"
	if got := srv.Transcript(); !strings.HasSuffix("\n"+got, "\n"+want) {
		t.Errorf("transcript:\n%s\nwant at its end:\n%s", got, want)
	}
}
