package fanout_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/tests/program"
)

const (
	pairs = 3
	// maxRatio is what two consumers may take of the time of one.
	maxRatio = 0.65
	// minShare is the least share of the units that each of two consumers does.
	minShare = 0.30
)

// TestTwoConsumersShareTheWork measures the same ingest with one consumer and
// with two, in turns, so that what else the machine does falls on both.
func TestTwoConsumersShareTheWork(t *testing.T) {
	program.Proof(t)
	share := proofShare(t)
	var one, two []time.Duration
	for range pairs {
		one = append(one, measure(t, share, 1))
		two = append(two, measure(t, share, 2))
	}
	ratio := float64(median(two)) / float64(median(one))
	t.Logf("%d pictures: one consumer %v, two consumers %v; medians %s and %s, ratio %.2f",
		proofFiles, rounded(one), rounded(two), median(one).Round(time.Millisecond), median(two).Round(time.Millisecond), ratio)
	if ratio > maxRatio {
		t.Errorf("two consumers take %.2f of the time of one, want at most %.2f", ratio, maxRatio)
	}
}

// measure runs the ingest on a fresh fleet.
func measure(t *testing.T, share string, consumers int) (took time.Duration) {
	t.Run("consumers", func(t *testing.T) {
		r := newRig(t, share, consumers, 1)
		task, request := r.start(t)
		units := r.await(t, request)
		took = r.took(t, request)
		by := map[string]int{}
		for _, u := range units {
			if u.state == pipeline.UnitDone {
				by[u.worker]++
			}
		}
		t.Logf("%d consumers: %s, %d units, by consumer %v; on average %.2f units were at work",
			consumers, took.Round(time.Millisecond), len(units), by, r.atWork(t).Seconds()/took.Seconds())
		for _, p := range r.Consumers {
			if n := by[workerOf(t, p)]; float64(n) < minShare*float64(len(units)) {
				t.Errorf("a consumer did %d of %d units, want at least %.0f %%", n, len(units), 100*minShare)
			}
		}
		r.check(t, task)
	})
	return took
}

// atWork sums how long the consumers of a rig were at work on units, which their
// logs tell.
func (r *rig) atWork(t *testing.T) (sum time.Duration) {
	t.Helper()
	ended := regexp.MustCompile(`verdict=done took=(\S+)`)
	for _, p := range r.Consumers {
		for _, m := range ended.FindAllStringSubmatch(p.Log(), -1) {
			took, err := time.ParseDuration(m[1])
			if err != nil {
				t.Fatal(err)
			}
			sum += took
		}
	}
	return sum
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func rounded(d []time.Duration) []time.Duration {
	out := make([]time.Duration, len(d))
	for i := range d {
		out[i] = d[i].Round(10 * time.Millisecond)
	}
	return out
}
