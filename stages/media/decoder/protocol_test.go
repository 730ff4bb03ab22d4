package decoder_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"framemill/stages/media/decoder"
	"framemill/stages/media/nut"
)

// answer is what the program says for some frames.
func answer(t testing.TB, frames ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := decoder.NewWriter(&out, nut.Ratio{Num: 1, Den: 90_000})
	for i, text := range frames {
		if err == nil {
			err = w.Frame(int64(i)*3600-7, []byte(text))
		}
	}
	if err == nil {
		err = w.End()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// take reads all frames of an answer.
func take(r io.Reader) (frames []string, err error) {
	in, err := decoder.NewReader(r)
	if err != nil {
		return nil, err
	}
	for {
		_, size, err := in.Next()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return frames, err
		}
		text := make([]byte, min(size, 1<<16))
		if err := in.Fill(text); err != nil {
			return frames, err
		}
		frames = append(frames, string(text))
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	want := []string{"one", strings.Repeat("two", 10_000), "three"}
	got, err := take(iotest.OneByteReader(bytes.NewReader(answer(t, want...))))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	in, err := decoder.NewReader(bytes.NewReader(answer(t, "one")))
	if err != nil {
		t.Fatal(err)
	}
	if pts, size, err := in.Next(); pts != -7 || size != 3 || err != nil || in.Clock() != (nut.Ratio{Num: 1, Den: 90_000}) {
		t.Errorf("frame at %d of %v, %d bytes, %v", pts, in.Clock(), size, err)
	}
	if err := in.Fill(make([]byte, 4)); !errors.Is(err, decoder.ErrProtocol) {
		t.Errorf("more than the frame has was read: %v", err)
	}
}

// TestBrokenAnswer holds that no answer that was cut short passes for a whole
// one.
func TestBrokenAnswer(t *testing.T) {
	t.Parallel()
	whole := answer(t, "one", "two")
	for n := range whole {
		if _, err := take(bytes.NewReader(whole[:n])); err == nil {
			t.Errorf("the first %d of %d bytes pass for the whole answer", n, len(whole))
		}
	}
	long := bytes.Clone(whole)
	binary.BigEndian.PutUint32(long[24+1+8:], decoder.MaxJPEG+1)
	for name, text := range map[string][]byte{
		"a frame that is too long": long,
		"another program":          []byte("framemill-decoder 1, and some more of what it says"),
		"no clock":                 append(append([]byte{}, whole[:8]...), make([]byte, 64)...),
		"more behind the end":      append(bytes.Clone(whole), 'F'),
		"a frame less":             append(bytes.Clone(whole[:40]), whole[len(whole)-9:]...),
	} {
		if _, err := take(bytes.NewReader(text)); !errors.Is(err, decoder.ErrProtocol) {
			t.Errorf("%s: %v, want %v", name, err, decoder.ErrProtocol)
		}
	}
	failed := errors.New("ffmpeg died")
	if _, err := take(io.MultiReader(bytes.NewReader(whole), iotest.ErrReader(failed))); !errors.Is(err, failed) {
		t.Errorf("the end is %v, want that of the programs", err)
	}
}

func TestParseJob(t *testing.T) {
	t.Parallel()
	want := decoder.Job{Width: 65535, Height: 1, BT709: true, Quality: 100}
	args, err := want.Args()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decoder.ParseJob(args[1]); got != want || err != nil {
		t.Errorf("the job is %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{
		"", "{}", `{"width":65536,"height":1,"quality":70}`, `{"width":1,"height":-1,"quality":70}`,
		`{"width":1,"height":1,"quality":0}`, `{"width":1,"height":1,"quality":101}`, `{"width":1e30,"height":1,"quality":70}`,
	} {
		if _, err := decoder.ParseJob(bad); err == nil {
			t.Errorf("the job %q is taken", bad)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(answer(f, "one", "two"))
	f.Fuzz(func(t *testing.T, text []byte) {
		frames, err := take(bytes.NewReader(text))
		if err == nil && !bytes.Contains(text, []byte(strings.Join(frames[:min(len(frames), 1)], ""))) {
			t.Errorf("frames %q of nowhere", frames)
		}
	})
}
