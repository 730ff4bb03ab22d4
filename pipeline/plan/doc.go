// Package plan holds the rules of an ingest as pure functions: which names are
// acceptable, in which order files become frames, which frames are selected,
// how they are cut into segments, chunks and units of work. Nothing here reads
// a clock, a file or a row, so that a unit that runs twice plans the same
// thing twice. Every rule is linear in its input, or sorts it once.
package plan
