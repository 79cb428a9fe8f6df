package authtest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth/authtest"
)

// The faults that end in Reply have done what was asked.
func TestRepliesAreSpoiled(t *testing.T) {
	tests := map[authtest.Fault]struct {
		readErr error
		whole   bool
	}{
		authtest.CutReply:     {io.ErrUnexpectedEOF, false},
		authtest.HalfReply:    {nil, false},
		authtest.TrickleReply: {nil, true},
	}
	config := authtest.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":1}`)
	})}
	everyway(t, config, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		token := srv.Issuer.Login().Access
		for fault, want := range tests {
			t.Run(string(fault), func(t *testing.T) {
				accepted := srv.API.Total().Accepted
				srv.API.FailNext(1, fault)
				req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.API.URL, strings.NewReader("a body"))
				req.Header.Set("Authorization", "Bearer "+token)
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				wantEqual(t, "status", resp.StatusCode, http.StatusCreated)
				wantEqual(t, "Content-Type", resp.Header.Get("Content-Type"), "application/json")
				wantEqual(t, "error", err, want.readErr)
				wantEqual(t, "whole", json.Valid(body), want.whole)
				wantEqual(t, "something came", len(body) > 0, true)
				wantEqual(t, "accepted", srv.API.Total().Accepted-accepted, 1)
			})
		}
	})
}

// What FailNext gives to the issuer is what the API gets, and neither is
// confused by what the other does.
func TestAPIFailNext(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		token := srv.Issuer.Login().Access
		status := func(token string) int { return get(t, client, srv.API.URL, bearer(token)).StatusCode }
		srv.API.FailNext(2, authtest.Unavailable)
		srv.API.RefuseNext(1, authtest.Forbidden)
		for i, want := range []int{503, 503, 403, 200} {
			wantEqual(t, fmt.Sprint(i), status(token), want)
		}
		srv.API.FailNext(1, authtest.HalfReply)
		wantEqual(t, "refused, half", status("wrong"), 401)
		srv.API.FailNext(1, nil)
		wantEqual(t, "no fault", status(token), 200)
		wantEqual(t, "total", srv.API.Total(), authtest.Count{Requests: 6, Accepted: 2, Refused: 2})
		srv.API.FailNext(1, authtest.InternalError)
		send(t, client, http.MethodPost, srv.API.URL, bearer(token), "a body")
		wantEqual(t, "body read", srv.API.Requests()[6].Length, int64(len("a body"))) // so that repeats can be compared
		wantStatus(t, exchange(t, client, srv, clientCredentials()), 200)
	})
}

func TestRedirectsAreTraps(t *testing.T) {
	everyway(t, authtest.Config{}, func(t *testing.T, srv *authtest.Server, client *http.Client) {
		token := srv.Issuer.Login().Access
		for fault, origin := range map[authtest.Fault]string{
			authtest.RedirectToTrap: srv.Trap.URL, authtest.RedirectToPort: srv.Trap.PortURL,
		} {
			srv.API.FailNext(1, fault)
			got := get(t, client, srv.API.URL+"/v1/me?a=b", bearer(token))
			wantEqual(t, string(fault), got.Request.URL.String(), origin+"/v1/me?a=b")
		}
		wantEqual(t, "leaks", fmt.Sprint(srv.Trap.Leaks()), // net/http keeps the header on another port
			"[access 1 in the header Authorization of GET "+strings.TrimPrefix(srv.Trap.PortURL, "http://")+"/v1/me]")
	})
}

func TestFailForEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, authtest.Config{})
		client := &http.Client{Transport: srv.Transport()}
		token := srv.Issuer.Login().Access
		srv.API.FailFor(time.Minute, authtest.InternalError)
		srv.Issuer.FailFor(2*time.Minute, authtest.Maintenance)
		for i, want := range [][2]int{{500, 503}, {200, 503}, {200, 200}} {
			wantEqual(t, fmt.Sprint("API ", i), get(t, client, srv.API.URL, bearer(token)).StatusCode, want[0])
			got := exchange(t, client, srv, clientCredentials())
			wantEqual(t, fmt.Sprint("issuer ", i), got.StatusCode, want[1])
			if want[1] == 503 {
				again, err := http.ParseTime(got.Header.Get("Retry-After"))
				wantEqual(t, "Retry-After", again.Sub(time.Now().Truncate(time.Second)), 30*time.Second)
				wantEqual(t, "error", err, nil)
			}
			time.Sleep(time.Minute)
		}
		srv.API.FailFor(time.Hour, authtest.InternalError)
		srv.API.FailNext(1, authtest.Unavailable) // the latest call holds
		wantStatus(t, get(t, client, srv.API.URL, bearer(token)), 503)
		wantStatus(t, get(t, client, srv.API.URL, bearer(token)), 200)
	})
}

func TestLateAnswersAsUsual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := start(t, authtest.Config{})
		client := &http.Client{Transport: srv.Transport()}
		token := srv.Issuer.Login().Access
		srv.API.FailNext(1, authtest.Late(time.Minute))
		began := time.Now()
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			wantStatus(t, get(t, client, srv.API.URL, bearer(token)), 401)
		}()
		synctest.Wait()
		srv.Issuer.RevokeAccess() // judged when it is answered
		<-answered
		wantEqual(t, "took", time.Since(began), time.Minute)
	})
}
