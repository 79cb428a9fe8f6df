package diagnose

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"strings"

	"github.com/reauth-go/reauth/auth"
)

const masked = "[masked]"

// Scrub masks every form in which a server could echo the credential: as it is,
// percent-encoded, quoted in JSON, or as a Basic pair. Eight characters in a
// row are enough to be masked, because servers quote values cut off, and so do
// we at the end of what was read.
func Scrub(text string, credentials ...*auth.Credential) string {
	return newScrubber(credentials...).text(text)
}

// gram is how many characters of a secret in a row are taken for the secret.
const gram = 8

// A scrubber knows the forms of some credentials. Letter case does not count:
// it differs in percent-encoding, and some servers fold what they quote.
type scrubber struct {
	grams map[uint64]struct{} // of every form, in lower case
	short []string            // forms with fewer characters than a gram
}

func newScrubber(credentials ...*auth.Credential) *scrubber {
	s := &scrubber{grams: make(map[uint64]struct{})}
	seen := make(map[string]bool)
	for _, c := range credentials {
		for _, form := range forms(c) {
			if form = lower(form); form != "" && !seen[form] {
				seen[form] = true
				s.learn(form)
			}
		}
	}
	return s
}

func (s *scrubber) learn(form string) {
	if len(form) < gram {
		s.short = append(s.short, form)
	}
	for i := 0; i+gram <= len(form); i++ {
		s.grams[packed(form[i:])] = struct{}{}
	}
}

// forms lists how a credential can look when somebody repeats it.
func forms(c *auth.Credential) []string {
	if c == nil || c.Secret.IsZero() {
		return nil
	}
	secret := c.Secret.Reveal()
	plain := []string{secret, strings.TrimSpace(secret)}
	// A value with something around it is echoed without: "Bearer KEY" as KEY.
	for _, part := range strings.FieldsFunc(secret, func(r rune) bool { return r <= ' ' || strings.ContainsRune("\"'`=;,{}<>", r) }) {
		if len(part) >= gram {
			plain = append(plain, part)
		}
	}
	pair := secret
	if c.Username != "" {
		pair = c.Username + ":" + secret
	}
	if user, password, ok := strings.Cut(secret, ":"); ok && c.Username == "" && user != "" {
		plain = append(plain, password) // the secret is the whole pair
	}
	out := plain
	for _, p := range plain {
		out = append(out, url.QueryEscape(p), url.PathEscape(p), jsonQuoted(p, true), jsonQuoted(p, false),
			strings.ReplaceAll(p, "/", `\/`), html.EscapeString(p), strings.ToUpper(p), strings.ToLower(p))
	}
	for _, p := range []string{pair, secret} {
		std := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(p)), "=")
		out = append(out, std, url.QueryEscape(std), strings.ReplaceAll(std, "/", `\/`), base64.RawURLEncoding.EncodeToString([]byte(p)))
	}
	return out
}

func jsonQuoted(s string, escapeHTML bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(escapeHTML)
	if enc.Encode(s) != nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}

// text returns t with every trace of the credentials masked.
func (s *scrubber) text(t string) string {
	if len(s.grams) == 0 && len(s.short) == 0 {
		return t
	}
	low := lower(t)
	var hide []bool // per byte of t; nil as long as nothing was found
	mark := func(from, to int) {
		if hide == nil {
			hide = make([]bool, len(t))
		}
		for i := from; i < to; i++ {
			hide[i] = true
		}
	}
	for i := 0; i+gram <= len(low); i++ {
		if _, ok := s.grams[packed(low[i:])]; ok {
			mark(i, i+gram)
		}
	}
	for _, form := range s.short {
		for i := 0; ; {
			j := strings.Index(low[i:], form)
			if j < 0 {
				break
			}
			from, to := i+j, i+j+len(form)
			// A very short secret is part of many words. It is one on its own.
			if len(form) >= 4 || !letterAt(low, from-1) && !letterAt(low, to) {
				mark(from, to)
			}
			i = to
		}
	}
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
			b.WriteString(masked)
		}
	}
	return b.String()
}

// err returns err as it is, or one with a masked text if its own text repeats a
// credential.
func (s *scrubber) err(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if clean := s.text(text); clean != text {
		return &scrubbedError{clean, err}
	}
	return err
}

type scrubbedError struct {
	text string
	err  error
}

func (e *scrubbedError) Error() string { return e.text }
func (e *scrubbedError) Unwrap() error { return e.err }

func packed(s string) uint64 {
	_ = s[gram-1]
	var v uint64
	for i := range gram {
		v = v<<8 | uint64(s[i])
	}
	return v
}

// lower folds ASCII letters and keeps every byte in its place.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

func letterAt(s string, i int) bool {
	return i >= 0 && i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || s[i] >= '0' && s[i] <= '9')
}
