package authtest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
)

// A Refusal is a canned answer of an API that does not accept a credential.
// Its text names it in tests. As an [http.Handler] it goes into
// [Config.Refusal] and [API.RefuseNext].
type Refusal string

// The refusals. All but EarlyClose read the request's body first.
const (
	NoChallenge        Refusal = "no challenge"        // 401 with neither challenge nor body
	RealmOnly          Refusal = "realm only"          // 401, Bearer with a realm and no error
	InvalidToken       Refusal = "invalid_token"       // 401, Bearer with error="invalid_token"
	InvalidRequest     Refusal = "invalid_request"     // 400, Bearer with error="invalid_request"
	InsufficientScope  Refusal = "insufficient_scope"  // 403, Bearer with scope="files.read files.write"
	Forbidden          Refusal = "forbidden"           // 403 without a challenge
	StepUp             Refusal = "step up"             // 401, RFC 9470: acr_values="urn:test:mfa", max_age=300
	InsufficientClaims Refusal = "insufficient_claims" // 401, a claims challenge as Microsoft's APIs send it
	BasicOnly          Refusal = "basic only"          // 401, Basic is all that is announced
	ManyChallenges     Refusal = "many challenges"     // 401, four good challenges in two header lines, Bearer the last
	MalformedChallenge Refusal = "malformed challenge" // 401, three broken header lines (quotes, raw UTF-8, garbage) around a good Bearer
	LoginPage          Refusal = "login page"          // 401, an HTML page
	JSONMessage        Refusal = "json message"        // 401, no challenge, a JSON object with a message
	ProblemJSON        Refusal = "problem json"        // 401, no challenge, RFC 9457
	ErrorIn200         Refusal = "error in 200"        // 200, a JSON object with ok=false and error=invalid_auth, as Slack has it
	DeniedIn200        Refusal = "denied in 200"       // 200, a JSON object with status=REQUEST_DENIED, as Google Maps has it
	LoginPageIn200     Refusal = "login page in 200"   // 200, an HTML page
	LoginRedirect      Refusal = "login redirect"      // 302 to a page on the API that is LoginPageIn200 for everybody
	HiddenIn404        Refusal = "hidden in 404"       // 404, as if there were no such thing
	KeyIn403           Refusal = "key in 403"          // 403 without a challenge, a JSON object that blames a missing or expired key
	HugeBody           Refusal = "huge body"           // 401, invalid_token, 10 MiB of text
	TrickleBody        Refusal = "trickle body"        // 401, invalid_token, a byte every 50 ms until the client leaves
	StallBody          Refusal = "stall body"          // 401, invalid_token, headers and then nothing until the client leaves
	EarlyClose         Refusal = "early close"         // 401, invalid_token, before the body is read, and the connection closes
	ProxyAuth          Refusal = "proxy auth"          // 407, Proxy-Authenticate: Basic
	EchoCredential     Refusal = "echo credential"     // 401, the challenge and the body repeat what was sent, secrets and all
)

// Refusals returns all refusals, for tests that range over them.
func Refusals() []Refusal {
	return []Refusal{
		NoChallenge, RealmOnly, InvalidToken, InvalidRequest, InsufficientScope, Forbidden, StepUp, InsufficientClaims,
		BasicOnly, ManyChallenges, MalformedChallenge, LoginPage, JSONMessage, ProblemJSON,
		ErrorIn200, DeniedIn200, LoginPageIn200, LoginRedirect, HiddenIn404, KeyIn403,
		HugeBody, TrickleBody, StallBody, EarlyClose, ProxyAuth, EchoCredential,
	}
}

const invalidToken = `Bearer realm="authtest", error="invalid_token", error_description="the token is not accepted"`

