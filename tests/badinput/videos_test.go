package badinput_test

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"framemill/pipeline"
)

// tryVideos uploads films that are none, lie, or lead elsewhere.
func tryVideos(t *testing.T, b *bench) {
	good := clip(t, "x.mp4", h264()...)
	front := clip(t, "x.mp4", h264("-movflags", "+faststart")...)
	pieces := clip(t, "x.mp4", h264("-movflags", "+frag_keyframe+empty_moov")...)
	mkv := clip(t, "x.mkv", h264()...)
	t.Run("unusable", func(t *testing.T) { b.ingests(t, unusable(t, good)) })
	t.Run("cut", func(t *testing.T) {
		b.ingests(t, []ingest{
			badFilm("empty", nil, "empty_file"),
			badFilm("one byte", good[:1], "truncated"),
			badFilm("99 %", front[:len(front)*99/100], "truncated"),
			badFilm("no moov", good[:bytes.Index(good, []byte("moov"))-4], "truncated"),
			badFilm("99 % of fragments", pieces[:len(pieces)*99/100], "truncated"),
			badFilm("99 % of Matroska", mkv[:len(mkv)*99/100], "truncated"),
		})
	})
	t.Run("lying", func(t *testing.T) { b.ingests(t, lying(t, good)) })
	t.Run("odd", func(t *testing.T) { tryOddVideos(t, b, good) })
	t.Run("mixed", func(t *testing.T) { tryMixedVideos(t, b, good) })
	t.Run("leading elsewhere", func(t *testing.T) { tryPlaylists(t, b, good) })
}

// badFilm is the upload of a film that must be refused by its name.
func badFilm(name string, content []byte, code pipeline.Code) ingest {
	return ingest{name: name, files: []file{{"bad.mp4", content}}, code: code, says: "bad.mp4"}
}

// unusable are whole files of which no decoder makes frames.
func unusable(t *testing.T, good []byte) []ingest {
	t.Helper()
	cover := []string{"-f", "lavfi", "-i", "testsrc2=s=64x64:r=25,trim=end_frame=1", "-map", "0:a", "-map", "1:v",
		"-c:a", "aac", "-c:v", "png", "-disposition:v:0", "attached_pic"}
	key := []string{"-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb", "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8"}
	return []ingest{
		badFilm("sound only", sound(t, "x.mp4", "-c:a", "aac"), "no_video"),
		badFilm("sound only in Matroska", sound(t, "x.mkv", "-c:a", "aac"), "no_video"),
		badFilm("sound and a cover", sound(t, "x.m4a", cover...), "no_video"),
		badFilm("no frame", clip(t, "x.mp4", h264("-frames:v", "0")...), "no_video"),
		badFilm("no frame in Matroska", clip(t, "x.mkv", h264("-frames:v", "0")...), "truncated"),
		badFilm("encrypted", clip(t, "x.mp4", h264(key...)...), "unsupported_codec"),
		badFilm("unknown codec", renamed(t, good, "avc1\x00\x00\x00\x00\x00\x00\x00\x01", "zzzz\x00\x00\x00\x00\x00\x00\x00\x01"), "unsupported_codec"),
		badFilm("picture", photo(1), "unsupported_format"),
		badFilm("archive", zipOf(member{name: "1.jpg", content: photo(1)}), "unsupported_format"),
		badFilm("text", bytes.Repeat([]byte("not a film "), 500), "unsupported_format"),
		badFilm("zeros", make([]byte, 1<<20), "unsupported_format"),
		badFilm("noise in Matroska", append([]byte("\x1a\x45\xdf\xa3"), flipped(make([]byte, 1<<16), 1<<18, 1)...), "decode_failed"),
	}
}

