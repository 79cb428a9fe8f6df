package diagnose

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/reauth-go/reauth/auth"
)

// key is the beginning of a word that phrases are filed under: enough letters to
// leave few of them under one.
func key(word string) string { return word[:min(len(word), 3)] }

// A matcher finds phrases in texts: each word of a text is looked up once,
// however many phrases there are.
type matcher struct {
	byStart map[string][]phrase // by the first letters of the first word
	rules   []rule
}

type phrase struct {
	words []string
	open  bool // the last word may go on
	bit   int
}

type rule struct {
	makes  statement
	needs  []int
	unless int // -1: none
}

type bits [4]uint64

func (b *bits) set(n int)     { b[n/64] |= 1 << (n % 64) }
func (b bits) has(n int) bool { return b[n/64]&(1<<(n%64)) != 0 }

var phrases = sync.OnceValue(func() *matcher {
	m := &matcher{byStart: make(map[string][]phrase)}
	next := 0
	known := make(map[*string]int) // lists that several patterns share
	group := func(all []string) int {
		if bit, ok := known[&all[0]]; ok {
			return bit
		}
		known[&all[0]] = next
		for _, text := range all {
			text, open := strings.CutSuffix(text, "*")
			p := phrase{words: strings.Fields(text), open: open, bit: next}
			start := key(p.words[0])
			m.byStart[start] = append(m.byStart[start], p)
		}
		next++
		return next - 1
	}
	for _, p := range patterns {
		r := rule{makes: p.makes, unless: -1}
		for _, g := range p.groups {
			r.needs = append(r.needs, group(g))
		}
		if len(p.unless) > 0 {
			r.unless = group(p.unless)
		}
		m.rules = append(m.rules, r)
	}
	return m
})

// hear returns what the words of a text say, the most telling first.
func hear(words []string) []statement {
	m := phrases()
	var found bits
	for i, w := range words {
		for _, p := range m.byStart[key(w)] {
			if !found.has(p.bit) && p.at(words[i:]) {
				found.set(p.bit)
			}
		}
	}
	var says []statement
	for _, r := range m.rules {
		if r.unless >= 0 && found.has(r.unless) || slices.Contains(says, r.makes) {
			continue
		}
		if !slices.ContainsFunc(r.needs, func(bit int) bool { return !found.has(bit) }) {
			says = append(says, r.makes)
		}
	}
	slices.Sort(says)
	return says
}

func (p phrase) at(words []string) bool {
	if len(words) < len(p.words) {
		return false
	}
	for i, w := range p.words {
		if words[i] != w && !(p.open && i == len(p.words)-1 && strings.HasPrefix(words[i], w)) {
			return false
		}
	}
	return true
}

// A heard is one text and all that it says.
type heard struct {
	text  string
	words []string // of the text
	says  []statement
	field bool // it came from a named field or a challenge, not from prose
	named int  // how many causes it joins by "or"
}

// statements is what the words of a response amount to, the most telling first.
type statements []heard

// unstamped leaves out the time of the answer at the end of a text: it is not
// what the text is about.
func unstamped(text string) string {
	before, _, _ := strings.Cut(text, "Timestamp: 2")
	return before
}

// listen reads texts. Prose of a web page is not read as words of the API: see
// intermediary.
//
// A secret that is itself a word, as tests have them, was masked in the text;
// echo puts it back among the words, which are not shown.
func listen(b body, told []string, echo string) statements {
	var all statements
	var words []string
	add := func(text string, field bool) {
		if len(text) < 2 || slices.ContainsFunc(all, func(h heard) bool { return h.text == text }) {
			return
		}
		plain := unstamped(text)
		if echo != "" {
			plain = strings.ReplaceAll(plain, masked, echo)
		}
		words = wordsOf(words[:0], plain) // most texts say nothing, and leave nothing behind
		if says := hear(words); len(says) > 0 {
			all = append(all, heard{text: text, words: slices.Clone(words), says: says, field: field, named: named(says, words, text)})
		}
	}
	for _, t := range told {
		add(t, true)
	}
	for _, t := range b.texts {
		add(t, b.fields)
	}
	slices.SortStableFunc(all, func(a, b heard) int { return a.rank() - b.rank() })
	return all
}

