package transport_test

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/transport"
)

// FuzzLocation: whatever a server writes into a Location, our parameter is gone
// from its query and all else is as it was.
func FuzzLocation(f *testing.F) {
	for _, location := range []string{
		"", "/", "?key=1", "/a?key=1&b=2#key=3", "https://api.acme.example/?b&key&key=2&&c=key", "//h/?k%65y=1", "?a=1;key=2", "?key%zz=1", "#?key=1",
		"/a?b?key=1&c=?key=2", "?+key=1&key+=2&ke%79=%", "?&", "?", "mailto:a?key=b",
	} {
		f.Add(location, "key", "1")
	}
	f.Add("?api+key=1&api%20key=2&api key=3", "api key", "2")
	f.Fuzz(func(t *testing.T, location, name, value string) {
		if name == "" || value == "" {
			t.Skip("no scheme has a place without a name, nor sends nothing")
		}
		if len(value) >= 8 {
			t.Skip("which is masked in other places, too: see FuzzUnrelatedLocation")
		}
		cleaned := transport.CleanLocation(location, name, value)
		before, beforeQuery, beforeFragment := parts(location)
		after, afterQuery, afterFragment := parts(cleaned)
		if before != after || beforeFragment != afterFragment {
			t.Fatalf("%q became %q: more than the query changed", location, cleaned)
		}
		kept := slices.DeleteFunc(strings.Split(beforeQuery, "&"), func(pair string) bool { return names(pair, name) && holds(pair, value) })
		if strings.Join(kept, "&") != afterQuery {
			t.Fatalf("%q became %q: want the query %q", location, cleaned, strings.Join(kept, "&"))
		}
		if u, err := url.Parse(cleaned); err == nil && slices.Contains(u.Query()[name], value) {
			t.Fatalf("%q became %q, which has the parameter still", location, cleaned)
		}
		if again := transport.CleanLocation(cleaned, name, value); again != cleaned {
			t.Fatalf("%q became %q and then %q", location, cleaned, again)
		}
	})
}

// FuzzUnrelatedLocation: a Location that does not hold the key is not changed,
// and one that does leads to the same host.
func FuzzUnrelatedLocation(f *testing.F) {
	for _, u := range unrelated {
		f.Add(u.location, u.key)
	}
	for _, location := range []string{"/%25252541bcdefgh", "//abcdefgh:80abcdefgh", "abcdefgh:abcdefgh", "h://a@abcdefgh?abcdefgh", "http://[abcdefgh", `\u0061bcdefgh`} {
		f.Add(location, "abcdefgh")
		f.Add(location, "/bcdefgh")
	}
	f.Fuzz(func(t *testing.T, location, key string) {
		if strings.TrimSpace(key) != key || strings.ContainsAny(key, `%\&`) {
			t.Skip("what decoding makes of a key is looked for as well")
		}
		cleaned := transport.CleanLocation(location, "key", key)
		if cleaned != location && !mayHold(location, key) {
			t.Fatalf("key %q: %q became %q", key, location, cleaned)
		}
		before, err := url.Parse(location)
		if err != nil {
			return
		}
		after, err := url.Parse(cleaned)
		if err != nil {
			t.Fatalf("key %q: %q became %q, which is no URL: %v", key, location, cleaned, err)
		}
		if before.Scheme != after.Scheme || before.Host != after.Host || before.User.String() != after.User.String() {
			t.Fatalf("key %q: %q became %q, which is elsewhere", key, location, cleaned)
		}
	})
}

// mayHold reports whether text holds the value in some writing; more often than
// is so. It shares no code with what masks.
func mayHold(text, value string) bool {
	value = strings.ToLower(value)
	forms := []string{value, strings.ReplaceAll(value, " ", "+")}
	return anyWriting(strings.ToLower(text), 5, func(text string) bool {
		return slices.ContainsFunc(forms, func(form string) bool { return strings.Contains(text, form) })
	}) // in base64 it is not by chance
}

var percentEscape = regexp.MustCompile(`%u?[0-9a-f]{2,4}`)

// anyWriting asks about a text and all that decoders make of it.
func anyWriting(text string, passes int, ask func(string) bool) bool {
	if ask(text) {
		return true
	}
	if passes == 0 {
		return false
	}
	percent := func(s string) string {
		return percentEscape.ReplaceAllStringFunc(s, func(e string) string {
			if e[1] == 'u' {
				if n, err := strconv.ParseUint(e[2:], 16, 16); err == nil && len(e) == 6 {
					return strings.ToLower(string(rune(n)))
				}
				return e
			}
			n, _ := strconv.ParseUint(e[1:3], 16, 8)
			return strings.ToLower(string([]byte{byte(n)})) + e[3:]
		})
	}
	backslash := func(s string) string {
		return regexp.MustCompile(`\\(u[0-9a-f]{4}|x[0-9a-f]{2}|[^ux])`).ReplaceAllStringFunc(s, func(e string) string {
			if n, err := strconv.ParseUint(e[2:], 16, 32); err == nil && len(e) > 2 {
				return strings.ToLower(string(rune(n)))
			}
			return e[1:]
		})
	}
	for _, decode := range []func(string) string{percent, html.UnescapeString, backslash} {
		if next := strings.ToLower(decode(text)); next != text && anyWriting(next, passes-1, ask) {
			return true
		}
	}
	return false
}

// parts takes a reference apart by the rule of RFC 3986 section 3: the first #
// begins the fragment, and the first ? before it the query.
func parts(reference string) (before, query, fragment string) {
	if i := strings.IndexByte(reference, '#'); i >= 0 {
		reference, fragment = reference[:i], reference[i:]
	}
	if i := strings.IndexByte(reference, '?'); i >= 0 {
		reference, query = reference[:i], reference[i+1:]
	}
	return reference, query, fragment
}

// names reports whether a pair's key is name, as it is or escaped.
func names(pair, name string) bool {
	if pair == "" {
		return false // between two & in a row, there is nothing
	}
	key, _, _ := strings.Cut(pair, "=")
	plain, err := url.QueryUnescape(key)
	return key == name || err == nil && plain == name
}

// holds reports whether a pair's value is value, as it is or escaped.
func holds(pair, value string) bool {
	_, v, _ := strings.Cut(pair, "=")
	plain, err := url.QueryUnescape(v)
	return v == value || err == nil && plain == value
}

// FuzzHasParam: what net/url finds in a query, we find. The other way round we
// see more: net/url gives up on pairs that are not sound.
func FuzzHasParam(f *testing.F) {
	for _, query := range []string{"", "key", "key=", "a&key=1", "k%65y", "ke+y", "key%3d", "&&key", "a=key", ";key=1", "key;=1"} {
		f.Add(query, "key")
	}
	f.Fuzz(func(t *testing.T, query, name string) {
		if name == "" {
			t.Skip("no scheme has a place without a name")
		}
		values, _ := url.ParseQuery(query)
		got := transport.HasParam(query, name)
		if values.Has(name) && !got {
			t.Errorf("%q has %q, and we do not see it", query, name)
		}
		if got && !slices.ContainsFunc(strings.Split(query, "&"), func(pair string) bool { return names(pair, name) }) {
			t.Errorf("%q has no %q, and we see one", query, name)
		}
		if !transport.HasParam(query+"&"+url.QueryEscape(name)+"=x", name) {
			t.Errorf("%q is not seen at the end of %q", name, query)
		}
	})
}
