package keyshape

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestKinds(t *testing.T) {
	upper16 := "NOTAREALKEYNOTAR"
	for _, tt := range []struct {
		value, name, prefix string
		use                 Use
		mode                string
	}{
		{"ghp_" + fake(36), "GitHub personal access token (classic)", "ghp_", Secret, ""},
		{"github_pat_" + fake(82), "GitHub fine-grained personal access token", "github_pat_", Secret, ""},
		{"gho_" + fake(36), "GitHub OAuth access token", "gho_", Secret, ""},
		{"ghu_" + fake(36), "GitHub App user access token", "ghu_", Secret, ""},
		{"ghs_" + fake(36), "GitHub App installation access token", "ghs_", Secret, ""},
		{"ghr_" + fake(76), "GitHub App refresh token", "ghr_", Renewal, ""},
		{"glpat-" + fake(20), "GitLab personal, project or group access token", "glpat-", Secret, ""},
		{"glpat-" + fake(40) + ".01.badc0ffee", "GitLab personal, project or group access token", "glpat-", Secret, ""},
		{"gloas-" + fake(64), "GitLab OAuth application secret", "gloas-", Client, ""},
		{"glcbt-64_" + fake(20), "GitLab CI/CD job token", "glcbt-", Secret, ""},
		{"glrtr-" + fake(20), "GitLab runner authentication token", "glrtr-", Secret, ""},
		{"xoxb-123456789012-123456789012-" + fake(24), "Slack bot token", "xoxb-", Secret, ""},
		{"xoxp-123456789012-" + fake(24), "Slack user token", "xoxp-", Secret, ""},
		{"xapp-1-A0000000000-" + fake(24), "Slack app-level token", "xapp-", Secret, ""},
		{"xoxe.xoxp-1-" + fake(40), "Slack user or configuration token that is rotated", "xoxe.xoxp-", Secret, ""},
		{"xoxe-1-" + fake(40), "Slack refresh token", "xoxe-", Renewal, ""},
		{"sk_test_51" + fake(40), "Stripe secret key", "sk_test_", Secret, "test"},
		{"sk_live_51" + fake(40), "Stripe secret key", "sk_live_", Secret, "live"},
		{"rk_live_51" + fake(40), "Stripe restricted key", "rk_live_", Secret, "live"},
		{"pk_live_51" + fake(40), "Stripe publishable key", "pk_live_", Publishable, "live"},
		{"pk_test_51" + fake(40), "Stripe publishable key", "pk_test_", Publishable, "test"},
		{"whsec_" + fake(32), "Stripe webhook signing secret", "whsec_", Signing, ""},
		{"sk-proj-" + fake(60), "OpenAI project key", "sk-proj-", Secret, ""},
		{"sk-svcacct-" + fake(60), "OpenAI service account key", "sk-svcacct-", Secret, ""},
		{"sk-admin-" + fake(60), "OpenAI admin key", "sk-admin-", Secret, ""},
		{"sk-" + fake(48), "OpenAI API key", "sk-", Secret, ""},
		{"sk-ant-api03-" + fake(93) + "AA", "Anthropic API key", "sk-ant-api", Secret, ""},
		{"sk-ant-admin01-" + fake(93) + "AA", "Anthropic Admin API key", "sk-ant-admin", Secret, ""},
		{"sk-ant-oat01-" + fake(93), "Anthropic OAuth access token", "sk-ant-oat", Secret, ""},
		{"apikey_01" + fake(22), "Anthropic API key ID", "apikey_01", Identifier, ""},
		{"sk-or-v1-" + fakeHex(64), "OpenRouter API key", "sk-or-v1-", Secret, ""},
		{"gsk_" + fake(52), "Groq API key", "gsk_", Secret, ""},
		{"pplx-" + fake(48), "Perplexity API key", "pplx-", Secret, ""},
		{"r8_" + fake(37), "Replicate API token", "r8_", Secret, ""},
		{"xai-" + fake(80), "xAI API key", "xai-", Secret, ""},
		{"hf_" + fake(34), "Hugging Face user access token", "hf_", Secret, ""},
		{"AIza" + fake(35), "Google API key", "AIza", Secret, ""},
		{"ya29." + fake(60), "Google OAuth access token", "ya29.", Secret, ""},
		{"1//0" + fake(60), "Google OAuth refresh token", "1//", Renewal, ""},
		{"GOCSPX-" + fake(28), "Google OAuth client secret", "GOCSPX-", Client, ""},
		{"123456789012-" + fake(32) + ".apps.googleusercontent.com", "Google OAuth client ID", "", Identifier, ""},
		{"AKIA" + upper16, "AWS access key ID", "AKIA", Identifier, ""},
		{"ASIA" + upper16, "AWS temporary access key ID", "ASIA", Identifier, ""},
		{"npm_" + fake(36), "npm access token", "npm_", Secret, ""},
		{"pypi-AgEIcHlwaS5vcmc" + fake(60), "PyPI API token", "pypi-", Secret, ""},
		{"dckr_pat_" + fake(27), "Docker personal access token", "dckr_pat_", Secret, ""},
		{"CCIPAT_" + fake(22) + "_" + fakeHex(40), "CircleCI personal API token", "CCIPAT_", Secret, ""},
		{"bkua_" + fakeHex(40), "Buildkite API access token", "bkua_", Secret, ""},
		{"SG." + fake(22) + "." + fake(43), "SendGrid API key", "SG.", Secret, ""},
		{"AC" + fakeHex(32), "Twilio account SID", "AC", Identifier, ""},
		{"SK" + fakeHex(32), "Twilio API key SID", "SK", Identifier, ""},
		{"key-" + fakeHex(32), "Mailgun API key", "key-", Secret, ""},
		{fakeHex(32) + "-us19", "Mailchimp API key", "", Secret, ""},
		{"1234567890:A" + fake(34), "Telegram bot token", "", Secret, ""},
		{"dop_v1_" + fakeHex(64), "DigitalOcean personal access token", "dop_v1_", Secret, ""},
		{"dor_v1_" + fakeHex(64), "DigitalOcean OAuth refresh token", "dor_v1_", Renewal, ""},
		{"cfut_" + fake(46), "Cloudflare user API token", "cfut_", Secret, ""},
		{"HRKU-AA" + fake(58), "Heroku API key", "HRKU-", Secret, ""},
		{"tskey-api-" + fake(11) + "CNTRL-" + fake(32), "Tailscale API access token", "tskey-api-", Secret, ""},
		{"hvs." + fake(24), "Vault service token", "hvs.", Secret, ""},
		{fake(14) + ".atlasv1." + fake(64), "Terraform API token", "", Secret, ""},
		{"dp.pt." + fake(43), "Doppler personal token", "dp.pt.", Secret, ""},
		{"dp.st.prd." + fake(43), "Doppler service token", "dp.st.", Secret, ""},
		{"shpat_" + fakeHex(32), "Shopify access token", "shpat_", Secret, ""},
		{"shpss_" + fakeHex(32), "Shopify app secret key", "shpss_", Client, ""},
		{"sq0idp-" + fake(22), "Square application ID", "sq0idp-", Identifier, ""},
		{"sb_publishable_" + fake(31), "Supabase publishable key", "sb_publishable_", Publishable, ""},
		{"sb_secret_" + fake(31), "Supabase secret key", "sb_secret_", Secret, ""},
		{"pk.eyJ1Ijoi" + fake(40) + "." + fake(22), "Mapbox public token", "pk.eyJ", Publishable, ""},
		{"phc_" + fake(43), "PostHog project API key", "phc_", Publishable, ""},
		{"dapi" + fakeHex(32) + "-2", "Databricks personal access token", "dapi", Secret, ""},
		{"glsa_" + fake(32) + "_badc0ffe", "Grafana service account token", "glsa_", Secret, ""},
		{"sntrys_" + fake(60), "Sentry organization token", "sntrys_", Secret, ""},
		{"NRAK-" + fake(27), "New Relic user key", "NRAK-", Secret, ""},
		{"PMAK-" + fakeHex(24) + "-" + fakeHex(34), "Postman API key", "PMAK-", Secret, ""},
		{"lin_api_" + fake(40), "Linear personal API key", "lin_api_", Secret, ""},
		{"ntn_12345678901" + fake(35), "Notion integration token", "ntn_", Secret, ""},
		{"figd_" + fake(40), "Figma personal access token", "figd_", Secret, ""},
		{"sl." + fake(135), "Dropbox short-lived access token", "sl.", Secret, ""},
		{"pscale_tkn_" + fake(43), "PlanetScale service token", "pscale_tkn_", Secret, ""},
		{"ATATT3" + fake(180), "Atlassian API token", "ATATT3", Secret, ""},

		// No provider's.
		{"0b5cfa8e-4d21-4c7e-9a10-5be24d617f1c", "UUID", "", Unknown, ""},
		{fakeHex(40), "hexadecimal number of 40 digits", "", Unknown, ""},
		{jwt(hs256, `{"exp":4102444800}`), "JSON Web Token", "", Unknown, ""},
		{core, "", "", Unknown, ""},

		// Like one, and none.
		{"ACcount-of-somebody-else-12345678901", "", "", Unknown, ""},
		{"patience-is-a-virtue", "", "", Unknown, ""},
		{"key-of-somebody", "", "", Unknown, ""},
		{"sk-short", "", "", Unknown, ""},
		{"AKIA-of-another-kind", "", "", Unknown, ""},
		{"1/3 of a password", "", "", Unknown, ""},
		{"", "", "", Unknown, ""},
	} {
		s := Look(tt.value)
		if s.Name() != tt.name || s.Use != tt.use || s.Mode != tt.mode || s.Prefix != tt.prefix {
			t.Errorf("%.24q: got %q %v %q %q, want %q %v %q %q", tt.value, s.Name(), s.Use, s.Mode, s.Prefix, tt.name, tt.use, tt.mode, tt.prefix)
		}
	}
}

