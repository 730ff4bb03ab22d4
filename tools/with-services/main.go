// Command with-services runs a command beside a Redis and a Postgres that are
// made for it and gone afterwards:
//
//	go run ./tools/with-services go test ./...
//
// The command finds them in FRAMEMILL_DATABASE_URL and FRAMEMILL_REDIS_URL, as
// the server's own settings, and tests find Postgres in FRAMEMILL_TEST_POSTGRES.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"framemill/tests/services"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: with-services COMMAND [ARGUMENT…]")
		os.Exit(2)
	}
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "with-services:", err)
	}
	os.Exit(code)
}

// run returns the exit code of the command.
func run(command []string) (int, error) {
	postgres, url, err := services.StartPostgres()
	if err != nil {
		return 1, err
	}
	defer postgres.Stop()
	redis, err := services.StartRedis()
	if err != nil {
		return 1, err
	}
	defer redis.Stop()

	// Ctrl-C reaches the command as well, which ends in its own order.
	signal.Ignore(os.Interrupt)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)

	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), services.PostgresEnv+"="+url,
		"FRAMEMILL_DATABASE_URL="+url, "FRAMEMILL_REDIS_URL=redis://"+redis.Addr()+"/0")
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	go func() {
		<-stop
		_ = cmd.Process.Signal(syscall.SIGTERM)
	}()
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	} else if err != nil {
		return 1, err
	}
	return 0, nil
}
