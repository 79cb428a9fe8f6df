package auth

import "time"

// SetNow replaces the clock, where a test plays a jump of the wall clock that
// the monotonic clock does not make.
func (c *Cache) SetNow(now func() time.Time) { c.now = now }

// WithLock runs f while the cache's lock is held.
func (c *Cache) WithLock(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// FileError returns what File says of path when the system says err: root is
// never denied anything, so that tests cannot always play it.
func FileError(path string, err error) error { return (&file{path: path}).failed(err) }

// MaxAbandoned is how many calls may hang.
const MaxAbandoned = maxAbandoned
