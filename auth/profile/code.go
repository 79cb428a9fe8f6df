package profile

import "github.com/reauth-go/reauth/auth"

// GitHub: api.github.com, and uploads.github.com for the files of releases. Its
// answer to a key that may not see a repository is 404.
var GitHub = Profile{
	Name: "github", Title: "GitHub", BaseURL: "https://api.github.com",
	Origins:   []string{"https://uploads.github.com"},
	Env:       []string{"GH_TOKEN", "GITHUB_TOKEN"},
	Docs:      "https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api",
	KeysURL:   "https://github.com/settings/tokens",
	RequestID: "X-Github-Request-Id",
	Lockout:   "after several refused requests within a short time GitHub answers 403 for a while, to valid credentials too",
	Sources: []Source{
		{"scheme, lock-out", "https://github.com/github/docs/blob/main/content/rest/authentication/authenticating-to-the-rest-api.md", "2026-11-23"},
		{"variables and their order", "https://github.com/cli/cli/blob/trunk/pkg/cmd/root/help_topic.go", "2024-10-24"},
		{"hosts", "https://github.com/google/go-github/blob/master/github/github.go", "2026-08-21"},
	},
}

// GitLab: gitlab.com. For an instance of your own set BaseURL.
var GitLab = Profile{
	Name: "gitlab", Title: "GitLab", BaseURL: "https://gitlab.com",
	Env:     []string{"GITLAB_TOKEN"},
	Docs:    "https://docs.gitlab.com/api/rest/authentication/",
	KeysURL: "https://gitlab.com/-/user_settings/personal_access_tokens",
	Codes: []Codes{{At: "error", Causes: map[string]auth.Cause{
		"insufficient_scope": auth.InsufficientScope, "invalid_token": auth.RejectedUnclassified,
	}}},
	Sources: []Source{
		{"scheme and codes", "https://github.com/gitlabhq/gitlabhq/blob/master/doc/api/rest/authentication.md", "2026-11-23"},
		{"variable", "https://github.com/profclems/glab/blob/trunk/README.md", "2022-08-09"},
	},
}

// NPM: the registry at registry.npmjs.org.
var NPM = Profile{
	Name: "npm", Title: "npm", BaseURL: "https://registry.npmjs.org",
	Env:  []string{"NPM_TOKEN"},
	Docs: "https://docs.npmjs.com/about-access-tokens",
	Sources: []Source{
		{"host and variable", "https://github.com/npm/documentation/blob/main/content/integrations/integrating-npm-with-external-services/using-private-packages-in-a-ci-cd-workflow.mdx", "2026-08-21"},
	},
}

// Sentry: sentry.io. For a region or an instance of your own set BaseURL.
var Sentry = Profile{
	Name: "sentry", Title: "Sentry", BaseURL: "https://sentry.io",
	Env:     []string{"SENTRY_AUTH_TOKEN"},
	Docs:    "https://docs.sentry.io/api/auth/",
	KeysURL: "https://sentry.io/settings/account/api/auth-tokens/",
	Sources: []Source{{"host, scheme and variable", "https://github.com/getsentry/sentry-cli/blob/master/src/config.rs", "2026-06-29"}},
}

// Linear: api.linear.app, for personal keys, which are sent without a word
// before them; its OAuth tokens are sent by [auth.Bearer].
var Linear = Profile{
	Name: "linear", Title: "Linear", BaseURL: "https://api.linear.app",
	Scheme:  auth.APIKeyHeader("Authorization"),
	Docs:    "https://linear.app/developers/graphql",
	KeysURL: "https://linear.app/settings/account/security",
	Sources: []Source{{"host, header and the keys' page", "https://github.com/linear/linear/blob/master/packages/sdk/src/client.ts", "2026-07-22"}},
}

// Figma: api.figma.com, which refuses with status 403.
var Figma = Profile{
	Name: "figma", Title: "Figma", BaseURL: "https://api.figma.com",
	Scheme: auth.APIKeyHeader("X-Figma-Token"),
	Docs:   "https://developers.figma.com/docs/rest-api/personal-access-tokens/",
	Codes: []Codes{{Status: 403, At: "err", When: "status=403", Causes: map[string]auth.Cause{
		"Invalid token": auth.InvalidCredential, "Token expired": auth.AccessExpired,
	}}},
	Sources: []Source{
		{"host, header, and the member of refusals", "https://github.com/figma/rest-api-spec/blob/main/openapi/openapi.yaml", "2026-03-30"},
		{"the header in prose", "https://developers.figma.com/docs/rest-api/personal-access-tokens/", "2026-11-23"},
	},
}

// Buildkite: api.buildkite.com.
var Buildkite = Profile{
	Name: "buildkite", Title: "Buildkite", BaseURL: "https://api.buildkite.com",
	Env:     []string{"BUILDKITE_API_TOKEN"},
	Docs:    "https://buildkite.com/docs/apis/rest-api",
	KeysURL: "https://buildkite.com/user/api-access-tokens",
	Sources: []Source{{"host, scheme and variable", "https://github.com/buildkite/cli/blob/main/cmd/auth/token.go", "2026-08-21"}},
}
