package queue

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// callTime bounds one call to Redis, and each of connecting, writing and
// reading inside it.
const callTime = 2 * time.Second

// Config says where Redis is.
type Config struct {
	// URL is one of
	//
	//	redis://[user:password@]host[:6379][/db]      and rediss:// for TLS
	//	redis-sentinel://[…@]host[:26379],…/master    ?db= sentinel_username= sentinel_password= tls=true
	//	redis+cluster://[…@]host[:6379],…             ?tls=true
	//
	// or empty for a Redis inside this process, which keeps nothing on disk
	// and serves this process only.
	URL string `env:"FRAMEMILL_REDIS_URL"`
}

// Validate reports everything that is wrong with the configuration. Its text
// never repeats the URL, which may hold a password.
func (c Config) Validate() error {
	if c.URL == "" {
		return nil
	}
	_, err := parse(c.URL)
	return err
}

// scheme is what the first word of a URL stands for.
type scheme struct {
	port   string   // where none is given
	tls    bool     // always encrypted
	many   bool     // takes several hosts
	params []string // query parameters that it knows
}

// schemes lists the accepted URLs.
var schemes = map[string]scheme{
	"redis":          {port: "6379", params: []string{"db"}},
	"rediss":         {port: "6379", params: []string{"db"}, tls: true},
	"redis-sentinel": {port: "26379", params: []string{"db", "tls", "sentinel_username", "sentinel_password"}, many: true},
	"redis+cluster":  {port: "6379", params: []string{"tls"}, many: true},
}

// parse turns a URL into options of the driver. The list of hosts is cut out
// first, because net/url accepts only one host.
func parse(raw string) (*redis.UniversalOptions, error) {
	name, rest, _ := strings.Cut(raw, "://")
	s, ok := schemes[name]
	if !ok {
		return nil, errors.New("redis URL: begins with none of redis://, rediss://, redis-sentinel://, redis+cluster://")
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	at := strings.LastIndex(authority, "@") + 1
	u, err := url.Parse(name + "://" + authority[:at] + "host" + tail)
	if err != nil {
		// The cause would repeat the URL with its password.
		return nil, errors.New("redis URL: cannot be read; characters such as / @ # in a password are written as %2F %40 %23")
	}
	o := baseOptions()
	o.Username = u.User.Username()
	o.Password, _ = u.User.Password()
	o.IsClusterMode = name == "redis+cluster"
	o.Addrs, err = s.addrs(authority[at:])
	err = errors.Join(err, s.applyPath(o, name, u), s.applyQuery(o, u))
	if s.tls || u.Query().Get("tls") == "true" {
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return o, err
}

// baseOptions are the options that do not depend on the URL: short timeouts,
// contexts that count, and no chatter on connecting that old or managed
// servers refuse.
func baseOptions() *redis.UniversalOptions {
	return &redis.UniversalOptions{
		DialTimeout: callTime, ReadTimeout: callTime, WriteTimeout: callTime, PoolTimeout: callTime,
		MaxRetries: 1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// addrs splits a list of hosts and adds missing ports.
func (s scheme) addrs(list string) ([]string, error) {
	hosts := strings.Split(list, ",")
	if len(hosts) > 1 && !s.many {
		return nil, errors.New("redis URL: several hosts need redis-sentinel:// or redis+cluster://")
	}
	for i, h := range hosts {
		host, port, err := net.SplitHostPort(h)
		if err != nil {
			host, port = strings.Trim(h, "[]"), s.port
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || strings.ContainsAny(host, " []") {
			return nil, fmt.Errorf("redis URL: host %d of %d is not host or host:port", i+1, len(hosts))
		}
		hosts[i] = net.JoinHostPort(host, port)
	}
	return hosts, nil
}

// applyPath reads what stands behind the hosts: a database number or the name
// of a master.
func (s scheme) applyPath(o *redis.UniversalOptions, name string, u *url.URL) error {
	path := strings.Trim(u.Path, "/")
	switch {
	case name == "redis-sentinel" && path == "":
		return errors.New("redis URL: the name of the master is missing, as in redis-sentinel://host:26379/mymaster")
	case name == "redis-sentinel":
		o.MasterName = path
		return nil
	case name == "redis+cluster" && path != "":
		return errors.New("redis URL: a cluster has no databases, so nothing may follow its hosts")
	case path == "":
		return nil
	}
	return applyDB(o, path)
}

// applyQuery reads the parameters, and refuses the ones that it does not know.
func (s scheme) applyQuery(o *redis.UniversalOptions, u *url.URL) error {
	var errs []error
	for key, values := range u.Query() {
		switch value := values[0]; {
		case !slices.Contains(s.params, key):
			errs = append(errs, fmt.Errorf("redis URL: parameter %q is not known here", key))
		case key == "db":
			errs = append(errs, applyDB(o, value))
		case key == "sentinel_username":
			o.SentinelUsername = value
		case key == "sentinel_password":
			o.SentinelPassword = value
		case key == "tls" && value != "true" && value != "false":
			errs = append(errs, errors.New("redis URL: tls is neither true nor false"))
		}
	}
	return errors.Join(errs...)
}

func applyDB(o *redis.UniversalOptions, s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return fmt.Errorf("redis URL: database %q is not a number", s)
	}
	o.DB = int(n)
	return nil
}
