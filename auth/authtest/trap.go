package authtest

import (
	"fmt"
	"net/http"
	"slices"
)

// A Trap is a host that should never see a credential. It serves anything with
// 200, in plain http even if the API does not, and redirects where
// [API.RedirectURL] told it to.
type Trap struct {
	URL     string // on another host than the API
	PortURL string // the same trap on the API's host, on another port

	s     *Server
	book  logbook // guarded by s.mu
	leaks []Leak
}

// A Leak is a credential that reached the trap.
type Leak struct {
	Method, Host, Path string
	Place              string // "header NAME", "query", "path" or "body"
	Credential         string // its label, or "unknown" if the place gives it away but not the value
}

// String returns a line that says what leaked and where. It holds no secret.
func (l Leak) String() string {
	return fmt.Sprintf("%s in the %s of %s %s%s", l.Credential, l.Place, l.Method, l.Host, l.Path)
}

// Leaks returns every credential that reached the trap, in order: those that
// the server knows, wherever they were, and any value in a header or query
// parameter that is for credentials. Of a body the first MiB counts. A healthy
// client leaves none:
//
//	for _, leak := range srv.Trap.Leaks() {
//		t.Error(leak)
//	}
func (t *Trap) Leaks() []Leak {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	return slices.Clone(t.leaks)
}

// Requests returns what arrived, in order: the latest 10,000.
func (t *Trap) Requests() []Request { return t.s.read(&t.book) }

func (t *Trap) serve(w http.ResponseWriter, r *http.Request) {
	entry, w, r := t.s.arrive(&t.book, w, r)
	t.inspect(entry, r, readBody(r))
	if r.URL.Path == redirectPath {
		redirect(w, r)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"trap": true})
}

func (t *Trap) inspect(entry *Request, r *http.Request, body []byte) {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	note := func(place string, labels []string) {
		for _, label := range labels {
			t.leaks = append(t.leaks, Leak{r.Method, r.Host, t.s.mask(r.URL.Path), place, label})
			if entry.Credential == "" {
				entry.Credential, entry.Place = label, place
			}
		}
	}
	for name, values := range r.Header {
		for _, value := range values {
			labels := t.s.find(value)
			if len(labels) == 0 && value != "" && t.s.carriesCredential(name) {
				labels = []string{"unknown"}
			}
			note("header "+name, labels)
		}
	}
	inQuery := t.s.find(r.URL.RawQuery)
	if len(inQuery) == 0 && t.s.maskQuery(r.URL.RawQuery) != r.URL.RawQuery {
		inQuery = []string{"unknown"}
	}
	note("query", inQuery)
	note("path", t.s.find(r.URL.Path))
	note("body", t.s.find(string(body)))
}
