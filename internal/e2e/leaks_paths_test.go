package e2e_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/transport/retry"
)

// awkward is a secret of signs that encoders escape, so that no eight characters
// of it survive one as they are. It is no key of anybody's.
const awkward = `fk"Zq&8w'Qx2%vR<t6m+Yp/4n\Ls=9b>Hc3.d`

// tokenlike is one that has to be letters and digits only.
const tokenlike = "fkTq7wHx2vRd6mCp4nJs9bGc3dWe8z"

// assertionlike returns a JSON Web Token. Its header and who it is about are
// public; its id and its signature are not.
func assertionlike() string {
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return part(map[string]any{"alg": "RS256", "typ": "JWT"}) + "." +
		part(map[string]any{"sub": "workload", "exp": time.Now().Add(time.Hour).Unix(), "jti": tokenlike}) + "." + tokenlike
}

// A way is one in which a credential is found and sent. The canaries stand in
// everything of it that is secret.
type way struct {
	name    string
	source  func(srv *authtest.Server, rt http.RoundTripper) auth.Source // nil: what Config.Name finds
	scheme  auth.Scheme
	env     []string // pairs, for Config.Name
	query   bool     // the key is in the URL
	issuer  bool     // a token endpoint is asked
	foreign bool     // by a library that we cannot mend
}

// The keyring is the process's: no test with these ways runs beside another.
func ways(t *testing.T) []way {
	ring := authtest.NewKeyring(authtest.KeyringConfig{})
	t.Cleanup(ring.Close)
	ring.Put("leaksKEYRING", "default", awkward)
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	static := func(v string) func(*authtest.Server, http.RoundTripper) auth.Source {
		return func(*authtest.Server, http.RoundTripper) auth.Source { return auth.Static(v) }
	}
	app := func(style oauth2.AuthStyle, o oauth.Options) func(*authtest.Server, http.RoundTripper) auth.Source {
		return func(srv *authtest.Server, rt http.RoundTripper) auth.Source {
			o.Transport = rt
			return wanted(oauth.ClientCredentials(&clientcredentials.Config{ClientID: "leak-test", TokenURL: srv.Issuer.TokenURL, AuthStyle: style}, o))
		}
	}
	return []way{
		{name: "bearer", source: static(awkward)},
		{name: "token", source: static(awkward), scheme: auth.Token},
		{name: "JWT", source: static(assertionlike())},
		{name: "variable", env: []string{"API_KEY", awkward}},
		{name: "file", source: func(*authtest.Server, http.RoundTripper) auth.Source { return auth.File(file(awkward)) }},
		{name: "mounted file", env: []string{"TOKEN_FILE", file(tokenlike)}},
		{name: "keyring", env: []string{"KEYRING", ""}},
		{name: "header", source: static(awkward), scheme: auth.APIKeyHeader("X-Api-Key")},
		{name: "query", source: static(awkward), scheme: auth.APIKeyQuery("key"), query: true},
		{name: "query, two lines", source: static(awkward[:20] + "\n" + awkward[20:]), scheme: auth.APIKeyQuery("key"), query: true},
		{name: "basic", source: func(*authtest.Server, http.RoundTripper) auth.Source {
			return auth.WithUsername("user", auth.Static(awkward))
		}, scheme: auth.Basic},
		{name: "basic, a pair", source: static("user:" + awkward), scheme: auth.Basic},
		{name: "basic, a key for a user", source: static(awkward + ":"), scheme: auth.Basic},
		{name: "client secret in Basic", source: app(oauth2.AuthStyleInHeader, oauth.Options{ClientSecret: auth.Static(awkward)}), issuer: true},
		{name: "client secret in the form", source: app(oauth2.AuthStyleInParams, oauth.Options{ClientSecret: auth.Static(awkward)}), issuer: true},
		{name: "client secret in the environment", env: []string{"CLIENT_ID", "leak-test", "CLIENT_SECRET", awkward, "TOKEN_URL", ""}, issuer: true},
		{name: "client assertion", source: app(0, oauth.Options{ClientAssertion: auth.File(file(assertionlike()))}), issuer: true},
		{name: "refresh token", source: func(srv *authtest.Server, rt http.RoundTripper) auth.Source {
			return wanted(oauth.RefreshToken(&oauth2.Config{ClientID: "leak-test", ClientSecret: awkward, Endpoint: oauth2.Endpoint{TokenURL: srv.Issuer.TokenURL}},
				auth.Static(awkward), oauth.Options{Transport: rt}))
		}, issuer: true},
		{name: "x/oauth2's own source", source: func(srv *authtest.Server, rt http.RoundTripper) auth.Source {
			return oauth.FromTokenSource((&clientcredentials.Config{
				ClientID: "leak-test", ClientSecret: awkward, TokenURL: srv.Issuer.TokenURL, AuthStyle: oauth2.AuthStyleInHeader,
			}).TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: rt})))
		}, issuer: true, foreign: true},
	}
}

