package diagnose

import (
	"fmt"
	"strings"

	"github.com/reauth-go/reauth/auth"
)

// Value looks at a credential before it is sent. It returns an error only for a
// defect that is certain: a value that no HTTP header can carry, or that the
// scheme cannot send.
//
// What is only unusual, such as a space within the value or quotation marks
// around it, is sent, and is evidence if it is refused.
func Value(c *auth.Credential, s auth.Scheme) *auth.Error {
	if c == nil || s == nil {
		return nil
	}
	if c.Secret.IsZero() && c.Username == "" {
		return defect(c, auth.EmptyCredential, "the value is empty", again(c.Provenance, "", ""))
	}
	if what, at := control(c.Username); at > 0 {
		return defect(c, auth.MalformedCharacters,
			fmt.Sprintf("the user name contains %s at byte %d", what, at), "give the user name "+without(what))
	}
	if what, at := control(c.Secret.Reveal()); at > 0 {
		return defect(c, auth.MalformedCharacters,
			fmt.Sprintf("the value contains %s at byte %d of %d, which cannot be sent", what, at, len(c.Secret.Reveal())),
			again(c.Provenance, "", without(what)))
	}
	value, err := s.Value(c)
	if err != nil {
		e := defect(c, auth.MalformedWrapping, Scrub("the value cannot be sent by "+s.Name()+": "+err.Error(), c), "")
		if s.Name() == auth.Basic.Name() {
			e.Remedy.Text = again(c.Provenance, "value as user:password", "") + ", or give the program the user name"
		}
		e.Err = newScrubber(c).err(err)
		return e
	}
	if what, at := control(value); at > 0 && s.Place().Query == "" {
		return defect(c, auth.MalformedCharacters,
			fmt.Sprintf("what %s makes of the value contains %s, which cannot be sent", s.Name(), what), "")
	}
	return nil
}

func defect(c *auth.Credential, cause auth.Cause, fact, remedy string) *auth.Error {
	return &auth.Error{
		Cause: cause, Confidence: auth.Certain, Remedy: auth.Remedy{Text: remedy, Command: store(c.Provenance)},
		Evidence: []auth.Evidence{{Source: c.Provenance.String(), Fact: fact}},
		Tried:    c.Tried,
	}
}

// control finds the first character that no header field value can carry
// (RFC 9110 section 5.5, which allows the tab): its name, and its place counted
// in bytes from one. A query could carry it percent-encoded, and Basic in its
// base64, which RFC 7617 section 2 forbids; it is no part of a key all the same.
func control(s string) (name string, at int) {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return controlName(c), i + 1
		}
	}
	return "", 0
}

func without(what string) string {
	return "without the " + strings.TrimPrefix(strings.TrimPrefix(what, "an "), "a ")
}

func controlName(c byte) string {
	switch c {
	case 0:
		return "a NUL character"
	case '\n':
		return "a line break (LF)"
	case '\r':
		return "a carriage return (CR)"
	case 0x1b:
		return "an escape character"
	case 0x7f:
		return "a delete character"
	}
	return fmt.Sprintf("a control character (0x%02x)", c)
}
