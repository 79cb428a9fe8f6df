package transcript_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/cmd/reauth/internal/transcript"
)

// What the recordings carried.
const (
	key      = "acme_fake_K3yF0rTests0nly7f1c90"
	password = "fake-passw0rd-for-tests"
)

var now = time.Date(2026, 11, 23, 9, 12, 4, 0, time.UTC)

// What curl printed, and what has to come of it. Ports are left out of addresses.
var recordings = []struct {
	file     string
	request  string // method and address
	status   int
	body     string
	sent     string // of auth.Sent: place, scheme
	cause    auth.Cause
	refusals int // before the one that counts
}{
	{"verbose", "GET http://127.0.0.1/v1/me", 401, `{"message":"Invalid API key"}`, "Authorization Bearer", auth.InvalidCredential, 0},
	{"verbose_h2", "GET https://127.0.0.1/v1/me", 401, `{"message":"Invalid API key"}`, "Authorization Bearer", auth.InvalidCredential, 0},
	{"verbose_meter", "GET http://127.0.0.1/v1/me", 401, `{"message":"Invalid API key"}`, "Authorization Bearer", auth.InvalidCredential, 0},
	{"verbose_header", "GET http://127.0.0.1/pretty", 401, pretty, "Authorization Bearer", auth.InvalidCredential, 0},
	{"verbose_time", "GET http://127.0.0.1/pretty", 401, pretty, "Authorization Bearer", auth.InvalidCredential, 0},
	{"verbose_redirect", "GET http://localhost/v1/me", 401, "", "", auth.NotSent, 0},
	{"verbose_digest", "GET http://127.0.0.1/digest", 401, "", "Authorization Digest", auth.InvalidCredential, 1},
	{"verbose_connect", "CONNECT https://api.acme.example/", 407, "", "Proxy-Authorization Basic", auth.ProxyAuthRequired, 0},
	{"verbose_proxy", "GET http://api.acme.example/v1/me", 407, "<html><title>407</title></html>", "", auth.ProxyAuthRequired, 0},
	{"verbose_post", "POST http://127.0.0.1/token", 401, `{"message":"Invalid API key"}`, "", auth.InvalidCredential, 0},
	{"verbose_basic", "GET http://127.0.0.1/v1/me", 401, `{"message":"Invalid API key"}`, "Authorization Basic", auth.InvalidCredential, 0},
	{"verbose_query", "GET http://127.0.0.1/v1/me", 401, `{"message":"Invalid API key"}`, "query parameter api_key ApiKey", auth.InvalidCredential, 0},
	{"header", "", 401, `{"message":"Invalid API key"}`, "", auth.InvalidCredential, 0},
	{"header_h2", "", 401, `{"message":"Invalid API key"}`, "", auth.InvalidCredential, 0},
	{"header_meter", "", 401, `{"message":"Invalid API key"}`, "", auth.InvalidCredential, 0},
	{"header_redirect", "", 401, "", "", auth.MissingCredential, 0},
	{"header_digest", "", 401, "", "", auth.MissingCredential, 1},
	{"header_connect", "", 407, "", "", auth.ProxyAuthRequired, 0},
}

const pretty = "{\n  \"error\": {\n    \"message\": \"Incorrect API key provided: " + key + "\"\n  }\n}"