// config returns the way's configuration. What it tells comes into the journal.
func (w way) config(t *testing.T, srv *authtest.Server, rt http.RoundTripper, seen *journal) reauth.Config {
	cfg := reauth.Config{
		BaseURL: srv.API.URL, Scheme: w.scheme, Hook: seen.hook, Transport: rt,
		Retry:  retry.Config{Retries: 1, MinWait: time.Millisecond, MaxWait: 2 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&seen.log, nil))},
		Remedy: func(e *auth.Error) auth.Remedy { seen.add("the remedy hook", everything(e)); panic(awkward) },
	}
	if w.source != nil {
		cfg.Source = w.source(srv, rt)
		return cfg
	}
	cfg.Name = "leaks" + w.env[0]
	for i := 0; i < len(w.env); i += 2 {
		value := w.env[i+1]
		if w.env[i] == "TOKEN_URL" {
			value = srv.Issuer.TokenURL
		}
		setenv(t, strings.ToUpper(cfg.Name)+"_"+w.env[i], value)
	}
	return cfg
}

// granted makes the issuer take whatever secret comes, as far as it matters here,
// and give tokens that are canaries.
func granted() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"access_token": tokenlike + "-access-" + time.Now().Format("150405.000000000"), "token_type": "Bearer", "expires_in": 3600, "refresh_token": tokenlike + "-refresh", "scope": "read",
		})
	})
}

// A journal has what one program could print.
type journal struct {
	log  bytes.Buffer // of the retry layer
	mu   sync.Mutex
	told []told
}

type told struct{ what, text string }

func (j *journal) add(what, text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.told = append(j.told, told{what, text})
}

func (j *journal) hook(_ context.Context, e auth.Event) {
	j.add("the event "+string(e.Kind), everything(e))
	panic(awkward) // which is contained, and told to nobody
}

// sentOf returns the secrets that a request carries, as a server has them.
func sentOf(r *http.Request) []string {
	var all []string
	if kind, value, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		all = append(all, value)
		if pair, err := base64.StdEncoding.DecodeString(value); err == nil && kind == "Basic" {
			all = append(all, string(pair))
			if _, password, ok := strings.Cut(string(pair), ":"); ok {
				all = append(all, password)
				if plain, err := url.QueryUnescape(password); err == nil {
					all = append(all, plain)
				}
			}
		}
	}
	_ = r.ParseForm()
	for _, value := range []string{r.Header.Get("X-Api-Key"), r.Form.Get("key"), r.Form.Get("client_secret"), r.Form.Get("client_assertion"), r.Form.Get("refresh_token")} {
		if value != "" {
			all = append(all, value)
		}
	}
	if r.URL.RawQuery != "" {
		all = append(all, r.URL.RawQuery)
	}
	return all
}

// An answer of a server that repeats what it was sent. say is one line.
type answer func(w http.ResponseWriter, r *http.Request, say string)

// line makes what a server says fit for a header field.
func line(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }

// repeats puts the words into every header that somebody may look at.
func repeats(w http.ResponseWriter, r *http.Request, say string) {
	for _, name := range []string{"X-Request-Id", "X-Echo", "Server", "Via", "Set-Cookie", "Retry-After"} {
		w.Header().Set(name, line(say))
	}
	w.Header().Set("Link", "<http://"+r.Host+r.URL.RequestURI()+"&page=2>; rel=next, </v1?"+r.URL.RawQuery+">; rel=prev")
	w.Header().Set("Content-Location", r.URL.RequestURI())
	w.Header().Set("Refresh", "5; url="+r.URL.RequestURI())
}

func jsonBody(w http.ResponseWriter, status int, members map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(members)
}

