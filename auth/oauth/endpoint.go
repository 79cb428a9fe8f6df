package oauth

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/reauth-go/reauth/auth"
	"golang.org/x/oauth2"
)

// maxAnswer bounds what is read of a token endpoint's answer.
const maxAnswer = 1 << 20

// An attempt is one request to a token endpoint and what became of it. It is
// the round tripper that x/oauth2 gets for that one request: it keeps x/oauth2
// and net/http from what they do wrong with tokens, and takes down the facts.
type attempt struct {
	base  http.RoundTripper
	scrub *scrubber
	began time.Time

	proof proof // of the client; it has no provenance if none was sent

	asked     bool        // x/oauth2 made a request
	dialling  atomic.Bool // the transport looked for a connection, so it would have told of one
	connected atomic.Bool

	// What follows is set once RoundTrip has returned.
	err        error       // no answer, or half of one; scrubbed
	received   time.Time   // when the answer was there
	status     int         // 0 if there was none
	header     http.Header // what tells something about a refusal; scrubbed
	retryAfter time.Duration
	location   string // where a redirect leads, as it may be shown
	insecure   bool   // that redirect leads from https to http
	sameOrigin bool   // that redirect stays with the issuer
	tooBig     bool   // the body is larger than maxAnswer
	answer     answer
	body       string   // the beginning of a body that gives no token; scrubbed
	finding    *finding // nil if there is a token
}

// RoundTrip sends the request once and returns the answer in one plain form.
func (a *attempt) RoundTrip(req *http.Request) (*http.Response, error) {
	a.asked = true
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GetConn: func(string) { a.dialling.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { a.connected.Store(true) },
	})
	out := req.WithContext(ctx)
	out.Header = req.Header.Clone()
	out.Header.Set("Accept", "application/json") // GitHub sends a form otherwise
	// An idle connection costs something, and one that the server closes while
	// the next refresh token is written to it costs a login.
	out.Close = true
	if more := a.proof.form(); more != nil {
		form, err := io.ReadAll(req.Body) // of x/oauth2's making: short, and in memory
		_ = req.Body.Close()
		if err != nil {
			a.err = a.scrub.err(err)
			return nil, a.err
		}
		form = append(append(form, '&'), more.Encode()...)
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(form)), int64(len(form))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(form)), nil }
	}

	resp, err := a.base.RoundTrip(out)
	if err == nil && resp == nil {
		err = errors.New("the transport returned neither an answer nor an error")
	}
	if err != nil {
		a.err = a.scrub.err(err)
		return nil, a.err
	}
	a.connected.Store(true) // whatever the transport tells of itself
	var body []byte
	if resp.Body != nil {
		body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
		_ = resp.Body.Close()
	}
	a.received = time.Now()
	switch {
	case err != nil:
		a.err = a.scrub.err(err)
		return nil, a.err
	case len(body) > maxAnswer:
		body, a.tooBig = nil, true // a secret could be cut in two at the limit
	}
	a.status = resp.StatusCode
	a.retryAfter = retryAfter(resp.Header.Get("Retry-After"), a.received)
	a.answer = parseAnswer(resp.Header.Get("Content-Type"), body)
	if a.hasToken() {
		return a.reply(req, resp), nil
	}
	a.header = a.scrub.header(resp.Header)
	if a.status > 299 || a.answer.code != "" {
		// The body of a 200 that makes no sense is not shown: what should have
		// been a token may be in it.
		a.body = a.scrub.text(string(body), maxShown)
	}
	to, err := req.URL.Parse(resp.Header.Get("Location"))
	if err == nil && a.status/100 == 3 && resp.Header.Get("Location") != "" {
		a.location = a.scrub.text(shown(to), maxDescription)
		a.insecure = req.URL.Scheme == "https" && to.Scheme == "http"
		a.sameOrigin = to.Scheme == req.URL.Scheme && strings.EqualFold(to.Host, req.URL.Host)
	}
	return a.reply(req, resp), nil
}

func (a *attempt) hasToken() bool {
	return a.status >= 200 && a.status < 300 && a.answer.code == "" && a.answer.accessToken != ""
}

