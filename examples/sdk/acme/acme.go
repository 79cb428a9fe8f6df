// Package acme is what a vendor's own SDK looks like that is built on reauth.
// It has its own client, errors, codes, commands and log, and whoever uses it
// need not know what it is built on: no text of it names anybody but Acme.
//
//	client, err := acme.New(acme.Config{})
//	…
//	me, err := client.Me(ctx)
//	if e, ok := errors.AsType[*acme.Error](err); ok {
//		fmt.Fprint(os.Stderr, e.Explain())
//		os.Exit(e.ExitStatus())
//	}
//
// The key is found in ACME_CLOUD_API_KEY, ACME_CLOUD_TOKEN or the system's
// keyring under acme-cloud; machines set ACME_CLOUD_CLIENT_ID,
// ACME_CLOUD_CLIENT_SECRET and ACME_CLOUD_TOKEN_URL.
package acme

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/transport/retry"
)

// Config is for those who need something special. The zero Config is right for
// everybody else.
type Config struct {
	// BaseURL is another address of the API, such as that of a test.
	BaseURL string
	// Transport makes the connections. Nil means Go's own.
	Transport http.RoundTripper
	// Log is told what happens to the login. Nil means that nothing is logged.
	Log *slog.Logger
}

// A Client calls Acme's API.
type Client struct{ api *reauth.Client }

// New returns a client. It connects to nothing yet.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = "https://api.acme.example"
	}
	api, err := reauth.New(reauth.Config{
		Name:      "acme-cloud", // the prefix of variables, and the keyring's service
		BaseURL:   cfg.BaseURL,
		Transport: cfg.Transport,
		UserAgent: "acme-go/1.0",

		// The vendor's own words.
		Docs:    "https://acme.example/docs/login",
		Support: "help@acme.example",
		Login:   "acme login",
		Remedy:  remedy,

		// The vendor's own choices.
		CheckPath: "/v1/me",
		Retry:     retry.Config{Retries: 1, MaxWait: time.Second},
		Hook:      logTo(cfg.Log),
	})
	if err != nil {
		return nil, &Error{Code: Misuse, Message: "BaseURL is not an https address", cause: err}
	}
	return &Client{api}, nil
}

// Close ends what the client does in the background.
func (c *Client) Close() { _ = c.api.Close() }

// Check is what "acme doctor" does: it returns nil if the API takes the key.
func (c *Client) Check(ctx context.Context) error { return wrap(c.api.Check(ctx)) }

// A User is who the key belongs to.
type User struct{ Login string }

// Me returns who the key belongs to. Its errors are an [*Error].
func (c *Client) Me(ctx context.Context) (User, error) {
	var me User
	err := c.api.Get(ctx, "/v1/me", &me)
	return me, wrap(err)
}

// Project returns a project's name.
func (c *Client) Project(ctx context.Context, id string) (string, error) {
	var project struct{ Name string }
	err := c.api.Get(ctx, "/v1/projects/"+url.PathEscape(id), &project)
	return project.Name, wrap(err)
}

// remedy has the last word on what a user is told to do. Where the advice is
// meant for whoever writes programs it is put into words for whoever uses ours.
func remedy(e *auth.Error) auth.Remedy {
	r := e.Remedy
	if codeOf(e) == NoKey {
		if halfConfigured(e) {
			r.Command = "" // a machine does not log in: it needs the variable that is named
		} else {
			r.Text, r.Command = "log in, or set ACME_CLOUD_API_KEY", "acme login"
		}
		return r
	}
	switch e.Step() {
	case auth.StepSend:
		r.Text, r.Command = "update acme: it sent your key in the wrong way, which is our mistake", "acme update"
	case auth.StepFixEnvironment:
		r.Command = "acme doctor" // which runs with a terminal, and can ask
	case auth.StepConsult:
		r.Text = "ask your organisation's administrator"
	case auth.StepWait:
		r.Text, r.URL = "try again in a few minutes", "https://status.acme.example"
	}
	return r
}

// halfConfigured reports whether some of a machine's variables are set: then
// nothing else is looked at, and other advice would lead nowhere.
func halfConfigured(e *auth.Error) bool {
	return slices.ContainsFunc(e.Tried, func(a auth.Attempt) bool {
		return strings.HasPrefix(a.Place.Name, "ACME_CLOUD_CLIENT_") || a.Place.Name == "ACME_CLOUD_TOKEN_URL"
	})
}

// logTo makes a log of events: a warning where somebody should look, and none
// for what happens with each request.
func logTo(log *slog.Logger) auth.Hook {
	if log == nil {
		return nil
	}
	return func(ctx context.Context, e auth.Event) {
		level := slog.LevelInfo
		switch e.Kind {
		case auth.EventRenewFailed, auth.EventShadowed, auth.EventRefused, auth.EventNotPersisted:
			level = slog.LevelWarn
		case auth.EventRepeated, auth.EventPassed, auth.EventRetried:
			return
		}
		if e.Kind == auth.EventRenewFailed && e.Provenance == (auth.Provenance{}) {
			return // nothing was in use: the refusal that follows says it all
		}
		log.Log(ctx, level, "acme login", "event", e)
	}
}
