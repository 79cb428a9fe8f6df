package diagnose_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/auth/profile"
)

// places are all kinds of place that a credential comes from.
var places = []struct {
	name string
	opt  opt
}{
	{"env", from(env("ACME_API_KEY"))},
	{"env file", from(auth.Provenance{Kind: auth.KindFile, Name: "/run/secrets/acme (ACME_API_KEY_FILE)"})},
	{"file", from(inFile)},
	{"keyring", from(inKeyring)},
	{"static", from(inCode)},
	{"caller", notSent(diagnose.CallerSet)},
	{"login", from(byOAuth)},
	{"machine", from(auth.Provenance{Kind: auth.KindOAuth, Name: "client credentials at https://login.acme.example/token"})},
	{"custom", from(auth.Provenance{Kind: "vault", Name: "acme"})},
	{"unnamed", from(auth.Provenance{Kind: auth.KindSource, Name: "tokens"})},
	{"recorded", recordedKey},
	{"password", user("alice", "open sesame")},
}

// recordedKey makes x an exchange that happened elsewhere.
func recordedKey(x *diagnose.Exchange) {
	value := "Bearer k3y-7f1c90aa5be24d61"
	x.Carried("bearer", "Authorization", &value, "")
}

// TestRemedies writes down what is said about every cause, whatever place the
// credential came from, so that people can read it.
func TestRemedies(t *testing.T) {
	var b strings.Builder
	for _, c := range auth.Causes() {
		fmt.Fprintf(&b, "%s\n", c)
		for i := 0; i < len(places); {
			text := diagnose.Advise(c, refused(places[i].opt), diagnose.Words{}).Text
			names := places[i].name
			for i++; i < len(places) && diagnose.Advise(c, refused(places[i].opt), diagnose.Words{}).Text == text; i++ {
				names += ", " + places[i].name
			}
			if strings.Count(names, ",") == len(places)-1 {
				names = "all"
			}
			fmt.Fprintf(&b, "  %s\n      %s\n", names, text)
		}
	}
	golden(t, "remedies", b.String())
}

// What remedies speak of.
var (
	tellsLogin    = regexp.MustCompile(`\b[Ll]og(s|ged)? in\b|\blogin\b`)
	tellsVariable = regexp.MustCompile(`\bset [A-Z][A-Z0-9_]+\b|\bvariable\b|\bunset\b`)
	tellsStoring  = regexp.MustCompile(`\bkeyring\b|\bsecret-tool\b`)
	doubled       = regexp.MustCompile(`(?i)\b([a-z]+) ([a-z]+)\b`)
)

// lawful checks that a remedy is fit to be read, and fits the place.
func lawful(t *testing.T, about string, c auth.Cause, r auth.Remedy, place string, words diagnose.Words) {
	t.Helper()
	wrong := func(why string) { t.Errorf("%s: %s: %q, command %q", about, why, r.Text, r.Command) }
	switch {
	case r.Text == "", strings.TrimSpace(r.Text) != r.Text, strings.ContainsAny(r.Text, "\n\r\t\x1b"), strings.Contains(r.Text, "  "):
		wrong("no clean line")
	case strings.HasSuffix(r.Text, "."), strings.HasSuffix(r.Text, ","), strings.HasSuffix(r.Text, ":"), strings.HasSuffix(r.Text, ";"):
		wrong("no clean end")
	case 'A' <= r.Text[0] && r.Text[0] <= 'Z':
		wrong("a capital in front")
	}
	first, _, _ := strings.Cut(strings.TrimSuffix(r.Text, ","), " ")
	if !imperatives[strings.Trim(first, ",:;")] {
		wrong("no imperative in front")
	}
	for _, pair := range doubled.FindAllStringSubmatch(r.Text, -1) {
		if strings.EqualFold(pair[1], pair[2]) {
			wrong("a word twice")
		}
	}
	text := strings.NewReplacer("nobody has to log in", "", "a network's own login page", "").Replace(r.Text)
	login, variable := tellsLogin.MatchString(text), tellsVariable.MatchString(strings.ReplaceAll(text, "HTTPS_PROXY", "a proxy"))
	switch place {
	case "env", "env file", "file", "static", "keyring", "caller", "custom", "unnamed", "password":
		if login && c != auth.StepUpRequired { // whose token only a login makes
			wrong("it tells a key to log in")
		}
	case "machine":
		if login && c != auth.StepUpRequired {
			wrong("it tells a program to log in")
		}
	}
	switch place {
	case "keyring", "static", "login", "machine", "caller", "custom", "unnamed", "recorded":
		if variable {
			wrong("it speaks of variables")
		}
	}
	if place != "keyring" && (tellsStoring.MatchString(text) || tellsStoring.MatchString(r.Command)) {
		wrong("it speaks of the keyring")
	}
	if (place == "login" || place == "machine") && regexp.MustCompile(`\b(store|write|set) (the|it)\b`).MatchString(text) {
		wrong("it has a token stored by hand")
	}
	if place == "caller" && (c.Step() == auth.StepVerify || c == auth.WrongScheme || c == auth.WrongLocation) && ofValue[c] && !strings.Contains(text, "the program") {
		wrong("it does not name the program")
	}
	switch {
	case r.Command == "":
	case r.Command == words.Login && place == "login":
	case r.Command == words.Login && place == "recorded" && strings.HasPrefix(text, "log in again"):
	case r.Command == storeCommand() && place == "keyring":
	default:
		wrong("such a command there is not")
	}
}

