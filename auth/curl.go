package auth

import (
	"net"
	"net/url"
	"regexp"
	"strings"
)

// curl returns a line for a POSIX shell that makes the refused request again,
// for whoever wants to see the refusal without this program: with a variable, or
// a command that reads the file, in place of the secret. It has neither query
// nor body, which an Error does not keep.
//
// Names and addresses in it come from outside as well. What is not as plain as
// they always are gives no line: it will be pasted into a shell.
func (e *Error) curl() string {
	s := e.Sent
	if s == nil || s.Provenance.Kind == KindCaller {
		return "" // without what was sent it would be another request
	}
	method, address, _ := strings.Cut(e.Request, " ")
	if !plainMethod.MatchString(method) || !plainAddress.MatchString(address) {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || strings.Contains(address, "[masked]") {
		return ""
	}
	if host := u.Hostname(); u.Scheme != "https" && host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return "" // nobody shall be led to send it in clear text
	}
	credential := s.curl()
	if credential == "" || method == "CONNECT" {
		return ""
	}
	words := []string{"curl"}
	if u.Scheme != "https" {
		words = append(words, "--noproxy '*'") // Go asks no proxy for loopback, and curl does
	}
	if strings.Contains(u.Path, "/.") {
		words = append(words, "--path-as-is")
	}
	switch method {
	case "GET":
	case "HEAD":
		words = append(words, "-I") // with -X curl would wait for a body
	default:
		words = append(words, "-X "+method)
	}
	if strings.ContainsAny(address, "[]{}") {
		words = append(words, "-g") // else they are patterns
	}
	return strings.Join(append(words, credential, shellQuote(address)), " ")
}

// curl returns the options that send the credential.
func (s *Sent) curl() string {
	before, ok := strings.CutSuffix(s.Form, "SECRET")
	if !ok || !plainBefore.MatchString(before) {
		return ""
	}
	if before == "USER:" {
		before = "$USER_NAME:" // the shell knows a USER of its own
	}
	secret := s.Provenance.shell()
	pair := s.Scheme == "Basic" || s.Scheme == "Digest"
	switch {
	case secret != "":
	case pair:
		secret = "$PASSWORD"
	default:
		secret = "$API_KEY"
	}
	// Double quotes, and nothing but variables and plain words within: the shell
	// does not read again what it has put in for a variable.
	quoted := func(what string) string { return `"` + what + before + secret + `"` }
	header, query := plainName.MatchString(s.Place.Header), plainName.MatchString(s.Place.Query)
	switch {
	case s.Place.Header == "Proxy-Authorization":
		return "" // the proxy's, and not for the API
	case s.Scheme == "Digest":
		return "--digest -u " + quoted("")
	case s.Scheme == "Basic":
		return "-u " + quoted("")
	case header && s.Place.Query == "":
		return "-H " + quoted(s.Place.Header+": ")
	case query && s.Place.Header == "":
		return "-G --data-urlencode " + quoted(s.Place.Query+"=")
	}
	return ""
}

var (
	plainMethod  = regexp.MustCompile(`^[A-Za-z]+(?:-[A-Za-z]+)*$`)
	plainAddress = regexp.MustCompile(`^https?://[!-~]+$`)
	plainName    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`) // no @ in front: curl would read a file
	plainBefore  = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9_-]* (?:[a-z]+=)?|USER:)?$`)
	plainPath    = regexp.MustCompile(`^[ "-,.-~][ "-~]*$`) // no - in front, and no !, which some shells read within quotes
	variable     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	namedBy      = regexp.MustCompile(` \([A-Za-z_][A-Za-z0-9_]*_FILE\)$`) // see file.place
	needsQuotes  = regexp.MustCompile(`[^\w@%+=:,./-]`)
)

// shell names the secret for a shell, within double quotes: by the variable or
// the file that holds it, or by a variable with the name of the keyring's entry.
// It is empty for a place that has no such name.
func (p Provenance) shell() string {
	name := ""
	switch p.Kind {
	case KindEnv:
		name = p.Name
	case KindFile:
		if path := namedBy.ReplaceAllString(p.Name, ""); plainPath.MatchString(path) {
			return "$(cat " + shellQuote(path) + ")"
		}
	case KindKeyring:
		entry := strings.NewReplacer("-", "_", ".", "_", "/", "_").Replace(strings.TrimSuffix(p.Name, "/default"))
		name = strings.ToUpper(entry) + "_API_KEY"
	case KindOAuth:
		name = "ACCESS_TOKEN"
	}
	if !variable.MatchString(name) {
		return ""
	}
	return "$" + name
}

// shellQuote makes s one word for a POSIX shell.
func shellQuote(s string) string {
	if needsQuotes.MatchString(s) {
		return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'"
	}
	return s
}
