package auth

import (
	"context"
	"strings"
)

// clean takes off what editors, shells and secret mounts put around a value.
// Nothing that a header can carry begins or ends with white space.
func clean(value string) string {
	return strings.TrimSpace(strings.TrimPrefix(value, "\ufeff"))
}

// Static returns a source that always gives value, such as a key that the
// program got by other means. Surrounding white space is removed. An empty
// value is an [EmptyCredential] when it is asked for.
func Static(value string) Source {
	return &static{&Credential{Secret: NewSecret(clean(value)), Provenance: Provenance{Kind: KindStatic, Name: "value"}}}
}

type static struct{ cred *Credential }

// Passive says that looking has no consequences.
func (s *static) Passive() bool { return true }

func (s *static) Credential(context.Context) (*Credential, error) {
	if s.cred.Secret.IsZero() {
		return nil, absent(EmptyCredential, s.cred.Provenance, "empty", "the program gave an empty value", Remedy{Text: "give the program a credential"})
	}
	return s.cred, nil
}

// WithUsername returns a source that takes the password from another one and
// adds the user name to it. The credential is sent by [Basic] unless the
// source says otherwise.
func WithUsername(username string, password Source) Source {
	return &withUsername{username, password}
}

type withUsername struct {
	username string
	password Source
}

func (w *withUsername) Credential(ctx context.Context) (*Credential, error) {
	return w.add(renew(ctx, w.password, nil))
}

func (w *withUsername) Refresh(ctx context.Context, stale *Credential) (*Credential, error) {
	if stale != nil && stale.bare != nil {
		stale = stale.bare
	}
	return w.add(renew(ctx, w.password, stale))
}

func (w *withUsername) add(c *Credential, err error) (*Credential, error) {
	if err != nil || c == nil {
		return nil, err
	}
	named := *c
	named.Username, named.bare = w.username, c
	if named.Scheme == nil {
		named.Scheme = Basic
	}
	return &named, nil
}

// absent is the answer of a place that has no credential to give.
func absent(cause Cause, place Provenance, answer, fact string, remedy Remedy) *Error {
	return &Error{
		Cause: cause, Confidence: Certain, Remedy: remedy,
		Evidence: []Evidence{{Source: place.String(), Fact: fact}},
		Tried:    []Attempt{{Place: place, Answer: answer, Err: cause}},
	}
}