// TestTable: every row has a source, and no row hides another.
func TestTable(t *testing.T) {
	bodies := []string{
		fake(24), fake(28), fake(31), fake(32), fake(36), fake(60), fake(120), fakeHex(32), fakeHex(40), fake(20), fake(54), "NOTAREALKEYNOTAR", "NOTAREALKEYNOTARE",
		fake(14) + "." + fakeHex(64), "x.apps.googleusercontent.com", "x.atlasv1.y", fakeHex(32) + "-us1", "12345:A" + fake(34),
	}
	providers := map[string]bool{}
	for i := range kinds {
		k := &kinds[i]
		providers[k.provider] = true
		if !strings.HasPrefix(k.source, "https://") || k.name == "" || k.provider == "" || k.use == Unknown {
			t.Errorf("%+v: incomplete", *k)
		}
		if k.prefix == "" && k.is == nil {
			t.Errorf("%s: everything is one", k.name)
		}
		reached := false
		for _, body := range bodies {
			reached = reached || find(k.prefix+body) == k
		}
		if !reached {
			t.Errorf("%s %q %q cannot be reached: a row before it takes all", k.provider, k.prefix, k.name)
		}
	}
	if len(kinds) < 100 || len(providers) < 40 {
		t.Errorf("%d kinds of %d providers", len(kinds), len(providers))
	}
	t.Logf("%d kinds of %d providers", len(kinds), len(providers))
}

