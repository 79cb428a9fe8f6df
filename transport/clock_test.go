package transport_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reauth-go/reauth/auth"
	"github.com/reauth-go/reauth/auth/authtest"
	"github.com/reauth-go/reauth/transport"
)

// dated is an answer whose Date is off by some time.
func dated(status int, off time.Duration, fields ...string) *http.Response {
	return response(status, "", append(fields, "Date", time.Now().Add(off).UTC().Format(http.TimeFormat))...)
}

// TestT59_OffsetIsLearned: T60 and T61. From answers and from refusals alike,
// never from a cache, from one wild value, or from somebody else's server.
func TestT59_OffsetIsLearned(t *testing.T) {
	const hour = time.Hour
	type step struct {
		status int
		off    time.Duration
		fields []string
		url    string
	}
	steady := func(n int, s step) []step {
		out := make([]step, n)
		for i := range out {
			out[i] = s
		}
		return out
	}
	for _, test := range []struct {
		name    string
		steps   []step
		offset  time.Duration
		samples int
	}{
		{"nothing", []step{{status: 200, fields: []string{"Date", "yesterday"}}}, 0, 0},
		{"answers", steady(3, step{status: 200, off: hour}), hour, 3},
		{"refusals", steady(3, step{status: 401, off: hour}), hour, 3},
		{"failures", steady(2, step{status: 503, off: -hour}), -hour, 2},
		{"behind", steady(5, step{status: 200, off: -hour}), -hour, 5},
		{"no more than five", steady(9, step{status: 401, off: hour}), hour, 5},
		{"cached", steady(3, step{status: 200, off: -hour, fields: []string{"Age", "3600"}}), 0, 0},
		{"cached just now", steady(3, step{status: 200, off: hour, fields: []string{"Age", "0"}}), hour, 3},
		{"one wild", append(steady(4, step{status: 200}), step{status: 401, off: 1000 * hour}), 0, 4},
		{"wild first", append([]step{{status: 401, off: -1000 * hour}}, steady(3, step{status: 200, off: hour})...), hour, 3},
		{"somebody else's", append(steady(1, step{status: 200}), steady(5, step{status: 401, off: hour, url: "https://other.example"})...), 0, 1},
		{"set right since", append(steady(5, step{status: 401, off: hour}), steady(3, step{status: 401})...), 0, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &wire{}
				tr := newTransport(t, transport.Config{Source: auth.Static("sesame-key-1"), Base: w})
				for _, s := range test.steps {
					w.answer = func(int, sent) (*http.Response, error) {
						if len(s.fields) > 0 && s.fields[0] == "Date" {
							return response(s.status, "", s.fields...), nil
						}
						return dated(s.status, s.off, s.fields...), nil
					}
					url := s.url
					if url == "" {
						url = acme
					}
					fetch(t, tr, newRequest(t, http.MethodGet, url, nil))
					time.Sleep(1234 * time.Millisecond)
				}
				offset, samples := tr.ClockOffset()
				if (offset - test.offset).Abs() > time.Second {
					t.Errorf("offset %s, want %s", offset, test.offset)
				}
				wantEqual(t, "samples that agree", samples, test.samples)
			})
		})
	}
}

// TestClockKeepsLookingNowAndThen: accepted answers are looked at five times,
// then each 256th, because reading a date costs as much as all the rest.
func TestClockKeepsLookingNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		off := time.Duration(0)
		w := &wire{answer: func(int, sent) (*http.Response, error) { return dated(200, off), nil }}
		tr := newTransport(t, transport.Config{Source: values("T1"), Base: w})
		for i := range 256 * 3 {
			if i == 5 {
				off = time.Hour
			}
			fetch(t, tr, newRequest(t, http.MethodGet, acme, nil))
		}
		if offset, samples := tr.ClockOffset(); (offset-time.Hour).Abs() > time.Second || samples != 3 {
			t.Errorf("offset %s by %d samples after three late looks", offset, samples)
		}
	})
}

// TestT59_SkewIsReported: the local clock is an hour slow, and the diagnosis of
// a refusal says so, with the size.
func TestT59_SkewIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := inBubble()
		cfg.ClockOffset, cfg.Keys = time.Hour, []authtest.Key{{Value: "sesame-key-1"}}
		srv := authtest.NewServer(cfg)
		defer srv.Close()
		tr := against(t, srv, transport.Config{Source: auth.Static("sesame-key-1")})
		for range 3 {
			wantStatus(t, get(t, tr, srv), 200)
		}
		srv.API.RefuseNext(1, authtest.InvalidToken)
		e := get(t, tr, srv).diagnosis()
		if e == nil || !strings.Contains(e.Explain(), "60 minutes behind the server") {
			t.Errorf("the skew is not reported:\n%s", e.Explain())
		}
	})
}
