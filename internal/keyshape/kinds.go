package keyshape

import "strings"

// A kind is one row of what providers document about the look of their keys.
type kind struct {
	prefix   string // may be printed; what follows is the body
	provider string
	name     string
	use      Use
	mode     string
	length   int                    // of the whole value, if the source states it; 0 if not
	least    int                    // the shortest, if the source states it
	shared   bool                   // others use the prefix too
	is       func(body string) bool // nil: a body of token characters is enough
	sum      func(body string) Checksum
	source   string // where the prefix is documented
}

// Sources, as of November 2026. The provider's own page comes first; where it
// does not state the prefix, the rule of a public secret scanner that does. From
// those comes no length: they lag behind.
const (
	github     = "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats"
	gitlab     = "https://docs.gitlab.com/security/tokens/#token-prefixes"
	slack      = "https://docs.slack.dev/authentication/tokens"
	slackTurn  = "https://docs.slack.dev/authentication/using-token-rotation"
	stripe     = "https://docs.stripe.com/keys"
	anthropic  = "https://platform.claude.com/docs/en/get-api-key"
	google     = "https://learn.microsoft.com/en-us/purview/sit-defn-google-api-key"
	googleAuth = "https://developers.google.com/identity/protocols/oauth2"
	aws        = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids"
	npm        = "https://github.blog/security/announcing-npms-new-access-token-format/"
	digital    = "https://docs.digitalocean.com/release-notes/2022/api-token-format/"
	shopify    = "https://shopify.dev/changelog/length-of-the-shopify-access-token-is-increasing"
	shopifyApp = "https://shopify.dev/changelog/app-secret-key-length-has-increased"
	cloudflare = "https://developers.cloudflare.com/fundamentals/api/get-started/token-formats/"
	vault      = "https://developer.hashicorp.com/vault/docs/concepts/tokens#token-formats"
	tailscale  = "https://tailscale.com/docs/reference/key-prefixes"
	circleci   = "https://circleci.com/changelog/new-format-for-api-access-tokens/"
	buildkite  = "https://buildkite.com/docs/platform/security/tokens"
	docker     = "https://docs.docker.com/reference/api/hub/latest/operations/AuthCreateAccessToken"
	supabase   = "https://supabase.com/docs/guides/api/api-keys"
	mapbox     = "https://docs.mapbox.com/help/dive-deeper/access-tokens"
	replicate  = "https://replicate.com/docs/topics/security/api-tokens"
	twilio     = "https://www.twilio.com/docs/glossary/what-is-a-sid"
	sendgrid   = "https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys"
	sentry     = "https://github.com/getsentry/rfcs/blob/main/text/0091-ci-upload-tokens.md"
	grafana    = "https://github.com/grafana/grafana/blob/main/pkg/components/satokengen/tokengen.go"
	trufflehog = "https://github.com/trufflesecurity/trufflehog/tree/main/pkg/detectors/"
	gitleaks   = "https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml"
)

