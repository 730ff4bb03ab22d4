package frameindex_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline/frameindex"
)

// hour returns the index of a video of n frames with a keyframe every gop and
// packets in the order of decoding IPBB.
func hour(n, gop int) *frameindex.Index {
	x := &frameindex.Index{
		Width: 1080, Height: 1919, CodedWidth: 1919, CodedHeight: 1080, Rotation: 90,
		TimeNum: 1, TimeDen: 30000, Demuxer: "mov", Codec: "h264", PixFmt: "yuv420p",
		Matrix: "bt709", FullRange: true, How: frameindex.Tables,
		Chapters: []frameindex.Chapter{{ID: 7, Start: 0, Stop: int64(n) - 1, Title: "Übung"}},
		Frames:   make([]frameindex.Frame, n),
	}
	offset := int64(48)
	for d := range n {
		k := d
		if d%3 == 1 && d+2 < n {
			k += 2
		} else if d%3 != 1 && d > 2 {
			k--
		}
		size := uint32(3000 + d*7919%9000)
		x.Frames[k] = frameindex.Frame{PTS: int64(k)*1001 + 2002, Offset: offset, Size: size}
		offset += int64(size) + 400
	}
	for k := range x.Frames {
		x.Frames[k].PTS = int64(k)*1001 + 2002
		x.Frames[k].Key = k%gop == 0
	}
	return x
}

func encoded(t testing.TB, x *frameindex.Index) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := x.Encode(&b); err != nil {
		t.Fatalf("encode: %v", err)
	}
	return b.Bytes()
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 250, 5000} {
		want := hour(n, 12)
		got, err := frameindex.Decode(bytes.NewReader(encoded(t, want)))
		if err != nil {
			t.Fatalf("decode %d frames: %v", n, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d frames came back changed (-want +got):\n%s", n, diff)
		}
	}
}

func TestDamage(t *testing.T) {
	t.Parallel()
	good := encoded(t, hour(50, 12))
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if _, err := frameindex.Decode(bytes.NewReader(bad)); err == nil {
			t.Errorf("byte %d was changed and nobody noticed", i)
		}
		if _, err := frameindex.Decode(bytes.NewReader(good[:i])); !errors.Is(err, frameindex.ErrCorrupt) {
			t.Errorf("cut to %d bytes: %v, want ErrCorrupt", i, err)
		}
	}
}

func TestWhereDecodingBegins(t *testing.T) {
	t.Parallel()
	x := hour(100, 30)
	tests := []struct{ k, want int64 }{{0, 0}, {29, 0}, {30, 30}, {31, 30}, {99, 90}, {1000, 90}}
	for _, tt := range tests {
		if got := x.KeyBefore(tt.k); got != tt.want {
			t.Errorf("decoding of frame %d begins at %d, want %d", tt.k, got, tt.want)
		}
	}
	for _, tt := range []struct{ k, first, last int64 }{{0, 0, 29}, {29, 0, 29}, {30, 30, 59}, {99, 90, 99}} {
		if first, last := x.GOP(tt.k); first != tt.first || last != tt.last {
			t.Errorf("frame %d is decoded with %d to %d, want %d to %d", tt.k, first, last, tt.first, tt.last)
		}
	}
	var runs [][2]int64
	for lo, hi := range x.GOPs() {
		runs = append(runs, [2]int64{lo, hi})
	}
	if diff := cmp.Diff([][2]int64{{0, 30}, {30, 60}, {60, 90}, {90, 100}}, runs); diff != "" {
		t.Errorf("groups of pictures (-want +got):\n%s", diff)
	}
	x.Frames[0].Key = false
	if diff := cmp.Diff([]int64{0, 30, 60, 90}, x.Keys()); diff != "" {
		t.Errorf("a file's start is where decoding can begin (-want +got):\n%s", diff)
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	x := hour(100, 30)
	if got, want := x.Seconds(0), 2002.0/30000; got != want {
		t.Errorf("frame 0 is shown at %v s, want %v", got, want)
	}
	for _, k := range []int64{0, 1, 57, 99} {
		if got := x.At(x.Seconds(k)); got != k {
			t.Errorf("the frame at the time of frame %d is %d", k, got)
		}
	}
	if got := x.At(1e9); got != 100 {
		t.Errorf("after the end is frame %d, want 100", got)
	}
	x.MeasureVariable()
	if x.Variable {
		t.Error("a constant rate is called variable")
	}
	x.Frames[99].PTS += 2
	if x.MeasureVariable(); !x.Variable {
		t.Error("a variable rate is called constant")
	}
}

// FuzzDecode mends the checksum, so that what is behind it is reached.
func FuzzDecode(f *testing.F) {
	good := encoded(f, hour(20, 7))
	f.Add(good[:len(good)-4])
	f.Add([]byte("FMIX\x01"))
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))
		x, err := frameindex.Decode(bytes.NewReader(binary.LittleEndian.AppendUint32(bytes.Clone(body), sum)))
		if err != nil {
			return
		}
		again, err := frameindex.Decode(bytes.NewReader(encoded(t, x)))
		if err != nil {
			t.Fatalf("decoded, but not a second time: %v", err)
		}
		if diff := cmp.Diff(x, again); diff != "" {
			t.Errorf("changed by a second pass (-first +second):\n%s", diff)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	x := hour(108_000, 250)
	for b.Loop() {
		encoded(b, x)
	}
}

func BenchmarkDecode(b *testing.B) {
	blob := encoded(b, hour(108_000, 250))
	for b.Loop() {
		if _, err := frameindex.Decode(bytes.NewReader(blob)); err != nil {
			b.Fatal(err)
		}
	}
}
