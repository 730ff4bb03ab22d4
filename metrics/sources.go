package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"framemill/pipeline"
)

// Sources are what a scrape reads from the rest of the process. A nil function
// is a thing that this process does not know. The functions may hang: a scrape
// goes on without them and shows their last answer, with its age.
type Sources struct {
	// Lanes counts the open units, in every process the same: they are rows.
	Lanes func(ctx context.Context) ([]Lane, error)
	// Workers counts the live workers that serve a lane.
	Workers func(ctx context.Context, lane pipeline.Lane) (int64, error)
	// Queued counts the messages of each lane that wait for a worker.
	Queued func(ctx context.Context) (map[pipeline.Lane]int64, error)
	// Disk returns the free and the total bytes where blobs are kept.
	Disk func(ctx context.Context) (free, total int64, err error)
	// Commits counts the transactions of this process.
	Commits func() int64
}

// Lane is how many units of a lane are in a state, and since when the oldest
// of them exists.
type Lane struct {
	Lane   pipeline.Lane
	State  string // waiting, sent or running
	Units  int64
	Oldest time.Duration
}

// unitStates are the states of open units that are shown.
var unitStates = []string{"waiting", "sent", "running"}

// scrapeTime is how long a scrape waits for its sources.
const scrapeTime = 2 * time.Second

// disk is the answer of Sources.Disk.
type disk struct{ free, total int64 }

// scrape is a collector that reads the sources.
type scrape struct {
	sources Sources
	lanes   *reading[[]Lane]
	workers *reading[map[pipeline.Lane]int64]
	queued  *reading[map[pipeline.Lane]int64]
	disk    *reading[disk]

	open, oldest, live, messages *prometheus.Desc
	diskBytes, age               *prometheus.Desc
	commits                      *prometheus.Desc
}

func newScrape(s Sources, now func() time.Time) *scrape {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("framemill_"+name, help, labels, nil)
	}
	c := &scrape{
		sources:   s,
		open:      desc("units_open", "Units of work that are not done.", "lane", "state"),
		oldest:    desc("oldest_wait_seconds", "Age of the oldest unit that no worker has begun.", "lane"),
		live:      desc("workers_live", "Worker processes that beat and serve the lane.", "lane"),
		messages:  desc("messages_pending", "Messages in the queue that wait for a worker.", "lane"),
		diskBytes: desc("disk_bytes", "Bytes of the disk where blobs are kept.", "which"),
		age:       desc("source_age_seconds", "Age of what this scrape shows of a source.", "source"),
		commits:   desc("commits_total", "Transactions that this process committed."),
	}
	if s.Lanes != nil {
		c.lanes = newReading(now, s.Lanes)
	}
	if s.Workers != nil {
		c.workers = newReading(now, s.liveWorkers)
	}
	if s.Queued != nil {
		c.queued = newReading(now, s.Queued)
	}
	if s.Disk != nil {
		c.disk = newReading(now, func(ctx context.Context) (d disk, err error) {
			d.free, d.total, err = s.Disk(ctx)
			return d, err
		})
	}
	return c
}

// liveWorkers asks for every lane.
func (s Sources) liveWorkers(ctx context.Context) (map[pipeline.Lane]int64, error) {
	out := make(map[pipeline.Lane]int64)
	for _, lane := range pipeline.Lanes() {
		n, err := s.Workers(ctx, lane)
		if err != nil {
			return nil, err
		}
		out[lane] = n
	}
	return out, nil
}

// Describe implements prometheus.Collector.
func (c *scrape) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.open, c.oldest, c.live, c.messages, c.diskBytes, c.age, c.commits} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *scrape) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	// All begin before the first is waited for, so that one that hangs does
	// not cost the others their time.
	c.lanes.begin()
	c.workers.begin()
	c.queued.begin()
	c.disk.begin()

	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	perLane := func(d *prometheus.Desc, n map[pipeline.Lane]int64) {
		for _, lane := range pipeline.Lanes() {
			gauge(d, float64(n[lane]), string(lane))
		}
	}
	aged := func(source string, age time.Duration) { gauge(c.age, age.Seconds(), source) }

	if lanes, age, ok := c.lanes.wait(ctx); ok {
		c.showLanes(gauge, lanes)
		aged("lanes", age)
	}
	if n, age, ok := c.workers.wait(ctx); ok {
		perLane(c.live, n)
		aged("workers", age)
	}
	if n, age, ok := c.queued.wait(ctx); ok {
		perLane(c.messages, n)
		aged("queue", age)
	}
	if d, age, ok := c.disk.wait(ctx); ok {
		gauge(c.diskBytes, float64(d.free), "free")
		gauge(c.diskBytes, float64(d.total), "total")
		aged("disk", age)
	}
	c.showCounters(out)
}

// showLanes shows every lane and state, those with nothing in them as 0: a
// series that comes and goes cannot be alerted on.
func (c *scrape) showLanes(gauge func(*prometheus.Desc, float64, ...string), lanes []Lane) {
	units := make(map[pipeline.Lane]map[string]int64)
	oldest := make(map[pipeline.Lane]time.Duration)
	for _, l := range lanes {
		if units[l.Lane] == nil {
			units[l.Lane] = make(map[string]int64)
		}
		units[l.Lane][l.State] += l.Units
		if l.State != "running" {
			oldest[l.Lane] = max(oldest[l.Lane], l.Oldest)
		}
	}
	for _, lane := range pipeline.Lanes() {
		for _, state := range unitStates {
			gauge(c.open, float64(units[lane][state]), string(lane), state)
		}
		gauge(c.oldest, oldest[lane].Seconds(), string(lane))
	}
}

func (c *scrape) showCounters(out chan<- prometheus.Metric) {
	if c.sources.Commits != nil {
		out <- prometheus.MustNewConstMetric(c.commits, prometheus.CounterValue, float64(c.sources.Commits()))
	}
}
