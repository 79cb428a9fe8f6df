package retry_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport"
	"github.com/reauth-go/reauth/transport/retry"
)

// An API that is overloaded for a moment. The layer stands outside
// authentication: each attempt takes the credential that is valid then.
func Example() {
	visits := 0
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if visits++; visits < 3 {
			http.Error(w, "one moment", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "fine")
	}))
	defer api.Close()

	authenticated, err := transport.New(transport.Config{
		Source:  auth.Static("not-a-real-key-0123456789"),
		Origins: []string{api.URL},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer authenticated.Close()
	retrying, err := retry.New(authenticated, retry.Config{MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: retrying}
	defer client.CloseIdleConnections()

	resp, err := client.Get(api.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status, "after", visits, "visits")
	// Output: 200 OK after 3 visits
}
