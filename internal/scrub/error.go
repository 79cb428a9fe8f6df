package scrub

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
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

// As finds errors beneath that show no secret. Of one that does it gives a copy
// without, if it is of a type that programs decide by: a name that does not exist
// and a certificate that is not trusted do not become failures that may pass.
func (h *hidden) As(target any) bool {
	switch to := target.(type) {
	case **url.Error:
		return as(h, to, func(e *url.Error) *url.Error { return &url.Error{Op: e.Op, URL: h.clean(e.URL), Err: h.sub(e.Err)} })
	case **net.OpError:
		return as(h, to, func(e *net.OpError) *net.OpError {
			return &net.OpError{Op: e.Op, Net: e.Net, Source: h.addr(e.Source), Addr: h.addr(e.Addr), Err: h.sub(e.Err)}
		})
	case **net.DNSError:
		return as(h, to, func(e *net.DNSError) *net.DNSError {
			return &net.DNSError{
				UnwrapErr: h.sub(e.UnwrapErr), Err: h.clean(e.Err), Name: h.clean(e.Name), Server: h.clean(e.Server),
				IsTimeout: e.IsTimeout, IsTemporary: e.IsTemporary, IsNotFound: e.IsNotFound,
			}
		})
	// The certificates stay behind: nothing in them was looked at.
	case **tls.CertificateVerificationError:
		return as(h, to, func(e *tls.CertificateVerificationError) *tls.CertificateVerificationError {
			return &tls.CertificateVerificationError{Err: h.sub(e.Err)}
		})
	case *x509.HostnameError:
		return as(h, to, func(e x509.HostnameError) x509.HostnameError {
			var names []string
			for _, name := range e.Certificate.DNSNames {
				names = append(names, h.clean(name))
			}
			return x509.HostnameError{Certificate: &x509.Certificate{DNSNames: names, IPAddresses: e.Certificate.IPAddresses}, Host: h.clean(e.Host)}
		})
	case *x509.UnknownAuthorityError:
		return as(h, to, func(x509.UnknownAuthorityError) x509.UnknownAuthorityError { return x509.UnknownAuthorityError{} })
	case *x509.CertificateInvalidError:
		return as(h, to, func(e x509.CertificateInvalidError) x509.CertificateInvalidError {
			return x509.CertificateInvalidError{Reason: e.Reason, Detail: h.clean(e.Detail)}
		})
	}
	return h.asSilent(h.err(), target)
}

// as gives out the first error of a type, or a copy of it if it shows a secret.
func as[E error](h *hidden, to *E, silent func(E) E) bool {
	found, ok := errors.AsType[E](h.err())
	if !ok {
		return false
	}
	if shows(found, h.clean) {
		if found = silent(found); shows(found, h.clean) {
			return h.asSilent(h.err(), to) // no part of it shows the secret alone
		}
	}
	*to = found
	return true
}

func (h *hidden) sub(err error) error { return Error(err, h.clean) }

func (h *hidden) addr(a net.Addr) net.Addr {
	if a == nil || h.clean(a.String()) != a.String() {
		return nil
	}
	return a
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