// reply is what x/oauth2 gets in place of resp.
func (a *attempt) reply(req *http.Request, resp *http.Response) *http.Response {
	return &http.Response{
		StatusCode: a.status, Status: statusLine(a.status),
		Proto: resp.Proto, ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor,
		Header:  http.Header{"Content-Type": {"application/json"}},
		Body:    io.NopCloser(bytes.NewReader(a.answer.plain())),
		Request: req,
	}
}

// unreached reports whether it is certain that nothing was sent: not even a
// connection was made. A transport that does not tell of its connections is
// believed only if the error is one of dialling.
func (a *attempt) unreached() bool {
	switch {
	case a.status != 0 || a.err == nil:
		return false
	case refusedUs(a.err):
		return true // the handshake did not end, so nobody has read the request
	case a.connected.Load():
		return false
	}
	return a.dialling.Load() || dialError(a.err)
}

func dialError(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}

// retrieveError is x/oauth2's error type, filled with what may be shown.
func (a *attempt) retrieveError() error {
	if a.status == 0 {
		return a.err
	}
	return &oauth2.RetrieveError{
		Response: &http.Response{
			StatusCode: a.status, Status: statusLine(a.status),
			Header: a.header.Clone(), Body: http.NoBody,
		},
		Body:             []byte(a.body),
		ErrorCode:        a.scrub.text(a.answer.code, maxCode),
		ErrorDescription: a.scrub.text(a.answer.description, maxDescription),
		ErrorURI:         a.scrub.text(a.answer.uri, maxDescription),
	}
}

func (a *attempt) response() *auth.Response {
	if a.status == 0 {
		return nil
	}
	r := &auth.Response{Status: a.status, Header: a.header, Body: a.body}
	for _, name := range requestIDs {
		if r.RequestID = a.header.Get(name); r.RequestID != "" {
			break
		}
	}
	return r
}

// statusLine does not repeat the server's own words, which may be an echo.
func statusLine(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// retryAfter reads a Retry-After field (RFC 9110 section 10.2.3); zero if there
// is none that can be read, and an hour at most.
func retryAfter(value string, now time.Time) time.Duration {
	const most = time.Hour
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(most/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now.Round(0)), 0), most)
	}
	return 0
}

// proxyAsks reports whether a proxy answered 407 to CONNECT. net/http keeps
// nothing of that answer but the words of its status line.
func proxyAsks(err error) bool {
	return strings.Contains(strings.ToLower(err.Error()), "proxy authentication required")
}

// proxyStatus returns what a proxy answered to CONNECT in place of connecting;
// zero if that is not what happened. Again there are only the words.
func proxyStatus(err error) int {
	for status := 400; status < 600; status++ {
		if text := http.StatusText(status); text != "" && err.Error() == text {
			return status
		}
	}
	return 0
}

// layer names where on the way to the issuer something broke.
func layer(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "time"
	}
	if certificate(err) || refusedUs(err) && !failedHandshake(err) {
		return "TLS certificate"
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "DNS"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "TLS"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		switch op.Op {
		case "dial":
			return "connection"
		case "proxyconnect":
			return "proxy"
		case "remote error", "local error": // crypto/tls's names for alerts
			return "TLS"
		}
	}
	if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() {
		return "time"
	}
	return "connection"
}

// refusedUs reports whether the other side ended the TLS handshake because of
// the client certificate that it got or did not get (RFC 8446 section 6.2).
// crypto/tls gives the alert's name in its words only.
func refusedUs(err error) bool {
	return strings.Contains(alert(err), "certificate") || failedHandshake(err)
}

// failedHandshake reports the alert that, before TLS 1.3, stands for a missing
// client certificate, and for much else.
func failedHandshake(err error) bool { return strings.HasSuffix(alert(err), "handshake failure") }

func alert(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" && op.Err != nil {
		return op.Err.Error()
	}
	return ""
}

// certificate reports whether the certificate of the other side is what is
// wrong. That does not pass by itself.
func certificate(err error) bool {
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, hostname := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	return verification || authority || hostname || invalid
}
