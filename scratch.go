package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"framemill/configs"
)

// scratchDir is where programs of ours write what is not kept yet.
func scratchDir(cfg configs.Config) string { return absolute(filepath.Join(cfg.Data, "scratch")) }

// scratchLife is longer than any attempt lasts.
const scratchLife = 24 * time.Hour

// clearScratch makes the folder and removes what processes left there that
// were killed long ago. Others may be at work beside this one.
func clearScratch(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	var errs []error
	for _, e := range entries {
		info, statErr := e.Info()
		if statErr == nil && time.Since(info.ModTime()) > scratchLife {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(append(errs, err)...)
}
