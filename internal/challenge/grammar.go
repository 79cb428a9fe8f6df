package challenge

import (
	"strings"

	"github.com/reauth-go/reauth/auth"
)

// A parser reads one field line from left to right.
type parser struct {
	s   string
	pos int
	ws  string // the bytes that may stand between the parts
}

// strict reads a line that conforms and appends its challenges to out. A reason
// means that it does not, and that p.pos is about where.
//
//	WWW-Authenticate = #challenge                                   section 11.6.1
//	challenge        = auth-scheme [ 1*SP ( token68 / #auth-param ) ]      11.3
//	auth-param       = token BWS "=" BWS ( token / quoted-string )         11.2
//
// Both lists are separated by commas, so what an element is shows only behind
// its first token: an equals sign makes it a parameter.
func (p *parser) strict(out []auth.Challenge) (_ []auth.Challenge, reason string) {
	open := false // a parameter may come: the scheme has its space, and no token68
	for p.next() {
		name := p.token()
		if !p.equals() {
			if name == "" {
				return out, "neither a scheme nor a parameter"
			}
			out = append(out, auth.Challenge{Scheme: name})
			open = p.run(func(c byte) bool { return c == ' ' }) != ""
			if p.ends() {
				continue
			}
			if !open {
				return out, "no space after the scheme"
			}
			if t := p.token68(); t != "" {
				out[len(out)-1].Token68 = t
				open = false
				continue
			}
			if name = p.token(); !p.equals() {
				return out, "neither a token68 nor a parameter"
			}
		}
		if name == "" || !open {
			return out, "a parameter without a name, or without a scheme to belong to"
		}
		value, ok := p.value()
		if !ok {
			return out, "not a proper parameter value"
		}
		// Section 11.2: a name must occur once only.
		if !set(&out[len(out)-1], name, value) {
			return out, "a repeated parameter"
		}
		if !p.ends() {
			return out, "no comma after a parameter"
		}
	}
	return out, ""
}

// set gives c a parameter that it does not have yet. It reports false, and does
// nothing, if c has it: names are compared without regard to case.
func set(c *auth.Challenge, name, value string) bool {
	name = strings.ToLower(name)
	if _, ok := c.Params[name]; ok {
		return false
	}
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Params[name] = value
	return true
}

// next skips to the next list element, over empty ones (section 5.6.1.2). It
// reports false at the end of the line.
func (p *parser) next() bool {
	for p.pos < len(p.s) && (p.s[p.pos] == ',' || p.isSpace(p.s[p.pos])) {
		p.pos++
	}
	return p.pos < len(p.s)
}

// ends reports whether the list element is over, and skips the whitespace
// behind it if so.
func (p *parser) ends() bool {
	start := p.pos
	p.space()
	if p.pos == len(p.s) || p.s[p.pos] == ',' {
		return true
	}
	p.pos = start
	return false
}

// equals reads an equals sign and the whitespace around it, or nothing. Two of
// them are the padding of a token68.
func (p *parser) equals() bool {
	start := p.pos
	p.space()
	rest := p.s[p.pos:]
	if !strings.HasPrefix(rest, "=") || strings.HasPrefix(rest, "==") {
		p.pos = start
		return false
	}
	p.pos++
	p.space()
	return true
}

// token68 reads a token68 (section 11.2) that ends the list element, or nothing.
// The end tells "a=", which is one, from "a=b", which is a parameter.
func (p *parser) token68() string {
	start := p.pos
	if p.run(isToken68) == "" {
		return ""
	}
	p.run(func(c byte) bool { return c == '=' })
	t := p.s[start:p.pos]
	if !p.ends() {
		p.pos = start
		return ""
	}
	return t
}

// value reads a parameter's value: a token or a quoted-string.
func (p *parser) value() (string, bool) {
	if strings.HasPrefix(p.s[p.pos:], `"`) {
		return p.quoted()
	}
	t := p.token()
	return t, t != ""
}

// quoted reads what stands between the quotation mark at hand and the next one
// of its kind, and undoes quoted-pairs (section 5.6.4). It reports false if
// there is no such mark, or a control character before it.
func (p *parser) quoted() (string, bool) {
	mark, start, pairs := p.s[p.pos], p.pos+1, false
	for i := start; i < len(p.s); i++ {
		if p.s[i] == mark {
			p.pos = i + 1
			if pairs {
				return unpair(p.s[start:i]), true
			}
			return p.s[start:i], true
		}
		if p.s[i] == '\\' && i+1 < len(p.s) {
			pairs = true
			i++
		}
		if isControl(p.s[i]) {
			break
		}
	}
	return "", false
}

// unpair undoes quoted-pairs. A backslash is never the last byte of s.
func unpair(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func (p *parser) token() string { return p.run(isToken) }

func (p *parser) space() { p.run(p.isSpace) }

func (p *parser) isSpace(c byte) bool { return strings.IndexByte(p.ws, c) >= 0 }

// run reads bytes as long as ok says so.
func (p *parser) run(ok func(byte) bool) string {
	start := p.pos
	for p.pos < len(p.s) && ok(p.s[p.pos]) {
		p.pos++
	}
	return p.s[start:p.pos]
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isToken tells the bytes of a token (section 5.6.2).
func isToken(c byte) bool { return isAlnum(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0 }

// isToken68 tells the bytes of a token68 before its padding.
func isToken68(c byte) bool { return isAlnum(c) || strings.IndexByte("-._~+/", c) >= 0 }

// isControl tells the bytes that no value may hold. A tab is not one of them.
func isControl(c byte) bool { return c < ' ' && c != '\t' || c == 0x7f }
