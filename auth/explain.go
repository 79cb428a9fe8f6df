package auth

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Explain returns the page that a person reads: what happened, the cause and
// how sure it is, what was sent and where it was found, what was tried, what to
// do, and at last where help is to be had and what to tell there: the request's
// id, the time, and a curl line that makes the request again, with a variable or
// a file in place of the secret. It ends with a newline.
func (e *Error) Explain() string {
	var p page
	p.line(e.headline())
	p.line("")
	p.row("cause", fmt.Sprintf("%s (%s): %s", e.Cause, e.Confidence, e.fact()))
	for _, ev := range e.Evidence[min(1, len(e.Evidence)):] {
		p.row("because", ev.Source+": "+ev.Fact)
	}
	if e.Confidence == Possible { // what is likely shall not be talked down
		var codes []string
		for _, o := range e.Others {
			codes = append(codes, string(o.Cause))
		}
		p.row("or", strings.Join(codes, ", "))
	}
	if s := e.Sent; s != nil {
		sent := s.Place.String() + ": " + s.Masked
		if found := s.Provenance.String(); found != "" {
			sent += ", found in " + found
		}
		p.row("sent", sent)
		if s.Fingerprint != "" && !s.Since.IsZero() {
			p.row("", fmt.Sprintf("in use since %s, fingerprint %s", stamp(s.Since), s.Fingerprint))
		}
	}
	width := 0
	for _, a := range e.Tried {
		width = max(width, len(a.Place.String()))
	}
	for _, a := range e.Tried {
		p.row("tried", fmt.Sprintf("%-*s  %s", width, a.Place, a.Answer))
	}
	p.row("fix", e.remedyText())
	p.row("type", e.Remedy.Command)
	p.row("read", e.Remedy.URL)
	if e.Throttled {
		p.row("wait", "the source is asked again at "+stamp(e.NextTry)+" at the earliest")
	}
	p.row("support", e.Support)
	if e.Response != nil {
		p.row("support", e.Response.support())
		p.row("support", e.curl())
	}
	return p.String()
}

func (e *Error) fact() string {
	if len(e.Evidence) > 0 {
		return e.Evidence[0].Fact
	}
	return e.Cause.Meaning()
}

func (e *Error) headline() string {
	request := e.Request
	switch {
	case e.Response == nil && request == "" && e.Cause == InsecureTransport:
		return "No credential can be sent like this."
	case e.Response == nil && request == "":
		return "There is no credential to use."
	case e.Response == nil:
		return request + " was not sent."
	case request == "":
		request = "The request"
	}
	status := strings.TrimSpace(fmt.Sprintf("%d %s", e.Response.Status, http.StatusText(e.Response.Status)))
	return request + " was refused: " + status
}

// support is by what the provider finds the exchange in its logs.
func (r *Response) support() string {
	at := r.when()
	switch {
	case at.IsZero() && r.RequestID == "":
		return ""
	case at.IsZero():
		return "request id " + r.RequestID
	case r.RequestID == "":
		return "refused at " + stamp(at)
	}
	return "request id " + r.RequestID + ", " + stamp(at)
}

// when is the time on the provider's clock, which its logs go by, if it said.
func (r *Response) when() time.Time {
	if date, err := http.ParseTime(r.Header.Get("Date")); err == nil {
		return date
	}
	return r.Time
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// A page is a text of labelled rows.
type page struct {
	strings.Builder
	label string // of the last row, to leave it out when it repeats
}

func (p *page) line(s string) { p.WriteString(oneLine(s) + "\n") }

func (p *page) row(label, text string) {
	if text == "" {
		return
	}
	if label == p.label {
		label = ""
	} else if label != "" {
		p.label = label
	}
	fmt.Fprintf(p, "  %-8s %s\n", label, oneLine(text))
}
