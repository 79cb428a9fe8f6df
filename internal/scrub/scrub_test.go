package scrub_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/internal/scrub"
)

const key = "aB3+xY9/kL2+qW5/zT8+mN4="

func TestEchoes(t *testing.T) {
	s := scrub.New(scrub.Value{Secret: key})
	for name, echo := range map[string]string{
		"plain":                   key,
		"upper case":              strings.ToUpper(key),
		"html/template":           "aB3&#43;xY9/kL2&#43;qW5/zT8&#43;mN4=",
		"hex entities":            "aB3&#x2B;xY9&#x2f;kL2&#x2B;qW5&#X2F;zT8&#x2b;mN4&#x3D;",
		"entities without an end": "aB3&#43xY9/kL2&#43qW5/zT8&#43mN4=",
		"named entities":          "aB3&plus;xY9&sol;kL2&plus;qW5&sol;zT8&plus;mN4&equals;",
		".NET":                    `aB3\u002BxY9/kL2\u002BqW5/zT8\u002BmN4=`,
		"Java, all escaped":       `aB3\u002bxY9\u002fkL2\u002bqW5\u002fzT8\u002bmN4\u003d`,
		"PHP":                     `aB3+xY9\/kL2+qW5\/zT8+mN4=`,
		"JSON within JSON":        `aB3\\u002BxY9\\/kL2\\u002BqW5\\/zT8\\u002BmN4=`,
		"hex escapes":             `aB3\x2BxY9\x2fkL2\x2BqW5\x2fzT8\x2BmN4\x3d`,
		"percent":                 "aB3%2BxY9%2FkL2%2BqW5%2FzT8%2BmN4%3D",
		"percent, lower case":     "ab3%2bxy9%2fkl2%2bqw5%2fzt8%2bmn4%3d",
		"percent twice":           "aB3%252BxY9%252FkL2%252BqW5%252FzT8%252BmN4%253D",
		"percent three times":     "aB3%25252BxY9%25252FkL2%25252BqW5%25252FzT8%25252BmN4%25253D",
		"JavaScript's escape":     "aB3%u002BxY9/kL2%u002BqW5/zT8%u002BmN4%3D",
		"percent in HTML":         "aB3&#37;2BxY9&#37;2FkL2&#37;2BqW5&#37;2FzT8&#37;2BmN4&#37;3D",
		"HTML in JSON":            `aB3\u0026#43;xY9/kL2\u0026#43;qW5/zT8\u0026#43;mN4=`,
		"other alphabet":          "aB3-xY9_kL2-qW5_zT8-mN4=",
		"base64":                  base64.StdEncoding.EncodeToString([]byte(key)),
	} {
		if got := s.Text("unknown key " + echo + ", sorry"); got != "unknown key [masked], sorry" {
			t.Errorf("%s: got %q", name, got)
		}
		// Cut off at any place, no more than the bound is left.
		for n := range len(echo) {
			got := s.Text("unknown key " + echo[:n])
			if kept := strings.TrimPrefix(got, "unknown key "); len(kept) > len("[masked]")+9 && !strings.ContainsAny(kept, `%\&`) {
				t.Errorf("%s, cut off at %d: %q", name, n, got)
			}
		}
	}
}

// Whatever signs a secret is made of, the encoders of the standard library hide
// none of it, alone or one after the other.
func TestEncodersOneAfterTheOther(t *testing.T) {
	quoted := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[1 : len(b)-1])
	}
	encoders := map[string]func(string) string{
		"none": func(s string) string { return s }, "query": url.QueryEscape, "path": url.PathEscape, "html": html.EscapeString,
		"json": quoted, "quote": func(s string) string { q := strconv.Quote(s); return q[1 : len(q)-1] },
		"ascii": func(s string) string { q := strconv.QuoteToASCII(s); return q[1 : len(q)-1] },
	}
	for _, secret := range []string{
		key, `p&q"r's<t>u\v/w%x+y=z`, "ümläut-ünd-ß-😀😀-ende", "open sesame, please", "%41%42%43%44%45%46%47%48%49", `\u0041\u0042\u0043\u0044\u0045`,
		"&#43;&#43;&#43;&amp;&amp;&quot;", "a+b/c&d", "tab\tand\nline", "100% of & more; than \\ that",
	} {
		s := scrub.New(scrub.Value{Secret: secret})
		for first, f := range encoders {
			for second, g := range encoders {
				if got := s.Text("(" + g(f(secret)) + ")"); got != "([masked])" {
					t.Errorf("%q by %s and %s: %q becomes %q", secret, first, second, g(f(secret)), got)
				}
			}
		}
	}
}

