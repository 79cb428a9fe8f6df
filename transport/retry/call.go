package retry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/internal/bodies"
	"github.com/reauth-go/reauth/internal/repeat"
	"github.com/reauth-go/reauth/internal/scrub"
)

// A call is one request with its attempts.
type call struct {
	*layer
	req *http.Request

	// Of the attempts so far.
	sent   int
	body   io.ReadCloser  // what the last one sent
	resp   *http.Response // of the last one, until it is thrown away
	err    error
	spent  bool          // the call's repeat for authentication's sake
	lasted time.Duration // the last one; zero for the first, which is not timed
	ended  time.Time     // the last one

	// Of the next one, if there is to be one.
	wanted bool
	due    time.Time

	probed bool
	gaveUp bool // though another attempt could have helped
}

// watched sends a request whose body may still be being sent when an attempt has
// ended.
func (l *layer) watched(req *http.Request) (*http.Response, error) {
	c := &call{layer: l, req: req, body: bodies.Watch(req)}
	out := req.WithContext(req.Context())
	bodies.Attach(out, c.body)
	c.took(l.next().RoundTrip(out))
	if !c.wanted {
		return c.outcome()
	}
	return c.again()
}

// again takes over after a first attempt that failed.
//
// The library keeps the loop: it counts, waits, and asks whether to go on. It
// never sees the request nor a response, of which it would buffer, drain,
// redirect or log what is not its own. It sends a probe, and the round tripper
// that it sends it through makes the real attempt.
func (c *call) again() (*http.Response, error) {
	ctx, cancel := withCancel(c.req)
	defer cancel()
	client := &retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: prober(c.probe)},
		RetryMax:     c.retries,
		CheckRetry:   func(context.Context, *http.Response, error) (bool, error) { return c.wanted, nil },
		Backoff:      func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return time.Until(c.due) },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	probe := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: "probe.invalid"}, Header: http.Header{}}
	if _, err := client.Do(&retryablehttp.Request{Request: probe.WithContext(ctx)}); err != nil {
		// The wait was cut short.
		if c.resp != nil && c.resp.Body != nil {
			_ = c.resp.Body.Close()
		}
		if ended := c.req.Context().Err(); ended != nil {
			err = ended
		}
		return nil, err
	}
	return c.outcome()
}

