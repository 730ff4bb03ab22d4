package encode_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hhrutter/tiff"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/source"
	"framemill/stages/encode"
	"framemill/stages/probe"
)

// world is a folder of sources and a bucket of chunks for one test.
type world struct {
	t      testing.TB
	dir    string
	share  *source.Share
	bucket *fs.Bucket
	opener *source.Opener
}

func setup(t testing.TB) *world {
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

// frame stores a picture and probes it.
func (w *world) frame(n int64, name string, content []byte) pipeline.FrameFile {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), content, 0o644); err != nil {
		w.t.Fatal(err)
	}
	ctx := context.Background()
	e, err := w.share.Stat(ctx, name)
	if err != nil {
		w.t.Fatal(err)
	}
	src := pipeline.SourceFile{Name: name, Ref: pipeline.ShareRef(name), Bytes: e.Bytes, MTime: e.MTime}
	rows, err := probe.New(probe.Config{}, w.opener, nil, nil).Run(ctx, probe.Input{Lo: n, Files: []pipeline.SourceFile{src}}, func() {})
	if err != nil {
		w.t.Fatal(err)
	}
	return pipeline.FrameFile{N: n, File: rows[0]}
}

// free is a gate that lets everything through.
func free(context.Context, int64) (func(), error) { return func() {}, nil }

func (w *world) stage(parallel int) *encode.Stage {
	return encode.New(encode.Config{Parallel: parallel}, w.opener, w.bucket, free)
}

func (w *world) run(s *encode.Stage, in encode.Input) encode.Output {
	w.t.Helper()
	out, err := s.Run(context.Background(), in, func() {})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// read returns a blob whole, and checks the row of the chunk against it.
func (w *world) read(c pipeline.Chunk) []byte {
	w.t.Helper()
	o, err := w.bucket.Open(context.Background(), c.Key)
	if err != nil {
		w.t.Fatal(err)
	}
	defer o.Close()
	b, err := io.ReadAll(o)
	if err != nil {
		w.t.Fatal(err)
	}
	if c.Bytes != int64(len(b)) || c.CRC32 != int64(crc32.ChecksumIEEE(b)) {
		w.t.Errorf("the row says %d bytes with checksum %x, the file has %d with %x", c.Bytes, c.CRC32, len(b), crc32.ChecksumIEEE(b))
	}
	return b
}

// member is one entry of a chunk.
type member struct {
	name    string
	content []byte
}

// members unpacks a chunk and checks what clients rely on.
func members(t testing.TB, chunk []byte) []member {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(chunk), int64(len(chunk)))
	if err != nil {
		t.Fatal(err)
	}
	var out []member
	for _, f := range r.File {
		if f.Method != zip.Store || f.Flags&8 != 0 || f.Modified.Year() != 1980 {
			t.Errorf("%s has method %d, flags %x, date %v; want it stored, without descriptor, of 1980", f.Name, f.Method, f.Flags, f.Modified)
		}
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(in) // checks the checksum
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		out = append(out, member{f.Name, b})
	}
	return out
}

// paint is a picture whose level tells its number.
func paint(width, height, n int) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = byte(20 + 20*n)
	}
	return m
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// onItsSide is a JPEG with the EXIF orientation 6.
func onItsSide(t testing.TB, m image.Image) []byte {
	j := jpegOf(t, m)
	app1 := "\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
	return append([]byte("\xff\xd8"+app1), j[2:]...)
}

func tiffOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tiff.Encode(&b, m, &tiff.Options{}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// level returns the grey level in the middle of an encoded picture.
func level(t testing.TB, b []byte) (image.Point, int) {
	t.Helper()
	m, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	size := m.Bounds().Size()
	g, _ := color.GrayModel.Convert(m.At(size.X/2, size.Y/2)).(color.Gray)
	return size, int(g.Y)
}

func TestCompressedChunk(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var frames []pipeline.FrameFile
	for n := range 10 {
		// Sizes differ so much that later pictures are ready first.
		content := jpegOf(t, paint(40+400*(n%2), 30, n))
		if n == 3 {
			content = onItsSide(t, paint(40, 30, n))
		}
		frames = append(frames, w.frame(int64(n), fmt.Sprintf("p%d.jpg", n), content))
	}
	for _, parallel := range []int{1, 2, 5} {
		key := fmt.Sprintf("chunks/%d", parallel)
		in := encode.Input{JPEGQuality: 70, Chunks: []encode.ChunkWork{{SegmentID: 7, Index: 3, Version: 2, Quality: pipeline.Compressed, Key: key, Frames: frames}}}
		var done atomic.Int64
		out, err := w.stage(parallel).Run(context.Background(), in, func() { done.Add(1) })
		if err != nil {
			t.Fatal(err)
		}
		got := out.Chunks[0]
		want := pipeline.Chunk{SegmentID: 7, Quality: "compressed", Index: 3, Version: 2, Key: key, Frames: 10, Bytes: got.Bytes, CRC32: got.CRC32}
		if diff := cmp.Diff(want, got); diff != "" || len(out.Reports) > 0 || done.Load() != 10 {
			t.Errorf("reports %v, progress %d, row (-want +got):\n%s", out.Reports, done.Load(), diff)
		}
		for n, m := range members(t, w.read(got)) {
			size, grey := level(t, m.content)
			f := frames[n]
			if m.name != fmt.Sprintf("%06d.jpeg", n) || size != image.Pt(int(f.Width), int(f.Height)) || math.Abs(float64(grey-20-20*n)) > 3 {
				t.Errorf("entry %d is %s of %v with level %d, want frame %d of %d×%d", n, m.name, size, grey, n, f.Width, f.Height)
			}
		}
	}
}

func TestSameInputGivesSameBytes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	frames := []pipeline.FrameFile{w.frame(0, "a.jpg", jpegOf(t, paint(64, 64, 1))), w.frame(1, "b.jpg", jpegOf(t, paint(64, 64, 2)))}
	var all [][]byte
	for i := range 2 {
		out := w.run(w.stage(1+i), encode.Input{JPEGQuality: 50, Chunks: []encode.ChunkWork{{Quality: pipeline.Compressed, Key: fmt.Sprint("k", i), Frames: frames}}})
		all = append(all, w.read(out.Chunks[0]))
	}
	if !bytes.Equal(all[0], all[1]) {
		t.Error("two runs over the same input differ")
	}
}

