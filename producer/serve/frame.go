package serve

import (
	"io"
	"mime"
	"net/http"
	"path"
	"strconv"

	"framemill/pipeline"
	"framemill/pipeline/blob"
)

// originalFrame sends the source of a frame.
func (a *answer) originalFrame(at slice) error {
	for f, err := range a.s.frames(a.r.Context(), a.v, at) {
		switch {
		case err != nil:
			return err
		case f.Derived():
			return a.packedFrame(at, (*pack).numbered, pictureType(f.Format))
		}
		src, err := a.s.openSource(a.r.Context(), f)
		if err != nil {
			return err
		}
		defer src.Close()
		a.w.Header().Set("Content-Disposition", disposition(f))
		if obj, ok := src.(blob.Object); ok {
			_, key := f.Ref.Split()
			a.sendBlob(key, pictureType(f.Format), obj)
			return nil
		}
		return a.sendFrame(pictureType(f.Format), f.Bytes, src)
	}
	return nil
}

// packedFrame sends an entry of a chunk.
func (a *answer) packedFrame(at slice, find func(*pack, int64) (entry, error), contentType string) error {
	p, err := a.openPack(at)
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
	return a.sendFrame(contentType, e.size, src)
}

// sendFrame sends size bytes of src.
func (a *answer) sendFrame(contentType string, size int64, src io.Reader) error {
	h := a.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	setUpdated(h, a.v)
	defer a.hurry(size)()
	a.w.WriteHeader(http.StatusOK)
	if a.r.Method == http.MethodHead {
		return nil
	}
	_, err := copyExactly(a.w, src, size, nil, make([]byte, copyBuffer))
	return err
}

// pictureTypes are the content types of the formats that a frame can have. The
// content decided the format, so nothing here can be run by a browser.
var pictureTypes = map[string]string{
	"jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "bmp": "image/bmp", "webp": "image/webp", "tiff": "image/tiff",
	pipeline.FormatCloud: "image/x.point-cloud-data",
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
