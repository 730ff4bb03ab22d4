package source_test

import (
	"os"
	"path/filepath"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/blob/blobtest"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/source"
)

func TestLocalIsThePathOfTheFileItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bucket, err := fs.New(fs.Config{Dir: filepath.Join(dir, "blobs")})
	if err != nil {
		t.Fatalf("open bucket: %v", err)
	}
	blobtest.Put(t, bucket, "up/1", []byte("blob"))
	root := filepath.Join(dir, "share")
	if err := os.MkdirAll(filepath.Join(root, "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "real", "v.mp4"), []byte("share"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real/v.mp4", filepath.Join(root, "link.mp4")); err != nil {
		t.Fatal(err)
	}
	share, err := source.OpenShare(root)
	if err != nil {
		t.Fatalf("open share: %v", err)
	}
	o := source.New(bucket, share, nil)
	for ref, want := range map[pipeline.Ref]string{
		pipeline.BlobRef("up/1"):      "blob",
		pipeline.ShareRef("link.mp4"): "share",
	} {
		path, release, err := o.Local(t.Context(), ref, pipeline.AnyStamp())
		if err != nil {
			t.Errorf("%s: %v", ref, err)
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("%s lies at %s, which holds %q (%v), want %q", ref, path, got, err, want)
		}
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s lies at %s, which is not a plain file (%v)", ref, path, err)
		}
		release()
	}
	if _, _, err := o.Local(t.Context(), pipeline.ShareRef("none.mp4"), pipeline.AnyStamp()); pipeline.CodeOf(err) != pipeline.CodeSourceGone {
		t.Errorf("a missing file: %v, want source_gone", err)
	}
}
