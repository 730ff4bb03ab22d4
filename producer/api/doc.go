// Package api is the HTTP face of Framemill: one file for each resource of the
// contract, and a base that they share.
//
// A handler reads its input with decode, asks package access whether the
// caller may, calls the store or a service below, and answers with writeJSON
// or returns an error. It never writes an error itself: errors.go alone knows
// which kind of failure is which status.
package api
