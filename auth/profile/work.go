package profile

import "github.com/reauth-go/reauth/auth"

// Slack: the Web API at slack.com, which answers everything with status 200.
var Slack = Profile{
	Name: "slack", Title: "Slack", BaseURL: "https://slack.com",
	Env:       []string{"SLACK_BOT_TOKEN"},
	Docs:      "https://docs.slack.dev/authentication/",
	KeysURL:   "https://api.slack.com/apps",
	RequestID: "X-Slack-Req-Id",
	Codes: []Codes{{Status: 200, At: "error", When: "ok=false", Causes: map[string]auth.Cause{
		"invalid_auth":           auth.InvalidCredential,
		"not_authed":             auth.NotSent,
		"token_expired":          auth.AccessExpired,
		"token_revoked":          auth.AccessRevoked,
		"account_inactive":       auth.PrincipalDisabled,
		"missing_scope":          auth.InsufficientScope,
		"not_allowed_token_type": auth.WrongCredentialKind,
	}}},
	Sources: []Source{
		{"host, scheme and codes", "https://docs.slack.dev/reference/methods/auth.test", "2026-11-23"},
		{"codes", "https://github.com/slackapi/slack-api-specs/blob/master/web-api/slack_web_openapi_v2.json", "2021-09-07"},
		{"variable", "https://github.com/slackapi/bolt-python/blob/main/slack_bolt/app/app.py", "2026-07-20"},
	},
}

// Discord: discord.com, for bots; tokens of users are sent by [auth.Bearer].
var Discord = Profile{
	Name: "discord", Title: "Discord", BaseURL: "https://discord.com",
	Scheme:  word{"Bot", "Bot "},
	Docs:    "https://docs.discord.com/developers/reference#authentication",
	KeysURL: "https://discord.com/developers/applications",
	Lockout: "10,000 requests within ten minutes that are answered with 401, 403 or 429 shut this machine's address out for a while",
	Sources: []Source{
		{"host and scheme", "https://github.com/discord/discord-api-docs/blob/main/developers/reference.mdx", "2026-08-06"},
		{"lock-out", "https://github.com/discord/discord-api-docs/blob/main/developers/topics/rate-limits.mdx", "2026-08-06"},
	},
}

// Notion: api.notion.com.
var Notion = Profile{
	Name: "notion", Title: "Notion", BaseURL: "https://api.notion.com",
	Env:     []string{"NOTION_TOKEN"},
	Header:  map[string]string{"Notion-Version": "2025-09-03"},
	Docs:    "https://developers.notion.com/reference/authentication",
	KeysURL: "https://www.notion.so/my-integrations",
	Codes: []Codes{{At: "code", Causes: map[string]auth.Cause{
		"unauthorized": auth.InvalidCredential, "restricted_resource": auth.PermissionDenied,
	}}},
	Sources: []Source{{"host, scheme, version, variable and codes", "https://github.com/makenotion/notion-sdk-js/blob/main/src/Client.ts", "2026-08-20"}},
}

// Airtable: api.airtable.com.
var Airtable = Profile{
	Name: "airtable", Title: "Airtable", BaseURL: "https://api.airtable.com",
	Env:     []string{"AIRTABLE_API_KEY"},
	Docs:    "https://airtable.com/developers/web/api/authentication",
	KeysURL: "https://airtable.com/create/tokens",
	Sources: []Source{{"host, variable and the keys' page", "https://github.com/Airtable/airtable.js/blob/master/README.md", "2025-06-06"}},
}

// Dropbox: api.dropboxapi.com, and content.dropboxapi.com for files.
var Dropbox = Profile{
	Name: "dropbox", Title: "Dropbox", BaseURL: "https://api.dropboxapi.com",
	Origins: []string{"https://content.dropboxapi.com"},
	Docs:    "https://www.dropbox.com/developers/reference/auth-types",
	KeysURL: "https://www.dropbox.com/developers/apps",
	Codes: []Codes{{At: "error/.tag", Causes: map[string]auth.Cause{
		"invalid_access_token": auth.InvalidCredential,
		"expired_access_token": auth.AccessExpired,
		"user_suspended":       auth.PrincipalDisabled,
		"missing_scope":        auth.InsufficientScope,
	}}},
	Sources: []Source{
		{"hosts", "https://github.com/dropbox/dropbox-api-spec/blob/main/files.stone", "2026-08-05"},
		{"codes", "https://github.com/dropbox/dropbox-api-spec/blob/main/auth.stone", "2026-08-05"},
	},
}

// Atlassian: Jira and Confluence in the cloud, each customer's below
// atlassian.net. The user name is the account's e-mail address: use
// [auth.WithUsername], or store address:token as one secret.
var Atlassian = Profile{
	Name: "atlassian", Title: "Atlassian", Hosts: []string{"*.atlassian.net"},
	Scheme:  auth.Basic,
	Docs:    "https://developer.atlassian.com/cloud/jira/platform/basic-auth-for-rest-apis/",
	KeysURL: "https://id.atlassian.com/manage-profile/security/api-tokens",
	Sources: []Source{{"hosts and scheme", "https://developer.atlassian.com/cloud/jira/platform/basic-auth-for-rest-apis/", "2026-02-11"}},
}

// HubSpot: api.hubapi.com.
var HubSpot = Profile{
	Name: "hubspot", Title: "HubSpot", BaseURL: "https://api.hubapi.com",
	Docs:    "https://developers.hubspot.com/docs/apps/legacy-apps/authentication/intro-to-auth",
	Sources: []Source{{"host and scheme", "https://developers.hubspot.com/docs/apps/legacy-apps/authentication/intro-to-auth", "2026-11-23"}},
}

// Shopify: the admin API, each shop's below myshopify.com.
var Shopify = Profile{
	Name: "shopify", Title: "Shopify", Hosts: []string{"*.myshopify.com"},
	Scheme:    auth.APIKeyHeader("X-Shopify-Access-Token"),
	Docs:      "https://shopify.dev/docs/api/admin-rest#authentication",
	RequestID: "X-Request-Id",
	Sources:   []Source{{"hosts and header", "https://github.com/Shopify/shopify-app-js/blob/main/packages/api-clients/admin-api-client/README.md", "2026-08-07"}},
}

// Okta: the management API, for API tokens; each customer's below okta.com.
var Okta = Profile{
	Name: "okta", Title: "Okta", Hosts: []string{"*.okta.com"},
	Scheme:    word{"SSWS", "SSWS "},
	Env:       []string{"OKTA_CLIENT_TOKEN"},
	Docs:      "https://developer.okta.com/docs/guides/create-an-api-token/main/",
	RequestID: "X-Okta-Request-Id",
	Codes: []Codes{{At: "errorCode", Causes: map[string]auth.Cause{
		"E0000004": auth.InvalidCredential, "E0000011": auth.InvalidCredential, "E0000006": auth.PermissionDenied,
	}}},
	Sources: []Source{
		{"scheme and variable", "https://github.com/okta/okta-sdk-golang/blob/master/README.md", "2026-04-01"},
		{"codes", "https://developer.okta.com/docs/reference/error-codes/", "2026-11-23"},
	},
}
