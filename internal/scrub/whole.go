package scrub

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// A Whole knows the forms of some secrets in full. Words that a secret is made of
// are none of its business.
type Whole struct {
	plain  []string // in small letters
	base64 []string // folded
}

// NewWhole returns a Whole that knows these secrets, as far as they have eight
// characters: what is shorter is found in addresses by chance.
func NewWhole(values ...Value) *Whole {
	w := &Whole{}
	for _, v := range values {
		secret := strings.TrimSpace(v.Secret)
		if v.User != "" {
			w.learnBase64(v.User + ":" + secret)
		}
		if len(secret) < gram {
			continue
		}
		w.learn(strings.ReplaceAll(secret, " ", "+")) // as forms write it
		for f, ok := (view{text: secret}), true; ok; f, ok = f.decoded() {
			w.learn(f.text) // it may look like an escape itself
		}
		w.learnBase64(secret)
		w.learnBase64(url.QueryEscape(secret))
	}
	return w
}

func (w *Whole) learn(form string) {
	if len(form) >= gram {
		w.plain = append(w.plain, small(form))
	}
}

// learnBase64 takes in what of a text's base64 does not depend on its neighbours.
func (w *Whole) learnBase64(text string) {
	text = text[:min(len(text), maxBase64)]
	for before, foreign := range []int{0, 2, 3} {
		form := base64.RawStdEncoding.EncodeToString(append(make([]byte, before, before+len(text)), text...))
		if (before+len(text))%3 != 0 {
			form = form[:len(form)-1] // some of its bits are those of what follows
		}
		if form = form[min(foreign, len(form)):]; len(form) >= gram {
			w.base64 = append(w.base64, folded(form))
		}
	}
}

// Mask returns t with mask in the place of each of the secrets.
func (w *Whole) Mask(t, mask string) string {
	m := marks{text: t}
	for v, ok := (view{text: t}), true; ok; v, ok = v.decoded() {
		find := func(text string, forms []string) {
			for _, form := range forms {
				for i := 0; ; i += len(form) {
					j := strings.Index(text[i:], form)
					if j < 0 {
						break
					}
					i += j
					m.add(v.place(i, i+len(form)))
				}
			}
		}
		find(small(v.text), w.plain)
		find(folded(v.text), w.base64)
	}
	return m.masked(mask)
}

// small makes ASCII letters small: some servers do, and a UUID is the same key
// then. It leaves the signs alone: v1_items_list is no v1/items/list.
func small(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}
