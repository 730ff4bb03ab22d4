package source_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"framemill/pipeline"
	"framemill/pipeline/cloud"
	"framemill/pipeline/source"
)

// memory is a bucket whose objects lie in memory. It is the only one that its
// storages know.
type memory struct {
	cloud.Bucket
	objects map[string]string
	breaks  atomic.Int64 // bodies that break off after ten bytes
	sent    atomic.Int64 // bytes
	asked   atomic.Int64 // requests
}

func (m *memory) of(context.Context, int64) (cloud.Bucket, error) { return m, nil }

func etagOf(content string) string {
	return fmt.Sprintf("%q", fmt.Sprint(len(content), content[:min(4, len(content))]))
}

// Open implements cloud.Bucket.
func (m *memory) Open(_ context.Context, key, etag string, off, n int64) (io.ReadCloser, cloud.Object, error) {
	m.asked.Add(1)
	content, ok := m.objects[key]
	o := cloud.Object{Key: key, Bytes: int64(len(content)), ETag: etagOf(content)}
	switch {
	case !ok:
		return nil, o, pipeline.Failf(pipeline.CodeSourceGone, key, "%s is not there", key)
	case etag != "" && etag != o.ETag:
		return nil, o, pipeline.Failf(pipeline.CodeSourceChanged, key, "%s has changed", key)
	}
	content = content[off:]
	if n >= 0 {
		content = content[:min(n, int64(len(content)))]
	}
	var r io.Reader = strings.NewReader(content)
	if m.breaks.Add(-1) >= 0 {
		lost := pipeline.Errorf(pipeline.Transient, "the line broke")
		r = io.MultiReader(io.LimitReader(r, 10), iotest.ErrReader(lost))
	}
	return io.NopCloser(&counting{r, &m.sent}), o, nil
}

