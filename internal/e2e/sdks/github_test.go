package sdks_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/reauth-go/reauth"
)

// docs/sdks.md
var githubConfig = reauth.Config{Name: "github", BaseURL: "https://api.github.com", Origins: []string{"https://uploads.github.com"}}

func newGitHub(client *reauth.Client) (*github.Client, error) {
	return github.NewClient(github.WithHTTPClient(client.HTTPClient()))
}

// end

func TestGitHub(t *testing.T) {
	calls := func(client *github.Client, err error) sdk { return githubCalls(t, client, err) }
	prove(t, subject{
		config: githubConfig,
		open:   func(_ *testing.T, c *reauth.Client) sdk { return calls(newGitHub(c)) },
		own: func(_ *testing.T, c *reauth.Client, key string) sdk {
			return calls(github.NewClient(github.WithHTTPClient(c.HTTPClient()), github.WithAuthToken(key)))
		},
		answer:         `{"number":1,"title":"broken"}`,
		refusal:        `{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}`,
		pieces:         [2]string{"one", "two"},
		parts:          [2]string{"one", "two"},
		leavesResponse: true,
		on503:          1,
		onUnsent:       1,
	})
}

func githubCalls(t *testing.T, client *github.Client, err error) sdk {
	if err != nil {
		t.Fatal(err)
	}
	return sdk{
		call: func(ctx context.Context) (*http.Response, error) {
			title := "broken"
			_, _, err := client.Issues.Create(ctx, "acme", "widgets", &github.IssueRequest{Title: &title})
			if e, ok := errors.AsType[*github.ErrorResponse](err); ok {
				return e.Response, err
			}
			return nil, err
		},
		stream: func(ctx context.Context) (func() (string, error), error) {
			req, err := client.NewRequest(ctx, http.MethodGet, "repos/acme/widgets/tarball", nil)
			if err != nil {
				return nil, err
			}
			resp, err := client.BareDo(req)
			if err != nil {
				return nil, err
			}
			return parts(resp.Body, [2]string{"one", "two"}), nil
		},
		upload: func(ctx context.Context, body io.ReadCloser, size int64) error {
			req, err := client.NewUploadRequest(ctx, "repos/acme/widgets/releases/1/assets?name=big", body, size, "application/zip")
			if err != nil {
				return err
			}
			_, err = client.Do(req, nil)
			return err
		},
		file: func(ctx context.Context, content string) error {
			path := filepath.Join(t.TempDir(), "asset")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				return err
			}
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			_, _, err = client.Repositories.UploadReleaseAsset(ctx, "acme", "widgets", 1, &github.UploadOptions{Name: "asset"}, file)
			return err
		},
	}
}
