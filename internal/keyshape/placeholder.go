package keyshape

import "strings"

// reference reports whether the value is a way of naming a secret, which nothing
// has replaced by what it names.
func (l *looker) reference(v string) bool {
	fact, weak := "", false
	switch {
	case enclosed(v, "${", "}"), enclosed(v, "$(", ")"), enclosed(v, "{{", "}}"), enclosed(v, "#{", "}"), enclosed(v, "<%", "%>"):
		fact = "the value is a reference that nothing replaced by what it stands for"
	case v[0] == '$' && name(v[1:]), len(v) > 3 && v[0] == '%' && v[len(v)-1] == '%' && name(v[1:len(v)-1]):
		fact = "the value is the name of a variable that nothing replaced by what it stands for"
		weak = strings.ToUpper(v) != v // a password may begin with a dollar sign
	case len(v) > 5 && strings.HasPrefix(v, "__") && strings.HasSuffix(v, "__") && name(strings.Trim(v, "_")):
		fact = "the value is a mark that nothing replaced by what it stands for"
	case isReference(v):
		fact = "the value says where a secret is kept, and nothing has fetched it"
	case isPath(v):
		fact = "the value is the name of a file, not what is in it"
	default:
		return false
	}
	l.found(Damage{Cause: placeholder, Fact: fact, Want: "put the real value in its place", Weak: weak})
	return !weak
}

// enclosed reports whether open and close are somewhere in v, in this order.
func enclosed(v, open, end string) bool {
	_, rest, ok := strings.Cut(v, open)
	return ok && strings.Contains(rest, end)
}

func name(s string) bool {
	return len(s) > 1 && !digit(s[0]) && all(s, func(c byte) bool { return alphanumeric(c) || c == '_' })
}

// isReference knows how secret managers are addressed.
func isReference(v string) bool {
	for _, prefix := range []string{
		"op://", "vault://", "vault:secret/", "ref+", "secretref:", "arn:aws:secretsmanager:", "arn:aws:ssm:", "ssm:/", "awssm://", "gcpsm://", "keyvault://",
		"@Microsoft.KeyVault(", "ENC[", "!vault", "$ANSIBLE_VAULT;", "$env:", "process.env.", "os.environ", "secrets.", "System.getenv(",
	} {
		if strings.HasPrefix(v, prefix) && len(v) > len(prefix) {
			return prefix != "$env:" || !strings.Contains(v, "=")
		}
	}
	return strings.HasPrefix(v, "projects/") && strings.Contains(v, "/secrets/")
}

func isPath(v string) bool {
	for _, prefix := range []string{"/run/secrets/", "/var/run/secrets/", "/etc/", "/home/", "/mnt/", "/Users/", "~/.", "file://", `C:\`} {
		if strings.HasPrefix(v, prefix) && len(v) > len(prefix) {
			return true
		}
	}
	return false
}

// unreplaced reports whether the value stands where a value should be put.
func (l *looker) unreplaced(v string) bool {
	fact, weak := "", false
	switch bracket, last := strings.IndexByte(v, '<'), v[len(v)-1]; {
	case last == '>' && 0 <= bracket && bracket <= maxFront, last == ']' && v[0] == '[' && len(v) < 64:
		fact = "the value is a placeholder in brackets"
	case isNothing(v):
		fact = "the value is a word that stands for no value"
	case isFiller(v):
		fact = "the value is one character many times, as in an example"
	default:
		var found bool
		found, weak = isInstruction(v)
		switch {
		case found:
			fact = "the value looks like the placeholder of an example"
		case isVariable(v):
			fact, weak = "the value is like the name of a variable, not like what is in it", false
		default:
			return false
		}
	}
	l.found(Damage{Cause: placeholder, Fact: fact, Want: "put the real value in its place", Weak: weak})
	return true
}

// maxFront is the length of the longest prefix that examples keep before what
// is to be replaced.
const maxFront = 16

// isVariable: ACME_API_KEY.
func isVariable(v string) bool {
	i := strings.LastIndexByte(v, '_')
	if i < 1 || len(v) > 80 {
		return false
	}
	switch v[i+1:] {
	case "KEY", "TOKEN", "SECRET", "PASSWORD":
		return all(v, func(c byte) bool { return upper(c) || c == '_' })
	}
	return false
}

// isNothing knows what programs print for no value, and what people write for a
// later one.
func isNothing(v string) bool {
	if len(v) > 24 {
		return false
	}
	return oneOf(v, "undefined", "null", "none", "nil", "nan", "n/a", "(null)", "(none)", "[object object]", "no value",
		"changeme", "change-me", "change_me", "changeit", "change-this", "change_this", "change this", "replaceme", "replace-me", "replace_me",
		"todo", "tbd", "fixme", "placeholder", "masked", "redacted", "***masked***", "unset", "notset", "not set", "empty")
}

// isFiller: at least six times the same character, or xxxx-xxxx, behind a short
// word or a documented prefix; or a whole value of two kinds of characters such
// as the UUID of zeros.
func isFiller(v string) bool {
	if len(v) < 3 {
		return false
	}
	c := v[len(v)-1]
	i, same := len(v), 0
	for i > 0 && (v[i-1] == c || v[i-1] == '-' && c != '-' || v[i-1] == '_' && c != '_') {
		i--
		if v[i] == c {
			same++
		}
	}
	front := v[:i]
	switch {
	case same < 3 || c == '=' || c == '/' || c == '-' || c == '_':
		return false
	case front == "":
		return c == 'x' || c == 'X' || c == '*' || c == '.' || same >= 8
	case same < 6 && !(c == '.' || c == '*' && same >= 4), len(front) > maxFront:
		return false
	}
	return (c == 'x' || c == 'X' || c == '*' || c == '.') && all(front, func(c byte) bool { return letter(c) || c == '-' || c == '_' || c == '.' })
}

// isInstruction recognises YOUR_API_KEY, insert-token-here, sk_test_your_key and
// their kin: only words, one of them addresses the reader, and the last one is
// what belongs there. It is weak if that is all of "my": people make passwords
// so.
func isInstruction(v string) (found, weak bool) {
	if len(v) > 80 || !letter(v[0]) {
		return false, false
	}
	addressed, mine, noun, n := false, false, false, 0
	for rest := v; rest != ""; {
		var word string
		word, rest = nextWord(rest)
		if word == "" {
			continue
		}
		if n++; !all(word, letter) {
			return false, false
		}
		addressed = addressed || n < 5 && oneOf(word, "your", "insert", "enter", "put", "add", "paste", "replace", "change")
		mine = mine || n < 5 && oneOf(word, "my")
		noun = oneOf(word, "key", "keys", "apikey", "token", "tokens", "accesstoken", "secret", "password", "credential", "credentials", "value", "here", "goes")
	}
	return n > 1 && noun && (addressed || mine), !addressed
}

// nextWord cuts off the first word: at a separator, or where a capital follows a
// small letter.
func nextWord(s string) (word, rest string) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '-' || c == '_' || c == ' ' || c == '.':
			return s[:i], s[i+1:]
		case i > 0 && upper(c) && letter(s[i-1]) && !upper(s[i-1]):
			return s[:i], s[i:]
		}
	}
	return s, ""
}