// kinds is the table. A longer prefix goes before a shorter one.
var kinds = []kind{
	{prefix: "ghp_", provider: "GitHub", name: "personal access token (classic)", use: Secret, least: 40, sum: githubSum, source: github},
	{prefix: "github_pat_", provider: "GitHub", name: "fine-grained personal access token", use: Secret, source: github},
	{prefix: "gho_", provider: "GitHub", name: "OAuth access token", use: Secret, least: 40, sum: githubSum, source: github},
	{prefix: "ghu_", provider: "GitHub", name: "App user access token", use: Secret, least: 40, sum: githubSum, source: github},
	{prefix: "ghs_", provider: "GitHub", name: "App installation access token", use: Secret, least: 40, sum: githubSum, source: github},
	{prefix: "ghr_", provider: "GitHub", name: "App refresh token", use: Renewal, least: 40, sum: githubSum, source: github},

	{prefix: "glpat-", provider: "GitLab", name: "personal, project or group access token", use: Secret, source: gitlab},
	{prefix: "gloas-", provider: "GitLab", name: "OAuth application secret", use: Client, source: gitlab},
	{prefix: "gldt-", provider: "GitLab", name: "deploy token", use: Secret, source: gitlab},
	{prefix: "glrtr-", provider: "GitLab", name: "runner authentication token", use: Secret, source: gitlab},
	{prefix: "glrt-", provider: "GitLab", name: "runner authentication token", use: Secret, source: gitlab},
	{prefix: "glcbt-", provider: "GitLab", name: "CI/CD job token", use: Secret, source: gitlab},
	{prefix: "glptt-", provider: "GitLab", name: "trigger token", use: Secret, source: gitlab},
	{prefix: "glft-", provider: "GitLab", name: "feed token", use: Secret, source: gitlab},
	{prefix: "glimt-", provider: "GitLab", name: "incoming mail token", use: Secret, source: gitlab},
	{prefix: "glagent-", provider: "GitLab", name: "agent for Kubernetes token", use: Secret, source: gitlab},
	{prefix: "glwt-", provider: "GitLab", name: "workspace token", use: Secret, source: gitlab},
	{prefix: "glsoat-", provider: "GitLab", name: "SCIM token", use: Secret, source: gitlab},
	{prefix: "glffct-", provider: "GitLab", name: "feature flags client token", use: Secret, source: gitlab},

	{prefix: "xoxb-", provider: "Slack", name: "bot token", use: Secret, source: slack},
	{prefix: "xoxp-", provider: "Slack", name: "user token", use: Secret, source: slack},
	{prefix: "xapp-", provider: "Slack", name: "app-level token", use: Secret, source: slack},
	{prefix: "xwfp-", provider: "Slack", name: "workflow token", use: Secret, source: slack},
	{prefix: "xoxe.xoxb-", provider: "Slack", name: "bot token that is rotated", use: Secret, source: slackTurn},
	{prefix: "xoxe.xoxp-", provider: "Slack", name: "user or configuration token that is rotated", use: Secret, source: slackTurn},
	{prefix: "xoxe-", provider: "Slack", name: "refresh token", use: Renewal, source: slackTurn},

	{prefix: "sk_test_", provider: "Stripe", name: "secret key", use: Secret, mode: "test", shared: true, source: stripe},
	{prefix: "sk_live_", provider: "Stripe", name: "secret key", use: Secret, mode: "live", shared: true, source: stripe},
	{prefix: "rk_test_", provider: "Stripe", name: "restricted key", use: Secret, mode: "test", source: stripe},
	{prefix: "rk_live_", provider: "Stripe", name: "restricted key", use: Secret, mode: "live", source: stripe},
	{prefix: "pk_test_", provider: "Stripe", name: "publishable key", use: Publishable, mode: "test", shared: true, source: stripe},
	{prefix: "pk_live_", provider: "Stripe", name: "publishable key", use: Publishable, mode: "live", shared: true, source: stripe},
	{prefix: "whsec_", provider: "Stripe", name: "webhook signing secret", use: Signing, shared: true, source: "https://docs.stripe.com/webhooks/signature"},

	{prefix: "sk-ant-api", provider: "Anthropic", name: "API key", use: Secret, source: anthropic},
	{prefix: "sk-ant-admin", provider: "Anthropic", name: "Admin API key", use: Secret, source: gitleaks},
	{prefix: "sk-ant-oat", provider: "Anthropic", name: "OAuth access token", use: Secret, source: "https://hexdocs.pm/claude_code_sdk/ClaudeCodeSDK.Auth.Providers.Anthropic.html"},
	{prefix: "sk-ant-", provider: "Anthropic", name: "key", use: Secret, source: anthropic},
	{prefix: "apikey_01", provider: "Anthropic", name: "API key ID", use: Identifier, source: "https://platform.claude.com/docs/en/api/admin/api_keys/retrieve"},
	{prefix: "sk-or-v1-", provider: "OpenRouter", name: "API key", use: Secret, source: trufflehog + "openrouter"},
	{prefix: "sk-proj-", provider: "OpenAI", name: "project key", use: Secret, source: gitleaks},
	{prefix: "sk-svcacct-", provider: "OpenAI", name: "service account key", use: Secret, source: gitleaks},
	{prefix: "sk-admin-", provider: "OpenAI", name: "admin key", use: Secret, source: gitleaks},
	{prefix: "sk-", provider: "OpenAI", name: "API key", use: Secret, shared: true, is: atLeast(20), source: gitleaks},
	{prefix: "hf_", provider: "Hugging Face", name: "user access token", use: Secret, is: atLeast(8), source: gitleaks},
	{prefix: "r8_", provider: "Replicate", name: "API token", use: Secret, length: 40, is: atLeast(20), source: replicate},
	{prefix: "pplx-", provider: "Perplexity", name: "API key", use: Secret, source: gitleaks},
	{prefix: "gsk_", provider: "Groq", name: "API key", use: Secret, is: atLeast(20), source: trufflehog + "groq"},
	{prefix: "xai-", provider: "xAI", name: "API key", use: Secret, is: atLeast(20), source: trufflehog + "xai"},

	{prefix: "AIza", provider: "Google", name: "API key", use: Secret, length: 39, is: atLeast(20), source: google},
	{prefix: "ya29.", provider: "Google", name: "OAuth access token", use: Secret, source: trufflehog + "googleoauth2"},
	{prefix: "1//", provider: "Google", name: "OAuth refresh token", use: Renewal, is: atLeast(20), source: "https://developers.google.com/identity/protocols/oauth2/web-server"},
	{prefix: "GOCSPX-", provider: "Google", name: "OAuth client secret", use: Client, source: googleAuth},
	{provider: "Google", name: "OAuth client ID", use: Identifier, is: endsIn(".apps.googleusercontent.com"), source: googleAuth},

	{prefix: "AKIA", provider: "AWS", name: "access key ID", use: Identifier, is: sized(16, upperOrDigit), source: aws},
	{prefix: "ASIA", provider: "AWS", name: "temporary access key ID", use: Identifier, is: sized(16, upperOrDigit), source: aws},
	{prefix: "AIDA", provider: "AWS", name: "user ID", use: Identifier, is: sized(17, upperOrDigit), source: aws},
	{prefix: "AROA", provider: "AWS", name: "role ID", use: Identifier, is: sized(17, upperOrDigit), source: aws},
	{prefix: "ABSK", provider: "AWS", name: "Bedrock API key", use: Secret, is: atLeast(100), source: gitleaks},
	{prefix: "LTAI", provider: "Alibaba Cloud", name: "access key ID", use: Identifier, is: sized(20, alphanumeric), source: gitleaks},

	{prefix: "npm_", provider: "npm", name: "access token", use: Secret, least: 40, sum: githubSum, source: npm},
	{prefix: "pypi-", provider: "PyPI", name: "API token", use: Secret, source: gitleaks},
	{prefix: "rubygems_", provider: "RubyGems", name: "API key", use: Secret, source: gitleaks},
	{prefix: "dckr_pat_", provider: "Docker", name: "personal access token", use: Secret, source: docker},
	{prefix: "CCIPAT_", provider: "CircleCI", name: "personal API token", use: Secret, source: circleci},
	{prefix: "CCIPRJ_", provider: "CircleCI", name: "project API token", use: Secret, source: circleci},
	{prefix: "bkua_", provider: "Buildkite", name: "API access token", use: Secret, source: buildkite},
	{prefix: "bkaa_", provider: "Buildkite", name: "agent session token", use: Secret, source: buildkite},
	{prefix: "bkaj_", provider: "Buildkite", name: "agent job token", use: Secret, source: buildkite},

	{prefix: "SG.", provider: "SendGrid", name: "API key", use: Secret, length: 69, is: atLeast(16), source: sendgrid},
	{prefix: "AC", provider: "Twilio", name: "account SID", use: Identifier, is: sized(32, lowerHex), source: twilio},
	{prefix: "SK", provider: "Twilio", name: "API key SID", use: Identifier, is: sized(32, lowerHex), source: twilio},
	{prefix: "key-", provider: "Mailgun", name: "API key", use: Secret, is: sized(32, lowerHex), source: gitleaks},
	{prefix: "pubkey-", provider: "Mailgun", name: "public validation key", use: Publishable, is: sized(32, lowerHex), source: gitleaks},
	{provider: "Mailchimp", name: "API key", use: Secret, is: mailchimpKey, source: gitleaks},
	{prefix: "xkeysib-", provider: "Brevo", name: "API key", use: Secret, source: gitleaks},
	{provider: "Telegram", name: "bot token", use: Secret, is: telegramToken, source: gitleaks},

	{prefix: "dop_v1_", provider: "DigitalOcean", name: "personal access token", use: Secret, source: digital},
	{prefix: "doo_v1_", provider: "DigitalOcean", name: "OAuth access token", use: Secret, source: digital},
	{prefix: "dor_v1_", provider: "DigitalOcean", name: "OAuth refresh token", use: Renewal, source: digital},
	{prefix: "cfk_", provider: "Cloudflare", name: "Global API Key", use: Secret, is: atLeast(41), source: cloudflare},
	{prefix: "cfut_", provider: "Cloudflare", name: "user API token", use: Secret, least: 46, source: cloudflare},
	{prefix: "cfat_", provider: "Cloudflare", name: "account API token", use: Secret, least: 46, source: cloudflare},
	{prefix: "HRKU-", provider: "Heroku", name: "API key", use: Secret, source: gitleaks},
	{prefix: "tskey-api-", provider: "Tailscale", name: "API access token", use: Secret, source: tailscale},
	{prefix: "tskey-auth-", provider: "Tailscale", name: "pre-authentication key", use: Secret, source: tailscale},
	{prefix: "tskey-client-", provider: "Tailscale", name: "OAuth client key", use: Client, source: tailscale},
	{prefix: "tskey-scim-", provider: "Tailscale", name: "SCIM key", use: Secret, source: tailscale},
	{prefix: "tskey-webhook-", provider: "Tailscale", name: "webhook key", use: Signing, source: tailscale},
	{prefix: "hvs.", provider: "Vault", name: "service token", use: Secret, least: 28, source: vault},
	{prefix: "hvb.", provider: "Vault", name: "batch token", use: Secret, least: 28, source: vault},
	{prefix: "hvr.", provider: "Vault", name: "recovery token", use: Secret, least: 28, source: vault},
	{provider: "Terraform", name: "API token", use: Secret, is: holds(".atlasv1."), source: gitleaks},
	{prefix: "pul-", provider: "Pulumi", name: "access token", use: Secret, is: sized(40, lowerHex), source: gitleaks},
	{prefix: "dp.pt.", provider: "Doppler", name: "personal token", use: Secret, source: trufflehog + "doppler"},
	{prefix: "dp.st.", provider: "Doppler", name: "service token", use: Secret, source: trufflehog + "doppler"},
	{prefix: "dp.ct.", provider: "Doppler", name: "CLI token", use: Secret, source: trufflehog + "doppler"},
	{prefix: "dp.sa.", provider: "Doppler", name: "service account token", use: Secret, source: trufflehog + "doppler"},
	{prefix: "dp.scim.", provider: "Doppler", name: "SCIM token", use: Secret, source: trufflehog + "doppler"},
	{prefix: "dp.audit.", provider: "Doppler", name: "audit token", use: Secret, source: trufflehog + "doppler"},
	{prefix: "ops_eyJ", provider: "1Password", name: "service account token", use: Secret, source: gitleaks},

	{prefix: "shpat_", provider: "Shopify", name: "access token", use: Secret, length: 38, source: shopify},
	{prefix: "shpca_", provider: "Shopify", name: "access token of a custom app", use: Secret, length: 38, source: shopify},
	{prefix: "shppa_", provider: "Shopify", name: "access token of a private app", use: Secret, length: 38, source: shopify},
	{prefix: "shpss_", provider: "Shopify", name: "app secret key", use: Client, length: 38, source: shopifyApp},
	{prefix: "sq0atp-", provider: "Square", name: "access token", use: Secret, source: gitleaks},
	{prefix: "sq0csp-", provider: "Square", name: "application secret", use: Client, source: trufflehog + "squareapp"},
	{prefix: "sq0idp-", provider: "Square", name: "application ID", use: Identifier, source: trufflehog + "squareapp"},
	{prefix: "shippo_test_", provider: "Shippo", name: "API token", use: Secret, mode: "test", source: gitleaks},
	{prefix: "shippo_live_", provider: "Shippo", name: "API token", use: Secret, mode: "live", source: gitleaks},
	{prefix: "duffel_test_", provider: "Duffel", name: "access token", use: Secret, mode: "test", source: gitleaks},
	{prefix: "duffel_live_", provider: "Duffel", name: "access token", use: Secret, mode: "live", source: gitleaks},
	{prefix: "EZTK", provider: "EasyPost", name: "API key", use: Secret, mode: "test", is: sized(54, alphanumeric), source: gitleaks},
	{prefix: "EZAK", provider: "EasyPost", name: "API key", use: Secret, mode: "live", is: sized(54, alphanumeric), source: gitleaks},

	{prefix: "sb_publishable_", provider: "Supabase", name: "publishable key", use: Publishable, source: supabase},
	{prefix: "sb_secret_", provider: "Supabase", name: "secret key", use: Secret, source: supabase},
	{prefix: "pk.eyJ", provider: "Mapbox", name: "public token", use: Publishable, source: mapbox},
	{prefix: "sk.eyJ", provider: "Mapbox", name: "secret token", use: Secret, source: mapbox},
	{prefix: "phc_", provider: "PostHog", name: "project API key", use: Publishable, is: atLeast(20), source: "https://mintlify.com/docs/integrations/analytics/posthog"},
	{prefix: "phx_", provider: "PostHog", name: "personal API key", use: Secret, is: atLeast(20), source: trufflehog + "posthog"},
	{prefix: "pscale_tkn_", provider: "PlanetScale", name: "service token", use: Secret, source: gitleaks},
	{prefix: "pscale_oauth_", provider: "PlanetScale", name: "OAuth token", use: Secret, source: gitleaks},
	{prefix: "pscale_pw_", provider: "PlanetScale", name: "database password", use: Secret, source: gitleaks},
	{prefix: "dapi", provider: "Databricks", name: "personal access token", use: Secret, is: databricksBody, source: gitleaks},
	{prefix: "glsa_", provider: "Grafana", name: "service account token", use: Secret, sum: grafanaSum, source: grafana},
	{prefix: "glc_", provider: "Grafana", name: "Cloud access policy token", use: Secret, is: atLeast(32), source: gitleaks},
	{prefix: "sntrys_", provider: "Sentry", name: "organization token", use: Secret, source: sentry},
	{prefix: "sntryu_", provider: "Sentry", name: "user auth token", use: Secret, source: gitleaks},
	{prefix: "NRAK-", provider: "New Relic", name: "user key", use: Secret, source: gitleaks},
	{prefix: "NRII-", provider: "New Relic", name: "insert key", use: Secret, source: gitleaks},
	{prefix: "NRJS-", provider: "New Relic", name: "browser key", use: Publishable, source: gitleaks},
	{prefix: "dt0c01.", provider: "Dynatrace", name: "API token", use: Secret, source: gitleaks},
	{prefix: "PMAK-", provider: "Postman", name: "API key", use: Secret, source: gitleaks},
	{prefix: "lin_api_", provider: "Linear", name: "personal API key", use: Secret, source: gitleaks},
	{prefix: "ntn_", provider: "Notion", name: "integration token", use: Secret, is: atLeast(20), source: gitleaks},
	{prefix: "figd_", provider: "Figma", name: "personal access token", use: Secret, is: atLeast(16), source: trufflehog + "figmapersonalaccesstoken"},
	{prefix: "sl.", provider: "Dropbox", name: "short-lived access token", use: Secret, is: atLeast(100), source: gitleaks},
	{prefix: "ATATT3", provider: "Atlassian", name: "API token", use: Secret, is: atLeast(16), source: "https://github.com/gitleaks/gitleaks/blob/master/cmd/generate/config/rules/atlassian.go"},
	{prefix: "pat", provider: "Airtable", name: "personal access token", use: Secret, is: airtableBody, source: gitleaks},
	{prefix: "rdme_", provider: "ReadMe", name: "API key", use: Secret, is: atLeast(32), source: gitleaks},
	{prefix: "tfp_", provider: "Typeform", name: "personal access token", use: Secret, is: atLeast(32), source: gitleaks},
	{prefix: "pnu_", provider: "Prefect", name: "API key", use: Secret, is: sized(36, alphanumeric), source: gitleaks},
	{prefix: "fo1_", provider: "Fly.io", name: "access token", use: Secret, is: atLeast(32), source: gitleaks},
	{prefix: "fm2_", provider: "Fly.io", name: "access token", use: Secret, is: atLeast(32), source: gitleaks},
	{prefix: "sha256~", provider: "OpenShift", name: "user token", use: Secret, source: gitleaks},
}

