package scrub

import (
	"errors"
	"slices"
)

// Error returns err as it is if neither its text nor that of an error within it
// is changed by clean. Otherwise it returns an error with a clean text, which
// passes questions on to err and shows no part of it that could print.
func Error(err error, clean func(string) string) error {
	if !shows(err, clean) {
		return err
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

// As finds errors beneath that show no secret.
func (h *hidden) As(target any) bool { return h.asSilent(h.err(), target) }

func (h *hidden) asSilent(err error, target any) bool {
	if err == nil {
		return false
	}
	if !shows(err, h.clean) {
		return errors.As(err, target)
	}
	return within(err, func(e error) bool { return h.asSilent(e, target) })
}
