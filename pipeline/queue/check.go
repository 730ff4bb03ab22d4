package queue

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Level says what a finding asks of its reader.
type Level string

// The levels, from least to most.
const (
	Unchecked Level = "unchecked" // this Redis does not tell
	Warning   Level = "warning"   // works, but should be changed
	Down      Level = "down"      // no answer now; may come back by itself
	Wrong     Level = "wrong"     // will not work until somebody changes it
)

// Finding is one thing to know about Redis: a level, and a sentence that says
// what to do.
type Finding struct {
	Level Level
	Text  string
}

// Check looks at Redis as one would before relying on it, and returns what it
// found, or nothing. What to do is the caller's: a producer accepts work while
// Redis is down, and nobody should start when it is wrong.
func (q *Queue) Check(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, 2*callTime)
	defer cancel()
	if f, ok := q.ping(ctx); !ok {
		return []Finding{f}
	}
	if q.embedded != nil {
		return nil // set up by us, and it has no INFO to speak of
	}
	cluster, ok := q.client.(*redis.ClusterClient)
	if !ok {
		return inspectNode(ctx, q.client, false)
	}
	var found nodeFindings
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		found.add(inspectNode(ctx, node, true))
		return nil
	})
	if err != nil {
		return []Finding{explain(err)}
	}
	return found.all
}

// Ping returns nil if Redis answers, and else an error that says in a sentence
// what is the matter.
func (q *Queue) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if f, ok := q.ping(ctx); !ok {
		return errors.New(f.Text)
	}
	return nil
}

func (q *Queue) ping(ctx context.Context) (Finding, bool) {
	if err := q.client.Ping(ctx).Err(); err != nil {
		return explain(err), false
	}
	return Finding{}, true
}

// nodeFindings collects the findings of nodes, each once.
type nodeFindings struct {
	mu  sync.Mutex
	all []Finding
}

func (n *nodeFindings) add(found []Finding) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range found {
		if !slices.Contains(n.all, f) {
			n.all = append(n.all, f)
		}
	}
}

// inspectNode checks the settings of one node by INFO, which managed services
// permit more often than CONFIG.
func inspectNode(ctx context.Context, node redis.Cmdable, ofCluster bool) []Finding {
	text, err := node.Info(ctx).Result()
	if err != nil && isReply(err) {
		return []Finding{{Unchecked, "Redis does not permit INFO, so its memory policy and persistence could not be checked: see that maxmemory-policy is noeviction and appendonly is yes"}}
	}
	if err != nil {
		return []Finding{explain(err)}
	}
	info := parseInfo(text)
	var found []Finding
	for _, f := range []Finding{
		checkRole(info), checkCluster(info, ofCluster), checkMemory(info), checkPersistence(ctx, info, node),
	} {
		if f != (Finding{}) {
			found = append(found, f)
		}
	}
	return found
}

func checkRole(info map[string]string) Finding {
	if info["role"] == "slave" {
		return Finding{Wrong, "Redis is a read-only replica: give the address of the primary, or use redis-sentinel:// to follow it"}
	}
	return Finding{}
}

func checkCluster(info map[string]string, ofCluster bool) Finding {
	if info["cluster_enabled"] == "1" && !ofCluster {
		return Finding{Wrong, "Redis is a node of a cluster: use redis+cluster:// in its URL"}
	}
	return Finding{}
}

func checkMemory(info map[string]string) Finding {
	switch policy := info["maxmemory_policy"]; policy {
	case "noeviction":
		return Finding{}
	case "":
		return Finding{Unchecked, "Redis does not tell its maxmemory-policy: see that it is noeviction"}
	default:
		return Finding{Wrong, "Redis may evict messages, because its maxmemory-policy is " + policy +
			": set it to noeviction (CONFIG SET maxmemory-policy noeviction, and in redis.conf)"}
	}
}

func checkPersistence(ctx context.Context, info map[string]string, node redis.Cmdable) Finding {
	switch info["aof_enabled"] {
	case "1":
		return Finding{}
	case "":
		return Finding{Unchecked, "Redis does not tell whether it keeps an append-only file: see that appendonly is yes"}
	}
	saves, err := node.ConfigGet(ctx, "save").Result()
	switch {
	case err != nil:
		return Finding{Unchecked, "Redis keeps no append-only file, and does not permit CONFIG, so snapshots could not be checked: appendonly yes is recommended"}
	case saves["save"] == "":
		return Finding{Warning, "Redis keeps nothing on disk (appendonly no, and no save): after a restart waiting work is found again only by the reaper; set appendonly yes"}
	}
	return Finding{}
}

// parseInfo reads the lines of INFO.
func parseInfo(text string) map[string]string {
	info := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			info[key] = value
		}
	}
	return info
}