// rank puts what says much before what says little. What says two things at
// once says less than either.
func (h heard) rank() int {
	switch first := h.says[0]; {
	case first == saysDenied, first == saysLogin:
		return int(first) + 2*int(statementCount) // that is no more than the status says
	case h.mixed():
		return int(first) + int(statementCount)
	default:
		return int(first)
	}
}

// mixed reports whether the text names several causes and so none: "invalid,
// expired or revoked".
func (h heard) mixed() bool { return h.named > 1 }

// slashed matches two causes with a slash between them.
var slashed = regexp.MustCompile(`(?i)(?:missing|invalid|expired|revoked|wrong|bad|incorrect) ?/ ?[a-z]`)

// named counts the causes that a text joins by "or".
func named(says []statement, words []string, text string) int {
	n := 0
	for _, s := range [...]statement{saysInvalid, saysExpired, saysRevoked, saysMissing, saysBroken} {
		if slices.Contains(says, s) {
			n++
		}
	}
	if n > 1 && !joinsCauses(words) && !slashed.MatchString(text) {
		return 1
	}
	return n
}

// joinsCauses reports whether one of the next words after an "or" names a cause,
// and is not that of another sentence.
func joinsCauses(words []string) bool {
	for i, w := range words {
		if w != "or" && w != "nor" {
			continue
		}
		for _, next := range words[i+1 : min(i+5, len(words))] {
			if slices.ContainsFunc(causeWords, func(c string) bool { return strings.HasPrefix(next, c) }) {
				return true
			}
		}
	}
	return false
}

// causeWords are the beginnings of the words that a cause is named by.
var causeWords = []string{"invalid", "expire", "revok", "missing", "wrong", "bad", "incorrect", "malform", "disabled", "deleted", "not", "no", "unknown", "absent", "inactive", "empty", "lacks", "blacklist", "otherwise", "used"}

// is reports whether the response says one of these, and says it plainly.
func (all statements) is(want ...statement) bool {
	return len(all) > 0 && !all[0].mixed() && slices.Contains(want, all[0].says[0])
}

// has reports whether anything in the response says this.
func (all statements) has(want statement) bool {
	return slices.ContainsFunc(all, func(h heard) bool { return slices.Contains(h.says, want) })
}

func (all statements) evidence() auth.Evidence {
	best := all[0].text
	for _, h := range all {
		if h.says[0] == all[0].says[0] && len(h.text) > len(best) {
			best = h.text // a sentence tells more than a code
		}
	}
	return auth.Evidence{Source: "response", Fact: "the response says " + quote(best)}
}

// oneWord are the words whose capitals do not begin another one.
var oneWord = []string{"DPoP", "OAuth", "JWTs", "IPs", "IDs"}

// wordsOf appends the words of a text, and makes sentences and codes of all
// fashions alike: "TokenExpired", "TOKEN_EXPIRED" and "Token expired." become
// "token" and "expired".
func wordsOf(to []string, s string) []string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r > 'z' || r == '\'' || 'A' <= r && r <= 'Z' }) {
		return slices.AppendSeq(to, strings.FieldsFuncSeq(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }))
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	lower, upper := false, false // of the letter before; neither where a word begins
	within := false
	skip := 0
	for i, r := range s {
		if i < skip || r == '\'' || r == '’' {
			continue
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			if within {
				b.WriteByte(' ')
			}
			within, lower, upper = false, false, false
			continue
		}
		up := unicode.IsUpper(r)
		if up && within {
			next, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
			if lower || upper && unicode.IsLower(next) {
				b.WriteByte(' ')
				within = false
			}
		}
		if up && !within {
			for _, w := range oneWord {
				if strings.HasPrefix(s[i:], w) {
					b.WriteString(strings.ToLower(w))
					skip = i + len(w)
				}
			}
		}
		if i >= skip {
			b.WriteRune(unicode.ToLower(r))
		}
		within, lower, upper = true, unicode.IsLower(r) || i < skip, up && i >= skip
	}
	return slices.AppendSeq(to, strings.FieldsSeq(b.String()))
}
