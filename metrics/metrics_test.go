package metrics_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"framemill/metrics"
	"framemill/pipeline"
)

// maxSeries is what one process may cost Prometheus.
const maxSeries = 300

// allSources answers everything at once.
func allSources() metrics.Sources {
	return metrics.Sources{
		Lanes: func(context.Context) ([]metrics.Lane, error) {
			return []metrics.Lane{
				{Lane: pipeline.Bulk, State: "waiting", Units: 5, Oldest: 7 * time.Second},
				{Lane: pipeline.Bulk, State: "running", Units: 2, Oldest: time.Hour},
			}, nil
		},
		Workers: func(_ context.Context, lane pipeline.Lane) (int64, error) { return int64(len(lane)), nil },
		Queued: func(context.Context) (map[pipeline.Lane]int64, error) {
			return map[pipeline.Lane]int64{pipeline.Interactive: 3}, nil
		},
		Disk:    func(context.Context) (int64, int64, error) { return 10, 100, nil },
		Commits: func() int64 { return 99 },
	}
}

// scraped is one exposition, parsed.
type scraped map[string]*dto.MetricFamily

func scrape(t *testing.T, m *metrics.Registry) scraped {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("GET /metrics = %d: %s", rec.Code, rec.Body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(rec.Body)
	if err != nil {
		t.Fatalf("the exposition does not parse: %v", err)
	}
	return families
}

// series counts the lines of an exposition that Prometheus would store.
func (s scraped) series() (n int) {
	for _, f := range s {
		for _, m := range f.GetMetric() {
			switch {
			case m.Histogram != nil:
				n += len(m.GetHistogram().GetBucket()) + 2
			case m.Summary != nil:
				n += len(m.GetSummary().GetQuantile()) + 2
			default:
				n++
			}
		}
	}
	return n
}

// value returns the value of a series by its name and labels, as in name{a="b"}.
func (s scraped) value(t *testing.T, name string) float64 {
	t.Helper()
	family, _, _ := strings.Cut(name, "{")
	for _, m := range s[family].GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
		}
		if name == family || name == family+"{"+strings.Join(labels, ",")+"}" {
			return m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	t.Fatalf("there is no series %s; the family is %v", name, s[family])
	return 0
}

// observeAll reports everything that can be reported, the unexpected included.
func observeAll(m *metrics.Registry) {
	for _, kind := range append(pipeline.MessageKinds(), "bogus", "more:bogus") {
		for _, lane := range append(pipeline.Lanes(), "bogus") {
			for _, verdict := range []string{"done", "again", "released", "failed", "stale", "bogus", ""} {
				m.UnitEnded(kind, lane, verdict, time.Second)
			}
		}
	}
	for _, write := range []string{"commit", "lease", "bogus"} {
		m.WriteRefused(write)
	}
	for _, outcome := range []string{"done", "again", "failed", "bogus"} {
		m.DeliveryEnded(outcome, time.Second)
	}
	for _, q := range []pipeline.Quality{pipeline.Compressed, pipeline.Original, pipeline.Preview} {
		m.ChunkBuilt(q, time.Second, 1000)
	}
	for _, path := range paths() {
		for status := 100; status < 700; status += 100 {
			serve(m, http.MethodGet, path, status)
		}
	}
}

func paths() []string {
	list := []string{"/", "/index.html", "/api", "/api/", "/api/bogus/7", "//api", "/api/tasks/7/bogus", "/api/tasks/7/data/0193-ab/x/y"}
	for _, group := range []string{"tasks", "jobs", "requests", "auth", "users", "server", "projects", "labels"} {
		list = append(list, "/api/"+group, "/api/"+group+"/7", "/api/"+group+"/7/data", "/api/"+group+"/7/data/",
			"/api/"+group+"/7/data/meta", "/api/"+group+"/7/preview")
	}
	return list
}

func serve(m *metrics.Registry, method, path string, status int) {
	h := m.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, nil))
}

func TestSeriesAreFew(t *testing.T) {
	t.Parallel()
	m := metrics.New("1.2.3", time.Now, allSources())
	observeAll(m)
	got := scrape(t, m).series()
	if got > maxSeries {
		t.Errorf("one process has %d series, want at most %d", got, maxSeries)
	}
	t.Logf("%d series", got)
}

