package diagnose_test

import (
	"strings"
	"testing"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/diagnose"
	"github.com/reauth-go/reauth/auth/profile"
)

// A made is a scheme of somebody's own.
type made func(secret string) string

func (made) Name() string      { return "Made" }
func (made) Place() auth.Place { return auth.Bearer.Place() }
func (m made) Value(c *auth.Credential) (string, error) {
	return m(c.Secret.Reveal()), nil
}

// TestCurlLineOfTheScheme: the line sends the credential as the scheme did, and
// there is none for what nobody makes by hand.
func TestCurlLineOfTheScheme(t *testing.T) {
	recorded := func(scheme, name, value string) opt {
		return func(x *diagnose.Exchange) { x.Carried(scheme, name, &value, "") }
	}
	pair := with(scheme(auth.Basic), secret("alice:sesame"))
	for name, tt := range map[string]struct {
		opt  opt
		want string // the options; "" for no line
	}{
		"Bearer":                 {with(), `-H "Authorization: Bearer $ACME_API_KEY"`},
		"token":                  {scheme(auth.Token), `-H "Authorization: token $ACME_API_KEY"`},
		"a word of a provider's": {scheme(profile.PagerDuty.Scheme), `-H "Authorization: Token token=$ACME_API_KEY"`},
		"a header":               {scheme(auth.APIKeyHeader("x-api-key")), `-H "X-Api-Key: $ACME_API_KEY"`},
		"a parameter":            {scheme(auth.APIKeyQuery("key")), `-G --data-urlencode "key=$ACME_API_KEY"`},
		"a pair":                 {pair, `-u "$ACME_API_KEY"`},
		"user and password":      {user("alice", "sesame"), `-u "$USER_NAME:$ACME_API_KEY"`},
		"a word of one's own":    {scheme(made(func(s string) string { return "Made " + s })), `-H "Authorization: Made $ACME_API_KEY"`},
		"a signature":            {scheme(made(func(s string) string { return "Made " + strings.ToLower(s) })), ""},
		"another secret with it": {scheme(made(func(s string) string { return "Made not-a-real-id-1:" + s })), ""},
		"something else first":   {scheme(made(func(s string) string { return "Other " + s })), ""},
		"code":                   {scheme(made(func(s string) string { return "Made $(id)" + s })), ""},
		"a scheme that panics":   {scheme(made(func(string) string { panic("no") })), ""},
		"the program's own":      {notSent(diagnose.CallerSet), ""},
		"not sent":               {notSent(diagnose.ForeignOrigin), ""},
		"recorded Bearer":        {recorded("bearer", "Authorization", "Bearer k3y-7f1c90aa5be24d61"), `-H "Authorization: Bearer $API_KEY"`},
		"recorded token":         {recorded("other", "Authorization", "token k3y-7f1c90aa5be24d61"), `-H "Authorization: token $API_KEY"`},
		"recorded Basic":         {recorded("basic", "Authorization", "Basic YWxpY2U6c2VzYW1l"), `-u "$USER_NAME:$PASSWORD"`},
		"recorded Digest":        {recorded("digest", "Authorization", `Digest username="alice", nonce="n1", response="0a1b2c3d4e5f60718293"`), `--digest -u "$USER_NAME:$PASSWORD"`},
		"recorded header":        {recorded("apikey-header", "X-Api-Key", "k3y-7f1c90aa5be24d61"), `-H "X-Api-Key: $API_KEY"`},
		"recorded parameter":     {recorded("apikey-query", "key", "k3y-7f1c90aa5be24d61"), `-G --data-urlencode "key=$API_KEY"`},
		"recorded, no pair":      {recorded("basic", "Authorization", "Basic k3y-7f1c90aa5be24d61"), ""},
		"recorded DPoP":          {recorded("dpop", "Authorization", "DPoP k3y-7f1c90aa5be24d61"), ""},
		"recorded signature":     {recorded("other", "Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/x, SignedHeaders=host, Signature=0a1b2c3d"), ""},
		"recorded parameters":    {recorded("other", "Authorization", `Token token="k3y-7f1c90aa5be24d61", nonce="x"`), ""},
		"recorded cookie":        {recorded("other", "Cookie", "session=k3y-7f1c90aa5be24d61"), ""},
		"recorded body":          {recorded("other", "request-body", "grant_type=refresh_token&refresh_token=k3y-7f1c90"), ""},
		"recorded path":          {recorded("other", "url-path", "k3y-7f1c90aa5be24d61"), ""},
		"nothing was sent":       {func(x *diagnose.Exchange) { x.Carried("none", "", nil, "") }, ""},
		"nothing is known":       {func(x *diagnose.Exchange) { x.Carried("", "", nil, "") }, ""},
	} {
		page := diagnose.Refusal(refused(tt.opt), diagnose.Words{}).Explain()
		want := "curl " + tt.want + " " + url + "\n"
		if tt.want == "" && strings.Contains(page, "curl") || tt.want != "" && !strings.Contains(page, want) {
			t.Errorf("%s: want %q in\n%s", name, want, page)
		}
	}
	secretPath := func(x *diagnose.Exchange) { x.URL = "https://api.acme.example/k3y-7f1c90aa5be24d61/me" }
	if page := diagnose.Refusal(refused(secretPath), diagnose.Words{}).Explain(); strings.Contains(page, "curl") {
		t.Errorf("the address was masked:\n%s", page)
	}
}

// TestResponseTime: when it came is by our clock, where it does not say; of what
// was recorded elsewhere nothing but its Date is known.
func TestResponseTime(t *testing.T) {
	if r := diagnose.Refusal(refused(), diagnose.Words{}).Response; !r.Time.Equal(now) {
		t.Errorf("got %v", r.Time)
	}
	for name, o := range map[string]opt{
		"recorded":         recordedKey,
		"nothing was sent": func(x *diagnose.Exchange) { x.Carried("none", "", nil, "") },
		"response alone":   func(x *diagnose.Exchange) { x.Carried("", "", nil, "") },
	} {
		e := diagnose.Refusal(refused(o), diagnose.Words{})
		if !e.Response.Time.IsZero() || strings.Contains(e.Explain(), "refused at") {
			t.Errorf("%s: %s", name, e.Explain())
		}
		e = diagnose.Refusal(refused(o, header("Date", now.Format(httpTime))), diagnose.Words{})
		if !strings.Contains(e.Explain(), "refused at 2026-11-23 09:12:04 UTC\n") {
			t.Errorf("%s: %s", name, e.Explain())
		}
	}
}
