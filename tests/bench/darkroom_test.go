package bench_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/source"
	"framemill/stages/encode"
	"framemill/stages/probe"
	"framemill/tests/sample"
)

const (
	// photosEnv names the variable that sets the folder of photographs.
	photosEnv   = "FRAMEMILL_BENCH_PHOTOS"
	usualPhotos = "/usr/share/backgrounds/mate/nature"
)

// makePictures cuts 1080p out of photographs, and writes each of them in every
// quality. Where tools/install could not get any, painted ones stand in.
func makePictures(b *testing.B, qualities string) (kind string, paths []string) {
	b.Helper()
	kind, folder := "photographs", cmp.Or(os.Getenv(photosEnv), usualPhotos)
	photos, err := filepath.Glob(filepath.Join(folder, "*.jpg"))
	if err == nil && len(photos) == 0 {
		kind = "paintings"
		photos, err = sample.Photos(b.TempDir(), 9, 2304, 1296)
	}
	if err != nil {
		b.Fatal(err)
	}
	slices.Sort(photos)
	dir := b.TempDir()
	command(b, python(), append([]string{"pictures.py", "make", dir, qualities}, photos...)...)
	paths, err = filepath.Glob(filepath.Join(dir, "*.jpg"))
	if err != nil || len(paths) == 0 {
		b.Fatalf("no picture of %s is large enough: %v", folder, err)
	}
	return kind, paths
}

// darkroom is pictures on a share and the stage that makes a chunk of them.
type darkroom struct {
	paths        []string
	data, theirs string
	stage        *encode.Stage
	frames       []pipeline.FrameFile
	runs         int
}

func newDarkroom(b *testing.B, paths []string) *darkroom {
	b.Helper()
	d := &darkroom{paths: paths, data: b.TempDir(), theirs: filepath.Join(b.TempDir(), "chunk.zip")}
	bucket, err := fs.New(fs.Config{Dir: d.data})
	if err != nil {
		b.Fatal(err)
	}
	share, err := source.OpenShare(filepath.Dir(paths[0]))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { share.Close() })
	opener := source.New(bucket, share, nil)
	var files []pipeline.SourceFile
	for _, p := range paths {
		name := filepath.Base(p)
		e, err := share.Stat(b.Context(), name)
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, pipeline.SourceFile{Name: name, Ref: pipeline.ShareRef(name), Bytes: e.Bytes, MTime: e.MTime})
	}
	rows, err := probe.New(probe.Config{}, opener, nil, nil).Run(b.Context(), probe.Input{Files: files}, func() {})
	if err != nil {
		b.Fatal(err)
	}
	for n, row := range rows {
		d.frames = append(d.frames, pipeline.FrameFile{N: int64(n), File: row})
	}
	everybody := func(context.Context, int64) (func(), error) { return func() {}, nil }
	d.stage = encode.New(encode.Config{Parallel: 1}, opener, bucket, everybody) // one, as the reference has
	return d
}

// key returns where the chunk of the last run is.
func (d *darkroom) key() string { return fmt.Sprintf("chunks/%d", d.runs) }

// make makes a chunk of all pictures and returns the milliseconds of processor
// time that each took.
func (d *darkroom) make(b *testing.B) float64 {
	b.Helper()
	d.runs++
	before := processorUse(b)
	_, err := d.stage.Run(b.Context(), encode.Input{
		Chunks:      []encode.ChunkWork{{SegmentID: 1, Quality: pipeline.Compressed, Key: d.key(), Frames: d.frames}},
		JPEGQuality: chunkQuality,
	}, func() {})
	if err != nil {
		b.Fatal(err)
	}
	return (processorUse(b) - before) / float64(len(d.frames))
}

// peak returns the most bytes that this process has resident while it makes a
// chunk.
func (d *darkroom) peak(b *testing.B) int64 {
	b.Helper()
	debug.FreeOSMemory()
	const forgetPeak = "5"
	if err := os.WriteFile("/proc/self/clear_refs", []byte(forgetPeak), 0); err != nil {
		b.Fatal(err)
	}
	d.make(b)
	return peakMemory(b, os.Getpid())
}

// reference has Pillow make the chunk, and returns the milliseconds for each
// picture and the most bytes that it had resident.
func (d *darkroom) reference(b *testing.B) (ms float64, peak int64) {
	b.Helper()
	text := command(b, python(), append([]string{"pictures.py", "chunk", d.theirs}, d.paths...)...)
	var seconds float64
	if _, err := fmt.Sscan(text, &seconds, &peak); err != nil {
		b.Fatalf("%v: %s", err, text)
	}
	return 1000 * seconds / float64(len(d.paths)), peak
}

// judge compares the chunks of both sides with the pictures that they were made
// of, by the PSNR of their luma in dB.
func (d *darkroom) judge(b *testing.B) (ours, theirs likeness, worst, mean float64) {
	b.Helper()
	our, their := filepath.Join(d.data, "blobs", d.key()), d.theirs
	a, r := d.luma(b, our), d.luma(b, their)
	for i := range a {
		worst = min(worst, a[i]-r[i])
		ours.psnr += a[i] / float64(len(a))
		theirs.psnr += r[i] / float64(len(a))
	}
	ours.bytes, theirs.bytes = sizeOf(b, our), sizeOf(b, their)
	return ours, theirs, worst, ours.psnr - theirs.psnr
}

// luma returns the PSNR of each picture of a chunk.
func (d *darkroom) luma(b *testing.B, chunk string) (psnr []float64) {
	b.Helper()
	dir := b.TempDir()
	unpack(b, []string{chunk}, dir)
	said := command(b, "ffmpeg", "-v", "error", "-i", filepath.Join(dir, "%06d.jpeg"), "-i", filepath.Join(filepath.Dir(d.paths[0]), "%06d.jpg"),
		"-lavfi", "psnr=stats_file=-", "-f", "null", "-")
	for line := range strings.Lines(said) {
		_, after, _ := strings.Cut(line, "psnr_y:")
		var db float64
		if _, err := fmt.Sscan(after, &db); err != nil {
			b.Fatalf("no PSNR is told: %v: %s", err, line)
		}
		psnr = append(psnr, min(db, samePSNR))
	}
	if len(psnr) != len(d.paths) {
		b.Fatalf("%d pictures were compared, want %d: %s", len(psnr), len(d.paths), said)
	}
	return psnr
}

// samePSNR stands for that of pictures that are the same, which is infinite.
const samePSNR = 99
