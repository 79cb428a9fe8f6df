package authtest

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRecords is how many requests each origin remembers.
const maxRecords = 10_000

// A Request is one request as it arrived. Credentials that the server knows
// are replaced by their labels in brackets, such as "Bearer [access 3]"; others
// by "[unknown]", if they are where credentials belong.
type Request struct {
	Time     time.Time // when it arrived
	Method   string
	Host     string
	Path     string
	RawQuery string
	Header   http.Header

	// Credential is the label of the credential that was presented: "access 3"
	// or "refresh 3" for the third that the issuer minted, a Key's label,
	// "unknown", or "" if there was none. At the token endpoint it is the
	// refresh token.
	Credential string
	// Place is where the credential was: "header NAME" or "query NAME". At the
	// token endpoint it is where the client's own secret was: "header
	// Authorization", "form", both with a comma, or "".
	Place string
	// Scheme is the first of several words of the Authorization header, as it
	// was sent.
	Scheme string
	// Grant is the grant_type, at the token endpoint.
	Grant string

	// Length is how much of the body was read. SHA256 is its hash in
	// hexadecimal, once it was read to its end.
	Length int64
	SHA256 string
	// Status is what was answered, or 0 as long as nothing was.
	Status int
}

// String returns a line without secrets, such as
// "GET /v1/me with access 3: 401".
func (r Request) String() string {
	line := r.Method + " " + r.Path
	if r.Grant != "" {
		line += ", " + r.Grant
	}
	if r.Credential != "" {
		line += " with " + r.Credential
	} else if r.Grant == "" {
		line += " without a credential"
	}
	if r.Status == 0 {
		return line + ": no answer"
	}
	return line + ": " + strconv.Itoa(r.Status)
}

// Transcript returns one line for each request to API, issuer and trap, in the
// order in which they arrived: the latest 10,000. It holds no secret, so that a
// test can compare it, or show it when it fails.
//
//	API    GET /v1/me with access 1: 401
//	issuer POST /token, client_credentials: 200
//	API    GET /v1/me with access 2: 200
func (s *Server) Transcript() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var text strings.Builder
	for _, entry := range s.book.entries {
		where := "trap  "
		switch entry.book {
		case &s.API.book:
			where = "API   "
		case &s.Issuer.book:
			where = "issuer"
		}
		text.WriteString(where + " " + s.shown(entry).String() + "\n")
	}
	return text.String()
}

// A logbook keeps the latest requests, unmasked. The server's mutex guards it.
type logbook struct{ entries []*entry }

// An entry is a request that is noted in a book, and in the server's too.
type entry struct {
	Request
	book *logbook
}

func (l *logbook) add(r *entry) {
	if len(l.entries) == maxRecords {
		l.entries = l.entries[1:]
	}
	l.entries = append(l.entries, r)
}

// read returns copies of the entries that may be shown.
func (s *Server) read(l *logbook) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	shown := make([]Request, len(l.entries))
	for i, entry := range l.entries {
		shown[i] = s.shown(entry)
		shown[i].RawQuery = s.maskQuery(entry.RawQuery)
		shown[i].Header = s.maskHeader(entry.Header)
	}
	return shown
}

// shown returns the part of an entry that a line shows.
func (s *Server) shown(e *entry) Request {
	r := e.Request
	r.Path, r.Grant = s.mask(r.Path), s.mask(r.Grant)
	r.RawQuery, r.Header = "", nil
	return r
}

// arrive notes a request in l and returns the entry together with a writer and
// a request whose status and body are noted too, always before the client can
// see an answer.
func (s *Server) arrive(l *logbook, w http.ResponseWriter, r *http.Request) (*Request, http.ResponseWriter, *http.Request) {
	noted := &entry{book: l, Request: Request{
		Time: time.Now(), Method: r.Method, Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Header: r.Header.Clone(),
	}}
	s.mu.Lock()
	l.add(noted)
	s.book.add(noted)
	s.mu.Unlock()
	entry := &noted.Request
	r = r.WithContext(r.Context()) // a copy
	r.Body = &bodyMeter{ReadCloser: r.Body, s: s, entry: entry, hash: sha256.New()}
	return entry, &statusMeter{ResponseWriter: w, s: s, entry: entry}, r
}

// A bodyMeter notes length and hash of what is read through it.
type bodyMeter struct {
	io.ReadCloser
	s     *Server
	entry *Request
	hash  hash.Hash
}

func (b *bodyMeter) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.hash.Write(p[:n])
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.entry.Length += int64(n)
	if err != nil {
		b.entry.SHA256 = hex.EncodeToString(b.hash.Sum(nil))
	}
	return n, err
}

// A statusMeter notes the status.
type statusMeter struct {
	http.ResponseWriter
	s     *Server
	entry *Request
}

func (w *statusMeter) WriteHeader(status int) {
	w.s.mu.Lock()
	if w.entry.Status == 0 && status >= 200 {
		w.entry.Status = status
	}
	w.s.mu.Unlock()
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusMeter) Write(p []byte) (int, error) {
	w.s.mu.Lock()
	first := w.entry.Status == 0
	w.s.mu.Unlock()
	if first {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for [http.ResponseController].
func (w *statusMeter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusMeter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// readBody reads a body that is small unless somebody is wrong.
func readBody(r *http.Request) []byte {
	const limit = 1 << 20
	body, _ := io.ReadAll(io.LimitReader(r.Body, limit))
	return body
}
