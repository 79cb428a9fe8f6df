// Package sdks has no code of its own. Its tests put reauth under SDKs that
// other people wrote, with the lines that docs/sdks.md shows, against a stand-in
// for each provider: the SDKs believe that they speak to the real hosts.
//
// What every SDK has to show is in util_test.go, and what each one is like in a
// file of its own. Package widgets is what oapi-codegen made of openapi.yaml.
package sdks
