package refusals_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/reauth-go/reauth/auth"
)

// A proxy's refusal is about the proxy's own user and password, whatever the
// request carries for the API.
func TestSquid(t *testing.T) {
	t.Parallel()
	squid := startSquid(t)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer api.Close()
	// The way there is open to who is known.
	through := refusal{url: api.URL, proxy: alice + ":" + password + "@" + squid.addr, sent: bearer("canary-okapi-3304-canary-okapi")}
	if err := through.through(t); err == nil || err.Error() != "204 No Content, no diagnosis: " {
		t.Fatalf("the proxy refuses who is right: %v", err)
	}

	var cases []refusal
	for _, who := range []struct{ name, user string }{
		{"nobody", ""},
		{"a wrong password", alice + ":canary-giraffe-5520@"},
		{"an unknown user", "mallory:canary-giraffe-5520@"},
	} {
		for _, what := range []sending{through.sent, pair(alice, password)} {
			cases = append(cases,
				refusal{
					name: "http, " + who.name + ", " + what.word + " for the API", url: api.URL + "/", proxy: who.user + squid.addr, sent: what,
					cause: auth.ProxyAuthRequired, certain: true,
				},
				refusal{
					name: "https, " + who.name + ", " + what.word + " for the API", url: "https://api.test/", proxy: who.user + squid.addr, sent: what,
					cause: auth.ProxyAuthRequired, differs: []string{"confidence", "challenges"},
					why: "of an answer to CONNECT net/http leaves the transport no more than the words of the status; curl shows all of it",
				})
		}
	}
	cases = append(cases, refusal{
		name: "http, Digest with a wrong password", url: api.URL + "/", proxy: alice + ":canary-giraffe-5520@" + squid.addr,
		sent: through.sent, curl: append(through.sent.args(), "--proxy-digest"),
		cause: auth.ProxyAuthRequired, certain: true, differs: []string{"challenges"},
		why: "Squid asks again for what was tried, and net/http can try no more than Basic",
	})
	run(t, cases)
}
