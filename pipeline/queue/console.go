package queue

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"

	"framemill/pipeline"
)

// Console is asynq's web console. It has no authentication and no protection
// against cross-site requests: both are put in front of it.
type Console struct{ *asynqmon.HTTPHandler }

var _ http.Handler = Console{}

// Console returns the console for mounting at the path root. Close lets go of
// its connections.
func (q *Queue) Console(root string) (Console, error) {
	if !strings.HasPrefix(root, "/") {
		return Console{}, fmt.Errorf("path of the console is %q, want a leading slash", root)
	}
	return Console{asynqmon.New(asynqmon.Options{
		RootPath:         root,
		RedisConnOpt:     connector{q.options},
		PayloadFormatter: asynqmon.PayloadFormatterFunc(formatPayload),
		ResultFormatter:  asynqmon.ResultFormatterFunc(formatResult),
	})}, nil
}

// connector makes clients for asynqmon; it implements [asynq.RedisConnOpt].
type connector struct{ options *redis.UniversalOptions }

var _ asynq.RedisConnOpt = connector{}

// MakeRedisClient implements [asynq.RedisConnOpt].
func (c connector) MakeRedisClient() any { return redis.NewUniversalClient(c.options) }

// formatPayload shows the ids of a message, and of anything else, which
// somebody else must have put there, only the length.
func formatPayload(_ string, payload []byte) string {
	var m pipeline.Message
	if err := json.Unmarshal(payload, &m); err != nil || m.ID == "" {
		return fmt.Sprintf("%d bytes that are not a message of this server", len(payload))
	}
	return fmt.Sprintf("unit %s generation %d (version %d)", m.ID, m.Gen, m.V)
}

// formatResult shows nothing: our messages have no results.
func formatResult(string, []byte) string { return "" }