func TestOriginalChunkHoldsDerivedFramesOnly(t *testing.T) {
	t.Parallel()
	w := setup(t)
	frames := []pipeline.FrameFile{
		w.frame(0, "plain.jpg", jpegOf(t, paint(40, 30, 0))),
		w.frame(1, "turned.JPG", onItsSide(t, paint(40, 30, 1))),
		w.frame(2, "page.TIF", tiffOf(t, paint(40, 30, 2))),
	}
	out := w.run(w.stage(2), encode.Input{Chunks: []encode.ChunkWork{{Quality: pipeline.Original, Key: "k", Frames: frames}}})
	if out.Chunks[0].Frames != 3 {
		t.Errorf("the row says %d frames, want 3", out.Chunks[0].Frames)
	}
	got := members(t, w.read(out.Chunks[0]))
	if len(got) != 2 || got[0].name != "000001.JPG" || got[1].name != "000002.TIF" {
		t.Fatalf("got %d entries, want 000001.JPG and 000002.TIF", len(got))
	}
	for i, size := range []image.Point{{30, 40}, {40, 30}} {
		if s, grey := level(t, got[i].content); s != size || math.Abs(float64(grey-40-20*i)) > 3 {
			t.Errorf("%s is %v with level %d, want %v", got[i].name, s, grey, size)
		}
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	w := setup(t)
	frames := []pipeline.FrameFile{w.frame(0, "a.jpg", jpegOf(t, paint(1024, 512, 3))), w.frame(1, "b.jpg", jpegOf(t, paint(10, 10, 1)))}
	out := w.run(w.stage(2), encode.Input{Chunks: []encode.ChunkWork{{Quality: pipeline.Preview, Key: "k", Frames: frames}}})
	if size, grey := level(t, w.read(out.Chunks[0])); size != image.Pt(256, 128) || math.Abs(float64(grey-80)) > 3 {
		t.Errorf("preview is %v with level %d, want 256×128 with 80", size, grey)
	}
}

// TestBrokenFramesAreNotRenumbered breaks sources in every way after they were
// probed, and wants all frames in their places.
func TestBrokenFramesAreNotRenumbered(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var p bytes.Buffer
	if err := png.Encode(&p, paint(50, 20, 1)); err != nil {
		t.Fatal(err)
	}
	broken := p.Bytes()
	broken[len(broken)-30] ^= 0x55
	long := jpegOf(t, noise(64, 64))
	frames := []pipeline.FrameFile{
		w.frame(0, "good.jpg", jpegOf(t, paint(40, 30, 0))),
		w.frame(1, "broken.png", broken),
		w.frame(2, "short.jpg", long[:len(long)*2/3]),
		w.frame(3, "changed.jpg", jpegOf(t, paint(40, 30, 3))),
		w.frame(4, "gone.jpg", jpegOf(t, paint(300, 600, 4))),
		w.frame(5, "good2.jpg", jpegOf(t, paint(40, 30, 5))),
	}
	w.frame(3, "changed.jpg", jpegOf(t, paint(64, 64, 9)))
	if err := os.Remove(filepath.Join(w.dir, "gone.jpg")); err != nil {
		t.Fatal(err)
	}
	out := w.run(w.stage(3), encode.Input{JPEGQuality: 80, Chunks: []encode.ChunkWork{
		{Quality: pipeline.Compressed, Key: "k1", Frames: frames},
		{Quality: pipeline.Compressed, Key: "k2", Frames: frames[3:]},
		{Quality: pipeline.Preview, Key: "k3", Frames: frames[4:]},
	}})
	for i, m := range members(t, w.read(out.Chunks[0])) {
		if size, _ := level(t, m.content); size != image.Pt(int(frames[i].Width), int(frames[i].Height)) {
			t.Errorf("%s is %v, want the size of frame %d", m.name, size, i)
		}
	}
	if size, _ := level(t, w.read(out.Chunks[2])); size != image.Pt(128, 256) {
		t.Errorf("the placeholder of a preview is %v, want 128×256", size)
	}
	want := []encode.FileReport{
		{Ord: 1, Code: pipeline.CodeDecodeFailed}, {Ord: 2, Code: pipeline.CodeTruncated, Shown: true},
		{Ord: 3, Code: pipeline.CodeSourceChanged}, {Ord: 4, Code: pipeline.CodeSourceGone},
	}
	for i := range out.Reports {
		if out.Reports[i].Text == "" {
			t.Errorf("report %+v has no text", out.Reports[i])
		}
		out.Reports[i].Text = ""
	}
	if diff := cmp.Diff(want, out.Reports); diff != "" {
		t.Errorf("reports differ (-want +got):\n%s", diff)
	}
}

// TestNeededSources makes a chunk that can be made later, when the source of a
// frame is back.
func TestNeededSources(t *testing.T) {
	t.Parallel()
	w := setup(t)
	gone := w.frame(0, "gone.jpg", jpegOf(t, paint(40, 30, 0)))
	if err := os.Remove(filepath.Join(w.dir, "gone.jpg")); err != nil {
		t.Fatal(err)
	}
	broken := w.frame(1, "broken.jpg", jpegOf(t, paint(40, 30, 1))[:300])
	for f, want := range map[*pipeline.FrameFile]pipeline.Code{&gone: pipeline.CodeSourceGone, &broken: ""} {
		_, err := w.stage(1).Run(t.Context(), encode.Input{NeedSources: true, JPEGQuality: 80, Chunks: []encode.ChunkWork{
			{Quality: pipeline.Compressed, Key: "key-" + f.Name, Frames: []pipeline.FrameFile{*f}},
		}}, func() {})
		if got := pipeline.CodeOf(err); err != nil && got != want || err == nil && want != "" {
			t.Errorf("a chunk of %s gives %v, want %q", f.Name, err, want)
		}
	}
}

func noise(width, height int) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, width, height))
	for i := range m.Pix {
		m.Pix[i] = byte(i * i >> 3)
	}
	return m
}

