package auth

import (
	"context"
	"log/slog"
	"time"
)

// An Event is something that an operator may want to see, while requests still
// succeed or when they fail. It holds no secret.
type Event struct {
	Kind       EventKind
	Provenance Provenance // of the credential concerned
	Expiry     time.Time  // of that credential; zero if not stated
	Origin     string     // of the request concerned; empty if there was none
	Reason     string     // why, for those kinds that have several reasons; a few words
	Err        error      // what went wrong; nil if nothing did
	Failures   int        // failures in a row, this one included
	NextTry    time.Time  // when the source is asked again at the earliest; zero if at once
	// Took is how long the source took to answer; zero if it was not asked.
	Took time.Duration
}

// EventKind says what happened.
type EventKind string

// The kinds of event.
const (
	EventFound        EventKind = "found"          // a first credential was found
	EventRenewed      EventKind = "renewed"        // the source made a new credential, which replaced one
	EventAdopted      EventKind = "adopted"        // somebody put another credential into a variable, file or keyring; it replaced one
	EventRenewFailed  EventKind = "renew_failed"   // the source was asked and had nothing; the old credential stays in use while it is valid
	EventRecovered    EventKind = "recovered"      // after failures the source answers again, with the credential that is in use
	EventThrottled    EventKind = "throttled"      // a renewal was wanted and is not allowed yet
	EventRepeated     EventKind = "repeated"       // a refused request was sent once more with another credential
	EventRetried      EventKind = "retried"        // a request is sent once more, at NextTry, because of a failure that may pass; Reason says which
	EventRefused      EventKind = "refused"        // a definitive refusal; Err is the diagnosis
	EventPassed       EventKind = "passed_through" // a request went out without our credential; Reason says why
	EventShadowed     EventKind = "shadowed"       // a refused credential hides another one; Reason says where that is
	EventNotPersisted EventKind = "not_persisted"  // what has to outlive the program is in memory only; Reason says what
)

// LogValue gives [log/slog] the event without secrets.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", string(e.Kind))}
	if e.Provenance != (Provenance{}) {
		attrs = append(attrs, slog.String("found_in", e.Provenance.String()))
	}
	if !e.Expiry.IsZero() {
		attrs = append(attrs, slog.Time("expiry", e.Expiry))
	}
	if e.Origin != "" {
		attrs = append(attrs, slog.String("origin", e.Origin))
	}
	if e.Reason != "" {
		attrs = append(attrs, slog.String("reason", oneLine(e.Reason)))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("err", e.Err))
	}
	if e.Failures > 0 {
		attrs = append(attrs, slog.Int("failures", e.Failures))
	}
	if !e.NextTry.IsZero() {
		attrs = append(attrs, slog.Time("next_try", e.NextTry))
	}
	if e.Took > 0 {
		attrs = append(attrs, slog.Duration("took", e.Took))
	}
	return slog.GroupValue(attrs...)
}

// A Hook is told of events. It is called inline, by whoever has something to
// tell, with the context of the request or renewal concerned: it must be quick
// and safe for concurrent use. What happens at the same time may be told in any
// order, above all to a hook that is slow. A panic in it is contained and ignored.
// The nil Hook hears nothing.
type Hook func(context.Context, Event)

// Tell calls the hook, if there is one.
func (h Hook) Tell(ctx context.Context, e Event) {
	if h == nil {
		return
	}
	defer func() { _ = recover() }()
	h(ctx, e)
}
