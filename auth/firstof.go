package auth

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
)

// FirstOf returns a source that asks others in order and takes the first
// credential that it gets. [MissingCredential], [EmptyCredential] and
// [SourceUnavailable] pass on to the next source; any other failure stops,
// because going on would quietly use another identity.
//
// A credential that was refused is replaced only by the source that it came
// from, for the same reason.
//
// If all pass on, the error names every place that was asked. Its cause is
// MissingCredential if one source says that it has none, whatever could not be
// reached besides: a container without a keyring is normal.
func FirstOf(sources ...Source) Source { return &firstOf{sources: sources} }

type firstOf struct {
	sources []Source
	won     atomic.Pointer[winner]
}

// A winner is the source that gave the credential in use.
type winner struct {
	source Source
	index  int
	before []Attempt // what was tried before it
}

func (f *firstOf) Credential(ctx context.Context) (*Credential, error) {
	var tried []Attempt
	var answers []*Error
	for i, src := range f.sources {
		c, err := renew(ctx, src, nil)
		if err == nil {
			f.won.Store(&winner{src, i, tried})
			return inChain(c, nil, tried)
		}
		if ctx.Err() != nil {
			return nil, err
		}
		e := AsError(err, Provenance{Kind: KindSource})
		if !passesOn(e.Cause) {
			return inChain(nil, e, tried)
		}
		tried = append(tried, e.Tried...)
		answers = append(answers, e)
	}
	return nil, nothingFound(answers, tried)
}

func (f *firstOf) Refresh(ctx context.Context, stale *Credential) (*Credential, error) {
	won := f.won.Load()
	if won == nil {
		return f.Credential(ctx)
	}
	c, err := renew(ctx, won.source, stale)
	return inChain(c, err, won.before)
}

func passesOn(c Cause) bool {
	return c == MissingCredential || c == EmptyCredential || c == SourceUnavailable
}

// inChain puts what was tried before in front of what a source itself tried.
func inChain(c *Credential, err error, before []Attempt) (*Credential, error) {
	if len(before) == 0 {
		return c, err
	}
	if e, ok := err.(*Error); ok {
		longer := *e
		longer.Tried = slices.Concat(before, e.Tried)
		return nil, &longer
	}
	if err != nil || c == nil {
		return nil, err
	}
	longer := *c
	longer.Tried = slices.Concat(before, c.Tried)
	return &longer, nil
}

// nothingFound makes one answer of those of all sources. A blank entry tells
// more than a missing one, and a missing one more than an unreachable place.
func nothingFound(answers []*Error, tried []Attempt) *Error {
	best := &Error{Cause: MissingCredential, Confidence: Certain, Evidence: []Evidence{{Source: "sources", Fact: "there is no source to ask"}}}
	rank := map[Cause]int{SourceUnavailable: 1, MissingCredential: 2, EmptyCredential: 3}
	var remedies []string
	var command string
	var evidence []Evidence
	confidence := Certain
	for i, e := range answers {
		if i == 0 || rank[e.Cause] > rank[best.Cause] {
			best = e
		}
		confidence = min(confidence, e.Confidence)
		evidence = append(evidence, e.Evidence...)
		if e.Cause != SourceUnavailable && e.Remedy.Text != "" {
			remedies = append(remedies, e.Remedy.Text)
			if command == "" {
				command = e.Remedy.Command
			}
		}
	}
	all := *best
	all.Confidence, all.Tried = confidence, tried
	if len(evidence) > 0 {
		// The fact behind the cause leads.
		first := best.Evidence[0]
		all.Evidence = append([]Evidence{first}, slices.DeleteFunc(evidence, func(e Evidence) bool { return e == first })...)
	}
	if len(remedies) > 0 {
		all.Remedy = Remedy{Text: strings.Join(remedies, ", or "), Command: command, URL: best.Remedy.URL}
	}
	return &all
}
