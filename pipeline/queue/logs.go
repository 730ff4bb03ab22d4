package queue

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// LogDriver sends what the Redis driver says, mostly about lost connections,
// to log at debug level instead of to standard error. The driver has one sink
// a process, so this is called once, by main.
func LogDriver(log *slog.Logger) { redis.SetLogger(driverLog{log}) }

// driverLog implements the driver's logger.
type driverLog struct{ log *slog.Logger }

// Printf implements the driver's logger.
func (d driverLog) Printf(ctx context.Context, format string, v ...any) {
	if d.log.Enabled(ctx, slog.LevelDebug) {
		d.log.DebugContext(ctx, "redis driver", "said", fmt.Sprintf(format, v...))
	}
}

// asynqLog implements [asynq.Logger]. Nothing that asynq says is an error of
// ours: a failed call to Redis costs time, and asynq never means to exit.
type asynqLog struct{ log *slog.Logger }

// Debug implements [asynq.Logger].
func (a asynqLog) Debug(args ...any) { a.log.Debug("asynq", "said", fmt.Sprint(args...)) }

// Info implements [asynq.Logger].
func (a asynqLog) Info(args ...any) { a.log.Debug("asynq", "said", fmt.Sprint(args...)) }

// Warn implements [asynq.Logger].
func (a asynqLog) Warn(args ...any) { a.log.Warn("asynq", "said", fmt.Sprint(args...)) }

// Error implements [asynq.Logger].
func (a asynqLog) Error(args ...any) { a.log.Warn("asynq", "said", fmt.Sprint(args...)) }

// Fatal implements [asynq.Logger].
func (a asynqLog) Fatal(args ...any) { a.log.Error("asynq", "said", fmt.Sprint(args...)) }
