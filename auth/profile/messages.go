package profile

import "github.com/reauth-go/reauth/auth"

// Twilio: api.twilio.com, for the account's SID and its auth token. A key's SID
// and secret, which are sent in the same way, are stored as SID:secret.
var Twilio = Profile{
	Name: "twilio", Title: "Twilio", BaseURL: "https://api.twilio.com",
	Scheme:      auth.Basic,
	UsernameEnv: "TWILIO_ACCOUNT_SID",
	Env:         []string{"TWILIO_AUTH_TOKEN"},
	Docs:        "https://www.twilio.com/docs/usage/requests-to-twilio",
	KeysURL:     "https://console.twilio.com/",
	RequestID:   "Twilio-Request-Id",
	Codes:       []Codes{{At: "code", Causes: map[string]auth.Cause{"20003": auth.RejectedUnclassified}}},
	Sources: []Source{
		{"variables", "https://github.com/twilio/twilio-go/blob/main/README.md", "2026-05-08"},
		{"code: wrong token, wrong region, or a key's SID in the path", "https://github.com/twilio/twilio-php/issues/380", "2026-11-23"},
	},
}

// SendGrid: api.sendgrid.com. Keys of the European region belong to another
// host: set BaseURL.
var SendGrid = Profile{
	Name: "sendgrid", Title: "SendGrid", BaseURL: "https://api.sendgrid.com",
	Env:     []string{"SENDGRID_API_KEY"},
	Docs:    "https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/authentication",
	KeysURL: "https://app.sendgrid.com/settings/api_keys",
	Sources: []Source{{"host, variable and the keys' page", "https://github.com/sendgrid/sendgrid-go/blob/main/README.md", "2025-05-29"}},
}

// Mailgun: api.mailgun.net. The European region is another host: set BaseURL.
var Mailgun = Profile{
	Name: "mailgun", Title: "Mailgun", BaseURL: "https://api.mailgun.net",
	Scheme:   auth.Basic,
	Username: "api",
	Env:      []string{"MG_API_KEY"},
	Docs:     "https://documentation.mailgun.com/docs/mailgun/api-reference/mg-auth",
	KeysURL:  "https://app.mailgun.com/settings/api_security",
	Sources:  []Source{{"host, user name, variable and the keys' page", "https://github.com/mailgun/mailgun-go/blob/master/mailgun.go", "2026-07-18"}},
}

// Postmark: api.postmarkapp.com, for the token of one server.
var Postmark = Profile{
	Name: "postmark", Title: "Postmark", BaseURL: "https://api.postmarkapp.com",
	Scheme:  auth.APIKeyHeader("X-Postmark-Server-Token"),
	Docs:    "https://postmarkapp.com/developer/api/overview#authentication",
	KeysURL: "https://account.postmarkapp.com/servers",
	Sources: []Source{{"host and header", "https://github.com/ActiveCampaign/postmark.js/blob/main/src/client/models/client/ClientOptions.ts", "2026-02-18"}},
}
