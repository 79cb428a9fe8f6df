// Package transcript reads HTTP exchanges that other programs wrote down, and
// makes them ready for the diagnosis: what "curl -i" and "curl -v" print, dumps
// of messages as they crossed the wire, and exchanges in JSON lines.
//
// Nothing here is strict. People paste from terminals, cut things off and mix
// two streams into one: what can be understood is used, and what cannot is left
// out. What a request carried is secret; it leaves this package only within a
// [diagnose.Exchange], which does not show it.
package transcript

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/auth/profile"
	"github.com/reauth-go/reauth/internal/challenge"
)

// The bounds of what is read. A diagnosis looks at 16 KiB of a body.
const (
	MaxBytes     = 16 << 20 // of an input, or of one JSON line
	maxBody      = 64 << 10 // of a body, kept
	maxFields    = 512      // of a header, kept
	maxHidden    = 64 << 10 // of what must not be shown
	maxFolded    = 8 << 10  // of a field that goes on in the next line
	maxExchanges = 64       // of an input, kept
)

// An Exchange is one response, and the request that it answers as far as that
// was written down.
type Exchange struct {
	ID string // of a JSON line

	Method, URL string // empty if unknown
	Status      int
	Header      http.Header // of the response
	Body        []byte      // its beginning, in clear

	// Unseen says that the request had a body which nobody wrote down, and no
	// credential elsewhere: curl -v does not show bodies.
	Unseen bool

	carried *carried // by the request; nil if nothing of that is known
	hide    []string // what must not be shown, whatever carried it
	// strayed says that the credential was left out because a redirect had led
	// away from the origin that it was sent to.
	strayed bool
}

// Diagnose explains the exchange. now is when it happened if the response has no
// date.
func (x *Exchange) Diagnose(now time.Time) *auth.Error {
	return diagnose.Refusal(x.exchange(now), diagnose.Words{})
}

func (x *Exchange) exchange(now time.Time) diagnose.Exchange {
	out := diagnose.Exchange{
		Method: x.Method, URL: x.URL, Status: x.Status, Header: x.Header, Body: x.Body, At: now,
	}
	// A saved response is younger than the clock of whoever reads it. What this
	// machine's clock says about the server's was lost with the time.
	date, err := http.ParseTime(x.Header.Get("Date"))
	if out.Undated = err != nil; err == nil {
		out.At = date
	}
	out.Challenges, _ = challenge.Parse(x.Challenges()) // broken ones are explained as far as they go
	if x.carried == nil {
		out.Carried("", "", nil, "")
	} else {
		x.carried.tell(&out)
	}
	if x.strayed {
		out.NotSent, out.Verbatim = diagnose.ForeignOrigin, true
	}
	size := 0
	for i, secret := range x.hide {
		if size += len(secret); size > maxHidden {
			break
		}
		if !slices.Contains(x.hide[:i], secret) {
			out.Hide(secret)
		}
	}
	return out
}

// Challenges returns the values of the field that has the response's challenges
// (RFC 9110 sections 11.6.1 and 11.7.1).
func (x *Exchange) Challenges() []string {
	if x.Status == http.StatusProxyAuthRequired {
		return x.Header.Values("Proxy-Authenticate")
	}
	return x.Header.Values("WWW-Authenticate")
}

// Called says which address was called, for input that does not say it. A
// credential in its query was sent.
func (x *Exchange) Called(address string) {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	x.URL = address
	c, hide := x.found(nil, "")
	x.hide = append(x.hide, hide...)
	if x.carried == nil && c.scheme != nothing {
		x.carried = c
	}
}

// Known reports whether the input says what the request carried.
func (x *Exchange) Known() bool { return x.carried != nil && !x.Unseen }

// Refused reports whether the response is a refusal: a 4xx, what the provider is
// known to disguise one as, or what an answer in the two hundreds says in so many
// words: a login page, or an error about authentication in JSON.
func (x *Exchange) Refused(now time.Time) bool {
	if x.Status >= 400 && x.Status <= 499 {
		return true
	}
	p := x.profile()
	if _, refused := p.Refused(x.Status, x.Header, x.Body); refused || x.Status/100 != 2 {
		return refused
	}
	var answer struct{ Error, Errors any }
	if json.Unmarshal(x.Body, &answer) != nil {
		return loginPage.Match(x.Body)
	}
	if answer.Error == nil && answer.Errors == nil {
		return false
	}
	alone := *x
	alone.carried = nil
	e := alone.Diagnose(now)
	return e.Cause != auth.RejectedUnclassified && aboutLogin.MatchString(e.Evidence[0].Fact)
}

var (
	loginPage  = regexp.MustCompile(`(?i)<title[^>]*>[^<]{0,80}(?:log ?in|sign ?in|log ?on|authenticat|single sign)`)
	aboutLogin = regexp.MustCompile(`(?i)auth|token|credential|api.?key|login|logged in|sign(?:ed)? in|permission|forbidden`)
)

// profile is that of the provider that was called, if it is known.
func (x *Exchange) profile() profile.Profile {
	u, err := url.Parse(x.URL)
	if err != nil {
		return profile.Profile{}
	}
	p, _ := profile.For(u.Host)
	return p
}

// Line is the status line of the response, for people.
func (x *Exchange) Line() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", x.Status, http.StatusText(x.Status)))
}

// add adds a header field, within bounds.
func add(h http.Header, name, value string) {
	if len(h) < maxFields && len(h.Values(name)) < maxFields {
		h.Add(name, value)
	}
}

// clear undoes what the transfer did to the body, as far as that is possible: a
// dump may hold its chunks, and curl decompresses only if it is told to. A text
// is clear whatever the header says.
func (x *Exchange) clear() {
	if strings.EqualFold(x.Header.Get("Transfer-Encoding"), "chunked") {
		if plain, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(x.Body))); err == nil {
			x.Body = plain
		}
	}
	if strings.EqualFold(x.Header.Get("Content-Encoding"), "gzip") {
		if z, err := gzip.NewReader(bytes.NewReader(x.Body)); err == nil {
			x.Body, _ = io.ReadAll(io.LimitReader(z, maxBody)) // a part is better than none
		}
	}
	x.Body = x.Body[:min(len(x.Body), maxBody)]
	if utf8.Valid(x.Body[:max(0, len(x.Body)-utf8.UTFMax)]) { // it may end within a character
		x.Header.Del("Content-Encoding")
	}
}
