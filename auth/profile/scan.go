package profile

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/reauth-go/reauth/auth"
)

// The bounds of what is read of a body.
const (
	maxPrefix = 16 << 10
	maxDepth  = 32
	maxValues = 64 // at the places that are looked for
	maxValue  = 256
)

// find returns the first code that fits, of those tables that concern the
// response.
func find(tables []Codes, prefix []byte, concerns func(Codes) bool) (Code, bool) {
	prefix = prefix[:min(len(prefix), maxPrefix)]
	var wanted []string
	for _, t := range tables {
		if concerns(t) && t.within(prefix) {
			wanted = append(wanted, t.At)
			if member, _, ok := strings.Cut(t.When, "="); ok {
				wanted = append(wanted, member)
			}
		}
	}
	if len(wanted) == 0 {
		return Code{}, false
	}
	said := scan(prefix, wanted)
	for _, t := range tables {
		if !concerns(t) || !said.holds(t.When) {
			continue
		}
		for _, s := range said {
			if cause, known := t.Causes[s.value]; known && s.at == t.At {
				return Code{At: t.At, Value: s.value, Cause: cause}, true
			}
		}
	}
	return Code{}, false
}

// within reports whether one of the values is anywhere in the text, which answers
// hardly ever have: it saves them the reading. No provider writes a code of its
// own with escapes.
func (t Codes) within(text []byte) bool {
	for value := range t.Causes {
		if bytes.Contains(text, []byte(value)) {
			return true
		}
	}
	return false
}

type member struct{ at, value string }

type members []member

// holds reports whether the document has a member of that value. A document that
// says it twice says nothing.
func (m members) holds(when string) bool {
	at, value, _ := strings.Cut(when, "=")
	n, right := 0, 0
	for _, s := range m {
		if s.at == at {
			n++
			if s.value == value {
				right++
			}
		}
	}
	return when == "" || n == 1 && right == 1
}

// scan returns the plain values at the wanted places, in the document's order.
// It walks over tokens: depth costs no more than length, and a document that was
// cut off has said what it said.
func scan(prefix []byte, wanted []string) members {
	type level struct {
		at     string // the path of the container
		key    string
		object bool
		atKey  bool
	}
	dec := json.NewDecoder(bytes.NewReader(prefix))
	dec.UseNumber()
	var found members
	stack := make([]level, 1, 8)
	for len(found) < maxValues {
		token, err := dec.Token()
		if err != nil {
			return found
		}
		top := &stack[len(stack)-1]
		if top.object && top.atKey && token != json.Delim('}') {
			top.key, _ = token.(string)
			top.atKey = false
			continue
		}
		at := top.at
		if top.object {
			at = strings.TrimPrefix(top.at+"/"+top.key, "/")
			top.atKey = true
		}
		if _, container := token.(json.Delim); !container && len(stack) == 1 {
			return found // a plain value, and no document with members
		}
		var value string
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				if len(stack) > maxDepth {
					return found
				}
				stack = append(stack, level{at: at, object: v == '{', atKey: v == '{'})
				continue
			}
			if stack = stack[:len(stack)-1]; len(stack) == 1 {
				return found // the document is over; what follows is another one
			}
			continue
		case string:
			value = v
		case json.Number:
			value = v.String()
		case bool:
			value = "false"
			if v {
				value = "true"
			}
		default:
			continue
		}
		if len(value) <= maxValue {
			for _, w := range wanted {
				if w == at {
					found = append(found, member{at, value})
					break
				}
			}
		}
	}
	return found
}

// A word is a scheme that writes a word of its own before the secret.
type word struct{ name, before string }

func (w word) Name() string                             { return w.name }
func (word) Place() auth.Place                          { return auth.Place{Header: "Authorization"} }
func (w word) Value(c *auth.Credential) (string, error) { return w.before + c.Secret.Reveal(), nil }