func TestRecordings(t *testing.T) {
	for _, r := range recordings {
		t.Run(r.file, func(t *testing.T) {
			raw, err := os.ReadFile("testdata/" + r.file + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			x, refusals, err := transcript.Read(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			if x.Status != r.status || strings.TrimSpace(string(x.Body)) != r.body || refusals != r.refusals {
				t.Errorf("read %d %q after %d refusals", x.Status, x.Body, refusals)
			}
			if x.Header.Get("Date") != "Mon, 23 Nov 2026 09:12:04 GMT" {
				t.Errorf("header %v", x.Header)
			}
			e := x.Diagnose(now)
			if r.status == 407 && (len(e.Response.Challenges) != 1 || e.Response.Challenges[0].Params["realm"] != "egress") {
				t.Errorf("challenges %v", e.Response.Challenges)
			}
			if got := withoutPort(e.Request); got != r.request {
				t.Errorf("request %q, want %q", got, r.request)
			}
			sent := ""
			if e.Sent != nil {
				sent = e.Sent.Place.String() + " " + e.Sent.Scheme
			}
			if sent != r.sent {
				t.Errorf("sent %q, want %q", sent, r.sent)
			}
			if e.Cause != r.cause {
				t.Errorf("cause %s, want %s:\n%s", e.Cause, r.cause, e.Explain())
			}
			if request := r.request != ""; request { // else the request is unknown, and so is its secret
				silent(t, e, key, password)
			}
		})
	}
}

// withoutPort leaves out the ports that the recordings' servers happened to have.
func withoutPort(s string) string {
	for _, host := range []string{"127.0.0.1:", "localhost:", "example:"} {
		if before, after, ok := strings.Cut(s, host); ok {
			s = before + strings.TrimSuffix(host, ":") + after[strings.IndexByte(after+"/", '/'):]
			if !strings.Contains(after, "/") {
				s += "/"
			}
		}
	}
	return s
}

// silent checks that no form of e shows one of these (L7).
func silent(t *testing.T, e *auth.Error, secrets ...string) {
	t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		t.Error(err)
	}
	text := strings.Join([]string{e.Error(), e.Explain(), string(raw), fmt.Sprintf("%+v %#v", e, e.Response), e.LogValue().String()}, "\n")
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("L7: %q is shown:\n%s", s, text)
		}
	}
}

const refusal = "HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nDate: Mon, 23 Nov 2026 09:12:04 GMT\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\n\r\n{\"message\":\"Invalid token\"}"

