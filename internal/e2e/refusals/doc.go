// Package refusals has no code of its own. Its tests are refused by servers that
// other people wrote (nginx, Apache, a Docker registry, Squid, an OpenID
// provider) and want each refusal explained twice, with the same answer: by the
// transport, which was there, and by the command `reauth explain`, which is
// given what curl saved.
//
// A case is one refusal: what is sent, what is asked for, and the cause that is
// right. Where the two answers cannot be the same, because one side knows what
// the other does not, the case says so in words; a difference that is gone fails
// as well.
//
//	servers_test.go  nginx, Apache, the registries and Squid, each in a folder of its own
//	table_test.go    what a case is, and how both sides are asked
//	command_test.go  curl, and the command that is built for this
//	*_test.go        the cases, one file for each server
package refusals