// byFirst lists, for the first byte of a value, the rows whose prefix begins
// with it. Rows without a prefix are in prefixless.
var (
	byFirst    [256][]*kind
	prefixless []*kind
)

func init() {
	for i := range kinds {
		k := &kinds[i]
		if k.prefix == "" {
			prefixless = append(prefixless, k)
			continue
		}
		byFirst[k.prefix[0]] = append(byFirst[k.prefix[0]], k)
	}
}

func find(v string) *kind {
	if !all(v, tokenByte) {
		return nil
	}
	for _, k := range byFirst[v[0]] {
		if body, ok := strings.CutPrefix(v, k.prefix); ok && body != "" && (k.is == nil || k.is(body)) {
			return k
		}
	}
	for _, k := range prefixless {
		if k.is(v) {
			return k
		}
	}
	return nil
}

func atLeast(n int) func(string) bool {
	return func(body string) bool { return len(body) >= n }
}

func sized(n int, of func(byte) bool) func(string) bool {
	return func(body string) bool { return len(body) == n && all(body, of) }
}

func endsIn(suffix string) func(string) bool {
	return func(v string) bool { return len(v) > len(suffix) && strings.HasSuffix(v, suffix) }
}

func holds(part string) func(string) bool {
	return func(v string) bool { return strings.Index(v, part) > 0 && !strings.HasSuffix(v, part) }
}

