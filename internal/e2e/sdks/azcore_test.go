package sdks_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
)

// docs/sdks.md
var azureConfig = reauth.Config{Name: "azure", BaseURL: "https://management.azure.com"}

func newAzure(client *reauth.Client) (*arm.Client, error) {
	options := &arm.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: client.HTTPClient()}}
	return arm.NewClient("example", "v1.0.0", nil, options) // nil: no credential of the SDK's own
}

// end

var azureSubject = subject{
	config: azureConfig,
	open:   func(t *testing.T, c *reauth.Client) sdk { return azureCalls(t)(newAzure(c)) },
	// Whatever the key is, the SDK's fake credential is always the same.
	own: func(t *testing.T, c *reauth.Client, _ string) sdk {
		options := &arm.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: c.HTTPClient()}}
		return azureCalls(t)(arm.NewClient("example", "v1.0.0", &fake.TokenCredential{}, options))
	},
	answer:         `{"id":"/subscriptions/1"}`,
	refusal:        `{"error":{"code":"InvalidAuthenticationToken","message":"The access token is invalid."}}`,
	pieces:         [2]string{"one", "two"},
	parts:          [2]string{"one", "two"},
	leavesResponse: true,
	rewinds:        true,
	on503:          2,
	onUnsent:       1,
}

func TestAzure(t *testing.T) { prove(t, azureSubject) }

func azureCalls(t *testing.T) func(*arm.Client, error) sdk {
	return func(client *arm.Client, err error) sdk {
		if err != nil {
			t.Fatal(err)
		}
		do := func(ctx context.Context, prepare func(*policy.Request) error) (*http.Response, error) {
			// The SDK's own pauses are seconds long.
			ctx = policy.WithRetryOptions(ctx, policy.RetryOptions{RetryDelay: 1})
			req, err := runtime.NewRequest(ctx, http.MethodPut, runtime.JoinPaths(client.Endpoint(), "/subscriptions/1"))
			if err != nil {
				return nil, err
			}
			if err := prepare(req); err != nil {
				return nil, err
			}
			resp, err := client.Pipeline().Do(req)
			if err != nil {
				return nil, err
			}
			if !runtime.HasStatusCode(resp, http.StatusOK) {
				return nil, runtime.NewResponseError(resp)
			}
			return resp, nil
		}
		return sdk{
			call: func(ctx context.Context) (*http.Response, error) {
				resp, err := do(ctx, func(req *policy.Request) error { return runtime.MarshalAsJSON(req, map[string]string{"tag": "value"}) })
				if e, ok := errors.AsType[*azcore.ResponseError](err); ok {
					return e.RawResponse, err
				}
				return resp, err
			},
			stream: func(ctx context.Context) (func() (string, error), error) {
				resp, err := do(ctx, func(req *policy.Request) error { runtime.SkipBodyDownload(req); return nil })
				if err != nil {
					return nil, err
				}
				return parts(resp.Body, [2]string{"one", "two"}), nil
			},
			upload: func(ctx context.Context, body io.ReadCloser, size int64) error {
				_, err := do(ctx, func(req *policy.Request) error {
					return req.SetBody(&rewound{ReadCloser: body, size: size}, "application/octet-stream")
				})
				return err
			},
			file: func(ctx context.Context, content string) error {
				_, err := do(ctx, func(req *policy.Request) error {
					return req.SetBody(streaming.NopCloser(strings.NewReader(content)), "application/octet-stream")
				})
				return err
			},
		}
	}
}

// A rewound is a body that the SDK may measure and rewind, and that can be read
// once nevertheless.
type rewound struct {
	io.ReadCloser
	size int64
}

func (r *rewound) Seek(_ int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return r.size, nil
	}
	return 0, nil
}

// TestAzure_ClaimsAreNotRepeated: a claims challenge makes the SDK ask its
// credential again and repeat the request. Without one it does not.
func TestAzure_ClaimsAreNotRepeated(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		open     func(*testing.T, *reauth.Client) sdk
		requests int
	}{
		"as on the page":    {azureSubject.open, 1},
		"a fake credential": {azureSubject.openOwn, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := azureSubject.stand(t, test.open, func(c *reauth.Config) { c.ReplaceHeader = true })
			st.Set(func(c *authtest.Config) { c.Refusal = authtest.InsufficientClaims })
			st.API.RefuseNext(10, nil)
			var rec auth.Recorder
			if _, err := st.call(auth.WithRecorder(bounded(t), &rec)); err == nil {
				t.Error("there is no error")
			}
			wantRequests(t, st, test.requests)
			if e := rec.Last(); e == nil || e.Step() != auth.StepConsult {
				t.Errorf("the recorder has %v", e)
			}
		})
	}
}
