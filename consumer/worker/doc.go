// Package worker runs units: it claims a unit, runs the stages of its message
// in a row, writes what they return in fenced transactions, and commits the
// verdict. It beats for the process, watches attempts for progress, and hands
// units back when the process stops.
package worker
