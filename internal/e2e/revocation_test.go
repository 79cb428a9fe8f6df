package e2e_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/e2e/issuer"
	"github.com/reauth-go/reauth/internal/e2e/resource"
)

const herd = 50

func TestIssuer_L2_ATokenRevokedUnderAHerdCostsOneRepeatEachAndOneExchange(t *testing.T) {
	t.Parallel()
	iss := issuer.Start(t, issuer.Config{AccessTTL: time.Minute})
	res := resource.Start(t, iss, resource.Config{})
	g := newGate(t, res)
	var l log
	c := machine(t, "revoked", iss, g.URL, newWire(t), &l)
	wantAllWell(t, at(t, c, 1))

	g.hold(herd)
	var calls []call
	done := make(chan struct{})
	go func() { defer close(done); calls = at(t, c, herd) }()
	g.full()
	iss.Revoke(issuer.Basic, res.LastToken())
	g.release()
	<-done

	wantAllWell(t, calls)
	wantOneRepeat(t, res)
	if res.Refused() != herd || l.count(auth.EventRepeated) != herd || len(res.Seen()) != 1+2*herd {
		t.Errorf("L1: %d refusals, %d repeats, %d requests at the resource", res.Refused(), l.count(auth.EventRepeated), len(res.Seen()))
	}
	if n := iss.Exchanges(); n != 2 {
		t.Errorf("L2: %d exchanges, 2 are enough", n)
	}
	t.Logf("%d requests in flight, %d refused, %d repeated, %d exchange more; slowest %v", herd, res.Refused(), l.count(auth.EventRepeated), iss.Exchanges()-1, slowest(calls).Round(time.Millisecond))
}

func TestIssuer_L2_RevocationsDuringTrafficAreNotNoticed(t *testing.T) {
	t.Parallel()
	const times = 3
	iss := issuer.Start(t, issuer.Config{AccessTTL: time.Minute})
	res := resource.Start(t, iss, resource.Config{})
	var l log
	c := machine(t, "traffic", iss, res.URL, newWire(t), &l)
	done := make(chan struct{})
	var calls []call
	go func() {
		defer close(done)
		calls = traffic(t, c, herd, time.Now().Add((times+1)*time.Second), 50*time.Millisecond)
	}()
	for range times {
		time.Sleep(time.Second)
		iss.Revoke(issuer.Basic, res.LastToken())
	}
	<-done

	wantAllWell(t, calls)
	wantOneRepeat(t, res)
	if n := iss.Exchanges(); n != 1+times {
		t.Errorf("L2: %d exchanges after %d revocations", n, times)
	}
	t.Logf("%d requests, %d revocations, %d refusals healed inside, %d exchanges; slowest %v", len(calls), times, res.Refused(), iss.Exchanges(), slowest(calls).Round(time.Millisecond))
}

// Who ends a session does not matter: every caller is told to log in again, and
// the issuer is asked once.
func TestIssuer_L9_AnEndedSessionIsRefreshRejected(t *testing.T) {
	t.Parallel()
	for how, end := range map[string]func(t *testing.T, iss *issuer.Issuer, first, newest string){
		"revoked": func(_ *testing.T, iss *issuer.Issuer, _, newest string) {
			iss.Revoke(issuer.Native, newest)
		},
		// A thief uses the token that was replaced long ago.
		"replayed by a thief": func(t *testing.T, iss *issuer.Issuer, first, _ string) {
			_, err := iss.Ask(url.Values{"grant_type": {"refresh_token"}, "client_id": {issuer.Native.ID}, "refresh_token": {first}})
			if err == nil {
				t.Fatal("the issuer took a refresh token twice")
			}
		},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			iss := issuer.Start(t, issuer.Config{AccessTTL: time.Minute})
			res := resource.Start(t, iss, resource.Config{})
			g := newGate(t, res)
			var l log
			w := newWire(t)
			first := iss.Login("openid offline_access").RefreshToken
			c := newClient(t, reauth.Config{Source: session(t, iss, w, first), BaseURL: g.URL, Transport: w, Hook: l.hook})
			wantAllWell(t, at(t, c, 2))
			end(t, iss, first, w.refreshToken())
			before, refused := w.sent(), iss.Counts().Refused["refresh_token"]

			g.hold(herd)
			var calls []call
			done := make(chan struct{})
			go func() { defer close(done); calls = at(t, c, herd) }()
			g.full()
			g.release()
			<-done

			if len(failed(calls)) != herd {
				t.Errorf("%d of %d requests failed", len(failed(calls)), herd)
			}
			for _, call := range failed(calls) {
				e, ok := errors.AsType[*auth.Error](call.err)
				if !ok || e.Cause != auth.RefreshRejected || e.Step() != auth.StepRenew || !errors.Is(call.err, auth.RefreshRejected) {
					t.Errorf("not told to log in again: %v", call.err)
					break
				}
			}
			if n := w.sent() - before; n != 1 {
				t.Errorf("L2: %d token requests", n)
			}
			if n := iss.Counts().Refused["refresh_token"] - refused; n != 1 {
				t.Errorf("the issuer refused %d exchanges", n)
			}
			if res.Refused() != herd || l.count(auth.EventRepeated) != 0 {
				t.Errorf("L1: %d refusals, %d repeats", res.Refused(), l.count(auth.EventRepeated))
			}
			t.Logf("%d callers, %d exchange; %v", herd, w.sent()-before, calls[0].err)
		})
	}
}