// secretTool is the README's command to store the entry, for most systems.
const secretTool = "secret-tool store --label=acme service acme username default"

// storeCommand is the README's for this system.
func storeCommand() string {
	switch runtime.GOOS {
	case "darwin":
		return `(IFS= read -rs s && printf '%s "%s"\n' 'add-generic-password -U -s "acme" -a "default" -w' "$(printf %s "$s" | sed 's/[\\"]/\\&/g')" | security -i)`
	case "windows":
		return "cmdkey /generic:acme:default /user:default /pass"
	}
	return secretTool
}

var imperatives = func() map[string]bool {
	all := make(map[string]bool)
	for _, w := range strings.Fields(`allow ask call check compare copy correct do encode find get give have if keep log look make mend open
		put renew run see send set store take try unlock unset use wait write`) {
		all[w] = true
	}
	return all
}()

// ofValue are the causes that a program which sets its header has to mend.
var ofValue = map[auth.Cause]bool{
	auth.MalformedCharacters: true, auth.MalformedWrapping: true, auth.PlaceholderValue: true, auth.TypoOrTruncated: true,
	auth.InvalidCredential: true, auth.WrongCredentialKind: true, auth.WrongScheme: true, auth.WrongLocation: true,
}

// TestL9_RemediesFitTheSource: for each cause, the words fit the place that the
// credential came from, whether the rule that found it has words of its own or not.
func TestL9_RemediesFitTheSource(t *testing.T) {
	for _, words := range []diagnose.Words{{}, {Login: "acme login"}} {
		for _, p := range places {
			hidden := []auth.Attempt{{Place: env("ACME_TOKEN")}}
			for _, c := range auth.Causes() {
				lawful(t, p.name+", "+string(c), c, diagnose.Advise(c, refused(p.opt), words), p.name, words)
				if p.name == "env" {
					x := refused(p.opt)
					x.Shadowed = hidden
					lawful(t, p.name+", hiding, "+string(c), c, diagnose.Advise(c, x, words), p.name, words)
				}
			}
			if p.name == "caller" || p.name == "recorded" || p.name == "password" {
				continue // their facts are others than the table's
			}
			for _, tt := range table {
				if tt.x.Credential == nil || tt.x.Credential.Username != "" {
					continue
				}
				x := tt.x
				p.opt(&x)
				if nested := (*auth.Error)(nil); errors.As(x.RenewalErr, &nested) && p.name != "login" {
					continue // what an issuer says of a login
				}
				e := diagnose.Refusal(x, words)
				lawful(t, p.name+", "+tt.name, e.Cause, e.Remedy, p.name, words)
			}
		}
	}
	cases, _ := reals(t)
	for _, r := range cases {
		e := diagnose.Refusal(r.exchange(), diagnose.Words{})
		lawful(t, r.ID, e.Cause, e.Remedy, "recorded", diagnose.Words{})
	}
}

