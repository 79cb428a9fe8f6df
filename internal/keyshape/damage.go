package keyshape

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The causes that damage can be, by their codes in package auth.
const (
	characters  = "malformed_characters"
	wrapping    = "malformed_wrapping"
	placeholder = "placeholder_value"
	truncated   = "typo_or_truncated"
	wrongKind   = "wrong_credential_kind"
)

// A looker takes off what a value is wrapped in, and keeps the first thing that
// it found. A placeholder comes before all else: what it is wrapped in does not
// matter.
type looker struct {
	whole  string
	kind   *kind // of what is within, nil if unknown
	damage Damage
}

func (l *looker) found(d Damage) {
	if l.damage.Cause == "" || d.Cause == placeholder && !d.Weak {
		l.damage = d
	}
}

// layers bounds how often something is taken off. A line such as
// export KEY="Bearer …"; has five.
const layers = 12

// peel returns what is within the wrapping.
func (l *looker) peel(v string) string {
	for range layers {
		if inner := strings.TrimSpace(v); inner != "" && isDocument(inner) {
			return inner
		}
		if v = l.ends(v); v == "" || isCookies(v) || l.reference(v) {
			return v
		}
		before := len(v)
		for _, off := range [...]func(string) string{l.quotes, l.header, l.scheme, l.assignment, l.trailing, l.quote} {
			if v = off(v); len(v) != before {
				break
			}
		}
		if len(v) == before {
			break
		}
	}
	return v
}

// isDocument reports whether v is more than one line by its nature.
func isDocument(v string) bool {
	return strings.HasPrefix(v, "-----BEGIN ") ||
		(v[0] == '{' && v[len(v)-1] == '}' || v[0] == '[' && v[len(v)-1] == ']') && json.Valid([]byte(v))
}

// ends takes off white space and what cannot be seen at both ends.
func (l *looker) ends(v string) string {
	for v != "" {
		r, n := utf8.DecodeRuneInString(v)
		if !unseen(r) {
			break
		}
		if l.damage.Cause == "" {
			what := charName(r)
			l.found(Damage{Cause: characters, Fact: "the value begins with " + what, Take: without(what) + " at its start"})
		}
		v = v[n:]
	}
	for v != "" {
		r, n := utf8.DecodeLastRuneInString(v)
		if !unseen(r) {
			break
		}
		if l.damage.Cause == "" {
			what := charName(r)
			l.found(Damage{Cause: characters, Fact: "the value ends with " + what, Take: without(what) + " at its end"})
		}
		v = v[:len(v)-n]
	}
	return v
}

func unseen(r rune) bool {
	if r < utf8.RuneSelf {
		return r <= ' ' || r == 0x7f
	}
	return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r)
}

// charName names a character that keys do not have.
func charName(r rune) string {
	switch {
	case r == ' ':
		return "a space"
	case r == '\t':
		return "a tab"
	case r == '\n':
		return "a line break (LF)"
	case r == '\r':
		return "a carriage return (CR)"
	case r == 0:
		return "a NUL character"
	case r == 0x1b:
		return "an escape character"
	case r == 0x7f:
		return "a delete character"
	case r < ' ':
		return fmt.Sprintf("a control character (0x%02x)", r)
	case r == utf8.RuneError:
		return "a byte that is not UTF-8"
	case r == '\ufeff':
		return "a byte order mark (U+FEFF)"
	case r == '\u00a0':
		return "a no-break space (U+00A0)"
	case unicode.IsSpace(r):
		return fmt.Sprintf("a special space (U+%04X)", r)
	case unicode.Is(unicode.Cf, r):
		return fmt.Sprintf("an invisible character (U+%04X)", r)
	}
	return fmt.Sprintf("a character that is not ASCII (U+%04X)", r)
}

func without(what string) string {
	_, noun, _ := strings.Cut(what, " ")
	return "the " + noun
}

