package bench_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/source"
	"framemill/stages/film"
	"framemill/stages/media/sandbox"
	"framemill/stages/media/video"
	"framemill/tests/program"
)

func TestMain(m *testing.M) {
	sandbox.Helper()
	os.Exit(m.Run())
}

const (
	// pythonEnv names the variable that sets the Python which has PyAV and Pillow.
	pythonEnv    = "FRAMEMILL_BENCH_PYTHON"
	usualPython  = "../../.venv/bin/python"
	chunkFrames  = 36
	chunkQuality = 70
)

// work is what both sides do with the same clip.
type work struct {
	form film.Form
	step int64
}

// studio is a clip on a share and the stage that makes chunks of it.
type studio struct {
	path, data, theirs string
	stage              *film.Stage
	file               pipeline.File
	chunks             []film.ChunkWork // of the last run
	runs               int
}

func newStudio(b *testing.B, path string) *studio {
	b.Helper()
	s := &studio{path: path, data: b.TempDir(), theirs: b.TempDir()}
	films, err := video.New(video.Config{Decoder: program.Decoder(b)})
	if err != nil {
		b.Fatal(err)
	}
	bucket, err := fs.New(fs.Config{Dir: s.data})
	if err != nil {
		b.Fatal(err)
	}
	share, err := source.OpenShare(filepath.Dir(path))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { share.Close() })
	s.stage = film.New(films.Gated(oneCore), source.New(bucket, share, nil), bucket, b.TempDir())
	name := filepath.Base(path)
	e, err := share.Stat(b.Context(), name)
	if err != nil {
		b.Fatal(err)
	}
	x, err := films.Index(b.Context(), video.File{Path: path, Name: name}, func() {})
	if err != nil {
		b.Fatal(err)
	}
	var index bytes.Buffer
	if err := x.Encode(&index); err != nil {
		b.Fatal(err)
	}
	if err := put(b.Context(), bucket, "index", index.Bytes()); err != nil {
		b.Fatal(err)
	}
	s.file = pipeline.File{
		Name: name, Ref: pipeline.ShareRef(name), Bytes: e.Bytes, MTime: e.MTime,
		Width: x.Width, Height: x.Height, Frames: x.Len(), Index: "index",
	}
	return s
}

// oneCore grants one core, as a server that has work for all does: the reference
// has one thread as well.
func oneCore(context.Context, int, int64) (granted int, leave func(), err error) {
	return 1, func() {}, nil
}

func put(ctx context.Context, bucket blob.Bucket, key string, text []byte) error {
	w, err := bucket.Create(ctx, key, blob.Rebuildable)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(text); err != nil {
		return err
	}
	return w.Commit(ctx)
}

// make makes all chunks and returns the milliseconds of processor time that
// each frame of the file took.
func (s *studio) make(b *testing.B, w work) float64 {
	b.Helper()
	s.chunks = nil
	s.runs++
	frames := (s.file.Frames + w.step - 1) / w.step
	for lo := int64(0); lo < frames; lo += chunkFrames {
		i := int64(len(s.chunks))
		s.chunks = append(s.chunks, film.ChunkWork{
			SegmentID: 1, Index: i, Quality: pipeline.Compressed, Form: w.form,
			Key: fmt.Sprintf("chunks/%d-%d", s.runs, i), Lo: lo, Hi: min(lo+chunkFrames, frames),
		})
	}
	before := processorUse(b)
	in := film.Input{Footage: film.Footage{File: s.file, Step: w.step}, Chunks: s.chunks, Quality: chunkQuality}
	if _, err := s.stage.Run(b.Context(), in, func() {}, nil); err != nil {
		b.Fatal(err)
	}
	return (processorUse(b) - before) / float64(s.file.Frames)
}

// processorUse returns the milliseconds that this process and the children that
// ended have used.
func processorUse(b *testing.B) float64 {
	b.Helper()
	var sum int64
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		sum += u.Utime.Nano() + u.Stime.Nano()
	}
	return float64(sum) / 1e6
}

// reference has PyAV do the work, and returns the milliseconds for each frame
// of the file.
func (s *studio) reference(b *testing.B, w work) float64 {
	b.Helper()
	text := command(b, python(), "reference.py", string(w.form), s.path, s.theirs, strconv.FormatInt(w.step, 10))
	seconds, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		b.Fatal(err)
	}
	return 1000 * seconds / float64(s.file.Frames)
}

// python is the one that has the reference.
func python() string {
	return cmp.Or(os.Getenv(pythonEnv), usualPython)
}

// likeness is how like the source chunks are, by their mean PSNR in dB, and how
// large.
type likeness struct {
	psnr  float64
	bytes int64
}

// judge compares the chunks of both sides with the frames of the source, at the
// size of the chunks.
func (s *studio) judge(b *testing.B, w work) (ours, theirs likeness) {
	b.Helper()
	var our, their []string
	for i, c := range s.chunks {
		our = append(our, filepath.Join(s.data, "blobs", c.Key))
		their = append(their, filepath.Join(s.theirs, fmt.Sprintf("%d.%s", i, w.form)))
	}
	return s.liken(b, w, our), s.liken(b, w, their)
}

func (s *studio) liken(b *testing.B, w work, chunks []string) likeness {
	b.Helper()
	dir := b.TempDir()
	input, colours := []string{"-i", filepath.Join(dir, "%06d.jpeg")}, "gbrp"
	if w.form == film.Zip {
		unpack(b, chunks, dir)
	} else {
		list := filepath.Join(dir, "list")
		var text strings.Builder
		for _, c := range chunks {
			fmt.Fprintf(&text, "file '%s'\n", c)
		}
		if err := os.WriteFile(list, []byte(text.String()), 0o600); err != nil {
			b.Fatal(err)
		}
		input, colours = []string{"-f", "concat", "-safe", "0", "-i", list}, "yuv420p"
	}
	graph := fmt.Sprintf("[0:v]select='not(mod(n,%d))',settb=1/25,setpts=N[a];[1:v]settb=1/25,setpts=N[b];"+
		"[a][b]scale2ref=flags=bicubic[a1][b1];[a1]format=%s[a2];[b1]format=%s[b2];[a2][b2]psnr", w.step, colours, colours)
	said := command(b, "ffmpeg", append(append([]string{"-v", "info", "-nostats", "-i", s.path}, input...), "-lavfi", graph, "-f", "null", "-")...)
	_, after, _ := strings.Cut(said, "average:")
	l := likeness{bytes: sizeOf(b, chunks...)}
	if _, err := fmt.Sscan(after, &l.psnr); err != nil {
		b.Fatalf("no PSNR is told: %v: %s", err, said)
	}
	return l
}

// unpack numbers the pictures of zips through.
func unpack(b *testing.B, chunks []string, dir string) {
	b.Helper()
	n := 0
	for _, c := range chunks {
		z, err := zip.OpenReader(c)
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				b.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d.jpeg", n)), text, 0o600)
			}
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		z.Close()
	}
}
