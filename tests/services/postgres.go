package services

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// PostgresEnv names the environment variable that holds the URL of a Postgres
// which is already running. Its user may create databases.
const PostgresEnv = "FRAMEMILL_TEST_POSTGRES"

// Postgres returns the URL of an empty database that belongs to this test.
func Postgres(t testing.TB) (url string) {
	t.Helper()
	return clone(t, "template1")
}

// PostgresFrom returns the URL of a database that belongs to this test, cloned
// from a template. The template is made once for each name by calling migrate
// with the URL of an empty database; migrate closes its connections before it
// returns.
func PostgresFrom(t testing.TB, template string, migrate func(url string) error) (url string) {
	t.Helper()
	made, _ := templates.LoadOrStore(template, sync.OnceValues(func() (string, error) {
		return makeTemplate(template, migrate)
	}))
	name, err := made.(func() (string, error))()
	if err != nil {
		t.Fatalf("make template database %s: %v", template, err)
	}
	return clone(t, name)
}

// The one Postgres of this process, its templates and the count of its
// databases. They belong to the process as the server does.
var (
	templates sync.Map // name → func() (database string, error)
	databases atomic.Int64
	server    = sync.OnceValues(func() (string, error) {
		if u := os.Getenv(PostgresEnv); u != "" {
			return u, nil
		}
		// Not stopped here: its guard does that when this process is gone.
		_, u, err := StartPostgres()
		return u, err
	})
)

// clone creates a database from a template, and drops it when the test ends.
func clone(t testing.TB, template string) string {
	t.Helper()
	base, err := server()
	if err != nil {
		t.Fatalf("start postgres: %v", err)
	}
	name := databaseName("test")
	if err := execSQL(base, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template)); err != nil {
		t.Fatalf("clone database %s: %v", template, err)
	}
	t.Cleanup(func() {
		if err := execSQL(base, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
			t.Errorf("drop database %s: %v", name, err)
		}
	})
	return withDatabase(base, name)
}

func makeTemplate(template string, migrate func(url string) error) (name string, err error) {
	base, err := server()
	if err != nil {
		return "", err
	}
	name = databaseName(template)
	if err := execSQL(base, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	return name, migrate(withDatabase(base, name))
}

// databaseName returns a name that no other test or process uses.
func databaseName(stem string) string {
	return fmt.Sprintf("framemill_%s_%d_%d", stem, os.Getpid(), databases.Add(1))
}

func withDatabase(base, name string) string {
	u, err := url.Parse(base)
	if err != nil {
		panic(fmt.Sprintf("%s is not a URL: %v", base, err))
	}
	u.Path = "/" + name
	return u.String()
}

func execSQL(base, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), bootTime)
	defer cancel()
	db, err := sql.Open("pgx", base)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// StartPostgres starts a Postgres that trades durability for speed, and returns
// it with the URL of its first database. As root it runs as user postgres or
// nobody, because it refuses to run as root.
func StartPostgres() (*Server, string, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, "", err
	}
	owner, err := unprivileged()
	if err != nil {
		return nil, "", err
	}
	s, err := retryStart(func() (*Server, error) { return startPostgres(bin, owner) })
	if err != nil {
		return nil, "", err
	}
	return s, postgresURL(s.Addr()), nil
}

func postgresURL(addr string) string {
	return "postgres://framemill@" + addr + "/postgres?sslmode=disable"
}

func startPostgres(bin string, owner *syscall.Credential) (*Server, error) {
	addr, port, err := freeAddr()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "framemill-postgres-")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if err := initPostgres(bin, dir, data, owner); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return start(launch{
		command: []string{filepath.Join(bin, "postgres"), "-D", data, "-p", port,
			"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
			"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
			"-c", "max_connections=400", "-c", "shared_buffers=64MB", "-c", "autovacuum_naptime=10s"},
		dir: dir, addr: addr, signal: "QUIT", owner: owner, ready: pingPostgres,
	})
}

// initPostgres makes an empty cluster in data that trusts loopback.
func initPostgres(bin, dir, data string, owner *syscall.Credential) error {
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	cmd := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "framemill",
		"--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func pingPostgres(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	db, err := sql.Open("pgx", postgresURL(addr))
	if err != nil {
		return err
	}
	defer db.Close()
	return db.PingContext(ctx)
}

// postgresBin returns the folder of the server programs: that of PATH, else
// the newest that Debian's packages installed.
func postgresBin() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("postgresql is not installed: run tools/install tests")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// unprivileged returns whom the server runs as: nil for the current user, who
// must not be root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, errors.New("postgres does not run as root, and there is no user postgres or nobody")
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
