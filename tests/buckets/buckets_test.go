// Package buckets_test makes tasks from a bucket on a real S3 server.
package buckets_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/tests/program"
	"framemill/tests/sample"
	"framemill/tests/services"
)

// world is a server that may read a bucket, and what is in the bucket.
type world struct {
	*program.Server
	bucket  *services.Bucket
	storage int64
	content map[string][]byte // by key
}

// keys are those of the bucket, in the order of a listing. One has what is
// written differently in URLs.
var keys = []string{"a b+c ü%20.jpg", "day/1.jpg", "day/deep/2.jpg", "night/3.jpg"}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{bucket: services.S3(t), content: map[string][]byte{}}
	photos, err := sample.Photos(t.TempDir(), len(keys), 64, 48)
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range keys {
		if w.content[key], err = os.ReadFile(photos[i]); err != nil {
			t.Fatal(err)
		}
		w.bucket.Put(t, key, w.content[key])
	}
	w.bucket.Put(t, "day/notes.txt", []byte("no picture"))
	w.Server = program.Up(t, program.Config{Flags: []string{"--egress-allow", "127.0.0.1/32"}})
	var made struct{ ID int64 }
	w.JSON(t, http.MethodPost, "/api/cloudstorages", w.bucket.Storage(), &made)
	w.storage = made.ID
	return w
}

// names returns the frames of a task.
func (w *world) names(t *testing.T, task int64) []string {
	t.Helper()
	var meta struct{ Frames []struct{ Name string } }
	w.JSON(t, http.MethodGet, fmt.Sprintf("/api/tasks/%d/data/meta", task), nil, &meta)
	names := make([]string, len(meta.Frames))
	for i, f := range meta.Frames {
		names[i] = f.Name
	}
	return names
}

func TestTasksFromABucket(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, c := range map[string]struct {
		data map[string]any
		want []string
	}{
		"keys":         {map[string]any{"server_files": []string{keys[3], keys[0]}}, []string{keys[0], keys[3]}},
		"as named":     {map[string]any{"server_files": []string{keys[3], keys[0]}, "sorting_method": "predefined"}, []string{keys[3], keys[0]}},
		"folder":       {map[string]any{"server_files": []string{"day/"}}, keys[1:3]},
		"pattern":      {map[string]any{"filename_pattern": "*.jpg"}, keys},
		"pattern deep": {map[string]any{"filename_pattern": "day/*"}, keys[1:3]},
		"copied":       {map[string]any{"server_files": []string{"night/"}, "copy_data": true}, keys[3:]},
		"no cache":     {map[string]any{"server_files": []string{"day/"}, "use_cache": false}, keys[1:3]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.data["cloud_storage_id"] = w.storage
			task := w.Create(t, nil, c.data)
			w.AwaitIngest(t, task)
			if diff := cmp.Diff(c.want, w.names(t, task)); diff != "" {
				t.Errorf("frames (-want +got):\n%s", diff)
			}
			for i, key := range c.want {
				if got := w.Frame(t, task, i, "original"); !bytes.Equal(got, w.content[key]) {
					t.Errorf("frame %d has %d bytes that are not those of %s, which has %d", i, len(got), key, len(w.content[key]))
				}
				if got := w.Frame(t, task, i, "compressed"); !bytes.HasPrefix(got, []byte("\xff\xd8")) {
					t.Errorf("frame %d, compressed, is no JPEG: %d bytes", i, len(got))
				}
			}
		})
	}
}
