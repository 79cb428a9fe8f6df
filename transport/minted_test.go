package transport_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/transport"
)

// TestT15_RenewedAheadIsNotNew: a token that was renewed in the background and
// is used for the first time a while later was not minted for that call. If it
// is refused it is replaced like any other, or programs with few requests would
// see a 401 that those with many do not.
func TestT15_RenewedAheadIsNotNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := serve(t, authtest.Config{InMemory: true, Lifetime: 100 * time.Second})
		tr := against(t, srv, transport.Config{})
		wantStatus(t, get(t, tr, srv), 200)
		time.Sleep(90 * time.Second)
		wantStatus(t, get(t, tr, srv), 200) // starts the renewal, and does not wait for it
		synctest.Wait()
		wantEqual(t, "exchanges", exchanges(srv), 2)

		time.Sleep(5 * time.Second)
		srv.Issuer.RevokeAccess()
		wantStatus(t, get(t, tr, srv), 200)
		wantEqual(t, "exchanges", exchanges(srv), 3)
	})
}

// TestT15_ColdHerd: a token that is revoked while its first users are all in
// flight is replaced for all of them, the first one included, by one exchange.
func TestT15_ColdHerd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 50
		srv := serve(t, authtest.Config{InMemory: true, Delay: 300 * time.Millisecond})
		tr := against(t, srv, transport.Config{})
		hold := srv.API.Hold(n)
		codes := make(chan int, n)
		for range n {
			go func() { codes <- get(t, tr, srv).StatusCode }()
		}
		if err := hold.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		srv.Issuer.RevokeAccess()
		hold.ReleaseAll()
		for range n {
			if code := <-codes; code != 200 {
				t.Errorf("got %d, want 200", code)
			}
		}
		wantEqual(t, "exchanges", exchanges(srv), 2)
	})
}
