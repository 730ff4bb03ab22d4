package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"framemill/configs"
	"framemill/pipeline/outgoing"
	"framemill/pipeline/seal"
	"framemill/pipeline/source"
	"framemill/pipeline/store"
)

// keyFile is where the key of secrets lies that nobody has set.
func keyFile(cfg configs.Config) string { return filepath.Join(cfg.Data, "key") }

// openBox returns the box of the key that is set, or of the key file, or the
// one without a key.
func openBox(cfg configs.Config) (*seal.Box, error) {
	key := cfg.Key
	if key == "" {
		text, err := os.ReadFile(keyFile(cfg))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read the key of secrets: %w", err)
		}
		key = strings.TrimSpace(string(text))
	}
	return seal.New(key)
}

// makeKey makes the key file on the first start of a process that has its data
// to itself. The file is whole or not there: half a key would be another one.
func makeKey(cfg configs.Config) error {
	if cfg.Key != "" {
		return nil
	}
	if _, err := os.Stat(keyFile(cfg)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(cfg.Data, "key-*") // readable by its owner only
	if err != nil {
		return fmt.Errorf("make the key of secrets: %w", err)
	}
	defer os.Remove(f.Name())
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return errors.Join(err, f.Close())
	}
	_, err = f.WriteString(hex.EncodeToString(key[:]) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the key of secrets: %w", err)
	}
	// A link fails if another process was faster; then its key counts.
	if err := os.Link(f.Name(), keyFile(cfg)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the key of secrets: %w", err)
	}
	return nil
}

// checkKey refuses a key that does not open what the database holds: nothing
// would be read from buckets, and webhooks would not be signed.
func checkKey(ctx context.Context, db *store.DB, box *seal.Box) error {
	secrets, err := db.NewestSecrets(ctx)
	if err != nil {
		return err
	}
	for _, s := range secrets {
		if box == nil {
			return errors.New("the database holds secrets: set FRAMEMILL_KEY to the key that they were encrypted under")
		}
		if _, err := box.Open(seal.Place{Purpose: s.Purpose, ID: s.ID}, s.Secret); err != nil {
			return fmt.Errorf("FRAMEMILL_KEY is not the key of this database: %w", err)
		}
	}
	return nil
}

// newStorages returns what opens the buckets that users name. Redirects are not
// followed: no provider needs them, and a request carries a signature.
func newStorages(cfg configs.Config, db *store.DB, box *seal.Box) (*source.Storages, error) {
	web, err := outgoing.New(outgoing.Config{Allow: cfg.EgressAllow})
	if err != nil {
		return nil, err
	}
	return source.NewStorages(db, box, web), nil
}
