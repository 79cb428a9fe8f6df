package authtest

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// secrets knows every credential that the server ever had and its label, so
// that it can tell and mask them wherever they turn up. The server's mutex
// guards it.
type secrets struct {
	labels map[string]string // by value
	order  []string          // values, the longest first
	masker *strings.Replacer
	keys   int
	suffix string   // of this server's tokens: those of another one are not ours
	places []string // "header NAME" and "query NAME" of all keys there ever were: what is there is a credential, known or not
}

func newSecrets() secrets {
	return secrets{labels: map[string]string{}, masker: strings.NewReplacer(), suffix: strings.ToLower(rand.Text()[:4])}
}

// minted matches tokens of this package, alone or as the signature of a JWT.
var minted = regexp.MustCompile(`(?:eyJ[\w-]+\.eyJ[\w-]+\.)?test-(access|refresh)-(\d{6,})-([a-z2-7]{4})`)

// token returns the text of a token, such as test-access-000001-abcd.
func (s *secrets) token(kind string, number int) string {
	return fmt.Sprintf("test-%s-%06d-%s", kind, number, s.suffix)
}

// learn adds the keys and the client of a configuration.
func (s *secrets) learn(c *Config) {
	for _, key := range c.Keys {
		if place := key.sighting().place; !slices.Contains(s.places, place) {
			s.places = append(s.places, place)
		}
		label := key.Label
		if label == "" && s.labels[key.Value] == "" {
			s.keys++
			label = fmt.Sprintf("key %d", s.keys)
		}
		s.add(key.Value, label)
		if key.Username != "" {
			s.add(base64.StdEncoding.EncodeToString([]byte(key.Username+":"+key.Value)), s.labels[key.Value])
		}
	}
	if c.Public {
		return
	}
	s.add(c.ClientSecret, "client secret")
	s.add(base64.StdEncoding.EncodeToString([]byte(c.ClientID+":"+c.ClientSecret)), "client secret")
	s.add(base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(c.ClientID)+":"+url.QueryEscape(c.ClientSecret))), "client secret")
}

func (s *secrets) add(value, label string) {
	for _, v := range []string{value, url.QueryEscape(value), url.PathEscape(value)} {
		if v == "" || label == "" || s.labels[v] != "" {
			continue
		}
		s.labels[v] = label
		s.order = append(s.order, v)
	}
	slices.SortFunc(s.order, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, v := range s.order {
		pairs = append(pairs, v, "["+s.labels[v]+"]")
	}
	s.masker = strings.NewReplacer(pairs...)
}

// find returns the labels of all credentials in text.
func (s *secrets) find(text string) []string {
	var found []string
	for _, token := range minted.FindAllString(text, -1) {
		if label := s.tokenLabel(token); label != "" {
			found = append(found, label)
		}
	}
	for _, value := range s.order {
		if strings.Contains(text, value) && !slices.Contains(found, s.labels[value]) {
			found = append(found, s.labels[value])
		}
	}
	return found
}

// mask returns text with every credential replaced by its label.
func (s *secrets) mask(text string) string {
	text = minted.ReplaceAllStringFunc(text, func(token string) string {
		if label := s.tokenLabel(token); label != "" {
			return "[" + label + "]"
		}
		return token
	})
	return s.masker.Replace(text)
}

// tokenLabel returns the label of a token of this server, or nothing.
func (s *secrets) tokenLabel(token string) string {
	if m := minted.FindStringSubmatch(token); m[3] == s.suffix {
		return m[1] + " " + strings.TrimLeft(m[2], "0")
	}
	return ""
}

// label returns the label of the one credential in value, or "unknown".
func (s *secrets) label(value string) string {
	if found := s.find(value); len(found) > 0 {
		return found[0]
	}
	return "unknown"
}

// maskHeader returns a copy that may be shown.
func (s *secrets) maskHeader(h http.Header) http.Header {
	shown := make(http.Header, len(h))
	for name, values := range h {
		for _, value := range values {
			if s.carriesCredential(name) && value != "" && len(s.find(value)) == 0 {
				word, _, several := strings.Cut(value, " ")
				if value = "[unknown]"; several {
					value = word + " [unknown]"
				}
			}
			shown.Add(name, s.mask(value))
		}
	}
	return shown
}

// maskQuery returns a query that may be shown.
func (s *secrets) maskQuery(query string) string {
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil && value != "" && slices.Contains(s.places, "query "+plain) && len(s.find(value)) == 0 {
			parts[i] = name + "=[unknown]"
		}
	}
	return s.mask(strings.Join(parts, "&"))
}

// carriesCredential reports whether a header's whole value is a credential by
// its nature, known to the server or not.
func (s *secrets) carriesCredential(header string) bool {
	switch name := textproto.CanonicalMIMEHeaderKey(header); name {
	case "Authorization", "Proxy-Authorization", "X-Api-Key", "Api-Key", "X-Auth-Token", "Dpop":
		return true
	default:
		return slices.Contains(s.places, "header "+name)
	}
}

// A sighting is a credential as a request presented it.
type sighting struct {
	place  string // "header NAME", "query NAME", "" if there is none
	scheme string // of an Authorization header that has one
	value  string // whole
}

// sight finds what r presents: the Authorization header, or else the first
// that is there of the places that keys may use, headers before parameters.
func sight(r *http.Request, places []string) sighting {
	if values := r.Header.Values("Authorization"); len(values) > 0 {
		// Two Authorization headers are no credential that anybody accepts.
		value := strings.Join(values, ", ")
		scheme, rest, found := strings.Cut(value, " ")
		switch {
		case !found:
			scheme = "" // the one word is the credential itself
		case strings.EqualFold(scheme, "Bearer"):
			value = "Bearer " + rest
		}
		return sighting{"header Authorization", scheme, value}
	}
	for _, place := range append(slices.Clone(places), "header X-Api-Key") {
		name, isHeader := strings.CutPrefix(place, "header ")
		if value := strings.Join(r.Header.Values(name), ", "); isHeader && value != "" {
			return sighting{place: place, value: value}
		}
	}
	query := r.URL.Query()
	for _, place := range places {
		name, isQuery := strings.CutPrefix(place, "query ")
		if value := strings.Join(query[name], ", "); isQuery && value != "" {
			return sighting{place: place, value: value}
		}
	}
	return sighting{}
}

// sighting returns what a request that presents the key looks like.
func (k Key) sighting() sighting {
	switch {
	case k.Header != "":
		return sighting{place: "header " + textproto.CanonicalMIMEHeaderKey(k.Header), value: k.Value}
	case k.Query != "":
		return sighting{place: "query " + k.Query, value: k.Value}
	case k.Username != "":
		pair := base64.StdEncoding.EncodeToString([]byte(k.Username + ":" + k.Value))
		return sighting{place: "header Authorization", value: "Basic " + pair}
	}
	return sighting{place: "header Authorization", value: "Bearer " + k.Value}
}
