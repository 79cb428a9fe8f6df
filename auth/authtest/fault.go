package authtest

import (
	"io"
	"net/http"
)

// A Fault is a canned failure of the token endpoint. Its text names it in
// tests. As an [http.Handler] it goes into [Issuer.FailNext].
type Fault string

// The faults. Only LostReply grants anything.
const (
	Unavailable     Fault = "unavailable"       // 503, an HTML page
	TooManyRequests Fault = "too many requests" // 429, Retry-After: 30
	InvalidGrant    Fault = "invalid_grant"     // 400
	InvalidClient   Fault = "invalid_client"    // 401, Basic announced
	TokenErrorIn200 Fault = "error in 200"      // 200, a JSON object with an error and no token
	PageIn200       Fault = "page in 200"       // 200, an HTML page
	EchoRequest     Fault = "echo request"      // 400, the description repeats the request, secrets and all
	Hang            Fault = "hang"              // no answer until the client leaves
	Reset           Fault = "reset"             // the connection closes without an answer; nothing was done
	LostReply       Fault = "lost reply"        // the exchange is done, a rotation included; then the connection closes without an answer
	RedirectToTrap  Fault = "redirect to trap"  // 307 to the trap, which gets the form if the client follows
)

// Faults returns all faults, for tests that range over them.
func Faults() []Fault {
	return []Fault{
		Unavailable, TooManyRequests, InvalidGrant, InvalidClient, TokenErrorIn200, PageIn200,
		EchoRequest, Hang, Reset, LostReply, RedirectToTrap,
	}
}

// ServeHTTP answers with the fault.
func (f Fault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, code, description string) {
		writeJSON(w, status, map[string]any{"error": code, "error_description": description})
	}
	page := func(status int, body string) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
	switch f {
	case Unavailable:
		page(http.StatusServiceUnavailable, "<html><body><h1>503 Service Unavailable</h1></body></html>\n")
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
	case LostReply:
		_, _ = serverOf(r).Issuer.grant(r)
		abort()
	case RedirectToTrap:
		http.Redirect(w, r, serverOf(r).Trap.URL+"/token", http.StatusTemporaryRedirect)
	default:
		panic("authtest: no such fault: " + string(f))
	}
}
