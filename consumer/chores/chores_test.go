package chores_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"framemill/consumer/chores"
	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/blob/blobtest"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/store"
	"framemill/stages/media/scratch"
)

// setup opens an empty database and bucket.
func setup(t *testing.T) (*store.DB, blob.Bucket) {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "db"))
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	bucket, err := fs.New(fs.Config{Dir: filepath.Join(dir, "blobs")})
	if err != nil {
		t.Fatalf("open bucket: %v", err)
	}
	return db, bucket
}

// named makes n blobs that rows of uploads name, and returns their keys.
func named(t *testing.T, db *store.DB, bucket blob.Bucket, n int) []string {
	t.Helper()
	owner := int64(1)
	id, err := db.CreateTask(t.Context(), &store.NewTask{Task: pipeline.Task{Name: "t", OwnerID: &owner, Tenant: "u1", Dimension: "2d"}})
	if err != nil {
		t.Fatalf("create task: %v", err)
	}
	keys := make([]string, n)
	uploads := make([]pipeline.Upload, n)
	for i := range uploads {
		keys[i] = fmt.Sprintf("up/named/%d", i)
		blobtest.Put(t, bucket, keys[i], []byte("x"))
		uploads[i] = pipeline.Upload{ID: pipeline.NewID(), UserID: 1, Name: fmt.Sprint(i), Length: 1, Key: keys[i]}
	}
	if _, err := db.SaveUploads(t.Context(), id, uploads); err != nil {
		t.Fatalf("save uploads: %v", err)
	}
	return keys
}

func collect(t *testing.T, db *store.DB, bucket blob.Bucket, grace time.Duration) int {
	t.Helper()
	c := chores.New(chores.Config{Every: time.Hour, Grace: grace}, db, bucket, slog.New(slog.DiscardHandler))
	n, err := c.Collect(t.Context())
	if err != nil {
		t.Fatalf("collect: %v", err)
	}
	return n
}

func TestCollectRemovesOnlyWhatNoRowNames(t *testing.T) {
	t.Parallel()
	db, bucket := setup(t)
	keep := named(t, db, bucket, 3)
	blobtest.Put(t, bucket, "task/1/r1/compressed/5/0-dead-1", []byte("x"))
	if n := collect(t, db, bucket, time.Hour); n != 0 {
		t.Errorf("%d blobs younger than the grace were removed", n)
	}
	if n := collect(t, db, bucket, -time.Second); n != 1 {
		t.Errorf("%d blobs were removed, want the one that no row names", n)
	}
	for _, key := range keep {
		if _, err := bucket.Stat(t.Context(), key); err != nil {
			t.Errorf("named blob %s: %v", key, err)
		}
	}
}

func TestCollectDoesNotBelieveInTooMuchGarbage(t *testing.T) {
	t.Parallel()
	db, bucket := setup(t)
	named(t, db, bucket, 70)
	for i := range 30 {
		blobtest.Put(t, bucket, fmt.Sprintf("task/9/%d", i), []byte("x"))
	}
	if n := collect(t, db, bucket, -time.Second); n != 0 {
		t.Errorf("%d of 100 blobs were removed although 30 are named by no row", n)
	}
}

// TestScratchIsSwept has the chores of a process begin with what an earlier one
// left behind, and stay away from what somebody has.
func TestScratchIsSwept(t *testing.T) {
	t.Parallel()
	db, bucket := setup(t)
	dir := t.TempDir()
	left := filepath.Join(dir, "attempt-1")
	hours := time.Now().Add(-2 * time.Hour)
	live, err := scratch.New(dir)
	if err := errors.Join(err, os.Mkdir(left, 0o700), os.Chtimes(left, hours, hours), os.Chtimes(live.Path, hours, hours)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // after the first look
	chores.New(chores.Config{Every: time.Hour, Grace: time.Hour, Scratch: dir}, db, bucket, slog.New(slog.DiscardHandler)).Run(ctx)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || filepath.Join(dir, entries[0].Name()) != live.Path {
		t.Errorf("%v are left, error %v; want the folder that is in use", entries, err)
	}
}

func TestOneProcessTakesAChore(t *testing.T) {
	t.Parallel()
	db, _ := setup(t)
	taken := 0
	for range 3 {
		ok, err := db.TakeChore(t.Context(), "collect", time.Hour)
		if err != nil {
			t.Fatalf("take: %v", err)
		}
		if ok {
			taken++
		}
	}
	if taken != 1 {
		t.Errorf("the chore was taken %d times within its period, want once", taken)
	}
}

// TestForgottenPartialGoes leaves a file that was begun, and another that is
// still being sent.
func TestForgottenPartialGoes(t *testing.T) {
	t.Parallel()
	db, bucket := setup(t)
	named(t, db, bucket, 1) // makes task 1
	partials := bucket.(blob.Resumer)
	for key, ttl := range map[string]time.Duration{"up/old": 0, "up/new": time.Hour} {
		s, err := partials.Resume(t.Context(), key, 0)
		if err != nil {
			t.Fatalf("begin %s: %v", key, err)
		}
		if err := s.Close(); err != nil {
			t.Fatalf("close %s: %v", key, err)
		}
		p := &pipeline.Partial{ID: pipeline.NewID(), TaskID: 1, Name: key, Key: key}
		if err := db.OpenPartial(t.Context(), p, ttl); err != nil {
			t.Fatalf("open %s: %v", key, err)
		}
	}
	c := chores.New(chores.Config{Every: time.Hour, Grace: time.Hour}, db, bucket, slog.New(slog.DiscardHandler))
	if err := c.Once(t.Context()); err != nil {
		t.Fatalf("chores: %v", err)
	}
	if err := partials.Complete(t.Context(), "up/old", 0); !errors.Is(err, blob.ErrNotExist) {
		t.Errorf("the forgotten one: %v, want %v", err, blob.ErrNotExist)
	}
	if err := partials.Complete(t.Context(), "up/new", 0); err != nil {
		t.Errorf("the one that is being sent: %v", err)
	}
}
