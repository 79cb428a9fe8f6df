package auth

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"
)

// An Error is a definitive failure to authenticate, found on this side or told
// by the other. It has exactly one cause, and with it one step to take.
//
// It is read-only once returned: many callers may hold the same one. It never
// contains a secret: what servers and sources echo is masked before it gets
// here.
//
// errors.Is finds the Cause, and what lies beneath in Err. A second Error or
// Cause within Err is part of the story and no second cause: errors.Is and
// errors.As pass it by.
type Error struct {
	// Cause is the reason, and Cause.Step what to do about it.
	Cause Cause
	// Confidence says how sure that is.
	Confidence Confidence
	// Others are the causes that it could be instead, the best first: few, and
	// none where the cause is proven.
	Others []Other
	// Fixer is who can put it right. Empty means Cause.Fixer.
	Fixer Fixer
	// Remedy is what to do, in words.
	Remedy Remedy
	// Evidence lists the facts that led to the cause, strongest first. There
	// is at least one.
	Evidence []Evidence
	// Request is method and URL of the request concerned, without query and
	// user information. Empty if there was none.
	Request string
	// Sent is the credential that was sent; nil if none was.
	Sent *Sent
	// Tried lists every place that was asked, in order, with its answer.
	Tried []Attempt
	// Response is what came back; nil if nothing did.
	Response *Response
	// Throttled says that this answer is a remembered one: the source was not
	// asked again, and will not be before NextTry. errors.Is(err,
	// RefreshThrottled) tells it too.
	Throttled bool
	// NextTry is when the source will be asked again at the earliest. Zero if
	// nothing keeps it from being asked at once.
	NextTry time.Time
	// Support says where help is to be had, in the vendor's words.
	Support string
	// Err is what lies beneath: a failed renewal, a keyring's or network's
	// error. It may be nil.
	Err error
}

// Confidence says how sure a diagnosis is.
type Confidence uint8

// The degrees. Certain is only said of what a local fact, a standard code of
// one meaning in its proper place, or a differing pair of attempts proves.
const (
	Possible Confidence = iota
	Likely
	Certain
)

// String returns the word in lower case.
func (c Confidence) String() string {
	switch c {
	case Certain:
		return "certain"
	case Likely:
		return "likely"
	}
	return "possible"
}

// MarshalText gives encoders the form of String.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// A Remedy is what to do about a failure.
type Remedy struct {
	Text    string `json:"text"`    // one sentence in the imperative, without a full stop
	Command string `json:"command"` // what to type, if there is such a command
	URL     string `json:"url"`     // where to read on, if there is such a page
}

// An Other is a cause that came second, or later, and how sure that one is.
type Other struct {
	Cause      Cause      `json:"cause"`
	Confidence Confidence `json:"confidence"`
}

// Evidence is one fact, and who told it.
type Evidence struct {
	Source string `json:"source"` // "env ACME_API_KEY", "response", "clock", …
	Fact   string `json:"fact"`
}

// Sent describes the credential that a request carried, without the secret.
type Sent struct {
	Scheme      string     // the scheme's name
	Place       Place      // where it was put
	Masked      string     // the value as it may be shown
	Form        string     // how the value was made, "Bearer SECRET" or "USER:SECRET"; empty if nobody makes it by hand
	Fingerprint string     // [Secret.Fingerprint]; empty for passwords
	Provenance  Provenance // where it was found
	Since       time.Time  // when this program got it
	Expiry      time.Time  // as stated; zero if not
}

// Response describes a refusal. Everything in it is masked and bounded.
type Response struct {
	Status     int
	Time       time.Time   // when it came, on this machine's clock; zero if unknown
	Header     http.Header // only those fields that tell something about the refusal
	Body       string      // its beginning
	Challenges []Challenge // of WWW-Authenticate, or of Proxy-Authenticate for a 407
	RequestID  string      // the provider's name for this exchange, for its support
}

// Step returns e.Cause.Step().
func (e *Error) Step() Step { return e.Cause.Step() }

func (e *Error) fixer() Fixer {
	if e.Fixer != "" {
		return e.Fixer
	}
	return e.Cause.Fixer()
}

