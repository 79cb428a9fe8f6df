package transcript

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// What Read says of input that it cannot use.
var (
	ErrEmpty      = errors.New("there is nothing to read")
	ErrJSON       = errors.New("this is JSON alone, without the status line and header of a response: curl prints them with -i, or with -v to standard error (2>&1); for one recorded exchange in JSON on each line there is --lines")
	ErrNoResponse = errors.New("there is no response in it, which begins with a status line such as HTTP/1.1 401 Unauthorized: curl prints it with -i, or with -v to standard error (2>&1)")
	ErrTrace      = errors.New("this is what curl writes with --trace, which is for bytes and not for reading: take -v, or -i")
	ErrNoAnswer   = errors.New("curl got no response, so nothing was refused: its own lines say what kept it from one")
)

// Read reads what "curl -i" or "curl -v" printed, or a response as it crossed
// the wire, with or without its request in front of it. Of several exchanges it
// returns the last, and how many refusals were before it: a redirect or a
// handshake ends with the response that counts. More than [MaxBytes] are not
// read.
func Read(r io.Reader) (x *Exchange, refusals int, err error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxBytes))
	if err != nil {
		return nil, 0, err
	}
	raw = utf8Of(raw)
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, 0, ErrEmpty
	}
	if traced.Match(raw) {
		return nil, 0, ErrTrace
	}
	p := parse(raw)
	if p.last == nil { // as a mail quotes it, or a log
		p = parse(unquoted(raw))
	}
	if p.last == nil {
		if failed.Match(raw) {
			return nil, 0, ErrNoAnswer
		}
		if first := bytes.TrimSpace(raw)[0]; first == '{' || first == '[' {
			return nil, 0, ErrJSON
		}
		return nil, 0, ErrNoResponse
	}
	for _, m := range p.all {
		m.finish()
	}
	return p.result()
}

// unquoted takes out what stands in front of a status line, and of the lines after
// it.
func unquoted(raw []byte) []byte {
	found := quoted.FindSubmatch(raw)
	if found == nil {
		return nil
	}
	rest := raw[bytes.Index(raw, found[0]):]
	_, next, _ := bytes.Cut(rest, []byte("\n"))
	if len(bytes.Trim(found[1], " \t>|#")) > 0 && !bytes.HasPrefix(next, found[1]) {
		return nil // one line speaks of a status: nobody quotes so
	}
	var out []byte
	for line := range bytes.Lines(rest) {
		rest, ok := bytes.CutPrefix(line, found[1])
		if !ok && len(bytes.TrimSpace(line)) <= len(bytes.TrimSpace(found[1])) { // its end was trimmed
			rest = []byte("\n")
		}
		out = append(out, rest...)
	}
	return out
}

