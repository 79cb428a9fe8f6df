package auth

import (
	"context"
	"sync/atomic"
)

// A Recorder keeps the last diagnosis made for the requests of a context. It is
// for calls through code that leaves neither the response to ask
// ([FromResponse]) nor an error that holds the diagnosis:
//
//	var rec auth.Recorder
//	page, err := sdk.List(auth.WithRecorder(ctx, &rec))
//	if e := rec.Last(); err != nil && e != nil {
//		fmt.Fprint(os.Stderr, e.Explain())
//	}
//
// The zero value is ready. It is safe for concurrent use; use one for each call.
type Recorder struct{ last atomic.Pointer[Error] }

// Last returns the last diagnosis, nil if there was none. A later request that
// succeeds does not take it away.
func (r *Recorder) Last() *Error { return r.last.Load() }

type recorderKey struct{}

// WithRecorder returns a context whose requests leave their diagnosis in r.
func WithRecorder(ctx context.Context, r *Recorder) context.Context {
	return context.WithValue(ctx, recorderKey{}, r)
}

// Record leaves e with the recorder of the context, if it has one. It is for
// what diagnoses; programs read with [Recorder.Last].
func Record(ctx context.Context, e *Error) {
	if r, ok := ctx.Value(recorderKey{}).(*Recorder); ok && r != nil && e != nil {
		r.last.Store(e)
	}
}