// Error returns one line: the cause, how sure it is, the fact behind it, the
// step, and where the credential was found. Method and URL are not in it,
// because [net/url.Error] puts them in front.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Cause))
	b.WriteString(" (" + e.Confidence.String() + ")")
	if len(e.Evidence) > 0 {
		b.WriteString(": " + e.Evidence[0].Fact)
	}
	b.WriteString("; " + string(e.Step()) + ": " + e.remedyText())
	if e.Sent != nil && e.Sent.Provenance != (Provenance{}) {
		b.WriteString(" (sent: " + e.Sent.Provenance.String() + ")")
	}
	if e.Throttled {
		b.WriteString("; not asked again before " + e.NextTry.Format(time.TimeOnly))
	}
	return oneLine(b.String())
}

// NonRetriable does nothing. Its presence tells the retry policy of the Azure SDK
// for Go, and of whoever follows its convention, that trying again is of no use.
func (*Error) NonRetriable() {}

func (e *Error) remedyText() string {
	if e.Remedy.Text != "" {
		return e.Remedy.Text
	}
	return e.Cause.Remedy()
}

// Is reports whether target is the cause, or RefreshThrottled for a remembered
// answer.
func (e *Error) Is(target error) bool {
	cause, ok := target.(Cause)
	return ok && (cause == e.Cause || cause == RefreshThrottled && e.Throttled)
}

// Unwrap returns what lies beneath.
func (e *Error) Unwrap() error {
	_, diagnosed := errors.AsType[*Error](e.Err)
	if _, cause := errors.AsType[Cause](e.Err); cause || diagnosed {
		return beneath{e.Err}
	}
	return e.Err
}

// beneath passes on everything in an error but a second diagnosis.
type beneath struct{ err error }

func (b beneath) Error() string { return b.err.Error() }

func (b beneath) Is(target error) bool {
	_, cause := target.(Cause)
	return !cause && errors.Is(b.err, target)
}

func (b beneath) As(target any) bool {
	switch target.(type) {
	case **Error, *Cause:
		return false
	}
	return errors.As(b.err, target)
}

// LogValue gives [log/slog] the parts that one filters by.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("cause", string(e.Cause)),
		slog.String("confidence", e.Confidence.String()),
		slog.String("step", string(e.Step())),
		slog.String("remedy", oneLine(e.remedyText())),
	}
	if len(e.Evidence) > 0 {
		attrs = append(attrs, slog.String("fact", oneLine(e.Evidence[0].Fact)))
	}
	if e.Sent != nil && e.Sent.Provenance != (Provenance{}) {
		attrs = append(attrs, slog.String("found_in", e.Sent.Provenance.String()))
	}
	if e.Response != nil {
		attrs = append(attrs, slog.Int("status", e.Response.Status))
		if e.Response.RequestID != "" {
			attrs = append(attrs, slog.String("request_id", e.Response.RequestID))
		}
	}
	if e.Throttled {
		attrs = append(attrs, slog.Time("next_try", e.NextTry))
	}
	return slog.GroupValue(attrs...)
}

// MarshalJSON writes the diagnosis as one object: cause, confidence, step, fixer,
// remedy {text, command, url}, evidence [{source, fact}], others [{cause,
// confidence}], challenges [{scheme, params, token68}], and where they exist request, sent, tried, status,
// time, request_id, throttled and next_try. The time is the one that the response
// states in its Date, else this machine's.
func (e *Error) MarshalJSON() ([]byte, error) {
	type sent struct {
		Scheme      string     `json:"scheme"`
		Place       string     `json:"place"`
		Value       string     `json:"value"`
		Fingerprint string     `json:"fingerprint,omitempty"`
		Provenance  string     `json:"found_in"`
		Since       *time.Time `json:"since,omitempty"`
		Expiry      *time.Time `json:"expiry,omitempty"`
	}
	type attempt struct {
		Place  string `json:"place"`
		Answer string `json:"answer"`
	}
	out := struct {
		Cause      Cause       `json:"cause"`
		Confidence Confidence  `json:"confidence"`
		Step       Step        `json:"step"`
		Fixer      Fixer       `json:"fixer"`
		Remedy     Remedy      `json:"remedy"`
		Evidence   []Evidence  `json:"evidence"`
		Others     []Other     `json:"others"`
		Challenges []Challenge `json:"challenges"`
		Request    string      `json:"request,omitempty"`
		Sent       *sent       `json:"sent,omitempty"`
		Tried      []attempt   `json:"tried,omitempty"`
		Status     int         `json:"status,omitempty"`
		Time       *time.Time  `json:"time,omitempty"`
		RequestID  string      `json:"request_id,omitempty"`
		Throttled  bool        `json:"throttled,omitempty"`
		NextTry    *time.Time  `json:"next_try,omitempty"`
	}{
		Cause: e.Cause, Confidence: e.Confidence, Step: e.Step(), Fixer: e.fixer(), Remedy: e.Remedy,
		Evidence: e.Evidence, Others: e.Others, Challenges: []Challenge{}, Request: e.Request,
		Throttled: e.Throttled, NextTry: stated(e.NextTry),
	}
	out.Remedy.Text = e.remedyText()
	if out.Evidence == nil {
		out.Evidence = []Evidence{}
	}
	if out.Others == nil {
		out.Others = []Other{}
	}
	if s := e.Sent; s != nil {
		out.Sent = &sent{s.Scheme, s.Place.String(), s.Masked, s.Fingerprint, s.Provenance.String(), stated(s.Since), stated(s.Expiry)}
	}
	for _, a := range e.Tried {
		out.Tried = append(out.Tried, attempt{a.Place.String(), a.Answer})
	}
	if r := e.Response; r != nil {
		out.Status, out.Time, out.RequestID = r.Status, stated(r.when()), r.RequestID
		out.Challenges = append(out.Challenges, r.Challenges...)
	}
	return json.Marshal(out)
}