// utf8Of undoes what a redirection in PowerShell does to a program's output.
func utf8Of(raw []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(raw, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(raw, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return bytes.TrimPrefix(raw, []byte("\ufeff"))
	}
	units := make([]uint16, 0, len(raw)/2)
	for raw = raw[2:]; len(raw) > 1; raw = raw[2:] {
		units = append(units, order.Uint16(raw))
	}
	return []byte(string(utf16.Decode(units)))
}

var (
	statusLine  = regexp.MustCompile(`^HTTP/[0-9](?:\.[0-9])? +([1-9][0-9]{2})(?: .*)?$`)
	requestLine = regexp.MustCompile(`^([A-Z][A-Z-]*) +(\S+) +HTTP/[0-9](?:\.[0-9])?$`)
	// meter matches one state of curl's progress meter, which has a line of its
	// own only on a terminal.
	meter = regexp.MustCompile(`\r?[ 0-9.kMGTP]*(?: +(?:--|[0-9]+):(?:--|[0-5][0-9]):(?:--|[0-5][0-9])){3} +[0-9.]+[kMGTP]?`)
	// marked matches what curl -v puts in front of what it tells, and what its
	// options for times and numbers put before that.
	marked = regexp.MustCompile(`^(?:[0-9:]{8}\.[0-9]{6} )?(?:\[[0-9x-]+\] )?(?:([*<>])(?: |$)|[{}] \[[0-9]+ bytes data\]$)`)
	// told matches where curl goes on in the line that the body ends in.
	told = regexp.MustCompile(`\* (?:Connection #-?[0-9]+ to host|Closing connection|Excess found|shutting down connection|transfer closed|Curl_http_done)`)
	// quoted matches a status line with something in front of it.
	quoted = regexp.MustCompile(`(?m)^([^\r\n]{1,200}?)HTTP/[0-9](?:\.[0-9])? +[1-9][0-9]{2}(?: .*)?\r?$`)
	// failed matches what curl says of its own failures, at the end.
	failed = regexp.MustCompile(`(?m)^curl: \([0-9]+\)|^\* (?:connect to .* failed|Could not resolve|Closing connection)`)
	// traced matches how curl's --trace begins to tell of a message.
	traced = regexp.MustCompile(`(?m)^(?:[0-9:.]+ )?(?:=> Send header|<= Recv header), [0-9]+ bytes \(0x`)
	// stream matches an address in what curl tells of HTTP/2 and HTTP/3.
	stream = regexp.MustCompile(`OPENED stream for (https?://\S+)`)
	secure = regexp.MustCompile(`^(?:SSL connection using|TLSv?1|ALPN|SSL certificate|Server certificate|schannel: SSL|Connected to .* port 443\b)`)
	opened = regexp.MustCompile(`^(?:Connected to| *Trying )`)
	reused = regexp.MustCompile(`^Re-using existing .*\bhost (\S+)`)
)

// A message is one exchange while it is read.
type message struct {
	Exchange
	target string  // of the request, as its first line has it
	sent   []field // nil if the request is not known
	known  bool
	logged bool // by curl, which says whether the connection is secure; a dump does not
	secure bool
	form   []byte // the body of the request, in a dump
	field  string // of the response, that was read last
	body   []byte
}

// A parser takes input apart, line by line.
type parser struct {
	rest []byte
	all  []*message // the newest of them
	last *message   // that has a response

	verbose bool            // the input is that of curl -v
	talked  bool            // curl said something since the header of the last response
	secure  bool            // the connection is
	secured map[string]bool // the hosts to which one is
	address string
	state   state
	doubled bool // a header that curl -iv prints a second time is being read
}

type state uint8

const (
	outside    state = iota
	inRequest        // in a header
	inQuestion       // in a body of a request
	inResponse       // in a header
	inBody
)

func parse(raw []byte) *parser {
	p := &parser{rest: raw, secured: make(map[string]bool)}
	for len(p.rest) > 0 {
		raw := p.rest
		if i := bytes.IndexByte(raw, '\n'); i >= 0 {
			raw = raw[:i+1]
		}
		if n := p.missing(); !p.verbose && n > 0 && n < len(raw) && bytes.HasPrefix(raw[n:], []byte("HTTP/")) {
			raw = raw[:n] // the body had no line break at its end
		}
		p.rest = p.rest[len(raw):]
		p.line(raw)
	}
	return p
}

func (p *parser) line(raw []byte) {
	text := strings.TrimSuffix(strings.TrimSuffix(string(raw[:min(len(raw), 1<<20)]), "\n"), "\r") // a key may end in another \r
	if p.state != inBody || p.verbose {                                                            // no body is changed that need not be
		if strings.Contains(text, ":") && strings.Contains(text, "  ") {
			if cut := meter.ReplaceAllString(text, ""); cut != text {
				text = cut
				if raw = []byte(text + "\n"); strings.TrimSpace(text) == "" {
					return
				}
			}
		}
	}
	if mark := marks(text); mark != nil && (p.verbose || p.state == outside) {
		_, after, _ := strings.Cut(text, mark[1])
		if p.marked(mark[1], strings.TrimPrefix(after, " ")) {
			p.verbose = true
			return
		}
	}
	if p.verbose {
		p.unmarked(raw, text)
		return
	}
	p.plain(raw, text)
}

// marked takes a line of what curl -v tells: "*" about the connection, ">" what
// it sends and "<" what it gets. It reports whether it was one: bodies have lines
// that begin so, too.
func (p *parser) marked(mark, text string) bool {
	switch mark {
	case "*":
		p.talked = true
		switch found := stream.FindStringSubmatch(text); {
		case found != nil:
			p.address, p.secure = found[1], strings.HasPrefix(found[1], "https:")
		case secure.MatchString(text):
			p.secure = true
		case opened.MatchString(text):
			p.secure = false
		default:
			if found := reused.FindStringSubmatch(text); found != nil {
				p.secure = p.secured[strings.Trim(found[1], "'")]
			}
		}
	case ">":
		switch {
		case p.state == inRequest && !requestLine.MatchString(text):
			p.field(text)
		case p.state == inBody && (!p.talked && (p.last.Status/100 != 3 || len(p.last.body) > 0) || len(p.last.body) > 0 && p.missing() > 0):
			return false // a body that looks so: curl says something before it sends again
		default:
			return p.request(text)
		}
	case "<":
		switch {
		case p.state == inResponse && !statusLine.MatchString(text):
			p.field(text)
		case p.state == inBody && p.last.Status >= 200:
			return false
		default:
			return p.response(text)
		}
	}
	return true
}

// unmarked takes a line that curl did not print to its log: of the body, or of
// the header that -i prints besides.
func (p *parser) unmarked(raw []byte, text string) {
	m := p.last
	if len(p.all) == 0 && statusLine.MatchString(text) { // what began like curl's log was something else
		p.verbose = false
		p.plain(raw, text)
	}
	if m == nil || p.state != inBody {
		return
	}
	if statusLine.MatchString(text) && len(m.body) == 0 {
		p.doubled = true
	}
	if p.doubled {
		p.doubled = text != ""
		return
	}
	if strings.Contains(text, "* ") {
		if at := told.FindStringIndex(text); at != nil { // the body had no line break at its end
			raw = []byte(text[:at[0]])
		}
	}
	m.body = append(m.body, raw...)
}

// plain takes a line of a response, or of a request in front of it.
func (p *parser) plain(raw []byte, text string) {
	switch p.state {
	case inRequest, inResponse:
		p.field(text)
	case inBody:
		m := p.last
		// curl leaves out the bodies of responses that it goes on from. But what is
		// just as long as the body should be is that.
		n, stated := p.missing(), m.Header.Get("Content-Length") != ""
		left := len(raw) + len(p.rest)
		omitted := len(bytes.TrimSpace(m.body)) == 0 && (n <= 0 || left > n+2 || left < n)
		if (omitted || stated && n <= 0) && (p.response(text) || p.request(text)) {
			return
		}
		m.body = append(m.body, raw...)
	default:
		if !p.response(text) && !p.request(text) && p.state == inQuestion {
			m := p.all[len(p.all)-1]
			m.form = append(m.form, raw...)
		}
	}
}

// missing is how much of a body that is being read is still to come, by its
// Content-Length; 0 if that is not known.
func (p *parser) missing() int {
	switch {
	case p.state == inBody:
		n, _ := strconv.Atoi(p.last.Header.Get("Content-Length"))
		return n - len(p.last.body)
	case p.state == inQuestion && !p.verbose:
		m := p.all[len(p.all)-1]
		for _, f := range m.sent {
			if strings.EqualFold(f.name, "Content-Length") {
				n, _ := strconv.Atoi(f.value)
				return n - len(m.form)
			}
		}
	}
	return 0
}

// marks finds the mark of a line of curl's log.
func marks(text string) []string {
	if text == "" || !strings.ContainsRune("*<>{}[0123456789", rune(text[0])) {
		return nil // nearly all lines of a body
	}
	return marked.FindStringSubmatch(text)
}

func (p *parser) request(text string) bool {
	if !strings.Contains(text, " HTTP/") {
		return false
	}
	found := requestLine.FindStringSubmatch(text)
	if found == nil {
		return false
	}
	m := &message{target: found[2], known: true, logged: p.verbose, secure: p.secure || !p.verbose}
	m.Method = found[1]
	m.URL, p.address = p.address, ""
	p.add(m)
	p.state, p.doubled = inRequest, false
	return true
}

// add adds an exchange. Old ones are forgotten, no redirects go on for so long,
// and so are requests that got no response.
func (p *parser) add(m *message) {
	if len(p.all) == maxExchanges {
		oldest := 0
		if p.all[0] == p.last {
			oldest = 1
		}
		p.all = slices.Delete(p.all, oldest, oldest+1)
	}
	p.all = append(p.all, m)
}

func (p *parser) response(text string) bool {
	if !strings.HasPrefix(text, "HTTP/") {
		return false
	}
	found := statusLine.FindStringSubmatch(text)
	if found == nil {
		return false
	}
	m := &message{}
	if n := len(p.all); n > 0 && (p.all[n-1].Status == 0 || p.all[n-1].Status < 200) {
		m = p.all[n-1] // of the request before it, or after an interim response
	} else {
		p.add(m)
	}
	m.Status, _ = strconv.Atoi(found[1])
	m.Header, m.body = make(http.Header), nil
	p.last = m
	p.state, p.doubled, p.talked = inResponse, false, false
	return true
}

// field takes a line of a header.
func (p *parser) field(text string) {
	m := p.all[len(p.all)-1]
	if text == "" {
		switch p.state {
		case inRequest:
			p.state = inQuestion
		case inResponse:
			p.state = inBody
		}
		return
	}
	if p.state == inResponse && strings.TrimLeft(text, " \t") != text { // folded, RFC 9112 section 5.2
		if all := m.Header[m.field]; len(all) > 0 && len(all[len(all)-1]) < maxFolded {
			all[len(all)-1] += " " + strings.Trim(text, " \t")
		}
		return
	}
	name, value, ok := strings.Cut(text, ":")
	if name == "" && ok { // of HTTP/2: ":authority"
		name, value, ok = strings.Cut(text[1:], ":")
		name = ":" + name
	}
	if !ok || strings.ContainsAny(name, " \t") {
		return
	}
	value = strings.Trim(value, " \t")
	if p.state == inRequest && strings.EqualFold(name, "Host") && p.verbose {
		p.secured[hostname(value)] = m.secure
	}
	if p.state == inResponse {
		value = strings.TrimRight(value, "\r")
		m.field = textproto.CanonicalMIMEHeaderKey(name)
		add(m.Header, name, value)
	} else if len(m.sent) < maxFields {
		m.sent = append(m.sent, field{name: name, value: value})
	}
}

func hostname(host string) string {
	name, _, _ := strings.Cut(host, ":")
	return name
}

// finish makes the exchange of what was read.
func (m *message) finish() {
	m.Body = m.body
	if m.Header != nil {
		m.clear()
	}
	if !m.known {
		return
	}
	host := ""
	for _, f := range m.sent {
		if strings.EqualFold(f.name, "Host") || f.name == ":authority" {
			host = f.value
		}
	}
	switch {
	case m.URL != "":
	case m.Method == http.MethodConnect:
		m.URL = "https://" + m.target
	case strings.Contains(m.target, "://"): // to a proxy
		m.URL = m.target
	case host != "":
		scheme := "http://"
		if name := hostname(host); m.secure && (m.logged || name != "localhost" && !net.ParseIP(name).IsLoopback()) {
			scheme = "https://"
		}
		m.URL = scheme + host + m.target
	}
	m.carried, m.hide = m.found(m.sent, strings.TrimSpace(string(m.form)))
	if m.carried.scheme == nothing && len(m.form) == 0 && m.hasBody() {
		m.carried.scheme, m.Unseen = "", true
	}
}

// hasBody reports whether the request had one.
func (m *message) hasBody() bool {
	return slices.ContainsFunc(m.sent, func(f field) bool {
		return strings.EqualFold(f.name, "Content-Length") && f.value != "0" || strings.EqualFold(f.name, "Transfer-Encoding")
	})
}

// result returns the last exchange that has a response.
func (p *parser) result() (*Exchange, int, error) {
	last, refusals := p.last, 0
	from := "" // the origin that got the credential, as long as redirects go on from there
	for _, m := range p.all {
		if m == last {
			break
		}
		last.hide = append(last.hide, m.hide...) // what was sent before may be echoed now
		if m.carries() {
			from = origin(m.URL)
		}
		if m.Status > 0 && !m.leadsTo(p.after(m)) {
			from = ""
		}
		if m.Status >= 400 && m.Status <= 499 {
			refusals++
		}
	}
	last.strayed = last.known && !last.carries() && from != "" && from != origin(last.URL)
	return &last.Exchange, refusals, nil
}

// after returns the exchange that came after m.
func (p *parser) after(m *message) *message {
	return p.all[min(slices.Index(p.all, m)+1, len(p.all)-1)]
}

// leadsTo reports whether a response sent the client on to where it went next.
func (m *message) leadsTo(next *message) bool {
	base, err := url.Parse(m.URL)
	if err != nil || m.Status/100 != 3 {
		return false
	}
	to, err := base.Parse(m.Header.Get("Location"))
	return err == nil && origin(to.String()) == origin(next.URL)
}

func (m *message) carries() bool { return m.carried != nil && m.carried.scheme != nothing }

func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}
