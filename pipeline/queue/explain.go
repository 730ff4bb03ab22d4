package queue

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// isReply reports whether err is an answer of Redis, rather than the lack of one.
func isReply(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok
}

// replies says what the error answers of Redis mean, by how they begin.
var replies = []struct {
	prefix  string
	finding Finding
}{
	{"NOAUTH", Finding{Wrong, "Redis wants a password: put it into the URL, as in redis://:password@host:6379"}},
	{"WRONGPASS", Finding{Wrong, "Redis refuses the user or the password of the URL"}},
	{"NOPERM", Finding{Wrong, "Redis does not permit the user of the URL what is needed: allow it all commands on the keys asynq:* and the channels framemill:* and asynq:*"}},
	{"LOADING", Finding{Down, "Redis is loading its data from disk: it will answer when that is done"}},
	{"MASTERDOWN", Finding{Down, "Redis is a replica that has lost its primary"}},
	{"CLUSTERDOWN", Finding{Down, "the Redis cluster does not serve all slots: look at CLUSTER INFO"}},
	{"READONLY", Finding{Wrong, "Redis is a read-only replica: give the address of the primary, or use redis-sentinel:// to follow it"}},
	{"MISCONF", Finding{Down, "Redis refuses writes because it cannot save to disk: look at its log and its disk"}},
	{"OOM", Finding{Down, "Redis is out of memory: raise maxmemory"}},
	{"ERR This instance has cluster support disabled", Finding{Wrong, "Redis is not a cluster: use redis:// in its URL"}},
	{"ERR max number of clients", Finding{Down, "Redis has no connection left: raise maxclients"}},
	{"ERR DB index is out of range", Finding{Wrong, "Redis has no database of that number: correct the URL"}},
}

// explain turns an error of a call into a finding. The text of a finding never
// holds the password; the driver's errors do not either.
func explain(err error) Finding {
	for _, r := range replies {
		if strings.Contains(err.Error(), r.prefix) {
			return r.finding
		}
	}
	var resolve *net.DNSError
	switch {
	case errors.As(err, &resolve):
		return Finding{Down, "the host name of Redis cannot be resolved: " + err.Error()}
	case strings.Contains(err.Error(), "connection refused"):
		return Finding{Down, "nothing listens where Redis should be (is it running?): " + err.Error()}
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return Finding{Down, "Redis does not answer in time: " + err.Error()}
	}
	return Finding{Down, "Redis cannot be used: " + err.Error()}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}
