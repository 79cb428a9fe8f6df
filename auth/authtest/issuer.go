package authtest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// An Issuer is an OAuth 2.0 token endpoint (RFC 6749 section 3.2) with the
// grants client_credentials and refresh_token. Its client authenticates by
// Basic or in the form.
type Issuer struct {
	URL      string // origin, without a trailing slash
	TokenURL string

	s     *Server
	holds holds

	book   logbook // this and all below: guarded by s.mu
	stats  IssuerStats
	forced forced
	ledger ledger
}

// IssuerStats are exact counts.
type IssuerStats struct {
	Exchanges map[string]int // requests that arrived, by grant_type
	Granted   map[string]int // those that were answered with a token, by grant_type; lost replies count
	Minted    int            // access tokens
	Reused    int            // refresh tokens that came again after their time
}

// Rotation says what becomes of a refresh token that was used.
type Rotation int

const (
	// RevokeOnReuse replaces the token at every use. If it comes again, all
	// tokens of its session are revoked (RFC 9700 section 4.14.2).
	RevokeOnReuse Rotation = iota
	// RefuseOnReuse replaces the token at every use. If it comes again it is
	// refused, and its session goes on.
	RefuseOnReuse
	// NoRotation leaves the token in force and out of the answer.
	NoRotation
)

// A Token is what a login gives.
type Token struct {
	Access  string
	Refresh string
	Expiry  time.Time // as stated
}

// Login starts a session, as if a user had logged in, and returns its first
// tokens.
func (i *Issuer) Login() Token {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	session := &session{}
	access, _ := i.mint(session)
	return Token{access, i.rotate(session), time.Now().Add(i.s.config.Lifetime).Round(0)}
}

// ExpireAccess ends all access tokens as if their time had come, though the
// client was told that they last longer.
func (i *Issuer) ExpireAccess() { i.end(expired) }

// RevokeAccess revokes all access tokens.
func (i *Issuer) RevokeAccess() { i.end(revoked) }

func (i *Issuer) end(reason string) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	for _, t := range i.ledger.access {
		t.dead = cmp.Or(t.dead, reason)
	}
}

// RevokeRefresh revokes all refresh tokens. Access tokens live on.
func (i *Issuer) RevokeRefresh() {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	for _, t := range i.ledger.refresh {
		t.session.over = true
	}
}

// Revoke revokes one token, named by its text or by its label in records, such
// as "access 3" or "refresh 1". With a refresh token its session can no longer
// be renewed; access tokens live on. It panics if the issuer never minted it.
func (i *Issuer) Revoke(token string) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	for text, t := range i.ledger.access {
		if token == text || token == i.s.tokenLabel(text) {
			t.dead = cmp.Or(t.dead, revoked)
			return
		}
	}
	for text, t := range i.ledger.refresh {
		if token == text || token == i.s.tokenLabel(text) {
			t.session.over = true
			return
		}
	}
	panic("authtest: the token to revoke is none that the issuer minted") // and may be a secret
}

// FailNext makes the token endpoint answer the next n requests with the given
// fault: one of the canned [Fault] values, [Late], or a handler of your own,
// which gets the request with its form parsed and its body still readable.
// FailNext(math.MaxInt, fault) fails until FailNext(0, nil).
func (i *Issuer) FailNext(n int, fault http.Handler) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	i.forced = forced{left: n, with: fault}
}

// FailFor does the same to all requests until d has passed. The latest call of
// the two holds.
func (i *Issuer) FailFor(d time.Duration, fault http.Handler) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	i.forced = forced{until: time.Now().Add(d), with: fault}
}

// Hold makes the token endpoint keep the next n requests until the hold
// releases them. Holds of one issuer fill one after the other.
func (i *Issuer) Hold(n int) *Hold { return i.holds.add(n) }

// Stats returns the counts.
func (i *Issuer) Stats() IssuerStats {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	stats := i.stats
	stats.Exchanges, stats.Granted = maps.Clone(stats.Exchanges), maps.Clone(stats.Granted)
	return stats
}

