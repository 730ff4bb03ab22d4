// Package queue is the only door to Redis and asynq. A message on it says that
// a unit may be runnable and carries nothing else: the database is the truth,
// so whatever happens to Redis costs time and never work.
//
// A [Queue] sends messages, tells what became of one, and carries two hints
// between processes. A kick means "the database has ready units" and wakes the
// relays; a ring means "Redis has messages" and wakes the servers. Both are
// coalesced and may be lost: relays tick, and servers look at Redis every few
// seconds on their own.
//
// # Idle servers
//
// asynq polls Redis, one script call for each lane and tick. A fleet that
// polls fast enough to be prompt would keep Redis busy doing nothing, so each
// [Server] has a bell under its client: a dequeue that would find nothing waits
// in the process until a ring is heard or a few seconds have passed.
//
// # When Redis is emptied
//
// FLUSHALL, a fail-over to an empty replica or a restart without persistence
// lose the messages and the loaded scripts. The driver loads a script again
// when Redis does not know it, Send goes on working, and the reaper finds the
// lost messages by State and sends their next generation. Only the set of
// queue names, which asynq writes once a process, has to be written again:
// that is what Register is for, called from time to time.
package queue
