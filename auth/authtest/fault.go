package authtest

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

// A Fault is a canned failure of the token endpoint or of the API. Its text
// names it in tests. As an [http.Handler] it goes into [Issuer.FailNext],
// [Issuer.FailFor], [API.FailNext] and [API.FailFor].
type Fault string

// The faults. Those that end in Reply do what was asked first: the token is
// minted, a rotation included, or the request is judged and served. All others
// do nothing but read the body. Those from InvalidGrant to PageIn200 are meant
// for the token endpoint.
const (
	InternalError   Fault = "internal error"    // 500, a JSON object without an OAuth error
	Unavailable     Fault = "unavailable"       // 503, an HTML page
	Maintenance     Fault = "maintenance"       // 503, Retry-After: a date, 30 s from now by the servers' clock
	TooManyRequests Fault = "too many requests" // 429, Retry-After: 30
	InvalidGrant    Fault = "invalid_grant"     // 400
	InvalidClient   Fault = "invalid_client"    // 401, Basic announced
	TokenErrorIn200 Fault = "error in 200"      // 200, a JSON object with an error and no token
	PageIn200       Fault = "page in 200"       // 200, an HTML page
	EchoRequest     Fault = "echo request"      // 400, the description repeats the request, secrets and all
	Hang            Fault = "hang"              // no answer until the client leaves
	Reset           Fault = "reset"             // the connection closes without an answer
	LostReply       Fault = "lost reply"        // done; then the connection closes without an answer
	TrickleReply    Fault = "trickle reply"     // done; the answer's body comes whole, a byte every 50 ms
	StallReply      Fault = "stall reply"       // done; half of the body comes, then nothing until the client leaves
	CutReply        Fault = "cut reply"         // done; half of the body comes, then the connection closes
	HalfReply       Fault = "half reply"        // done; half of the body comes as if it was all of it: JSON that does not parse
	RedirectToTrap  Fault = "redirect to trap"  // 307 to the same path and query on the trap, which gets the body too if the client follows
	RedirectToPort  Fault = "redirect to port"  // the same, to the trap as another port of the API's host
)

// Faults returns all faults, for tests that range over them.
func Faults() []Fault {
	return []Fault{
		InternalError, Unavailable, Maintenance, TooManyRequests, InvalidGrant, InvalidClient, TokenErrorIn200, PageIn200,
		EchoRequest, Hang, Reset, LostReply, TrickleReply, StallReply, CutReply, HalfReply, RedirectToTrap, RedirectToPort,
	}
}

// ServeHTTP answers with the fault. Faults that end in Reply, Maintenance and
// the redirects need a request from FailNext or FailFor.
func (f Fault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code, description string) {
		writeJSON(w, status, map[string]any{"error": code, "error_description": description})
	}
	page := func(status int, body string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
	const unavailable = "<html><body><h1>503 Service Unavailable</h1></body></html>\n"
	switch f {
	case EchoRequest, LostReply, TrickleReply, StallReply, CutReply, HalfReply: // need the body
	default:
		discard(r)
	}
	switch f {
	case InternalError:
		writeJSON(w, http.StatusInternalServerError, map[string]any{"message": "something went wrong"})
	case Unavailable:
		page(http.StatusServiceUnavailable, unavailable)
	case Maintenance:
		w.Header().Set("Retry-After", arrivedAt(r).s.now().Add(30*time.Second).UTC().Format(http.TimeFormat))
		page(http.StatusServiceUnavailable, unavailable)
	case TooManyRequests:
		w.Header().Set("Retry-After", "30")
		refuse(http.StatusTooManyRequests, "temporarily_unavailable", "too many requests")
	case InvalidGrant:
		refuse(http.StatusBadRequest, "invalid_grant", "the grant is not accepted")
	case InvalidClient:
		w.Header().Set("WWW-Authenticate", `Basic realm="authtest"`)
		refuse(http.StatusUnauthorized, "invalid_client", "the client is not accepted")
	case TokenErrorIn200:
		refuse(http.StatusOK, "invalid_grant", "the grant is not accepted")
	case PageIn200:
		page(http.StatusOK, loginPage)
	case EchoRequest:
		body, _ := io.ReadAll(r.Body)
		refuse(http.StatusBadRequest, "invalid_request", "not understood: "+string(dump(r))+string(body))
	case Hang:
		<-r.Context().Done()
		abort()
	case Reset:
		abort()
	case LostReply, TrickleReply, StallReply, CutReply, HalfReply:
		f.spoil(w, r)
	case RedirectToTrap:
		http.Redirect(w, r, arrivedAt(r).s.Trap.URL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	case RedirectToPort:
		http.Redirect(w, r, arrivedAt(r).s.Trap.PortURL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	default:
		panic("authtest: no such fault: " + string(f))
	}
}

// spoil lets the endpoint do what was asked, and loses or spoils its answer.
func (f Fault) spoil(w http.ResponseWriter, r *http.Request) {
	done := reply{header: w.Header(), status: http.StatusOK}
	arrivedAt(r).act(&done, r)
	if f == LostReply {
		abort()
	}
	body := done.body.Bytes()
	sent, stated := body[:len(body)/2], len(body)
	switch f {
	case TrickleReply:
		sent = nil
	case HalfReply:
		stated = len(sent)
	}
	w.Header().Set("Content-Length", strconv.Itoa(stated))
	w.WriteHeader(done.status)
	_, _ = w.Write(sent)
	if f == HalfReply {
		return
	}
	_ = http.NewResponseController(w).Flush()
	switch f {
	case CutReply:
		abort()
	case StallReply:
		<-r.Context().Done()
		abort()
	}
	for i := range body {
		if _, err := w.Write(body[i : i+1]); err != nil {
			abort()
		}
		_ = http.NewResponseController(w).Flush()
		waitFor(r.Context(), pace)
	}
}

// pace is the time between the bytes of what trickles.
const pace = 50 * time.Millisecond

// A reply is an answer that was not sent.
type reply struct {
	header http.Header
	status int
	body   bytes.Buffer
	begun  bool
}

func (a *reply) Header() http.Header { return a.header }

func (a *reply) WriteHeader(status int) {
	if !a.begun && status >= 200 {
		a.status, a.begun = status, true
	}
}

func (a *reply) Write(p []byte) (int, error) {
	a.begun = true
	return a.body.Write(p)
}

// Late returns a handler for FailNext and FailFor that does nothing for d, and
// then what would have been done at once: an endpoint that is only slow.
func Late(d time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := arrivedAt(r)
		waitFor(r.Context(), d)
		at.act(w, r)
	})
}

// forced are answers that come whatever is asked. The server's mutex guards it.
type forced struct {
	left  int
	until time.Time // if set, left does not count
	with  http.Handler
}

func (f *forced) take() (with http.Handler, ok bool) {
	if !f.until.IsZero() {
		return f.with, time.Now().Before(f.until)
	}
	if f.left <= 0 {
		return nil, false
	}
	f.left--
	return f.with, true
}
