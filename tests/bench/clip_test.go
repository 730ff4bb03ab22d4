package bench_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"framemill/tests/sample"
)

// take is one way to film the same scene.
type take struct {
	name    string
	encoder []string
}

// takes are what videos are usually like: those that a program has encoded, and
// those of cameras, which have no time for B-frames.
var takes = []take{
	{"B-frames", []string{"-preset", "medium", "-x264-params", "bframes=2:b-adapt=0:keyint=60", "-b:v", "8M", "-maxrate", "10M", "-bufsize", "10M"}},
	{"no B-frames", []string{"-preset", "veryfast", "-x264-params", "bframes=0:keyint=30", "-b:v", "12M", "-maxrate", "15M", "-bufsize", "15M"}},
}

const clipSeconds = 10

// filmTakes makes clips of 1080p: a textured picture under a moving camera, another
// that crosses it, and the noise that every sensor has.
func filmTakes(b *testing.B, takes ...take) (paths []string) {
	b.Helper()
	dir := b.TempDir()
	photos, err := sample.Photos(filepath.Join(dir, "photos"), 2, 2304, 1296)
	if err != nil {
		b.Fatal(err)
	}
	scene := filepath.Join(dir, "scene.mkv")
	args := []string{"-v", "error"}
	for i, photo := range photos {
		textured := filepath.Join(dir, fmt.Sprintf("%d.png", i))
		command(b, "ffmpeg", "-v", "error", "-i", photo, "-vf", "noise=alls=50:allf=a,gblur=sigma=1.5,noise=alls=5", textured)
		args = append(args, "-loop", "1", "-framerate", "30", "-i", textured)
	}
	command(b, "ffmpeg", append(args, "-filter_complex",
		"[0]crop=1920:1080:x='192+190*sin(n/25)':y='108+106*cos(n/33)'[a];[1]crop=640:480:x='192+180*sin(n/40+1)':y='108+100*sin(n/20)'[b];"+
			"[a][b]overlay=x='640+500*sin(n/30)':y='300+200*cos(n/17)',noise=alls=3:allf=t,format=yuv420p",
		"-t", fmt.Sprint(clipSeconds), "-c:v", "libx264", "-preset", "ultrafast", "-qp", "4", scene)...)
	for i, t := range takes {
		path := filepath.Join(dir, fmt.Sprintf("take-%d.mp4", i))
		command(b, "ffmpeg", append(append([]string{"-v", "error", "-i", scene, "-c:v", "libx264"}, t.encoder...), path)...)
		paths = append(paths, path)
	}
	return paths
}

// loop repeats a clip without encoding it again.
func loop(b *testing.B, from, to string, times int64) {
	b.Helper()
	command(b, "ffmpeg", "-v", "error", "-stream_loop", fmt.Sprint(times-1), "-i", from, "-c", "copy", to)
}

func sizeOf(b *testing.B, files ...string) (sum int64) {
	b.Helper()
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			b.Fatal(err)
		}
		sum += info.Size()
	}
	return sum
}

// command runs a program and returns all that it said.
func command(b *testing.B, name string, args ...string) string {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), name, args...).CombinedOutput()
	if err != nil {
		b.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return string(out)
}