func (l *looker) quotes(v string) string {
	if cut, ok := strings.CutPrefix(v, `\"`); ok {
		l.wrapped("the value is in double quotation marks with a backslash", "the backslashes and quotation marks")
		return strings.TrimSuffix(cut, `\"`)
	}
	first, n := utf8.DecodeRuneInString(v)
	last, m := utf8.DecodeLastRuneInString(v)
	if len(v) < n+m || !strings.ContainsRune(opening, first) || !strings.ContainsRune(closing, last) {
		return v
	}
	fact := "the value is in typographic quotation marks"
	if first == last {
		switch first {
		case '"':
			fact = "the value is in double quotation marks"
		case '\'':
			fact = "the value is in single quotation marks"
		case '`':
			fact = "the value is in backquotes"
		}
	}
	l.wrapped(fact, "the quotation marks")
	return v[n : len(v)-m]
}

const opening, closing = "\"'`“”„«»‘’‚‹›", "\"'`“”«»‘’‹›"

// quote takes off a quotation mark on one side.
func (l *looker) quote(v string) string {
	first, n := utf8.DecodeRuneInString(v)
	last, m := utf8.DecodeLastRuneInString(v)
	switch {
	case len(v) == n:
	case strings.ContainsRune(opening, first):
		l.wrapped("the value begins with a quotation mark that nothing closes", "the quotation mark")
		return v[n:]
	case strings.ContainsRune(closing, last):
		l.wrapped("the value ends with a quotation mark that nothing opens", "the quotation mark")
		return v[:len(v)-m]
	}
	return v
}

func (l *looker) wrapped(fact, take string) {
	l.found(Damage{Cause: wrapping, Fact: fact, Take: take})
}

func (l *looker) trailing(v string) string {
	if len(v) > 1 {
		switch v[len(v)-1] {
		case ',':
			l.wrapped("the value ends with a comma", "the comma at its end")
			return v[:len(v)-1]
		case ';':
			l.wrapped("the value ends with a semicolon", "the semicolon at its end")
			return v[:len(v)-1]
		}
	}
	return v
}

// header takes off the name of a header field. A user name may look like one
// (x-token-auth), so only a few names do without the space behind the colon.
func (l *looker) header(v string) string {
	name, rest, ok := strings.Cut(v, ":")
	if !ok || len(name) > 40 || rest == "" {
		return v
	}
	name = strings.TrimRight(name, " \t")
	spaced := rest[0] == ' ' || rest[0] == '\t'
	rest = strings.TrimLeft(rest, " \t")
	cookie := oneOf(name, "cookie", "set-cookie")
	known := cookie || oneOf(name, "authorization", "proxy-authorization", "x-api-key", "api-key", "apikey", "private-token", "x-auth-token")
	if rest == "" || !known && !(spaced && fieldName(name)) {
		return v
	}
	take := "the header's name"
	if inner, word := cutScheme(rest); word != "" {
		rest, take = inner, "the header's name and the scheme"
	}
	fact := "the value begins with the name of a header: the whole line was taken for it"
	if cookie {
		fact = "the value is a whole Cookie header"
	}
	l.wrapped(fact, take)
	return rest
}

// fieldName reports whether a word is like the name of a header that carries
// keys: X-Acme-Key, Ocp-Apim-Subscription-Key.
func fieldName(s string) bool {
	return strings.Contains(s, "-") && all(s, func(c byte) bool { return letter(c) || c == '-' }) &&
		(len(s) > 2 && (s[0] == 'X' || s[0] == 'x') && s[1] == '-' || oneOf(s[strings.LastIndexByte(s, '-')+1:], "key", "token", "authorization", "secret"))
}

var schemes = []string{"Bearer", "Basic", "Token", "ApiKey", "Api-Key", "DPoP", "Digest", "Bot", "SSWS", "GenieKey", "Negotiate"}