func TestMisplaced(t *testing.T) {
	for value, says := range map[string][2]string{
		"pk_live_51" + fake(40):          {"the value begins with pk_live_, as a Stripe publishable key does", "secret key"},
		"AC" + fakeHex(32):               {"Twilio account SID", "secret that goes with it"},
		"AKIANOTAREALKEYNOTAR":           {"an AWS access key ID", "secret that goes with it"},
		"1//0" + fake(60):                {"a Google OAuth refresh token", "exchange"},
		"GOCSPX-" + fake(28):             {"token endpoint", "exchange"},
		"whsec_" + fake(32):              {"webhook signing secret", "calling the API"},
		jwt(hs256, `{"token_use":"id"}`): {"the value is an ID token", "access token"},
		jwt(`{"alg":"ES256","typ":"dpop+jwt","jwk":{}}`, `{"htm":"GET"}`): {"a DPoP proof", ""},
	} {
		fact, want := Look(value).Misplaced()
		if !strings.Contains(fact, says[0]) || !strings.Contains(want, says[1]) || want == "" {
			t.Errorf("%.16q: got %q, %q; want %q", value, fact, want, says)
		}
	}
	for _, value := range []string{"", core, "sk_live_51" + fake(40), "ghp_" + fake(36), jwt(hs256, `{}`)} {
		if fact, want := Look(value).Misplaced(); fact != "" || want != "" {
			t.Errorf("%.16q: got %q, %q", value, fact, want)
		}
	}
}

// TestProviderAndHost: what is needed to say that an OpenAI key goes to
// api.anthropic.com. A prefix that others copied does not suffice.
func TestProviderAndHost(t *testing.T) {
	if s := Look("sk-proj-" + fake(60)); s.Provider != "OpenAI" || s.Shared {
		t.Errorf("got %+v", s)
	}
	if s := Look("sk-" + fake(48)); s.Provider != "OpenAI" || !s.Shared {
		t.Errorf("got %+v", s)
	}
}

