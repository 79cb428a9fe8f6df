package challenge_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/challenge"
)

// Trap 60.
func TestCorpus(t *testing.T) {
	// By the letter of the grammar "Digest qop=" is a padded token68.
	conforming := []string{"cr-novalue"}

	type count struct{ cases, want, also, other int }
	counts := map[string]*count{"valid": {}, "lenient": {}, "invalid": {}}
	for _, c := range corpus(t) {
		n := counts[c.Kind]
		n.cases++
		got, err := challenge.Parse(c.Values)
		switch {
		case equal(got, c.Want):
			n.want++
		case slices.ContainsFunc(c.Also, func(a []auth.Challenge) bool { return equal(got, a) }):
			n.also++
		default:
			n.other++
			t.Errorf("%s (%s) %.200q:\n got %.400q\nwant %.400q", c.ID, c.Kind, c.Values, got, c.Want)
		}
		conforms := c.Kind == "valid" || slices.Contains(conforming, c.ID)
		if conforms != (err == nil) {
			t.Errorf("%s (%s) %.200q: error %v", c.ID, c.Kind, c.Values, err)
		}
		// Nothing of a lone broken line may be acted on.
		if len(c.Values) == 1 && len(sound(err)) > 0 {
			t.Errorf("%s (%s) %.200q: sound: %q", c.ID, c.Kind, c.Values, sound(err))
		}
	}
	for _, kind := range []string{"valid", "lenient", "invalid"} {
		n := counts[kind]
		t.Logf("%-7s %d cases: %d as wanted, %d as good, %d silently different", kind, n.cases, n.want, n.also, n.other)
	}
	if n := counts["valid"].cases; n != 154 {
		t.Errorf("the corpus has %d valid cases, not 154", n)
	}
}

