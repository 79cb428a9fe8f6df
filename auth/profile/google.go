package profile

import "github.com/reauth-go/reauth/auth"

const googleReasons = "https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto"

// googleCodes are those of Google's API infrastructure. It refuses wrong keys
// with status 400.
var googleCodes = []Codes{
	{Status: 400, At: "error/details/reason", Causes: map[string]auth.Cause{"API_KEY_INVALID": auth.InvalidCredential}},
	{At: "error/details/reason", Causes: map[string]auth.Cause{
		"ACCESS_TOKEN_EXPIRED":          auth.AccessExpired,
		"API_KEY_SERVICE_BLOCKED":       auth.PolicyBlocked,
		"API_KEY_HTTP_REFERRER_BLOCKED": auth.PolicyBlocked,
		"API_KEY_IP_ADDRESS_BLOCKED":    auth.PolicyBlocked,
		"API_KEY_ANDROID_APP_BLOCKED":   auth.PolicyBlocked,
		"API_KEY_IOS_APP_BLOCKED":       auth.PolicyBlocked,
		"SECURITY_POLICY_VIOLATED":      auth.PolicyBlocked,
		"USER_PROJECT_DENIED":           auth.PermissionDenied,
		"SERVICE_DISABLED":              auth.PrincipalDisabled,
		"BILLING_DISABLED":              auth.PrincipalDisabled,
		"CONSUMER_SUSPENDED":            auth.PrincipalDisabled,
	}},
}

// GoogleMaps: the services below maps.googleapis.com, which take the key as a
// query parameter. The older ones (geocoding, directions, places and others)
// refuse with status 200 and REQUEST_DENIED, whatever is wrong with the key; its
// JSON is understood here and its XML is not.
var GoogleMaps = Profile{
	Name: "google-maps", Title: "Google Maps", Maker: "Google", BaseURL: "https://maps.googleapis.com",
	Scheme:  auth.APIKeyQuery("key"),
	Env:     []string{"GOOGLE_MAPS_API_KEY"},
	Docs:    "https://developers.google.com/maps/documentation/geocoding/get-api-key",
	KeysURL: "https://console.cloud.google.com/google/maps-apis/credentials",
	Codes: append([]Codes{
		{Status: 200, At: "status", Causes: map[string]auth.Cause{"REQUEST_DENIED": auth.RejectedUnclassified}},
	}, googleCodes...),
	Sources: []Source{
		{"parameter and status", "https://github.com/googlemaps/openapi-specification/tree/main/specification", "2023-10-03"},
		{"variable", "https://github.com/googlemaps/google-maps-services-js/blob/master/README.md", "2026-11-23"},
		{"codes", googleReasons, "2026-11-23"},
	},
}

// GoogleAPIs: what else is below googleapis.com, for OAuth access tokens. Name
// the service in BaseURL.
var GoogleAPIs = Profile{
	Name: "google", Title: "Google APIs", Maker: "Google", Hosts: []string{"*.googleapis.com"},
	Docs:  "https://cloud.google.com/docs/authentication/rest",
	Codes: googleCodes,
	Sources: []Source{
		{"hosts and codes", googleReasons, "2026-11-23"},
	},
}
