package acme

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
)

// A Code says what is wrong in Acme's own terms, which are fewer than there are
// causes. Programs switch over it.
type Code string

// The codes.
const (
	NoKey       Code = "ACME-101" // there is no usable key
	BadKey      Code = "ACME-102" // the key is not one of ours, or not any more
	LoggedOut   Code = "ACME-103" // the login is over
	NotAllowed  Code = "ACME-104" // the key is good and may not do this
	Machine     Code = "ACME-201" // something on this machine is in the way
	Outage      Code = "ACME-301" // our login service is down
	NotFound    Code = "ACME-404"
	Unreachable Code = "ACME-502" // no answer of the API, or one of no use
	Misuse      Code = "ACME-900" // a mistake in the program
)

// An Error is whatever goes wrong with a call.
type Error struct {
	Code      Code
	Message   string // what happened, one line
	Advice    string // what to do; may be empty
	Command   string // what to type, if there is such a command
	RequestID string // for our support

	cause error
}

// Error returns one line.
func (e *Error) Error() string {
	line := fmt.Sprintf("acme: %s: %s", e.Code, e.Message)
	if e.Advice != "" {
		line += "; " + e.Advice
	}
	if e.Command != "" {
		line += " (" + e.Command + ")"
	}
	return line
}

// Unwrap returns what lies beneath, for those who want to know.
func (e *Error) Unwrap() error { return e.cause }

// Explain returns a page for people.
func (e *Error) Explain() string {
	if why, ok := errors.AsType[*auth.Error](e.cause); ok {
		return string(e.Code) + " " + why.Explain()
	}
	return e.Error() + "\n"
}

// ExitStatus is what a command should exit with: those of sysexits.h, which
// scripts know.
func (e *Error) ExitStatus() int {
	switch e.Code {
	case NoKey, BadKey, LoggedOut, NotAllowed:
		return 77 // EX_NOPERM
	case Machine:
		return 78 // EX_CONFIG
	case Outage, Unreachable:
		return 75 // EX_TEMPFAIL: try again later
	}
	return 70 // EX_SOFTWARE
}

// MarshalJSON is the form that "acme --json" prints.
func (e *Error) MarshalJSON() ([]byte, error) {
	why, _ := errors.AsType[*auth.Error](e.cause)
	return json.Marshal(map[string]any{
		"code": e.Code, "message": e.Message, "advice": e.Advice, "command": e.Command,
		"request_id": e.RequestID, "exit_status": e.ExitStatus(), "details": why,
	})
}

// LogValue is the form of log/slog.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(slog.String("code", string(e.Code)), slog.String("message", e.Message), slog.String("request_id", e.RequestID))
}

// codes translates the causes that need a code of their own. All others follow
// from the step.
var codes = map[auth.Cause]Code{
	auth.MissingCredential: NoKey, auth.EmptyCredential: NoKey,
	auth.AccessRevoked: BadKey, auth.StepUpRequired: LoggedOut, auth.RejectedUnclassified: BadKey,
}

var codesOfSteps = map[auth.Step]Code{
	auth.StepVerify: BadKey, auth.StepSend: Misuse, auth.StepRenew: LoggedOut,
	auth.StepConsult: NotAllowed, auth.StepFixEnvironment: Machine, auth.StepWait: Outage,
}

func codeOf(why *auth.Error) Code {
	if code, ok := codes[why.Cause]; ok {
		return code
	}
	return codesOfSteps[why.Step()]
}

// wrap makes every error ours. What lies beneath stays reachable for developers,
// and so do its words: only those of a diagnosis are meant for users.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Code: Misuse, Message: "the call could not be made", cause: err}
	if why, ok := errors.AsType[*auth.Error](err); ok {
		e.Code, e.Message, e.Advice, e.Command = codeOf(why), why.Evidence[0].Fact, why.Remedy.Text, why.Remedy.Command
		if why.Response != nil {
			e.RequestID = why.Response.RequestID
		}
		return e
	}
	if status, ok := errors.AsType[*reauth.StatusError](err); ok {
		e.Code, e.Message = Unreachable, "the API answered "+http.StatusText(status.StatusCode)
		if status.StatusCode == http.StatusNotFound {
			e.Code = NotFound
		}
		return e
	}
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, kind := errors.AsType[*json.UnmarshalTypeError](err)
	if syntax || kind {
		e.Code, e.Message, e.Command = Unreachable, "the API's answer is not what this version of acme expects", "acme update"
		return e
	}
	// What net/http's client returns is the network's failure, the context's end,
	// or a client that was used after its end.
	if network, ok := errors.AsType[*url.Error](err); ok && !errors.Is(err, auth.ErrClosed) {
		e.Code, e.Message = Unreachable, "no answer: "+network.Error()
	}
	return e
}
