package sdks_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/customer"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
)

// docs/sdks.md
var stripeConfig = reauth.Config{Name: "stripe", BaseURL: "https://api.stripe.com", Origins: []string{"https://files.stripe.com"}}

func newStripe(client *reauth.Client) *stripe.Client {
	return stripe.NewClient("", stripe.WithBackends(stripe.NewBackends(client.HTTPClient())))
}

// end

var stripeSubject = subject{
	config: stripeConfig,
	open:   func(_ *testing.T, c *reauth.Client) sdk { return stripeCalls(newStripe(c)) },
	own: func(_ *testing.T, c *reauth.Client, key string) sdk {
		return stripeCalls(stripe.NewClient(key, stripe.WithBackends(stripe.NewBackends(c.HTTPClient()))))
	},
	answer:   `{"id":"cus_1","object":"customer","name":"Ada"}`,
	refusal:  `{"error":{"message":"Invalid API Key provided: sk_test_********ghij","type":"invalid_request_error"}}`,
	pieces:   [2]string{"one", "two"},
	parts:    [2]string{"one", "two"},
	on503:    2,
	onUnsent: 3,
}

func TestStripe(t *testing.T) { prove(t, stripeSubject) }

func stripeCalls(client *stripe.Client) sdk {
	return sdk{
		call: func(ctx context.Context) (*http.Response, error) {
			_, err := client.V1Customers.Create(ctx, &stripe.CustomerCreateParams{Name: stripe.String("Ada")})
			return nil, err
		},
		stream: func(ctx context.Context) (func() (string, error), error) {
			pdf, err := client.V1Quotes.PDF(ctx, "qt_1", &stripe.QuotePDFParams{})
			if err != nil {
				return nil, err
			}
			return parts(pdf.LastResponse.Body, [2]string{"one", "two"}), nil
		},
		file: func(ctx context.Context, content string) error {
			_, err := client.V1Files.Create(ctx, &stripe.FileCreateParams{
				Purpose: stripe.String("dispute_evidence"), Filename: stripe.String("a.txt"), FileReader: io.NopCloser(strings.NewReader(content)),
			})
			return err
		},
	}
}

// The SDK's default logger writes to standard error.
func init() { stripe.DefaultLeveledLogger = &stripe.LeveledLogger{Level: stripe.LevelNull} }

// TestStripe_GlobalKey: the package's functions have one client and one key for
// the whole program.
func TestStripe_GlobalKey(t *testing.T) {
	s := stripeSubject
	stripe.Key = placeholder
	t.Cleanup(func() { stripe.Key = ""; stripe.SetBackend(stripe.APIBackend, nil) })
	s.own = func(_ *testing.T, c *reauth.Client, _ string) sdk {
		stripe.SetHTTPClient(c.HTTPClient())
		return sdk{call: func(ctx context.Context) (*http.Response, error) {
			_, err := customer.New(&stripe.CustomerParams{Params: stripe.Params{Context: ctx}, Name: stripe.String("Ada")})
			return nil, err
		}}
	}
	st := s.stand(t, s.openOwn, func(c *reauth.Config) { c.ReplaceHeader = true })
	st.callsWell(t)
	st.revoke()
	st.callsWell(t)
	wantRequests(t, st, 3)
	wantRepeated(t, st, 1)
}

// TestStripe_WhatItRepeats: the SDK repeats every answer that it cannot parse, a
// refusal by something on the way among them, and hardly any that it can. Each
// repeat is a request of its own to us. MaxNetworkRetries ends it.
func TestStripe_WhatItRepeats(t *testing.T) {
	t.Parallel()
	never := func(_ *testing.T, c *reauth.Client) sdk {
		config := &stripe.BackendConfig{HTTPClient: c.HTTPClient(), MaxNetworkRetries: stripe.Int64(0)}
		return stripeCalls(stripe.NewClient("", stripe.WithBackends(stripe.NewBackendsWithConfig(config))))
	}
	for name, test := range map[string]struct {
		open     func(*testing.T, *reauth.Client) sdk
		answer   http.Handler
		requests int
	}{
		"a page that refuses":                        {stripeSubject.open, authtest.LoginPage, 3},
		"a page that refuses, and MaxNetworkRetries": {never, authtest.LoginPage, 1},
		"a 503 of Stripe's own":                      {stripeSubject.open, answer(503, `{"error":{"type":"api_error"}}`), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := stripeSubject.stand(t, test.open, func(c *reauth.Config) { c.Source = auth.Static(canary) })
			st.API.RefuseNext(10, test.answer)
			if _, err := st.call(bounded(t)); err == nil || strings.Contains(err.Error(), canary) {
				t.Errorf("the error is %v", err)
			}
			wantRequests(t, st, test.requests)
		})
	}
}
