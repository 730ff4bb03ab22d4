package sandbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"framemill/pipeline"
	"framemill/stages/media/sandbox"
)

// film has ffmpeg write a film of 25 frames into a fresh folder.
func film(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "film.mp4")
	err := sandbox.Run(t.Context(), sandbox.Command{
		Program: "ffmpeg", OutDir: filepath.Dir(path), Limits: limits(),
		Args: []string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc=d=1:s=320x240:r=25", "-pix_fmt", "yuv420p", "file:" + path},
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// count has ffprobe count the frames of a file, with no more care than the
// sandbox takes.
func count(t *testing.T, walls sandbox.Walls, path string) (string, error) {
	t.Helper()
	program, err := exec.LookPath("ffprobe")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = sandbox.RunFile(t.Context(), program, walls, sandbox.Command{
		Program: "ffprobe", Inputs: []string{path}, Stdout: &out, Limits: limits(),
		Args: []string{"-v", "error", "-protocol_whitelist", "file", "-select_streams", "v:0", "-count_packets",
			"-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", "file:" + path},
	})
	first, _, _ := strings.Cut(out.String(), "\n") // of a playlist's programs
	return first, err
}

func TestFFmpegWorks(t *testing.T) {
	t.Parallel()
	if got, err := count(t, sandbox.Here(), film(t)); err != nil || got != "25" {
		t.Errorf("ffprobe counts %q, %v; want 25", got, err)
	}
}

// TestFFmpegOpensNoOtherFile gives ffprobe playlists that are named like a film
// and point at another one. A watch on that other tells whether it is opened;
// without walls it is, or else the watch would prove nothing.
func TestFFmpegOpensNoOtherFile(t *testing.T) {
	t.Parallel()
	if sandbox.Here().Landlock == 0 {
		t.Skip("the machine has no Landlock")
	}
	other := film(t)
	playlist := filepath.Join(t.TempDir(), "x.mp4")
	for name, text := range map[string]string{
		"hls":    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n" + other + "\n#EXT-X-ENDLIST\n",
		"concat": "ffconcat version 1.0\nfile " + filepath.Base(other) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			input := playlist
			if name == "concat" { // which follows relative names only
				input = filepath.Join(filepath.Dir(other), "list.mp4")
			}
			if err := os.WriteFile(input, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			watch := newWatch(t, other)
			if got, err := count(t, sandbox.Walls{}, input); err != nil || got != "25" || !watch.opened(t) {
				t.Fatalf("the trap does not work: ffprobe without walls counts %q, %v", got, err)
			}
			got, err := count(t, sandbox.Here(), input)
			if err == nil && got != "" && got != "0" {
				t.Errorf("ffprobe counts %q frames of another's film", got)
			}
			if watch.opened(t) {
				t.Error("ffprobe opened another file than its input")
			}
		})
	}
}

// watch sees whether a file is opened.
type watch struct{ fd int }

func newWatch(t *testing.T, path string) watch {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	return watch{fd}
}

// opened reports whether the file was opened since the last call.
func (w watch) opened(t *testing.T) bool {
	t.Helper()
	n, err := unix.Read(w.fd, make([]byte, 64<<10))
	if err != nil && !errors.Is(err, unix.EAGAIN) {
		t.Fatal(err)
	}
	return n > 0
}

func TestFFmpegOutOfMemory(t *testing.T) {
	t.Parallel()
	picture := filepath.Join(t.TempDir(), "big.png")
	err := sandbox.Run(t.Context(), sandbox.Command{
		Program: "ffmpeg", OutDir: filepath.Dir(picture), Limits: limits(),
		Args: []string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "color=s=10000x10000,format=gray", "-frames:v", "1", "file:" + picture},
	})
	if err != nil {
		t.Fatal(err)
	}
	lim := limits()
	lim.MemoryBytes = 80 << 20 // less than the pixels
	err = sandbox.Run(t.Context(), sandbox.Command{
		Program: "ffmpeg", Inputs: []string{picture}, Limits: lim,
		Args: []string{"-nostdin", "-v", "error", "-threads", "1", "-i", "file:" + picture, "-f", "null", "-"},
	})
	if pipeline.CodeOf(err) != pipeline.CodeDecoderMemory {
		t.Errorf("the error is %v, want the code %s", err, pipeline.CodeDecoderMemory)
	}
}

// TestDiskFull tells a full disk, after which another try may go well, from bad
// media.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		says, dir string
		want      pipeline.Code
	}{
		{"av_interleaved_write_frame(): No space left on device", t.TempDir(), pipeline.CodeDiskFull},
		{"av_interleaved_write_frame(): Disk quota exceeded", t.TempDir(), pipeline.CodeDiskFull},
		{"No space left on device", "", pipeline.CodeInternal}, // it has no disk
		{"Invalid data found", t.TempDir(), pipeline.CodeInternal},
	} {
		err := sandbox.RunFile(t.Context(), "/bin/sh", sandbox.Here(), sandbox.Command{
			Program: "ffmpeg", Args: []string{"-c", "echo '" + tt.says + "' >&2; exit 1"}, OutDir: tt.dir, Limits: limits(),
		})
		if err == nil || pipeline.CodeOf(err) != tt.want {
			t.Errorf("a program that says %q and writes to %q ends with %v, want the code %s", tt.says, tt.dir, err, tt.want)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	here := sandbox.Here()
	for _, bb := range []struct {
		name  string
		walls sandbox.Walls
	}{
		{"bare", sandbox.Walls{}},
		{"landlock", sandbox.Walls{Landlock: here.Landlock}},
		{"seccomp", sandbox.Walls{Seccomp: here.Seccomp}},
		{"namespaces", sandbox.Walls{Namespaces: here.Namespaces}},
		{"all", here},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				err := sandbox.RunFile(b.Context(), "/bin/true", bb.walls, sandbox.Command{Program: "ffmpeg", Limits: limits()})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("exec", func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command("/bin/true").Run(); err != nil {
				b.Fatal(fmt.Errorf("true: %w", err))
			}
		}
	})
}
