// Package e2e tries reauth against the real things: gnome-keyring on a D-Bus of
// its own, and an OpenID provider that somebody else wrote. It is a module of
// its own, outside go.work, so that users and newcomers do not download what
// only these tests need.
//
// On a laptop a test skips, with the reason, when a program that it needs is
// missing. With REAUTH_E2E=1, which .ci/run sets, it fails instead:
// a suite that skips itself in CI proves nothing.
//
//	bash .ci/run setup e2e
//
// The helpers:
//
//   - package sandbox gives a test a private home, a bare environment, and
//     processes that end with the test; the others stand on it.
//   - package realkeyring gives a test a D-Bus of its own, in each state in
//     which a user's machine can be: unlocked, locked, no service, mute, dying.
//   - package issuer runs the OpenID provider with tokens that live for seconds.
//   - package resource is an API that accepts that issuer's tokens.
//
// The tests, all in this folder:
//
//	keyring_test.go     programs that find their key in gnome-keyring, or cannot
//	renewal_test.go     traffic over tokens that live for three seconds
//	revocation_test.go  tokens and sessions that end at the issuer
//	outage_test.go      an issuer that dies, or goes mute, and comes back
//	printers_test.go    what other people's printers show of our types
//	leaks_*_test.go     secrets on every path of a call and in every exported type
//	workload_*_test.go  programs without a person: assertions and mounted secrets that
//	                    are rewritten, a private authority, a proxy and mutual TLS at once
//	grpc_test.go        real gRPC, whose credentials package transport/rpc gives
//	fips_test.go        a process in which Go allows only what FIPS 140-3 approves
//
// Package refusals is refused by nginx, Apache, a Docker registry, Squid and that
// issuer, and has each refusal explained by the transport and by the command.
// Package sdks has the same for programs that use somebody else's SDK, package
// soak runs a client at full speed and looks at what is left over.
//
// Each logs its figures: go test -v.
//
// Everything listens on loopback, on ports that the system picks, or on unix
// sockets. Every wait has a bound.
package e2e
