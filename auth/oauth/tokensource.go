package oauth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/reauth-go/reauth/auth"
	"golang.org/x/oauth2"
)

// FromTokenSource returns a source that takes its tokens from src, a token
// source of x/oauth2 or of a library that speaks its language.
//
// Most such sources cache, and cannot be told that a token was refused. Refresh
// then gets the same token again until shortly before it expires. It returns
// that token, which says by the contract of [auth.Refresher] that there is no
// other, and says why in Tried. Take [ClientCredentials] or [RefreshToken]
// where renewal on a refusal matters.
//
// Token has no context. It runs in a goroutine of its own, at most one for each
// source at any time; who waits for it stops waiting when the context ends,
// after ten seconds at the latest. A call that never returns keeps its
// goroutine, and no second call is made, which would only hang as well: x/oauth2's
// own sources hold a lock meanwhile.
func FromTokenSource(src oauth2.TokenSource) auth.Refresher {
	return &foreign{
		place: auth.Provenance{Kind: auth.KindOAuth, Name: fmt.Sprintf("token source %T", src)},
		token: func() (*oauth2.Token, error) {
			if src == nil {
				return nil, errors.New("the token source is nil")
			}
			return src.Token()
		},
	}
}

type foreign struct {
	place auth.Provenance
	token func() (*oauth2.Token, error) // a closure: printers by reflection would find the tokens in the source

	mu   sync.Mutex
	call *call // the one that is under way
}

type call struct {
	done  chan struct{}
	token *oauth2.Token
	err   error
}

// String says what the source is, and nothing of what it holds.
func (s *foreign) String() string { return s.place.String() }

func (s *foreign) Credential(ctx context.Context) (*auth.Credential, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	c := s.start()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, s.failed(auth.SourceTimeout, auth.Likely, "no answer", fmt.Sprintf("the token source did not answer within %s", patience), context.DeadlineExceeded)
	}
	switch {
	case c.err != nil:
		return nil, s.refused(c.err)
	case c.token == nil || c.token.AccessToken == "":
		return nil, s.failed(auth.SourceFailed, auth.Certain, "failed", "the token source returned neither a token nor an error", nil)
	}
	scheme := bearing(c.token.TokenType)
	if scheme == nil {
		return nil, wrongType(s.place, newScrubber("", c.token.AccessToken).text(c.token.TokenType, 40))
	}
	scope, _ := c.token.Extra("scope").(string)
	return &auth.Credential{
		Secret:     auth.NewSecret(c.token.AccessToken),
		Scheme:     scheme,
		Expiry:     c.token.Expiry.Round(0), // the wall clock decides
		Scopes:     strings.Fields(scope),
		Provenance: s.place,
		Tried:      []auth.Attempt{{Place: s.place, Answer: "found"}},
	}, nil
}

func (s *foreign) Refresh(ctx context.Context, stale *auth.Credential) (*auth.Credential, error) {
	c, err := s.Credential(ctx)
	if err == nil && c.Same(stale) {
		c.Tried[0].Answer = "gave the same token again: it caches, and cannot be made to renew early"
	}
	return c, err
}

// start returns the call of Token that is under way, or starts one.
func (s *foreign) start() *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.call != nil {
		return s.call
	}
	c := &call{done: make(chan struct{})}
	s.call = c
	go func() {
		returned := false
		defer func() { // also when Token panics or ends the goroutine
			if r := recover(); r != nil {
				// Nobody above could recover. What was thrown may hold anything,
				// so only its type is told.
				c.token, c.err = nil, fmt.Errorf("Token panicked with a value of type %T", r)
			} else if !returned {
				c.err = errors.New("Token ended its goroutine")
			}
			s.mu.Lock()
			s.call = nil
			s.mu.Unlock()
			close(c.done)
		}()
		c.token, c.err = s.token()
		returned = true
	}()
	return c
}

// refused makes a diagnosis of a foreign source's error. x/oauth2's own error
// is judged as if the answer had come to us, and replaced by one without
// secrets: it holds the request.
func (s *foreign) refused(err error) error {
	if e, ok := errors.AsType[*auth.Error](err); ok {
		return e
	}
	if r, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		if r.Response == nil { // its Error method would panic
			return s.failed(auth.SourceFailed, auth.Likely, "failed", "the token source failed, and does not say what the token endpoint answered", nil)
		}
		return s.judge(r)
	}
	clean := newScrubber("", "").err(err)
	if errors.Is(clean, context.Canceled) {
		e := s.failed(auth.SourceFailed, auth.Likely, "failed", "the context that the token source was made with has ended", clean)
		e.Remedy.Text = "make the token source with a context that lives as long as the program, not with that of a request"
		return e
	}
	if _, network := errors.AsType[*url.Error](err); network {
		if proxyAsks(clean) {
			e := s.failed(auth.ProxyAuthRequired, auth.Likely, "no answer", "the proxy refused to connect to the issuer with 407: it asks for its own credentials", clean)
			e.Evidence[0].Source = "proxy"
			return e
		}
		return s.failed(auth.IssuerUnavailable, auth.Likely, "no answer", layer(clean)+": "+clean.Error(), clean)
	}
	return s.failed(auth.SourceFailed, auth.Likely, "failed", "the token source failed: "+clean.Error(), clean)
}

