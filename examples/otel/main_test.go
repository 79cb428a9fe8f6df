package main

import (
	"bytes"
	"testing"
	"testing/synctest"
)

func TestOtel(t *testing.T) {
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		if err := run(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
	})
	const want = `a token is found
  auth.client.events{client=acme,kind=found} 1
  auth.client.expiry{client=acme} 3600
  auth.client.failures{client=acme} 0
it is revoked, and one repeat heals it
  auth.client.events{client=acme,kind=found} 1
  auth.client.events{client=acme,kind=renewed} 1
  auth.client.events{client=acme,kind=repeated,origin=https://api.test} 1
  auth.client.expiry{client=acme} 3600
  auth.client.failures{client=acme} 0
it is revoked, and the issuer does not accept the client
  auth.client.events{cause=client_rejected,client=acme,kind=refused,origin=https://api.test,step=verify_credential} 1
  auth.client.events{cause=client_rejected,client=acme,kind=renew_failed,step=verify_credential} 1
  auth.client.events{client=acme,kind=found} 1
  auth.client.events{client=acme,kind=renewed} 1
  auth.client.events{client=acme,kind=repeated,origin=https://api.test} 1
  auth.client.expiry{client=acme} 3600
  auth.client.failures{client=acme} 1
`
	if out.String() != want {
		t.Errorf("got:\n%s", out.String())
	}
}
