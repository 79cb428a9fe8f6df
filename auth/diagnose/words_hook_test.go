package diagnose_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
)

// TestRemedyHookHasTheLastWord: every way to a diagnosis asks the vendor, shows
// what it says, and survives a hook that panics.
func TestRemedyHookHasTheLastWord(t *testing.T) {
	paths := map[string]func(diagnose.Words) *auth.Error{
		"refused": func(w diagnose.Words) *auth.Error {
			return diagnose.Refusal(diagnose.Exchange{Method: "GET", URL: "https://api.acme.example/", Status: 401}, w)
		},
		"not sent": func(w diagnose.Words) *auth.Error {
			return diagnose.Unsent(auth.MissingCredential, "GET", "https://api.acme.example/", w)
		},
		"proxy": func(w diagnose.Words) *auth.Error {
			return diagnose.ProxyRefused(errors.New("Proxy Authentication Required"), "GET", "https://api.acme.example/", w)
		},
	}
	for name, path := range paths {
		plain := path(diagnose.Words{})
		ours := path(diagnose.Words{Remedy: func(e *auth.Error) auth.Remedy {
			if e.Cause == "" || e.Remedy.Text == "" || len(e.Evidence) == 0 {
				t.Errorf("%s: the hook is given an unfinished diagnosis: %+v", name, e)
			}
			return auth.Remedy{Text: "acme says: " + string(e.Cause), Command: "acme login", URL: e.Remedy.URL}
		}})
		if want := "acme says: " + string(plain.Cause); ours.Remedy.Text != want || !strings.Contains(ours.Error(), want) || ours.Remedy.Command != "acme login" {
			t.Errorf("%s: the remedy is %+v", name, ours.Remedy)
		}
		if ours.Cause != plain.Cause || ours.Confidence != plain.Confidence {
			t.Errorf("%s: the hook changed the verdict", name)
		}
		if silent := path(diagnose.Words{Remedy: func(*auth.Error) auth.Remedy { panic("a mistake") }}); silent.Remedy != plain.Remedy {
			t.Errorf("%s: after a panic the remedy is %+v", name, silent.Remedy)
		}
	}
}
