package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// userCmd manages users. It works beside a running server and before its first
// start.
type userCmd struct {
	Add    userAddCmd    `cmd:"" help:"Add a user; the password comes from standard input or FRAMEMILL_PASSWORD."`
	Passwd userPasswdCmd `cmd:"" help:"Set a user's password, from standard input or FRAMEMILL_PASSWORD."`
	Ls     userLsCmd     `cmd:"" help:"List the users."`
}

type userAddCmd struct {
	settings
	Name      string `arg:"" help:"Name to log in with."`
	Email     string `help:"Address, which also works to log in."`
	FirstName string `help:"First name."`
	LastName  string `help:"Last name."`
	Group     string `help:"What they may do." enum:"admin,user,worker" default:"user"`
}

// Run adds the user.
func (c *userAddCmd) Run(ctx context.Context) error {
	return c.withDatabase(ctx, func(db *store.DB) error {
		password, err := readPassword(os.Stdin)
		if err != nil {
			return err
		}
		u, err := db.CreateUser(ctx, pipeline.User{
			Name: c.Name, Email: c.Email, FirstName: c.FirstName, LastName: c.LastName,
			Group: c.Group, Active: true, Password: password,
		})
		if err != nil {
			return sentence(err)
		}
		fmt.Printf("user %s added with id %d in group %s\n", u.Name, u.ID, u.Group)
		return nil
	})
}

type userPasswdCmd struct {
	settings
	Name string `arg:"" help:"Name of the user."`
}

// Run sets the password and ends the user's sessions.
func (c *userPasswdCmd) Run(ctx context.Context) error {
	return c.withDatabase(ctx, func(db *store.DB) error {
		u, err := db.UserByName(ctx, c.Name)
		if err != nil {
			return fmt.Errorf("there is no user %q: see framemill user ls", c.Name)
		}
		password, err := readPassword(os.Stdin)
		if err != nil {
			return err
		}
		return sentence(db.SetPassword(ctx, u.ID, password, ""))
	})
}

type userLsCmd struct{ settings }

// Run lists the users.
func (c *userLsCmd) Run(ctx context.Context) error {
	return c.withDatabase(ctx, func(db *store.DB) error {
		users, _, err := db.Users(ctx, nil, store.Query{})
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tGROUP\tACTIVE\tEMAIL")
		for _, u := range users {
			fmt.Fprintf(w, "%d\t%s\t%s\t%t\t%s\n", u.ID, u.Name, u.Group, u.Active, u.Email)
		}
		return w.Flush()
	})
}

// withDatabase opens the database beside whoever has it, up to date.
func (s *settings) withDatabase(ctx context.Context, fn func(*store.DB) error) error {
	cfg, err := s.load(nil)
	if err != nil {
		return err
	}
	url, err := databaseURL(cfg)
	if err != nil {
		return err
	}
	db, err := store.OpenBeside(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	return fn(db)
}

// readPassword takes the password from the environment, or the first line of
// in, and hashes it. It is never an argument: those are seen by every user of
// the machine.
func readPassword(in io.Reader) (string, error) {
	password := os.Getenv("FRAMEMILL_PASSWORD")
	if password == "" {
		line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		password = strings.TrimRight(line, "\r\n")
	}
	if password == "" {
		return "", errors.New("no password: give it on standard input or in FRAMEMILL_PASSWORD")
	}
	return access.HashPassword(password)
}

// sentence shows a failure that people may know as its sentence only.
func sentence(err error) error {
	if e, ok := errors.AsType[*pipeline.Error](err); ok && e.Kind != pipeline.Internal {
		return errors.New(e.Text)
	}
	return err
}
