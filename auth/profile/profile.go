// Package profile has what providers document about their authentication: to
// which hosts a key belongs, how it is sent, which variables their own tools
// read it from, where one is made, and what their refusals mean.
//
// A profile is data, and a program needs no more than to name one:
//
//	client, err := reauth.New(reauth.Config{Profile: profile.OpenAI})
//
// A provider that is missing here is a literal of yours; every field but Name
// may stay empty.
//
//	acme := profile.Profile{
//		Name: "acme", BaseURL: "https://api.acme.example",
//		Scheme: auth.APIKeyHeader("X-Acme-Key"), Env: []string{"ACME_KEY"},
//	}
//
// # Refusals in disguise
//
// Most APIs refuse with status 401, and what their bodies say only explains it.
// Some refuse with another status: Slack and the older services of Google Maps
// with 200, Google's APIs with 400 if a key is wrong. [Profile.Refused] tells
// those from answers. It looks for the values that the provider documents, in
// the places that it documents, and for nothing else: a text that happens to
// say "invalid key" is an answer like any other.
//
// The facts carry their sources. They were right on the day that is given
// there; a provider may have changed its mind since.
package profile

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/reauth-go/reauth/auth"
)

// A Profile is what is known of one provider. It is plain data; the profiles of
// this package, and what they refer to, must not be changed.
type Profile struct {
	// Name is the provider's name in lower case, such as "openai". It is the
	// keyring's service for a client that has no name of its own.
	Name string
	// Title is the name as people write it: "OpenAI".
	Title string
	// Maker is whose keys the provider takes, where that is another name: Google
	// Maps takes those of "Google". See [Profile.TakesKeysOf].
	Maker string

	// BaseURL is the origin that the paths of the provider's reference are
	// joined to. Empty where each customer has another one; see Hosts.
	BaseURL string
	// Origins are further ones that the same credential belongs to, such as
	// GitHub's for uploads.
	Origins []string
	// Hosts are those of customers, by which [For] knows the provider. A leading
	// "*." stands for one label. No credential is sent to a host because of them.
	Hosts []string

	// Scheme says how the credential is sent. Nil means [auth.Bearer].
	Scheme auth.Scheme
	// Username goes with it, where the provider has one name for everybody.
	Username string
	// UsernameEnv is the variable that holds the user name, where everybody has
	// another one.
	UsernameEnv string
	// Env are the variables that the provider's own tools read the credential
	// from, in their order.
	Env []string
	// Header has fields that the API wants in each request besides.
	Header map[string]string

	// Docs is the page on authentication, and KeysURL the one where keys are
	// made.
	Docs, KeysURL string
	// RequestID is the response's header by which the provider's support finds a
	// request.
	RequestID string
	// Lockout says what happens to those who repeat refused requests; empty if
	// nothing is documented.
	Lockout string
	// Codes say what the provider's own codes mean. The first that fits counts.
	Codes []Codes

	// Sources are where the facts were found.
	Sources []Source
}

// Codes are the values of one member of a JSON body, and what they mean.
type Codes struct {
	// Status is the status of a refusal in disguise: a response with it and one
	// of the values is a refusal. Zero means that the values explain a refusal
	// and do not make one.
	Status int
	// At is the path of the member, the names separated by "/": "error/code".
	// Lists on the way are looked through and have no name.
	At string
	// When is another member and the value that it must have: "ok=false". Empty
	// means that nothing more is asked for.
	When string
	// Causes are what the values mean. Numbers are written as the body has them.
	// [auth.RejectedUnclassified] is for one that the provider uses for several
	// things.
	Causes map[string]auth.Cause
}

// A Source is where a fact was found, and when.
type Source struct {
	Says string // what was found there, in a few words
	URL  string
	Date string // 2006-01-02: that of the revision that was read, or of the reading
}

// A Code is what a response says in its provider's own terms.
type Code struct {
	At    string // the member, as in [Codes]
	Value string
	Cause auth.Cause
}

// String returns member and value: "error=token_expired".
func (c Code) String() string { return c.At + "=" + c.Value }

// Refused reports whether a response is a refusal in disguise, with another
// status than 401, and what its code means. prefix is the beginning of the body;
// more than 16 KiB of it are not looked at, and JSON that was cut off is read as
// far as it goes. The result depends on the arguments alone.
func (p Profile) Refused(status int, header http.Header, prefix []byte) (Code, bool) {
	if !p.disguises(status) || !readable(header) {
		return Code{}, false
	}
	return find(p.Codes, prefix, func(c Codes) bool { return c.Status == status })
}

// MayDisguise reports whether a response could be a refusal in disguise, by its
// status and header, so that the beginning of its body is worth a look.
func (p Profile) MayDisguise(status int, header http.Header) bool {
	return p.disguises(status) && header.Get("Content-Type") != "" && readable(header)
}

func (p Profile) disguises(status int) bool {
	return status > 0 && status != http.StatusUnauthorized &&
		slices.ContainsFunc(p.Codes, func(c Codes) bool { return c.Status == status })
}

// Explain returns what the body of a refusal says in the provider's codes. That
// it says something does not make a response a refusal: see Refused.
func (p Profile) Explain(status int, header http.Header, prefix []byte) (Code, bool) {
	if len(p.Codes) == 0 || !readable(header) {
		return Code{}, false
	}
	return find(p.Codes, prefix, func(c Codes) bool { return c.Status == 0 || c.Status == status })
}

// TakesKeysOf reports whether the keys of that maker, as their shape tells it,
// are this provider's.
func (p Profile) TakesKeysOf(maker string) bool {
	if p.Maker != "" {
		return strings.EqualFold(p.Maker, maker)
	}
	return strings.EqualFold(p.Title, maker)
}

// readable reports whether a body is one JSON document, as far as the header
// knows, and not compressed.
func readable(h http.Header) bool {
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return false
	}
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "" || kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
}

// For returns the profile of this package that a host belongs to: one that names
// it, or else one with a pattern that fits. A trailing dot and the port of https
// make no difference; another port is another service.
func For(host string) (Profile, bool) {
	host = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(host), ":443"), ".")
	if strings.HasPrefix(host, "*") {
		return Profile{}, false
	}
	p, ok := byHost()[host]
	if label, rest, _ := strings.Cut(host, "."); !ok && label != "" {
		p, ok = byHost()["*."+rest]
	}
	if !ok {
		return Profile{}, false
	}
	return *p, true
}

var byHost = sync.OnceValue(func() map[string]*Profile {
	all := make(map[string]*Profile)
	for _, p := range builtin {
		for _, h := range p.hosts() {
			all[h] = p
		}
	}
	return all
})

// hosts are all that the provider is known by.
func (p Profile) hosts() []string {
	all := slices.Clone(p.Hosts)
	for _, o := range append([]string{p.BaseURL}, p.Origins...) {
		if u, err := url.Parse(o); err == nil && u.Host != "" {
			all = append(all, u.Host)
		}
	}
	return all
}
