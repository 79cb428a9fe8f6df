package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/oauth"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// secretive returns sources of both grants that hold every canary that a
// configuration can.
func secretive(t *testing.T, rt http.RoundTripper) map[string]auth.Source {
	t.Helper()
	u := tokenURL + "?key=" + url.QueryEscape(canaryParam)
	app, err := oauth.ClientCredentials(&clientcredentials.Config{
		ClientID: "reports", ClientSecret: canaryClient, TokenURL: u,
		EndpointParams: url.Values{"password": {canaryParam}},
	}, oauth.Options{Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	params, err := oauth.ClientCredentials(&clientcredentials.Config{
		ClientID: "reports", ClientSecret: canaryClient, TokenURL: u, AuthStyle: oauth2.AuthStyleInParams,
	}, oauth.Options{Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	user, err := oauth.RefreshToken(&oauth2.Config{
		ClientID: "reports", ClientSecret: canaryClient, Endpoint: oauth2.Endpoint{TokenURL: u},
	}, auth.Static(canaryRefresh), oauth.Options{Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]auth.Source{"client credentials": app, "in params": params, "refresh token": user}
}

// echo repeats everything that it was sent, in every way that it can think of.
func echo(form url.Values, req *http.Request) string {
	var b strings.Builder
	basic := strings.TrimPrefix(req.Header.Get("Authorization"), "Basic ")
	pair, _ := base64.StdEncoding.DecodeString(basic)
	fmt.Fprintf(&b, "auth %s, %s, %s; url %s; form %s; ", req.Header.Get("Authorization"), url.QueryEscape(basic), pair, req.URL, form.Encode())
	for _, v := range append(form["refresh_token"], form.Get("client_secret"), form.Get("password"), canaryClient, canaryParam, req.URL.Query().Get("key")) {
		j, _ := json.Marshal(v)
		jj, _ := json.Marshal(string(j))
		fmt.Fprintf(&b, "%s %q %s %s %s %s %s %s %s %s\n", v, v, j, jj, url.PathEscape(v), url.QueryEscape(url.QueryEscape(v)), html.EscapeString(v),
			base64.StdEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v)), strings.ToLower(url.QueryEscape("/+"))+url.QueryEscape(v))
	}
	return b.String()
}

// Trap 68, T79.
func TestL7_EchoesOfTheIssuer(t *testing.T) {
	encoded := []string{}
	for _, c := range []string{canaryClient, canaryRefresh, canaryParam, "reports:" + canaryClient, "reports:" + url.QueryEscape(canaryClient)} {
		encoded = append(encoded, base64.StdEncoding.EncodeToString([]byte(c)), base64.RawURLEncoding.EncodeToString([]byte(c)))
	}
	for name, answer := range map[string]func(words string) *http.Response{
		"plain 400": func(w string) *http.Response { return reply(400, "text/plain", w) },
		"page":      func(w string) *http.Response { return reply(500, "text/html", "<pre>"+w) },
		"description": func(w string) *http.Response {
			b, _ := json.Marshal(map[string]string{"error": "invalid_grant", "error_description": w, "error_uri": "https://x.example/?" + w})
			return reply(400, "application/json", string(b))
		},
		"code": func(w string) *http.Response {
			b, _ := json.Marshal(map[string]string{"error": w})
			return reply(200, "application/json", string(b))
		},
		"headers": func(w string) *http.Response {
			r := reply(401, "application/json", `{"error":"invalid_client"}`)
			for _, h := range []string{"Www-Authenticate", "X-Request-Id", "Server", "X-Debug", "Set-Cookie"} {
				r.Header.Set(h, strings.ReplaceAll(w, "\n", " "))
			}
			r.Status = "401 " + w
			return r
		},
		"redirect": func(w string) *http.Response {
			r := reply(302, "text/html", w)
			r.Header.Set("Location", "https://u:"+url.PathEscape(canaryRefresh)+"@x.example/"+url.PathEscape(canaryClient)+"?"+url.QueryEscape(canaryRefresh))
			return r
		},
		"200 without the token": func(string) *http.Response {
			return reply(200, "application/json", `{"accessToken":"`+canaryAccess+`","refresh_token":"`+canaryRotated[:9]+`"}`)
		},
		"200 with the token where nobody looks": func(string) *http.Response {
			return reply(200, "application/json", `{"data":{"value":"`+canaryAccess+`"}}`)
		},
		"200 that is broken": func(string) *http.Response {
			return reply(200, "application/json", `{"access_token":"`+canaryAccess+`"`)
		},
		"new tokens in an error": func(string) *http.Response {
			return reply(400, "application/json", `{"error":"invalid_grant","access_token":"`+canaryAccess+`","nested":{"refresh_token" : "Xerus"}}`)
		},
		"wrong type": func(string) *http.Response {
			return reply(200, "application/json", `{"access_token":"`+canaryAccess+`","token_type":"`+canaryAccess+`x","refresh_token":"`+canaryRotated[:9]+`"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &answers{}
				rt.reply = func(n int, req *http.Request) (*http.Response, error) {
					return answer(echo(rt.forms[n-1], req)), nil
				}
				for kind, src := range secretive(t, rt) {
					_, err := src.Credential(t.Context())
					e := diagnosis(t, err)
					silent(t, kind, err)
					text := printed(err)
					for _, form := range encoded {
						if strings.Contains(text, form) {
							t.Errorf("%s: an encoded secret (%s) is shown", kind, form)
						}
					}
					if e.Response != nil && len(e.Response.Body) > 1100 {
						t.Errorf("%s: %d bytes of the body are kept", kind, len(e.Response.Body))
					}
					if r, ok := errors.AsType[*oauth2.RetrieveError](err); ok && (len(r.Body) > 1100 || r.Response.Request != nil) {
						t.Errorf("%s: RetrieveError holds %d bytes, request %v", kind, len(r.Body), r.Response.Request)
					}
				}
			})
		})
	}
}

func TestL7_SourcesAndCredentials(t *testing.T) {
	rt := &answers{reply: func(int, *http.Request) (*http.Response, error) {
		b, _ := json.Marshal(map[string]string{"access_token": canaryAccess, "refresh_token": canaryRotated})
		return reply(200, "application/json", string(b)), nil
	}}
	for kind, src := range secretive(t, rt) {
		silent(t, kind, src)
		c := get(t, src)
		silent(t, kind, c)
		silent(t, kind, *c)
		silent(t, kind+" after use", src)
		if want := kind; kind != "in params" && !strings.Contains(fmt.Sprint(src), want) {
			t.Errorf("%s prints as %v", kind, src)
		}
		if strings.Contains(c.Provenance.String(), "?") {
			t.Errorf("the query is in the provenance: %s", c.Provenance)
		}
	}
	options := oauth.Options{ClientSecret: auth.Static(canaryClient)}
	silent(t, "options", options)
	foreign := oauth.FromTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: canaryAccess, RefreshToken: canaryRefresh}))
	silent(t, "FromTokenSource", foreign)
	silent(t, "FromTokenSource", get(t, foreign))
	silent(t, "FromTokenSource after use", foreign)
	silent(t, "TokenSource", oauth.TokenSource(t.Context(), auth.Static(canaryAccess)))
}

// A transport's error may quote the request, and so may url.Error.
func TestL7_ErrorsOfTheTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := errors.New("broken")
		for name, fail := range map[string]func(words string, req *http.Request) error{
			"quotes": func(w string, _ *http.Request) error { return fmt.Errorf("cannot send %s: %w", w, root) },
			"url.Error": func(_ string, req *http.Request) error {
				return &url.Error{Op: "Post", URL: req.URL.String(), Err: root}
			},
			"proxy": func(string, *http.Request) error {
				return fmt.Errorf("invalid proxy address %q", "http://u:Zebra@proxy")
			},
		} {
			rt := &answers{}
			rt.reply = func(n int, req *http.Request) (*http.Response, error) {
				return nil, fail(echo(rt.forms[n-1], req), req)
			}
			for kind, src := range secretive(t, rt) {
				_, err := src.Credential(t.Context())
				want(t, err, auth.IssuerUnavailable)
				silent(t, kind+", "+name, err)
				if name == "url.Error" && !errors.Is(err, root) {
					t.Errorf("trap 88: the cause is lost: %v", err)
				}
			}
		}
	})
}

// Servers write what they echo as their templates and encoders do.
func TestL7_EchoesOfTemplatesAndEncoders(t *testing.T) {
	const key = "aB3+xY9/kL2+qW5/zT8+mN4="
	for _, echo := range []string{
		"aB3&#43;xY9/kL2&#43;qW5/zT8&#43;mN4=", "aB3&#x2B;xY9/kL2&#x2B;qW5/zT8&#x2B;mN4=", "aB3%252BxY9%252FkL2%252BqW5%252FzT8%252BmN4%253D",
		`aB3\u002BxY9/kL2\u002BqW5/zT8\u002BmN4=`, `aB3+xY9\/kL2+qW5\/zT8+mN4=`, "ab3+xy9/kl2+qw5",
	} {
		src, err := oauth.ClientCredentials(&clientcredentials.Config{ClientID: "reports", ClientSecret: key, TokenURL: tokenURL},
			oauth.Options{Transport: always(401, "no client with "+echo+", sorry")})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			_, err := src.Credential(t.Context())
			if got := diagnosis(t, err).Response.Body; got != "no client with [masked], sorry" {
				t.Errorf("%s: the body is kept as %q", echo, got)
			}
		})
	}
}
