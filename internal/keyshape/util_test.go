package keyshape

import (
	"encoding/base64"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake returns n characters that are visibly no key.
func fake(n int) string { return strings.Repeat("NotARealKey", n/11+1)[:n] }

// fakeHex returns n hexadecimal digits that are visibly no key.
func fakeHex(n int) string { return strings.Repeat("badc0ffee0ddf00d", n/16+1)[:n] }

// core stands for the secret in the damage tests: nothing of it may be said.
const core = "k3y-7f1c90aa5be24d61"

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// signature is one of HS256 that is no text.
var signature = base64.RawURLEncoding.EncodeToString([]byte("\x00\xff\x80 not a signature of HS256\x01\x02\x03\x04"))

func jwt(header, claims string) string { return b64(header) + "." + b64(claims) + "." + signature }

const hs256 = `{"alg":"HS256","typ":"JWT"}`

// Checksums of fake keys, computed by another program from the descriptions.
const (
	githubOfFake  = "2c8leh"
	grafanaOfFake = "b56d2ba9"
)
