package program

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"framemill/tests/services"
)

// bootTime is how long a server may take until it answers.
const bootTime = 30 * time.Second

// Admin and Password are the credentials of the administrator of every server
// that this package starts.
const (
	Admin    = "admin"
	Password = "correct-horse-7"
)

// Config says where a server keeps its state. Its zero value is the embedded
// default in a temporary folder.
type Config struct {
	Data        string   // folder; a temporary one if empty
	Share       string   // folder of the mounted share, "" = none
	DatabaseURL string   // Postgres; "" = embedded
	RedisURL    string   // "" = embedded
	Flags       []string // further flags of up, producer and consumer
	Env         []string // further variables of their environment
}

// flags returns the state of the server as flags, those that every command
// understands.
func (c Config) flags() []string {
	out := []string{"--data", c.Data}
	if c.DatabaseURL != "" {
		out = append(out, "--database-url", c.DatabaseURL)
	}
	if c.RedisURL != "" {
		out = append(out, "--redis-url", c.RedisURL)
	}
	return out
}

// roleFlags returns the flags of up, producer and consumer.
func (c Config) roleFlags() []string {
	out := c.flags()
	if c.Share != "" {
		out = append(out, "--share", c.Share)
	}
	return append(out, c.Flags...)
}

// Server is a process that answers HTTP.
type Server struct {
	*Process
	Config Config
	URL    string
}

// Up starts the embedded default, or whatever c says, in one process and
// returns when it answers.
func Up(t testing.TB, c Config) *Server {
	t.Helper()
	c = prepare(t, c)
	return serve(t, "up", c)
}

// Restart starts a server again that has ended, on the same address and state.
func (s *Server) Restart() *Server {
	s.t.Helper()
	<-s.ended
	p := start(s.t, s.env, s.cmd.Args[1:])
	return awaitReady(s.t, &Server{Process: p, Config: s.Config, URL: s.URL})
}

// Fleet is producers and consumers that share a Redis and a Postgres.
type Fleet struct {
	Config    Config
	Producers []*Server
	Consumers []*Process
}

// StartFleet starts producers and consumers on a Redis and a Postgres of their
// own, unless c names some, and returns when the producers answer.
func StartFleet(t testing.TB, c Config, producers, consumers int) *Fleet {
	t.Helper()
	if c.DatabaseURL == "" {
		c.DatabaseURL = services.Postgres(t)
	}
	if c.RedisURL == "" {
		c.RedisURL = "redis://" + services.Redis(t) + "/0"
	}
	f := &Fleet{Config: prepare(t, c)}
	for range producers {
		f.Producers = append(f.Producers, serve(t, "producer", f.Config))
	}
	for range consumers {
		f.AddConsumer(t)
	}
	return f
}

// AddConsumer starts one more consumer.
func (f *Fleet) AddConsumer(t testing.TB) *Process {
	t.Helper()
	p := start(t, f.Config.Env, append([]string{"consumer"}, f.Config.roleFlags()...))
	f.Consumers = append(f.Consumers, p)
	return p
}

// prepare fills in the data folder, brings the database up to date and makes
// the administrator.
func prepare(t testing.TB, c Config) Config {
	t.Helper()
	if c.Data == "" {
		c.Data = t.TempDir()
	}
	Run(t, "", append([]string{"migrate"}, c.flags()...)...)
	Run(t, Password+"\n", append([]string{"user", "add", Admin, "--group", "admin"}, c.flags()...)...)
	return c
}

// serve starts a role that answers HTTP, and waits until it does.
func serve(t testing.TB, role string, c Config) *Server {
	t.Helper()
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, c.Env, append([]string{role, "--listen", addr}, c.roleFlags()...))
	return awaitReady(t, &Server{Process: p, Config: c, URL: "http://" + addr})
}

func awaitReady(t testing.TB, s *Server) *Server {
	t.Helper()
	deadline := time.After(bootTime)
	for {
		err := ask(s.URL + "/api/server/about")
		if err == nil {
			return s
		}
		select {
		case <-s.ended:
			t.Fatalf("framemill %s ended before it answered", s.name)
		case <-deadline:
			t.Fatalf("framemill %s does not answer after %s: %v", s.name, bootTime, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func ask(url string) error {
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s answers %s", url, resp.Status)
	}
	return nil
}

// freeAddr returns a loopback address whose port was free a moment ago.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