// However it got into the file, a response is the same response.
func TestForms(t *testing.T) {
	utf16Of := func(order binary.AppendByteOrder) string {
		out := order.AppendUint16(nil, 0xfeff)
		for _, u := range utf16.Encode([]rune(refusal)) {
			out = order.AppendUint16(out, u)
		}
		return string(out)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(`{"message":"Invalid token"}`)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	head, text, _ := strings.Cut(refusal, "\r\n\r\n")
	for name, input := range map[string]string{
		"as it is":                 refusal,
		"line feeds":               strings.ReplaceAll(refusal, "\r\n", "\n"),
		"byte order mark":          "\ufeff" + refusal,
		"PowerShell":               utf16Of(binary.LittleEndian),
		"UTF-16, big endian":       utf16Of(binary.BigEndian),
		"HTTP/2":                   "HTTP/2 401 \r\n" + refusal[strings.Index(refusal, "\n")+1:],
		"HTTP/3":                   "HTTP/3 401\n" + refusal[strings.Index(refusal, "\n")+1:],
		"after the prompt":         "$ curl -i https://api.acme.example/\n" + refusal,
		"after a list":             "* what I did:\n* curl -i https://api.acme.example/\n\n" + refusal,
		"in a mail":                "On Monday she wrote:\n> " + strings.TrimSuffix(strings.ReplaceAll(refusal, "\r\n", "\n> "), "> "),
		"in a log":                 "12:00 [app] " + strings.ReplaceAll(strings.ReplaceAll(refusal, "\r\n", "\n12:00 [app] "), "[app] \n", "[app]\n"),
		"indented":                 "    " + strings.ReplaceAll(refusal, "\r\n", "\n    "),
		"after 100 Continue":       "HTTP/1.1 100 Continue\r\n\r\n" + refusal,
		"after early hints":        "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" + refusal,
		"through a proxy":          "HTTP/1.1 200 Connection established\r\n\r\n" + refusal,
		"after a redirect":         "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 4\r\n\r\naway" + refusal,
		"chunks":                   head + "\r\nTransfer-Encoding: chunked\r\n\r\n1b\r\n" + text + "\r\n0\r\n\r\n",
		"chunks that curl undid":   head + "\r\nTransfer-Encoding: chunked\r\n\r\n" + text,
		"compressed":               head + "\r\nContent-Encoding: gzip\r\n\r\n" + zipped.String(),
		"compressed, cut off":      head + "\r\nContent-Encoding: gzip\r\n\r\n" + zipped.String()[:zipped.Len()-6],
		"decompressed by curl":     head + "\r\nContent-Encoding: br\r\n\r\n" + text,
		"a field that is folded":   strings.Replace(refusal, "Bearer error", "Bearer\r\n\t error", 1),
		"a line that is no field":  strings.Replace(refusal, "\r\nDate", "\r\nthis is nothing\r\nDate", 1),
		"curl -v, in one line":     "* Connected\n> GET / HTTP/1.1\n> Host: a.example\n> Authorization: Bearer " + key + "\n>\n< " + strings.ReplaceAll(head, "\r\n", "\r\n< ") + "\r\n< \r\n" + text + "* Connection #0 to host a.example left intact\n",
		"its header a second time": "* Connected\n> GET / HTTP/1.1\n> Host: a.example\n> Authorization: Bearer " + key + "\n>\n< " + strings.ReplaceAll(head, "\r\n", "\r\n< ") + "\r\n< \r\n" + refusal,
	} {
		t.Run(name, func(t *testing.T) {
			x, _, err := transcript.Read(strings.NewReader(input))
			if err != nil {
				t.Fatal(err)
			}
			if x.Status != 401 || string(x.Body) != `{"message":"Invalid token"}` {
				t.Errorf("%d %q", x.Status, x.Body)
			}
			if x.Header.Get("Content-Type") != "application/json" || x.Header.Get("Date") == "" || !strings.HasPrefix(x.Header.Get("WWW-Authenticate"), `Bearer`) || x.Header.Get("Content-Encoding") != "" {
				t.Errorf("header %v", x.Header)
			}
			if e := x.Diagnose(now); e.Cause != auth.InvalidCredential {
				t.Errorf("%s:\n%s", e.Cause, e.Explain())
			}
		})
	}
}

// A saved response is judged by the clock of its time, and not by today's.
func TestDate(t *testing.T) {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	token := part(`{"alg":"none"}`) + "." + part(fmt.Sprintf(`{"exp":%d}`, now.Add(time.Hour).Unix())) + "." + part("no-signature-at-all")
	x, _, err := transcript.Read(strings.NewReader(refusal))
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Sent("Authorization: Bearer $T", func(string) (string, bool) { return token, true }); err != nil {
		t.Fatal(err)
	}
	if e := x.Diagnose(now.AddDate(1, 0, 0)); e.Cause == auth.AccessExpired {
		t.Errorf("%s", e.Explain())
	}
	x.Header.Del("Date")
	if e := x.Diagnose(now.AddDate(1, 0, 0)); e.Cause != auth.AccessExpired {
		t.Errorf("%s", e.Explain())
	}
}

// Some credentials are a part of the path: they are not shown, and not said to be
// missing.
func TestL7_PathTokens(t *testing.T) {
	for _, token := range []string{"bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0", "T0fakefake/B0fakefake/abcdEFGHijklMNOPqrstUVWX"} {
		last := token[strings.LastIndexByte(token, '/')+1:]
		for _, host := range []string{"api.telegram.org/" + token + "/getMe", "hooks.slack.com/services/" + token} {
			if strings.HasPrefix(host, "api") != strings.HasPrefix(token, "bot") {
				continue
			}
			address, path, _ := strings.Cut(host, "/")
			x, _, err := transcript.Read(strings.NewReader("GET /" + path + " HTTP/1.1\r\nHost: " + address + "\r\n\r\nHTTP/1.1 401 Unauthorized\r\n\r\n" + last))
			if err != nil {
				t.Fatal(err)
			}
			e := x.Diagnose(now)
			silent(t, e, last)
			if e.Cause == auth.NotSent || e.Sent == nil {
				t.Errorf("%s", e.Explain())
			}
		}
	}
	x, _, err := transcript.Read(strings.NewReader("GET /v1/users/3b1f7d4e-8a52-4c19-9d0e-5f6a7b8c9d0e/orders/2026112300001234567890 HTTP/1.1\r\nHost: a.example\r\n\r\n" + refusal))
	if err != nil {
		t.Fatal(err)
	}
	if e := x.Diagnose(now); e.Cause != auth.NotSent || !strings.Contains(e.Request, "3b1f7d4e-8a52-4c19-9d0e-5f6a7b8c9d0e") {
		t.Errorf("%s", e.Explain())
	}
}

// A dump that begins with the request tells what was sent.
func TestDump(t *testing.T) {
	for name, c := range map[string]struct {
		request string
		cause   auth.Cause
		sent    string
	}{
		"a header":      {"GET /v1/me HTTP/1.1\r\nHost: api.acme.example\r\nX-Api-Key: " + key + "\r\n\r\n", auth.InvalidCredential, "X-Api-Key"},
		"nothing":       {"GET /v1/me HTTP/1.1\r\nHost: api.acme.example\r\nAccept: */*\r\n\r\n", auth.NotSent, ""},
		"a cookie":      {"GET /v1/me HTTP/1.1\r\nHost: api.acme.example\r\nCookie: lang=en; sid=" + key + "\r\n\r\n", auth.InvalidCredential, "Cookie"},
		"a placeholder": {"GET /v1/me HTTP/1.1\r\nHost: api.acme.example\r\nAuthorization: Bearer $ACME_API_KEY\r\n\r\n", auth.PlaceholderValue, "Authorization"},
		"both":          {"GET /v1/me?token=" + password + " HTTP/1.1\r\nHost: api.acme.example\r\nAuthorization: Bearer " + key + "\r\n\r\n", auth.InvalidCredential, "Authorization"},
		"a form":        {"POST /token HTTP/1.1\r\nHost: login.acme.example\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\ngrant_type=refresh_token&refresh_token=" + key + "\r\n\r\n", auth.RefreshRejected, "request-body"},
	} {
		t.Run(name, func(t *testing.T) {
			x, _, err := transcript.Read(strings.NewReader(c.request + refusal[:len(refusal)-1] + `,"you sent":"` + key + " and " + password + `"}`))
			if err != nil {
				t.Fatal(err)
			}
			e := x.Diagnose(now)
			sent := ""
			if e.Sent != nil {
				sent = e.Sent.Place.Header
			}
			if e.Cause != c.cause || sent != c.sent {
				t.Errorf("%s, sent in %q:\n%s", e.Cause, sent, e.Explain())
			}
			if strings.Contains(c.request, key) {
				silent(t, e, key)
			}
			if strings.Contains(c.request, password) {
				silent(t, e, password)
			}
		})
	}
}

func TestSent(t *testing.T) {
	env := map[string]string{"KEY": key, "PASS": password, "WRAPPED": "Bearer " + key, "EMPTY": ""}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	read := func() *transcript.Exchange {
		x, _, err := transcript.Read(strings.NewReader(strings.Replace(refusal, "Invalid token", "Invalid token "+key+password, 1)))
		if err != nil {
			t.Fatal(err)
		}
		x.Method, x.URL = "GET", "https://api.acme.example/v1/me"
		return x
	}
	for spec, want := range map[string]string{
		"Authorization: Bearer $KEY":       "invalid_credential env KEY Authorization Bearer",
		"authorization:Bearer ${KEY}":      "invalid_credential env KEY Authorization Bearer",
		"Authorization: Bearer $WRAPPED":   "malformed_wrapping env WRAPPED Authorization Bearer",
		"Authorization: Bearer ${EMPTY}":   "malformed_wrapping env EMPTY Authorization Bearer",
		"Authorization: Bearer $EMPTY":     "malformed_wrapping env EMPTY Authorization Bearer",
		"Authorization: Basic alice:$PASS": "invalid_credential env PASS Authorization Basic",
		"X-Api-Key: $KEY":                  "invalid_credential env KEY X-Api-Key ApiKey",
		"X-Api-Key: $WRAPPED":              "malformed_wrapping env WRAPPED X-Api-Key ApiKey",
		"api_key=$KEY":                     "invalid_credential env KEY query parameter api_key ApiKey",
		"nothing":                          "not_sent",
	} {
		x := read()
		if err := x.Sent(spec, lookup); err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		e := x.Diagnose(now)
		if strings.Contains(spec, "EMPTY") && e.Confidence != auth.Likely {
			t.Errorf("%s: %s", spec, e.Confidence)
		}
		got := string(e.Cause)
		if e.Sent != nil {
			got += " " + e.Sent.Provenance.String() + " " + e.Sent.Place.String() + " " + e.Sent.Scheme
		}
		if got != want {
			t.Errorf("%s: %s, want %s", spec, got, want)
		}
		for _, s := range []string{key, password} {
			if strings.Contains(spec, "$KEY") && s == key || strings.Contains(spec, "$PASS") && s == password {
				silent(t, e, s)
			}
		}
	}
	for spec, want := range map[string]string{
		"Authorization: Bearer " + key: "names no variable",
		"Authorization: Bearer $NOPE":  "NOPE is not set",
		"something":                    `or "nothing"`,
		"":                             `or "nothing"`,
		": $KEY":                       `or "nothing"`,
	} {
		err := read().Sent(spec, lookup)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v", spec, err)
		}
	}
}

