package sdks_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/reauth-go/reauth"
	"github.com/reauth-go/reauth/auth"
)

// docs/sdks.md
var openaiConfig = reauth.Config{Name: "openai", BaseURL: "https://api.openai.com", ReplaceHeader: true}

func newOpenAI(client *reauth.Client) openai.Client {
	return openai.NewClient(option.WithHTTPClient(client.HTTPClient()))
}

// end

var openaiSubject = subject{
	config: openaiConfig,
	open:   func(_ *testing.T, c *reauth.Client) sdk { return openaiCalls(newOpenAI(c)) },
	own: func(_ *testing.T, c *reauth.Client, key string) sdk {
		return openaiCalls(openai.NewClient(option.WithHTTPClient(c.HTTPClient()), option.WithAPIKey(key)))
	},
	answer:         `{"id":"chat-1","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hello"}}]}`,
	refusal:        `{"error":{"message":"Incorrect API key provided: sk-test-****ghij.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`,
	pieces:         [2]string{chunk("one"), chunk("two") + "data: [DONE]\n\n"},
	parts:          [2]string{"one", "two"},
	leavesResponse: true,
	on503:          2,
	onUnsent:       3,
}

func chunk(content string) string {
	return `data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"` + content + `"}}]}` + "\n\n"
}

func TestOpenAI(t *testing.T) { prove(t, openaiSubject) }

func openaiCalls(client openai.Client) sdk {
	chat := openai.ChatCompletionNewParams{Model: "gpt-test", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("hello")}}
	return sdk{
		call: func(ctx context.Context) (*http.Response, error) {
			_, err := client.Chat.Completions.New(ctx, chat)
			if e, ok := errors.AsType[*openai.Error](err); ok {
				return e.Response, err
			}
			return nil, err
		},
		stream: func(ctx context.Context) (func() (string, error), error) {
			stream := client.Chat.Completions.NewStreaming(ctx, chat)
			return func() (string, error) {
				if !stream.Next() {
					return "", errors.Join(stream.Err(), stream.Close(), io.EOF)
				}
				return stream.Current().Choices[0].Delta.Content, nil
			}, stream.Err()
		},
		upload: func(ctx context.Context, body io.ReadCloser, _ int64) error {
			return client.Post(ctx, "files", body, nil, option.WithHeader("Content-Type", "application/octet-stream"))
		},
		file: func(ctx context.Context, content string) error {
			_, err := client.Files.New(ctx, openai.FileNewParams{File: strings.NewReader(content), Purpose: openai.FilePurposeAssistants})
			return err
		},
	}
}

// TestOpenAI_OneVariable: the SDK reads OPENAI_API_KEY, too, and sets the header
// from it. A key that was replaced in a file behind it is the one that counts.
func TestOpenAI_OneVariable(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", canary)
	st := openaiSubject.stand(t, openaiSubject.open, func(c *reauth.Config) { c.Source = nil })
	var rec auth.Recorder
	_, err := st.call(auth.WithRecorder(bounded(t), &rec))
	e := rec.Last()
	if e == nil || e.Sent == nil || e.Sent.Provenance != (auth.Provenance{Kind: auth.KindEnv, Name: "OPENAI_API_KEY"}) {
		t.Errorf("the diagnosis does not know where the key comes from: %v", e)
	}
	wantNone(t, st, auth.EventPassed)

	// What the SDK shows of a request has its own copy of the key in it, and
	// none of ours.
	if sdkError, ok := errors.AsType[*openai.Error](err); !ok {
		t.Errorf("the SDK's error is %v", err)
	} else if dump := sdkError.DumpRequest(true); bytes.Count(dump, []byte(canary)) != 1 {
		t.Errorf("the dump of the request shows the key %d times", bytes.Count(dump, []byte(canary)))
	}
}
