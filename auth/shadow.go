package auth

import (
	"context"
	"os"
	"strings"
	"time"
)

// A Shadower is a source that looks at several places. The credential that it
// finds hides those in the places behind: "I stored a new key, and it still uses
// the old one".
type Shadower interface {
	Source
	// Shadowed looks at the places behind the one that gave c, and returns those
	// that hold another credential. It is called when c was refused, to explain
	// that, and must change nothing: it asks no token endpoint.
	Shadowed(ctx context.Context, c *Credential) []Attempt
}

// A Passive source can be looked at without consequences, if it says so: [Static],
// [File] and the keyring's entries do. Others may spend a refresh token when they
// are asked, or run a program: a [FirstOf] does not ask them for the sake of an
// explanation.
type Passive interface {
	Source
	Passive() bool
}

// shadowTimeout bounds all the looking: the caller waits for it, and it is only
// there to explain.
const shadowTimeout = 2 * time.Second

// Shadowed looks at what the credential of the source hides, if the source is a
// [Shadower], for two seconds at most. The second result is false if that could
// not be found out in time, or before the context ended.
func (c *Cache) Shadowed(ctx context.Context, cred *Credential) ([]Attempt, bool) {
	src, ok := c.src.(Shadower)
	if !ok {
		return nil, true
	}
	if ctx.Err() != nil {
		return nil, false
	}
	c.mu.Lock()
	if c.closed || c.abandoned >= maxAbandoned {
		c.mu.Unlock()
		return nil, false
	}
	// A context of its own, as for every other call of a source: it ends with
	// Close, and carries nothing of the caller's.
	bounded, cancel := context.WithTimeout(c.base, shadowTimeout)
	defer cancel()
	look := &look{done: make(chan struct{})}
	c.runs.Go(func() { c.look(bounded, look, src, cred) })
	c.mu.Unlock()
	select {
	case <-look.done:
		return look.found, bounded.Err() == nil
	case <-bounded.Done():
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-look.done:
		return look.found, bounded.Err() == nil
	default:
	}
	look.left = true
	c.abandoned++ // it counts like any other call that hangs
	return nil, false
}

// A look is one call of a Shadower.
type look struct {
	done  chan struct{} // closed when found is set
	found []Attempt
	left  bool // nobody waits for it any more; guarded by the cache's lock
}

func (c *Cache) look(ctx context.Context, l *look, src Shadower, cred *Credential) {
	defer func() {
		_ = recover()
		c.mu.Lock()
		defer c.mu.Unlock()
		if l.left {
			c.abandoned--
		}
		close(l.done)
	}()
	l.found = src.Shadowed(ctx, cred)
}

func (f *firstOf) Shadowed(ctx context.Context, c *Credential) []Attempt {
	behind := f.sources
	var hidden []Attempt
	if won := f.won.Load(); won != nil {
		hidden, behind = hiddenBy(ctx, won.source, c), f.sources[won.index+1:]
	}
	for _, src := range behind {
		if ctx.Err() != nil {
			break
		}
		if place, ok := src.(Passive); ok && place.Passive() {
			other, err := place.Credential(ctx)
			hidden = hides(hidden, c, other, err)
		} else {
			hidden = append(hidden, hiddenBy(ctx, src, c)...)
		}
	}
	return hidden
}

// hiddenBy looks at a source that has several places.
func hiddenBy(ctx context.Context, src Source, c *Credential) []Attempt {
	if s, ok := src.(Shadower); ok {
		return s.Shadowed(ctx, c)
	}
	return nil
}

func (e *env) Shadowed(ctx context.Context, c *Credential) []Attempt {
	var hidden []Attempt
	for _, name := range e.names {
		place := Provenance{Kind: KindEnv, Name: name}
		if value := clean(os.Getenv(name)); value != "" && place != c.Provenance {
			hidden = hides(hidden, c, &Credential{Secret: NewSecret(value), Provenance: place}, nil)
		}
		if path := clean(os.Getenv(name + "_FILE")); path != "" {
			other, err := (&file{path: path, namedBy: name + "_FILE"}).Credential(ctx)
			hidden = hides(hidden, c, other, err)
		}
	}
	return hidden
}

func (w *withUsername) Shadowed(ctx context.Context, c *Credential) []Attempt {
	if c.bare != nil {
		c = c.bare
	}
	hidden := hiddenBy(ctx, w.password, c)
	for i := range hidden {
		hidden[i].Answer = strings.Replace(hidden[i].Answer, "a different key", "a different password", 1)
	}
	return hidden
}

// hides adds the place of other, if that is another credential than the one in
// use. To say that a place holds the same would only distract.
func hides(hidden []Attempt, used, other *Credential, err error) []Attempt {
	if err != nil || other == nil || other.Secret.IsZero() || other.Same(used) {
		return hidden
	}
	return append(hidden, Attempt{Place: other.Provenance, Answer: "holds a different key, hidden by " + used.Provenance.String()})
}
