package oauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/reauth-go/reauth/auth"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// ClientCredentials returns a source of tokens by the client credentials grant
// (RFC 6749 section 4.4): the program acts on its own behalf. The configuration
// is copied.
//
// Client id and secret go into the Authorization header unless AuthStyle is
// [oauth2.AuthStyleInParams], which some issuers want; which of the two is never
// found out by trial. Without a client secret, Options.ClientAssertion must say
// who the client is, or a Transport authenticate it (mutual TLS).
//
// The error names every field that is wrong.
func ClientCredentials(config *clientcredentials.Config, options Options) (auth.Source, error) {
	if config == nil {
		config = &clientcredentials.Config{}
	}
	scopes, params := slices.Clone(config.Scopes), url.Values(http.Header(config.EndpointParams).Clone())
	id, tokenURL := config.ClientID, config.TokenURL
	x, err := newExchanger(settings{
		clientID: id, clientSecret: config.ClientSecret,
		tokenURL: tokenURL, urlField: "TokenURL",
		style: config.AuthStyle, styleField: "AuthStyle",
		params: params,
	}, clientCredentials, options)
	if err != nil {
		return nil, err
	}
	x.scopes = scopes
	x.request = func(ctx context.Context, clientSecret, _ string) (*oauth2.Token, error) {
		return (&clientcredentials.Config{
			ClientID: id, ClientSecret: clientSecret, TokenURL: tokenURL,
			Scopes: scopes, EndpointParams: params, AuthStyle: x.style,
		}).Token(ctx)
	}
	return &clientSource{x}, nil
}

type clientSource struct{ x *exchanger }

func (s *clientSource) Credential(ctx context.Context) (*auth.Credential, error) {
	a, err := s.x.exchange(ctx, "")
	if err != nil {
		return nil, err
	}
	return s.x.credential(a)
}

// String says what the source is, and nothing of what it holds.
func (s *clientSource) String() string { return s.x.place.String() }