// TestL9_KeyringIsStoredAgain: what is wrong in the keyring's entry is stored again
// by the command that the README has; what is right there is not.
func TestL9_KeyringIsStoredAgain(t *testing.T) {
	want := storeCommand()
	invalid := body(`{"error":"invalid api key"}`)
	for name, x := range map[string]diagnose.Exchange{
		"doubled": refused(from(inKeyring), secret("Bearer k3y-7f1c90aa5be24d61")), "invalid": refused(from(inKeyring), invalid),
		"placeholder": refused(from(inKeyring), secret("YOUR_API_KEY")), "expired": refused(from(inKeyring), expiry(-time.Hour)),
	} {
		if e := diagnose.Refusal(x, diagnose.Words{Login: "acme login"}); e.Remedy.Command != want {
			t.Errorf("%s: %s: %q", name, e.Cause, e.Remedy.Command)
		}
	}
	broken := diagnose.Value(&auth.Credential{Secret: auth.NewSecret("k3y\n-7f1c90"), Provenance: inKeyring}, auth.Bearer)
	if broken.Remedy.Command != want {
		t.Errorf("a value that cannot be sent: %q", broken.Remedy.Command)
	}
	for name, x := range map[string]diagnose.Exchange{
		"permissions": refused(from(inKeyring), announces(`Bearer error="insufficient_scope"`)), "a variable": refused(invalid),
		"replaced already": refused(from(inKeyring), expiry(-time.Hour), renewal(diagnose.RenewalUnsendable, nil)),
		"no account":       refused(from(auth.Provenance{Kind: auth.KindKeyring, Name: "acme"}), invalid),
		"another kind":     refused(from(auth.Provenance{Kind: "vault", Name: "acme/default"}), invalid),
		"two readings":     refused(from(auth.Provenance{Kind: auth.KindKeyring, Name: "a/b/c"}), invalid),
	} {
		if e := diagnose.Refusal(x, diagnose.Words{}); e.Remedy.Command != "" {
			t.Errorf("%s: %s: %q", name, e.Cause, e.Remedy.Command)
		}
	}
}

// TestL9_LoginsAreForPeople: what ends a login has the vendor's command that begins
// one, unless a program asks for tokens in its own name.
func TestL9_LoginsAreForPeople(t *testing.T) {
	words := diagnose.Words{Login: "acme login"}
	for _, place := range []auth.Provenance{byOAuth, {Kind: auth.KindOAuth, Name: "client credentials at https://login.acme.example/token"}} {
		for _, c := range []auth.Cause{auth.RefreshRejected, auth.RefreshExpired, auth.RefreshReused, auth.RefreshResponseLost, auth.GrantRevoked, auth.AccessRevoked, auth.MissingCredential} {
			nested := &auth.Error{Cause: c, Confidence: certain, Tried: []auth.Attempt{{Place: place, Answer: "refused", Err: c}}}
			want := "acme login"
			if place != byOAuth {
				want = ""
			}
			if e := diagnose.Unsent(nested, "GET", url, words); e.Remedy.Command != want {
				t.Errorf("%s, %s, not sent: command %q", place, c, e.Remedy.Command)
			}
			e := diagnose.Refusal(refused(from(place), expiry(-time.Hour), renewal(diagnose.RenewalFailed, nested)), words)
			if c != auth.MissingCredential && (e.Cause != c || e.Remedy.Command != want) {
				t.Errorf("%s, %s, refused: %s, command %q", place, c, e.Cause, e.Remedy.Command)
			}
		}
	}
}

