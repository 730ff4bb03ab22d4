package api_test

import (
	"log/slog"
	"testing"
	"time"

	"framemill/producer/api"
)

func TestLevelOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method string
		status       int
		took         time.Duration
		want         slog.Level
	}{
		{"poll", "GET", 200, time.Millisecond, slog.LevelDebug},
		{"poll of what did not change", "GET", 304, time.Millisecond, slog.LevelDebug},
		{"offset of an upload", "HEAD", 200, time.Millisecond, slog.LevelDebug},
		{"slow read", "GET", 200, 20 * time.Second, slog.LevelInfo},
		{"refused read", "GET", 403, time.Millisecond, slog.LevelInfo},
		{"failed read", "GET", 500, time.Millisecond, slog.LevelInfo},
		{"deletion", "DELETE", 204, time.Millisecond, slog.LevelInfo},
		{"change", "PATCH", 200, time.Millisecond, slog.LevelInfo},
	}
	for _, tt := range tests {
		if got := api.LevelOf(tt.method, tt.status, tt.took); got != tt.want {
			t.Errorf("%s: %s answered %d after %s is logged at %s, want %s", tt.name, tt.method, tt.status, tt.took, got, tt.want)
		}
	}
}