func TestNothingToRead(t *testing.T) {
	for input, want := range map[string]error{
		"":      transcript.ErrEmpty,
		" \r\n": transcript.ErrEmpty,
		`{"error":"upstream said HTTP/1.1 401 Unauthorized"}`: transcript.ErrJSON,
		`{"error":"x"}`:       transcript.ErrJSON,
		"401 Unauthorized":    transcript.ErrNoResponse,
		"* Trying\n> GET / x": transcript.ErrNoResponse,
		"* Could not resolve host: api.acme.example\n* Closing connection 0":       transcript.ErrNoAnswer,
		"== Info: Trying\n=> Send header, 78 bytes (0x4e)\n0000: GET / HTTP/1.1\n": transcript.ErrTrace,
		"curl: (7) Failed to connect":                                              transcript.ErrNoAnswer,
		"GET / HTTP/1.1\r\n\r":                                                     transcript.ErrNoResponse,
	} {
		if x, _, err := transcript.Read(strings.NewReader(input)); !errors.Is(err, want) {
			t.Errorf("%q: %v %v", input, x, err)
		}
	}
}

// What is no refusal is not explained as one.
func TestRefused(t *testing.T) {
	slack := transcript.Exchange{URL: "https://slack.com/api/auth.test", Status: 200, Header: map[string][]string{"Content-Type": {"application/json"}}, Body: []byte(`{"ok":false,"error":"invalid_auth"}`)}
	if !slack.Refused(now) {
		t.Error("a refusal in disguise is none")
	}
	if e := slack.Diagnose(now); e.Cause != auth.InvalidCredential {
		t.Errorf("%s", e.Explain())
	}
	for body, want := range map[string]bool{
		`{"data":null,"errors":[{"message":"Not authenticated","extensions":{"code":"UNAUTHENTICATED"}}]}`: true,
		`{"error":{"message":"Invalid API key"}}`:                                                          true,
		`{"errors":[{"message":"field name is required"}]}`:                                                false,
		`{"errors":[],"token":"invalid"}`:                                                                  false,
		`{"error":null,"message":"Invalid API key"}`:                                                       false,
		"<html><title>Acme: Sign in</title>":                                                               true,
		"<html><title>Acme</title>Invalid API key":                                                         false,
		"Invalid API key": false,
	} {
		x := transcript.Exchange{Status: 200, Header: map[string][]string{}, Body: []byte(body)}
		if x.Refused(now) != want {
			t.Errorf("%s: %v", body, !want)
		}
	}
	slack.URL, slack.Body = "", []byte(`{"ok":false}`)
	for _, status := range []int{200, 302, 500, 503} {
		if slack.Status = status; slack.Refused(now) {
			t.Errorf("%d is a refusal", status)
		}
	}
}

