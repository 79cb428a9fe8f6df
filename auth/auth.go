// Package auth is the vocabulary of reauth: what a credential is, where one
// comes from, how it is put on a request, and what is said when none of that
// helps. It needs the standard library only.
//
// A [Source] finds a credential: [Env], [File], [Static], a keyring, an OAuth
// issuer, or a type of your own with one method. [FirstOf] asks several in
// order. A [Cache] keeps what a source gave, renews it before it expires and
// shares one renewal among all who ask. A [Scheme] says where on a request the
// credential belongs.
//
// Most programs need none of this by name: package reauth puts the parts
// together. The errors are what everybody meets. Every definitive failure is
// one [*Error] with one [Cause], one [Step] to take, and evidence:
//
//	if e, ok := errors.AsType[*auth.Error](err); ok {
//		fmt.Fprint(os.Stderr, e.Explain())
//	}
//
// Secrets live in [Secret], whose only way out is [Secret.Reveal]. No error,
// event or log form in this module prints one.
package auth

import (
	"context"
	"errors"
)

// A Source finds a credential. It must be safe for concurrent use, must honour
// the context, and must not return a nil credential or an empty secret without
// an error. The credential that it returns is read-only from then on.
//
// A source need not cache: the transport puts a [Cache] around whatever it is
// given. Errors should be an [*Error] where the reason is known, or wrap its
// [Cause]: only [MissingCredential], [EmptyCredential] and [SourceUnavailable]
// let [FirstOf] go on to the next source. Any other error is a [SourceFailed].
type Source interface {
	Credential(ctx context.Context) (*Credential, error)
}

// A Refresher is a source that can replace a credential that was refused.
//
// Refresh returns a credential to use instead of stale. If the source already
// holds one that differs from stale, it returns that one and exchanges nothing.
// A result that is [Credential.Same] as stale means that there is nothing else.
//
// A source without Refresh is asked for its Credential again: a key that was
// rotated in a file or a keyring is picked up that way.
type Refresher interface {
	Source
	Refresh(ctx context.Context, stale *Credential) (*Credential, error)
}

// SourceFunc makes a function a [Source].
type SourceFunc func(ctx context.Context) (*Credential, error)

// Credential calls f.
func (f SourceFunc) Credential(ctx context.Context) (*Credential, error) { return f(ctx) }

// renew asks src for a replacement of stale by the best means that it has; for
// a first credential if stale is nil.
func renew(ctx context.Context, src Source, stale *Credential) (*Credential, error) {
	if src == nil {
		return nil, AsError(errors.New("the program gave a nil source"), Provenance{Kind: KindSource})
	}
	if r, ok := src.(Refresher); ok && stale != nil {
		return r.Refresh(ctx, stale)
	}
	return src.Credential(ctx)
}
