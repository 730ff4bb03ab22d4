package collect_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/source"
	"framemill/stages/collect"
	"framemill/tests/pack"
)

// world is a share and a bucket for one test.
type world struct {
	t      *testing.T
	dir    string // of the share
	share  *source.Share
	bucket *fs.Bucket
	opener *source.Opener
}

func setup(t *testing.T) *world {
	t.Helper()
	bucket, err := fs.New(fs.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	share, err := source.OpenShare(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { share.Close() })
	return &world{t: t, dir: dir, share: share, bucket: bucket, opener: source.New(bucket, share, nil)}
}

// put makes files on the share, whose content is their name.
func (w *world) put(paths ...string) {
	w.t.Helper()
	for _, p := range paths {
		full := filepath.Join(w.dir, p)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(p), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
}

// upload stores an upload with the given content.
func (w *world) upload(ord int64, name string, content []byte) pipeline.Upload {
	w.t.Helper()
	key := fmt.Sprintf("uploads/%d", ord)
	b, err := w.bucket.Create(context.Background(), key, blob.Durable)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := b.Write(content); err != nil {
		w.t.Fatal(err)
	}
	if err := b.Commit(context.Background()); err != nil {
		w.t.Fatal(err)
	}
	return pipeline.Upload{Ord: ord, Name: name, Length: int64(len(content)), Key: key, CRC32: int64(crc32.ChecksumIEEE(content))}
}

// run collects all pages.
func (w *world) run(cfg collect.Config, in collect.Input) ([]pipeline.SourceFile, collect.Output, error) {
	var files []pipeline.SourceFile
	out, err := collect.New(cfg, w.opener, w.share, w.bucket).Run(context.Background(), in, collect.Attempt{
		Emit: func(page []pipeline.SourceFile) error {
			if cfg.Page > 0 && len(page) > cfg.Page {
				w.t.Errorf("a page has %d files, more than %d", len(page), cfg.Page)
			}
			files = append(files, page...)
			return nil
		},
		Key:      func(n int64) string { return fmt.Sprintf("copies/1/%d", n) },
		Progress: func() {},
	})
	return files, out, err
}

// content reads a collected file through its reference.
func (w *world) content(f pipeline.SourceFile) string {
	w.t.Helper()
	r, err := w.opener.Open(context.Background(), f.Ref, f.Stamp())
	if err != nil {
		w.t.Fatalf("open %s: %v", f.Ref, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		w.t.Fatalf("read %s: %v", f.Ref, err)
	}
	return string(b)
}

func names(files []pipeline.SourceFile) []string {
	var out []string
	for _, f := range files {
		out = append(out, f.Name)
	}
	return out
}

func zipOf(t *testing.T, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, n := range names {
		m, err := w.Create(n)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(m, n); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUploadsComeInOrderOfArrival(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := collect.Input{Uploads: []pipeline.Upload{
		w.upload(3, "a.jpg", []byte("aa")), w.upload(1, "c.PNG", []byte("c")), w.upload(2, "notes.txt", []byte("n")), w.upload(4, "b.tiff", nil),
	}}
	files, out, err := w.run(collect.Config{Page: 2}, in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"c.PNG", "a.jpg", "b.tiff"}, names(files)); diff != "" {
		t.Errorf("names differ (-want +got):\n%s", diff)
	}
	if want := (collect.Output{Files: 3, Skipped: 1, Bytes: 3, Storage: "local"}); out != want {
		t.Errorf("got %+v, want %+v", out, want)
	}
	if f := files[1]; w.content(f) != "aa" || *f.CRC32 != int64(crc32.ChecksumIEEE([]byte("aa"))) {
		t.Errorf("a.jpg has checksum %v", *f.CRC32)
	}
}

func TestArchiveMembersAreReadInPlace(t *testing.T) {
	t.Parallel()
	w := setup(t)
	packed := zipOf(t, "b/2.jpg", "b/1.png", "readme.md", "b/related_images/1_png/x.jpg", "__MACOSX/b/._2.jpg", "related_images/y.jpg")
	files, out, err := w.run(collect.Config{}, collect.Input{Uploads: []pipeline.Upload{w.upload(0, "all.zip", packed)}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b/2.jpg", "b/1.png", "b/related_images/1_png/x.jpg", "related_images/y.jpg"}, names(files)); diff != "" {
		t.Errorf("names differ (-want +got):\n%s", diff)
	}
	for _, f := range files {
		if got := w.content(f); got != f.Name || f.CRC32 != nil {
			t.Errorf("%s holds %q, and its checksum is known: %t", f.Name, got, f.CRC32 != nil)
		}
	}
	if out.Skipped != 1 {
		t.Errorf("%d members skipped, want 1", out.Skipped)
	}
}

// TestTarMembersAreReadInPlace collects a tar, which its name does not tell.
func TestTarMembersAreReadInPlace(t *testing.T) {
	t.Parallel()
	w := setup(t)
	packed := pack.Tar(pack.Member{Name: "b/2.jpg", Content: []byte("b/2.jpg")}, pack.Member{Name: "readme.md"},
		pack.Member{Name: "b/1.png", Content: []byte("b/1.png")})
	files, out, err := w.run(collect.Config{}, collect.Input{Uploads: []pipeline.Upload{w.upload(0, "all.zip", packed)}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b/2.jpg", "b/1.png"}, names(files)); diff != "" || out.Skipped != 1 {
		t.Errorf("%d skipped, names differ (-want +got):\n%s", out.Skipped, diff)
	}
	for _, f := range files {
		if got := w.content(f); got != f.Name {
			t.Errorf("%s holds %q", f.Name, got)
		}
	}
}

// TestKITTIBecomesPCD reads point clouds of KITTI as those of the other format.
func TestKITTIBecomesPCD(t *testing.T) {
	t.Parallel()
	w := setup(t)
	points := bytes.Repeat([]byte("0123456789abcdef"), 3)
	files, _, err := w.run(collect.Config{}, collect.Input{Uploads: []pipeline.Upload{
		w.upload(0, "a.bin", points), w.upload(1, "odd.bin", points[:20]), w.upload(2, "empty.bin", nil), w.upload(3, "b.pcd", []byte("x")),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a.pcd", "odd.bin", "empty.bin", "b.pcd"}, names(files)); diff != "" {
		t.Fatalf("names differ (-want +got):\n%s", diff)
	}
	if got := w.content(files[0]); !strings.HasSuffix(got, "POINTS 3\nDATA binary\n"+string(points)) || int64(len(got)) != files[0].Bytes {
		t.Errorf("a.pcd of %d bytes is %q", files[0].Bytes, got)
	}
	if files[1].Code != pipeline.CodeUnsupportedFormat || files[2].Code != pipeline.CodeEmptyFile {
		t.Errorf("the odd one has the code %q, the empty one %q", files[1].Code, files[2].Code)
	}
}

// TestStreamsAreUnpacked leaves a tar.gz to whoever unpacks.
func TestStreamsAreUnpacked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	up := w.upload(0, "all.tar", pack.Gzip(pack.Tar()))
	var got []pipeline.SourceFile
	out, err := collect.New(collect.Config{}, w.opener, w.share, w.bucket).Run(t.Context(), collect.Input{Uploads: []pipeline.Upload{up}}, collect.Attempt{
		Emit: func(page []pipeline.SourceFile) error { got = append(got, page...); return nil },
		Key:  func(n int64) string { return fmt.Sprint("copies/", n) }, Progress: func() {},
		Unpack: func(_ context.Context, f pipeline.SourceFile, key string) ([]pipeline.SourceFile, int64, error) {
			return []pipeline.SourceFile{{Name: f.Name + " in " + key}}, 7, nil
		},
	})
	if err != nil || len(got) != 1 || got[0].Name != "all.tar in copies/0" || out.Skipped != 7 {
		t.Errorf("got %+v and %+v, %v; want the one unpacked file and 7 skipped", got, out, err)
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		list, exclude []string
		want          []string
	}{
		{"files in the order of the request", []string{"z.jpg", "cats2/1.jpg"}, nil, []string{"z.jpg", "cats2/1.jpg"}},
		{"a folder", []string{"cats"}, nil, []string{"cats/1.jpg", "cats/2.png", "cats/related_images/1_jpg/x.jpg", "cats/sub/3.jpg"}},
		{"a sibling of like name stays", []string{"cats", "cats2/1.jpg"}, nil, []string{"cats/1.jpg", "cats/2.png", "cats/related_images/1_jpg/x.jpg", "cats/sub/3.jpg", "cats2/1.jpg"}},
		{"a folder with a listed child is dropped", []string{"cats", "cats/sub/3.jpg"}, nil, []string{"cats/sub/3.jpg"}},
		{"twice is once", []string{"z.jpg", "z.jpg"}, nil, []string{"z.jpg"}},
		{"exclusions", []string{"cats"}, []string{"cats/sub/", "cats/2.png", "cats/related_images"}, []string{"cats/1.jpg"}},
		{"excluded by name", []string{"z.jpg", "cats2/1.jpg"}, []string{"z.jpg"}, []string{"cats2/1.jpg"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.put("z.jpg", "cats/1.jpg", "cats/2.png", "cats/sub/3.jpg", "cats/notes.txt", "cats/clip.mp4",
				"cats/related_images/1_jpg/x.jpg", "cats2/1.jpg")
			for _, copied := range []bool{false, true} {
				spec := pipeline.Spec{ServerFiles: tt.list, ServerExcl: tt.exclude, CopyData: copied}
				files, out, err := w.run(collect.Config{}, collect.Input{Spec: spec})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tt.want, names(files)); diff != "" {
					t.Errorf("names differ (-want +got):\n%s", diff)
				}
				for _, f := range files {
					if got := w.content(f); got != f.Name {
						t.Errorf("%s holds %q", f.Name, got)
					}
					if scheme, _ := f.Ref.Split(); (scheme == "blob") != copied || (f.CRC32 != nil) != copied || (f.MTime != 0) == copied {
						t.Errorf("copied %v: %s, checksum %v, time %d", copied, f.Ref, f.CRC32, f.MTime)
					}
				}
				if want := map[bool]string{true: "local", false: "share"}[copied]; out.Storage != want {
					t.Errorf("storage is %q, want %q", out.Storage, want)
				}
				w.bucket = setup(t).bucket
				w.opener = source.New(w.bucket, w.share, nil)
			}
		})
	}
}

// TestVideo takes one video from everywhere, and leaves out what counts for
// nothing beside it.
func TestVideo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put("films/clip.MP4")
	listed := func(copied bool) collect.Input {
		return collect.Input{Spec: pipeline.Spec{ServerFiles: []string{"films/clip.MP4"}, CopyData: copied}}
	}
	tests := []struct {
		name, from, storage string
		in                  collect.Input
		want                string
	}{
		{"uploaded", "blob", pipeline.StorageLocal, collect.Input{Uploads: []pipeline.Upload{
			w.upload(0, "notes.txt", nil), w.upload(1, "clip.webm", []byte("clip.webm")), w.upload(2, "manifest.jsonl", nil),
		}}, "clip.webm"},
		{"on the share", "share", pipeline.StorageShare, listed(false), "films/clip.MP4"},
		{"copied from the share", "blob", pipeline.StorageLocal, listed(true), "films/clip.MP4"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files, out, err := w.run(collect.Config{}, tt.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want}, names(files)); diff != "" {
				t.Fatalf("names differ (-want +got):\n%s", diff)
			}
			if scheme, _ := files[0].Ref.Split(); scheme != tt.from || out.Storage != tt.storage || w.content(files[0]) != tt.want {
				t.Errorf("%s with storage %s, want a %s with storage %s", files[0].Ref, out.Storage, tt.from, tt.storage)
			}
		})
	}
}

func TestArchiveOnTheShare(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put("x/all.zip")
	if err := os.WriteFile(filepath.Join(w.dir, "x/all.zip"), zipOf(t, "1.jpg"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, copied := range []bool{false, true} {
		files, _, err := w.run(collect.Config{}, collect.Input{Spec: pipeline.Spec{ServerFiles: []string{"x/all.zip"}, CopyData: copied}})
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != 1 || w.content(files[0]) != "1.jpg" || strings.Contains(string(files[0].Ref), "share:") == copied {
			t.Errorf("copied %v: got %+v", copied, files)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put("a.jpg", "empty/readme.txt", "films/clip.mp4")
	if err := os.Symlink("/etc/passwd", filepath.Join(w.dir, "leak.jpg")); err != nil {
		t.Fatal(err)
	}
	pic := w.upload(0, "a.jpg", []byte("x"))
	archive := w.upload(1, "a.zip", zipOf(t, "1.jpg"))
	up := func(u ...pipeline.Upload) collect.Input { return collect.Input{Uploads: u} }
	listed := func(paths ...string) collect.Input {
		return collect.Input{Spec: pipeline.Spec{ServerFiles: paths}}
	}
	tests := []struct {
		name string
		in   collect.Input
		code pipeline.Code
		says string
	}{
		{"nothing", collect.Input{}, pipeline.CodeNoMedia, "No media data found"},
		{"nothing usable", up(w.upload(2, "a.txt", nil)), pipeline.CodeNoMedia, "No media data found"},
		{"archive and picture", up(pic, archive), pipeline.CodeMediaMix, "Only one video, archive, pdf, zip"},
		{"video and picture", up(pic, w.upload(3, "clip.mp4", nil)), pipeline.CodeMediaMix, "1 image(s), 1 video(s) found"},
		{"two videos", up(w.upload(10, "a.mp4", nil), w.upload(11, "b.mkv", nil)), pipeline.CodeMediaMix, "0 image(s), 2 video(s) found"},
		{"folder of videos", listed("films"), pipeline.CodeNoMedia, "No media data found"},
		{"document", up(w.upload(4, "a.pdf", nil)), pipeline.CodeEmptyFile, "a.pdf"},
		{"hostile tar", up(w.upload(12, "h.tar", pack.Tar(pack.Member{Name: "../x.jpg"}))), pipeline.CodeUnsafePath, "../x.jpg"},
		{"related images alone", up(w.upload(5, "related_images/p_jpg/x.jpg", nil)), pipeline.CodeNoMedia, "No media data found"},
		{"both ways", collect.Input{Uploads: []pipeline.Upload{pic}, Spec: pipeline.Spec{ServerFiles: []string{"a.jpg"}}}, pipeline.CodeMediaMix, "together"},
		{"empty archive file", up(w.upload(6, "e.zip", nil)), pipeline.CodeEmptyFile, "e.zip"},
		{"archive of nothing", up(w.upload(7, "n.zip", zipOf(t, "a.txt"))), pipeline.CodeNoMedia, "No media data found"},
		{"no archive", up(w.upload(8, "f.zip", []byte("not a zip"))), pipeline.CodeUnsupportedFormat, "f.zip"},
		{"hostile archive", up(w.upload(9, "h.zip", zipOf(t, "../x.jpg"))), pipeline.CodeUnsafePath, "../x.jpg"},
		{"missing", listed("a.jpg", "gone.jpg"), pipeline.CodeSourceGone, "gone.jpg"},
		{"link out of the share", listed("leak.jpg"), "", "leak.jpg"},
		{"folder of nothing", listed("empty"), pipeline.CodeNoMedia, "No media data found"},
		{"all excluded", collect.Input{Spec: pipeline.Spec{ServerFiles: []string{"a.jpg"}, ServerExcl: []string{"a.jpg"}}}, pipeline.CodeNoMedia, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files, _, err := w.run(collect.Config{}, tt.in)
			if err == nil {
				t.Fatalf("got %v, want an error", files)
			}
			if code := pipeline.CodeOf(err); tt.code != "" && code != tt.code || pipeline.Retryable(err) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want a final error with code %q that says %q", err, tt.code, tt.says)
			}
		})
	}
}

func TestNoShareMounted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := collect.New(collect.Config{}, w.opener, nil, w.bucket)
	_, err := s.Run(context.Background(), collect.Input{Spec: pipeline.Spec{ServerFiles: []string{"a.jpg"}}}, collect.Attempt{})
	if pipeline.CodeOf(err) != pipeline.CodeSourceGone {
		t.Errorf("got %v, want source_gone", err)
	}
}

// TestFileGoneDuringCopy removes a file between listing and copying: it is
// marked, and the others are copied.
func TestFileGoneDuringCopy(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.put("d/1.jpg", "d/2.jpg", "d/3.jpg")
	s := collect.New(collect.Config{}, w.opener, removing{w.share, filepath.Join(w.dir, "d/2.jpg")}, w.bucket)
	var got []pipeline.SourceFile
	_, err := s.Run(context.Background(), collect.Input{Spec: pipeline.Spec{ServerFiles: []string{"d"}, CopyData: true}}, collect.Attempt{
		Emit:     func(p []pipeline.SourceFile) error { got = append(got, p...); return nil },
		Key:      func(n int64) string { return fmt.Sprintf("k/%d", n) },
		Progress: func() {},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0].Code != "" || got[1].Code != pipeline.CodeSourceGone || got[1].Text == "" || got[2].Code != "" {
		t.Errorf("got %+v, want the second marked source_gone", got)
	}
}

// removing is a share that loses a file once it has been walked.
type removing struct {
	*source.Share
	path string
}

func (r removing) Walk(ctx context.Context, dir string, fn func(source.Entry) error) error {
	return errors.Join(r.Share.Walk(ctx, dir, fn), os.Remove(r.path))
}

func TestRunEndsWithEmit(t *testing.T) {
	t.Parallel()
	w := setup(t)
	why := errors.New("the claim is lost")
	s := collect.New(collect.Config{}, w.opener, w.share, w.bucket)
	_, err := s.Run(context.Background(), collect.Input{Uploads: []pipeline.Upload{w.upload(0, "a.jpg", nil)}}, collect.Attempt{
		Emit: func([]pipeline.SourceFile) error { return why }, Progress: func() {},
	})
	if !errors.Is(err, why) {
		t.Errorf("got %v, want the error of Emit", err)
	}
}

// TestLongListsAreCheap collects many names: pages keep memory flat and time
// linear.
func TestLongListsAreCheap(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := collect.Input{Uploads: make([]pipeline.Upload, 200_000)}
	for i := range in.Uploads {
		in.Uploads[i] = pipeline.Upload{Ord: int64(i), Name: fmt.Sprintf("%06d.jpg", i), Key: "k"}
	}
	begun := time.Now()
	files, _, err := w.run(collect.Config{Page: 1000}, in)
	if err != nil || len(files) != len(in.Uploads) {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	if d := time.Since(begun); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
}