// mailchimpKey: 32 hexadecimal digits and the data center, such as us19.
func mailchimpKey(v string) bool {
	key, center, ok := strings.Cut(v, "-us")
	return ok && len(key) == 32 && all(key, lowerHex) && len(center) >= 1 && len(center) <= 2 && all(center, digit)
}

// telegramToken: the number of the bot, a colon and 35 characters.
func telegramToken(v string) bool {
	id, rest, ok := strings.Cut(v, ":")
	return ok && len(id) >= 5 && len(id) <= 16 && all(id, digit) && len(rest) == 35 && rest[0] == 'A' && all(rest, urlSafe)
}

func databricksBody(v string) bool {
	if head, number, ok := strings.Cut(v, "-"); ok && len(number) == 1 && all(number, digit) {
		v = head
	}
	return len(v) == 32 && all(v, lowerHex)
}

func airtableBody(v string) bool {
	id, secret, ok := strings.Cut(v, ".")
	return ok && len(id) == 14 && all(id, alphanumeric) && len(secret) == 64 && all(secret, lowerHex)
}

func all(s string, is func(byte) bool) bool {
	for i := 0; i < len(s); i++ {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

func digit(c byte) bool        { return '0' <= c && c <= '9' }
func lowerHex(c byte) bool     { return digit(c) || 'a' <= c && c <= 'f' }
func hex(c byte) bool          { return lowerHex(c) || 'A' <= c && c <= 'F' }
func upper(c byte) bool        { return 'A' <= c && c <= 'Z' }
func letter(c byte) bool       { return upper(c &^ 0x20) }
func upperOrDigit(c byte) bool { return upper(c) || digit(c) }
func alphanumeric(c byte) bool { return letter(c) || digit(c) }
func urlSafe(c byte) bool      { return alphanumeric(c) || c == '-' || c == '_' }
func tokenByte(c byte) bool {
	return urlSafe(c) || c == '.' || c == '~' || c == '+' || c == '/' || c == '=' || c == ':' || c == '|'
}
