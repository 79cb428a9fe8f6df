// Package keyshape says what a key, token or password is by looking at it:
// which provider makes such values and what for, whether a documented checksum
// holds, what a JSON Web Token says of itself, and what commonly befalls keys on
// their way from a web page into a program.
//
// It asks nobody and decides nothing. A shape is no proof that a key is valid,
// and damage is none that it is not: a key may look like anything. Both count
// once the value has been refused.
//
// Nothing of the value comes out: only the documented prefix that all keys of a
// kind share, lengths and positions, and the claims of a token that are about no
// person. Claims are not verified.
package keyshape

import "strings"

// MaxBytes is the length of the longest value that [Look] looks at. No header
// of common servers holds as much.
const MaxBytes = 64 << 10

// A Shape is what a value looks like. The zero Shape looks like nothing known,
// as most sound keys do.
//
// If the value is wrapped in something, the shape is of what is within.
type Shape struct {
	// Provider is who makes such values, by its name: "OpenAI". Empty if the
	// shape belongs to no provider, as a UUID.
	Provider string
	// Shared means that other providers make values with the same prefix, so
	// that Provider is the likeliest only: many copied Stripe's and OpenAI's.
	Shared bool
	// Kind is what it is, without the provider: "project key", "UUID". Empty
	// if unknown.
	Kind string
	// Use is what such a value is for.
	Use Use
	// Mode is "test" or "live" where keys are made for one of the two.
	Mode string
	// Prefix is the part in front that all values of this kind share, by the
	// provider's documentation. It may be printed.
	Prefix string
	// Sample means that somebody made the value up to be shown: it contains
	// the word "example". Nothing is then said of its length and checksum.
	Sample bool
	// Checksum tells whether the documented checksum holds.
	Checksum Checksum
	// Token is what a JSON Web Token says of itself.
	Token Token
	// Damage is the first thing wrong with the value, the surest first.
	Damage Damage
}

// Use is what a value is for.
type Use int

// What values are for.
const (
	Unknown     Use = iota // the shape does not tell
	Secret                 // to be sent to the API
	Publishable            // to be seen by everybody, in web pages and apps: it opens little
	Identifier             // names a key, a client or an account; a secret goes with it
	Renewal                // a refresh token: only for the token endpoint
	Client                 // an OAuth client secret: only for the token endpoint
	Signing                // signs or verifies, and is not sent
	Identity               // an ID token: tells a client who has logged in
)

// Checksum is the state of a checksum that is part of a key.
type Checksum int

// States of a checksum.
const (
	NoChecksum    Checksum = iota // none documented, or the key is not whole
	RightChecksum                 // no character is mistyped
	WrongChecksum                 // a character is mistyped, missing or swapped: this is proof
)

// Damage is something odd about a value. The zero Damage is none.
type Damage struct {
	// Cause is the code of the cause in package auth that a refusal then has:
	// malformed_characters, malformed_wrapping, placeholder_value,
	// typo_or_truncated or wrong_credential_kind. Empty if there is no damage.
	Cause string
	// Fact says what is odd, without the value: "the value begins with …".
	Fact string
	// Take is what to take out of the value, if that cures it; it completes
	// "take … out of NAME".
	Take string
	// Want is what to do if taking out is not enough.
	Want string
	// Scheme is the authentication scheme that the value names, if that is
	// the damage: "Bearer".
	Scheme string
	// Weak means that sound keys of some providers look like this too.
	Weak bool
}

// Look looks at a value: a key, a token, a password, without its scheme. What
// is longer than [MaxBytes] it leaves alone. Time is linear in the length.
//
// Passwords may hold anything: of their damage only a placeholder counts.
func Look(value string) Shape {
	if value == "" || len(value) > MaxBytes {
		return Shape{}
	}
	l := looker{whole: value}
	inner := l.peel(value)
	s := l.identify(inner)
	l.inspect(inner, &s)
	s.Damage = l.damage
	return s
}

// Name is the kind with its provider: "OpenAI project key". It is empty if the
// kind is unknown. A shared prefix makes it a guess.
func (s Shape) Name() string {
	return strings.TrimSpace(s.Provider + " " + s.Kind)
}

// Misplaced says what a value is that APIs do not take, and what they take
// instead: a publishable key, the ID of a key, a refresh token. Both are empty
// for all others.
//
// Some calls do take some of them: a map is drawn with a publishable key, and
// Basic sends an identifier as its user name.
func (s Shape) Misplaced() (fact, want string) {
	is := "the value is " + article(s.Name())
	if s.Prefix != "" {
		is = "the value begins with " + s.Prefix + ", as " + article(s.Name()) + " does"
	}
	switch s.Use {
	case Publishable:
		return is + ", which is for web pages and apps and opens little", "use the secret key that goes with it"
	case Identifier:
		return is + ", which names something and proves nothing", "use the secret that goes with it"
	case Renewal:
		return is + ", which only the token endpoint takes", "exchange it for an access token, and send that"
	case Client:
		return is + ", which only the token endpoint takes", "exchange it for an access token, and send that"
	case Signing:
		return is + ", which signs or verifies and is never sent", "use a key or token that is made for calling the API"
	case Identity:
		return is + ", which tells a client who has logged in, and is not for APIs", "send the access token that came with it"
	}
	return "", ""
}

func article(noun string) string {
	if noun == "" {
		return "a value"
	}
	if strings.ContainsRune("AEIOaeio", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
