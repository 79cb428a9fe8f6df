package keyshape

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

var damages = []struct {
	name, value string
	cause       string
	fact        string // part of it
	take        string
	weak        bool
}{
	// Characters.
	{"line break", core + "\n", characters, "the value ends with a line break (LF)", "the line break (LF) at its end", false},
	{"carriage return", core + "\r\n", characters, "ends with a line break", "the line break (LF) at its end", false},
	{"carriage return alone", core + "\r", characters, "ends with a carriage return (CR)", "the carriage return (CR) at its end", false},
	{"space in front", " " + core, characters, "begins with a space", "the space at its start", false},
	{"tab behind", core + "\t", characters, "ends with a tab", "the tab at its end", false},
	{"byte order mark", "\ufeff" + core, characters, "begins with a byte order mark (U+FEFF)", "the byte order mark (U+FEFF) at its start", false},
	{"zero-width space behind", core + "\u200b", characters, "ends with an invisible character (U+200B)", "the invisible character (U+200B) at its end", false},
	{"zero-width space within", core[:4] + "\u200b" + core[4:], characters, "an invisible character (U+200B) at byte 5 of 23", "that character", false},
	{"word joiner", core[:4] + "\u2060" + core[4:], characters, "an invisible character (U+2060) at byte 5", "that character", false},
	{"no-break space", core + "\u00a0", characters, "ends with a no-break space (U+00A0)", "the no-break space (U+00A0) at its end", false},
	{"space within", core[:8] + " " + core[8:], characters, "a space at byte 9 of 21", "that character", false},
	{"line break within", core[:8] + "\n" + core[8:], characters, "a line break (LF) at byte 9 of 21", "that character", false},
	{"NUL", core[:8] + "\x00" + core[8:], characters, "a NUL character at byte 9", "that character", false},
	{"bell", core[:8] + "\a" + core[8:], characters, "a control character (0x07) at byte 9", "that character", false},
	{"dash", strings.Replace(core, "-", "–", 1), characters, "not ASCII (U+2013) at byte 4", "that character", false},
	{"no UTF-8", core[:8] + "\xff" + core[8:], characters, "a byte that is not UTF-8 at byte 9", "that character", false},
	{"replacement character", core[:8] + "\ufffd" + core[8:], characters, "a replacement character (U+FFFD), the trace of a wrong encoding at byte 9", "that character", false},
	{"white space only", " \n", characters, "begins with a space", "the space at its start", false},

	// Wrapping.
	{"double quotes", `"` + core + `"`, wrapping, "in double quotation marks", "the quotation marks", false},
	{"single quotes", `'` + core + `'`, wrapping, "in single quotation marks", "the quotation marks", false},
	{"backquotes", "`" + core + "`", wrapping, "in backquotes", "the quotation marks", false},
	{"typographic quotes", "“" + core + "”", wrapping, "in typographic quotation marks", "the quotation marks", false},
	{"German quotes", "„" + core + "“", wrapping, "in typographic quotation marks", "the quotation marks", false},
	{"guillemets", "«" + core + "»", wrapping, "in typographic quotation marks", "the quotation marks", false},
	{"escaped quotes", `\"` + core + `\"`, wrapping, "with a backslash", "the backslashes and quotation marks", false},
	{"quote in front", `"` + core, wrapping, "begins with a quotation mark that nothing closes", "the quotation mark", false},
	{"quote behind", core + `'`, wrapping, "ends with a quotation mark that nothing opens", "the quotation mark", false},
	{"Bearer", "Bearer " + core, wrapping, `begins with the scheme's name "Bearer"`, `"Bearer "`, false},
	{"bearer", "bearer  " + core, wrapping, `scheme's name "bearer"`, `"bearer "`, false},
	{"Bearer twice", "Bearer Bearer " + core, wrapping, `scheme's name "Bearer"`, `"Bearer "`, false},
	{"Bearer and a colon", "Bearer: " + core, wrapping, `scheme's name "Bearer"`, `"Bearer "`, false},
	{"Bearer, encoded space", "Bearer%20" + core, wrapping, `scheme's name "Bearer"`, `"Bearer "`, false},
	{"Bearer alone", "Bearer", wrapping, "a scheme's name and nothing else", "", false},
	{"token", "token " + core, wrapping, `scheme's name "token"`, `"token "`, false},
	{"Basic", "Basic " + core, wrapping, `scheme's name "Basic"`, `"Basic "`, false},
	{"header", "Authorization: Bearer " + core, wrapping, "the name of a header", "the header's name and the scheme", false},
	{"header without a space", "authorization:Bearer " + core, wrapping, "the name of a header", "the header's name and the scheme", false},
	{"header of its own", "X-Acme-Key: " + core, wrapping, "the name of a header", "the header's name", false},
	{"header of its own, no X", "Ocp-Apim-Subscription-Key: " + core, wrapping, "the name of a header", "the header's name", false},
	{"whole cookie header", "Cookie: session=" + core + "; other=1", wrapping, "a whole Cookie header", "the header's name", false},
	{"export", "export ACME_API_KEY=" + core, wrapping, "a whole assignment", `the name and the "="`, false},
	{"export with quotes", `export ACME_API_KEY="` + core + `"`, wrapping, "a whole assignment", `the name and the "="`, false},
	{"export of small letters", "export key=" + core, wrapping, "a whole assignment", `the name and the "="`, false},
	{"set", "set ACME_API_KEY=" + core, wrapping, "a whole assignment", `the name and the "="`, false},
	{"PowerShell", `$env:ACME_API_KEY = "` + core + `"`, wrapping, "a whole assignment", `the name and the "="`, false},
	{"assignment", "ACME_API_KEY=" + core, wrapping, "a whole assignment", `the name and the "="`, false},
	{"assignment with spaces", "ACME_API_KEY = " + core, wrapping, "a whole assignment", `the name and the "="`, false},
	{"YAML", "ACME_API_KEY: " + core, wrapping, "a whole assignment", `the name and the ":"`, false},
	{"form parameter", "access_token=" + core, wrapping, "a whole assignment", `the name and the "="`, false},
	{"comma", core + ",", wrapping, "ends with a comma", "the comma at its end", false},
	{"semicolon", core + ";", wrapping, "ends with a semicolon", "the semicolon at its end", false},
	{"quotes and comma", `"` + core + `",`, wrapping, "ends with a comma", "the comma at its end", false},
	{"JSON", `{"key":"` + core + `"}`, wrapping, "a JSON document", "everything but the key itself", false},
	{"JSON of Python", `{'key': '` + core + `'}`, wrapping, "a JSON document", "everything but the key itself", false},
	{"list", `["` + core + `"]`, wrapping, "a JSON document", "everything but the key itself", false},
	{"token answer", `{"access_token":"` + core + `","token_type":"Bearer"}`, wrapping, "a whole answer of a token endpoint", "everything but the access token", false},
	{"percent-encoding", core + "%2Fabc%3D%3D", wrapping, "percent-encoded", "", true},
	{"base64 of a pair", base64.StdEncoding.EncodeToString([]byte("alice:" + core)), wrapping, "the base64 form of user:password", "", true},

	// Placeholders.
	{"variable of a shell", "$ACME_API_KEY", placeholder, "the name of a variable", "", false},
	{"variable in braces", "${ACME_API_KEY}", placeholder, "a reference", "", false},
	{"variable in braces, default", "prefix-${ACME_API_KEY:-none}", placeholder, "a reference", "", false},
	{"variable of Windows", "%ACME_API_KEY%", placeholder, "the name of a variable", "", false},
	{"small variable", "$ecret", placeholder, "the name of a variable", "", true},
	{"template", "{{ .Values.key }}", placeholder, "a reference", "", false},
	{"GitHub expression", "${{ secrets.ACME_API_KEY }}", placeholder, "a reference", "", false},
	{"command", "$(cat key)", placeholder, "a reference", "", false},
	{"name alone", "ACME_API_KEY", placeholder, "like the name of a variable", "", false},
	{"build mark", "__ACME_API_KEY__", placeholder, "a mark", "", false},
	{"1Password", "op://vault/item/field", placeholder, "where a secret is kept", "", false},
	{"AWS secret", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acme", placeholder, "where a secret is kept", "", false},
	{"Google secret", "projects/1/secrets/acme/versions/latest", placeholder, "where a secret is kept", "", false},
	{"program text", "process.env.ACME_API_KEY", placeholder, "where a secret is kept", "", false},
	{"file", "/run/secrets/acme", placeholder, "the name of a file", "", false},
	{"brackets", "<your-key>", placeholder, "brackets", "", false},
	{"brackets behind a prefix", "sk-ant-<key>", placeholder, "brackets", "", false},
	{"square brackets", "[your key]", placeholder, "brackets", "", false},
	{"YOUR_API_KEY", "YOUR_API_KEY", placeholder, "the placeholder of an example", "", false},
	{"your_api_key", "your_api_key", placeholder, "the placeholder of an example", "", false},
	{"your own", "your-openai-api-key-here", placeholder, "the placeholder of an example", "", false},
	{"yourApiKey", "yourApiKey", placeholder, "the placeholder of an example", "", false},
	{"insert", "INSERT_TOKEN_HERE", placeholder, "the placeholder of an example", "", false},
	{"replace", "replace-with-your-secret", placeholder, "the placeholder of an example", "", false},
	{"behind a prefix", "sk_test_your_key_here", placeholder, "the placeholder of an example", "", false},
	{"my", "my-secret-password", placeholder, "the placeholder of an example", "", true},
	{"changeme", "changeme", placeholder, "stands for no value", "", false},
	{"null", "null", placeholder, "stands for no value", "", false},
	{"undefined", "undefined", placeholder, "stands for no value", "", false},
	{"None", "None", placeholder, "stands for no value", "", false},
	{"object", "[object Object]", placeholder, "", "", false},
	{"nil of Go", "<nil>", placeholder, "", "", false},
	{"xxx", "xxx", placeholder, "one character many times", "", false},
	{"crossed out", "SG.xxxxxxxxxxxxx", placeholder, "one character many times", "", false},
	{"crossed out, groups", "XXXX-XXXX-XXXX", placeholder, "one character many times", "", false},
	{"stars", "********", placeholder, "one character many times", "", false},
	{"zeros", "00000000-0000-0000-0000-000000000000", placeholder, "one character many times", "", false},
	{"prefix and dots", "sk-...", placeholder, "one character many times", "", false},
	{"in quotes behind Bearer", `"Bearer your_api_key"`, placeholder, "the placeholder of an example", "", false},
	{"unexpanded behind Bearer", "Bearer ${ACME_API_KEY}", placeholder, "a reference", "", false},

	// Not whole.
	{"masked", core[:4] + "****" + core[12:], truncated, "crossed out", "", false},
	{"masked with dots", core[:4] + "••••••" + core[12:], truncated, "crossed out", "", false},
	{"cut off", core[:12] + "...", truncated, "cut off with dots", "", false},
	{"cut off, one character", core[:12] + "…", truncated, "cut off with dots", "", false},
	{"cut out", core[:6] + "..." + core[15:], truncated, "the middle of the value is cut out", "", false},
	{"cut out of much", core + "..." + core, truncated, "the middle of the value is cut out", "", true},
	{"short for its kind", "ghp_NotAReal", truncated, "has at least 40 characters, and this has 12", "", false},
	{"wrong length for its kind", "r8_" + fake(36), truncated, "a Replicate API token has 40 characters, and this has 39", "", false},
	{"long for its kind", "shpat_" + fakeHex(34), truncated, "a Shopify access token has 38 characters, and this has 40", "", false},
	{"wrong checksum", "ghp_" + fake(36), truncated, "the checksum in the value is wrong", "", false},

	// Something else.
	{"private key", "-----BEGIN PRIVATE KEY-----\nTm90QVJlYWxLZXk=\n-----END PRIVATE KEY-----\n", wrongKind, "a PEM private key", "", false},
	{"private key on one line", `-----BEGIN RSA PRIVATE KEY-----\nTm90QVJlYWxLZXk=\n-----END RSA PRIVATE KEY-----`, wrongKind, "a PEM private key", "", false},
	{"certificate", "-----BEGIN CERTIFICATE-----\nTm90QVJlYWxLZXk=\n-----END CERTIFICATE-----", wrongKind, "a PEM certificate", "", false},
	{"base64 of a private key", base64.StdEncoding.EncodeToString([]byte("-----BEGIN PRIVATE KEY-----\n" + core)), wrongKind, "base64 form of a PEM document", "", false},
	{"service account", `{"type":"service_account","private_key":"` + core + `","client_email":"a@b.test"}`, wrongKind, "service account key file", "", false},
	{"client file", `{"installed":{"client_secret":"` + core + `"}}`, wrongKind, "OAuth client file", "", false},
	{"key set", `{"keys":[{"kty":"RSA"}]}`, wrongKind, "JSON Web Key", "", false},
	{"address", "https://api.acme.test/v1?key=" + core, wrongKind, "an address (URL)", "", false},
	{"cookie", "session=" + core + "; Path=/", wrongKind, "a cookie or a form", "", false},
	{"form", "access_token=" + core + "&token_type=bearer", wrongKind, "a cookie or a form", "", false},
	{"SSH key", "ssh-ed25519 AAAAC3Nz" + core, wrongKind, "an SSH public key", "", false},
}

func TestTrap47_Damage(t *testing.T) {
	for _, tt := range damages {
		d := Look(tt.value).Damage
		if d.Cause != tt.cause || !strings.Contains(d.Fact, tt.fact) || d.Take != tt.take || d.Weak != tt.weak {
			t.Errorf("%s %q: got %+v", tt.name, tt.value, d)
		}
		if d.Cause != "" && (!strings.HasPrefix(d.Fact, "the ") && !strings.HasPrefix(d.Fact, "part ") || (d.Take == "") == (d.Want == "")) {
			t.Errorf("%s: no fact, or no way out: %+v", tt.name, d)
		}
		if scheme := strings.Contains(d.Fact, "begins with the scheme's name"); scheme != (d.Scheme != "") {
			t.Errorf("%s: scheme %q", tt.name, d.Scheme)
		}
	}
}

// TestL7_NothingOfTheValueIsSaid: of what is secret in a value no six characters
// in a row come out, whatever is wrong with it.
func TestL7_NothingOfTheValueIsSaid(t *testing.T) {
	values := map[string]string{} // by what is secret in them
	for _, tt := range damages {
		values[tt.value] = core
	}
	body := "zQ7vKp2LmX9cRt4WbNy8Hd3FgJs6Ua1Ez0Vx5Bq"
	for _, k := range kinds {
		values[k.prefix+body] = body
		values["Bearer "+k.prefix+body+"\n"] = body
		values[k.prefix+body[:9]] = body[:9]
		values[k.prefix+"badc0ffee0ddf00dbadc0ffee0ddf00d"] = "badc0ffee0ddf00dbadc0ffee0ddf00d"
	}
	token := jwt(hs256, `{"sub":"alice@acme.test","email":"alice@acme.test","name":"Alice Liddell","jti":"`+body+`","exp":1700000000}`)
	for _, value := range []string{token, token[:len(token)-4], "Bearer " + token, `{"access_token":"` + token + `"}`} {
		values[value] = token
	}
	for value, secret := range values {
		s := Look(value)
		fact, want := s.Misplaced()
		said := fmt.Sprintf("%+v %s %s %s", s, s.Name(), fact, want)
		for i := 0; i+6 <= len(secret); i++ {
			if strings.Contains(said, secret[i:i+6]) {
				t.Errorf("%q is said of %q:\n%s", secret[i:i+6], value, said)
				break
			}
		}
		for _, personal := range []string{"alice", "Alice", "Liddell"} {
			if strings.Contains(said, personal) {
				t.Errorf("%q is said:\n%s", personal, said)
			}
		}
	}
	// Nor is the name of a variable or a person's own header.
	for _, value := range []string{"export HIDDEN_NAME=" + core, "$HIDDEN_NAME", "HIDDEN_NAME_KEY", "X-Hidden-Name: " + core, "/etc/HIDDEN_NAME", "<HIDDEN_NAME>"} {
		if said := fmt.Sprintf("%+v", Look(value)); strings.Contains(strings.ToUpper(strings.ReplaceAll(said, "-", "_")), "HIDDEN_NAME") {
			t.Errorf("%q: %s", value, said)
		}
	}
}

// TestWrappedIsRecognised: what is wrapped in something is still known.
func TestWrappedIsRecognised(t *testing.T) {
	key := "sk-proj-" + fake(60)
	for _, value := range []string{
		key, key + "\n", "\ufeff" + key, `"` + key + `"`, "Bearer " + key, "Authorization: Bearer " + key, `export OPENAI_API_KEY="` + key + `"`, `'Bearer ` + key + `',`,
		`OPENAI_API_KEY: "` + key + `"` + "\n", `export A_KEY='"Authorization: Bearer ` + key + `"';`,
	} {
		if s := Look(value); s.Name() != "OpenAI project key" || (value != key) != (s.Damage.Cause != "") {
			t.Errorf("%q: got %+v", value, s)
		}
	}
	if s := Look("Bearer " + jwt(hs256, `{"exp":1700000000}`)); !s.Token.OK || s.Token.Expiry.IsZero() {
		t.Errorf("got %+v", s)
	}
}

// TestSoundValues: legal, if rare, and not to be found fault with.
func TestSoundValues(t *testing.T) {
	for _, value := range []string{
		core, "x-token-auth:" + core, "x-access-token:" + core, "user:" + core, "a=b", "ABCD==", "ABC=", "TOKENISH==", "invalid-key", "api-key", "credentials", "INVALID", "ThisTokenIsInvalid",
		"yourself-" + core, "mykonos", "keyring", "token", "bearer-" + core, "$2b$10$" + fake(53), "100%", "50%off", "%zz%", "p&ss=word", "a;b", "s3cr3t!", "pass:word",
		"eyJ0ExampleOpaque", "https", "http:", "-----", "{", "[", "}{", "x", "xx", "\"", "..", "a..b", "changed", "nonesuch", "nullable",
		"123456789|" + fake(27), "0123456789examplemsh0123456789jsnexample", "ATTAexampleexample", "00Dxx0000001gER!AQ4AQExampleSessionId",
		"ghp_x9Kq2mExampleExampleExampleExample00", "dop_v1_0000000000000000000000000000000000000000000000000000000000example", "AIzaExample", "SG.ExampleExampleExample.ExampleExample",
		"AQEBAHh=", "pk.invalid", "my", "your", "put", "key", "secret",
	} {
		if s := Look(value); s.Damage.Cause != "" && !s.Damage.Weak && value != "\"" {
			t.Errorf("%q: got %+v", value, s.Damage)
		}
	}
	if s := Look("AIzaExample" + fake(20)); !s.Sample || s.Provider != "Google" {
		t.Errorf("got %+v", s)
	}
}

func FuzzLook(f *testing.F) {
	for _, tt := range damages {
		f.Add(tt.value)
	}
	f.Add(jwt(hs256, `{"exp":1700000000,"aud":["a"]}`))
	f.Add("ghp_" + fake(36))
	f.Fuzz(func(t *testing.T, value string) {
		s := Look(value)
		if d := s.Damage; d.Cause != "" && (d.Fact == "" || d.Take == "" && d.Want == "") {
			t.Errorf("%q: %+v", value, d)
		}
		if s.Prefix != "" && !strings.Contains(value, s.Prefix) {
			t.Errorf("%q: prefix %q", value, s.Prefix)
		}
		if fmt.Sprintf("%+v", Look(value)) != fmt.Sprintf("%+v", s) {
			t.Errorf("%q: two looks differ", value)
		}
	})
}

func TestLookIsCheap(t *testing.T) {
	key := "k3y-" + fake(36)
	if n := testing.AllocsPerRun(100, func() { Look(key) }); n > 10 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLook(b *testing.B) {
	for _, bb := range []struct{ name, value string }{
		{"key", "k3y-" + fake(36)},
		{"GitHub", "ghp_" + "NotARealKeyNotARealKeyNotAReal" + githubOfFake},
		{"damaged", `"Bearer ` + core + `"`},
		{"JWT", jwt(hs256, `{"iss":"https://issuer.test","sub":"alice","aud":["a","b"],"exp":1700000000,"nbf":1600000000,"iat":1600000001,"azp":"app","scope":"read write"}`)},
		{"64KiB", strings.Repeat("a", MaxBytes)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Look(bb.value)
			}
		})
	}
}
