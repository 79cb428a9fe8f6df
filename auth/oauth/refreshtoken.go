package oauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/reauth-go/reauth/auth"
	"golang.org/x/oauth2"
)

// RefreshToken returns a source of tokens by the refresh token grant (RFC 6749
// section 6). Only client and token endpoint of the configuration are used; the
// scopes are those that the refresh token was given for.
//
// The first refresh token is taken from initial. When the issuer replaces it,
// the new one is used from then on and kept in memory, so it is lost when the
// program ends, and Options.Hook is told of it. The place is looked at before each exchange: once it holds
// another token than before, somebody has logged in anew, and that one is used.
//
// Exchanges follow one another, since each may replace the token that the next
// one needs. A context that ends while an answer is on its way loses the
// refresh token in that answer: put an [auth.Cache] around the source, which
// gives exchanges a context of their own. If it is asked to replace a stale
// credential and has since got another one, it returns that.
//
// Client id and secret go into the Authorization header unless
// Endpoint.AuthStyle is [oauth2.AuthStyleInParams]. A client without a secret or
// assertion is a public one, whose id goes into the form.
//
// The error names every field that is wrong.
func RefreshToken(config *oauth2.Config, initial auth.Source, options Options) (auth.Refresher, error) {
	if config == nil {
		config = &oauth2.Config{}
	}
	id, endpoint := config.ClientID, config.Endpoint
	x, err := newExchanger(settings{
		clientID: id, clientSecret: config.ClientSecret,
		tokenURL: endpoint.TokenURL, urlField: "Endpoint.TokenURL",
		style: endpoint.AuthStyle, styleField: "Endpoint.AuthStyle",
	}, refreshToken, options)
	if initial == nil {
		err = errors.Join(err, errors.New("oauth: the source of the refresh token is nil"))
	}
	if err != nil {
		return nil, err
	}
	endpoint.AuthStyle = x.style
	x.request = func(ctx context.Context, clientSecret, refreshToken string) (*oauth2.Token, error) {
		c := &oauth2.Config{ClientID: id, ClientSecret: clientSecret, Endpoint: endpoint}
		return c.TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken}).Token()
	}
	return &refreshSource{x: x, initial: initial, hook: options.Hook, turn: make(chan struct{}, 1)}, nil
}

type refreshSource struct {
	x       *exchanger
	initial auth.Source
	hook    auth.Hook
	turn    chan struct{} // holds one element while somebody exchanges; guards what follows

	seen    auth.Secret      // what initial gave last
	token   auth.Secret      // the refresh token in use
	doubt   bool             // token was sent, and nobody knows what became of it
	current *auth.Credential // what the last exchange gave
}

// String says what the source is, and nothing of what it holds.
func (s *refreshSource) String() string { return s.x.place.String() }

func (s *refreshSource) Credential(ctx context.Context) (*auth.Credential, error) {
	return s.Refresh(ctx, nil)
}

func (s *refreshSource) Refresh(ctx context.Context, stale *auth.Credential) (*auth.Credential, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, s.x.ended(ctx)
	}
	if c := s.current; stale != nil && c != nil && !c.Same(stale) && (c.Expiry.IsZero() || time.Now().Round(0).Before(c.Expiry)) {
		return c, nil
	}
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	a, err := s.x.exchange(ctx, s.token.Reveal())
	if err != nil {
		return nil, s.failed(a, err)
	}
	if s.takeOver(auth.NewSecret(a.answer.refreshToken)) {
		s.hook.Tell(ctx, auth.Event{
			Kind: auth.EventNotPersisted, Provenance: s.x.place,
			Reason: "the issuer replaced the refresh token, and the new one is in memory only",
		})
	}
	if s.current, err = s.x.credential(a); err != nil {
		return nil, err
	}
	return s.current, nil
}

// look asks the place of the first refresh token whether it has a new one. Once
// there is a token in use, a place that cannot answer takes nothing away.
func (s *refreshSource) look(ctx context.Context) error {
	if ctx.Err() != nil {
		return s.x.ended(ctx)
	}
	found, err := ask(ctx, s.initial, "refresh token")
	switch {
	case err == nil && !found.Secret.Equal(s.seen):
		s.seen, s.token, s.doubt = found.Secret, found.Secret, false
	case err != nil && s.token.IsZero():
		return err
	}
	return nil
}

// takeOver is the one place where the issuer's answer replaces the refresh
// token. It comes before everything else that is done with the answer: whatever
// keeps the new token must have it before the access token that came with it
// leaves the source (law L3). An answer without a refresh token leaves the old
// one in force (RFC 6749 section 6). It reports whether there is a new one.
func (s *refreshSource) takeOver(next auth.Secret) bool {
	s.doubt = false
	if next.IsZero() || next.Equal(s.token) {
		return false
	}
	s.token = next
	return true
}

// failed adds to the error of an exchange what is known of the refresh token's
// fate. There is no attempt if nothing was sent.
func (s *refreshSource) failed(a *attempt, err error) error {
	if a == nil {
		return err
	}
	before := s.doubt
	if a.finding.transient && !a.unreached() {
		s.doubt = true
	}
	e, ok := err.(*auth.Error)
	if !ok {
		return err
	}
	fact := ""
	switch {
	case e.Cause == auth.RefreshRejected && before:
		fact = "the answer to an earlier exchange of this refresh token was lost; the issuer may have replaced it then"
	case a.finding.transient && a.unreached():
		fact = "the refresh token was not sent, and is as good as before"
	case a.finding.transient:
		fact = "the refresh token may have been used up by this exchange, so it was not sent a second time"
	default:
		return err
	}
	e.Evidence = append(e.Evidence, auth.Evidence{Source: s.x.place.String(), Fact: fact})
	return err
}

// ask gets one secret from a source that the exchange needs. What the source
// says of its failure is the answer: a missing variable is not the issuer's
// fault.
func ask(ctx context.Context, src auth.Source, what string) (*auth.Credential, error) {
	bounded, cancel := context.WithTimeout(ctx, patience/2)
	defer cancel()
	c, err := src.Credential(bounded)
	if err == nil && c != nil && !c.Secret.IsZero() {
		return c, nil
	}
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	if err == nil {
		err = errors.New("it returned neither a secret nor an error")
	}
	_, diagnosed := errors.AsType[*auth.Error](err)
	e := auth.AsError(err, auth.Provenance{Kind: auth.KindSource, Name: fmt.Sprintf("of the %s (%T)", what, src)})
	if !diagnosed && bounded.Err() != nil {
		e.Cause = auth.SourceTimeout
	}
	return nil, e
}
