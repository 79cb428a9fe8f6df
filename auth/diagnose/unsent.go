package diagnose

import (
	"slices"

	"github.com/reauth-go/reauth/auth"
)

// Unsent completes the error of a source, or of a check on this side, because
// of which the request was not sent. It returns a copy: many callers may hold
// the same error. An error that has a response is a token endpoint's refusal:
// it goes on speaking of that request, and says that ours was not sent. An empty
// url means that there was no request of ours, only a look at the credential.
func Unsent(err error, method, url string, words Words) *auth.Error {
	e := *auth.AsError(err, auth.Provenance{Kind: auth.KindSource})
	if len(e.Evidence) == 0 {
		e.Evidence = []auth.Evidence{{Source: "source", Fact: e.Cause.Meaning()}}
	}
	switch ours := target(method, url, newScrubber()); {
	case url == "": // nobody wanted to send anything
	case e.Response == nil || e.Request == "":
		e.Request = ours
	default:
		e.Evidence = append(slices.Clip(e.Evidence), auth.Evidence{Source: "request", Fact: ours + " was not sent, because there was nothing to send with it"})
	}
	if e.Remedy.Text == "" {
		e.Remedy.Text = e.Cause.Remedy()
	}
	if e.Fixer == "" {
		e.Fixer = e.Cause.Fixer()
	}
	if e.Support == "" {
		e.Support = words.Support
	}
	if e.Remedy.URL == "" {
		e.Remedy.URL = words.Docs
	}
	// A login does the same as the command of the system's that would store a key.
	stores := e.Cause == auth.MissingCredential || e.Cause == auth.EmptyCredential
	if words.Login != "" && (e.Remedy.Command == "" || stores) && loginHelps(e.Cause) && !instead(e.Tried) {
		e.Remedy.Command = words.Login
	}
	return words.spoken(&e)
}

// loginHelps reports whether logging in again makes a credential where this
// cause says that there is none to use.
func loginHelps(c auth.Cause) bool {
	return c == auth.MissingCredential || c == auth.EmptyCredential || ofLogin(c)
}

// instead reports whether a variable or a file gave the credential: it goes
// before whatever a login would store. A program that asks in its own name has
// no login.
func instead(tried []auth.Attempt) bool {
	for _, a := range tried {
		if machine(a.Place) || a.Answer == "found" && (a.Place.Kind == auth.KindEnv || a.Place.Kind == auth.KindFile) {
			return true
		}
	}
	return false
}
