// Package challenge reads the challenges of the WWW-Authenticate and
// Proxy-Authenticate fields, by the whole grammar of RFC 9110 sections 5.6 and
// 11: several challenges on a line, several lines, token68, quoted commas,
// empty list elements.
//
// Many servers break that grammar. What they send is read as far as sense can
// be made of it, so that a person can be told what the server said, and is
// marked as doubtful, so that no program does what it only seems to say.
package challenge

import (
	"fmt"

	"github.com/reauth-go/reauth/auth"
)

// MaxBytes is how much [Parse] reads of one field, all lines together. Browsers
// are tested with a quarter of it in one parameter.
const MaxBytes = 128 << 10

// Parse reads the values of one field, one string for each field line, in the
// order in which they came.
//
// If the error is nil, every line conforms and the challenges may be acted on.
//
// Otherwise the error is an [*Error], and the challenges are what could be made
// of the lines: good for explaining what the server said, and for nothing else.
// Only those in [Error.Sound] may be acted on. A line that breaks the grammar
// takes nothing away from the other lines: it can at most add parameters to the
// challenge right before it.
//
// A line is read whole or not at all. One that would make the total exceed
// [MaxBytes] is left out and counts as broken. Time and memory are linear in
// the input.
//
// No challenge at all is not an error. Nothing is decoded but quoted-pairs, so
// values may hold any bytes but control characters.
func Parse(values []string) ([]auth.Challenge, error) {
	var (
		out    []auth.Challenge
		sound  []bool // for each challenge, whether its line conforms
		broken *Error // nil as long as nothing is
		budget = MaxBytes
		before = false // whether the line before gave a challenge
	)
	for i, line := range values {
		if len(line) > budget {
			broken = broken.add(i, 0, fmt.Sprintf("more than %d bytes in all", MaxBytes))
			before = false
			continue
		}
		budget -= len(line)

		n := len(out)
		p := parser{s: line, ws: " \t"}
		read, reason := p.strict(out)
		if reason != "" {
			broken = broken.add(i, p.pos, reason)
			p = parser{s: line, ws: " \t\r\n"}
			var continued bool
			read, continued = p.lenient(out, before)
			if continued {
				sound[n-1] = false
			}
		}
		out = read
		for range len(out) - n {
			sound = append(sound, reason == "")
		}
		before = len(out) > n
	}
	if broken == nil {
		return out, nil
	}
	for i, c := range out {
		if sound[i] {
			broken.Sound = append(broken.Sound, c)
		}
	}
	return out, broken
}

// An Error says that at least one field line breaks the grammar. Its text gives
// the place and the kind of the first break, and nothing of what the line says.
type Error struct {
	// Sound are those challenges that may be acted on all the same: their
	// whole line conforms, and no other line adds to them.
	Sound []auth.Challenge

	line, pos int // of the first break, from 0
	reason    string
	more      int // broken lines after that one
}

// add notes one broken line. One is told and the rest are counted, so that
// a hostile field cannot blow up the text.
func (e *Error) add(line, pos int, reason string) *Error {
	if e == nil {
		return &Error{line: line, pos: pos, reason: reason}
	}
	e.more++
	return e
}

// Error returns the text.
func (e *Error) Error() string {
	s := fmt.Sprintf("challenge: field line %d, near byte %d: %s", e.line+1, e.pos+1, e.reason)
	if e.more > 0 {
		s += fmt.Sprintf(" (broken lines after it: %d)", e.more)
	}
	return s
}