// Trap 60, T65.
func TestTwoLinesThreeChallenges(t *testing.T) {
	got, err := challenge.Parse([]string{
		`DIGEST REALM="a, \"b\" \\", QOP = "auth, auth-int" ,, nonce=x-1, Negotiate YII/+a==`,
		`Bearer Scope="",error="invalid_token"`,
	})
	want := []auth.Challenge{
		{Scheme: "DIGEST", Params: map[string]string{"realm": `a, "b" \`, "qop": "auth, auth-int", "nonce": "x-1"}},
		{Scheme: "Negotiate", Token68: "YII/+a=="},
		{Scheme: "Bearer", Params: map[string]string{"scope": "", "error": "invalid_token"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
}

// What the policy says and the corpus has no case of. Trap 60, T66.
func TestLenient(t *testing.T) {
	tests := []struct {
		name   string
		values []string
		want   []auth.Challenge
		sound  []auth.Challenge
	}{
		{
			"broken line between good ones",
			[]string{`Basic realm="a"`, `Bearer realm="b`, `ApiKey`},
			[]auth.Challenge{with("Basic", "realm", "a"), with("Bearer"), with("ApiKey")},
			[]auth.Challenge{with("Basic", "realm", "a"), with("ApiKey")},
		}, {
			"good and bad on one line",
			[]string{`Basic realm="a", Bearer realm="b`},
			[]auth.Challenge{with("Basic", "realm", "a"), with("Bearer")},
			nil,
		}, {
			"continued",
			[]string{`Bearer error="insufficient_claims"`, `claims="e30=", Basic`},
			[]auth.Challenge{with("Bearer", "error", "insufficient_claims", "claims", "e30="), with("Basic")},
			nil,
		}, {
			"continued with a value that is lost",
			[]string{`Bearer error="insufficient_claims"`, `claims="e30=`},
			[]auth.Challenge{with("Bearer", "error", "insufficient_claims")},
			nil,
		}, {
			"a continuation adds and does not replace",
			[]string{`Bearer realm="a"`, `realm="b", realm="c", scope=x`},
			[]auth.Challenge{with("Bearer", "realm", "a", "scope", "x")},
			nil,
		}, {
			"token68 is not continued",
			[]string{`Negotiate YII=`, `realm="b"`},
			[]auth.Challenge{{Scheme: "Negotiate", Token68: "YII="}},
			[]auth.Challenge{{Scheme: "Negotiate", Token68: "YII="}},
		}, {
			"nothing to continue after junk",
			[]string{`Bearer realm="a"`, `@, scope=x`, `scope=y`},
			[]auth.Challenge{with("Bearer", "realm", "a")},
			[]auth.Challenge{with("Bearer", "realm", "a")},
		}, {
			"nothing to continue over a line without a challenge",
			[]string{`Bearer realm="a"`, ``, `scope=y`},
			[]auth.Challenge{with("Bearer", "realm", "a")},
			[]auth.Challenge{with("Bearer", "realm", "a")},
		}, {
			"unquoted value before another challenge",
			[]string{`Bearer authorization_uri=https://a/b?c=d Basic realm=x`},
			[]auth.Challenge{with("Bearer", "authorization_uri", "https://a/b?c=d"), with("Basic", "realm", "x")},
			nil,
		}, {
			"no value before another parameter",
			[]string{`Bearer realm= error="invalid_token"`},
			[]auth.Challenge{with("Bearer", "error", "invalid_token")},
			nil,
		}, {
			"unquoted value cut by a control character",
			[]string{"Bearer a=b, realm=https://a\x00b, c=d"},
			[]auth.Challenge{with("Bearer", "a", "b")},
			nil,
		}, {
			"unquoted value cut by a line break",
			[]string{"Bearer a=b, realm=https://a\r\n /b, c=d"},
			[]auth.Challenge{with("Bearer", "a", "b")},
			nil,
		}, {
			"escaped control character",
			[]string{"Bearer a=b, c=\"\\\x01\""},
			[]auth.Challenge{with("Bearer", "a", "b")},
			nil,
		}, {
			"single quote without end",
			[]string{`Bearer realm="x" a='b, c=d`},
			[]auth.Challenge{with("Bearer", "realm", "x")},
			nil,
		}, {
			"the last of the same name",
			[]string{`Bearer a=b, c=d, A=e, a="f"`},
			[]auth.Challenge{with("Bearer", "a", "f", "c", "d")},
			nil,
		}, {
			"no value at all",
			[]string{`Bearer c="", a=, b = , d=`},
			[]auth.Challenge{with("Bearer", "c", "")},
			nil,
		}, {
			"not a scheme",
			[]string{`Bearer: realm="x", Basic realm="y"`},
			[]auth.Challenge{with("Basic", "realm", "y")},
			nil,
		}, {
			"padding is not an equals sign",
			[]string{`Bearer a==b, c=d e=f`},
			[]auth.Challenge{with("Bearer", "c", "d", "e", "f")},
			nil,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := challenge.Parse(tt.values)
			if err == nil || !equal(got, tt.want) || !equal(sound(err), tt.sound) {
				t.Errorf("%q:\n got %q, %v\nwant %q\nsound %q\n want %q", tt.values, got, err, tt.want, sound(err), tt.sound)
			}
		})
	}
}

