package reauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/keyring"
	"github.com/reauth-go/reauth/auth/oauth"
	"github.com/reauth-go/reauth/auth/profile"
)

var validName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]*$`)

// prefix returns what a client's name is in the names of variables.
func prefix(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '.' {
			return '_'
		}
		return r
	}, strings.ToUpper(name)) + "_"
}

// defaultSource asks the places that the package comment lists. A client without
// a name of its own asks for what the profile names, and for no client
// credentials: what would be its prefix belongs to other programs.
func defaultSource(name string, p profile.Profile, base http.RoundTripper) (auth.Source, error) {
	own := name != ""
	if !own {
		name = p.Name
	}
	switch {
	case name == "":
		return nil, errors.New("is empty: it says which variables and which keyring entry hold the credential")
	case !validName.MatchString(name):
		return nil, fmt.Errorf("%q must begin with a letter and consist of ASCII letters, digits, '-', '_' and '.'", name)
	}
	key, err := keyring.New(keyring.Config{Service: name})
	if err != nil {
		return nil, err
	}
	prefix := prefix(name)
	names := []string{prefix + "API_KEY", prefix + "TOKEN"}
	if !own && len(p.Env) > 0 {
		names = p.Env
	} else {
		names = append(names, slices.DeleteFunc(slices.Clone(p.Env), func(v string) bool { return slices.Contains(names, v) })...)
	}
	held := asUser(p, auth.FirstOf(auth.Env(names...), key))
	if !own {
		return held, nil
	}
	secret, err := keyring.New(keyring.Config{Service: name, Account: "client_secret"})
	if err != nil {
		return nil, err
	}
	return &fromEnvironment{
		prefix:    prefix,
		base:      func() http.RoundTripper { return base },
		secret:    auth.FirstOf(auth.Env(prefix+"CLIENT_SECRET"), secret),
		assertion: auth.Env(prefix + "CLIENT_ASSERTION"),
		key:       held.(auth.Refresher),
	}, nil
}

// asUser adds the user name that the profile has, or says where to find.
func asUser(p profile.Profile, password auth.Source) auth.Source {
	switch {
	case p.Username != "":
		return auth.WithUsername(p.Username, password)
	case p.UsernameEnv != "":
		return &userFromEnvironment{p.UsernameEnv, password}
	}
	return password
}

// userFromEnvironment reads the user name each time it is asked. Without one the
// password is a pair, user:password, or of no use.
type userFromEnvironment struct {
	variable string
	password auth.Source
}

func (u *userFromEnvironment) named() auth.Source {
	if name := strings.TrimSpace(os.Getenv(u.variable)); name != "" {
		return auth.WithUsername(name, u.password)
	}
	return u.password
}

func (u *userFromEnvironment) Credential(ctx context.Context) (*auth.Credential, error) {
	c, err := u.named().Credential(ctx)
	return u.whole(c, err)
}

func (u *userFromEnvironment) Refresh(ctx context.Context, stale *auth.Credential) (*auth.Credential, error) {
	c, err := u.named().(auth.Refresher).Refresh(ctx, stale)
	return u.whole(c, err)
}

// Shadowed asks what the password in use hides.
func (u *userFromEnvironment) Shadowed(ctx context.Context, c *auth.Credential) []auth.Attempt {
	s, ok := u.named().(auth.Shadower)
	if !ok {
		return nil
	}
	return s.Shadowed(ctx, c)
}

func (u *userFromEnvironment) whole(c *auth.Credential, err error) (*auth.Credential, error) {
	if err != nil || c == nil || c.Username != "" || strings.Contains(c.Secret.Reveal(), ":") {
		return c, err
	}
	place := auth.Provenance{Kind: auth.KindEnv, Name: u.variable}
	missing := auth.Attempt{Place: place, Answer: "not set", Err: auth.MissingCredential}
	return nil, &auth.Error{
		Cause: auth.MissingCredential, Confidence: auth.Certain,
		Evidence: []auth.Evidence{{Source: place.String(), Fact: u.variable + " is not set, and the password in " + c.Provenance.String() + " needs a user name"}},
		Remedy:   auth.Remedy{Text: "set " + u.variable},
		Tried:    append(slices.Clip(c.Tried), missing),
	}
}

// fromEnvironment is a client's default source. What the variables say decides
// each time it is asked, as it does for every other source.
type fromEnvironment struct {
	prefix string
	base   func() http.RoundTripper // a closure, as that of transport.Transport
	secret auth.Source
	// assertion is what a client proves itself by that has no secret.
	assertion auth.Source
	key       auth.Refresher

	mu      sync.Mutex
	granted auth.Source // by client credentials, as long as the variables say
	as      string      // what is here: it knows whether the issuer is down
}

func (f *fromEnvironment) Credential(ctx context.Context) (*auth.Credential, error) {
	if granted, err := f.clientCredentials(); granted != nil || err != nil {
		return ask(ctx, granted, err)
	}
	c, err := f.key.Credential(ctx)
	return c, f.unfinished(err)
}

// unfinished adds to an error what a lone client secret or assertion means.
func (f *fromEnvironment) unfinished(err error) error {
	e, ok := err.(*auth.Error)
	secret := f.set(append([]string{"CLIENT_SECRET"}, assertions...)...)
	if !ok || secret == "" {
		return err
	}
	more := *e
	more.Evidence = append(slices.Clip(e.Evidence), auth.Evidence{
		Source: "env " + secret, Fact: secret + " is set, and of no use without " + f.prefix + "CLIENT_ID and " + f.prefix + "TOKEN_URL",
	})
	more.Remedy.Text += ", or " + f.prefix + "CLIENT_ID and " + f.prefix + "TOKEN_URL to go with " + secret
	return &more
}

// Refresh stays with the kind of credential that is configured.
func (f *fromEnvironment) Refresh(ctx context.Context, stale *auth.Credential) (*auth.Credential, error) {
	if granted, err := f.clientCredentials(); granted != nil || err != nil {
		return ask(ctx, granted, err)
	}
	return f.key.Refresh(ctx, stale)
}

// Shadowed asks what the key in use hides. Client credentials hide nothing that
// could be used in their place.
func (f *fromEnvironment) Shadowed(ctx context.Context, c *auth.Credential) []auth.Attempt {
	s, ok := f.key.(auth.Shadower)
	if !ok || c.Provenance.Kind == auth.KindOAuth {
		return nil
	}
	return s.Shadowed(ctx, c)
}

func ask(ctx context.Context, src auth.Source, err error) (*auth.Credential, error) {
	if err != nil {
		return nil, err
	}
	return src.Credential(ctx)
}

// clientCredentials returns nil if the variables do not ask for it.
func (f *fromEnvironment) clientCredentials() (auth.Source, error) {
	id, tokenURL := strings.TrimSpace(os.Getenv(f.prefix+"CLIENT_ID")), strings.TrimSpace(os.Getenv(f.prefix+"TOKEN_URL"))
	switch {
	case id == "" && tokenURL == "":
		return nil, nil
	case id == "":
		return nil, f.incomplete("CLIENT_ID", "TOKEN_URL")
	case tokenURL == "":
		return nil, f.incomplete("TOKEN_URL", "CLIENT_ID")
	}
	options := oauth.Options{ClientSecret: f.secret, Transport: f.base()}
	if file := f.set(assertions...); file != "" {
		if secret := f.set("CLIENT_SECRET", "CLIENT_SECRET_FILE"); secret != "" {
			return nil, f.ambiguous(file, secret)
		}
		options.ClientSecret, options.ClientAssertion = nil, f.assertion
	}
	config := &clientcredentials.Config{ClientID: id, TokenURL: tokenURL, Scopes: strings.Fields(os.Getenv(f.prefix + "SCOPE"))}
	switch method := strings.TrimSpace(os.Getenv(f.prefix + "TOKEN_AUTH_METHOD")); method {
	case "", "client_secret_basic":
		config.AuthStyle = oauth2.AuthStyleInHeader
	case "client_secret_post":
		config.AuthStyle = oauth2.AuthStyleInParams
	default:
		return nil, f.unusable("TOKEN_AUTH_METHOD", fmt.Errorf("%q is neither client_secret_basic nor client_secret_post", method))
	}
	as := fmt.Sprintf("%q %t", []string{id, tokenURL, strings.Join(config.Scopes, " "), fmt.Sprint(config.AuthStyle)}, options.ClientAssertion != nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.granted != nil && f.as == as {
		return f.granted, nil
	}
	src, err := oauth.ClientCredentials(config, options)
	if err != nil {
		return nil, f.unusable("TOKEN_URL", err)
	}
	f.granted, f.as = src, as
	return src, nil
}

// unusable is the answer to a variable that makes no sense.
func (f *fromEnvironment) unusable(name string, err error) error {
	place := auth.Provenance{Kind: auth.KindEnv, Name: f.prefix + name}
	return &auth.Error{
		Cause: auth.EndpointMisconfigured, Confidence: auth.Certain,
		Evidence: []auth.Evidence{{Source: place.String(), Fact: err.Error()}},
		Remedy:   auth.Remedy{Text: "correct " + place.Name},
		Tried:    []auth.Attempt{{Place: place, Answer: "cannot be used", Err: auth.EndpointMisconfigured}},
		Err:      err,
	}
}

// assertions are the variables that give a client assertion. It lives for
// minutes, so that the first suits programs that end soon.
var assertions = []string{"CLIENT_ASSERTION", "CLIENT_ASSERTION_FILE"}

// set returns the full name of the first of these variables that is not blank.
func (f *fromEnvironment) set(names ...string) string {
	for _, name := range names {
		if strings.TrimSpace(os.Getenv(f.prefix+name)) != "" {
			return f.prefix + name
		}
	}
	return ""
}

// ambiguous is the answer to a client that would prove itself in two ways: which
// of them is meant is not for us to guess.
func (f *fromEnvironment) ambiguous(one, other string) error {
	place := auth.Provenance{Kind: auth.KindEnv, Name: one}
	return &auth.Error{
		Cause: auth.SourceFailed, Confidence: auth.Certain,
		Evidence: []auth.Evidence{{Source: place.String(), Fact: one + " and " + other + " are both set, and a client proves itself in one way"}},
		Remedy:   auth.Remedy{Text: "unset " + one + " or " + other},
		Tried:    []auth.Attempt{{Place: place, Answer: "set, and " + other + " as well", Err: auth.SourceFailed}},
	}
}

func (f *fromEnvironment) incomplete(missing, present string) error {
	place := auth.Provenance{Kind: auth.KindEnv, Name: f.prefix + missing}
	return &auth.Error{
		Cause: auth.MissingCredential, Confidence: auth.Certain,
		Evidence: []auth.Evidence{{Source: place.String(), Fact: place.Name + " is not set, though " + f.prefix + present + " is"}},
		Remedy:   auth.Remedy{Text: "set " + place.Name + ", or unset " + f.prefix + present + " to use a key"},
		Tried:    []auth.Attempt{{Place: place, Answer: "not set", Err: auth.MissingCredential}},
	}
}