// Requests returns what arrived, in order: the latest 10,000.
func (i *Issuer) Requests() []Request { return i.s.read(&i.book) }

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	entry, w, r := i.s.arrive(&i.book, w, r)
	if r.URL.Path != "/token" {
		discard(r)
		http.NotFound(w, r)
		return
	}
	body := readBody(r)
	r.Body = io.NopCloser(bytes.NewReader(body))
	_ = r.ParseForm() // a form that does not parse lacks something, and is refused for that
	r.Body = io.NopCloser(bytes.NewReader(body))
	i.count(entry, r)

	i.holds.pass(r.Context())
	waitFor(r.Context(), i.s.current().Delay)
	i.s.mu.Lock()
	fault, failing := i.forced.take()
	i.s.mu.Unlock()
	if failing && fault != nil {
		fault.ServeHTTP(w, arriving(r, arrival{i.s, i.exchange}))
		return
	}
	i.exchange(w, r)
}

// count notes what an exchange presents.
func (i *Issuer) count(entry *Request, r *http.Request) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	entry.Grant = r.PostForm.Get("grant_type")
	if token := r.PostForm.Get("refresh_token"); token != "" {
		entry.Credential = i.s.label(token)
	}
	seen := sight(r, nil)
	entry.Scheme, entry.Place = seen.scheme, seen.place
	if r.PostForm.Has("client_secret") {
		if entry.Place != "" {
			entry.Place += ", "
		}
		entry.Place += "form"
	}
	add(&i.stats.Exchanges, entry.Grant)
}

func add(counts *map[string]int, name string) {
	if *counts == nil {
		*counts = map[string]int{}
	}
	(*counts)[name]++
}

// exchange answers as RFC 6749 sections 5.1 and 5.2 have it.
func (i *Issuer) exchange(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	answer, refused := i.grant(r)
	if refused != nil {
		if refused.status == http.StatusUnauthorized && r.Header.Get("Authorization") != "" {
			w.Header().Set("WWW-Authenticate", `Basic realm="authtest"`)
		}
		writeJSON(w, refused.status, map[string]any{"error": refused.code, "error_description": refused.description})
		return
	}
	if edit := i.s.current().EditToken; edit != nil {
		edit(answer)
	}
	writeJSON(w, http.StatusOK, answer)
}

// A tokenError is an answer of RFC 6749 section 5.2.
type tokenError struct {
	status            int
	code, description string
}

func (i *Issuer) grant(r *http.Request) (map[string]any, *tokenError) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	if r.Method != http.MethodPost {
		return nil, &tokenError{http.StatusMethodNotAllowed, "invalid_request", "the token endpoint wants a POST"}
	}
	if err := i.authenticate(r); err != nil {
		return nil, err
	}
	var of *session
	var refresh string
	grant := r.PostForm.Get("grant_type")
	switch {
	case grant == "client_credentials" && i.s.config.Public:
		return nil, &tokenError{http.StatusBadRequest, "unauthorized_client", "a public client has no credentials"}
	case grant == "client_credentials":
		of = &session{}
	case grant == "refresh_token":
		var err *tokenError
		if of, refresh, err = i.redeem(r.PostForm.Get("refresh_token")); err != nil {
			return nil, err
		}
	case grant == "":
		return nil, &tokenError{http.StatusBadRequest, "invalid_request", "grant_type is missing"}
	default:
		return nil, &tokenError{http.StatusBadRequest, "unsupported_grant_type", "only client_credentials and refresh_token are served"}
	}
	access, lifetime := i.mint(of)
	answer := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": int64(lifetime / time.Second)}
	if refresh != "" {
		answer["refresh_token"] = refresh
	}
	if scope := r.PostForm.Get("scope"); scope != "" {
		answer["scope"] = scope
	}
	add(&i.stats.Granted, grant)
	return answer, nil
}