// raw answers with these bytes, which need not be HTTP.
func raw(w http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(conn, text)
	_ = conn.Close()
}

// onceTo redirects a request, and answers 401 to those that come from there.
func onceTo(where func(r *http.Request, say string) string) answer {
	return func(w http.ResponseWriter, r *http.Request, say string) {
		if r.Header.Get("X-Hop") != "" || strings.HasPrefix(r.URL.Path, "/there") {
			refused(w, r, say)
			return
		}
		repeats(w, r, say)
		w.Header().Set("Location", where(r, line(say)))
		w.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(w, say)
	}
}

func refused(w http.ResponseWriter, r *http.Request, say string) {
	repeats(w, r, say)
	w.Header()["Www-Authenticate"] = []string{
		fmt.Sprintf(`Bearer realm=%q, error="invalid_token", error_description=%q, error_uri="https://acme.example/%s"`, line(say), line(say), url.PathEscape(say)),
		fmt.Sprintf(`Basic realm=%q`, line(say)), "Negotiate " + line(say), line(say),
	}
	jsonBody(w, http.StatusUnauthorized, map[string]any{"error": say, "message": say, "request_id": say, "documentation_url": "https://acme.example/" + say, say: say})
}

// answering answers with a status and everything that fits.
func answering(code int) answer {
	return func(w http.ResponseWriter, r *http.Request, say string) {
		repeats(w, r, say)
		jsonBody(w, code, map[string]any{"error": say, "message": say, "id": say})
	}
}

// ofAPI are the answers of the API.
func ofAPI(dead, foreign string) map[string]answer {
	return map[string]answer{
		"401": refused,
		"401, a page": func(w http.ResponseWriter, _ *http.Request, say string) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(401)
			_, _ = io.WriteString(w, "<html><title>"+say+"</title><h1>"+say+"</h1>"+say)
		},
		"401, a form": func(w http.ResponseWriter, _ *http.Request, say string) {
			w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
			w.WriteHeader(401)
			_, _ = io.WriteString(w, "error=invalid_token&error_description="+say+"&request_id="+say)
		},
		"401, words": func(w http.ResponseWriter, r *http.Request, say string) {
			w.WriteHeader(401)
			head, _ := httputil.DumpRequest(r, true)
			_, _ = fmt.Fprintf(w, "%s\n%s", say, head)
		},
		"403 of a scope": func(w http.ResponseWriter, _ *http.Request, say string) {
			w.Header().Set("Www-Authenticate", fmt.Sprintf(`Bearer error="insufficient_scope", scope=%q`, line(say)))
			jsonBody(w, 403, map[string]any{"message": say})
		},
		"403": answering(403), "404": answering(404), "422": answering(422), "429": answering(429), "500": answering(500), "503": answering(503), "300": answering(300), "304": answering(304),
		"407": func(w http.ResponseWriter, _ *http.Request, say string) {
			w.Header().Set("Proxy-Authenticate", fmt.Sprintf(`Basic realm=%q`, line(say)))
			jsonBody(w, 407, map[string]any{"message": say})
		},
		"200 of another type": func(w http.ResponseWriter, _ *http.Request, say string) {
			w.Header().Set("Content-Type", "text/plain; for="+line(say))
			_, _ = io.WriteString(w, say)
		},
		"200 of another shape": func(w http.ResponseWriter, _ *http.Request, say string) {
			jsonBody(w, 200, map[string]any{"At": say, "N": say})
		},
		"redirect to itself": onceTo(func(r *http.Request, say string) string {
			return "/there/" + url.PathEscape(say) + "?next=" + url.QueryEscape(say) + "&" + r.URL.RawQuery + "#" + url.PathEscape(say)
		}),
		"redirect in other words": onceTo(func(_ *http.Request, say string) string { return "/there?" + say }),
		"redirect to nobody": onceTo(func(r *http.Request, say string) string {
			return dead + "/" + url.PathEscape(say) + "?next=" + url.QueryEscape(say) + "&" + r.URL.RawQuery
		}),
		"redirect to others": onceTo(func(r *http.Request, _ string) string { return foreign + "/x?a=1&" + r.URL.RawQuery }),
		"redirect to others that refuse": onceTo(func(_ *http.Request, say string) string {
			return foreign + "/refuse/" + url.PathEscape(say) + "?next=" + url.QueryEscape(say)
		}),
		"redirect to others that do not have it": onceTo(func(_ *http.Request, say string) string { return foreign + "/missing/" + url.PathEscape(say) }),
		"redirect to nowhere":                    onceTo(func(_ *http.Request, say string) string { return "http://[" + say }),
		"redirect to another scheme": onceTo(func(_ *http.Request, say string) string {
			return "gopher://x.example/" + url.PathEscape(say)
		}),
		"redirect without a place": func(w http.ResponseWriter, r *http.Request, say string) {
			repeats(w, r, say)
			w.WriteHeader(http.StatusFound)
			_, _ = io.WriteString(w, say)
		},
		"no HTTP":   func(w http.ResponseWriter, _ *http.Request, say string) { raw(w, line(say)+"\r\n\r\n") },
		"no status": func(w http.ResponseWriter, _ *http.Request, say string) { raw(w, "HTTP/1.1 "+line(say)+"\r\n\r\n") },
		"no header": func(w http.ResponseWriter, _ *http.Request, say string) {
			raw(w, "HTTP/1.1 200 OK\r\n"+line(say)+"\r\n\r\n")
		},
		"no length": func(w http.ResponseWriter, _ *http.Request, say string) {
			raw(w, "HTTP/1.1 200 OK\r\nContent-Length: "+line(say)+"\r\n\r\n")
		},
		"no encoding": func(w http.ResponseWriter, _ *http.Request, say string) {
			raw(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "+line(say)+"\r\n\r\n")
		},
		"a reason of 401": func(w http.ResponseWriter, _ *http.Request, say string) {
			raw(w, "HTTP/1.1 401 "+line(say)+"\r\nContent-Length: 0\r\n\r\n")
		},
		"a reason of 404": func(w http.ResponseWriter, _ *http.Request, say string) {
			raw(w, "HTTP/1.1 404 "+line(say)+"\r\nContent-Length: 0\r\n\r\n")
		},
		"half of a body": func(w http.ResponseWriter, _ *http.Request, say string) {
			raw(w, "HTTP/1.1 401 No\r\nContent-Length: 90000\r\n\r\n"+say)
		},
		"half of a 200": func(w http.ResponseWriter, _ *http.Request, say string) {
			raw(w, "HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n{\"At\":"+say)
		},
		"a broken trailer": func(w http.ResponseWriter, _ *http.Request, say string) {
			raw(w, "HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"+line(say)+"\r\n\r\n")
		},
	}
}

