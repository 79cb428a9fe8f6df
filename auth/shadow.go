package auth

import (
	"context"
	"os"
	"time"
)

// A Shadower is a source that looks at several places. The credential that it
// finds hides those in the places behind: "I stored a new key, and it still uses
// the old one".
type Shadower interface {
	Source
	// Shadowed asks the places behind the one that gave c, and returns those that
	// hold another credential. It is called when c was refused, and changes
	// nothing.
	Shadowed(ctx context.Context, c *Credential) []Attempt
}

// shadowTimeout bounds all the asking: the caller waits for it, and it is only
// there to explain.
const shadowTimeout = 2 * time.Second

// Shadowed asks the source what its credential hides, if it is a [Shadower], for
// two seconds at most.
func (c *Cache) Shadowed(ctx context.Context, cred *Credential) []Attempt {
	src, ok := c.src.(Shadower)
	if !ok || ctx.Err() != nil {
		return nil
	}
	c.mu.Lock()
	if c.closed || c.abandoned >= maxAbandoned {
		c.mu.Unlock()
		return nil
	}
	// A context of its own, as for every other call of a source: it ends with
	// Close, and carries nothing of the caller's.
	bounded, cancel := context.WithTimeout(c.base, shadowTimeout)
	answer := make(chan []Attempt, 1)
	c.runs.Go(func() {
		var found []Attempt
		defer func() { _ = recover(); answer <- found }()
		found = src.Shadowed(bounded, cred)
	})
	c.mu.Unlock()
	defer cancel()
	select {
	case found := <-answer:
		return found
	case <-bounded.Done():
	case <-ctx.Done():
	}
	return nil
}

func (f *firstOf) Shadowed(ctx context.Context, c *Credential) []Attempt {
	won := f.won.Load()
	if won == nil {
		return nil
	}
	var hidden []Attempt
	if s, ok := won.source.(Shadower); ok {
		hidden = s.Shadowed(ctx, c)
	}
	for _, src := range f.sources[won.index+1:] {
		if ctx.Err() != nil {
			return hidden
		}
		other, err := src.Credential(ctx)
		hidden = hides(hidden, c, other, err)
	}
	return hidden
}

func (e *env) Shadowed(ctx context.Context, c *Credential) []Attempt {
	var hidden []Attempt
	for _, name := range e.names {
		place := Provenance{Kind: KindEnv, Name: name}
		if value := clean(os.Getenv(name)); value != "" {
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
	s, ok := w.password.(Shadower)
	if !ok || c == nil || c.bare == nil {
		return nil
	}
	return s.Shadowed(ctx, c.bare)
}

// hides adds the place of other, if that is another credential than the one in
// use.
func hides(hidden []Attempt, used, other *Credential, err error) []Attempt {
	if err != nil || other == nil || other.Secret.IsZero() || other.Same(used) {
		return hidden
	}
	return append(hidden, Attempt{
		Place: other.Provenance, Answer: "holds a different credential, hidden by " + used.Provenance.String(),
	})
}