func (s *foreign) judge(r *oauth2.RetrieveError) error {
	a := &attempt{
		asked: true, status: r.Response.StatusCode, scrub: scrubberOf(r.Response.Request),
		retryAfter: retryAfter(r.Response.Header.Get("Retry-After"), time.Now()),
		answer:     answer{code: r.ErrorCode, description: r.ErrorDescription, uri: r.ErrorURI},
	}
	a.header = a.scrub.header(r.Response.Header)
	a.body = a.scrub.text(string(r.Body), maxShown)
	x := &exchanger{grant: refreshToken, place: s.place}
	if r.Response.Request != nil && r.Response.Request.URL != nil {
		x.endpoint = shown(r.Response.Request.URL)
	}
	a.judge(x)
	return x.failure(a, 1)
}

func (s *foreign) failed(cause auth.Cause, confidence auth.Confidence, answer, fact string, err error) *auth.Error {
	return &auth.Error{
		Cause: cause, Confidence: confidence,
		Evidence: []auth.Evidence{{Source: s.place.String(), Fact: fact}},
		Tried:    []auth.Attempt{{Place: s.place, Answer: answer, Err: cause}},
		Err:      err,
	}
}

// scrubberOf knows the secrets that a token request carried.
func scrubberOf(req *http.Request) *scrubber {
	if req == nil {
		return newScrubber("", "")
	}
	var hidden []string
	if req.URL != nil {
		hidden = sensitive(req.URL.Query())
	}
	id, secret, _ := req.BasicAuth()
	if plain, err := url.QueryUnescape(secret); err == nil {
		hidden = append(hidden, plain)
	}
	_, credentials, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	hidden = append(hidden, credentials)
	if req.GetBody != nil {
		if body, err := req.GetBody(); err == nil {
			form, _ := io.ReadAll(io.LimitReader(body, maxAnswer))
			_ = body.Close()
			values, _ := url.ParseQuery(string(form)) // of a bad form, the good part
			hidden = append(hidden, sensitive(values)...)
		}
	}
	return newScrubber(id, secret, hidden...)
}

// tokenTimeout bounds a call of Token, which nobody can cancel. It is longer
// than a cache allows its source.
const tokenTimeout = 30 * time.Second

// TokenSource returns a token source of x/oauth2 that takes its tokens from
// src, for libraries that want one. Give it an [auth.Cache], or it asks src for
// each token.
//
// Values are taken from ctx, and its end is not: a source that was made while
// one request was served goes on to work for the next. A call of Token takes 30
// seconds at most. Its error is that of src.
//
// Tokens can only be sent in the Authorization header, so a credential with a
// scheme that belongs elsewhere is an error, [auth.WrongScheme].
func TokenSource(ctx context.Context, src auth.Source) oauth2.TokenSource {
	return tokenSource{context.WithoutCancel(ctx), src}
}

type tokenSource struct {
	ctx context.Context
	src auth.Source
}

func (s tokenSource) Token() (*oauth2.Token, error) {
	if s.src == nil {
		return nil, errors.New("oauth: TokenSource: the source is nil")
	}
	ctx, cancel := context.WithTimeout(s.ctx, tokenTimeout)
	defer cancel()
	c, err := s.src.Credential(ctx)
	if err != nil {
		return nil, err
	}
	if c == nil || c.Secret.IsZero() {
		return nil, auth.AsError(errors.New("it returned neither a credential nor an error"), auth.Provenance{Kind: auth.KindSource, Name: fmt.Sprintf("%T", s.src)})
	}
	scheme := c.Scheme
	if scheme == nil {
		scheme = auth.Bearer
	}
	value, err := scheme.Value(c)
	if err != nil {
		return nil, fmt.Errorf("oauth: %s: %w", c.Provenance, err)
	}
	// x/oauth2 writes "Authorization: TokenType AccessToken".
	word, token, ok := strings.Cut(value, " ")
	if scheme.Place().Header != "Authorization" || !ok {
		return nil, &auth.Error{
			Cause: auth.WrongScheme, Confidence: auth.Certain,
			Evidence: []auth.Evidence{{Source: c.Provenance.String(), Fact: "the credential is sent as " + scheme.Name() + " in " + scheme.Place().String() + ", and golang.org/x/oauth2 sends nothing but Authorization"}},
			Remedy:   auth.Remedy{Text: "use a client of this module, or give the credential a scheme of the Authorization header"},
			Tried:    []auth.Attempt{{Place: c.Provenance, Answer: "found"}},
		}
	}
	return &oauth2.Token{AccessToken: token, TokenType: word, Expiry: c.Expiry}, nil
}
