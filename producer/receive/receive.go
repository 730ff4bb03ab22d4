// Package receive takes in the bytes that clients send for a task. A body is
// read once, front to back, and never held whole: files go straight to the
// bucket while their checksums are taken, fields into a small tree. The rows
// that make the files part of the task are written only when the whole body
// has been read and judged; until then a batch of files can be discarded
// without a trace.
package receive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
)

// Config bounds what one request may bring.
type Config struct {
	MaxParts     int   // parts of a multipart body
	MaxHeader    int64 // bytes between the bodies of two parts
	MaxFields    int64 // bytes of all text fields, names included
	MaxJSON      int64 // bytes of a JSON body
	MaxFile      int64 // bytes of one file
	MaxRequest   int64 // bytes of a multipart body
	Commits      int   // files that are flushed to disk at the same time
	MinFreeShare float64
}

// Defaults returns the limits that fit most installations.
func Defaults() Config {
	return Config{
		MaxParts:     100_000,
		MaxHeader:    64 << 10,
		MaxFields:    32 << 20,
		MaxJSON:      100 << 20,
		MaxFile:      25 << 30,
		MaxRequest:   100 << 30,
		Commits:      64,
		MinFreeShare: 0.1,
	}
}

// Validate reports every value that makes no sense.
func (c Config) Validate() error {
	var errs []error
	for name, v := range map[string]int64{
		"parts": int64(c.MaxParts), "header bytes": c.MaxHeader, "field bytes": c.MaxFields, "JSON bytes": c.MaxJSON,
		"file bytes": c.MaxFile, "request bytes": c.MaxRequest, "parallel commits": int64(c.Commits),
	} {
		if v < 1 {
			errs = append(errs, fmt.Errorf("limit of %s is %d, want at least 1", name, v))
		}
	}
	if c.MinFreeShare < 0 || c.MinFreeShare >= 1 {
		errs = append(errs, fmt.Errorf("share of the disk to keep free is %g, want 0 up to 1", c.MinFreeShare))
	}
	return errors.Join(errs...)
}

// uploadStore is what receiving needs of the store.
type uploadStore interface {
	partialStore
	// Uploadable returns an error if the task does not take files now.
	Uploadable(ctx context.Context, taskID int64) error
	// SaveUploads makes files part of the task, all or none, and returns the
	// keys of blobs that no row names any more.
	SaveUploads(ctx context.Context, taskID int64, files []pipeline.Upload) (unused []string, err error)
	// DropUploads takes the files of a failed attempt from the task, and
	// returns the keys of their blobs.
	DropUploads(ctx context.Context, taskID int64) (unused []string, err error)
}

// Receiver takes in bodies. Its methods may be called concurrently.
type Receiver struct {
	cfg    Config
	bucket blob.Bucket
	db     uploadStore
	log    *slog.Logger
	now    func() time.Time
	seats  seats // of those who send files in pieces
}

// New returns a receiver that keeps files in bucket and their rows in db.
func New(cfg Config, bucket blob.Bucket, db uploadStore, log *slog.Logger) (*Receiver, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure receiving: %w", err)
	}
	return &Receiver{cfg: cfg, bucket: bucket, db: db, log: log, now: time.Now}, nil
}

// Owner is whose files a request brings.
type Owner struct {
	TaskID int64
	UserID int64
}

// Read begins the body of r. A multipart body has been read to its end when
// Read returns; of a JSON body nothing has been read, it is the batch's Fields.
// The caller ends the batch with Save or Discard.
func (rc *Receiver) Read(ctx context.Context, r *http.Request, to Owner) (*Batch, error) {
	kind, params, err := mediaType(r)
	if err != nil {
		return nil, err
	}
	b := &Batch{rc: rc, to: to}
	switch kind {
	case "multipart/form-data":
		return b, b.readMultipart(ctx, r, params["boundary"])
	case "application/json", "application/vnd.cvat+json":
		b.Fields, err = rc.json(r)
		return b, err
	}
	return nil, pipeline.Errorf(pipeline.Unsupported, "Unsupported media type %q in request.", kind)
}

// mediaType returns the content type of the body. Clients announce JSON and
// then send nothing, or say nothing at all: both mean an empty JSON object.
func mediaType(r *http.Request) (string, map[string]string, error) {
	header := r.Header.Get("Content-Type")
	if header == "" {
		return "application/json", nil, nil
	}
	kind, params, err := mime.ParseMediaType(header)
	if err != nil {
		return "", nil, pipeline.Errorf(pipeline.Unsupported, "The Content-Type header is malformed").Because(err)
	}
	return kind, params, nil
}

// json returns the reader of a JSON body.
func (rc *Receiver) json(r *http.Request) (io.Reader, error) {
	if r.ContentLength > rc.cfg.MaxJSON {
		return nil, tooLarge("The JSON body", rc.cfg.MaxJSON)
	}
	if r.ContentLength == 0 {
		return strings.NewReader("{}"), nil
	}
	return &capped{r: r.Body, left: rc.cfg.MaxJSON, what: "The JSON body", limit: rc.cfg.MaxJSON}, nil
}
