package authtest

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"net/textproto"
)

// maxRecords is how many requests each origin remembers.
const maxRecords = 10_000

// A Request is one request as it arrived. Credentials that the server knows
// are replaced by their labels in brackets, such as "Bearer [access 3]".
type Request struct {
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
	// Scheme is the first word of the Authorization header, as it was sent.
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

// A logbook keeps the latest requests, unmasked. The server's mutex guards it.
type logbook struct{ entries []*Request }

func (l *logbook) add(r *Request) {
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
		shown[i] = *entry
		shown[i].Path = s.mask(entry.Path)
		shown[i].RawQuery = s.mask(entry.RawQuery)
		shown[i].Header = s.maskHeader(entry.Header)
	}
	return shown
}

// arrive notes a request in l and returns the entry together with a writer and
// a request whose status and body are noted too, always before the client can
// see an answer.
func (s *Server) arrive(l *logbook, w http.ResponseWriter, r *http.Request) (*Request, http.ResponseWriter, *http.Request) {
	entry := &Request{Method: r.Method, Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Header: r.Header.Clone()}
	s.mu.Lock()
	l.add(entry)
	s.mu.Unlock()
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

// carriesCredential reports whether a header's whole value is a credential by
// its nature, known to the server or not.
func carriesCredential(header string) bool {
	switch textproto.CanonicalMIMEHeaderKey(header) {
	case "Authorization", "Proxy-Authorization", "X-Api-Key", "Api-Key", "X-Auth-Token", "Dpop":
		return true
	}
	return false
}
