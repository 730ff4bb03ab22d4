package badinput_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// clipFrames is how many frames the clips have that are no worse than others.
const clipFrames = 12

// clip has ffmpeg make a small film with the given options of output. The name
// tells its container.
func clip(t *testing.T, name string, options ...string) []byte {
	t.Helper()
	picture := []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=96x64:r=25,trim=end_frame=%d", clipFrames)}
	return ffmpeg(t, name, append(picture, options...)...)
}

// h264 are options of output, with more of them behind.
func h264(more ...string) []string {
	return append([]string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}, more...)
}

// ffmpeg returns the file of that name that ffmpeg makes.
func ffmpeg(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	args = append(append([]string{"-nostdin", "-v", "error"}, args...), "file:"+path)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v: %s", name, err, out)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// sound is a film of which one can only hear something.
func sound(t *testing.T, name string, options ...string) []byte {
	t.Helper()
	return ffmpeg(t, name, append([]string{"-f", "lavfi", "-i", "sine=duration=0.5"}, options...)...)
}

// renamed gives the box, or whatever else a film has under that name, another
// one.
func renamed(t *testing.T, film []byte, from, to string) []byte {
	t.Helper()
	if !bytes.Contains(film, []byte(from)) {
		t.Fatalf("the film has no %q", from)
	}
	return bytes.Replace(film, []byte(from), []byte(to), 1)
}

// set writes numbers into the first box of a kind, by their places behind its
// name.
func set(t *testing.T, film []byte, kind string, numbers map[int]uint32) []byte {
	t.Helper()
	out := bytes.Clone(film)
	box := bytes.Index(out, []byte(kind))
	if box < 0 {
		t.Fatalf("the film has no box %q", kind)
	}
	for at, n := range numbers {
		binary.BigEndian.PutUint32(out[box+4+at:], n)
	}
	return out
}

// claiming is a film that claims n samples of a byte, and lists none.
func claiming(t *testing.T, film []byte, n uint32) []byte {
	t.Helper()
	return set(t, set(t, film, "stsz", map[int]uint32{4: 1, 8: n}), "stts", map[int]uint32{8: n})
}

// eternal is a film that says everywhere that it lasts 2³¹ seconds or more.
func eternal(t *testing.T, film []byte) []byte {
	t.Helper()
	const ticks, long = 1, 1 << 31
	film = set(t, film, "mvhd", map[int]uint32{12: ticks, 16: long})
	film = set(t, film, "tkhd", map[int]uint32{20: long})
	film = set(t, film, "elst", map[int]uint32{8: long})
	return set(t, film, "mdhd", map[int]uint32{12: ticks, 16: long})
}

// lasting has every frame of a film last that long.
func lasting(t *testing.T, film []byte, ticks uint32) []byte {
	t.Helper()
	return set(t, film, "stts", map[int]uint32{12: ticks})
}

// box is a box of an MP4 file.
func box(kind string, content ...[]byte) []byte {
	body := bytes.Join(content, nil)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
}

// nested is a film whose tables lie in n boxes, one in the other.
func nested(n int) []byte {
	var b []byte
	for range n {
		b = box("moov", b)
	}
	return append(box("ftyp", []byte("isom\x00\x00\x02\x00isom")), b...)
}

// tracks is a film with that many tracks of video, all empty.
func tracks(n int) []byte {
	header := box("mdhd", make([]byte, 24))
	handler := box("hdlr", []byte("\x00\x00\x00\x00\x00\x00\x00\x00vide"), make([]byte, 13))
	track := box("trak", box("tkhd", make([]byte, 84)), box("mdia", header, handler, box("minf", box("stbl"))))
	return append(box("ftyp", []byte("isom\x00\x00\x02\x00isom")), box("moov", bytes.Repeat(track, n))...)
}

// heard is a film whose sound comes before its picture.
func heard(t *testing.T) []byte {
	t.Helper()
	picture := []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc2=s=96x64:r=25,trim=end_frame=%d", clipFrames), "-map", "0:a", "-map", "1:v"}
	return sound(t, "x.mkv", append(picture, h264()...)...)
}

// giant is a film of pictures that say that they have more pixels than there
// may be.
func giant(t *testing.T) []byte {
	t.Helper()
	const side = 65500
	film, size := clip(t, "x.mkv", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"), jpegHeader(96, 64)[2:11]
	if !bytes.Contains(film, size) {
		t.Fatal("the film has no JPEG of 96 by 64")
	}
	return bytes.ReplaceAll(film, size, jpegHeader(side, side)[2:11])
}

// voids is a Matroska file that begins a gigabyte of nothing.
func voids() []byte {
	header := []byte("\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska")
	return append(append(header, "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"+"\xec\x10\x40\x00\x00\x00"...), make([]byte, 4096)...)
}

// looped is a film whose edit list plays all of it n times.
func looped(t *testing.T, film []byte, n int) []byte {
	t.Helper()
	out := bytes.Clone(film)
	list := bytes.Index(out, []byte("elst")) - 4
	if list < 0 {
		t.Fatal("the film has no edit list")
	}
	end := list + int(binary.BigEndian.Uint32(out[list:]))
	const heads = 16 // of the box, its version and its count
	once := bytes.Clone(out[list+heads : end])
	out = append(out[:end:end], append(bytes.Repeat(once, n-1), out[end:]...)...)
	binary.BigEndian.PutUint32(out[list+heads-4:], uint32(n))
	for _, kind := range []string{"moov", "trak", "edts", "elst"} { // one in the other
		at := bytes.Index(out, []byte(kind)) - 4
		binary.BigEndian.PutUint32(out[at:], binary.BigEndian.Uint32(out[at:])+uint32((n-1)*len(once)))
	}
	return out
}

// circular is a Matroska film whose list of contents, asked for the cues, names
// itself, and whose cues name it as well.
func circular(t *testing.T, film []byte) []byte {
	t.Helper()
	const (
		cues        = "\x53\xab\x84\x1c\x53\xbb\x6b\x53\xac" // in the list, up to the length of the place
		cuesElement = "\x1c\x53\xbb\x6b"
		clusterAt   = 0xf1
	)
	out := bytes.Clone(film)
	at := bytes.Index(out, []byte(cues)) + len(cues)
	last := bytes.LastIndex(out, []byte(cuesElement))
	if at < len(cues) || last < at {
		t.Fatal("the film has no cues, or its list does not name them")
	}
	clear(out[at+1 : at+1+int(out[at]&0x7f)]) // the list is the first in the segment
	points := 0
	for i := last; i+2 < len(out); i++ {
		if n := int(out[i+1] & 0x7f); out[i] == clusterAt && n <= 8 && i+2+n <= len(out) {
			clear(out[i+2 : i+2+n])
			points++
		}
	}
	if points == 0 {
		t.Fatal("the cues name no cluster")
	}
	return out
}

// keyless is a film without its keyframes.
func keyless(t *testing.T, name string, film []byte) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "whole.mkv")
	if err := os.WriteFile(path, film, 0o600); err != nil {
		t.Fatal(err)
	}
	return ffmpeg(t, name, "-i", path, "-c", "copy", "-bsf:v", "noise=drop=key")
}

// attached is a Matroska file that begins an attachment of a gigabyte.
func attached() []byte {
	header := []byte("\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska")
	segment := "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"
	attachments := "\x19\x41\xa4\x69\x10\x40\x00\x20" + "\x61\xa7\x10\x40\x00\x10" + "\x46\x5c\x10\x40\x00\x00"
	return append(append(header, segment+attachments...), make([]byte, 4096)...)
}
