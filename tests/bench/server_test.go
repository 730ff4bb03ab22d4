// Package bench_test measures the whole program as its users meet it, and
// holds what it measures against the limits that the product promises. The
// figures count on a machine that does nothing else.
package bench_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"framemill/tests/account"
	"framemill/tests/program"
	"framemill/tests/services"
)

// way is one of the two ways to run.
type way struct {
	name string
	// start returns a running server, its books, and the address of its Redis,
	// which is empty if it is inside the process.
	start func(b *testing.B, c program.Config) (s *program.Server, books *account.Books, redis string)
}

var ways = []way{{"embedded", embedded}, {"services", onServices}}

func embedded(b *testing.B, c program.Config) (*program.Server, *account.Books, string) {
	b.Helper()
	s := program.Up(b, c)
	return s, account.Open(b, s.Config.Data, ""), ""
}

// onServices is one producer and one consumer on a Redis and a Postgres.
func onServices(b *testing.B, c program.Config) (*program.Server, *account.Books, string) {
	b.Helper()
	redis := services.Redis(b)
	c.RedisURL = "redis://" + redis + "/0"
	f := program.StartFleet(b, c, 1, 1)
	awaitJoined(b, f.Consumers[0])
	return f.Producers[0], account.Open(b, f.Config.Data, f.Config.DatabaseURL), redis
}

// awaitJoined waits until a consumer takes work.
func awaitJoined(b *testing.B, consumer *program.Process) {
	b.Helper()
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(consumer.Log(), "consumer ready") {
		if time.Now().After(deadline) {
			b.Fatal("the consumer has not joined")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// quantile returns the smallest value that so many of the values do not exceed.
func quantile(d []time.Duration, q float64) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[max(0, int(math.Ceil(q*float64(len(d))))-1)]
}

func median(d []time.Duration) time.Duration { return quantile(d, 0.5) }
