// Package metrics counts what Framemill does and shows it to Prometheus.
//
// Other packages know nothing of Prometheus: they declare small observer
// interfaces, which a *Registry satisfies. Every label is of a closed set, so
// that the number of series is fixed, whatever clients send.
//
// The dashboard and the alerts that belong to these metrics lie beside the
// code, in dashboards/ and alerts/.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"framemill/pipeline"
)

// Registry holds the metrics of one process. Its methods may be called from
// any goroutine and never block.
type Registry struct {
	now     func() time.Time
	reg     *prometheus.Registry
	kinds   closedSet
	lanes   closedSet
	quality closedSet
	verdict closedSet
	write   closedSet
	outcome closedSet

	units      *prometheus.CounterVec
	refused    *prometheus.CounterVec
	unitTime   *prometheus.HistogramVec
	kindTime   *prometheus.CounterVec
	chunkTime  *prometheus.HistogramVec
	chunkBytes *prometheus.CounterVec
	deliveries *prometheus.CounterVec
	sendTime   prometheus.Counter
	requests   *prometheus.CounterVec
	answerTime *prometheus.HistogramVec
	bytesIn    prometheus.Counter
	bytesOut   prometheus.Counter
	inFlight   prometheus.Gauge
}

// New returns the metrics of a process. What sources offers is read at each
// scrape; version is that of the build.
func New(version string, now func() time.Time, sources Sources) *Registry {
	m := &Registry{
		now:     now,
		reg:     prometheus.NewRegistry(),
		kinds:   setOf(pipeline.MessageKinds()...),
		lanes:   setOf(pipeline.Lanes()...),
		quality: setOf(pipeline.Compressed, pipeline.Original, pipeline.Preview),
		verdict: setOf("done", "again", "released", "failed", "stale"),
		write:   setOf("commit", "lease"),
		outcome: setOf("done", "again", "failed"),
	}
	m.defineWork()
	m.defineHTTP()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "framemill_build_info", Help: "Always 1; the label says which build runs.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.reg.MustRegister(build, newScrape(sources, now),
		// The memory statistics of the collector are 24 series that the
		// dashboard does not show; resident memory is among the process's.
		collectors.NewGoCollector(collectors.WithGoCollectorMemStatsMetricsDisabled()),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// defineWork makes what a worker reports.
func (m *Registry) defineWork() {
	m.units = m.counters("framemill_units_ended_total", "Attempts at units of work that ended.", "kind", "verdict")
	m.refused = m.counters("framemill_stale_writes_refused_total", "Writes of lost attempts that were refused.", "write")
	for write := range m.write {
		m.refused.WithLabelValues(write) // shown as 0 before the first
	}
	m.kindTime = m.counters("framemill_unit_busy_seconds_total", "Time spent on units of work.", "kind")
	m.unitTime = m.histograms("framemill_unit_seconds", "How long attempts at units of work took.",
		[]float64{0.1, 0.5, 2, 10, 60}, "lane")
	m.chunkTime = m.histograms("framemill_chunk_seconds", "How long building a chunk took.",
		[]float64{0.05, 0.25, 1, 5, 20}, "quality")
	m.chunkBytes = m.counters("framemill_chunk_bytes_total", "Bytes of the chunks that were built.", "quality")
	m.deliveries = m.counters("framemill_webhook_attempts_total",
		"Attempts to send to webhooks: done, again (another follows) or failed.", "outcome")
	m.sendTime = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "framemill_webhook_busy_seconds_total", Help: "Time spent on attempts to send to webhooks.",
	})
	m.reg.MustRegister(m.sendTime)
}

// defineHTTP makes what the middleware reports.
func (m *Registry) defineHTTP() {
	m.requests = m.counters("framemill_http_requests_total", "Requests that were answered.", "route", "status")
	m.answerTime = m.histograms("framemill_http_seconds", "How long requests took, from first to last byte.",
		[]float64{0.01, 0.1, 1, 10}, "route")
	sent := m.counters("framemill_http_bytes_total", "Bytes of bodies that came in and went out.", "direction")
	m.bytesIn, m.bytesOut = sent.WithLabelValues("in"), sent.WithLabelValues("out")
	m.inFlight = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "framemill_http_in_flight", Help: "Requests being answered now.",
	})
	m.reg.MustRegister(m.inFlight)
}

func (m *Registry) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.reg.MustRegister(c)
	return c
}

func (m *Registry) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.reg.MustRegister(h)
	return h
}

// Handler serves the metrics in the formats that Prometheus reads. It answers
// within seconds even if a source hangs.
func (m *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
}

// UnitEnded counts one attempt at a unit and how it ended: done, again,
// released, failed or stale.
func (m *Registry) UnitEnded(kind pipeline.MessageKind, lane pipeline.Lane, verdict string, took time.Duration) {
	k := m.kinds.label(string(kind))
	m.units.WithLabelValues(k, m.verdict.label(verdict)).Inc()
	m.kindTime.WithLabelValues(k).Add(max(0, took.Seconds()))
	m.unitTime.WithLabelValues(m.lanes.label(string(lane))).Observe(took.Seconds())
}

// WriteRefused counts one write that was refused because its attempt had lost
// the unit: the commit of its results, or the renewal of its lease.
func (m *Registry) WriteRefused(write string) {
	m.refused.WithLabelValues(m.write.label(write)).Inc()
}

// DeliveryEnded counts one attempt to send to a webhook: done, again or failed.
func (m *Registry) DeliveryEnded(outcome string, took time.Duration) {
	m.deliveries.WithLabelValues(m.outcome.label(outcome)).Inc()
	m.sendTime.Add(max(0, took.Seconds()))
}

// ChunkBuilt counts one chunk, or one preview, that was built and stored.
func (m *Registry) ChunkBuilt(q pipeline.Quality, took time.Duration, bytes int64) {
	l := m.quality.label(string(q))
	m.chunkTime.WithLabelValues(l).Observe(took.Seconds())
	m.chunkBytes.WithLabelValues(l).Add(float64(max(0, bytes)))
}

// closedSet is the values that a label may have.
type closedSet map[string]bool

// other is the label of what is not in its set.
const other = "other"

func setOf[T ~string](values ...T) closedSet {
	s := make(closedSet, len(values))
	for _, v := range values {
		s[string(v)] = true
	}
	return s
}

// label returns v if it is in the set, else other.
func (s closedSet) label(v string) string {
	if s[v] {
		return v
	}
	return other
}
