package profile

import "github.com/reauth-go/reauth/auth"

// DigitalOcean: api.digitalocean.com.
var DigitalOcean = Profile{
	Name: "digitalocean", Title: "DigitalOcean", BaseURL: "https://api.digitalocean.com",
	Env:     []string{"DIGITALOCEAN_ACCESS_TOKEN"},
	Docs:    "https://docs.digitalocean.com/reference/api/reference/",
	KeysURL: "https://cloud.digitalocean.com/account/api/tokens",
	Codes: []Codes{{At: "id", Causes: map[string]auth.Cause{
		"unauthorized": auth.InvalidCredential, "Unauthorized": auth.InvalidCredential,
	}}},
	Sources: []Source{
		{"variable and the keys' page", "https://github.com/digitalocean/doctl/blob/main/README.md", "2026-08-06"},
		{"code, in a recorded refusal", "https://github.com/apache/libcloud/blob/trunk/libcloud/test/common/fixtures/digitalocean/_v2_account_UNAUTHORIZED.json", "2026-11-23"},
	},
}

// Hetzner: the cloud API at api.hetzner.cloud.
var Hetzner = Profile{
	Name: "hetzner", Title: "Hetzner Cloud", BaseURL: "https://api.hetzner.cloud",
	Env:       []string{"HCLOUD_TOKEN"},
	Docs:      "https://docs.hetzner.cloud/reference/cloud#authentication",
	KeysURL:   "https://console.hetzner.cloud/",
	RequestID: "X-Correlation-Id",
	Codes: []Codes{{At: "error/code", Causes: map[string]auth.Cause{
		"unauthorized": auth.InvalidCredential, "forbidden": auth.PermissionDenied, "token_readonly": auth.InsufficientScope,
	}}},
	Sources: []Source{
		{"host, scheme, request id and codes", "https://github.com/hetznercloud/hcloud-go/blob/main/hcloud/error.go", "2026-08-18"},
		{"variable", "https://github.com/hetznercloud/hcloud-go/blob/main/hcloud/exp/kit/envutil/env.go", "2026-08-18"},
	},
}

// Linode: api.linode.com.
var Linode = Profile{
	Name: "linode", Title: "Linode", BaseURL: "https://api.linode.com",
	Env:     []string{"LINODE_TOKEN"},
	Docs:    "https://techdocs.akamai.com/linode-api/reference/get-started",
	KeysURL: "https://cloud.linode.com/profile/tokens",
	Sources: []Source{{"host, scheme and variable", "https://github.com/linode/linodego/blob/main/client.go", "2026-08-17"}},
}

// Cloudflare: api.cloudflare.com, for API tokens. Its global keys, which need an
// address beside them, are another scheme.
var Cloudflare = Profile{
	Name: "cloudflare", Title: "Cloudflare", BaseURL: "https://api.cloudflare.com",
	Env:       []string{"CLOUDFLARE_API_TOKEN"},
	Docs:      "https://developers.cloudflare.com/fundamentals/api/get-started/create-token/",
	KeysURL:   "https://dash.cloudflare.com/profile/api-tokens",
	RequestID: "Cf-Ray",
	Sources:   []Source{{"host, scheme and variable", "https://github.com/cloudflare/cloudflare-python/blob/main/src/cloudflare/_client.py", "2025-06-16"}},
}

// Fastly: api.fastly.com.
var Fastly = Profile{
	Name: "fastly", Title: "Fastly", BaseURL: "https://api.fastly.com",
	Scheme:  auth.APIKeyHeader("Fastly-Key"),
	Env:     []string{"FASTLY_API_TOKEN"},
	Docs:    "https://www.fastly.com/documentation/reference/api/#authentication",
	KeysURL: "https://manage.fastly.com/account/personal/tokens",
	Sources: []Source{{"header, variable and the keys' page", "https://github.com/fastly/cli/blob/main/README.md", "2026-08-19"}},
}

// Heroku: the platform API at api.heroku.com.
var Heroku = Profile{
	Name: "heroku", Title: "Heroku", BaseURL: "https://api.heroku.com",
	Env:    []string{"HEROKU_API_KEY"},
	Header: map[string]string{"Accept": "application/vnd.heroku+json; version=3"},
	Docs:   "https://devcenter.heroku.com/articles/platform-api-quickstart",
	Sources: []Source{
		{"scheme", "https://devcenter.heroku.com/articles/platform-api-quickstart", "2023-06-14"},
		{"variable and version", "https://github.com/heroku/cli/blob/main/src/commands/auth/whoami.ts", "2026-08-04"},
	},
}

// Vercel: api.vercel.com. Expired tokens are refused with 403, as others are
// that may not do what they ask for.
var Vercel = Profile{
	Name: "vercel", Title: "Vercel", BaseURL: "https://api.vercel.com",
	Docs:    "https://vercel.com/docs/rest-api",
	KeysURL: "https://vercel.com/account/tokens",
	Sources: []Source{{"host, scheme and the keys' page", "https://vercel.com/docs/rest-api", "2026-10-17"}},
}

// Netlify: api.netlify.com.
var Netlify = Profile{
	Name: "netlify", Title: "Netlify", BaseURL: "https://api.netlify.com",
	Env:     []string{"NETLIFY_AUTH_TOKEN"},
	Docs:    "https://docs.netlify.com/api/get-started/",
	KeysURL: "https://app.netlify.com/user/applications",
	Sources: []Source{{"scheme and variable", "https://github.com/netlify/cli/blob/main/src/commands/base-command.ts", "2026-08-21"}},
}

// Ngrok: api.ngrok.com.
var Ngrok = Profile{
	Name: "ngrok", Title: "ngrok", BaseURL: "https://api.ngrok.com",
	Env:     []string{"NGROK_API_KEY"},
	Header:  map[string]string{"Ngrok-Version": "2"},
	Docs:    "https://ngrok.com/docs/api/",
	KeysURL: "https://dashboard.ngrok.com/api",
	Sources: []Source{{"host, scheme, version and variable", "https://github.com/ngrok/ngrok-api-go/blob/main/client.go", "2026-03-06"}},
}

// NewRelic: api.newrelic.com, for user keys. The European region is another
// host: set BaseURL.
var NewRelic = Profile{
	Name: "newrelic", Title: "New Relic", BaseURL: "https://api.newrelic.com",
	Scheme:  auth.APIKeyHeader("Api-Key"),
	Env:     []string{"NEW_RELIC_API_KEY"},
	Docs:    "https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/",
	KeysURL: "https://one.newrelic.com/api-keys",
	Sources: []Source{{"host, header and variable", "https://github.com/newrelic/newrelic-client-go/blob/main/internal/http/auth.go", "2026-08-11"}},
}

// PagerDuty: the REST API at api.pagerduty.com.
var PagerDuty = Profile{
	Name: "pagerduty", Title: "PagerDuty", BaseURL: "https://api.pagerduty.com",
	Scheme: word{"Token", "Token token="},
	Docs:   "https://developer.pagerduty.com/docs/authentication",
	Sources: []Source{
		{"host and scheme", "https://github.com/PagerDuty/go-pagerduty/blob/main/client.go", "2026-02-25"},
		{"host", "https://github.com/PagerDuty/developer-docs/blob/main/docs/REST-API/01-Overview.md", "2026-11-23"},
	},
}