// cutScheme takes a scheme's name off the front, as it is written there.
func cutScheme(v string) (rest, word string) {
	for _, s := range schemes {
		if len(v) < len(s)+2 || !strings.EqualFold(v[:len(s)], s) {
			continue
		}
		rest = v[len(s):]
		switch {
		case rest[0] == ' ' || rest[0] == '\t':
		case rest[0] == ':' && (rest[1] == ' ' || s == "Bearer"):
			rest = rest[1:]
		case strings.HasPrefix(rest, "%20"):
			rest = rest[3:]
		case s == "Bearer" && strings.HasPrefix(rest, "eyJ"):
			return rest, v[:len(s)]
		default:
			continue
		}
		if rest = strings.TrimLeft(rest, " \t"); rest != "" {
			return rest, v[:len(s)]
		}
	}
	return v, ""
}

func (l *looker) scheme(v string) string {
	rest, word := cutScheme(v)
	if word != "" {
		l.found(Damage{
			Cause: wrapping, Scheme: word, Take: `"` + word + ` "`,
			Fact: fmt.Sprintf("the value begins with the scheme's name %q, which is not part of it", word),
		})
	}
	return rest
}

// assignment takes off the name of a variable. Keys may end in "=", and some
// hold one, but none begins with a word in capitals and then one.
func (l *looker) assignment(v string) string {
	rest, command := v, false
	for _, word := range []string{"export ", "set ", "declare -x ", "ENV ", "$env:"} {
		if cut, ok := strings.CutPrefix(v, word); ok {
			rest, command = strings.TrimLeft(cut, " "), true
			break
		}
	}
	end := strings.IndexAny(rest, "=: ")
	if end < 2 || end > 80 {
		return v
	}
	name, rest := rest[:end], rest[end:]
	value := strings.TrimLeft(rest, " ")
	if value == "" || value[0] != '=' && value[0] != ':' || value[0] == ':' && !strings.HasPrefix(value, ": ") {
		return v
	}
	sign := value[:1]
	value = strings.TrimLeft(value[1:], " ")
	switch {
	case digit(name[0]) || !all(name, func(c byte) bool { return alphanumeric(c) || c == '_' }):
		return v
	case strings.Trim(value, "=") == "":
		return v
	case command, len(name) > 2 && all(name, func(c byte) bool { return upperOrDigit(c) || c == '_' }):
	case oneOf(name, "token", "access_token", "refresh_token", "id_token", "api_key", "apikey", "key", "secret", "client_secret", "password", "auth_token"):
	default:
		return v
	}
	l.wrapped(`the value begins with the name of a variable and "`+sign+`": a whole assignment was taken for it`, `the name and the "`+sign+`"`)
	return value
}

// inspect looks at what is within the wrapping.
func (l *looker) inspect(v string, s *Shape) {
	if v == "" {
		l.found(Damage{Cause: characters, Fact: "the value is white space only", Want: "put in the key itself"})
		return
	}
	if l.damage.Cause == placeholder && !l.damage.Weak || l.document(v, s) || l.unreplaced(v) || l.shortened(v) {
		return
	}
	l.unusual(v)
	if s.Damage.Cause != "" { // of a token
		l.found(s.Damage)
	}
	if s.Checksum == WrongChecksum {
		l.found(Damage{
			Cause: truncated, Fact: "the checksum in the value is wrong: a character of this " + s.Name() + " is mistyped, missing or swapped",
			Want: "copy the whole key again",
		})
	}
	l.size(v, s)
	if l.damage.Cause == "" && s.Kind == "" {
		l.encoded(v)
		l.pair(v)
	}
}

