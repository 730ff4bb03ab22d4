package serve

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/plan"
)

const (
	zipType = "application/zip"
	// checked is how many bytes of a chunk its X-Checksum covers.
	checked = 1000
	// probed is how many sources that are read in place are opened before the
	// answer begins, so that a missing one is an answer and not a broken one.
	probed = 200
)

// sendBlob sends one immutable file.
func (s *Server) sendBlob(w http.ResponseWriter, r *http.Request, v View, key, contentType string, obj blob.Object) {
	var content io.ReadSeeker = obj
	if d, ok := obj.(blob.OnDisk); ok {
		content = d.File()
	}
	head := make([]byte, min(checked, obj.Size()))
	if n, err := obj.ReadAt(head, 0); n == len(head) && (err == nil || errors.Is(err, io.EOF)) {
		setChecksum(w.Header(), obj.Size(), head)
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("ETag", `"`+key+`"`)
	setUpdated(h, v)
	defer s.hurry(w, obj.Size())()
	http.ServeContent(w, r, "", time.Time{}, content)
}

// sendZip sends a zip that is put together on the way.
func (s *Server) sendZip(w http.ResponseWriter, r *http.Request, v View, all entries) error {
	length, err := zipLength(opened(all))
	if err != nil {
		return err
	}
	head, err := zipHead(r.Context(), all)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", zipType)
	h.Set("Content-Length", strconv.FormatInt(length, 10))
	setChecksum(h, length, head)
	setUpdated(h, v)
	defer s.hurry(w, length)()
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	return writeZip(r.Context(), w, all)
}

// opened yields what all yields, and opens the first sources that are read in
// place.
func opened(all entries) entries {
	return func(yield func(entry, error) bool) {
		left := probed
		for e, err := range all {
			if err == nil && e.crc < 0 && left > 0 {
				left--
				err = openable(e)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func openable(e entry) error {
	src, err := e.open()
	if err != nil {
		return err
	}
	return src.Close()
}

// zipHead returns the first bytes of a zip.
func zipHead(ctx context.Context, all entries) ([]byte, error) {
	var head prefix
	if err := writeZip(ctx, &head, all); err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	return head.kept, nil
}

// prefix keeps the first bytes that are written and then refuses.
type prefix struct{ kept []byte }

func (p *prefix) Write(b []byte) (int, error) {
	room := checked - len(p.kept)
	if len(b) < room {
		p.kept = append(p.kept, b...)
		return len(b), nil
	}
	p.kept = append(p.kept, b[:room]...)
	return room, errEnough
}

var errEnough = errors.New("enough was read")

// setChecksum sets the header that the contract has for the length and the
// beginning of a chunk.
func setChecksum(h http.Header, length int64, head []byte) {
	sum := crc32.ChecksumIEEE([]byte(strconv.FormatInt(length, 10)))
	h.Set("X-Checksum", strconv.FormatUint(uint64(crc32.Update(sum, crc32.IEEETable, head)), 10))
}

func setUpdated(h http.Header, v View) {
	if v.Updated == 0 {
		return
	}
	h.Set("X-Updated-Date", v.Updated.Time().Format("2006-01-02T15:04:05.000000Z"))
}

// hurry gives the reader a time in which to take length bytes, and returns how
// to lift it: a connection lives longer than one answer.
func (s *Server) hurry(w http.ResponseWriter, length int64) (lift func()) {
	const grace = 30 * time.Second
	c := http.NewResponseController(w)
	limit := grace + time.Duration(length/s.cfg.MinRate)*time.Second
	if c.SetWriteDeadline(time.Now().Add(limit)) != nil {
		return func() {} // not a connection that knows time, as in tests
	}
	return func() { _ = c.SetWriteDeadline(time.Time{}) }
}

// Frame sends one frame. seg is the segment that the reader is limited to, nil
// for the whole task.
func (s *Server) Frame(w http.ResponseWriter, r *http.Request, v View, n int64, seg *pipeline.Segment) error {
	if seg == nil {
		segs, err := s.db.SegmentsOver(r.Context(), v.Task.ID, n, n+1)
		if err != nil {
			return err
		}
		if len(segs) == 0 {
			return fmt.Errorf("no segment of task %d holds frame %d", v.Task.ID, n)
		}
		seg = &segs[0]
	}
	parts := slices(v, []pipeline.Segment{*seg}, plan.Range{Start: n, Stop: n})
	if len(parts) != 1 {
		return pipeline.Errorf(pipeline.Invalid, "Incorrect requested frame number: %d", n)
	}
	if v.Quality == pipeline.Original {
		return s.originalFrame(w, r, v, parts[0])
	}
	return s.packedFrame(w, r, v, parts[0], (*pack).at, "image/jpeg")
}

// originalFrame sends the source of a frame.
func (s *Server) originalFrame(w http.ResponseWriter, r *http.Request, v View, at slice) error {
	for f, err := range s.frames(r.Context(), v, at.frames) {
		switch {
		case err != nil:
			return err
		case f.Derived():
			return s.packedFrame(w, r, v, at, (*pack).numbered, pictureType(f.Format))
		}
		src, err := s.openSource(r.Context(), f)
		if err != nil {
			return err
		}
		defer src.Close()
		w.Header().Set("Content-Disposition", disposition(f))
		if obj, ok := src.(blob.Object); ok {
			_, key := f.Ref.Split()
			s.sendBlob(w, r, v, key, pictureType(f.Format), obj)
			return nil
		}
		return s.sendFrame(w, r, v, pictureType(f.Format), f.Bytes, src)
	}
	return nil
}

// packedFrame sends an entry of a chunk.
func (s *Server) packedFrame(w http.ResponseWriter, r *http.Request, v View, at slice,
	find func(*pack, int64) (entry, error), contentType string) error {
	p, err := s.openPack(r.Context(), v, at, s.patience())
	if err != nil {
		return err
	}
	defer p.close()
	e, err := find(p, at.first)
	if err != nil {
		return err
	}
	src, err := e.open()
	if err != nil {
		return err
	}
	defer src.Close()
	return s.sendFrame(w, r, v, contentType, e.size, src)
}

// sendFrame sends size bytes of src.
func (s *Server) sendFrame(w http.ResponseWriter, r *http.Request, v View, contentType string, size int64, src io.Reader) error {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	setUpdated(h, v)
	defer s.hurry(w, size)()
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := copyExactly(w, src, size, nil, make([]byte, copyBuffer))
	return err
}

// pictureTypes are the content types of the formats that a frame can have. The
// content decided the format, so nothing here can be run by a browser.
var pictureTypes = map[string]string{
	"jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "bmp": "image/bmp", "webp": "image/webp", "tiff": "image/tiff",
}

func pictureType(format string) string {
	if t, ok := pictureTypes[format]; ok {
		return t
	}
	return "application/octet-stream"
}

// disposition names a source file for who saves it, and keeps browsers from
// showing it as a page.
func disposition(f *pipeline.FrameFile) string {
	if d := mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(f.Name)}); d != "" {
		return d
	}
	return "attachment"
}
