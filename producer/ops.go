package producer

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/queue"
	"framemill/pipeline/store"
)

// Ops is what the operators' address shows.
type Ops struct {
	Listen  string
	Metrics http.Handler
	DB      *store.DB
	Queue   *queue.Queue
}

// RunOps serves metrics, health details and profiles until ctx ends. Nothing
// there asks for credentials, so it belongs on loopback.
func RunOps(ctx context.Context, o Ops, log *slog.Logger) error {
	if o.Listen == "off" {
		<-ctx.Done()
		return nil
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("listen for operators on %s: %w", o.Listen, err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", o.Metrics)
	mux.HandleFunc("/healthz", o.health)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	log.Info("metrics and health", "url", "http://"+l.Addr().String())
	return serveHTTP(ctx, l, mux, log)
}

// health says what works: 200 when the database answers, else 503. Redis being
// away is told, but accepted work is safe without it.
func (o Ops) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	out := map[string]any{"database": "ok", "redis": "ok"}
	status := http.StatusOK
	if err := o.DB.Ping(ctx); err != nil {
		out["database"], status = err.Error(), http.StatusServiceUnavailable
	}
	if err := o.Queue.Ping(ctx); err != nil {
		out["redis"] = err.Error()
	}
	live := make(map[pipeline.Lane]int64)
	for _, lane := range pipeline.Lanes() {
		if n, err := o.DB.LiveWorkers(ctx, lane); err == nil {
			live[lane] = n
		}
	}
	out["live_workers"] = live
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out)
}
