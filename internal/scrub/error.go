package scrub

import (
	"errors"
	"net/url"
	"slices"
)

// Error returns err as it is if neither its text nor that of an error within it
// is changed by clean. Otherwise it returns an error with a clean text, which
// passes questions on to err and shows no part of it that could print.
func Error(err error, clean func(string) string) error {
	if !shows(err, clean) {
		return err
	}
	if u, ok := err.(*url.Error); ok { // which callers look for by its type
		return &url.Error{Op: u.Op, URL: clean(u.URL), Err: Error(u.Err, clean)}
	}
	return &hidden{func() error { return err }, clean}
}

// shows reports whether clean has something to mask at any depth.
func shows(err error, clean func(string) string) bool {
	if err == nil {
		return false
	}
	if text := err.Error(); clean(text) != text {
		return true
	}
	return within(err, func(e error) bool { return shows(e, clean) })
}

// within asks for each error that err wraps.
func within(err error, ask func(error) bool) bool {
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		return ask(x.Unwrap())
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(x.Unwrap(), ask)
	}
	return false
}

type hidden struct {
	err   func() error // printers that work by reflection do not look into it
	clean func(string) string
}

func (h *hidden) Error() string { return h.clean(h.err().Error()) }

func (h *hidden) Is(target error) bool { return errors.Is(h.err(), target) }

// As finds errors beneath that show no secret. Of a url.Error, which names the
// URL, it gives a copy that does not.
func (h *hidden) As(target any) bool {
	u, ok := target.(**url.Error)
	if !ok {
		return h.asSilent(h.err(), target)
	}
	var found *url.Error
	if !errors.As(h.err(), &found) {
		return false
	}
	*u = &url.Error{Op: found.Op, URL: h.clean(found.URL), Err: Error(found.Err, h.clean)}
	return true
}

func (h *hidden) asSilent(err error, target any) bool {
	if err == nil {
		return false
	}
	if !shows(err, h.clean) {
		return errors.As(err, target)
	}
	return within(err, func(e error) bool { return h.asSilent(e, target) })
}

// Timeout and Temporary make it a [net.Error] as the one beneath is.
func (h *hidden) Timeout() bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](h.err())
	return ok && t.Timeout()
}

// Temporary is part of net.Error.
func (h *hidden) Temporary() bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](h.err())
	return ok && t.Temporary()
}
