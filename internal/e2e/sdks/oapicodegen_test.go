package sdks_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/internal/e2e/sdks/widgets"
)

// docs/sdks.md
var widgetsConfig = reauth.Config{Name: "acme", BaseURL: "https://api.acme.example"}

func newWidgets(client *reauth.Client) (*widgets.ClientWithResponses, error) {
	return widgets.NewClientWithResponses("https://api.acme.example", widgets.WithHTTPClient(client.HTTPClient()))
}

// end

func TestOAPICodegen(t *testing.T) {
	calls := func(client *widgets.ClientWithResponses, err error) sdk {
		if err != nil {
			t.Fatal(err)
		}
		return widgetsCalls(client)
	}
	prove(t, subject{
		config: widgetsConfig,
		open:   func(_ *testing.T, c *reauth.Client) sdk { return calls(newWidgets(c)) },
		own: func(_ *testing.T, c *reauth.Client, key string) sdk {
			return calls(widgets.NewClientWithResponses("https://api.acme.example", widgets.WithHTTPClient(c.HTTPClient()),
				widgets.WithRequestEditorFn(func(_ context.Context, req *http.Request) error {
					req.Header.Set("Authorization", "Bearer "+key)
					return nil
				})))
		},
		answer:         `{"name":"sprocket"}`,
		refusal:        `{"message":"the API key is not valid"}`,
		pieces:         [2]string{"one", "two"},
		parts:          [2]string{"one", "two"},
		leavesResponse: true,
		on503:          1,
		onUnsent:       1,
	})
}

func widgetsCalls(client *widgets.ClientWithResponses) sdk {
	return sdk{
		call: func(ctx context.Context) (*http.Response, error) {
			resp, err := client.CreateWidgetWithResponse(ctx, widgets.Widget{Name: "sprocket"})
			if resp == nil {
				return nil, err
			}
			return resp.HTTPResponse, err
		},
		stream: func(ctx context.Context) (func() (string, error), error) {
			resp, err := client.GetPhoto(ctx, "1")
			if err != nil {
				return nil, err
			}
			return parts(resp.Body, [2]string{"one", "two"}), nil
		},
		upload: func(ctx context.Context, body io.ReadCloser, _ int64) error {
			_, err := client.PutPhotoWithBodyWithResponse(ctx, "1", "application/octet-stream", body)
			return err
		},
		file: func(ctx context.Context, content string) error {
			_, err := client.PutPhotoWithBodyWithResponse(ctx, "1", "application/octet-stream", strings.NewReader(content))
			return err
		},
	}
}
