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
