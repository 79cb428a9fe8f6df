package authtest_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth/authtest"
)

func TestAPIAcceptsKeys(t *testing.T) {
	keys := []authtest.Key{
		{Value: "bearer-value"},
		{Label: "ops", Header: "x-api-key", Value: "header-value"},
		{Query: "key", Value: "query/value"},
		{Label: "alice", Username: "alice", Value: "p:ss"},
		{Header: "Authorization", Value: "token whole-value"},
	}
	pair := func(s string) string { return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := []struct {
		name, header, query string
		status              int
		credential, place   string
	}{
		{"bearer", bearer("bearer-value"), "", 200, "key 1", "header Authorization"},
		{"bearer, lower case", "Authorization: bearer bearer-value", "", 200, "key 1", "header Authorization"},
		{"header", "X-Api-Key: header-value", "", 200, "ops", "header X-Api-Key"},
		{"query", "", "?a=1&key=query%2Fvalue&z", 200, "key 2", "query key"},
		{"basic", pair("alice:p:ss"), "", 200, "alice", "header Authorization"},
		{"whole header", "Authorization: token whole-value", "", 200, "key 3", "header Authorization"},
		{"none", "", "", 401, "", ""},
		{"unknown", bearer("other"), "", 401, "unknown", "header Authorization"},
		{"wrong user", pair("bob:p:ss"), "", 401, "unknown", "header Authorization"},
		{"wrong place", "X-Api-Key: bearer-value", "", 401, "key 1", "header X-Api-Key"},
		{"authorization comes first", bearer("other"), "?key=query%2Fvalue", 401, "unknown", "header Authorization"},
	}
	everyway(t, authtest.Config{Keys: keys}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		for i, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				wantStatus(t, get(t, client, srv.API.URL+"/v1/me"+test.query, test.header), test.status)
				got := srv.API.Requests()[i]
				wantEqual(t, "credential", got.Credential, test.credential)
				wantEqual(t, "place", got.Place, test.place)
				wantEqual(t, "recorded status", got.Status, test.status)
				for _, key := range keys {
					if strings.Contains(fmt.Sprintf("%#v", got), key.Value) {
						t.Errorf("the record shows the key: %#v", got)
					}
				}
			})
		}
		wantEqual(t, "total", srv.API.Total(), authtest.Count{Requests: 11, Accepted: 6, Refused: 5})
		wantEqual(t, "ops", srv.API.Counts()["ops"], authtest.Count{Requests: 1, Accepted: 1})
		wantEqual(t, "unknown", srv.API.Counts()["unknown"], authtest.Count{Requests: 3, Refused: 3})
		wantEqual(t, "masked query", srv.API.Requests()[3].RawQuery, "a=1&key=[key 2]&z")
		wantEqual(t, "masked header", srv.API.Requests()[7].Header.Get("Authorization"), "Bearer [unknown]")
	})
}

func TestAPIKeyIsReplaced(t *testing.T) {
	everyway(t, authtest.Config{Keys: []authtest.Key{{Value: "old-value"}}}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		wantStatus(t, get(t, client, srv.API.URL, bearer("old-value")), 200)
		srv.Set(func(c *authtest.Config) { c.Keys = []authtest.Key{{Value: "new-value"}} })
		wantStatus(t, get(t, client, srv.API.URL, bearer("old-value")), 401)
		wantStatus(t, get(t, client, srv.API.URL, bearer("new-value")), 200)
		wantEqual(t, "key 1", srv.API.Counts()["key 1"], authtest.Count{Requests: 2, Accepted: 1, Refused: 1})
		wantEqual(t, "key 2", srv.API.Counts()["key 2"], authtest.Count{Requests: 1, Accepted: 1})
	})
}

func TestAPITokensEnd(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		tests := []struct {
			name   string
			end    func() (token string)
			reason string
		}{
			{"expired", func() string { d := srv.Issuer.Login().Access; srv.Issuer.ExpireAccess(); return d }, "the token expired"},
			{"revoked", func() string { d := srv.Issuer.Login().Access; srv.Issuer.RevokeAccess(); return d }, "the token was revoked"},
			{"early", func() string {
				srv.Set(func(c *authtest.Config) { c.EndsEarly = c.Lifetime })
				return srv.Issuer.Login().Access
			}, "the token expired"},
			{"of another server", func() string { return "test-access-000001-zzzz" }, "the token is not known"},
			{"refresh token", func() string { return srv.Issuer.Login().Refresh }, "the token is not known"},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				got := get(t, client, srv.API.URL, bearer(test.end()))
				wantStatus(t, got, 401)
				want := `Bearer realm="authtest", error="invalid_token", error_description="` + test.reason + `"`
				wantEqual(t, "challenge", got.Header.Get("WWW-Authenticate"), want)
			})
		}
		wantEqual(t, "no credential", get(t, client, srv.API.URL, "").Header.Get("WWW-Authenticate"), `Bearer realm="authtest"`)
	})
}