func TestScrapeShowsSources(t *testing.T) {
	t.Parallel()
	s := scrape(t, metrics.New("1.2.3", time.Now, allSources()))
	tests := []struct {
		series string
		want   float64
	}{
		{`framemill_build_info{version="1.2.3"}`, 1},
		{`framemill_units_open{lane="bulk",state="waiting"}`, 5},
		{`framemill_units_open{lane="bulk",state="running"}`, 2},
		{`framemill_units_open{lane="interactive",state="sent"}`, 0},
		{`framemill_oldest_wait_seconds{lane="bulk"}`, 7},
		{`framemill_workers_live{lane="bulk"}`, 4},
		{`framemill_messages_pending{lane="interactive"}`, 3},
		{`framemill_messages_pending{lane="bulk"}`, 0},
		{`framemill_disk_bytes{which="free"}`, 10},
		{`framemill_disk_bytes{which="total"}`, 100},
		{`framemill_stale_writes_refused_total{write="commit"}`, 0},
		{`framemill_stale_writes_refused_total{write="lease"}`, 0},
		{`framemill_commits_total`, 99},
	}
	for _, tt := range tests {
		if got := s.value(t, tt.series); got != tt.want {
			t.Errorf("%s = %v, want %v", tt.series, got, tt.want)
		}
	}
}

func TestProcessWithoutSources(t *testing.T) {
	t.Parallel()
	s := scrape(t, metrics.New("1", time.Now, metrics.Sources{}))
	if s["framemill_units_open"] != nil || s["framemill_commits_total"] != nil {
		t.Error("a process shows figures of sources that it does not have")
	}
}

func TestHangingSourceIsServedStale(t *testing.T) {
	t.Parallel()
	clock := time.Unix(1000, 0)
	now := func() time.Time { return clock }
	calls, release := 0, make(chan struct{})
	defer close(release)
	sources := allSources()
	sources.Disk = func(context.Context) (int64, int64, error) { // as a network mount does: deaf to its context
		if calls++; calls > 1 {
			<-release
		}
		return 42, 100, nil
	}
	sources.Queued = func(context.Context) (map[pipeline.Lane]int64, error) { return nil, errors.New("no connection") }
	m := metrics.New("1", now, sources)
	if got := scrape(t, m).value(t, `framemill_source_age_seconds{source="disk"}`); got != 0 {
		t.Errorf("the age of a fresh answer is %v, want 0", got)
	}
	clock = clock.Add(90 * time.Second)
	begin := time.Now()
	s := scrape(t, m)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("a scrape with a source that hangs took %v", took)
	}
	if got := s.value(t, `framemill_disk_bytes{which="free"}`); got != 42 {
		t.Errorf("free bytes = %v, want the last answer, 42", got)
	}
	if got := s.value(t, `framemill_source_age_seconds{source="disk"}`); got != 90 {
		t.Errorf("age of the last answer = %v, want 90", got)
	}
	if got := s.value(t, `framemill_source_age_seconds{source="lanes"}`); got != 0 {
		t.Errorf("age of a source that answers beside one that hangs = %v, want 0", got)
	}
	if s["framemill_messages_pending"] != nil {
		t.Error("a source that never answered is shown")
	}
}

// shown matches the metrics that a query names.
var shown = regexp.MustCompile(`\b(framemill|process|go)_[a-z_]+`)

func TestDashboardAndAlertsNameRealMetrics(t *testing.T) {
	t.Parallel()
	m := metrics.New("1", time.Now, allSources())
	observeAll(m)
	families := scrape(t, m)
	for _, file := range []string{"dashboards/framemill.json", "alerts/framemill.yml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(text) {
			t.Errorf("%s is not valid JSON", file)
		}
		names := shown.FindAllString(string(text), -1)
		if len(names) == 0 {
			t.Errorf("%s names no metric", file)
		}
		for _, name := range names {
			base := strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
			if families[base] == nil {
				t.Errorf("%s asks for %s, which does not exist", file, name)
			}
		}
	}
}
