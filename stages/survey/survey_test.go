package survey_test

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/cloud"
	"framemill/pipeline/source"
	"framemill/stages/survey"
)

// heard is what a survey told.
type heard struct {
	total int64
	good  []string
	bad   []string
}

func (h *heard) Found(total int64) { h.total = total }

func (h *heard) Read(name string, bad error) {
	if bad != nil {
		h.bad = append(h.bad, name)
		return
	}
	h.good = append(h.good, name)
}

// memory is a bucket in memory, listed two at a time.
type memory struct {
	cloud.Bucket
	objects map[string][]byte
	sent    atomic.Int64
}

func (m *memory) List(_ context.Context, prefix, token string, _ int, _ bool) (cloud.Page, error) {
	var p cloud.Page
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		if !strings.HasPrefix(key, prefix) || key < token {
			continue
		}
		if len(p.Objects) == 2 {
			p.Next = key
			break
		}
		p.Objects = append(p.Objects, cloud.Object{Key: key, Bytes: int64(len(m.objects[key])), ETag: key})
	}
	return p, nil
}

func (m *memory) Open(_ context.Context, key, _ string, off, n int64) (io.ReadCloser, cloud.Object, error) {
	data := m.objects[key][off:]
	if n >= 0 {
		data = data[:min(n, int64(len(data)))]
	}
	m.sent.Add(int64(len(data)))
	return io.NopCloser(bytes.NewReader(data)), cloud.Object{Key: key, Bytes: int64(len(m.objects[key])), ETag: key}, nil
}

// files are three pictures, one of them broken and one long, and what is none.
func files(t *testing.T) map[string][]byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 40, 30)), nil); err != nil {
		t.Fatal(err)
	}
	long := append(slices.Clone(b.Bytes()), make([]byte, 1<<20)...)
	return map[string][]byte{
		"b.jpg": b.Bytes(), "a/c.jpg": long, "a.jpg": b.Bytes(), "broken.jpg": []byte("x"), "notes.txt": nil, "a/.hidden.jpg": nil,
	}
}

const want = `{"version":"1.1"}
{"type":"images"}
{"name":"a","extension":".jpg","width":40,"height":30,"meta":{"related_images":[]}}
{"name":"a/c","extension":".jpg","width":40,"height":30,"meta":{"related_images":[]}}
{"name":"b","extension":".jpg","width":40,"height":30,"meta":{"related_images":[]}}
`

func TestWrite(t *testing.T) {
	t.Parallel()
	dir, m := t.TempDir(), &memory{objects: map[string][]byte{"elsewhere.jpg": nil}}
	for name, data := range files(t) {
		m.objects["in/"+name] = data
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	share, err := source.OpenShare(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer share.Close()
	for name, place := range map[string]survey.Place{"folder": {Share: share}, "bucket": {Bucket: m, Prefix: "in/"}} {
		var out bytes.Buffer
		var h heard
		n, err := survey.Write(t.Context(), place, &out, &h)
		if diff := cmp.Diff(want, out.String()); diff != "" || err != nil || n != 3 || h.total != 4 {
			t.Errorf("%s: %d of %d, %v, -want +got:\n%s", name, n, h.total, err, diff)
		}
		if diff := cmp.Diff([]string{"broken.jpg"}, h.bad); diff != "" || len(h.good) != 3 {
			t.Errorf("%s: %d were told, left out -want +got:\n%s", name, len(h.good), diff)
		}
	}
	if m.sent.Load() > 64<<10 {
		t.Errorf("%d bytes came of the bucket, want headers only", m.sent.Load())
	}
}

func TestNothingToWrite(t *testing.T) {
	t.Parallel()
	_, err := survey.Write(t.Context(), survey.Place{Bucket: &memory{}}, io.Discard, &heard{})
	if pipeline.CodeOf(err) != pipeline.CodeNoMedia {
		t.Errorf("an empty bucket: %v, want no_media", err)
	}
}