// lying are films that claim what is not so.
func lying(t *testing.T, good []byte) []ingest {
	t.Helper()
	small, large := clip(t, "x.ts", h264()...), clip(t, "x.ts", h264("-vf", "scale=128:96", "-output_ts_offset", "4")...)
	longer := clip(t, "x.ts", h264("-vf", "loop=5:12,setpts=N/25/TB")...)
	return []ingest{
		badFilm("80 million samples", claiming(t, good, 80_000_000), "video_limits"),
		badFilm("2 billion samples", claiming(t, good, 2_000_000_000), "video_limits"),
		badFilm("frames that last no time", lasting(t, clip(t, "x.mp4", h264("-bf", "0")...), 0), "bad_timing"),
		badFilm("frames of 68 years", lasting(t, eternal(t, good), 1<<31-1), "bad_timing"),
		badFilm("65,500 by 65,500", giant(t), "too_large"),
		badFilm("another size soon", append(bytes.Clone(small), large...), "size_changes"),
		badFilm("another size late", append(bytes.Clone(longer), large...), "size_changes"),
		badFilm("tables in 4,096 boxes", nested(4096), "no_video"),
		badFilm("1,000 tracks", tracks(1000), "decode_failed"),
		badFilm("a box that never ends", set(t, good, "isom", map[int]uint32{-12: 0}), "truncated"),
		badFilm("a box of 2³² bytes", set(t, good, "isom", map[int]uint32{-12: 1<<32 - 1}), "truncated"),
		badFilm("a gigabyte of nothing", voids(), "truncated"),
		badFilm("an attachment of a gigabyte", attached(), "decode_failed"),
		badFilm("a clock that stands still", set(t, good, "mdhd", map[int]uint32{12: 0}), "bad_timing"),
		badFilm("played a million times", looped(t, good, 1_000_000), "video_limits"),
		badFilm("no keyframe", keyless(t, "x.mp4", clip(t, "x.mkv", h264("-g", "100")...)), "decode_failed"),
		badFilm("no keyframe in Matroska", keyless(t, "x.mkv", clip(t, "x.mkv", h264("-g", "100")...)), "decode_failed"),
	}
}

// tryOddVideos uploads films that are odd, and fine.
func tryOddVideos(t *testing.T, b *bench, good []byte) {
	plain := clip(t, "x.mp4", h264("-bf", "0")...)
	for _, f := range []struct {
		name   string
		file   string
		film   []byte
		frames int64
	}{
		{"one frame", "one.mp4", clip(t, "x.mp4", h264("-frames:v", "1")...), 1},
		{"one frame in Matroska", "one.mkv", clip(t, "x.mkv", h264("-frames:v", "1")...), 1},
		{"headers that claim 2³¹ s", "long.mp4", eternal(t, good), clipFrames},
		{"frames of a tick", "quick.mp4", lasting(t, plain, 1), clipFrames},
		{"another name than its format's", "x.avi", clip(t, "x.webm", "-c:v", "libvpx", "-deadline", "realtime"), clipFrames},
		{"sound in front of the picture", "x.mkv", heard(t), clipFrames},
		{"two pictures", "x.mkv", clip(t, "x.mkv", h264("-map", "0", "-map", "0")...), clipFrames},
		{"played twice", "twice.mp4", looped(t, good, 2), 2 * clipFrames},
		{"played a thousand times", "often.mp4", looped(t, good, 1000), 1000 * clipFrames},
		{"cues that lead to themselves", "x.mkv", circular(t, clip(t, "x.mkv", h264("-g", "4")...)), clipFrames},
	} {
		t.Run(f.name, func(t *testing.T) {
			task := b.fresh(t, nil)
			got := b.run(t, task, ingest{files: []file{{f.file, f.film}}})
			ok := got.Status == "finished" && got.Counts.Frames == f.frames
			b.ledger.add(t, fmt.Sprint("finished ", f.frames), fmt.Sprint(got.Status, " ", got.Code, " ", got.Counts.Frames), ok, got.Message)
			last := f.frames - 1
			for _, what := range []string{"frame&quality=original", "chunk&quality=compressed", "chunk&quality=original"} {
				number := map[bool]int64{true: last}[what[0] == 'f']
				a := b.send(t, call{method: http.MethodGet, path: fmt.Sprintf("/api/tasks/%d/data?type=%s&number=%d", task, what, number)})
				b.ledger.add(t, "200", fmt.Sprint(a.status, " ", a.code()), a.status == 200 && a.err == nil && len(a.body) > 0, what+": "+shorten(a.body))
			}
		})
	}
}

