package auth

import (
	"log/slog"
	"time"
)

// A Credential is what a source found. It is plain data and read-only once a
// source has returned it: it is shared by every request that uses it.
type Credential struct {
	// Secret is the key, token or password. A credential without one is an
	// error of its source.
	Secret Secret
	// Username goes with a password ([Basic]). Empty for keys and tokens.
	Username string
	// Scheme says how this credential is sent. Nil means what the API wants,
	// which is the transport's business. A source sets it where the issuer has
	// said it (token_type, RFC 6749 section 7.1).
	Scheme Scheme
	// Expiry is the wall-clock time after which the credential is not sent.
	// Zero means that none was stated: it is used until it is refused.
	Expiry time.Time
	// Scopes are those that the issuer granted, if it said so.
	Scopes []string
	// Provenance says where the credential was found.
	Provenance Provenance
	// Tried lists what was asked before this was found, in order, each with
	// its answer.
	Tried []Attempt

	// recheck is how long the value may be used before its source is read
	// again in the background (mounted files). Zero: only on a refusal.
	recheck time.Duration
	// bare is what [WithUsername] was given: its source knows no other.
	bare *Credential
}

// Same reports whether both hold the same secret for the same user. Expiry,
// scopes and provenance do not count: a server that refused one would refuse
// the other. It is false if either is nil.
func (c *Credential) Same(other *Credential) bool {
	if c == nil || other == nil {
		return false
	}
	return c == other || c.Username == other.Username && c.Secret.Equal(other.Secret)
}

// expired reports whether the stated expiry has passed on the wall clock.
func (c *Credential) expired(now time.Time) bool {
	return !c.Expiry.IsZero() && !now.Round(0).Before(c.Expiry.Round(0))
}

// LogValue gives [log/slog] the credential without its secret.
func (c *Credential) LogValue() slog.Value {
	if c == nil {
		return slog.Value{}
	}
	attrs := []slog.Attr{slog.String("found_in", c.Provenance.String())}
	if !c.Expiry.IsZero() {
		attrs = append(attrs, slog.Time("expiry", c.Expiry))
	}
	return slog.GroupValue(attrs...)
}

// Provenance says where a credential was found, or was looked for. The word
// "origin" is not used for it: an origin is scheme, host and port.
type Provenance struct {
	// Kind is the kind of place: one of the Kind constants, or a word of your
	// own for a source of your own.
	Kind string
	// Name is the place: a variable's name, a path, "service/account", a token
	// endpoint. Never a secret.
	Name string
}

// The kinds of place that this module knows. Advice depends on them: nobody is
// told to log in where a variable is wrong.
const (
	KindCaller  = "caller"  // the program set the header itself
	KindStatic  = "static"  // a value in the program
	KindEnv     = "env"     // an environment variable
	KindFile    = "file"    // a file, such as a mounted secret
	KindKeyring = "keyring" // an entry of the operating system's keyring
	KindOAuth   = "oauth"   // a token from an OAuth token endpoint
	KindSource  = "source"  // a source that does not say what it is
)

// String returns the kind and the name, such as "env ACME_API_KEY".
func (p Provenance) String() string {
	if p.Name == "" {
		return p.Kind
	}
	return p.Kind + " " + p.Name
}

// MarshalText gives encoders the form of String.
func (p Provenance) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// An Attempt is one place that was asked for a credential, and its answer.
type Attempt struct {
	Place  Provenance // who was asked
	Answer string     // in a few words: "found", "not set", "locked"
	Err    error      // why it had none; nil if it had one or if the answer says it all
}