func TestSingleQuotesAreLegal(t *testing.T) {
	got, err := challenge.Parse([]string{`Bearer a='b', c="'d'"`})
	if want := []auth.Challenge{with("Bearer", "a", "'b'", "c", "'d'")}; err != nil || !equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// Which byte may stand where, by RFC 9110 sections 5.6.2, 5.6.4 and 11.2.
func TestBytes(t *testing.T) {
	const alnum = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	in := func(set string) func(byte) bool {
		return func(b byte) bool { return strings.IndexByte(alnum+set, b) >= 0 }
	}
	places := []struct {
		name, before, after string
		allowed             func(byte) bool
	}{
		{"scheme", "x", "x", in("!#$%&'*+-.^_`|~ ,")}, // these two end it
		{"name", "x a", "b=c", in("!#$%&'*+-.^_`|~")},
		{"value", "x a=b", "c", in("!#$%&'*+-.^_`|~,")}, // "c" is then a scheme
		{"token68", "x a", "", in("-._~+/=, \t")},
		{"quoted", `x a="`, `"`, func(b byte) bool { return b >= ' ' && b != 0x7f && b != '"' && b != '\\' || b == '\t' }},
		{"quoted-pair", `x a="\`, `"`, func(b byte) bool { return b >= ' ' && b != 0x7f || b == '\t' }},
	}
	for _, p := range places {
		for b := range 256 {
			line := p.before + string([]byte{byte(b)}) + p.after
			if _, err := challenge.Parse([]string{line}); (err == nil) != p.allowed(byte(b)) {
				t.Errorf("%s %q: %v", p.name, line, err)
			}
		}
	}
}

func TestError(t *testing.T) {
	tests := []struct {
		values []string
		want   string
	}{
		{[]string{`Basic`, `Bearer a="s3cret" b="s3cret"`}, `challenge: field line 2, near byte 18: no comma after a parameter`},
		{[]string{"Bearer\ta=s3cret"}, `challenge: field line 1, near byte 7: no space after the scheme`},
		{[]string{`Bearer, a=s3cret`}, `challenge: field line 1, near byte 11: a parameter without a name, or without a scheme to belong to`},
		{[]string{`Bearer s3cret s3cret`}, `challenge: field line 1, near byte 14: neither a token68 nor a parameter`},
		{[]string{`Bearer a="s3cret`}, `challenge: field line 1, near byte 10: not a proper parameter value`},
		{[]string{`Bearer a=s3cret, A=s3cret`, `"`, `Basic`, `=`}, `challenge: field line 1, near byte 26: a repeated parameter (broken lines after it: 2)`},
		{[]string{`@`}, `challenge: field line 1, near byte 1: neither a scheme nor a parameter`},
	}
	for _, tt := range tests {
		if _, err := challenge.Parse(tt.values); err == nil || err.Error() != tt.want {
			t.Errorf("%q:\n got %v\nwant %s", tt.values, err, tt.want)
		}
	}
}

func TestNoChallenge(t *testing.T) {
	for _, values := range [][]string{nil, {}, {""}, {" \t"}, {",", " , ,\t"}} {
		if got, err := challenge.Parse(values); len(got) != 0 || err != nil {
			t.Errorf("%q: got %q, %v", values, got, err)
		}
	}
}

func TestMaxBytes(t *testing.T) {
	const frame = len(`Bearer realm=""`)
	fill := func(n int) string { return fmt.Sprintf(`Bearer realm="%s"`, strings.Repeat("a", n-frame)) }

	got, err := challenge.Parse([]string{fill(challenge.MaxBytes)})
	if err != nil || len(got) != 1 || len(got[0].Params["realm"]) != challenge.MaxBytes-frame {
		t.Errorf("the largest line that is allowed: %d challenges, %v", len(got), err)
	}

	// A line is never cut, and one that is too long does not keep out others.
	got, err = challenge.Parse([]string{"Basic", fill(challenge.MaxBytes), "Negotiate", `realm="x"`})
	if want := []auth.Challenge{with("Basic"), with("Negotiate", "realm", "x")}; err == nil || !equal(got, want) {
		t.Errorf("a line too long: got %.200q, %v", got, err)
	}
	got, err = challenge.Parse([]string{"Basic", fill(1 << 20), `realm="x"`})
	if want := []auth.Challenge{with("Basic")}; !equal(got, want) || !equal(sound(err), want) {
		t.Errorf("a parameter after a line too long: got %.200q, %v", got, err)
	}

	// The bound is on all lines together.
	got, err = challenge.Parse(slices.Repeat([]string{fill(1 << 10)}, 1<<10))
	if len(got) != challenge.MaxBytes>>10 || len(sound(err)) != len(got) {
		t.Errorf("1 MiB in lines of 1 KiB: %d challenges, %d sound, %v", len(got), len(sound(err)), err)
	}
}

// A broken line must neither panic nor hide what stands on the lines around it.
// Trap 60.
func TestBrokenNeighbour(t *testing.T) {
	const before, after = `Basic realm="before, \"it\"", charset="UTF-8"`, `Bearer realm="after", error=invalid_token`
	first, _ := challenge.Parse([]string{before})
	last, _ := challenge.Parse([]string{after})

	rnd := rand.New(rand.NewPCG(9110, 11))
	lines := map[string]bool{}
	for len(lines) < 100 {
		line := mutate(rnd)
		_, err := challenge.Parse([]string{line})
		if err == nil || lines[line] {
			continue
		}
		lines[line] = true

		got, err := challenge.Parse([]string{before, line, after})
		if len(got) < 2 {
			t.Errorf("%q: only %q is left", line, got)
			continue
		}
		if !equal(got[len(got)-1:], last) {
			t.Errorf("%q: the line after it gives %q", line, got[len(got)-1])
		}
		kept := got[0]
		for name, value := range first[0].Params {
			if kept.Scheme != first[0].Scheme || kept.Params[name] != value {
				t.Errorf("%q: the line before it gives %q", line, kept)
			}
		}
		want := last
		if equal(got[:1], first) && !continues(line) {
			want = append(slices.Clone(first), last...)
		}
		if !equal(sound(err), want) {
			t.Errorf("%q: sound are %q, want %q", line, sound(err), want)
		}
	}
	t.Logf("%d broken lines", len(lines))
}

// continues reports whether line starts with a parameter.
func continues(line string) bool {
	return regexp.MustCompile(`^[\s,]*[-!#$%&'*+.^_|~\w` + "`" + `]+\s*=([^=]|$)`).MatchString(line)
}

// mutate breaks a good line, most of the time.
func mutate(rnd *rand.Rand) string {
	seeds := []string{
		`Basic realm="simple", charset="UTF-8"`,
		`Digest realm="a, b", qop="auth,auth-int", nonce="x==", opaque=y`,
		`Bearer realm="https://a.example/token",service="a.example",scope="pull,push"`,
		`Negotiate YIIBhg==, NTLM, Bearer error="invalid_token", error_description="it \"is\" so"`,
	}
	const junk = "\"'=\\,\x00\r\n\t\x7f\xff@/: ("
	line := []byte(seeds[rnd.IntN(len(seeds))])
	for range 1 + rnd.IntN(3) {
		i := rnd.IntN(len(line))
		switch rnd.IntN(4) {
		case 0:
			line = slices.Delete(line, i, i+1)
		case 1:
			line = slices.Insert(line, i, junk[rnd.IntN(len(junk))])
		case 2:
			line[i] = junk[rnd.IntN(len(junk))]
		case 3:
			line = line[:max(i, 1)]
		}
	}
	return string(line)
}

// Hostile lines of the greatest length must not make allocations grow faster
// than the input. A quadratic loop over one of them would take many seconds.
func TestHostileAllocs(t *testing.T) {
	for name, h := range hostile {
		allocs := func(n int) float64 {
			line := fill(h.start, h.unit, n)
			return testing.AllocsPerRun(1, func() { challenge.Parse([]string{line}) })
		}
		half, full := allocs(challenge.MaxBytes/2), allocs(challenge.MaxBytes)
		if full > 2*half+20 || full > challenge.MaxBytes {
			t.Errorf("%s: %.0f allocations for half the length, %.0f for the whole", name, half, full)
		}
	}
}

// Each is a start and a unit that is repeated after it.
var hostile = map[string]struct{ start, unit string }{
	"commas":          {"A ", ","},
	"spaces":          {"A ", " "},
	"folds":           {"A ", "\r\n "},
	"equals":          {"A ", "="},
	"letters":         {"A ", "a"},
	"schemes":         {"A ", "a,"},
	"words":           {"A ", "a "},
	"long words":      {"A ", "aaaaaaaa  aaaaaaaaa   "},
	"params":          {"A ", "a=b,"},
	"no commas":       {"A ", "a=b "},
	"no values":       {"A ", "a= "},
	"challenges":      {"A ", "a b=c,"},
	"open":            {"A ", `a="`},
	"open single":     {"A ", `a='b, `},
	"pairs":           {"A ", `\"`},
	"quoted":          {"A ", `a="\\" `},
	"bare text":       {"A ", "a=b c "},
	"bare URLs":       {"A ", "a=b:c "},
	"token68":         {"A ", "a b==,"},
	"broken":          {"A ", "a b== "},
	"slashes":         {"A ", "a/"},
	"padding":         {"A ", "a=="},
	"spaced equals":   {"A ", "a     =     "},
	"obs-text":        {"A ", "\x80"},
	"sentence":        {"A a=b", " c"},
	"wide sentence":   {"A a=b:", "   c"},
	"words and folds": {"A a=b", "\r\n c"},
	"one long gap":    {"A a=b c", " "},
	"one long value":  {"A a=b:", "c"},
	"one long quote":  {`A a="`, `\"`},
	"apostrophes":     {"A a='", "b'c "},
	"junk and gaps":   {"A b c", "  @,"},
}

// fill returns start, and unit repeated until there are n bytes.
func fill(start, unit string, n int) string {
	return (start + strings.Repeat(unit, n/len(unit)+1))[:n]
}

// FuzzParse feeds up to two lines, separated by NUL.
func FuzzParse(f *testing.F) {
	for _, c := range corpus(f) {
		if s := strings.Join(c.Values, "\x00"); len(s) < 4<<10 {
			f.Add(s)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		values := strings.SplitN(s, "\x00", 2)
		got, err := challenge.Parse(values)
		for _, c := range got {
			if !token.MatchString(c.Scheme) {
				t.Errorf("scheme %q", c.Scheme)
			}
			for name := range c.Params {
				if !token.MatchString(name) || name != strings.ToLower(name) {
					t.Errorf("parameter name %q", name)
				}
			}
			if c.Token68 != "" && c.Params != nil {
				t.Errorf("both parameters and token68: %q", c)
			}
			if c.Params != nil && len(c.Params) == 0 {
				t.Errorf("empty map: %q", c)
			}
		}

		// Whatever was read, of however broken a line, can be written properly.
		var lines []string
		for _, c := range got {
			lines = append(lines, format(c))
		}
		for _, again := range [][]string{lines, {strings.Join(lines, ", ")}} {
			// Writing it may make it longer: two bytes for a quotation mark.
			if size := len(strings.Join(again, "")); size > challenge.MaxBytes {
				continue
			}
			if back, err := challenge.Parse(again); err != nil || !equal(back, got) {
				t.Errorf("%q gives %q,\nwritten as %q,\nand that gives %q, %v", values, got, again, back, err)
			}
		}

		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("error text %q", err)
			}
			for _, c := range sound(err) {
				if !slices.ContainsFunc(got, func(o auth.Challenge) bool { return equal([]auth.Challenge{c}, []auth.Challenge{o}) }) {
					t.Errorf("sound %q is not among %q", c, got)
				}
			}
			return
		}
		// Lines that conform may be joined with commas (RFC 9110 section 5.3).
		joined := strings.Join(values, ", ")
		if back, err := challenge.Parse([]string{joined}); len(joined) <= challenge.MaxBytes && (err != nil || !equal(back, got)) {
			t.Errorf("%q gives %q, and joined %q, %v", values, got, back, err)
		}
	})
}