// ofIssuer are the answers of the token endpoint.
func ofIssuer(foreign string) map[string]answer {
	withToken := func(change func(say string) map[string]any) answer {
		return func(w http.ResponseWriter, r *http.Request, say string) {
			repeats(w, r, say)
			w.Header().Del("Retry-After")
			members := map[string]any{"access_token": tokenlike + "-access", "token_type": "Bearer", "expires_in": 3600, "refresh_token": tokenlike + "-refresh"}
			for name, v := range change(say) {
				members[name] = v
			}
			jsonBody(w, 200, members)
		}
	}
	return map[string]answer{
		"invalid_grant": func(w http.ResponseWriter, r *http.Request, say string) {
			repeats(w, r, say)
			jsonBody(w, 400, map[string]any{"error": "invalid_grant", "error_description": say, "error_uri": "https://issuer.example/" + say, "correlation_id": say})
		},
		"invalid_client": func(w http.ResponseWriter, r *http.Request, say string) {
			repeats(w, r, say)
			w.Header().Set("Www-Authenticate", fmt.Sprintf(`Basic realm=%q`, line(say)))
			jsonBody(w, 401, map[string]any{"error": "invalid_client", "error_description": say})
		},
		"another error": answering(400), "a page": func(w http.ResponseWriter, _ *http.Request, say string) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(404)
			_, _ = io.WriteString(w, "<title>"+say+"</title>"+say)
		},
		"429": answering(429),
		"a redirect": func(w http.ResponseWriter, _ *http.Request, say string) {
			w.Header().Set("Location", foreign+"/"+url.PathEscape(say)+"?"+url.QueryEscape(say))
			w.WriteHeader(http.StatusTemporaryRedirect)
			_, _ = io.WriteString(w, say)
		},
		"no token": answering(200),
		"a broken token": func(w http.ResponseWriter, _ *http.Request, say string) {
			_, _ = io.WriteString(w, `{"access_token":"`+say)
		},
		"a strange type":     withToken(func(say string) map[string]any { return map[string]any{"token_type": say} }),
		"a strange scope":    withToken(func(say string) map[string]any { return map[string]any{"scope": say} }),
		"a strange lifetime": withToken(func(say string) map[string]any { return map[string]any{"expires_in": say} }),
		"a token in two":     withToken(func(say string) map[string]any { return map[string]any{"access_token": "Bearer " + say + "\n" + say} }),
		"what was sent":      withToken(func(say string) map[string]any { return map[string]any{"access_token": line(say)} }),
		"no HTTP":            func(w http.ResponseWriter, _ *http.Request, say string) { raw(w, line(say)+"\r\n\r\n") },
		"half of an answer": func(w http.ResponseWriter, _ *http.Request, say string) {
			raw(w, "HTTP/1.1 400 No\r\nContent-Length: 90000\r\n\r\n"+say)
		},
	}
}

