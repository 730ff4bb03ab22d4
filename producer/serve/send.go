package serve

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"time"

	"framemill/pipeline/blob"
)

const (
	zipType   = "application/zip"
	videoType = "video/mp4"
	// checked is how many bytes of a chunk its X-Checksum covers.
	checked = 1000
	// probed is how many sources that are read in place are opened before the
	// answer begins, so that a missing one is an answer and not a broken one.
	probed = 200
)

// answer is what one reader is sent.
type answer struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	v     View
	until patience
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, v View) *answer {
	return &answer{s: s, w: w, r: r, v: v, until: s.patience()}
}

// order is the order of a slice's chunk.
func (a *answer) order(at slice) order { return order{View: a.v, at: at, until: a.until} }

// send sends the frames of consecutive slices as one chunk. Those of a film must
// be all frames of one chunk.
func (a *answer) send(parts []slice) error {
	if a.v.film() {
		return a.sendFile(parts[0], videoType)
	}
	return a.sendPictures(parts)
}

// sendPictures sends the pictures of slices as one zip: a file as it lies, where
// one has them all.
func (a *answer) sendPictures(parts []slice) error {
	if isWhole(parts) && !a.inPlace() {
		return a.sendFile(parts[0], zipType)
	}
	return a.sendZip(a.entries(parts))
}

// sendFile sends the file of a chunk as it lies.
func (a *answer) sendFile(at slice, contentType string) error {
	c, obj, err := a.s.open(a.r.Context(), a.order(at))
	if err != nil {
		return err
	}
	defer obj.Close()
	a.sendBlob(c.Key, contentType, obj)
	return nil
}

// sendBlob sends one immutable file.
func (a *answer) sendBlob(key, contentType string, obj blob.Object) {
	var content io.ReadSeeker = obj
	if d, ok := obj.(blob.OnDisk); ok {
		content = d.File()
	}
	head := make([]byte, min(checked, obj.Size()))
	if n, err := obj.ReadAt(head, 0); n == len(head) && (err == nil || errors.Is(err, io.EOF)) {
		setChecksum(a.w.Header(), obj.Size(), head)
	}
	h := a.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("ETag", `"`+key+`"`)
	setUpdated(h, a.v)
	defer a.hurry(obj.Size())()
	http.ServeContent(a.w, a.r, "", time.Time{}, content)
}

// sendZip sends a zip that is put together on the way.
func (a *answer) sendZip(all entries) error {
	length, err := zipLength(opened(all))
	if err != nil {
		return err
	}
	head, err := zipHead(a.r.Context(), all)
	if err != nil {
		return err
	}
	h := a.w.Header()
	h.Set("Content-Type", zipType)
	h.Set("Content-Length", strconv.FormatInt(length, 10))
	setChecksum(h, length, head)
	setUpdated(h, a.v)
	defer a.hurry(length)()
	a.w.WriteHeader(http.StatusOK)
	if a.r.Method == http.MethodHead {
		return nil
	}
	return writeZip(a.r.Context(), a.w, all)
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
func (a *answer) hurry(length int64) (lift func()) {
	const grace = 30 * time.Second
	c := http.NewResponseController(a.w)
	limit := grace + time.Duration(length/a.s.cfg.MinRate)*time.Second
	if c.SetWriteDeadline(time.Now().Add(limit)) != nil {
		return func() {} // not a connection that knows time, as in tests
	}
	return func() { _ = c.SetWriteDeadline(time.Time{}) }
}