func TestChecksum(t *testing.T) {
	// Computed by another program from the description.
	const github, grafana = "NotARealKeyNotARealKeyNotAReal" + githubOfFake, "NotARealKeyNotARealKeyNotARealKe_" + grafanaOfFake
	for _, prefix := range []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "npm_"} {
		s := Look(prefix + github)
		if s.Checksum != RightChecksum || s.Damage.Cause != "" {
			t.Errorf("%s: got %+v", prefix, s)
		}
	}
	if s := Look("glsa_" + grafana); s.Checksum != RightChecksum || s.Damage.Cause != "" {
		t.Errorf("got %+v", s)
	}
	for _, value := range []string{
		"", core, "ghp_" + fake(37), "ghp_" + fake(35), "github_pat_" + fake(82), "ghp_" + strings.Repeat("NotAReal-", 4), "glsa_" + fake(32), "glsa_" + fake(32) + "_BADC0FFE",
		"ghp_x9Kq2mExampleExampleExampleExample00", // a sample is not mistyped
	} {
		if s := Look(value); s.Checksum != NoChecksum {
			t.Errorf("%.12q: got %v", value, s.Checksum)
		}
	}
	// Every mistyped character and every swap shows.
	for _, key := range []string{"ghp_" + github, "npm_" + github, "glsa_" + grafana} {
		body := strings.IndexByte(key, '_') + 1
		for i := body; i < len(key); i++ {
			if key[i] == '_' {
				continue
			}
			typo := []byte(key)
			if typo[i]++; !alphanumeric(typo[i]) {
				typo[i] = '0'
			}
			if s := Look(string(typo)); s.Checksum == RightChecksum {
				t.Errorf("%s: a typo at byte %d does not show", key[:4], i)
			} else if i < len(key)-8 && (s.Checksum != WrongChecksum || s.Damage.Cause != truncated || !strings.Contains(s.Damage.Fact, "checksum")) {
				t.Errorf("%s: a typo at byte %d: got %+v", key[:4], i, s)
			}
			if i > body && key[i] != key[i-1] && key[i-1] != '_' {
				swap := []byte(key)
				swap[i], swap[i-1] = swap[i-1], swap[i]
				if s := Look(string(swap)); s.Checksum != WrongChecksum {
					t.Errorf("%s: a swap at byte %d: got %v", key[:4], i, s.Checksum)
				}
			}
		}
	}
}

// TestRandomKeysAreSound: nothing that a generator makes is called damaged.
func TestRandomKeysAreSound(t *testing.T) {
	const (
		digits = "0123456789"
		lower  = "abcdefghijklmnopqrstuvwxyz"
		upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	)
	var r *rand.Rand
	of := func(alphabet string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(b)
	}
	uuid := func() string {
		h := of(digits+"abcdef", 32)
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	}
	for i, tt := range []struct {
		name string
		make func() string
	}{
		{"base64url", func() string { return of(digits+lower+upper+"-_", 16+r.IntN(64)) }},
		{"base64", func() string { return of(digits+lower+upper+"+/", 4*(4+r.IntN(20))) }},
		{"base64, padded", func() string { return of(digits+lower+upper+"+/", 42) + "==" }},
		{"base62", func() string { return of(digits+lower+upper, 16+r.IntN(64)) }},
		{"base58", func() string { return of(digits[1:]+lower+upper, 22+r.IntN(40)) }},
		{"base32", func() string { return of(upper+digits[2:8], 16+8*r.IntN(5)) }},
		{"hex", func() string { return of(digits+"abcdef", 16+r.IntN(112)) }},
		{"upper hex", func() string { return of(digits+"ABCDEF", 16+r.IntN(112)) }},
		{"UUID", uuid},
		{"ULID", func() string { return "01" + of(digits+"ABCDEFGHJKMNPQRSTVWXYZ", 24) }},
		{"digits", func() string { return of(digits, 10+r.IntN(20)) }},
		{"letters", func() string { return of(lower, 12+r.IntN(30)) }},
		{"mixed letters", func() string { return of(lower+upper, 12+r.IntN(30)) }},
		{"token68", func() string { return of(digits+lower+upper+"-_~+/", 16+r.IntN(64)) }},
		{"parts", func() string { return of(lower+digits, 12) + "." + of(lower+digits, 20) + "." + of(lower+digits, 30) }},
		{"prefixed", func() string { return "acme_" + of(digits+lower+upper, 32) }},
		{"prefixed, live", func() string { return "sk_live_51" + of(digits+lower+upper, 90) }},
		{"OpenAI", func() string { return "sk-proj-" + of(digits+lower+upper+"-_", 140) }},
		{"pair with colon", func() string { return of(lower, 8) + ":" + of(digits+lower+upper, 30) }},
		{"GitLab", func() string { return "glpat-" + of(digits+lower+upper+"-_", 20) }},
		{"fine-grained", func() string { return "github_pat_" + of(digits+lower+upper, 22) + "_" + of(digits+lower+upper, 59) }},
		{"JSON Web Token", func() string { return jwt(hs256, `{"jti":"`+uuid()+`"}`) }},
		{"AWS secret", func() string { return of(digits+lower+upper+"+/", 40) }},
		{"short but random", func() string { return of(digits+lower+upper, 8) }},
	} {
		r = rand.New(rand.NewPCG(uint64(i), 7))
		for range 4000 {
			value := tt.make()
			if s := Look(value); s.Damage.Cause != "" {
				t.Errorf("%s %q: %+v", tt.name, value, s.Damage)
				break
			}
		}
	}
}