// withCancel returns the context of the waits, which the request's Cancel channel
// ends as well.
func withCancel(req *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(req.Context())
	//lint:ignore SA1019 whoever still uses it, as http.Client does for its Timeout, means it
	if channel := req.Cancel; channel != nil {
		go func() {
			select {
			case <-channel:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, cancel
}

// A prober is a function, and so has no CloseIdleConnections: the library calls
// that when a call fails, and would close everybody else's connections.
type prober func(*http.Request) (*http.Response, error)

func (f prober) RoundTrip(probe *http.Request) (*http.Response, error) { return f(probe) }

// probe answers the library's probes with a stand-in. The first one stands for
// the attempt that was made before.
func (c *call) probe(probe *http.Request) (*http.Response, error) {
	if c.probed {
		if err := c.send(probe.Context()); err != nil {
			return nil, err
		}
	}
	c.probed = true
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: probe}, nil
}

// send makes the next attempt with a copy of the request. Its error is that of
// the context, which is the one of the waits.
//
// A body is opened when the wait is over and the last one is closed, and no
// earlier. If that fails, the last outcome stays.
func (c *call) send(ctx context.Context) error {
	if hasBody(c.req) {
		if !bodies.Closed(ctx, c.body, bodies.Wait-time.Since(c.ended)) {
			c.wanted = false
			if err := ctx.Err(); err != nil {
				return err
			}
			c.giveUp("the request's body is still being sent")
			return nil
		}
		body, err := bodies.Reopen(c.req, c.body)
		if err != nil {
			c.wanted = false
			why := "GetBody failed"
			if errors.Is(err, bodies.ErrRewound) {
				why = err.Error()
			}
			c.giveUp(why)
			return nil
		}
		c.body = body
		c.discard(discardWait)
	}
	out := c.req
	if c.spent {
		out = repeat.Without(out)
	}
	out = out.WithContext(out.Context())
	bodies.Attach(out, c.body)
	began := time.Now()
	resp, err := c.next().RoundTrip(out)
	c.lasted = time.Since(began)
	c.took(resp, err)
	return nil
}

// took takes an attempt's outcome, and decides whether and when there is to be
// another one.
func (c *call) took(resp *http.Response, err error) {
	c.resp, c.err = resp, err
	c.sent++
	c.spent = c.spent || repeat.In(resp, err)
	c.wanted = false
	if !transient(c.req, resp, err) || err != nil && bodies.Failed(c.body) != nil {
		return
	}
	if c.sent > c.retries {
		c.giveUp("that was the last attempt")
		return
	}
	if c.lasted*time.Duration(c.sent) > maxBusy {
		c.giveUp("the attempts take too long")
		return
	}
	now := time.Now()
	c.ended = now
	wait := c.backoff(c.sent)
	if resp != nil {
		asked := retryAfter(resp.Header, now)
		if asked > c.maxRetryAfter {
			c.giveUp("Retry-After asks for a longer wait than " + c.maxRetryAfter.String())
			return
		}
		wait = max(wait, asked)
	}
	c.due = now.Add(wait)
	if deadline, ok := c.req.Context().Deadline(); ok && !c.due.Before(deadline) {
		c.giveUp("the context's deadline comes before the end of the wait")
		return
	}
	c.wanted = true
	c.tell(slog.LevelInfo, "request will be sent again", slog.Duration("wait", wait))
	c.event()
	switch {
	case !hasBody(c.req):
		c.discard(min(wait, discardWait))
	case resp != nil && !bodies.Closed(c.req.Context(), c.body, 0):
		// With net/http the sending ends when the response was read to its end.
		bodies.ReadAhead(resp)
	}
}

// discard throws the last response away.
func (c *call) discard(wait time.Duration) {
	if c.resp != nil {
		discard(c.req.Context(), c.resp.Body, wait)
	}
	c.resp = nil
}

// outcome returns what the last attempt ended in, as if it had been the only one.
func (c *call) outcome() (*http.Response, error) {
	switch {
	case c.err != nil:
		err := c.err
		if c.gaveUp && c.sent > 1 {
			err = &exhausted{err, c.sent}
		}
		if c.spent { // for another layer of this kind around us
			err = repeat.Error(err)
		}
		return nil, err
	case c.resp == nil:
		return nil, nil
	}
	// Its request is the caller's, and what is noted on that comes along.
	e, diagnosed := auth.FromResponse(c.resp)
	ctx := c.req.Context()
	if c.resp.Request != nil {
		ctx = c.resp.Request.Context()
	}
	c.resp.Request = c.req.WithContext(ctx)
	if diagnosed {
		auth.Attach(c.resp, e)
	} else if c.spent {
		repeat.Mark(c.resp)
	}
	return c.resp, nil
}

func (c *call) giveUp(why string) {
	c.gaveUp = true
	c.tell(slog.LevelWarn, "request is not sent again", slog.String("reason", why))
}

// event tells the hook of a retry.
func (c *call) event() {
	if c.hook == nil {
		return
	}
	u := c.req.URL
	e := auth.Event{Kind: auth.EventRetried, Origin: u.Scheme + "://" + u.Host, NextTry: c.due}
	if c.err != nil {
		e.Reason = loggable(c.err, u)
	} else {
		e.Reason = strings.TrimSpace(fmt.Sprintf("%d %s", c.resp.StatusCode, http.StatusText(c.resp.StatusCode)))
	}
	c.hook.Tell(c.req.Context(), e)
}

// tell logs the last outcome and what follows from it.
func (c *call) tell(level slog.Level, what string, attr slog.Attr) {
	if c.log == nil {
		return
	}
	u := c.req.URL
	shown := url.URL{Scheme: u.Scheme, Host: u.Host}
	if c.req.Response == nil { // else a server has chosen the path, and may have put a token there
		shown.Path, shown.RawPath = u.Path, u.RawPath
	}
	attrs := []slog.Attr{
		slog.String("method", cmp.Or(c.req.Method, http.MethodGet)),
		slog.String("url", shown.String()),
		slog.Int("attempts", c.sent),
		attr,
	}
	if c.err != nil {
		attrs = append(attrs, slog.String("error", loggable(c.err, u)))
	} else {
		attrs = append(attrs, slog.Int("status", c.resp.StatusCode))
	}
	c.log(c.req.Context(), level, what, attrs...)
}

// loggable returns an error's text without the URLs that clients beneath name,
// and without what is not shown of u, should it be quoted there.
func loggable(err error, u *url.URL) string {
	for found, ok := errors.AsType[*url.Error](err); ok; found, ok = errors.AsType[*url.Error](err) {
		err = found.Err
	}
	text := err.Error()
	if u.User != nil { // what is short is known by its place only
		text = strings.ReplaceAll(text, "//"+u.User.String()+"@", "//"+scrub.Masked+"@")
	}
	if u.RawQuery != "" {
		text = strings.ReplaceAll(text, "?"+u.RawQuery, "?"+scrub.Masked)
	}
	password, _ := u.User.Password()
	return scrub.New(scrub.Value{Secret: u.RawQuery}, scrub.Value{Secret: u.User.Username()}, scrub.Value{Secret: password}).Text(text)
}

// exhausted is the error of a call whose last attempt failed like others before.
type exhausted struct {
	err      error
	attempts int
}

func (e *exhausted) Error() string { return fmt.Sprintf("%v (after %d attempts)", e.err, e.attempts) }

func (e *exhausted) Unwrap() error { return e.err }

// Timeout is what the error beneath says. Callers, [url.Error] among them, ask
// the outermost error only.
func (e *exhausted) Timeout() bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](e.err)
	return ok && t.Timeout()
}

// Temporary is what the error beneath says.
func (e *exhausted) Temporary() bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](e.err)
	return ok && t.Temporary()
}
