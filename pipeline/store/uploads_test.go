package store_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// sentFiles are uploads with names and, as key and checksum, contents.
func sentFiles(pairs ...string) (files []pipeline.Upload) {
	for i := 0; i+1 < len(pairs); i += 2 {
		files = append(files, pipeline.Upload{
			ID: pipeline.NewID(), UserID: 1, Name: pairs[i], Key: "up/" + pairs[i] + "/" + pairs[i+1],
			SHA256: pairs[i+1], Length: int64(len(pairs[i+1])), CRC32: 1 << 31,
		})
	}
	return files
}

// moved gives files other keys, as every request does.
func moved(files []pipeline.Upload) []pipeline.Upload {
	for i := range files {
		files[i].Key = "2/" + files[i].Key
	}
	return files
}

// saved lists the uploads of a task as <place> <key>.
func saved(t *testing.T, db *store.DB, task int64) (out []string) {
	t.Helper()
	list, err := db.Uploads(t.Context(), task, -1, 100)
	if err != nil {
		t.Fatalf("list uploads: %v", err)
	}
	for _, u := range list {
		out = append(out, fmt.Sprintf("%d %s", u.Ord, u.Key))
	}
	return out
}

func TestSaveUploads(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx, id := t.Context(), newTask(t, db, store.NewTask{})
		steps := []struct {
			name   string
			files  []pipeline.Upload
			kind   pipeline.Kind // Internal means that it succeeds
			unused []string
			want   []string
		}{
			{"first", sentFiles("b", "1", "a", "22"), pipeline.Internal, nil, []string{"0 up/b/1", "1 up/a/22"}},
			{"more", sentFiles("c", "3"), pipeline.Internal, nil, []string{"0 up/b/1", "1 up/a/22", "2 up/c/3"}},
			{"again", moved(sentFiles("A", "4", "a", "22")), pipeline.Internal, []string{"2/up/a/22"},
				[]string{"0 up/b/1", "1 up/a/22", "2 up/c/3", "3 2/up/A/4"}},
			{"collision", sentFiles("d", "5", "a", "33"), pipeline.Conflict, nil,
				[]string{"0 up/b/1", "1 up/a/22", "2 up/c/3", "3 2/up/A/4"}},
		}
		for _, s := range steps {
			unused, err := db.SaveUploads(ctx, id, s.files)
			if (err == nil) != (s.kind == pipeline.Internal) || pipeline.KindOf(err) != s.kind {
				t.Errorf("%s: %v, want kind %d", s.name, err, s.kind)
			}
			if diff := cmp.Diff(s.unused, unused); err == nil && diff != "" {
				t.Errorf("%s: unused keys (-want +got):\n%s", s.name, diff)
			}
			if diff := cmp.Diff(s.want, saved(t, db, id)); diff != "" {
				t.Errorf("%s: uploads (-want +got):\n%s", s.name, diff)
			}
		}
		n, err := db.UploadTotals(ctx, id)
		if err != nil || n != (store.UploadTotals{Files: 4, Bytes: 5}) {
			t.Errorf("totals %+v (%v), want 4 files of 5 bytes", n, err)
		}
	})
}

// TestUploadsOfAFailedAttempt: they stay until new files come.
func TestUploadsOfAFailedAttempt(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx, id := t.Context(), newTask(t, db, store.NewTask{})
		save := func(want pipeline.Kind, pairs ...string) []string {
			t.Helper()
			unused, err := db.SaveUploads(ctx, id, sentFiles(pairs...))
			if (err == nil) != (want == pipeline.Internal) || pipeline.KindOf(err) != want {
				t.Errorf("save %v: %v, want kind %d", pairs, err, want)
			}
			return unused
		}
		save(pipeline.Internal, "a", "1", "b", "2")
		r, err := db.Accept(ctx, ingestOf(id, 1))
		if err != nil {
			t.Fatalf("accept: %v", err)
		}
		save(pipeline.Conflict, "c", "3")
		if _, err := db.CancelRequest(ctx, r.ID); err != nil {
			t.Fatalf("cancel: %v", err)
		}
		if got := save(pipeline.Internal, "a", "4"); !cmp.Equal(got, []string{"up/a/1", "up/b/2"}) {
			t.Errorf("replaced keys %v, want those of the first attempt", got)
		}
		save(pipeline.Internal, "c", "3")
		if diff := cmp.Diff([]string{"0 up/a/4", "1 up/c/3"}, saved(t, db, id)); diff != "" {
			t.Errorf("uploads (-want +got):\n%s", diff)
		}
		if keys, err := db.DropUploads(ctx, id); err != nil || len(keys) != 0 {
			t.Errorf("DropUploads took %v of the attempt under way (%v)", keys, err)
		}
	})
}

func TestNotUploadable(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		wantKind(t, db.Uploadable(ctx, 999), pipeline.NotFound, "upload to no task")
		id := newTask(t, db, store.NewTask{})
		if err := db.Uploadable(ctx, id); err != nil {
			t.Errorf("a fresh task: %v", err)
		}
		if err := db.DeleteTask(ctx, id); err != nil {
			t.Fatalf("delete: %v", err)
		}
		wantKind(t, db.Uploadable(ctx, id), pipeline.NotFound, "upload to a deleted task")
		_, err := db.SaveUploads(ctx, id, sentFiles("a", "1"))
		wantKind(t, err, pipeline.NotFound, "save for a deleted task")
	})
}

// TestSaveUploadsAtOnce saves from many goroutines; no place may be used twice.
func TestSaveUploadsAtOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		const writers, each = 8, 25
		ctx, id := t.Context(), newTask(t, db, store.NewTask{})
		errs := make(chan error)
		for w := range writers {
			go func() {
				var pairs []string
				for i := range each {
					pairs = append(pairs, fmt.Sprintf("%d-%d", w, i), "x")
				}
				_, err := db.SaveUploads(ctx, id, sentFiles(pairs...))
				errs <- err
			}()
		}
		for range writers {
			if err := <-errs; err != nil {
				t.Errorf("save: %v", err)
			}
		}
		list, err := db.Uploads(ctx, id, -1, writers*each+1)
		if err != nil || len(list) != writers*each {
			t.Fatalf("%d uploads (%v), want %d", len(list), err, writers*each)
		}
		for i, u := range list {
			if u.Ord != int64(i) {
				t.Fatalf("upload %d has place %d", i, u.Ord)
			}
		}
	})
}