func TestBasicPairs(t *testing.T) {
	s := scrub.New(scrub.Value{Secret: key, User: "my app"})
	for _, pair := range []string{"my app:" + key, url.QueryEscape("my app") + ":" + url.QueryEscape(key)} {
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding} {
			echo := enc.EncodeToString([]byte(pair))
			for _, echo := range []string{echo, url.QueryEscape(echo), strings.ReplaceAll(echo, "/", `\/`)} {
				if got := s.Text("Basic " + echo + "."); got != "Basic [masked]." {
					t.Errorf("%q: got %q", pair, got)
				}
			}
		}
	}
	// Behind a name that is not known, what is left is less than a secret.
	for _, user := range []string{"a", "bc", "def", "ghij"} {
		echo := base64.StdEncoding.EncodeToString([]byte(user + ":" + key))
		if got := s.Text(echo); len(got) > len(scrub.Masked)+8 {
			t.Errorf("%s: got %q of %q", user, got, echo)
		}
	}
}

func TestShortSecrets(t *testing.T) {
	s := scrub.New(scrub.Value{Secret: " abcde\n"}, scrub.Value{Secret: "d+/fg"}, scrub.Value{Secret: "alice:xyz12"},
		scrub.Value{Secret: "test"}, scrub.Value{Secret: "0.0"}, scrub.Value{Secret: "customer-acme:v2"})
	for text, want := range map[string]string{
		"abcde abcdef (abcde)":           "[masked] abcdef ([masked])",
		"key d%2B%2Ffg":                  "key [masked]",
		`"d\u002b\/fg"`:                  `"[masked]"`,
		"password xyz12":                 "password [masked]",
		"nothing, nowhere":               "nothing, nowhere",
		"the latest test of 0.0.0.0":     "the latest test of 0.0.0.0", // words, and no keys worth the name
		"GET /v2/items":                  "GET /v2/items",
		"Basic Y3VzdG9tZXItYWNtZTp2Mg==": "Basic [masked]",
	} {
		if got := s.Text(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := scrub.New(scrub.Value{}, scrub.Value{Secret: "            "}).Text("a            b"); got != "a            b" {
		t.Errorf("no secret: got %q", got)
	}
}

// What only looks like an escape stays as it was.
func TestTextsOfOthersAreNotChanged(t *testing.T) {
	s := scrub.New(scrub.Value{Secret: key})
	for _, text := range []string{
		"100%", `\`, "&", "&#", "&#x", "&#;", "%u12", `\u12`, `\x1`, `\ud83d\u0041`, "a%2Bb &amp; c", "&copy=1&lang=en",
		strings.Repeat("&", 100), strings.Repeat("%25", 100), "\xff\xfe", "&" + strings.Repeat("a", 50) + ";",
	} {
		if got := s.Text(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// A large file that was taken for a key costs milliseconds, and so does a text
// that is nothing but escapes.
func TestCostIsLinear(t *testing.T) {
	value := strings.Repeat("0123456789abcdef+/ghijkl:mnop%41&amp;\\", 1<<20/38)
	began := time.Now()
	s := scrub.New(scrub.Value{Secret: value, User: "alice"})
	for _, text := range []string{value[:64<<10], strings.Repeat("%25", 64<<10/3), strings.Repeat("&a", 32<<10), strings.Repeat(`\\`, 32<<10)} {
		s.Text(text)
	}
	// Two seconds were too many; the race detector makes everything slow.
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("took %s", d)
	}
}

type shown struct {
	text string
	err  error
}

func (s *shown) Error() string { return s.text }
func (s *shown) Unwrap() error { return s.err }

func TestError(t *testing.T) {
	clean := scrub.New(scrub.Value{Secret: key}).Text
	path := &fs.PathError{Op: "open", Path: "/etc/x", Err: fs.ErrNotExist}
	if got := scrub.Error(path, clean); got != error(path) {
		t.Errorf("an error that shows nothing became %v", got)
	}
	if scrub.Error(nil, clean) != nil {
		t.Error("nil became an error")
	}
	for _, err := range []error{
		&shown{"cannot use " + key, path},
		&shown{"it did not work", &shown{key, path}},
		errors.Join(errors.New(key), path),
	} {
		got := scrub.Error(err, clean)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			for e := got; e != nil; e = errors.Unwrap(e) {
				if text := fmt.Sprintf(verb, e); strings.Contains(text, key) || strings.Contains(text, key[:8]) {
					t.Errorf("%s shows %s", verb, text)
				}
			}
		}
		if !errors.Is(got, fs.ErrNotExist) {
			t.Errorf("what lies beneath %v is lost", got)
		}
		if found, ok := errors.AsType[*fs.PathError](got); !ok || found != path {
			t.Errorf("what shows nothing is not found in %v", got)
		}
		if found, ok := errors.AsType[*shown](got); ok {
			t.Errorf("As gives out %v", found)
		}
	}
}

// TestTrap88_TypesOfErrors: what programs decide by is found in an error that shows a
// secret, and the copy shows none.
func TestTrap88_TypesOfErrors(t *testing.T) {
	const secret = "acme-prod-1a2b3c4d5e6f"
	clean := scrub.New(scrub.Value{Secret: secret}).Text
	cert := &x509.Certificate{DNSNames: []string{"acme-prod.example", "other.example"}, Raw: []byte(secret)}
	dns := &net.DNSError{Err: "no such host", Name: "acme-prod.example", Server: "127.0.0.53:53", IsNotFound: true}
	hostname := x509.HostnameError{Certificate: cert, Host: secret + ".example"}
	for _, err := range []error{
		dns,
		&net.OpError{Op: "dial", Net: "tcp", Addr: &net.UnixAddr{Name: "/run/" + secret}, Err: dns},
		&net.OpError{Op: "remote error", Err: errors.New(secret)},
		hostname,
		&tls.CertificateVerificationError{UnverifiedCertificates: []*x509.Certificate{cert}, Err: hostname},
		x509.CertificateInvalidError{Cert: cert, Reason: x509.Expired, Detail: secret},
		&shown{secret, x509.UnknownAuthorityError{Cert: cert}},
		&url.Error{Op: "Get", URL: "https://acme.example/" + secret, Err: &shown{secret, dns}},
	} {
		got := scrub.Error(fmt.Errorf("attempt 1: %w", err), clean)
		silent := func(e error) {
			t.Helper()
			for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
				if text := fmt.Sprintf(verb, e); clean(text) != text {
					t.Errorf("%T: %s shows %s", err, verb, text)
				}
			}
		}
		silent(got)
		if want, ok := errors.AsType[*net.DNSError](err); ok {
			found, ok := errors.AsType[*net.DNSError](got)
			if !ok || found.IsNotFound != want.IsNotFound || found.Err != want.Err || found.Server != want.Server || !strings.HasSuffix(found.Name, ".example") {
				t.Errorf("%T: got %#v", err, found)
			}
			silent(found)
		}
		if want, ok := errors.AsType[*net.OpError](err); ok {
			found, ok := errors.AsType[*net.OpError](got)
			if !ok || found.Op != want.Op || found.Net != want.Net || found.Addr != nil {
				t.Errorf("%T: got %#v", err, found)
			}
			silent(found)
		}
		if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
			found, ok := errors.AsType[*tls.CertificateVerificationError](got)
			if !ok || len(found.UnverifiedCertificates) > 0 {
				t.Fatalf("%T: got %v", err, found)
			}
			silent(found)
		}
		if _, ok := errors.AsType[x509.HostnameError](err); ok {
			found, ok := errors.AsType[x509.HostnameError](got)
			if !ok || !strings.Contains(found.Error(), "is valid for [masked].example, other.example, not") {
				t.Errorf("%T: got %v", err, found)
			}
			silent(found)
		}
		if want, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
			found, ok := errors.AsType[x509.CertificateInvalidError](got)
			if !ok || found.Reason != want.Reason {
				t.Errorf("%T: got %v", err, found)
			}
			silent(found)
		}
		if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
			if _, ok := errors.AsType[x509.UnknownAuthorityError](got); !ok {
				t.Errorf("%T: lost in %v", err, got)
			}
		}
		if found, ok := errors.AsType[*shown](got); ok {
			t.Errorf("As gives out %v", found)
		}
	}
	// A secret that only the whole of an error shows is in no part of it to mask.
	got := scrub.Error(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("xyz")}, scrub.New(scrub.Value{Secret: "dial tcp: xyz"}).Text)
	if found, ok := errors.AsType[*net.OpError](got); ok {
		t.Errorf("As gives out %v", found)
	}
}

// TestWhole: an address is acted on. A secret in full is masked in it, however it
// is written; a part of one is a word like others.
func TestWhole(t *testing.T) {
	const secret = "fk/Zq8+wQx2=vRt6/mYp4nLs9"
	percent := strings.NewReplacer("/", "%2f", "+", "%2b", "=", "%3d").Replace
	w := scrub.NewWhole(scrub.Value{Secret: secret, User: "my app"})
	for name, echo := range map[string]string{
		"plain": secret, "other letters": strings.ToUpper(secret), "percent": url.QueryEscape(secret), "small digits": percent(secret),
		"twice": url.QueryEscape(percent(secret)), "html": "fk&#47;Zq8&#x2b;wQx2&equals;vRt6/mYp4nLs9", "json": `fk\/Zq8\u002bwQx2=vRt6\/mYp4nLs9`,
	} {
		if got := w.Mask("/a?b="+echo+"&c=d", "masked"); got != "/a?b=masked&c=d" {
			t.Errorf("%s: %q", name, got)
		}
	}
	for before := range 4 {
		for _, text := range []string{secret, url.QueryEscape(secret), "my app:" + secret} {
			text = strings.Repeat("?", before) + text
			for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
				for _, echo := range []string{enc.EncodeToString([]byte(text)), url.QueryEscape(enc.EncodeToString([]byte(text + "&x")))} {
					if got := w.Mask("/a?b="+echo, "masked"); !strings.Contains(got, "masked") || len(got) > len("/a?b=masked")+14+before*4 {
						t.Errorf("%q in base64: %q", text, got)
					}
				}
			}
		}
	}
	for _, text := range []string{"", secret[:len(secret)-1], secret[1:], "/fk/Zq8/wQx2", "my app", url.QueryEscape(secret[1:]), base64.StdEncoding.EncodeToString([]byte(secret[2:]))} {
		if got := w.Mask(text, "masked"); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	for key, text := range map[string]string{"v1_items_list": "/v1/items/list", "release-v2": "/release+v2", "short": "/short", "short12": "/c2hvcnQxMg", "alice:v2": "/v2", "%41%42%43": "/ABC"} {
		if got := scrub.NewWhole(scrub.Value{Secret: key}).Mask(text, "masked"); got != text {
			t.Errorf("key %q: %q became %q", key, text, got)
		}
	}
	if got := scrub.NewWhole(scrub.Value{Secret: "%41%42%43&amp;"}).Mask("/%2541%2542%2543%26amp%3B/AB", "masked"); got != "/masked/AB" {
		t.Errorf("a key that looks like escapes: %q", got)
	}
	if got := scrub.NewWhole(scrub.Value{Secret: "open sesame"}).Mask("?p=open+sesame&q=open%20sesame", "masked"); got != "?p=masked&q=masked" {
		t.Errorf("a key with a space: %q", got)
	}
}

func FuzzText(f *testing.F) {
	f.Add("the token ", key, " is unknown")
	f.Add("%2", "2B%2B%2B%2B%2B%2B", "&#43;")
	f.Add(`\`, `\\\\\\\\\\\\u0041`, `\`)
	f.Fuzz(func(t *testing.T, before, secret, after string) {
		if len(strings.TrimSpace(secret)) < 12 || strings.Contains(scrub.Masked, secret) {
			t.Skip()
		}
		s := scrub.New(scrub.Value{Secret: secret})
		if got := s.Text(before + secret + after); strings.Contains(got, secret) {
			t.Errorf("%q shows %q", got, secret)
		}
	})
}
