package diagnose

import (
	"encoding/json"
	"regexp"
	"strings"
)

// A body is the beginning of a response's body, taken apart.
type body struct {
	text      string   // all of it, scrubbed
	html      bool     // a web page
	fields    bool     // JSON, XML or a form: the texts come from named fields
	texts     []string // the sentences and codes that speak of the failure
	code      string   // the value of "error" where it is a code (RFC 6749 section 5.2)
	page      string   // an address that it gives for reading on
	requestID string
}

// The bounds of what is read from a body.
const (
	maxTexts = 32
	maxText  = 1 << 10
	maxDepth = 64
)

func readBody(text, contentType string) body {
	b := body{text: text}
	trimmed := strings.TrimSpace(text)
	lead := strings.ToLower(cut(trimmed, 256))
	switch {
	case trimmed == "":
	case trimmed[0] == '{' || trimmed[0] == '[' || trimmed[0] == '"':
		b.fields = true
		b.readJSON(trimmed)
	case strings.Contains(lead, "<html") || strings.Contains(lead, "<!doctype html") ||
		trimmed[0] == '<' && strings.Contains(strings.ToLower(contentType), "html"):
		b.html = true
		b.readTags(trimmed, htmlTag)
	case trimmed[0] == '<':
		b.fields = true
		b.readTags(trimmed, xmlTag)
	default:
		b.readPlain(trimmed)
	}
	return b
}

// speaks are the names of fields that speak of the failure, in lower case and
// without separators. A field within one of them speaks too.
var speaks = regexp.MustCompile(`err|message|msg|detail|reason|descr|title|fault|code|status|hint|type|cause|category|debug|problem|advice|name$|^id$`)

var pageField = regexp.MustCompile(`^(documentationurl|docurl|docsurl|moreinfo|erroruri|helpurl|infourl|help|href|type)$`)

var requestIDField = regexp.MustCompile(`^(requestid|correlationid|traceid|errorid|psp[a-z]*reference)$`)

// readJSON walks over tokens: no depth of nesting costs more than its length,
// and a document that was cut off has told what it told.
func (b *body) readJSON(text string) {
	type level struct {
		object bool
		key    string // in lower case, without separators
		spoken bool   // an enclosing field speaks
		atKey  bool
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	stack := []level{{spoken: true}}
	for len(b.texts) < maxTexts {
		token, err := dec.Token()
		if err != nil {
			return
		}
		top := &stack[len(stack)-1]
		if delim, ok := token.(json.Delim); ok {
			if delim == '}' || delim == ']' {
				if len(stack) == 1 {
					return
				}
				stack = stack[:len(stack)-1]
				if top = &stack[len(stack)-1]; top.object {
					top.atKey = true
				}
				continue
			}
			if len(stack) > maxDepth {
				return
			}
			spoken := top.spoken && len(stack) > 1 || speaks.MatchString(top.key) || len(stack) == 1 && delim == '['
			stack = append(stack, level{object: delim == '{', key: top.key, spoken: spoken, atKey: delim == '{'})
			continue
		}
		if top.object && top.atKey {
			name, _ := token.(string)
			top.key, top.atKey = squeezed(name), false
			continue
		}
		if s, ok := token.(string); ok {
			b.take(top.key, s, len(stack) <= 3, top.spoken || speaks.MatchString(top.key))
		}
		top.atKey = top.object
	}
}

func (b *body) take(key, value string, outer, spoken bool) {
	switch {
	case pageField.MatchString(key) && strings.HasPrefix(value, "http"):
		if b.page == "" {
			b.page = value
		}
	case requestIDField.MatchString(key):
		if b.requestID == "" {
			b.requestID = value
		}
	case spoken:
		if key == "error" && outer && b.code == "" && codeLike.MatchString(value) {
			b.code = value
		}
		b.say(value)
	}
}

// codeLike matches an error code as RFC 6749 section 5.2 writes them.
var codeLike = regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)

func (b *body) say(s string) {
	if s = cut(strings.TrimSpace(s), maxText); s != "" && len(b.texts) < maxTexts {
		b.texts = append(b.texts, s)
	}
}

var (
	xmlTag  = regexp.MustCompile(`(?i)<([a-z][a-z0-9:_-]*)[^<>]*>([^<]+)`)
	htmlTag = regexp.MustCompile(`(?i)<(title|h1|h2)[^<>]*>([^<]+)`)
)

func (b *body) readTags(text string, tag *regexp.Regexp) {
	for _, m := range tag.FindAllStringSubmatch(text, maxTexts) {
		name := squeezed(m[1])
		switch {
		case requestIDField.MatchString(name) && b.requestID == "":
			b.requestID = m[2]
		case b.html || speaks.MatchString(name):
			b.say(m[2])
		}
	}
}

// readPlain takes sentences, or the fields of a form.
func (b *body) readPlain(text string) {
	if !strings.ContainsAny(text, " \n") && strings.Contains(text, "=") {
		b.fields = true
		for pair := range strings.SplitSeq(text, "&") {
			if name, value, ok := strings.Cut(pair, "="); ok {
				b.take(squeezed(name), strings.NewReplacer("%20", " ", "+", " ").Replace(value), true, speaks.MatchString(squeezed(name)))
			}
		}
		return
	}
	b.say(text)
}

// squeezed makes field names comparable.
func squeezed(name string) string {
	return strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(strings.ToLower(cut(name, 64)))
}
