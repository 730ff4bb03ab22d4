package api

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/producer/access"
	"framemill/producer/receive"
)

// Resumable uploads follow tus 1.0 as far as the clients of the contract use
// it: creation without data, and pieces. https://tus.io/protocols/resumable-upload

const (
	tusVersion  = "1.0.0"
	pieceType   = "application/offset+octet-stream"
	maxMetadata = 64 << 10
)

// tusHeaders sets what every answer about a resumable upload carries.
func (s *Server) tusHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Tus-Resumable", tusVersion)
	h.Set("Tus-Version", tusVersion)
	h.Set("Tus-Extension", "")
	h.Set("Tus-Max-Size", strconv.FormatInt(s.Receive.MaxFile(), 10))
	h.Set("Cache-Control", "no-store")
	h.Set("Access-Control-Allow-Methods", "PATCH,HEAD,GET,POST,OPTIONS")
	h.Set("Access-Control-Expose-Headers", "Tus-Resumable,upload-length,upload-metadata,Location,Upload-Offset")
	h.Set("Access-Control-Allow-Headers", "Tus-Resumable,upload-length,upload-metadata,Location,Upload-Offset,content-type")
}

// describeTus answers what a client may ask before it begins.
func (s *Server) describeTus(w http.ResponseWriter, _ *http.Request) error {
	s.tusHeaders(w)
	return noContent(w)
}

// openUpload begins a file that comes in pieces.
func (s *Server) openUpload(w http.ResponseWriter, r *http.Request, t *pipeline.Task) error {
	s.tusHeaders(w)
	if err := checkTusVersion(r); err != nil {
		return err
	}
	if r.Header.Get("Upload-Defer-Length") != "" {
		return pipeline.Errorf(pipeline.Invalid, "Upload-Defer-Length is not offered: tell the length of the file in Upload-Length")
	}
	length, err := lengthHeader(r, "Upload-Length")
	if err != nil {
		return err
	}
	name, err := uploadName(r.Header.Get("Upload-Metadata"))
	if err != nil {
		return err
	}
	if err := s.DB.Uploadable(r.Context(), t.ID); err != nil {
		return refuseData(w, t, err)
	}
	p, err := s.Receive.Open(r.Context(), ownerOf(r, t), name, length)
	if err != nil {
		return orNotFound(err)
	}
	if _, err := s.DB.EnsureData(r.Context(), t.ID); err != nil {
		return err
	}
	w.Header().Set("Location", address(r, "/api/tasks/%d/data/%d_%s", t.ID, p.UserID, p.ID))
	w.Header().Set("Upload-Filename", p.Name)
	w.WriteHeader(http.StatusCreated)
	return nil
}

func ownerOf(r *http.Request, t *pipeline.Task) receive.Owner {
	return receive.Owner{TaskID: t.ID, UserID: access.From(r.Context()).User.ID}
}

// readOffset says how much of a file is there.
func (s *Server) readOffset(w http.ResponseWriter, r *http.Request) error {
	s.tusHeaders(w)
	to, id, err := s.uploadInPath(r)
	if err != nil {
		return err
	}
	p, err := s.Receive.Progress(r.Context(), to, id)
	if err != nil {
		return orNotFound(err)
	}
	setOffset(w, p)
	w.Header().Set("Upload-Length", strconv.FormatInt(p.Length, 10))
	w.WriteHeader(http.StatusOK)
	return nil
}

// appendUpload takes a piece of a file. Also an answer that refuses it says how
// much is there, if that is known.
func (s *Server) appendUpload(w http.ResponseWriter, r *http.Request) error {
	s.tusHeaders(w)
	to, id, err := s.uploadInPath(r)
	if err != nil {
		return err
	}
	if err := checkTusVersion(r); err != nil {
		return err
	}
	if kind := r.Header.Get("Content-Type"); kind != pieceType {
		return pipeline.Errorf(pipeline.Unsupported, "Unsupported media type %q in request: send %s", kind, pieceType)
	}
	if r.ContentLength < 0 {
		return pipeline.Errorf(pipeline.Invalid, "Content-Length header is missing")
	}
	offset, err := lengthHeader(r, "Upload-Offset")
	if err != nil {
		return err
	}
	receive.Pace(w, r)
	conn := http.NewResponseController(w)
	p, err := s.Receive.Append(r.Context(), to, id, receive.Piece{
		Offset: offset, Bytes: r.ContentLength, Body: r.Body,
		Cut: func() { _ = conn.SetReadDeadline(time.Now()) },
	})
	if p != nil {
		setOffset(w, p)
	}
	if err != nil {
		w.Header().Set("Connection", "close") // or the server waits for the rest of the body
		return orNotFound(err)
	}
	return noContent(w)
}

func setOffset(w http.ResponseWriter, p *pipeline.Partial) {
	w.Header().Set("Upload-Offset", strconv.FormatInt(p.Received, 10))
}

// uploadInPath returns whose upload the path names, and which. Its name begins
// with the id of the user who opened it: to others it is forbidden.
func (s *Server) uploadInPath(r *http.Request) (to receive.Owner, id string, err error) {
	v, err := s.taskInPath(r, access.UploadData)
	if err != nil {
		return to, "", err
	}
	to = ownerOf(r, &v.Task)
	user, id, _ := strings.Cut(chi.URLParam(r, "upload"), "_")
	if err := uuid.Validate(id); err != nil || len(id) != len(uuid.Nil.String()) {
		return to, "", errNotFound()
	}
	if user != strconv.FormatInt(to.UserID, 10) {
		return to, "", access.ErrDenied
	}
	return to, id, nil
}

// checkTusVersion refuses a client that speaks another version. One that says
// nothing is taken at its word.
func checkTusVersion(r *http.Request) error {
	if v := r.Header.Get("Tus-Resumable"); v != "" && v != tusVersion {
		return pipeline.Failf(pipeline.CodeTusVersion, "", "Tus-Resumable is %.20q, this server speaks %s", v, tusVersion)
	}
	return nil
}

// lengthHeader reads a number of bytes.
func lengthHeader(r *http.Request, name string) (int64, error) {
	n, err := strconv.ParseInt(r.Header.Get(name), 10, 64)
	if err != nil || n < 0 {
		return 0, pipeline.Errorf(pipeline.Invalid, "%s is missing or not a number of bytes", name)
	}
	return n, nil
}

// uploadName returns the name of the file from the pairs of a key and a base64
// value that Upload-Metadata lists.
func uploadName(metadata string) (string, error) {
	if len(metadata) > maxMetadata {
		return "", pipeline.Errorf(pipeline.TooLarge, "Upload-Metadata is longer than %d bytes", maxMetadata)
	}
	for pair := range strings.SplitSeq(metadata, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), " ")
		if key != "filename" {
			continue
		}
		name, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
		if err != nil {
			return "", pipeline.Errorf(pipeline.Invalid, "Upload-Metadata has a 'filename' that is not base64")
		}
		return plan.UploadPath(string(name))
	}
	return "", pipeline.Errorf(pipeline.Invalid, "Metadata is expected to contain 'filename' key")
}