// TestFailuresLeaveNothing fails the storage of sources, that of chunks, and
// the gate, and wants the error back and no chunk.
func TestFailuresLeaveNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	frames := []pipeline.FrameFile{w.frame(0, "a.jpg", jpegOf(t, paint(64, 64, 0))), w.frame(1, "b.jpg", jpegOf(t, paint(64, 64, 1)))}
	away := pipeline.Errorf(pipeline.Transient, "the storage does not answer")
	stages := map[string]*encode.Stage{
		"sources": encode.New(encode.Config{}, failingSources{w.opener, away}, w.bucket, free),
		"writes":  encode.New(encode.Config{}, w.opener, failingBlobs{w.bucket, away}, free),
		"gate":    encode.New(encode.Config{}, w.opener, w.bucket, func(context.Context, int64) (func(), error) { return nil, away }),
	}
	for name, s := range stages {
		for _, q := range []pipeline.Quality{pipeline.Compressed, pipeline.Preview} {
			in := encode.Input{Chunks: []encode.ChunkWork{{Quality: q, Key: "k", Frames: frames}}}
			if _, err := s.Run(context.Background(), in, func() {}); !errors.Is(err, away) || !pipeline.Retryable(err) {
				t.Errorf("%s, %s: got %v, want %v", name, q, err, away)
			}
		}
	}
	left, err := w.bucket.List(context.Background(), "", "", 10)
	if err != nil || len(left) > 0 {
		t.Errorf("%v and %v are left", left, err)
	}
	if n, err := w.bucket.Sweep(context.Background(), 0); err != nil || n > 0 {
		t.Errorf("%d temporary files are left, %v", n, err)
	}
}

// failingSources opens the first file only.
type failingSources struct {
	*source.Opener
	err error
}

func (f failingSources) Whole(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (source.File, error) {
	return nil, f.err
}

// failingBlobs makes writers that take nothing.
type failingBlobs struct {
	*fs.Bucket
	err error
}

func (f failingBlobs) Create(ctx context.Context, key string, d blob.Durability) (blob.Writer, error) {
	w, err := f.Bucket.Create(ctx, key, d)
	return failingWriter{w, f.err}, err
}

type failingWriter struct {
	blob.Writer
	err error
}

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("the lease is over")
	in := encode.Input{Chunks: []encode.ChunkWork{{Quality: pipeline.Compressed, Key: "k", Frames: []pipeline.FrameFile{
		w.frame(0, "a.jpg", jpegOf(t, paint(64, 64, 0))), w.frame(1, "b.jpg", jpegOf(t, paint(64, 64, 1))), w.frame(2, "c.jpg", jpegOf(t, paint(64, 64, 2))),
	}}}}
	if _, err := w.stage(1).Run(ctx, in, func() { cancel(why) }); !errors.Is(err, why) {
		t.Errorf("got %v, want the cause of the context", err)
	}
}

// TestGateBoundsThePictures counts how many pictures hold a turn, and how much
// memory they ask for.
func TestGateBoundsThePictures(t *testing.T) {
	t.Parallel()
	w := setup(t)
	var frames []pipeline.FrameFile
	for n := range 12 {
		frames = append(frames, w.frame(int64(n), fmt.Sprint(n, ".jpg"), jpegOf(t, paint(300, 300, n%8))))
	}
	var mu sync.Mutex
	var now, most int
	var asked []int64
	gate := func(_ context.Context, bytes int64) (func(), error) {
		mu.Lock()
		defer mu.Unlock()
		now++
		most = max(most, now)
		asked = append(asked, bytes)
		return func() { mu.Lock(); defer mu.Unlock(); now-- }, nil
	}
	s := encode.New(encode.Config{Parallel: 3}, w.opener, w.bucket, gate)
	w.run(s, encode.Input{JPEGQuality: 70, Chunks: []encode.ChunkWork{{Quality: pipeline.Compressed, Key: "k", Frames: frames}}})
	if most > 3 || now != 0 || len(asked) != 12 || slices.Min(asked) < 300*300 {
		t.Errorf("%d turns at once, %d not given back, asked for %v", most, now, asked)
	}
}

func BenchmarkChunkOf36(b *testing.B) {
	w := setup(b)
	m := image.NewYCbCr(image.Rect(0, 0, 1920, 1080), image.YCbCrSubsampleRatio420)
	for i := range m.Y {
		m.Y[i] = byte(128 + 60*math.Sin(float64(i%1920)/17) + 30*math.Cos(float64(i/1920)/11))
	}
	content := jpegOf(b, m)
	var frames []pipeline.FrameFile
	for n := range 36 {
		frames = append(frames, w.frame(int64(n), fmt.Sprint(n, ".jpg"), content))
	}
	s := w.stage(2)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i++
		w.run(s, encode.Input{JPEGQuality: 70, Chunks: []encode.ChunkWork{{Quality: pipeline.Compressed, Key: fmt.Sprint("k", i), Frames: frames}}})
	}
}