// document recognises what holds a key, or is none at all.
func (l *looker) document(v string, s *Shape) bool {
	switch {
	case strings.HasPrefix(v, "-----BEGIN "):
		label, _, _ := strings.Cut(v[len("-----BEGIN "):], "-----")
		s.Kind, s.Use = "PEM document", Unknown
		switch {
		case strings.HasSuffix(label, "PRIVATE KEY"):
			s.Kind, s.Use = "PEM private key", Signing
		case strings.HasSuffix(label, "PUBLIC KEY"):
			s.Kind, s.Use = "PEM public key", Signing
		case label == "CERTIFICATE":
			s.Kind = "PEM certificate"
		}
		l.found(Damage{Cause: wrongKind, Fact: "the value is " + article(s.Kind) + ", which is not sent as a key", Want: "use it to sign or to connect, and send the token that comes of it"})
	case strings.HasPrefix(v, "LS0tLS1CRUdJTi"):
		s.Kind, s.Use = "PEM document", Unknown
		l.found(Damage{Cause: wrongKind, Fact: "the value is the base64 form of a PEM document, which is not sent as a key", Want: "use it to sign or to connect, and send the token that comes of it"})
	case strings.HasPrefix(v, "ssh-rsa "), strings.HasPrefix(v, "ssh-ed25519 "):
		s.Kind, s.Use = "SSH public key", Signing
		l.found(Damage{Cause: wrongKind, Fact: "the value is an SSH public key, which HTTP APIs do not take", Want: "put in an API key or token"})
	case isDocument(v), v[0] == '{' && v[len(v)-1] == '}' && strings.ContainsAny(v, `"'`) && strings.Contains(v, ":"):
		l.json(v, s)
	case hasPrefixFold(v, "https://"), hasPrefixFold(v, "http://"):
		s.Kind, s.Use = "address", Unknown
		l.found(Damage{Cause: wrongKind, Fact: "the value is an address (URL), not a key", Want: "put in the key itself"})
	case strings.EqualFold(v, "Bearer"):
		l.found(Damage{Cause: wrapping, Fact: "the value is a scheme's name and nothing else", Want: "put in the key itself, and quotation marks around a value with a space where a shell or a file needs them"})
	case isCookies(v):
		s.Kind, s.Use = "cookie", Unknown
		l.found(Damage{Cause: wrongKind, Fact: "the value looks like a cookie or a form: several names with values", Want: "put in the key itself"})
	default:
		return false
	}
	return true
}

func (l *looker) json(v string, s *Shape) {
	s.Kind, s.Use = "JSON document", Unknown
	d := Damage{Cause: wrapping, Fact: "the value is a JSON document, not a key", Take: "everything but the key itself"}
	has := map[string]bool{}
	members([]byte(v), func(name string, value json.RawMessage) {
		switch name {
		case "access_token", "private_key", "client_email", "kty", "keys", "client_secret", "installed", "web":
			has[name] = true
		}
	})
	switch {
	case has["access_token"]:
		s.Kind = "token answer"
		d.Fact, d.Take = "the value is a whole answer of a token endpoint (JSON)", "everything but the access token"
	case has["private_key"] && has["client_email"]:
		s.Provider, s.Kind, s.Use = "Google", "service account key file", Signing
		d = Damage{Cause: wrongKind, Fact: "the value is a Google service account key file (JSON), which signs and is never sent", Want: "exchange it for an access token, and send that"}
	case has["installed"] || has["web"]:
		s.Provider, s.Kind, s.Use = "Google", "OAuth client file", Client
		d = Damage{Cause: wrongKind, Fact: "the value is an OAuth client file (JSON), which only gets tokens", Want: "log in with it, and send the access token"}
	case has["kty"] || has["keys"]:
		s.Kind, s.Use = "JSON Web Key", Signing
		d = Damage{Cause: wrongKind, Fact: "the value is a JSON Web Key, which signs or verifies and is never sent", Want: "use it to sign, and send the token that comes of it"}
	}
	l.found(d)
}

// isCookies: name=value, more than one, with the separators of RFC 6265
// section 4.2.1 or of a form.
func isCookies(v string) bool {
	sep := "; "
	if !strings.Contains(v, sep) {
		sep = "&"
	}
	n := 0
	for pair := range strings.SplitSeq(v, sep) {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" || value == "" || !all(name, func(c byte) bool { return urlSafe(c) || c == '.' }) {
			return false
		}
		n++
	}
	return n > 1
}