func TestAPIEcho(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		token := srv.Issuer.Login().Access
		body := strings.Repeat("a body of some length ", 10_000)
		sum := sha256.Sum256([]byte(body))
		got := send(t, client, http.MethodPut, srv.API.URL+"/echo", bearer(token), body)
		wantStatus(t, got, 200)
		wantEqual(t, "echo", got.body == body, true)
		record := srv.API.Requests()[0]
		wantEqual(t, "method", record.Method, http.MethodPut)
		wantEqual(t, "host", srv.API.URL[strings.LastIndex(srv.API.URL, "/")+1:], record.Host)
		wantEqual(t, "length", record.Length, int64(len(body)))
		wantEqual(t, "hash", record.SHA256, hex.EncodeToString(sum[:]))
		wantEqual(t, "header", record.Header.Get("Authorization"), "Bearer [access 1]")
		wantStatus(t, send(t, client, http.MethodPost, srv.API.URL+"/echo", bearer(token), strings.Repeat("x", 1<<20+1)), 413)
	})
}

func TestAPIHandler(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		srv.Set(func(c *authtest.Config) {
			c.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
			c.Refusal = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(499) })
		})
		wantStatus(t, get(t, client, srv.API.URL, bearer(srv.Issuer.Login().Access)), http.StatusTeapot)
		wantStatus(t, get(t, client, srv.API.URL, ""), 499)
	})
}

func TestAPIRefuseNext(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		token := srv.Issuer.Login().Access
		status := func() int { return get(t, client, srv.API.URL, bearer(token)).StatusCode }
		srv.API.RefuseNext(2, authtest.InsufficientScope)
		wantEqual(t, "first", status(), 403)
		wantEqual(t, "second", status(), 403)
		wantEqual(t, "third", status(), 200)
		srv.API.RefuseNext(math.MaxInt, nil)
		wantEqual(t, "for good", status(), 401)
		srv.API.RefuseNext(0, nil)
		wantEqual(t, "healed", status(), 200)
		wantEqual(t, "total", srv.API.Total(), authtest.Count{Requests: 5, Accepted: 2, Refused: 3})
	})
}

func TestAPICountsAreExact(t *testing.T) {
	const clients, each = 200, 5
	everyway(t, authtest.Config{Keys: []authtest.Key{{Value: "a-key"}}}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		if transport, ok := client.Transport.(*http.Transport); ok {
			transport.MaxConnsPerHost = 20 // handshakes are slow under the race detector
		}
		tokens := [4]string{srv.Issuer.Login().Access, srv.Issuer.Login().Access, "a-key", "wrong"}
		var wg sync.WaitGroup
		for n := range clients {
			wg.Go(func() {
				for range each {
					req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.API.URL+"/v1/me", nil)
					req.Header.Set("Authorization", "Bearer "+tokens[n%len(tokens)])
					resp, err := client.Do(req)
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			})
		}
		wg.Wait()
		quarter := clients * each / len(tokens)
		wantEqual(t, "total", srv.API.Total(), authtest.Count{Requests: 4 * quarter, Accepted: 3 * quarter, Refused: quarter})
		for _, label := range []string{"access 1", "access 2", "key 1"} {
			wantEqual(t, label, srv.API.Counts()[label], authtest.Count{Requests: quarter, Accepted: quarter})
		}
		wantEqual(t, "unknown", srv.API.Counts()["unknown"], authtest.Count{Requests: quarter, Refused: quarter})
		wantEqual(t, "records", len(srv.API.Requests()), 4*quarter)
	})
}

// Records are bounded, counts are not.
func TestAPIRecordsAreBounded(t *testing.T) {
	const n, kept = 10_010, 10_000
	srv := authtest.NewServer(authtest.Config{InMemory: true})
	defer srv.Close()
	client := &http.Client{Transport: srv.Transport()}
	for i := range n {
		get(t, client, fmt.Sprintf("%s/%d", srv.API.URL, i), "")
	}
	requests := srv.API.Requests()
	wantEqual(t, "records", len(requests), kept)
	wantEqual(t, "oldest", requests[0].Path, fmt.Sprintf("/%d", n-kept))
	wantEqual(t, "newest", requests[kept-1].Path, fmt.Sprintf("/%d", n-1))
	wantEqual(t, "total", srv.API.Total().Requests, n)
}

