// Package scrub masks known secrets in texts that others wrote.
//
// Servers, proxies and libraries repeat what they were sent in whatever way
// their templates and encoders write it. So both sides are compared decoded:
// a text is looked at as it is, and again after each pass that undoes percent
// encoding, the escapes of JSON and of string literals, and HTML entities.
//
// A [Scrubber] is for texts that are shown: it takes eight characters in a row
// for the secret, and had rather mask too much. A [Whole] is for texts that are
// acted on, such as addresses: it finds a secret in full and nothing else.
package scrub

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
)

// Masked stands where a secret stood.
const Masked = "[masked]"

// gram is how many characters of a secret in a row are taken for the secret:
// servers quote values cut off, and so do we at the end of what was read.
const gram = 8

// least is how many characters a form needs to be masked at all in free text.
// What is shorter (test, 0.0, v2) is a part of the words, versions and addresses
// that errors consist of, and is guessed faster than it is read there.
const least = 5

// maxBase64 bounds what is known of a secret's base64 form. No echo that is
// kept is longer, and a file that was taken for a key may be.
const maxBase64 = 12 << 10

// A Value is a secret, and the public name that it is paired with in Basic
// authentication; empty if there is none.
type Value struct{ Secret, User string }

// A Scrubber knows the forms of some secrets. Letter case does not count: some
// servers fold what they quote. Nor do the two alphabets of base64.
type Scrubber struct {
	grams map[uint64]struct{} // of every form, folded
	sieve [32]uint64          // a bit for each of them: most of a text is none, and asks no map
	short []string            // folded forms shorter than a gram, looked for as words of their own
}

// New returns a scrubber that knows these secrets. Its cost is linear in their
// length.
func New(values ...Value) *Scrubber {
	s := &Scrubber{grams: make(map[uint64]struct{})}
	for _, v := range values {
		trimmed := strings.TrimSpace(v.Secret)
		if trimmed == "" {
			continue
		}
		s.learnDecoded(v.Secret)
		for _, other := range []string{strings.ToUpper(v.Secret), strings.ToLower(v.Secret)} {
			if folded(other) != folded(v.Secret) { // letters that are not ASCII
				s.learnDecoded(other)
			}
		}
		if len(trimmed) < gram {
			s.learn(trimmed) // of a longer one, the runs are known already
		}
		if strings.Contains(v.Secret, " ") {
			s.learn(strings.ReplaceAll(v.Secret, " ", "+")) // as forms write it
		}
		s.learnBase64(v.Secret)
		if v.User != "" {
			s.learnBase64(v.User + ":" + v.Secret)
			// RFC 6749 section 2.3.1 encodes both before they are paired.
			if escaped := url.QueryEscape(v.Secret); escaped != v.Secret || url.QueryEscape(v.User) != v.User {
				s.learnBase64(url.QueryEscape(v.User) + ":" + escaped)
			}
		} else if user, password, ok := strings.Cut(trimmed, ":"); ok && user != "" {
			s.learnDecoded(password) // the secret is the whole pair
		}
	}
	return s
}

// learnDecoded takes in a form and what decoding makes of it: a secret may look
// like an escape itself.
func (s *Scrubber) learnDecoded(form string) {
	for v, ok := (view{text: form}), true; ok; v, ok = v.decoded() {
		s.learn(v.text)
	}
}

// learnBase64 takes in the base64 of a text, by itself and within something
// longer, where it may begin at any of three places.
func (s *Scrubber) learnBase64(text string) {
	text = text[:min(len(text), maxBase64)]
	for before, foreign := range []int{0, 2, 3} { // characters that depend on what is before
		form := base64.StdEncoding.EncodeToString(append(make([]byte, before, before+len(text)), text...))[foreign:]
		if before == 0 && len(form) < gram {
			form = strings.TrimRight(form, "=")
		}
		if before == 0 || len(form) >= gram {
			s.learn(form)
		}
	}
}

func (s *Scrubber) learn(form string) {
	if len(form) < gram {
		if form = folded(form); len(form) >= least && !slices.Contains(s.short, form) {
			s.short = append(s.short, form)
		}
		return
	}
	var last uint64
	for i := range len(form) {
		last = last<<8 | uint64(fold(form[i]))
		if i+1 >= gram {
			s.grams[last] = struct{}{}
			word, bit := place(last)
			s.sieve[word] |= bit
		}
	}
}

// Text returns t with every trace of the secrets masked. Its cost is linear in
// the length of t.
func (s *Scrubber) Text(t string) string {
	if len(s.grams) == 0 && len(s.short) == 0 {
		return t
	}
	m := marks{text: t}
	for v, ok := (view{text: t}), true; ok; v, ok = v.decoded() {
		s.find(v.text, func(from, to int) { m.add(v.place(from, to)) })
	}
	return m.masked(Masked)
}

// marks are the bytes of a text that are not to be seen.
type marks struct {
	text string
	hide []bool // per byte of text; nil as long as nothing was found
}

func (m *marks) add(from, to int) {
	if m.hide == nil {
		m.hide = make([]bool, len(m.text))
	}
	for i := from; i < to; i++ {
		m.hide[i] = true
	}
}

// masked returns the text with as in the place of each run of marked bytes.
func (m *marks) masked(as string) string {
	t, hide := m.text, m.hide
	if hide == nil {
		return t
	}
	// A space at the edge belongs to the sentence.
	for i := range hide {
		hide[i] = hide[i] && !(t[i] == ' ' && (i == 0 || !hide[i-1]))
	}
	for i := len(hide) - 1; i >= 0; i-- {
		hide[i] = hide[i] && !(t[i] == ' ' && (i+1 == len(hide) || !hide[i+1]))
	}
	var b strings.Builder
	for i := 0; i < len(t); i++ {
		if !hide[i] {
			b.WriteByte(t[i])
		} else if i == 0 || !hide[i-1] {
			b.WriteString(as)
		}
	}
	return b.String()
}

// find reports every place in text where a form, or a gram of one, stands.
func (s *Scrubber) find(text string, report func(from, to int)) {
	var last uint64
	for i := range len(text) {
		last = last<<8 | uint64(fold(text[i]))
		if i+1 < gram {
			continue
		}
		if word, bit := place(last); s.sieve[word]&bit == 0 {
			continue
		}
		if _, ok := s.grams[last]; ok {
			report(i+1-gram, i+1)
		}
	}
	if len(s.short) == 0 {
		return
	}
	text = folded(text)
	for _, form := range s.short {
		for i := 0; ; {
			j := strings.Index(text[i:], form)
			if j < 0 {
				break
			}
			from, to := i+j, i+j+len(form)
			// A short secret is part of many words. It is one on its own.
			if !letterAt(text, from-1) && !letterAt(text, to) {
				report(from, to)
			}
			i = to
		}
	}
}

// place is the bit of the sieve that stands for a run of characters.
func place(run uint64) (word int, bit uint64) {
	h := run * 0x9e3779b97f4a7c15 >> 53
	return int(h >> 6), 1 << (h & 63)
}

func letterAt(s string, i int) bool {
	return i >= 0 && i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= '0' && s[i] <= '9')
}

// fold makes ASCII letters lower case, and one alphabet of the two of base64
// (RFC 4648 section 5).
func fold(c byte) byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	case c == '-':
		return '+'
	case c == '_':
		return '/'
	}
	return c
}

func folded(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = fold(c)
	}
	return string(b)
}
