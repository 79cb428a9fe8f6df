package oauth

import (
	"bytes"
	"encoding/json"
	"math"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// shortLife is how long a token is used whose issuer states a lifetime that
	// is none: zero, negative, or not a number.
	shortLife = time.Minute
	// longLife is the longest lifetime that is believed, as in x/oauth2.
	longLife = math.MaxInt32 * time.Second
)

// An answer is what a token endpoint said (RFC 6749 sections 5.1 and 5.2).
type answer struct {
	accessToken, tokenType, refreshToken string

	scopes   []string
	stated   bool          // there was an expires_in
	lifetime time.Duration // not positive if it makes no sense

	code, description, uri string
}

// parseAnswer reads the body of an answer. It is more liberal than x/oauth2: a
// content type is believed only if the body does not look like JSON; a byte
// order mark is skipped; expires_in may be a float or a string; scope may be a
// list. What is not an answer gives the zero answer.
func parseAnswer(contentType string, body []byte) answer {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	var a answer
	if bytes.HasPrefix(body, []byte("{")) {
		var members map[string]json.RawMessage
		if json.Unmarshal(body, &members) != nil {
			return a
		}
		text := func(name string) (s string) {
			_ = json.Unmarshal(members[name], &s)
			return s
		}
		a.fill(text)
		if raw := members["expires_in"]; len(raw) > 0 && string(raw) != "null" {
			value := string(raw)
			if raw[0] == '"' {
				value = text("expires_in")
			}
			a.expiresIn(value)
		}
		if a.scopes == nil {
			_ = json.Unmarshal(members["scope"], &a.scopes) // Twitch
		}
		return a
	}
	media, _, _ := mime.ParseMediaType(contentType)
	if media == "application/x-www-form-urlencoded" || media == "text/plain" {
		if form, err := url.ParseQuery(string(body)); err == nil {
			a.fill(form.Get)
			a.expiresIn(form.Get("expires_in"))
		}
	}
	return a
}

func (a *answer) fill(text func(string) string) {
	a.accessToken = text("access_token")
	a.tokenType = text("token_type")
	a.refreshToken = text("refresh_token")
	a.code = text("error")
	a.description = text("error_description")
	a.uri = text("error_uri")
	if scopes := strings.Fields(text("scope")); len(scopes) > 0 {
		a.scopes = scopes
	}
}

// expiresIn reads a number of seconds, however it is written. Empty is absent;
// what is no number leaves a lifetime of zero.
func (a *answer) expiresIn(value string) {
	if value = strings.TrimSpace(value); value == "" {
		return
	}
	a.stated = true
	seconds, _ := strconv.ParseFloat(value, 64) // out of range gives an infinity, which is right here
	switch {
	case seconds >= longLife.Seconds():
		a.lifetime = longLife
	case seconds > 0: // not so for NaN
		a.lifetime = time.Duration(seconds * float64(time.Second))
	}
}

// expiry returns when the token expires, in wall-clock time; zero if that was
// not stated. A lifetime counts from when the token was asked for: it cannot
// have been issued before.
func (a *answer) expiry(asked, received time.Time) time.Time {
	switch {
	case !a.stated:
		return time.Time{}
	case a.lifetime <= 0:
		return received.Round(0).Add(shortLife)
	}
	return asked.Round(0).Add(a.lifetime)
}

// plain returns the answer in the form that x/oauth2 reads without fail. It has
// no expires_in: expiry is reckoned here.
func (a *answer) plain() []byte {
	members := map[string]string{
		"access_token":      a.accessToken,
		"token_type":        a.tokenType,
		"refresh_token":     a.refreshToken,
		"error":             a.code,
		"error_description": a.description,
		"error_uri":         a.uri,
	}
	for name, value := range members {
		if value == "" {
			delete(members, name)
		}
	}
	body, _ := json.Marshal(members) // strings always encode
	return body
}
