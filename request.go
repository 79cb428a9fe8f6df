package reauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/reauth-go/reauth/transport"
)

// statusBody is how much of an answer's body a StatusError keeps.
const statusBody = 4 << 10

// NewRequest returns a request for path, which is joined to the base URL's path
// and may have a query. An absolute URL is accepted if its origin is the base
// URL's, as links to a next page are. Another origin, and a path with a ".." in
// it, are errors.
//
// A body that is an [io.Reader] is sent as it is, a []byte likewise, and
// anything else but nil as JSON. A reader that is no [bytes.Buffer],
// [bytes.Reader] or [strings.Reader] cannot be sent again after a 401, unless
// the caller sets GetBody.
//
// The request has the header fields that Config.Profile asks for.
func (c *Client) NewRequest(ctx context.Context, method, path string, body any) (*http.Request, error) {
	u, err := c.join(path)
	if err != nil {
		return nil, err
	}
	var reader io.Reader
	var contentType string
	switch b := body.(type) {
	case nil:
	case io.Reader:
		reader = b
	case []byte:
		reader = bytes.NewReader(b)
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			return nil, fmt.Errorf("reauth: encoding the body of %s %s: %w", method, u.Path, err)
		}
		reader, contentType = bytes.NewReader(encoded), "application/json"
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), reader)
	if err != nil {
		return nil, fmt.Errorf("reauth: %w", err)
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	return req, nil
}

func (c *Client) join(path string) (*url.URL, error) {
	u, err := url.Parse(path)
	if err != nil {
		return nil, errors.New("reauth: the path is no URL path")
	}
	if slices.ContainsFunc(strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' || r == '\\' }), func(s string) bool { return s == ".." }) {
		return nil, errors.New("reauth: the path leaves the base URL: it has a \"..\" in it")
	}
	if u.IsAbs() || u.Host != "" {
		switch {
		case u.Scheme == "" || u.Host == "":
			return nil, errors.New("reauth: the path looks like the beginning of another URL: begin it with one slash")
		case !transport.SameOrigin(u, c.base) || u.User != nil:
			return nil, fmt.Errorf("reauth: %s://%s is not the origin of the base URL", u.Scheme, u.Host)
		}
		return u, nil
	}
	if u.Opaque != "" {
		return nil, errors.New("reauth: the path is no URL path")
	}
	joined := *c.base
	if u.Path != "" {
		escaped := strings.TrimSuffix(c.base.EscapedPath(), "/") + "/" + strings.TrimPrefix(u.EscapedPath(), "/")
		if joined.Path, err = url.PathUnescape(escaped); err != nil {
			return nil, errors.New("reauth: the path is no URL path")
		}
		joined.RawPath = escaped
	}
	joined.RawQuery = u.RawQuery
	return &joined, nil
}

// Call sends in (see [Client.NewRequest]) and decodes a JSON answer into out.
// A nil out, and an answer without a body, decode nothing. Its errors are those
// of [Client.Do], a [*StatusError] for any status that is not 2xx and no
// refusal, and what is wrong with the JSON.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	if v := reflect.ValueOf(out); out != nil && (v.Kind() != reflect.Pointer || v.IsNil()) {
		return fmt.Errorf("reauth: an answer cannot be decoded into a %T: give a pointer that is not nil", out)
	}
	req, err := c.NewRequest(ctx, method, path, in)
	if err != nil {
		return err
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 != 2 {
		return statusError(req, resp)
	}
	if out == nil {
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil && !(err == io.EOF && resp.ContentLength <= 0) {
		return c.transport.ScrubError(fmt.Errorf("%s %s answered %d with what is not the JSON expected (Content-Type %q): %w",
			req.Method, req.URL.Path, resp.StatusCode, resp.Header.Get("Content-Type"), err))
	}
	return nil
}

// A StatusError is an answer of the API that is neither success nor a refusal
// of the credential: 404, 422, 500.
type StatusError struct {
	StatusCode int
	Method     string
	URL        string      // without query
	Header     http.Header // of the response
	Body       []byte      // its beginning, at most 4 KiB, with the credential masked
}

// Error names method, URL, status and Retry-After, and quotes the beginning of the
// body if that is text.
func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s %s: %d %s", e.Method, e.URL, e.StatusCode, http.StatusText(e.StatusCode))
	if wait := e.Header.Get("Retry-After"); wait != "" && len(wait) <= len(http.TimeFormat) {
		s += fmt.Sprintf(" (Retry-After: %s)", wait)
	}
	const quoted = 200
	body := strings.Join(strings.Fields(string(e.Body[:min(len(e.Body), quoted)])), " ")
	media, _, _ := strings.Cut(e.Header.Get("Content-Type"), ";")
	if body != "" && utf8.ValidString(body) && media != "text/html" {
		s += ": " + strconv.Quote(body)
	}
	return s
}

func statusError(req *http.Request, resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, statusBody))
	shown := url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: req.URL.Path}
	e := &StatusError{StatusCode: resp.StatusCode, Method: req.Method, URL: shown.String(), Header: resp.Header.Clone()}
	// Servers echo what they were sent.
	e.Body = []byte(transport.Scrub(resp, string(body)))
	for _, values := range e.Header {
		for i, v := range values {
			values[i] = transport.Scrub(resp, v)
		}
	}
	return e
}