var token = regexp.MustCompile(`^[-!#$%&'*+.^_|~0-9A-Za-z` + "`" + `]+$`)

// format writes a challenge in the form of RFC 9110 section 11.3.
func format(c auth.Challenge) string {
	s := c.Scheme
	if c.Token68 != "" {
		return s + " " + c.Token68
	}
	sep := " "
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		s += sep + name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(c.Params[name]) + `"`
		sep = ", "
	}
	return s
}

func BenchmarkParse(b *testing.B) {
	benchmarks := []struct{ name, line string }{
		{"bearer", `Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:a/b:pull,push"`},
		{"broken", `Bearer realm="https://auth.example.com/token" error="invalid_token" error_description="expired"`},
	}
	for _, bb := range benchmarks {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				challenge.Parse([]string{bb.line})
			}
		})
	}
}

// Equal speed for both lengths means linear time.
func BenchmarkHostile(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(hostile)) {
		for _, n := range []int{challenge.MaxBytes / 8, challenge.MaxBytes} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				line := fill(hostile[name].start, hostile[name].unit, n)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					challenge.Parse([]string{line})
				}
			})
		}
	}
}

func ExampleParse() {
	challenges, err := challenge.Parse([]string{
		`Basic realm="orders" charset="UTF-8"`, // a comma is missing
		`Bearer realm="orders", error="invalid_token"`,
	})
	for _, c := range challenges {
		fmt.Println("the server said:", c.Scheme, c.Params)
	}
	fmt.Println(err)
	if broken, ok := errors.AsType[*challenge.Error](err); ok {
		challenges = broken.Sound
	}
	for _, c := range challenges {
		fmt.Println("may be acted on:", c.Scheme, c.Params)
	}
	// Output:
	// the server said: Basic map[charset:UTF-8 realm:orders]
	// the server said: Bearer map[error:invalid_token realm:orders]
	// challenge: field line 1, near byte 21: no comma after a parameter
	// may be acted on: Bearer map[error:invalid_token realm:orders]
}