// notOurs says which places are others': what shows there is no leak of ours.
func notOurs(w way, answer, surface string) (why string) {
	switch {
	case w.foreign && strings.HasPrefix(answer, "issuer: "):
		return "an error of x/oauth2's own sources is quoted as it is: what they sent is not known here"
	case !w.query && slices.Contains([]string{"API: redirect to itself", "API: redirect in other words"}, answer) && (surface == "the error of HTTPClient" || strings.HasPrefix(surface, "the request of the response ")):
		return "a server that puts a header's value into a Location to itself has chosen the next URL: net/http keeps it, and an http.Client that is not ours names it in its error"
	}
	return ""
}

// TestL7_EveryPath drives a client through every way of sending and every answer
// of a server that repeats what it was sent, and looks at all that comes out.
//
// What is the caller's is not looked at: of a response, the body as the server
// sent it, the status line, and header fields but for our own query parameter in
// those that name URLs. A StatusError is ours, and so is every error.
func TestL7_EveryPath(t *testing.T) {
	closed := wanted(net.Listen("tcp", "127.0.0.1:0"))
	dead := "http://" + closed.Addr().String()
	_ = closed.Close()
	finder := newFinder(awkward, tokenlike, awkward[:20]+"\n"+awkward[20:])
	hows := slices.Sorted(maps.Keys(written))
	var mu sync.Mutex
	calls, looked := 0, 0
	leaks := map[string][]string{} // by answer and surface
	t.Run("by", func(t *testing.T) {
		for i, w := range ways(t) {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				srv := authtest.Start(quiet{t}, authtest.Config{})
				// Where nothing of ours has business.
				elsewhere := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					asked := r.RequestURI
					if w.foreign {
						asked = "" // x/oauth2 follows the issuer's redirects as it is told to
					}
					body, _ := io.ReadAll(r.Body)
					if found := finder.in(fmt.Sprint(r.Header, asked, r.Host, string(body))); found != "" {
						mu.Lock()
						leaks["L6: a foreign server"] = append(leaks["L6: a foreign server"], w.name+": "+found)
						mu.Unlock()
					}
					switch {
					case strings.HasPrefix(r.URL.Path, "/refuse"):
						refused(rw, r, "no")
					case strings.HasPrefix(r.URL.Path, "/missing"):
						http.Error(rw, "no "+r.RequestURI, http.StatusNotFound)
					}
				}))
				defer elsewhere.Close()
				all := map[string]answer{}
				for name, a := range ofAPI(dead, elsewhere.URL) {
					all["API: "+name] = a
				}
				if w.issuer {
					for name, a := range ofIssuer(elsewhere.URL) {
						all["issuer: "+name] = a
					}
				}
				for j, name := range slices.Sorted(maps.Keys(all)) {
					// Each answer comes in all ways of writing, though not for each way of sending.
					writings := 1
					switch {
					case w.query && strings.Contains(name, "redirect"):
						writings = len(hows)
					case strings.HasPrefix(name, "issuer: "):
						writings = 2
					}
					for k := range writings {
						how := hows[(i*writings+j+k)%len(hows)]
						if how == "cut off" && strings.Contains(name, "redirect") {
							continue // an address is acted on, so only a whole key is masked there
						}
						say := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
							var b strings.Builder
							for _, s := range sentOf(r) {
								b.WriteString(written[how](s) + " ")
							}
							all[name](rw, r, strings.TrimSpace(b.String()))
						})
						if strings.HasPrefix(name, "issuer: ") {
							srv.Issuer.FailNext(math.MaxInt, say)
							srv.API.FailNext(math.MaxInt, authtest.InvalidToken)
						} else {
							srv.Issuer.FailNext(math.MaxInt, granted())
							srv.API.FailNext(math.MaxInt, say)
						}
						seen := &journal{}
						w.drive(t, srv, srv.Transport(), seen)
						mu.Lock()
						calls++
						for _, s := range seen.told {
							looked++
							if found := finder.in(s.text); found != "" && notOurs(w, name, s.what) == "" {
								surface := name + " | " + s.what
								leaks[surface] = append(leaks[surface], fmt.Sprintf("%s, written as %s: %s", w.name, how, found))
							}
						}
						mu.Unlock()
					}
				}
			})
		}
	})
	for _, surface := range slices.Sorted(maps.Keys(leaks)) {
		t.Errorf("%s shows a secret, in %d cases. With %s", surface, len(leaks[surface]), leaks[surface][0])
	}
	t.Logf("%d combinations, %d things looked at", calls, looked)
}

