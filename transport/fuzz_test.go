package transport_test

import (
	"net/url"
	"slices"
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
