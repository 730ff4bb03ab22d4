package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"

	"framemill/configs"
	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// firstAdmin makes the administrator on the very first start, and prints the
// password once: it is kept nowhere in the clear. FRAMEMILL_ADMIN_PASSWORD
// sets it instead.
func firstAdmin(ctx context.Context, cfg configs.Config, db *store.DB) error {
	_, n, err := db.Users(ctx, nil, store.Query{Limit: 1})
	if err != nil || n > 0 {
		return err
	}
	password, given := os.LookupEnv("FRAMEMILL_ADMIN_PASSWORD")
	if !given {
		password = rand.Text()
	}
	hash, err := access.HashPassword(password)
	if err != nil {
		return err
	}
	if _, err := db.CreateUser(ctx, pipeline.User{
		Name: "admin", Group: pipeline.GroupAdmin, Active: true, Password: hash,
	}); err != nil {
		return fmt.Errorf("make the first administrator: %w", err)
	}
	if !given {
		fmt.Printf("First start on %s: log in as admin with the password %s (shown only now).\n", cfg.Data, password)
	}
	return nil
}