// A testCase is one line of testdata/challenges.jsonl.
type testCase struct {
	ID, Kind, Bytes string
	Values          []string
	Want            []auth.Challenge
	Also            [][]auth.Challenge
}

// corpus reads the cases, with abbreviations expanded.
func corpus(t testing.TB) []testCase {
	t.Helper()
	f, err := os.Open("testdata/challenges.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var cases []testCase
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var c testCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		for i, v := range c.Values {
			c.Values[i] = expand(v, c.Bytes)
		}
		for _, list := range append(c.Also, c.Want) {
			for _, ch := range list {
				for name, v := range ch.Params {
					ch.Params[name] = expand(v, c.Bytes)
				}
			}
		}
		cases = append(cases, c)
	}
	if len(cases) != 214 {
		t.Fatalf("%d cases, not 214", len(cases))
	}
	return cases
}

var repeat = regexp.MustCompile(`\{\{(.+?)\*(\d+)\}\}`)

// expand writes {{X*N}} out, and turns characters into bytes for "latin1".
func expand(s, bytes string) string {
	s = repeat.ReplaceAllStringFunc(s, func(m string) string {
		part := repeat.FindStringSubmatch(m)
		n, _ := strconv.Atoi(part[2])
		return strings.Repeat(part[1], n)
	})
	if bytes != "latin1" {
		return s
	}
	var raw []byte
	for _, r := range s {
		raw = append(raw, byte(r))
	}
	return string(raw)
}

// with returns a challenge with parameters given in pairs.
func with(scheme string, pairs ...string) auth.Challenge {
	c := auth.Challenge{Scheme: scheme}
	for p := range slices.Chunk(pairs, 2) {
		if c.Params == nil {
			c.Params = map[string]string{}
		}
		c.Params[p[0]] = p[1]
	}
	return c
}

func equal(a, b []auth.Challenge) bool {
	return slices.EqualFunc(a, b, func(x, y auth.Challenge) bool {
		return x.Scheme == y.Scheme && x.Token68 == y.Token68 && maps.Equal(x.Params, y.Params)
	})
}

// sound returns the challenges that an error leaves to act on.
func sound(err error) []auth.Challenge {
	if e, ok := errors.AsType[*challenge.Error](err); ok {
		return e.Sound
	}
	return nil
}
