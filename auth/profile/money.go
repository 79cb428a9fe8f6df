package profile

import "github.com/reauth-go/reauth/auth"

// Stripe: api.stripe.com, and files.stripe.com for files.
var Stripe = Profile{
	Name: "stripe", Title: "Stripe", BaseURL: "https://api.stripe.com",
	Origins:   []string{"https://files.stripe.com"},
	Env:       []string{"STRIPE_API_KEY"},
	Docs:      "https://docs.stripe.com/api/authentication",
	KeysURL:   "https://dashboard.stripe.com/apikeys",
	RequestID: "Request-Id",
	Codes: []Codes{{At: "error/code", Causes: map[string]auth.Cause{
		"api_key_expired":          auth.StaticKeyExpired,
		"platform_api_key_expired": auth.StaticKeyExpired,
		"secret_key_required":      auth.WrongCredentialKind,
	}}},
	Sources: []Source{
		{"hosts, request id and codes", "https://github.com/stripe/stripe-go/blob/master/error.go", "2026-08-07"},
		{"variable", "https://github.com/stripe/stripe-cli/blob/master/pkg/cmd/login.go", "2026-08-21"},
	},
}
