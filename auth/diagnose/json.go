package diagnose

import (
	"encoding/json"
	"strings"
)

// A jsonReader reads JSON as far as it goes: a document that was cut off, or
// that somebody pasted with a comma missing, has told what it told. Each byte is
// looked at once, and nothing is copied but strings with escapes in them.
type jsonReader struct {
	s string
	i int
}

// The kinds of what next returns, besides the brackets themselves.
const (
	jsonText  = '"' // a string; of the name of a member only its place tells
	jsonOther = '0' // a number, or a word
)

// next returns the next bracket, string or other value. ok is false at the end,
// and at a string that does not end.
func (r *jsonReader) next() (kind byte, text string, ok bool) {
	for ; r.i < len(r.s); r.i++ {
		switch c := r.s[r.i]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			continue
		case '{', '}', '[', ']':
			r.i++
			return c, "", true
		case '"':
			return r.text()
		default:
			start := r.i
			for r.i < len(r.s) && !strings.ContainsRune(" \t\r\n,:{}[]\"", rune(r.s[r.i])) {
				r.i++
			}
			return jsonOther, r.s[start:r.i], true
		}
	}
	return 0, "", false
}

func (r *jsonReader) text() (kind byte, text string, ok bool) {
	start, escaped := r.i, false
	for r.i++; r.i < len(r.s); r.i++ {
		switch r.s[r.i] {
		case '\\':
			escaped = true
			r.i++
		case '"':
			r.i++
			text = r.s[start+1 : r.i-1]
			if escaped {
				var plain string
				if json.Unmarshal([]byte(r.s[start:r.i]), &plain) == nil {
					text = plain
				}
			}
			return jsonText, text, true
		}
	}
	return 0, "", false
}