func stated(t time.Time) *time.Time {
	if t.IsZero() || t.Year() > 9999 { // which JSON cannot say; issuers write it for never
		return nil
	}
	return &t
}

// oneLine makes foreign words fit for one line of a log or a terminal.
func oneLine(s string) string {
	breaks := func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\ufffd"), breaks), " ")
	if !strings.ContainsFunc(s, invisible) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if invisible(r) {
			return -1
		}
		return r
	}, s)
}

// invisible reports whether a character shows nothing and changes how others are
// shown, such as the order in which they are read.
func invisible(r rune) bool { return unicode.Is(unicode.Cf, r) }

// quoteLimit bounds what is quoted of a foreign error: some hold a whole page.
const quoteLimit = 1 << 10

// AsError returns the diagnosis in err. An error that has none becomes one of
// that place, which quotes it. Its cause is the [Cause] within err if there is
// one, [SourceTimeout] for a deadline that passed, and [SourceFailed] otherwise.
// Of a long text it quotes the beginning; Err has all of it.
func AsError(err error, place Provenance) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	cause, known := errors.AsType[Cause](err)
	switch {
	case known:
	case errors.Is(err, context.DeadlineExceeded):
		cause = SourceTimeout
	default:
		cause = SourceFailed
	}
	words := err.Error()
	if len(words) > quoteLimit {
		words = strings.ToValidUTF8(words[:quoteLimit], "") + "…"
	}
	return &Error{
		Cause: cause, Confidence: Likely,
		Evidence: []Evidence{{Source: place.String(), Fact: "the source failed: " + words}},
		Tried:    []Attempt{{Place: place, Answer: "failed", Err: err}},
		Err:      err,
	}
}

type diagnosisKey struct{}

// A diagnosis names the request and the status that it belongs to: whoever makes
// another request with the context of this one, or sends this one again, must
// not find it there.
type diagnosis struct {
	err    *Error
	req    *http.Request
	status int
}

// Attach makes e the diagnosis of resp, for [FromResponse] to find. It replaces
// resp.Request by a copy with another context, and changes nothing else.
func Attach(resp *http.Response, e *Error) {
	req := resp.Request
	if req == nil {
		req = new(http.Request)
	}
	d := &diagnosis{err: e, status: resp.StatusCode}
	resp.Request = req.WithContext(context.WithValue(req.Context(), diagnosisKey{}, d))
	d.req = resp.Request
}

// FromResponse returns the diagnosis of a response, if it is a refusal that
// went through our transport. The diagnosis rides in the context of
// resp.Request: it is there whatever others did to the body.
func FromResponse(resp *http.Response) (*Error, bool) {
	if resp == nil || resp.Request == nil {
		return nil, false
	}
	d, ok := resp.Request.Context().Value(diagnosisKey{}).(*diagnosis)
	if !ok || d.req != resp.Request || d.status != resp.StatusCode {
		return nil, false
	}
	return d.err, true
}
