package diagnose_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
)

func TestProxyRefused(t *testing.T) {
	words := diagnose.Words{Docs: "https://acme.example/docs", Support: "help@acme.example", Login: "acme login"}
	plain := errors.New("Proxy Authentication Required")
	e := diagnose.ProxyRefused(plain, "POST", "https://u:p@api.acme.example/v1/things?key=1#x", words)
	if e.Cause != auth.ProxyAuthRequired || e.Confidence != auth.Likely || e.Evidence[0].Source != "proxy" || !errors.Is(e, plain) || e.Response != nil {
		t.Errorf("got %+v", e)
	}
	if e.Request != "POST https://api.acme.example/v1/things" || e.Support != words.Support || e.Remedy.URL != words.Docs || e.Remedy.Command != "" {
		t.Errorf("got %+v", e)
	}
	contains(t, e.Explain(), "refused to connect to api.acme.example with 407", "the API has not seen the request", "HTTPS_PROXY")

	// An error of the proxy may name its URL.
	e = diagnose.ProxyRefused(fmt.Errorf("via http://alice:op3nsesame@proxy:3128: %w", io.ErrUnexpectedEOF), "", "::", words)
	if !errors.Is(e, io.ErrUnexpectedEOF) || strings.Contains(everyPrint(e), "op3nsesame") {
		t.Errorf("got %s", everyPrint(e))
	}
	contains(t, e.Err.Error(), "http://[masked]@proxy:3128")
}

// quoting is an error that holds more than its text.
type quoting struct{ sent string }

func (q quoting) Error() string { return "cannot send " + q.sent }

// Printers that work by reflection print fields, not Error.
func TestL7_ErrorsBeneathAreOutOfReach(t *testing.T) {
	x := refused(renewal(diagnose.RenewalFailed, fmt.Errorf("renewal: %w", quoting{"k3y-7f1c90aa5be24d61"})))
	e := diagnose.Refusal(x, diagnose.Words{})
	if found, ok := errors.AsType[quoting](e); ok {
		t.Errorf("errors.As gives out %v", found)
	}
	for err := e.Err; err != nil; err = errors.Unwrap(err) {
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			if text := fmt.Sprintf(verb, err); strings.Contains(text, "7f1c90") {
				t.Errorf("%s shows %s", verb, text)
			}
		}
	}
}
