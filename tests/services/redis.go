package services

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Redis returns the address of an empty Redis that belongs to this test alone:
// it may be flushed, and nothing of it is left when the test ends.
func Redis(t testing.TB) (addr string) {
	t.Helper()
	s, err := StartRedis()
	if err != nil {
		t.Fatalf("start redis: %v", err)
	}
	t.Cleanup(s.Stop)
	return s.Addr()
}

// StartRedis starts a redis-server that keeps nothing on disk.
func StartRedis() (*Server, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, errors.New("redis-server is not installed: run tools/install tests")
	}
	return retryStart(startRedis)
}

func startRedis() (*Server, error) {
	addr, port, err := freeAddr()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "framemill-redis-")
	if err != nil {
		return nil, err
	}
	return start(launch{
		command: []string{"redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", dir,
			"--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"},
		dir: dir, addr: addr, signal: "KILL", ready: pingRedis,
	})
}

// pingRedis asks the server for a sign of life, without a client library.
func pingRedis(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if line != "+PONG\r\n" {
		return fmt.Errorf("answered %q to PING", line)
	}
	return nil
}
