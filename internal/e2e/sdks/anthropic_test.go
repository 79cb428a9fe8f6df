package sdks_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
)

// docs/sdks.md
var anthropicConfig = reauth.Config{Name: "anthropic", BaseURL: "https://api.anthropic.com", Scheme: auth.APIKeyHeader("X-Api-Key")}

func newAnthropic(client *reauth.Client) anthropic.Client {
	return anthropic.NewClient(option.WithoutEnvironmentDefaults(), option.WithHTTPClient(client.HTTPClient()))
}

// end

var anthropicSubject = subject{
	config: anthropicConfig,
	open:   func(_ *testing.T, c *reauth.Client) sdk { return anthropicCalls(newAnthropic(c)) },
	own: func(_ *testing.T, c *reauth.Client, key string) sdk {
		return anthropicCalls(anthropic.NewClient(option.WithAPIKey(key), option.WithHTTPClient(c.HTTPClient())))
	},
	answer:         `{"id":"msg-1","type":"message","role":"assistant","model":"test","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}`,
	refusal:        `{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}`,
	pieces:         [2]string{delta("one"), delta("two")},
	parts:          [2]string{"one", "two"},
	leavesResponse: true,
	on503:          2,
	onUnsent:       3,
}

func delta(text string) string {
	return "event: content_block_delta\n" + `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"` + text + `"}}` + "\n\n"
}

func TestAnthropic(t *testing.T) { prove(t, anthropicSubject) }

func anthropicCalls(client anthropic.Client) sdk {
	message := anthropic.MessageNewParams{
		Model: "claude-test", MaxTokens: 16,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("hello"))},
	}
	return sdk{
		call: func(ctx context.Context) (*http.Response, error) {
			_, err := client.Messages.New(ctx, message)
			if e, ok := errors.AsType[*anthropic.Error](err); ok {
				return e.Response, err
			}
			return nil, err
		},
		stream: func(ctx context.Context) (func() (string, error), error) {
			stream := client.Messages.NewStreaming(ctx, message)
			return func() (string, error) {
				if !stream.Next() {
					return "", errors.Join(stream.Err(), stream.Close(), io.EOF)
				}
				return stream.Current().Delta.Text, nil
			}, stream.Err()
		},
		upload: func(ctx context.Context, body io.ReadCloser, _ int64) error {
			return client.Post(ctx, "v1/files", body, nil, option.WithHeader("Content-Type", "application/octet-stream"))
		},
		file: func(ctx context.Context, content string) error {
			_, err := client.Files.Upload(ctx, anthropic.FileUploadParams{File: strings.NewReader(content)})
			return err
		},
	}
}

// TestAnthropic_BearerTokens: the same API takes OAuth tokens in Authorization.
// Nothing but the scheme changes.
func TestAnthropic_BearerTokens(t *testing.T) {
	t.Parallel()
	s := anthropicSubject
	s.config.Scheme = nil
	s.own = func(_ *testing.T, c *reauth.Client, key string) sdk {
		return anthropicCalls(anthropic.NewClient(option.WithAuthToken(key), option.WithHTTPClient(c.HTTPClient())))
	}
	t.Run("L1_L2_RevokedToken", s.revokedToken)
	t.Run("OwnKeyIsReplaced", s.ownKeyIsReplaced)
	t.Run("L13_OwnKeyPassesThrough", s.ownKeyPassesThrough)
}