// ServeHTTP answers with the refusal.
func (f Refusal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f != EarlyClose {
		discard(r)
	}
	challenge := func(values ...string) { w.Header()["Www-Authenticate"] = values }
	switch f {
	case NoChallenge:
		w.WriteHeader(http.StatusUnauthorized)
	case RealmOnly:
		challenge(`Bearer realm="authtest"`)
		w.WriteHeader(http.StatusUnauthorized)
	case InvalidToken:
		challenge(invalidToken)
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token", "error_description": "the token is not accepted"})
	case InvalidRequest:
		challenge(`Bearer realm="authtest", error="invalid_request", error_description="the authorization header is not what was expected"`)
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
	case InsufficientScope:
		challenge(`Bearer realm="authtest", error="insufficient_scope", scope="files.read files.write"`)
		writeJSON(w, http.StatusForbidden, map[string]any{"error": "insufficient_scope"})
	case Forbidden:
		writeJSON(w, http.StatusForbidden, map[string]any{"message": "you may not do that"})
	case StepUp:
		challenge(`Bearer error="insufficient_user_authentication", error_description="a stronger login is needed", acr_values="urn:test:mfa", max_age=300`)
		w.WriteHeader(http.StatusUnauthorized)
	case InsufficientClaims:
		// {"access_token":{"acrs":{"essential":true,"value":"c1"}}}
		challenge(`Bearer realm="", authorization_uri="https://login.example/authorize", error="insufficient_claims", ` +
			`claims="eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlIjoiYzEifX19"`)
		w.WriteHeader(http.StatusUnauthorized)
	case BasicOnly:
		challenge(`Basic realm="authtest", charset="UTF-8"`)
		w.WriteHeader(http.StatusUnauthorized)
	case ManyChallenges:
		challenge(`Negotiate dGVzdA==, Digest realm="a, \"b\"", nonce="test-nonce", qop="auth, auth-int", algorithm=SHA-256`,
			`BASIC realm = "authtest",, bearer realm="authtest", error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
	case MalformedChallenge:
		challenge(`Basic realm="a realm "q" é"`, `Digest realm="never ends`, `Bearer realm="authtest", error="invalid_token"`, `=, ;"`)
		w.WriteHeader(http.StatusUnauthorized)
	case LoginPage:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, loginPage)
	case JSONMessage:
		writeJSON(w, http.StatusUnauthorized, map[string]any{"message": "Bad credentials", "documentation_url": "https://api.example/docs"})
	case ProblemJSON:
		w.Header().Set("Content-Type", "application/problem+json")
		writeJSON(w, http.StatusUnauthorized, map[string]any{
			"type": "https://api.example/problems/expired", "title": "Token expired", "status": 401, "detail": "Log in again.",
		})
	case ErrorIn200:
		writeJSON(w, http.StatusOK, map[string]any{"ok": false, "error": "invalid_auth"})
	case DeniedIn200:
		writeJSON(w, http.StatusOK, map[string]any{"status": "REQUEST_DENIED", "error_message": "the key is not valid", "results": []any{}})
	case LoginPageIn200:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, loginPage)
	case LoginRedirect:
		w.Header().Set("Location", loginPath+"?"+url.Values{returnTo: {r.URL.Path}}.Encode())
		w.WriteHeader(http.StatusFound)
	case HiddenIn404:
		writeJSON(w, http.StatusNotFound, map[string]any{"message": "Not Found"})
	case KeyIn403:
		writeJSON(w, http.StatusForbidden, map[string]any{"error": map[string]any{
			"code": 403, "status": "PERMISSION_DENIED", "message": "the key is missing or has expired",
		}})
	case HugeBody:
		const size, line = 10 << 20, "this text goes on and on and on.\n"
		challenge(invalidToken)
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.WriteHeader(http.StatusUnauthorized)
		block := strings.Repeat(line, 1024)
		for left := size; left > 0; left -= len(block) {
			if _, err := io.WriteString(w, block[:min(left, len(block))]); err != nil {
				abort()
			}
		}
	case TrickleBody:
		challenge(invalidToken)
		sendHeaders(w)
		for {
			if _, err := io.WriteString(w, "."); err != nil {
				abort()
			}
			_ = http.NewResponseController(w).Flush()
			waitFor(r.Context(), pace)
		}
	case StallBody:
		challenge(invalidToken)
		sendHeaders(w)
		<-r.Context().Done()
		abort()
	case EarlyClose:
		challenge(invalidToken)
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusUnauthorized)
	case ProxyAuth:
		w.Header().Set("Proxy-Authenticate", `Basic realm="authtest proxy"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
	case EchoCredential:
		echo := strings.Join(append(slices.Clone(r.Header.Values("Authorization")), r.URL.RawQuery), " ")
		challenge(fmt.Sprintf(`Bearer realm="authtest", error="invalid_token", error_description=%q`, "not accepted: "+echo))
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write(dump(r))
	default:
		panic("authtest: no such refusal: " + string(f))
	}
}

// Where LoginRedirect sends clients: the path, with the parameter.
const loginPath, returnTo = "/login", "return_to"

const loginPage = `<!DOCTYPE html>
<html><head><title>Sign in</title></head>
<body><h1>Sign in</h1><form method="post"><input name="user"><input name="password" type="password"></form></body></html>
`

// sendHeaders sends a 401 whose body is to come.
func sendHeaders(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusUnauthorized)
	_ = http.NewResponseController(w).Flush()
}

// dump returns the request's first line and headers, as careless servers and
// proxies show them in their error pages.
func dump(r *http.Request) []byte {
	head, err := httputil.DumpRequest(r, false)
	if err != nil {
		return []byte(err.Error())
	}
	return head
}