// TestRemedyLinkOrder: a vendor's own page goes first, then where a new key is made,
// then what the response names, then the provider's page in general.
func TestRemedyLinkOrder(t *testing.T) {
	const vendor, named = "https://vendor.example/help", "https://acme.example/errors/1"
	known := func(x *diagnose.Exchange) {
		x.Profile = profile.Profile{Name: "acme", Docs: "https://acme.example/docs", KeysURL: "https://acme.example/keys"}
	}
	says := announces(`Bearer error="insufficient_scope", error_uri="` + named + `"`)
	problem := with(header("Content-Type", "application/problem+json"), body(`{"type":"`+named+`","title":"The key is not valid"}`))
	for name, tt := range map[string]struct {
		x    diagnose.Exchange
		docs string
		want string
	}{
		"the vendor's":                  {refused(known, problem), vendor, vendor},
		"the profile's as the vendor's": {refused(known, problem), "https://acme.example/docs", "https://acme.example/keys"},
		"keys":                          {refused(known, problem), "", "https://acme.example/keys"},
		"no key helps":                  {refused(known, says), "https://acme.example/docs", named},
		"no key helps, nobody says":     {refused(known, announces(`Bearer error="insufficient_scope"`)), "", "https://acme.example/docs"},
		"a login makes the token":       {refused(known, problem, from(byOAuth)), "", named},
		"error_uri":                     {refused(says), "", named},
		"problem type":                  {refused(problem), "", named},
		"both":                          {refused(says, problem), "", named},
		"nothing":                       {refused(), "", ""},
		"a response from elsewhere":     {refused(says, problem, notSent(diagnose.ForeignOrigin)), "", ""},
	} {
		if e := diagnose.Refusal(tt.x, diagnose.Words{Docs: tt.docs}); e.Remedy.URL != tt.want {
			t.Errorf("%s: %s: got %q, want %q", name, e.Cause, e.Remedy.URL, tt.want)
		}
	}
}

// TestL7_HostileLinks: what a response names is shown only if a person can open it
// without harm. It is a link of its own on a page that is trusted.
func TestL7_HostileLinks(t *testing.T) {
	const good = "https://acme.example/errors"
	for address, want := range map[string]string{
		good:                                               good,
		"http://api.acme.example/errors":                   "http://api.acme.example/errors", // where the request went, too
		"http://elsewhere.example/errors":                  "",
		"javascript:alert(1)":                              "",
		"data:text/html,hello":                             "",
		"file:///etc/passwd":                               "",
		"//acme.example/errors":                            "",
		"https:///errors":                                  "",
		"https://acme.example@evil.example/":               "",
		"https://k3y-7f1c90aa5be24d61.evil.example/":       "",
		"https://evil.example/k3y-7f1c90aa5be24d61":        "",
		"https://evil.example/%6b3y-7f1c90aa5be24d61":      "",
		"https://evil.example/?k=k3y-7f1c90aa5be24d61":     "",
		"https://evil.example/#k3y-7f1c90aa5be24d61":       "",
		"https://acme.example/" + strings.Repeat("x", 400): "",
		"https://acme.example/\x1b[31m":                    "",
		"https://acme.example/\nfix  run this":             "",
	} {
		quoted, err := json.Marshal(address)
		if err != nil {
			t.Fatal(err)
		}
		for place, x := range map[string]diagnose.Exchange{
			"error_uri": refused(func(x *diagnose.Exchange) {
				x.Challenges = []auth.Challenge{{Scheme: "Bearer", Params: map[string]string{"error": "invalid_token", "error_uri": address}}}
			}),
			"type": refused(header("Content-Type", "application/problem+json"), body(`{"title":"The key is not valid","type":`+string(quoted)+`}`)),
		} {
			if got := diagnose.Refusal(x, diagnose.Words{}).Remedy.URL; got != want {
				t.Errorf("%s %q: got %q", place, address, got)
			}
		}
	}
	for _, hidden := range []string{"https://acme.example/\u202etxt", "https://acme.ex\u202eample/", "https://acme.example/\u200b"} {
		got := diagnose.Refusal(refused(body(`{"message":"no","doc_url":"`+hidden+`"}`)), diagnose.Words{}).Remedy.URL
		if strings.ContainsFunc(got, func(r rune) bool { return r > '~' || r < '!' }) {
			t.Errorf("%q: got %q", hidden, got)
		}
	}
}