// quiet keeps authtest's transcript out of the log of a failure.
type quiet struct{ *testing.T }

func (quiet) Failed() bool { return false }

// drive makes the calls of one program, and notes all that it could print.
func (w way) drive(t *testing.T, srv *authtest.Server, rt http.RoundTripper, seen *journal) {
	c, err := reauth.New(w.config(t, srv, rt, seen))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var rec auth.Recorder
	ctx := auth.WithRecorder(context.Background(), &rec)

	var out struct {
		At time.Time
		N  int
	}
	err = c.Get(ctx, "/v1/me?a=1", &out)
	seen.add("the error of Get", everything(err))
	if e, ok := errors.AsType[*reauth.StatusError](err); ok {
		seen.add("the StatusError", everything(*e)+fmt.Sprint(e.Header, string(e.Body)))
	}
	w.response(seen, "Do", func() (*http.Response, error) {
		return c.Do(wanted(http.NewRequestWithContext(ctx, http.MethodGet, srv.API.URL+"/v1/me?a=1", nil)))
	})
	w.response(seen, "HTTPClient", func() (*http.Response, error) {
		client := c.HTTPClient()
		client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
			seen.add("the next hop's URL and header", fmt.Sprint(req.Header)+w.urlOf(req.URL))
			if len(via) > 2 {
				return http.ErrUseLastResponse
			}
			return nil
		}
		return client.Do(wanted(http.NewRequest(http.MethodPost, srv.API.URL+"/v1/me?a=1", strings.NewReader("x"))))
	})
	if e := rec.Last(); e != nil {
		seen.add("the recorder", everything(&rec)+everything(e))
	}
	seen.add("Check", everything(c.Check(ctx)))
	seen.add("the status", everything(c.Status(ctx)))
	seen.add("the client", fmt.Sprintf("%v %+v %#v", c, c, *c))
	seen.add("the log of repeats", seen.log.String())
}

// response looks at what a caller gets that is ours.
func (w way) response(seen *journal, what string, do func() (*http.Response, error)) {
	resp, err := do()
	seen.add("the error of "+what, everything(err))
	if resp == nil {
		return
	}
	defer resp.Body.Close()
	e, ok := auth.FromResponse(resp)
	if ok {
		seen.add("the diagnosis of "+what, everything(e)+everything(*e))
	}
	req := *resp.Request
	req.Response, req.URL = nil, nil
	seen.add("the request of the response of "+what, everything(req)+everything(&req)+w.urlOf(resp.Request.URL))
	if w.query {
		for _, field := range []string{"Location", "Content-Location", "Link", "Refresh"} {
			seen.add(field+" of "+what, strings.Join(ours(resp.Header[field]), " "))
		}
	}
	_, _ = io.Copy(io.Discard, resp.Body)
}

// urlOf returns what of a URL is ours to keep silent: for a key in the query all
// of it. Where the key is sent in a header and a server puts it into a Location,
// the next URL is the server's.
func (w way) urlOf(u *url.URL) string {
	if !w.query {
		return ""
	}
	return u.String()
}

// ours are those fields that have our parameter in them.
func ours(fields []string) []string {
	return slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return !strings.Contains(f, "key=") })
}
