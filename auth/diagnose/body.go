package diagnose

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
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

// speaks reports whether a field speaks of the failure by its name, which is in
// lower case and without separators. A field within one that speaks does too.
func speaks(name string) bool {
	for _, part := range []string{"err", "message", "msg", "detail", "reason", "descr", "title", "fault", "code", "status", "hint", "type", "cause", "category", "debug", "problem", "advice", "label"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return name == "id" || name == "text" || strings.HasSuffix(name, "name")
}

// pageField reports whether a field may hold an address for reading on.
func pageField(name string) bool {
	switch name {
	case "documentationurl", "docurl", "docsurl", "moreinfo", "erroruri", "helpurl", "infourl", "help", "href", "type":
		return true
	}
	return false
}

// requestIDField reports whether a field names the exchange.
func requestIDField(name string) bool {
	switch name {
	case "requestid", "correlationid", "traceid", "errorid":
		return true
	}
	return strings.HasPrefix(name, "psp") && strings.HasSuffix(name, "reference")
}

// subjects are the fields whose value names the parameter that an error is
// about: {"field": "client_id", "code": "invalid"}.
var subjects = []string{"field", "param", "parameter", "property", "attribute", "pointer"}

// predicates are how messages begin that the name of their field completes:
// {"api_key": "is missing"}.
var predicates = []string{"is", "are", "was", "has", "must", "can", "cannot", "can't", "may", "should", "not", "invalid", "missing", "required", "unknown", "expired"}

func predicate(text string) bool {
	first, _, _ := strings.Cut(text, " ")
	return slices.Contains(predicates, first)
}

// A name is what the name of a field tells.
type name struct {
	whole  string
	plain  string // in lower case, without separators
	spoken bool   // a field of that name speaks of the failure
	space  bool   // it names where a code comes from, not what it is about
	about  bool   // its value names what the other fields speak of
	page   bool   // it may hold an address for reading on
	id     bool   // it names the exchange
}

func nameOf(field string) name {
	plain := squeezed(field)
	return name{
		whole: field, plain: plain, spoken: speaks(plain), page: pageField(plain), id: requestIDField(plain),
		space: plain == "domain", about: slices.Contains(subjects, plain),
	}
}

// readJSON walks over the document once: no depth of nesting costs more than its
// length.
func (b *body) readJSON(text string) {
	type level struct {
		object bool
		key    name
		spoken bool // an enclosing field speaks
		atKey  bool
		about  string // what its object is about
		says   string // what its object says of that
	}
	var room [16]level
	names := make(map[string]name)
	in := jsonReader{s: text}
	stack := append(room[:0], level{spoken: true})
	for len(b.texts) < maxTexts {
		kind, text, ok := in.next()
		if !ok {
			return
		}
		top := &stack[len(stack)-1]
		switch kind {
		case '}', ']':
			if len(stack) == 1 {
				return
			}
			if top.about != "" && top.says != "" {
				b.say(top.about + " " + top.says)
			}
			stack = stack[:len(stack)-1]
			top = &stack[len(stack)-1]
			top.atKey = top.object
		case '{', '[':
			if len(stack) > maxDepth {
				return
			}
			spoken := top.spoken && len(stack) > 1 || top.key.spoken || len(stack) == 1 && kind == '['
			stack = append(stack, level{object: kind == '{', key: top.key, spoken: spoken, atKey: kind == '{'})
		default:
			if top.object && top.atKey {
				n, known := names[text]
				if !known {
					n = nameOf(text)
					names[text] = n
				}
				top.key, top.atKey = n, false
				continue
			}
			if kind == jsonText {
				switch {
				case top.key.about:
					top.about = cut(text, 64)
				case top.says == "" && top.key.spoken && len(text) <= 64:
					top.says = text
				}
				if top.spoken && !top.key.spoken && predicate(text) {
					text = top.key.whole + " " + text
				}
				b.take(top.key, text, len(stack) <= 3, top.spoken || top.key.spoken)
			}
			top.atKey = top.object
		}
	}
}

func (b *body) take(key name, value string, outer, spoken bool) {
	switch {
	case key.page && strings.HasPrefix(value, "http"):
		if b.page == "" {
			b.page = value
		}
	case key.id:
		if b.requestID == "" {
			b.requestID = value
		}
	case spoken && !key.space:
		if key.plain == "error" && outer && b.code == "" && codeLike.MatchString(value) {
			b.code = value
		}
		b.say(value)
	}
}

// codeLike matches an error code as RFC 6749 section 5.2 writes them.
var codeLike = regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)

func (b *body) say(s string) {
	if s = cut(strings.TrimSpace(s), maxText); s != "" && len(b.texts) < maxTexts && !slices.Contains(b.texts, s) {
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
		case requestIDField(name) && b.requestID == "":
			b.requestID = m[2]
		case b.html || speaks(name):
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
				field := nameOf(name)
				b.take(field, strings.NewReplacer("%20", " ", "+", " ").Replace(value), true, field.spoken)
			}
		}
		return
	}
	b.say(text)
}

// squeezed makes field names comparable.
func squeezed(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("_-. ", r) {
			return -1
		}
		return unicode.ToLower(r)
	}, cut(name, 64))
}
