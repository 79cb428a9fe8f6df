// Package fakering is where a test's keyring takes the place of the system's.
// Package auth/authtest puts one there, and package auth/keyring looks, once for
// each of its calls: where there is none, that is one atomic load.
package fakering

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// A Ring is a keyring. Calls of it may take as long as they like.
type Ring interface {
	// System is the GOOS whose limits, words and advice apply.
	System() string
	// Limit is the most bytes of a value, if it is less than the system's. Zero
	// means the system's.
	Limit() int
	// Ready returns the error that calls would end with, if that can be told
	// without a call. Interactive says that somebody can answer a prompt.
	Ready(ctx context.Context, interactive bool) error
	Get(ctx context.Context, service, account string) (value string, err error)
	Set(ctx context.Context, service, account, value string) error
	Delete(ctx context.Context, service, account string) error
}

// What a Ring's calls end with.
var (
	ErrNotFound = errors.New("there is no such entry")
	ErrLocked   = errors.New("the keyring is locked")
	ErrAbsent   = errors.New("there is no keyring")
	ErrDenied   = errors.New("the keyring refused")
)

// An Installed is a Ring in its place.
type Installed struct {
	Ring
	once sync.Once
	kept any
}

// Keep returns what create returned when it was first called, for whatever the
// user of the ring needs once for each ring.
func (i *Installed) Keep(create func() any) any {
	i.once.Do(func() { i.kept = create() })
	return i.kept
}

var current atomic.Pointer[Installed]

// Current returns the ring that takes the system's place, nil if none does.
func Current() *Installed { return current.Load() }

// Install puts r in the system's place until remove is called. It reports false
// if another one is there.
func Install(r Ring) (remove func(), ok bool) {
	i := &Installed{Ring: r}
	if !current.CompareAndSwap(nil, i) {
		return nil, false
	}
	return func() { current.CompareAndSwap(i, nil) }, true
}
