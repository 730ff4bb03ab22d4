package unpack_test

import (
	"bytes"
	"context"
	"hash/crc32"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/blob/blobtest"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/source"
	"framemill/stages/media/archive"
	"framemill/stages/unpack"
	"framemill/tests/pack"
)

// world is a bucket with an archive in it.
type world struct {
	bucket *fs.Bucket
	opener *source.Opener
	in     unpack.Input
}

func setup(t *testing.T, packed []byte) *world {
	t.Helper()
	bucket, err := fs.New(fs.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	blobtest.Put(t, bucket, "up/1", packed)
	return &world{bucket, source.New(bucket, nil, nil), unpack.Input{
		Archive: pipeline.SourceFile{Name: "a.tgz", Ref: pipeline.BlobRef("up/1"), Bytes: int64(len(packed))}, Key: "unpacked/1",
	}}
}

func (w *world) run(lim archive.Limits) (unpack.Output, error) {
	return unpack.New(lim, w.opener, w.bucket, "").Run(context.Background(), w.in, func() {})
}

func TestMembersLieBehindOneAnother(t *testing.T) {
	t.Parallel()
	content := map[string][]byte{"b.jpg": bytes.Repeat([]byte("b"), 100_000), "d/a.png": []byte("a"), "empty.jpg": {}}
	w := setup(t, pack.Gzip(pack.Tar(
		pack.Member{Name: "b.jpg", Content: content["b.jpg"]}, pack.Member{Name: "notes.txt", Content: []byte("x")},
		pack.Member{Name: "empty.jpg"}, pack.Member{Name: "d/a.png", Content: content["d/a.png"]})))
	out, err := w.run(archive.Limits{})
	if err != nil || out.Skipped != 1 {
		t.Fatalf("%d skipped, %v; want 1", out.Skipped, err)
	}
	var names []string
	for _, f := range out.Files {
		names = append(names, f.Name)
		r, err := w.opener.Open(t.Context(), f.Ref, f.Stamp())
		if err != nil {
			t.Fatalf("open %s: %v", f.Ref, err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, content[f.Name]) || *f.CRC32 != int64(crc32.ChecksumIEEE(got)) {
			t.Errorf("%s: %d bytes with the sum %x, %v; want %d", f.Name, len(got), *f.CRC32, err, len(content[f.Name]))
		}
		r.Close()
	}
	if diff := cmp.Diff([]string{"b.jpg", "empty.jpg", "d/a.png"}, names); diff != "" {
		t.Errorf("names differ (-want +got):\n%s", diff)
	}
}

// TestWrongSums unpacks a 7z in which a byte of one member is not what it was.
func TestWrongSums(t *testing.T) {
	t.Parallel()
	packed := pack.SevenZip(pack.Member{Name: "a.jpg", Content: []byte("first")}, pack.Member{Name: "b.jpg", Content: []byte("second")})
	packed[bytes.Index(packed, []byte("second"))] = 'S'
	out, err := setup(t, packed).run(archive.Limits{})
	if err != nil || len(out.Files) != 2 {
		t.Fatalf("%d files, %v; want 2", len(out.Files), err)
	}
	if a, b := out.Files[0].Code, out.Files[1].Code; a != "" || b != pipeline.CodeBadMember {
		t.Errorf("the codes are %q and %q, want the second to be bad_member", a, b)
	}
}

// TestFailuresLeaveNothing names the archive at fault, and keeps no blob.
func TestFailuresLeaveNothing(t *testing.T) {
	t.Parallel()
	good := pack.Member{Name: "a.jpg", Content: make([]byte, 300_000)}
	for name, packed := range map[string][]byte{
		"damaged": pack.Gzip(pack.Tar(good))[:200], "no archive": []byte("hello"), "no pictures": pack.Gzip(pack.Tar(pack.Member{Name: "a.txt"})),
	} {
		w := setup(t, packed)
		out, err := w.run(archive.Limits{})
		if err == nil && len(out.Files) > 0 || err != nil && pipeline.Public(err).File != "a.tgz" {
			t.Errorf("%s: %+v, %v; want an error that names a.tgz, or nothing", name, out, err)
		}
		if _, err := w.bucket.Stat(t.Context(), w.in.Key); err == nil {
			t.Errorf("%s: something was kept", name)
		}
	}
}
