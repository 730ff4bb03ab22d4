package probe_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/source"
	"framemill/stages/media/picture"
	"framemill/stages/probe"
)

// folder is a share with files in it.
func folder(t testing.TB, files map[string][]byte) (*source.Opener, func(name string) pipeline.SourceFile) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	share, err := source.OpenShare(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { share.Close() })
	return source.New(nil, share, nil), func(name string) pipeline.SourceFile {
		e, err := share.Stat(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		return pipeline.SourceFile{Name: name, Ref: pipeline.ShareRef(name), Bytes: e.Bytes, MTime: e.MTime}
	}
}

func jpegOf(t testing.TB, width, height int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// onItsSide is a JPEG with the EXIF orientation 6.
func onItsSide(t testing.TB, width, height int) []byte {
	j := jpegOf(t, width, height)
	app1 := "\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
	return append([]byte("\xff\xd8"+app1), j[2:]...)
}

func TestRun(t *testing.T) {
	t.Parallel()
	var p bytes.Buffer
	if err := png.Encode(&p, image.NewGray(image.Rect(0, 0, 7, 5))); err != nil {
		t.Fatal(err)
	}
	sources, file := folder(t, map[string][]byte{
		"a.jpg": jpegOf(t, 40, 30), "turned.jpg": onItsSide(t, 40, 30), "wrong.jpg": p.Bytes(), "empty.jpg": nil,
		"text.png": []byte("<svg/>"), "large.jpg": jpegOf(t, 200, 200), "changed.jpg": jpegOf(t, 8, 8),
	})
	changed := file("changed.jpg")
	changed.MTime--
	crc := int64(7)
	known := file("a.jpg")
	known.CRC32 = &crc
	marked := pipeline.SourceFile{Name: "m.jpg", Ref: "share:m.jpg", Code: pipeline.CodeSourceGone, Text: "it was removed"}
	in := probe.Input{Lo: 100, Files: []pipeline.SourceFile{
		known, file("turned.jpg"), file("wrong.jpg"), file("empty.jpg"), file("text.png"), file("large.jpg"), changed,
		{Name: "gone.jpg", Ref: "share:gone.jpg", Bytes: 5}, marked,
	}}
	var seen atomic.Int64
	s := probe.New(probe.Config{Limits: picture.Limits{MaxPixels: 10000}}, sources, nil, nil)
	got, err := s.Run(context.Background(), in, func() { seen.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		format        string
		width, height int64
		orient        int64
		outcome       pipeline.Outcome
		code          pipeline.Code
	}{
		{"jpeg", 40, 30, 1, pipeline.OutcomeOK, ""},
		{"jpeg", 30, 40, 6, pipeline.OutcomeOK, ""},
		{"png", 7, 5, 1, pipeline.OutcomeOK, ""},
		{"", 0, 0, 1, pipeline.OutcomeFailed, pipeline.CodeEmptyFile},
		{"", 0, 0, 1, pipeline.OutcomeFailed, pipeline.CodeUnsupportedFormat},
		{"", 0, 0, 1, pipeline.OutcomeFailed, pipeline.CodeTooLarge},
		{"", 0, 0, 1, pipeline.OutcomeFailed, pipeline.CodeSourceChanged},
		{"", 0, 0, 1, pipeline.OutcomeFailed, pipeline.CodeSourceGone},
		{"", 0, 0, 1, pipeline.OutcomeFailed, pipeline.CodeSourceGone},
	}
	for i, w := range want {
		f, src := got[i], in.Files[i]
		expect := pipeline.File{
			Ord: 100 + int64(i), Name: src.Name, Ref: src.Ref, Bytes: src.Bytes, MTime: src.MTime, CRC32: src.CRC32,
			Format: w.format, Width: w.width, Height: w.height, Orient: w.orient, Outcome: w.outcome, Code: w.code, Text: f.Text,
		}
		if diff := cmp.Diff(expect, f); diff != "" {
			t.Errorf("%s (-want +got):\n%s", src.Name, diff)
		}
		if (f.Code == "") != (f.Text == "") {
			t.Errorf("%s: code %q comes with the text %q", src.Name, f.Code, f.Text)
		}
	}
	if seen.Load() != int64(len(in.Files)) {
		t.Errorf("progress was told of %d files, want %d", seen.Load(), len(in.Files))
	}
}

// broken is a storage that does not answer.
type broken struct{ err error }

func (b broken) Local(context.Context, pipeline.Ref, pipeline.Stamp) (string, func(), error) {
	return "", nil, b.err
}

func (b broken) Header(context.Context, pipeline.Ref, pipeline.Stamp) (source.File, error) {
	return nil, b.err
}

func TestStorageErrorsEndTheStage(t *testing.T) {
	t.Parallel()
	files := []pipeline.SourceFile{{Name: "a.jpg", Ref: "blob:a", Bytes: 1}}
	for _, err := range []error{
		pipeline.Errorf(pipeline.Transient, "the share does not answer"), errors.New("input/output error"),
	} {
		_, got := probe.New(probe.Config{}, broken{err}, nil, nil).Run(context.Background(), probe.Input{Files: files}, func() {})
		if !errors.Is(got, err) || !pipeline.Retryable(got) {
			t.Errorf("got %v, want %v, to be tried again", got, err)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	why := errors.New("the claim is lost")
	cancel(why)
	sources, file := folder(t, map[string][]byte{"a.jpg": jpegOf(t, 8, 8)})
	_, err := probe.New(probe.Config{}, sources, nil, nil).Run(ctx, probe.Input{Files: []pipeline.SourceFile{file("a.jpg")}}, func() {})
	if !errors.Is(err, why) {
		t.Errorf("got %v, want the cause of the context", err)
	}
}

func BenchmarkRun(b *testing.B) {
	const n = 500
	files := map[string][]byte{}
	for i := range n {
		files[fmt.Sprintf("%d.jpg", i)] = onItsSide(b, 640, 480)
	}
	sources, file := folder(b, files)
	var in probe.Input
	for i := range n {
		in.Files = append(in.Files, file(fmt.Sprintf("%d.jpg", i)))
	}
	s := probe.New(probe.Config{}, sources, nil, nil)
	for b.Loop() {
		if _, err := s.Run(context.Background(), in, func() {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}
