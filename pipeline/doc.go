// Package pipeline holds the nouns of Framemill: tasks and their data, frames,
// segments and jobs, the requests that clients poll and the units that workers
// run. It knows no database, no queue and no HTTP, and every other package
// imports it.
package pipeline
