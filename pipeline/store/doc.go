// Package store keeps everything that must not be lost: all SQL of Framemill,
// for Postgres and SQLite alike, one file per noun.
//
// Queries are written once. They use ? for parameters and {now} for the
// database's clock in microseconds, the only clock that decides anything.
// Exported methods of DB open a transaction; methods of Tx run inside one.
// Every write on behalf of a unit goes through DB.Fenced.
package store
