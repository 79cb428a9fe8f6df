package sdks_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	restyv2 "github.com/go-resty/resty/v2"
	"resty.dev/v3"

	"github.com/reauth-go/reauth"
)

// docs/sdks.md
var restyConfig = reauth.Config{Name: "acme", BaseURL: "https://api.acme.example"}

func newResty(client *reauth.Client) *resty.Client {
	return resty.NewWithClient(client.HTTPClient()).SetBaseURL("https://api.acme.example")
}

// end

var restySubject = subject{
	config: restyConfig,
	open:   func(t *testing.T, c *reauth.Client) sdk { return restyCalls(t, newResty(c)) },
	own: func(t *testing.T, c *reauth.Client, key string) sdk {
		return restyCalls(t, newResty(c).SetAuthToken(key))
	},
	answer:         `{"name":"sprocket"}`,
	refusal:        `{"message":"the API key is not valid"}`,
	pieces:         [2]string{"one", "two"},
	parts:          [2]string{"one", "two"},
	leavesResponse: true,
	on503:          1,
	onUnsent:       1,
}

func TestResty(t *testing.T) { prove(t, restySubject) }

func restyCalls(t *testing.T, client *resty.Client) sdk {
	t.Cleanup(func() { _ = client.Close() })
	raw := func(resp *resty.Response, err error) (*http.Response, error) {
		if resp == nil {
			return nil, err
		}
		return resp.RawResponse, err
	}
	return sdk{
		call: func(ctx context.Context) (*http.Response, error) {
			return raw(client.R().SetContext(ctx).SetBody(map[string]string{"name": "sprocket"}).Post("/widgets"))
		},
		stream: func(ctx context.Context) (func() (string, error), error) {
			resp, err := client.R().SetContext(ctx).SetResponseDoNotParse(true).Get("/widgets/1/photo")
			if err != nil {
				return nil, err
			}
			return parts(resp.Body, [2]string{"one", "two"}), nil
		},
		upload: func(ctx context.Context, body io.ReadCloser, _ int64) error {
			_, err := client.R().SetContext(ctx).SetBody(body).Put("/widgets/1/photo")
			return err
		},
	}
}

// docs/sdks.md
func newRestyV2(client *reauth.Client) *restyv2.Client {
	return restyv2.NewWithClient(client.HTTPClient()).SetBaseURL("https://api.acme.example")
}

// end

func TestRestyV2(t *testing.T) {
	s := restySubject
	s.open = func(_ *testing.T, c *reauth.Client) sdk { return restyV2Calls(newRestyV2(c)) }
	s.own = func(_ *testing.T, c *reauth.Client, key string) sdk {
		return restyV2Calls(newRestyV2(c).SetAuthToken(key))
	}
	prove(t, s)
}

func restyV2Calls(client *restyv2.Client) sdk {
	return sdk{
		call: func(ctx context.Context) (*http.Response, error) {
			resp, err := client.R().SetContext(ctx).SetBody(map[string]string{"name": "sprocket"}).Post("/widgets")
			if resp == nil {
				return nil, err
			}
			return resp.RawResponse, err
		},
		stream: func(ctx context.Context) (func() (string, error), error) {
			resp, err := client.R().SetContext(ctx).SetDoNotParseResponse(true).Get("/widgets/1/photo")
			if err != nil {
				return nil, err
			}
			return parts(resp.RawBody(), [2]string{"one", "two"}), nil
		},
		// No upload: it reads every body into memory, so as to send it again.
		file: func(ctx context.Context, content string) error {
			_, err := client.R().SetContext(ctx).SetFileReader("photo", "photo.jpg", strings.NewReader(content)).Put("/widgets/1/photo")
			return err
		},
	}
}