// shortened recognises copies that were made to be shown.
func (l *looker) shortened(v string) bool {
	d := Damage{Cause: truncated, Want: "copy the whole key again, where it was made"}
	switch {
	case strings.Contains(v, "***") || strings.Contains(v, "•••") || strings.Contains(v, "●●●"):
		d.Fact = "part of the value is crossed out: it is a masked copy of a key"
	case strings.HasSuffix(v, "...") || strings.Contains(v, "…"):
		d.Fact = "the value is cut off with dots: it is a shortened copy of a key"
	case strings.Contains(v, "..."):
		d.Fact, d.Weak = "the middle of the value is cut out with dots: it is a shortened copy of a key", len(v) > 32 // alphabets with a dot are rare
	default:
		return false
	}
	l.found(d)
	return true
}

// unusual names the first character that keys do not have, and where it is in
// the whole value.
func (l *looker) unusual(v string) {
	off := strings.Index(l.whole, v)
	for i, r := range v {
		if r > ' ' && r < 0x7f {
			continue
		}
		what := charName(r)
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(v[i:]); n > 1 {
				what = "a replacement character (U+FFFD), the trace of a wrong encoding"
			}
		}
		l.found(Damage{
			Cause: characters, Fact: fmt.Sprintf("the value contains %s at byte %d of %d", what, off+i+1, len(l.whole)), Take: "that character",
		})
		return
	}
}

// encoded recognises percent-encoding: every percent sign begins a code, and one
// of the codes stands for a character that needs none within a header. Twitter
// hands out such keys.
func (l *looker) encoded(v string) {
	needless := false
	for i := strings.IndexByte(v, '%'); i >= 0; {
		if i+2 >= len(v) || !hex(v[i+1]) || !hex(v[i+2]) {
			return
		}
		switch strings.ToUpper(v[i+1 : i+3]) {
		case "2B", "2F", "3D", "3A", "20", "22", "0A", "0D", "7E", "2E", "2D", "5F", "40", "7C":
			needless = true
		}
		next := strings.IndexByte(v[i+3:], '%')
		if next < 0 {
			break
		}
		i += 3 + next
	}
	if needless {
		l.found(Damage{
			Cause: wrapping, Weak: true, Fact: "the value is percent-encoded, as in an address",
			Want: "put in the key as it is, with the characters that the codes stand for",
		})
	}
}

// pair recognises what Basic sends (RFC 7617 section 2).
func (l *looker) pair(v string) {
	if len(v) < 16 || len(v)%4 == 1 || len(v) > 1<<10 {
		return
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(v, "="))
	if err != nil || !utf8.Valid(raw) {
		return
	}
	user, password, ok := strings.Cut(string(raw), ":")
	if !ok || user == "" || password == "" || !all(user, userByte) || strings.ContainsFunc(string(raw), func(r rune) bool { return !unicode.IsPrint(r) }) {
		return
	}
	l.found(Damage{
		Cause: wrapping, Weak: true, Fact: "the value is the base64 form of user:password, which is what Basic sends",
		Want: "use the Basic scheme with user name and password, or put in the key itself",
	})
}

func userByte(c byte) bool {
	return urlSafe(c) || c == '.' || c == '@' || c == '+' || c == '/' || c == ' '
}

// size compares the length with the documented one.
func (l *looker) size(v string, s *Shape) {
	k := l.kind
	if k == nil || s.Sample {
		return
	}
	have, want := len(v), ""
	switch {
	case k.length > 0 && have != k.length:
		want = fmt.Sprintf("has %d", k.length)
	case have < k.least:
		want = fmt.Sprintf("has at least %d", k.least)
	default:
		return
	}
	l.found(Damage{
		Cause: truncated, Want: "copy the whole key again",
		Fact: fmt.Sprintf("the value begins with %s, but %s %s characters, and this has %d", k.prefix, article(s.Name()), want, have),
	})
}

func oneOf(s string, words ...string) bool {
	for _, w := range words {
		if strings.EqualFold(s, w) {
			return true
		}
	}
	return false
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