type counting struct {
	io.Reader
	n *atomic.Int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// bucketOf finds buckets by a function.
type bucketOf func(ctx context.Context, id int64) (cloud.Bucket, error)

// Bucket implements what an opener needs.
func (f bucketOf) Bucket(ctx context.Context, id int64) (cloud.Bucket, error) { return f(ctx, id) }

func TestCloudObjectsAreOneVersion(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789abcdef", 4000)
	m := &memory{objects: map[string]string{"a/b.jpg": long, "empty": ""}}
	o := source.New(nil, nil, bucketOf(m.of))
	ways := map[string]func(context.Context, pipeline.Ref, pipeline.Stamp) (source.File, error){
		"Open": o.Open, "Header": o.Header, "Whole": o.Whole,
	}
	tests := []struct {
		key   string
		stamp pipeline.Stamp
		code  pipeline.Code
	}{
		{key: "a/b.jpg", stamp: pipeline.AnyStamp()},
		{key: "a/b.jpg", stamp: pipeline.Stamp{Bytes: int64(len(long)), ETag: etagOf(long)}},
		{key: "empty", stamp: pipeline.AnyStamp()},
		{key: "a/b.jpg", stamp: pipeline.Stamp{Bytes: int64(len(long)), ETag: "other"}, code: pipeline.CodeSourceChanged},
		{key: "a/b.jpg", stamp: pipeline.Stamp{Bytes: 5}, code: pipeline.CodeSourceChanged},
		{key: "none", stamp: pipeline.AnyStamp(), code: pipeline.CodeSourceGone},
	}
	for name, open := range ways {
		for _, tt := range tests {
			f, err := open(t.Context(), pipeline.CloudRef(3, tt.key), tt.stamp)
			if tt.code != "" {
				if err == nil || pipeline.CodeOf(err) != tt.code {
					t.Errorf("%s(%s, %+v): %v, want the code %s", name, tt.key, tt.stamp, err, tt.code)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s(%s, %+v): %v", name, tt.key, tt.stamp, err)
				continue
			}
			checkObject(t, name, f, m.objects[tt.key])
		}
	}
}

// checkObject reads a file whole, then from places in it.
func checkObject(t *testing.T, how string, f source.File, want string) {
	t.Helper()
	defer f.Close()
	got, err := io.ReadAll(f)
	if err != nil || string(got) != want || f.Size() != int64(len(want)) {
		t.Errorf("%s gives %d bytes of size %d (%v), want %d", how, len(got), f.Size(), err, len(want))
	}
	v, ok := f.(source.Versioned)
	if !ok || v.Version() != (pipeline.Stamp{Bytes: int64(len(want)), ETag: etagOf(want)}) {
		t.Errorf("%s does not tell its version: %+v", how, v)
	}
	for _, off := range []int64{40_000, 3, 20_000, 0} {
		if off+100 > int64(len(want)) {
			continue
		}
		if _, err := f.Seek(off, io.SeekStart); err != nil {
			t.Errorf("%s: seek: %v", how, err)
		}
		var b [100]byte
		if _, err := io.ReadFull(f, b[:]); err != nil || string(b[:]) != want[off:off+100] {
			t.Errorf("%s reads %q at %d (%v), want %q", how, b, off, err, want[off:off+100])
		}
	}
	if _, err := f.Seek(-1, io.SeekStart); err == nil {
		t.Errorf("%s seeks before the beginning", how)
	}
}

func TestHeaderReadsLittle(t *testing.T) {
	t.Parallel()
	m := &memory{objects: map[string]string{"k": strings.Repeat("x", 1<<20)}}
	f, err := source.New(nil, nil, bucketOf(m.of)).Header(t.Context(), pipeline.CloudRef(1, "k"), pipeline.AnyStamp())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, off := range []int64{0, 8000, 500_000} {
		if _, err := f.Seek(off, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(f, make([]byte, 1024)); err != nil {
			t.Fatal(err)
		}
	}
	if m.sent.Load() > 32<<10 || m.asked.Load() != 2 {
		t.Errorf("a header took %d bytes in %d requests, want at most 32 KiB in 2", m.sent.Load(), m.asked.Load())
	}
}

func TestBrokenStreamsGoOn(t *testing.T) {
	t.Parallel()
	m := &memory{objects: map[string]string{"k": "the quick brown fox jumps over the lazy dog"}}
	m.breaks.Store(2)
	o := source.New(nil, nil, bucketOf(m.of))
	f, err := o.Open(t.Context(), pipeline.CloudRef(1, "k"), pipeline.AnyStamp())
	if err != nil {
		t.Fatal(err)
	}
	checkObject(t, "a broken stream", f, m.objects["k"])
	m.breaks.Store(1)
	if f, err = o.Open(t.Context(), pipeline.CloudRef(1, "k"), pipeline.AnyStamp()); err != nil {
		t.Fatal(err)
	}
	m.objects["k"] = "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG"
	if got, err := io.ReadAll(f); pipeline.CodeOf(err) != pipeline.CodeSourceChanged {
		t.Errorf("an object that changes while the line is broken reads %q, %v; want source_changed", got, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	m := &memory{objects: map[string]string{"k": strings.Repeat("x", 100_000)}}
	o := source.New(nil, nil, bucketOf(m.of))
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() {
			open := o.Header
			if i%2 == 0 {
				open = o.Whole
			}
			f, err := open(t.Context(), pipeline.CloudRef(1, "k"), pipeline.AnyStamp())
			if err != nil {
				t.Error(err)
				return
			}
			f.Close()
			f.Close() // gives nothing back twice
		})
	}
	wg.Wait()
}

func TestCloudStoragesThatAreNotThere(t *testing.T) {
	t.Parallel()
	away := pipeline.Failf(pipeline.CodeStorageDetached, "", "it is gone")
	o := source.New(nil, nil, bucketOf(func(context.Context, int64) (cloud.Bucket, error) { return nil, away }))
	if _, err := o.Open(t.Context(), pipeline.CloudRef(1, "k"), pipeline.AnyStamp()); !errors.Is(err, away) {
		t.Errorf("a storage that is gone: %v, want %v", err, away)
	}
	if _, err := source.New(nil, nil, nil).Open(t.Context(), pipeline.CloudRef(1, "k"), pipeline.AnyStamp()); pipeline.KindOf(err) != pipeline.NotOffered {
		t.Errorf("without storages: %v, want not_offered", err)
	}
	for _, ref := range []pipeline.Ref{"cloud:k", "cloud:0/k", "cloud:1/", "cloud:x/k"} {
		if _, err := o.Open(t.Context(), ref, pipeline.AnyStamp()); err == nil || errors.Is(err, away) {
			t.Errorf("%s: %v, want a malformed reference", ref, err)
		}
	}
}