// authenticate checks the client, by Basic or in the form but not in both.
func (i *Issuer) authenticate(r *http.Request) *tokenError {
	id, secret, basic := r.BasicAuth()
	if basic {
		if r.PostForm.Has("client_secret") {
			return &tokenError{http.StatusBadRequest, "invalid_request", "the client authenticates in two ways"}
		}
		// RFC 6749 section 2.3.1 has both parts form-encoded.
		var errID, errSecret error
		id, errID = url.QueryUnescape(id)
		secret, errSecret = url.QueryUnescape(secret)
		if errID != nil || errSecret != nil {
			return &tokenError{http.StatusUnauthorized, "invalid_client", "the client's credentials are not form-encoded"}
		}
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	want := i.s.config.ClientSecret
	if i.s.config.Public {
		want = ""
	}
	if id != i.s.config.ClientID || secret != want {
		return &tokenError{http.StatusUnauthorized, "invalid_client", "the client is not known, or its secret is wrong"}
	}
	return nil
}

// The reasons why an access token has ended.
const (
	expired = "the token expired"
	revoked = "the token was revoked"
)

// A ledger holds every token that was minted.
type ledger struct {
	access  map[string]*accessToken
	refresh map[string]*refreshToken
}

func newLedger() ledger {
	return ledger{map[string]*accessToken{}, map[string]*refreshToken{}}
}

// A session is a family of tokens that came from one login.
type session struct {
	current string // the refresh token in force
	over    bool
}

type accessToken struct {
	session *session
	ends    time.Time // by the servers' clock
	dead    string    // why it ended before; empty: it has not
}

type refreshToken struct {
	session *session
	spent   time.Time // zero: not yet
	next    string    // what replaced it
}

func (i *Issuer) mint(of *session) (token string, lifetime time.Duration) {
	i.stats.Minted++
	c := &i.s.config
	now := c.now()
	token = i.s.token("access", i.stats.Minted)
	if c.JWT {
		token = i.claims(now, now.Add(c.Lifetime)) + "." + token
	}
	i.ledger.access[token] = &accessToken{session: of, ends: now.Add(c.Lifetime - c.EndsEarly)}
	return token, c.Lifetime
}

// claims returns the first two parts of a JWT (RFC 9068).
func (i *Issuer) claims(from, until time.Time) string {
	part := func(members map[string]any) string {
		text, _ := json.Marshal(members)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return part(map[string]any{"alg": "RS256", "typ": "at+jwt", "kid": "authtest"}) + "." + part(map[string]any{
		"iss": i.URL, "aud": i.s.API.URL, "sub": "tester", "client_id": i.s.config.ClientID,
		"iat": from.Unix(), "exp": until.Unix(), "jti": strconv.Itoa(i.stats.Minted),
	})
}

// rotate gives a session a new refresh token.
func (i *Issuer) rotate(of *session) string {
	of.current = i.s.token("refresh", len(i.ledger.refresh)+1)
	i.ledger.refresh[of.current] = &refreshToken{session: of}
	return of.current
}

// redeem takes a refresh token and returns its session and the one that
// replaces it, if one does.
func (i *Issuer) redeem(token string) (*session, string, *tokenError) {
	invalid := func(description string) (*session, string, *tokenError) {
		return nil, "", &tokenError{http.StatusBadRequest, "invalid_grant", description}
	}
	t := i.ledger.refresh[token]
	switch {
	case t == nil:
		return invalid("the refresh token is not known")
	case t.session.over:
		return invalid("the refresh token was revoked")
	case i.s.config.Rotation == NoRotation && t.spent.IsZero():
		return t.session, "", nil
	case t.spent.IsZero():
		t.spent = time.Now()
		t.next = i.rotate(t.session)
		return t.session, t.next, nil
	case time.Since(t.spent) < i.s.config.Grace && t.next == t.session.current:
		return t.session, t.next, nil
	}
	i.stats.Reused++
	if i.s.config.Rotation == RevokeOnReuse {
		t.session.over = true
		for _, a := range i.ledger.access {
			if a.session == t.session {
				a.dead = cmp.Or(a.dead, revoked)
			}
		}
		return invalid("the refresh token was used before: its session is revoked")
	}
	return invalid("the refresh token was used before")
}
