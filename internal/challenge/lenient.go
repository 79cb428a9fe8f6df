package challenge

import (
	"slices"
	"strings"

	"github.com/reauth-go/reauth/auth"
)

// lenient makes what it can of a line that breaks the grammar, and appends the
// challenges to out. If before is set, a line that starts with a parameter
// continues the last challenge of the line before, and continued tells so.
//
// The rules come from what servers send and are made so that an error drops
// something rather than inventing it:
//
//   - A name and an equals sign start a parameter, comma or not. It belongs to
//     the challenge before it, even if a comma follows the scheme.
//   - A word starts a challenge at the start of the line, after a comma, or
//     before a parameter. Anything else is skipped up to the next comma.
//   - A repeated name keeps its last value: where proxies and applications add
//     a parameter each, that is most often the one that works.
//   - A parameter without a value, or after a token68, is dropped.
//   - A line break is whitespace, as net/http has it when it joins lines.
func (p *parser) lenient(out []auth.Challenge, before bool) (_ []auth.Challenge, continued bool) {
	first := len(out)
	owner := -1 // the challenge that parameters belong to
	if before {
		owner = first - 1
	}
	for {
		from := p.pos
		if !p.next() {
			return out, continued
		}
		fresh := from == 0 || strings.Contains(p.s[from:p.pos], ",")
		name := p.token()
		switch {
		case name != "" && p.equals():
			value, ok := p.looseValue()
			if owner < 0 || out[owner].Token68 != "" {
				break
			}
			inherited := owner < first
			continued = continued || inherited
			if !ok {
				break
			}
			// A broken line may add to its neighbour, and change nothing in it.
			if !set(&out[owner], name, value) && !inherited {
				out[owner].Params[strings.ToLower(name)] = value
			}
		case name != "" && (fresh && p.wordEnds() || p.startsParam()):
			out = append(out, auth.Challenge{Scheme: name})
			owner = len(out) - 1
			p.space()
			out[owner].Token68 = p.token68()
		default:
			p.run(func(c byte) bool { return c != ',' })
			if owner < first {
				owner = -1 // the line did not start with a parameter
			}
		}
	}
}

// looseValue reads a value that may lack its quotation marks or have single
// ones. It reports false if there is none, or none that can be trusted: half
// a URL must not pass for an endpoint, so a quoted value that does not end, and
// one with a control character, is lost together with the rest of the line.
func (p *parser) looseValue() (string, bool) {
	if p.pos == len(p.s) || p.isSpace(p.s[p.pos-1]) && p.startsParam() {
		return "", false
	}
	var value string
	ok := true
	if mark := p.s[p.pos]; mark == '"' || mark == '\'' {
		value, ok = p.quoted()
	} else {
		value = p.unquoted()
		if value == "" {
			return "", false
		}
		ok = !slices.ContainsFunc([]byte(value), isControl)
	}
	if !ok {
		p.pos = len(p.s)
	}
	return value, ok
}

// unquoted reads a bare value such as a URL or a sentence: up to a comma, or to
// whitespace with a parameter or a challenge behind it.
func (p *parser) unquoted() string {
	start := p.pos
	for p.pos < len(p.s) && p.s[p.pos] != ',' {
		if !p.isSpace(p.s[p.pos]) {
			p.pos++
			continue
		}
		end := p.pos
		if p.ends() {
			return p.s[start:end]
		}
		p.space()
		if p.startsParam() || p.startsChallenge() {
			return p.s[start:end]
		}
	}
	return p.s[start:p.pos]
}

// startsParam reports whether a parameter comes next, perhaps behind
// whitespace. It reads nothing.
func (p *parser) startsParam() bool {
	q := *p
	q.space()
	return q.token() != "" && q.equals()
}

// startsChallenge reports whether a scheme and a parameter come next. It reads
// nothing.
func (p *parser) startsChallenge() bool {
	q := *p
	return q.token() != "" && q.startsParam()
}

// wordEnds reports whether the word just read is a whole one.
func (p *parser) wordEnds() bool {
	return p.pos == len(p.s) || p.s[p.pos] == ',' || p.isSpace(p.s[p.pos])
}
