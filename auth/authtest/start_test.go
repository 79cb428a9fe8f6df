package authtest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth/authtest"
)

// A spyTB is a test of somebody else's.
type spyTB struct {
	failed   bool
	cleanups []func()
	log      strings.Builder
}

func (s *spyTB) Helper()                         {}
func (s *spyTB) Cleanup(f func())                { s.cleanups = append(s.cleanups, f) }
func (s *spyTB) Failed() bool                    { return s.failed }
func (s *spyTB) Logf(format string, args ...any) { fmt.Fprintf(&s.log, format+"\n", args...) }

func TestStart(t *testing.T) {
	for _, failed := range []bool{false, true} {
		spy := &spyTB{failed: failed}
		srv := authtest.Start(spy, authtest.Config{InMemory: true, Keys: []authtest.Key{{Value: "a-key"}}})
		client := &http.Client{Transport: srv.Transport()}
		for i := range 60 {
			get(t, client, fmt.Sprintf("%s/%d", srv.API.URL, i), bearer("a-key"))
		}
		for _, cleanup := range spy.cleanups {
			cleanup()
		}
		if _, err := client.Get(srv.API.URL); err == nil {
			t.Error("the server is not closed")
		}
		lines := strings.Split(spy.log.String(), "\n")
		if !failed {
			wantEqual(t, "log", spy.log.String(), "")
			continue
		}
		if len(lines) < 53 {
			t.Fatalf("log: %s", spy.log.String())
		}
		wantEqual(t, "first", lines[1], "… 10 before that")
		wantEqual(t, "second", lines[2], "API    GET /10 with key 1: 200")
		wantEqual(t, "last", lines[51], "API    GET /59 with key 1: 200")
	}
}
