// Framemill turns raw media into annotation-ready tasks: an ingest server that
// speaks CVAT's protocol.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"framemill/pipeline/store"
	"framemill/stages/media/sandbox"
)

// commands is the command line.
type commands struct {
	Up       upCmd       `cmd:"" help:"Serve and work in one process, on the embedded database and queue unless others are given."`
	Producer producerCmd `cmd:"" help:"Serve the API. Needs --database-url and --redis-url."`
	Consumer consumerCmd `cmd:"" help:"Do the work. Needs --database-url and --redis-url."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the database to the newest schema."`
	User     userCmd     `cmd:"" help:"Add and list users, set passwords."`
	Ingest   ingestCmd   `cmd:"" help:"Make a task of files, with progress bars; the password comes from FRAMEMILL_PASSWORD."`
	Manifest manifestCmd `cmd:"" help:"Make manifests, which say what is in a folder or bucket."`
	Verify   verifyCmd   `cmd:"" help:"Check every stored chunk against its row."`
	Stage    stageCmd    `cmd:"" hidden:"" help:"Run one stage alone; the consumer starts this itself."`
}

func main() {
	sandbox.Helper()
	var c commands
	k := kong.Parse(&c, kong.Name("framemill"), kong.UsageOnError(),
		kong.Description("Turns raw media into annotation-ready tasks. Speaks CVAT's protocol, so cvat-sdk, cvat-cli and the CVAT web client work with it."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	k.BindTo(ctx, (*context.Context)(nil))
	err := k.Run()
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "framemill:", err)
		os.Exit(1)
	}
}

// migrateCmd brings the database up to date.
type migrateCmd struct{ settings }

// Run migrates.
func (c *migrateCmd) Run(ctx context.Context) error {
	return c.withDatabase(ctx, func(*store.DB) error { return nil })
}
