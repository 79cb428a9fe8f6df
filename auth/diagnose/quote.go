package diagnose

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// quoteLimit bounds a foreign text within a sentence of ours.
const quoteLimit = 200

// quote makes foreign words part of a sentence: one line, bounded, in quotation
// marks, without characters that could pass for our own words on a terminal.
func quote(s string) string { return `"` + strings.ReplaceAll(tidy(s, quoteLimit), `"`, "'") + `"` }

// tidy makes one bounded line of s.
func tidy(s string, limit int) string {
	return cut(strings.Join(strings.Fields(printable(s)), " "), limit)
}

// printable drops what is not UTF-8, controls, and the invisible characters
// that reorder or hide text. Tabs and line breaks stay.
func printable(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		c := s[i]
		plain = c >= ' ' && c <= '~' || c == '\n' || c == '\t'
	}
	if plain {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			return -1
		}
		return r
	}, s)
}

// cut shortens s to at most limit bytes, at the end of a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	s = s[:limit]
	for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s[:max(len(s)-1, 0)] + "…"
}

// target returns method and URL without user information, query and fragment:
// those carry secrets, and a path may.
func target(method, address string, s *scrubber) string {
	if method == "" {
		method = "GET"
	}
	place, _, _ := strings.Cut(address, "?")
	place, _, _ = strings.Cut(place, "#")
	if u, err := url.Parse(place); err == nil && u.Host != "" {
		place = u.Scheme + "://" + u.Host + u.EscapedPath()
	} else if i := strings.LastIndexByte(place, '@'); i >= 0 {
		place = place[i+1:]
	}
	return tidy(method+" "+s.text(place), 1024)
}

// originOf returns scheme and host of a URL for a sentence.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "its origin"
	}
	return tidy(u.Scheme+"://"+u.Host, quoteLimit)
}

// page returns address if it is one that a person can open, else nothing.
func page(address string, s *scrubber) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(address) > 300 {
		return ""
	}
	u.RawQuery, u.ForceQuery = "", false
	if clean := u.String(); s.text(clean) == clean && !strings.Contains(address, masked) {
		return clean
	}
	return ""
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// span says how long d is, in the unit that fits.
func span(d time.Duration) string {
	d = d.Abs()
	unit := func(n time.Duration, name string) string { return plural(int(n), name) }
	switch {
	case d < 2*time.Minute:
		return unit(d.Round(time.Second)/time.Second, "second")
	case d < 2*time.Hour:
		return unit(d.Round(time.Minute)/time.Minute, "minute")
	case d < 48*time.Hour:
		return unit(d.Round(time.Hour)/time.Hour, "hour")
	}
	return unit(d/(24*time.Hour), "day")
}

func plural(n int, name string) string {
	if n == 1 {
		return "1 " + name
	}
	return fmt.Sprintf("%d %ss", n, name)
}

// article puts one before a noun.
func article(noun string) string {
	if noun != "" && strings.ContainsRune("AEIOaeio", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