// look reads an input that has to have a response, and explains it.
func look(t *testing.T, input string) (*transcript.Exchange, *auth.Error) {
	t.Helper()
	x, _, err := transcript.Read(strings.NewReader(input))
	if err != nil {
		t.Fatal(err)
	}
	return x, x.Diagnose(now)
}

const answer = "HTTP/1.1 401 Unauthorized\r\nDate: Mon, 23 Nov 2026 09:12:04 GMT\r\nContent-Type: application/json\r\n\r\n"

// TestL7_Requests: whatever a request carried, in whatever place, is not shown
// when the server echoes it.
func TestL7_Requests(t *testing.T) {
	const canary = "Zq7-Kanary9x_TcW4"
	echo := answer + `{"message":"got ` + canary + `"}`
	for name, request := range map[string]string{
		"a field that speaks of it":     "GET / HTTP/1.1\r\nHost: a.example\r\nX-Acme-Pass: @\r\n\r\n",
		"a field that does not":         "GET / HTTP/1.1\r\nHost: a.example\r\nX-Acme: @\r\nAuthorization: Bearer " + key + "\r\n\r\n",
		"a request token":               "GET / HTTP/1.1\r\nHost: a.example\r\nX-CSRF-Token: @\r\nAuthorization: Bearer " + key + "\r\n\r\n",
		"a referer":                     "GET / HTTP/1.1\r\nHost: a.example\r\nReferer: https://b.example/?x=@\r\n\r\n",
		"a cookie among others":         "GET / HTTP/1.1\r\nHost: a.example\r\nCookie: a=b; sid=@; lang=en\r\n\r\n",
		"a parameter":                   "GET /?pwd=@ HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer " + key + "\r\n\r\n",
		"a parameter of any name":       "GET /?u=@ HTTP/1.1\r\nHost: a.example\r\n\r\n",
		"the second of one name":        "GET /?key=abc&key=@ HTTP/1.1\r\nHost: a.example\r\n\r\n",
		"a query that is damaged":       "GET /?a=%zz;key=@ HTTP/1.1\r\nHost: a.example\r\n\r\n",
		"user information":              "GET http://bob:@@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
		"a user name alone":             "GET http://@@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
		"a form behind Basic":           "POST /token HTTP/1.1\r\nHost: a.example\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte("app:"+key)) + "\r\n\r\ngrant_type=refresh_token&refresh_token=@\r\n",
		"a form without a grant":        "POST /token HTTP/1.1\r\nHost: a.example\r\n\r\ndevice_code=@\r\n",
		"JSON":                          "POST /login HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n\r\n{\"user\":\"bob\",\"password\":\"@\"}\r\n",
		"what was sent before":          "GET / HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer @\r\n\r\nHTTP/1.1 302 Found\r\n\r\n",
		"what was sent to another host": "GET / HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer @\r\n\r\nHTTP/1.1 302 Found\r\nLocation: http://b.example/\r\n\r\nGET / HTTP/1.1\r\nHost: b.example\r\n\r\n",
	} {
		input := strings.NewReplacer("@@a", canary+"@a", "@", canary).Replace(request) + echo
		_, e := look(t, input)
		if text := e.Explain(); strings.Contains(text, "Kanary") {
			t.Errorf("L7: %s:\n%s", name, text)
		}
		silent(t, e, canary)
	}
	for _, input := range []string{
		`{"request":{"method":"GET","url":"https://bob:` + canary + `@a.example/?x=` + canary + `"},"response":{"status":401,"body":"got ` + canary + `"}}`,
		`{"request":{"scheme_sent":"none","credential_shape":"` + canary + `"},"response":{"status":401,"body":"got ` + canary + `"}}`,
	} {
		for x, err := range transcript.Lines(strings.NewReader(input)) {
			if err != nil {
				t.Fatal(err)
			}
			silent(t, x.Diagnose(now), canary)
		}
	}
	x, _ := look(t, echo)
	x.Called("bob:" + canary + "@a.example/")
	silent(t, x.Diagnose(now), canary)
}