// Many requests in flight with one token, which ends before any is judged.
func TestHoldRefusesTogether(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		n := 200
		if strings.HasPrefix(srv.API.URL, "https") {
			n = 20 // handshakes are slow under the race detector
		}
		token := srv.Issuer.Login().Access
		hold := srv.API.Hold(n)
		statuses := inFlight(t, client, srv.API.URL, token, n)
		if err := hold.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		srv.Issuer.ExpireAccess()
		hold.ReleaseAll()
		for range n {
			wantEqual(t, "status", <-statuses, 401)
		}
		wantStatus(t, get(t, client, srv.API.URL, bearer(srv.Issuer.Login().Access)), 200)
	})
}

// Refusals of an old token trickle in one by one, after a new one is in use.
func TestHoldReleasesOneByOne(t *testing.T) {
	const n = 10
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		hold := srv.API.Hold(n)
		statuses := inFlight(t, client, srv.API.URL, srv.Issuer.Login().Access, n)
		if err := hold.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		srv.Issuer.RevokeAccess()
		fresh := srv.Issuer.Login().Access
		for i := range n {
			wantStatus(t, get(t, client, srv.API.URL, bearer(fresh)), 200)
			wantEqual(t, "refused so far", srv.API.Total().Refused, i)
			hold.Release(1)
			wantEqual(t, "status", <-statuses, 401)
		}
		hold.Release(1) // nobody is left: no harm
	})
}

func TestHoldsFillInOrder(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		token := srv.Issuer.Login().Access
		first, second := srv.API.Hold(1), srv.API.Hold(1)
		one := inFlight(t, client, srv.API.URL, token, 1)
		_ = first.Wait(t.Context())
		two := inFlight(t, client, srv.API.URL, token, 1)
		_ = second.Wait(t.Context())
		second.Release(1)
		wantEqual(t, "second", <-two, 200)
		first.Release(1)
		wantEqual(t, "first", <-one, 200)
		wantEqual(t, "not held", get(t, client, srv.API.URL, bearer(token)).StatusCode, 200)
	})
}

func TestHoldWaitEnds(t *testing.T) {
	srv := authtest.NewServer(authtest.Config{InMemory: true})
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := srv.API.Hold(1).Wait(ctx); err != context.Canceled {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// A client that leaves is not released in the place of another.
func TestHoldForgetsClientsThatLeft(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		token := srv.Issuer.Login().Access
		hold := srv.API.Hold(2)
		ctx, cancel := context.WithCancel(t.Context())
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, srv.API.URL, nil)
		left := make(chan error, 1)
		go func() {
			_, err := client.Do(req)
			left <- err
		}()
		for srv.API.Total().Requests == 0 {
			time.Sleep(time.Millisecond) // the order of the two is what matters
		}
		stays := inFlight(t, client, srv.API.URL, token, 1)
		_ = hold.Wait(t.Context())
		cancel()
		if err := <-left; err == nil {
			t.Error("the client that cancelled got an answer")
		}
		// The server may notice later that a client has gone.
		for done := false; !done; {
			hold.Release(1)
			select {
			case status := <-stays:
				wantEqual(t, "status", status, 200)
				done = true
			default:
			}
		}
	})
}

// inFlight starts n requests and returns where their statuses come.
func inFlight(t *testing.T, client *http.Client, url, token string, n int) <-chan int {
	t.Helper()
	statuses := make(chan int, n)
	for range n {
		go func() {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
			req.Header.Set("Authorization", "Bearer "+token)
			resp, err := client.Do(req)
			if err != nil {
				t.Error(err)
				statuses <- 0
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			statuses <- resp.StatusCode
		}()
	}
	return statuses
}

func TestClockOffset(t *testing.T) {
	everyway(t, authtest.Config{ClockOffset: -time.Hour}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		for _, url := range []string{srv.API.URL, srv.Issuer.TokenURL} {
			date, err := http.ParseTime(get(t, client, url, "").Header.Get("Date"))
			if err != nil {
				t.Fatal(err)
			}
			if off := time.Since(date); off < time.Hour-time.Minute || off > time.Hour+time.Minute {
				t.Errorf("%s is %v behind, want an hour", url, off)
			}
		}
	})
}

// Close ends what is held, and says so to the clients.
func TestCloseReleasesAll(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		hold := srv.API.Hold(3)
		done := make(chan error, 4)
		for range 3 {
			go func() {
				_, err := client.Get(srv.API.URL)
				done <- err
			}()
		}
		if err := hold.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		// One whose body never ends, and whose answer is waiting for that.
		body, writer := io.Pipe()
		go func() {
			_, err := client.Post(srv.API.URL, "text/plain", body)
			done <- err
		}()
		if _, err := io.WriteString(writer, "a beginning"); err != nil {
			t.Fatal(err)
		}
		srv.Close()
		writer.Close() // net/http's client waits for its body even if the connection is gone
		for range 4 {
			if err := <-done; err == nil {
				t.Error("a request that was never answered succeeded")
			}
		}
		srv.Close() // twice is harmless
	})
}
