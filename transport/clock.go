package transport

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	clockSamples = 5
	// clockEvery says which accepted responses are looked at once there are
	// enough samples. Reading a date costs as much as all the rest.
	clockEvery = 256
	// clockAgree is how far samples may differ and still confirm each other:
	// Date has whole seconds (RFC 9110 section 6.6.1), and networks have delays.
	clockAgree = 3 * time.Second
)

// clock learns how far the server's clock is from this machine's, from the Date
// of its responses. What it learns is reported and never used to stretch the
// life of a credential.
type clock struct {
	seen atomic.Uint32

	mu      sync.Mutex
	samples []time.Duration // the last ones, server minus local
}

// wants reports whether the next accepted response should be looked at.
func (c *clock) wants() bool {
	n := c.seen.Add(1)
	return n <= clockSamples || n%clockEvery == 0
}

// learn takes the Date of a response, unless a cache has kept it.
func (c *clock) learn(h http.Header, now time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || h.Get("Age") != "" && h.Get("Age") != "0" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// Half a second, because Date is cut to whole ones.
	c.samples = append(c.samples, date.Add(time.Second/2).Sub(now.Round(0)))
	if n := len(c.samples); n > clockSamples {
		c.samples = slices.Delete(c.samples, 0, n-clockSamples)
	}
}

// offset returns the median of the samples and how many of them agree with it.
func (c *clock) offset() (time.Duration, int) {
	c.mu.Lock()
	sorted := slices.Sorted(slices.Values(c.samples))
	c.mu.Unlock()
	if len(sorted) == 0 {
		return 0, 0
	}
	median, agree := sorted[len(sorted)/2], 0
	for _, s := range sorted {
		if (s - median).Abs() <= clockAgree {
			agree++
		}
	}
	return median, agree
}