// Of several values the one in the usual place is the credential, and what goes
// along is none.
func TestWhichValueWasTheCredential(t *testing.T) {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	dead := part(`{"alg":"RS256"}`) + "." + part(`{"exp":1400000000}`) + "." + part("synthetic-signature-not-real")
	for name, c := range map[string]struct {
		request string
		sent    string
		cause   auth.Cause
		most    auth.Confidence
	}{
		"a key beside what makes it safe to repeat": {"POST / HTTP/1.1\r\nIdempotency-Key: 7f1c90aa5be24d61\r\nX-Api-Key: " + key + "\r\n", "X-Api-Key", auth.InvalidCredential, auth.Possible},
		"a key beside an address":                   {"POST / HTTP/1.1\r\nX-Auth-Email: bob@api.acme.example\r\nX-Auth-Key: " + key + "\r\n", "X-Auth-Key", auth.InvalidCredential, auth.Possible},
		"an old hint":                               {"GET /logout?id_token_hint=" + dead + " HTTP/1.1\r\n", "", auth.NotSent, auth.Likely},
		"an old cookie among others":                {"GET / HTTP/1.1\r\nCookie: sid=7f1c90aa5be24d61; consent=" + dead + "\r\n", "Cookie", auth.AccessExpired, auth.Likely},
		"an old token beside a key":                 {"GET / HTTP/1.1\r\nX-Edge-Token: " + dead + "\r\nX-Api-Key: " + key + "\r\n", "X-Edge-Token", auth.AccessExpired, auth.Likely},
		"an old token":                              {"GET / HTTP/1.1\r\nAuthorization: Bearer " + dead + "\r\nX-Api-Key: " + key + "\r\n", "Authorization", auth.AccessExpired, auth.Certain},
	} {
		_, e := look(t, c.request+"Host: api.acme.example\r\n\r\n"+answer+"{}")
		sent := ""
		if e.Sent != nil {
			sent = e.Sent.Place.Header
		}
		if sent != c.sent || e.Cause != c.cause || e.Confidence > c.most || strings.Contains(e.Request, "[masked]") {
			t.Errorf("%s:\n%s", name, e.Explain())
		}
	}
	_, e := look(t, "GET / HTTP/1.1\r\nHost: api.acme.example\r\nX-Api-Key: "+key+"\r\nAuthorization: Basic YWxpY2U6c2VzYW1lLTEyMw==\r\nCookie: a=b\r\n\r\n"+answer+"{}")
	if text := e.Explain(); !strings.Contains(text, "it carried X-Api-Key as well") || !slices.ContainsFunc(e.Others, func(o auth.Other) bool { return o.Cause == auth.AmbiguousCredentials }) {
		t.Errorf("two credentials:\n%s", text)
	}
	// Without a date nobody knows whether it had expired then, and a limit is no
	// matter of the token's age.
	request := "GET / HTTP/1.1\r\nHost: api.acme.example\r\nAuthorization: Bearer " + dead + "\r\n\r\n"
	if _, e := look(t, request+"HTTP/1.1 401 Unauthorized\r\n\r\n"); e.Cause != auth.AccessExpired || e.Confidence != auth.Likely || strings.Contains(e.Explain(), "before it was refused") || strings.Contains(e.Explain(), "refused at") {
		t.Errorf("undated:\n%s", e.Explain())
	}
	if _, e := look(t, request+strings.Replace(answer, "401 Unauthorized", "429 Too Many Requests", 1)); e.Cause != auth.RateOrQuota {
		t.Errorf("a limit:\n%s", e.Explain())
	}
}

