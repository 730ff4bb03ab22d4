// Package chores does what no request asks for: it collects blobs that no row
// names, and clears away rows that have served their time.
package chores
