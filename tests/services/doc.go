// Package services gives tests the real Postgres and Redis, and an S3 server. A
// test asks for what it needs and gets something of its own: a fresh database
// cloned from a migrated template, or a Redis or a bucket that nobody else uses.
//
// One Postgres is started for each test process on first use, or for a whole
// run by tools/with-services, which names it in FRAMEMILL_TEST_POSTGRES. What
// was started ends with the process that started it, however that ends.
package services