// tryMixedVideos puts films where none belong, or where they are not alone.
func tryMixedVideos(t *testing.T, b *bench, good []byte) {
	b.write(t, "films/a.mp4", good)
	b.write(t, "films/b.mp4", good)
	b.write(t, "cut.mp4", good[:len(good)/2])
	film := file{"a.mp4", good}
	b.ingests(t, []ingest{
		{name: "two films", files: []file{film, {"b.mp4", good}}, code: "media_mix"},
		{name: "beside pictures", files: []file{film, {"1.jpg", photo(1)}}, code: "media_mix"},
		{name: "beside an archive", files: []file{film, {"1.zip", zipOf(member{name: "1.jpg", content: photo(1)})}}, code: "media_mix"},
		{name: "two films of the share", json: map[string]any{"server_files": []string{"films/a.mp4", "films/b.mp4"}}, code: "media_mix"},
		{name: "cut film of the share", json: map[string]any{"server_files": []string{"cut.mp4"}}, code: "truncated", says: "cut.mp4"},
		{name: "with a mapping of files to jobs", files: []file{film}, fields: `job_file_mapping[0][0]=a.mp4`, code: "bad_mapping"},
		{name: "in an archive", files: []file{{"a.zip", zipOf(member{name: "a.mp4", content: good})}}, code: "no_media"},
		{name: "named as a picture", files: []file{{"bad.jpg", good}}, code: "unsupported_format", says: "bad.jpg"},
		{name: "from a frame behind the last", files: []file{film}, fields: "start_frame=12", code: "bad_frame_range"},
	})
}

// tryPlaylists uploads lists that are named as films, and films that lie in
// pieces. They point at a file and at a server, neither of which may be touched.
func tryPlaylists(t *testing.T, b *bench, good []byte) {
	b.write(t, "trap.mp4", good)
	other, server := filepath.Join(b.share, "trap.mp4"), newTrap(t)
	watch := newWatch(t, other)
	control := filepath.Join(t.TempDir(), "x.mp4")
	if err := os.WriteFile(control, hls(other), 0o600); err != nil {
		t.Fatal(err)
	}
	if _ = exec.Command("ffprobe", "-v", "quiet", control).Run(); !watch.opened(t) {
		t.Fatal("the trap does not work: ffprobe without walls opens the file, unseen")
	}
	url := "http://" + server.addr + "/x.ts"
	dash := func(base string) []byte {
		return fmt.Appendf(nil, `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"><Period>`+
			`<AdaptationSet contentType="video"><Representation id="1" bandwidth="1"><BaseURL>%s</BaseURL></Representation></AdaptationSet></Period></MPD>`, base)
	}
	b.ingests(t, []ingest{
		badFilm("HLS to a file", hls(other), "unsupported_format"),
		badFilm("HLS to a server", hls(url), "unsupported_format"),
		badFilm("HLS with a key from a server", append([]byte("#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\""+url+"\"\n"), hls(other)...), "unsupported_format"),
		badFilm("script of ffmpeg to a file", []byte("ffconcat version 1.0\nfile "+other+"\n"), "unsupported_format"),
		badFilm("script of ffmpeg to a server", []byte("ffconcat version 1.0\nfile "+url+"\n"), "unsupported_format"),
		badFilm("DASH to a file", dash(other), "unsupported_format"),
		badFilm("DASH to a server", dash(url), "unsupported_format"),
		badFilm("SDP", []byte("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n"), "unsupported_format"),
		badFilm("SVG", svg(), "unsupported_format"),
		badFilm("frames in another file", renamed(t, good, "url \x00\x00\x00\x01", "url \x00\x00\x00\x00"), "unsupported_format"),
		{name: "pattern of names", files: []file{{"x%d.mp4", hls(other)}}, code: "unsupported_format", says: "x%d.mp4"},
	})
	b.ledger.add(t, "the file is not opened", "see above", !watch.opened(t), "a list made the server open another file")
	b.ledger.add(t, "the server is not asked", fmt.Sprint(server.calls.Load(), " calls"), server.calls.Load() == 0, "a list made the server call another")
}

func hls(to string) []byte {
	return []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n" + to + "\n#EXT-X-ENDLIST\n")
}

// trap is a server that nobody may call.
type trap struct {
	addr  string
	calls atomic.Int64
}

func newTrap(t *testing.T) *trap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &trap{addr: l.Addr().String()}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.calls.Add(1)
			c.Close()
		}
	}()
	return s
}

// watch sees whether a file is opened.
type watch struct{ fd int }

func newWatch(t *testing.T, path string) watch {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err == nil {
		_, err = unix.InotifyAddWatch(fd, path, unix.IN_OPEN)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return watch{fd}
}

// opened reports whether the file was opened since the last call.
func (w watch) opened(t *testing.T) bool {
	t.Helper()
	n, err := unix.Read(w.fd, make([]byte, 64<<10))
	if err != nil && err != unix.EAGAIN {
		t.Fatal(err)
	}
	return n > 0
}
