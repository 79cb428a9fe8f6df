package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"unsafe"
)

// masked is what every printed form of a Secret shows.
const masked = "[masked]"

// A Secret holds a key, token or password so that it is not printed by
// accident. Every printed form, in fmt, encoding/json, log/slog and text
// encodings, is the word [masked] in brackets, or nothing for the zero Secret.
// Printers that read memory by reflection and ignore methods see an address.
//
// The zero Secret is empty. A Secret is a small value; copies share one string.
// Compare secrets with Equal: the operator == tells copies, not values.
type Secret struct {
	// Reflection-based printers (spew, testify's diffs, go-cmp's exporters)
	// follow pointers, interfaces and unexported fields, but not this.
	p unsafe.Pointer // *string
}

// NewSecret returns a Secret that holds value as it is. The empty string gives
// the zero Secret.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{unsafe.Pointer(&value)}
}

// Reveal returns the value. It is the only way out: whoever searches a program
// for places where a secret can escape searches for this name.
func (s Secret) Reveal() string {
	if s.p == nil {
		return ""
	}
	return *(*string)(s.p)
}

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.p == nil }

// Equal reports in constant time whether both secrets hold the same value.
func (s Secret) Equal(other Secret) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// fingerprintKey makes fingerprints useless outside this process: without it
// a fingerprint of a weak secret could be found by guessing.
var fingerprintKey = sync.OnceValue(func() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	return key
})

// Fingerprint returns eight hexadecimal digits that tell two secrets apart
// within one process. They come from a keyed hash whose key is new in every
// process, so they give nothing away and mean nothing elsewhere. Do not print
// one for a password. The zero Secret has none.
func (s Secret) Fingerprint() string {
	if s.IsZero() {
		return ""
	}
	mac := hmac.New(sha256.New, fingerprintKey())
	_, _ = io.WriteString(mac, s.Reveal())
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// String returns "[masked]", or "" for the zero Secret.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return masked
}

// Format implements [fmt.Formatter], so that no verb prints the value.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText gives encoders the masked form.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue gives [log/slog] the masked form.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
