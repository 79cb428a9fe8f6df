package scrub

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxPasses bounds how often a text is decoded. Each pass is linear; an echo
// that was encoded more often is beyond what servers do.
const maxPasses = 4

// A view is a text after some passes of decoding, with the place in the text as
// it was of each byte.
type view struct {
	text   string
	places []span // per byte of text; nil: the text as it was
	passes int
}

// A span is the bytes from one place up to another.
type span struct{ from, to int }

// place returns where the bytes from up to to stand in the text as it was.
func (v view) place(from, to int) (int, int) {
	if v.places == nil {
		return from, to
	}
	return v.places[from].from, v.places[to-1].to
}

// decoded returns the view after another pass, and whether that is another one.
func (v view) decoded() (view, bool) {
	i := strings.IndexAny(v.text, `%\&`)
	if i < 0 || v.passes == maxPasses {
		return v, false
	}
	next := view{passes: v.passes + 1, places: make([]span, 0, len(v.text))}
	out := make([]byte, 0, len(v.text))
	changed := false
	var room [utf8.UTFMax]byte
	for i := 0; i < len(v.text); {
		piece, n := room[:0], 0
		switch v.text[i] {
		case '%', '\\', '&':
			piece, n = unescape(piece, v.text[i:])
		}
		if n == 0 {
			piece, n = append(piece, v.text[i]), 1
		} else {
			changed = true
		}
		from, to := v.place(i, i+n)
		for _, c := range piece {
			out = append(out, c)
			next.places = append(next.places, span{from, to})
		}
		i += n
	}
	next.text = string(out)
	return next, changed
}

// unescape appends what the escape at the beginning of s stands for, and
// returns how long it is; zero if there is none.
func unescape(to []byte, s string) ([]byte, int) {
	if len(s) < 2 {
		return to, 0
	}
	switch {
	case s[0] == '&':
		return entity(to, s)
	case s[0] == '%':
		if n, ok := hex(s, 1, 2); ok {
			return append(to, byte(n)), 3
		}
		if n, ok := hex(s, 2, 4); ok && (s[1] == 'u' || s[1] == 'U') { // JavaScript's escape
			return utf8.AppendRune(to, rune(n)), 6
		}
		return to, 0
	}
	switch c := s[1]; c {
	case '"', '\'', '\\', '/', '`':
		return append(to, c), 2
	case 'n':
		return append(to, '\n'), 2
	case 'r':
		return append(to, '\r'), 2
	case 't':
		return append(to, '\t'), 2
	case 'b':
		return append(to, '\b'), 2
	case 'f':
		return append(to, '\f'), 2
	case 'x', 'X':
		if n, ok := hex(s, 2, 2); ok {
			return append(to, byte(n)), 4
		}
	case 'u', 'U':
		if n, ok := hex(s, 2, 8); ok && c == 'U' && n <= utf8.MaxRune {
			return utf8.AppendRune(to, rune(n)), 10
		}
		n, ok := hex(s, 2, 4)
		if !ok {
			return to, 0
		}
		if low, ok := hex(s, 8, 4); ok && utf16.IsSurrogate(rune(n)) && s[6] == '\\' && (s[7] == 'u' || s[7] == 'U') {
			return utf8.AppendRune(to, utf16.DecodeRune(rune(n), rune(low))), 12
		}
		return utf8.AppendRune(to, rune(n)), 6
	}
	return to, 0
}

// entity reads an HTML entity: by name, or by number in either base.
func entity(to []byte, s string) ([]byte, int) {
	const longest = 33 // of the names, with their signs
	i := 1
	if s[i] == '#' {
		i++
	}
	for i < len(s) && i < longest && (s[i] >= '0' && s[i] <= '9' || s[i]|' ' >= 'a' && s[i]|' ' <= 'z') {
		i++
	}
	if i < len(s) && s[i] == ';' {
		i++
	} else if s[1] != '#' {
		return to, 0 // "&copy" without its end is a parameter's name in URLs
	} else {
		// Browsers read a number without its end, as far as it goes.
		digits := "0123456789"
		i = 2
		if i < len(s) && s[i]|' ' == 'x' {
			digits += "abcdefABCDEF"
			i++
		}
		for i < len(s) && i < longest && strings.IndexByte(digits, s[i]) >= 0 {
			i++
		}
	}
	plain := html.UnescapeString(s[:i])
	if plain == s[:i] {
		return to, 0
	}
	return append(to, plain...), i
}

// hex reads n hexadecimal digits from place i on.
func hex(s string, i, n int) (uint64, bool) {
	if len(s) < i+n {
		return 0, false
	}
	for _, c := range []byte(s[i : i+n]) {
		if !(c >= '0' && c <= '9' || c|' ' >= 'a' && c|' ' <= 'f') {
			return 0, false
		}
	}
	v, err := strconv.ParseUint(s[i:i+n], 16, 64)
	return v, err == nil
}
