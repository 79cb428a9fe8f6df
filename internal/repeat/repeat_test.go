package repeat_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/reauth-go/reauth/internal/repeat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func request(t *testing.T, ctx context.Context) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.acme.example/1", nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// TestL1_LaterHopsAndAttempts: a mark is found by every request of the call that
// comes after it, and by no other.
func TestL1_LaterHopsAndAttempts(t *testing.T) {
	first := request(t, t.Context())
	resp := &http.Response{Request: first}
	hop := func(of *http.Request) *http.Request {
		next := request(t, t.Context())
		next.Response = &http.Response{Request: of}
		return next
	}
	if repeat.In(resp, nil) || repeat.Spent(first) || repeat.Spent(hop(first)) {
		t.Error("spent before anything happened")
	}
	repeat.Mark(resp)
	marked := resp.Request
	attempt := repeat.Without(first)
	for what, got := range map[string]bool{
		"the response":             repeat.In(resp, nil),
		"its request":              repeat.Marked(marked),
		"the next hop":             repeat.Spent(hop(marked)),
		"the hop after that":       repeat.Spent(hop(hop(marked))),
		"another attempt":          repeat.Spent(attempt),
		"a copy of that":           repeat.Spent(attempt.WithContext(context.Background())),
		"a clone of that":          repeat.Spent(attempt.Clone(attempt.Context())),
		"an attempt at a hop":      repeat.Spent(repeat.Without(hop(first))),
		"an attempt at a late hop": repeat.Spent(repeat.Without(hop(marked))),
	} {
		if !got {
			t.Errorf("%s: not spent", what)
		}
	}
	for what, got := range map[string]bool{
		"the request itself":        repeat.Marked(first) || repeat.Spent(first),
		"its response's, again":     repeat.Spent(marked),
		"its context, again":        repeat.Spent(request(t, marked.Context())) || repeat.Marked(request(t, marked.Context())),
		"a clone of its response's": repeat.Marked(marked.Clone(marked.Context())),
		"the attempt's context":     repeat.Spent(request(t, attempt.Context())),
		"no response":               repeat.In(nil, nil) || repeat.In(&http.Response{}, nil),
	} {
		if got {
			t.Errorf("%s: spent", what)
		}
	}
	if first.Response != nil || attempt.URL != first.URL || attempt.Context() != first.Context() {
		t.Error("Without changed the request, or more of the copy than it says")
	}
}

// TestErrorTellsWhatItWraps: the note changes nothing that anybody asks an error.
func TestErrorTellsWhatItWraps(t *testing.T) {
	for _, err := range []error{
		io.ErrUnexpectedEOF,
		&net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded},
		&net.DNSError{Err: "try again", IsTemporary: true},
		fmt.Errorf("wrapped: %w", context.DeadlineExceeded),
	} {
		noted := repeat.Error(err)
		if !repeat.In(nil, fmt.Errorf("outer: %w", noted)) || repeat.In(nil, err) {
			t.Errorf("%v: the note is not found, or found where there is none", err)
		}
		if noted.Error() != err.Error() || !errors.Is(noted, err) {
			t.Errorf("%v became %v", err, noted)
		}
		// url.Error asks the outermost error for methods that it may have.
		before, after := &url.Error{Err: err}, &url.Error{Err: noted}
		if _, ok := err.(net.Error); ok && (before.Timeout() != after.Timeout() || before.Temporary() != after.Temporary()) {
			t.Errorf("%v: Timeout %v, Temporary %v", err, after.Timeout(), after.Temporary())
		}
		_, was := errors.AsType[*net.OpError](err)
		if _, is := errors.AsType[*net.OpError](noted); is != was {
			t.Errorf("%v: errors.As finds other things", err)
		}
	}
}