// A body is a body, whatever stands in it.
func TestBodiesThatLookLikeMore(t *testing.T) {
	body := "Example:\n> GET /other HTTP/1.1\n> Authorization: Bearer YOUR_KEY\n>\n< HTTP/1.1 403 Forbidden\n<\n"
	head := "* Connected to a.example\n> GET /v1 HTTP/1.1\n> Host: a.example\n> Authorization: Bearer " + key + "\n>\n< HTTP/1.1 401 Unauthorized\n"
	for name, input := range map[string]string{
		"of stated length": head + fmt.Sprintf("< Content-Length: %d\n<\n", len(body)) + body + "* Connection #0 to host a.example left intact\n",
		"of no length":     head + "<\n" + body + "* Connection #0 to host a.example left intact\n",
		"many requests":    head + "<\n* x\n" + strings.Repeat("> GET /x HTTP/1.1\n>\n", 200),
		"braces":           head + "<\n{\n}\n* Connection #0 to host a.example left intact\n",
	} {
		x, e := look(t, input)
		if x.Status != 401 || e.Sent == nil || !strings.HasSuffix(e.Request, "/v1") {
			t.Errorf("%s: %d %q\n%s", name, x.Status, x.Body, e.Explain())
		}
	}
	inner := "HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello"
	if x, _ := look(t, fmt.Sprintf("HTTP/1.1 401 Unauthorized\r\nContent-Length: %d\r\n\r\n%s", len(inner), inner)); x.Status != 401 || string(x.Body) != inner {
		t.Errorf("%d %q", x.Status, x.Body)
	}
	if _, e := look(t, "GET /a HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"+answer); e.Request != "GET http://127.0.0.1:8080/a" {
		t.Errorf("%s", e.Request)
	}
	glued := "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nAuthorization: Bearer " + key + "\r\n\r\na=b&c" + answer
	if x, e := look(t, glued); x.Status != 401 || e.Sent == nil {
		t.Errorf("glued: %s", e.Explain())
	}
}

