// Package dispatch keeps units moving: the relay sends ready units to the
// queue in fair order, the reaper takes them away from dead workers and finds
// lost messages, and Advancer begins the next phase of a request when one is
// through. Any process may run them; the database decides who wins.
package dispatch