// The credential was left out because of a redirect only if one led there.
func TestStrayed(t *testing.T) {
	hop := func(url, host, credential, answer string) string {
		return "* Connected to " + host + "\n> GET " + url + " HTTP/1.1\n> Host: " + host + "\n" + credential + ">\n< HTTP/1.1 " + answer + "<\n* Connection #0 left intact\n"
	}
	bearer := "> Authorization: Bearer " + key + "\n"
	for name, c := range map[string]struct {
		input string
		want  auth.Confidence
	}{
		"led away":                {hop("/a", "a.example", bearer, "302 Found\n< Location: http://b.example/\n") + hop("/", "b.example", "", "401 No\n"), auth.Certain},
		"led away by two":         {hop("/a", "a.example", bearer, "302 Found\n< Location: http://b.example/\n") + hop("/", "b.example", "", "302 Found\n< Location: http://c.example/\n") + hop("/", "c.example", "", "401 No\n"), auth.Certain},
		"two requests":            {hop("/a", "a.example", bearer, "302 Found\n< Location: http://elsewhere.example/\n") + hop("/", "b.example", "", "401 No\n"), auth.Likely},
		"an answer between":       {hop("/a", "a.example", bearer, "200 OK\n") + hop("/", "b.example", "", "401 No\n"), auth.Likely},
		"the same, with its port": {hop("/a", "a.example", bearer, "302 Found\n< Location: http://a.example:80/b\n") + hop("/b", "a.example:80", "", "401 No\n"), auth.Likely},
	} {
		_, e := look(t, c.input)
		if e.Cause != auth.NotSent || e.Confidence != c.want {
			t.Errorf("%s:\n%s", name, e.Explain())
		}
	}
	reused := "* Connected to a.example (1.2.3.4) port 443\n* ALPN: offers h2\n" + "> GET /a HTTP/1.1\n> Host: a.example\n>\n< HTTP/1.1 302 Found\n<\n* Connected to b.example (1.2.3.5) port 80\n" +
		"> GET / HTTP/1.1\n> Host: b.example\n>\n< HTTP/1.1 302 Found\n<\n* Re-using existing connection with host a.example\n> GET /z HTTP/1.1\n> Host: a.example\n>\n< HTTP/1.1 401 No\n<\n"
	if _, e := look(t, reused); e.Request != "GET https://a.example/z" {
		t.Errorf("%s", e.Request)
	}
}
