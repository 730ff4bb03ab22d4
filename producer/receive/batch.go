package receive

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/plan"
)

const (
	writeBuffer  = 256 << 10
	filesAFolder = 1000            // of the bucket
	tidyTime     = 2 * time.Minute // for deleting what a refused request left
)

// Batch is what one request brought: its fields, and files that lie in the
// bucket but do not belong to the task yet.
type Batch struct {
	// Fields reads the fields as one JSON object, whichever way they were sent.
	Fields io.Reader

	rc      *Receiver
	to      Owner
	folder  string // of the bucket, this batch's own
	files   []file
	named   map[string]int // place in files
	space   spaceGuard
	commits *errgroup.Group
	flushes context.Context
	buf     *bufio.Writer
}

// file is a received file and how it came.
type file struct {
	pipeline.Upload
	index uint64 // its place among the files, by the name of its field
	sent  string // its name as it was sent
}

// begin prepares the batch for files.
func (b *Batch) begin(ctx context.Context) {
	id := pipeline.NewID()
	// The first digits of the id are those of the time: a new folder every few
	// hours, so that none grows without end.
	b.folder = "up/" + id[:6] + "/" + id
	b.named = make(map[string]int)
	b.space = spaceGuard{rc: b.rc}
	b.commits, b.flushes = errgroup.WithContext(ctx)
	b.commits.SetLimit(b.rc.cfg.Commits)
	b.buf = bufio.NewWriterSize(nil, writeBuffer)
}

// Files returns how many files the batch holds.
func (b *Batch) Files() int { return len(b.files) }

// Names returns the names of the files, in order.
func (b *Batch) Names() []string {
	names := make([]string, len(b.files))
	for i := range b.files {
		names[i] = b.files[i].Name
	}
	return names
}

// readFile streams one file into the bucket. Its flush goes on while the next
// file arrives.
func (b *Batch) readFile(ctx context.Context, part *multipart.Part, d disposition) error {
	index, err := fileIndex(d.field)
	if err != nil {
		return err
	}
	name, err := plan.ClientName(d.file)
	if err != nil {
		return err
	}
	f := file{index: index, sent: d.file}
	f.ID, f.TaskID, f.UserID, f.Name = pipeline.NewID(), b.to.TaskID, b.to.UserID, name
	f.Key = fmt.Sprintf("%s/%d/%d", b.folder, len(b.files)/filesAFolder, len(b.files))
	w, err := b.rc.bucket.Create(b.flushes, f.Key, blob.Durable)
	if err != nil {
		return fmt.Errorf("create upload %q: %w", f.Key, err)
	}
	if err := b.copy(ctx, w, part, &f); err != nil {
		w.Abort()
		return err
	}
	return b.keep(w, f)
}

// fileIndex returns the place that the field name gives a file. A file without
// a number comes after those that have one.
func fileIndex(field string) (uint64, error) {
	steps, ok := parseName(field)
	if !ok || steps[0].name != "client_files" || len(steps) > 2 || len(steps) == 2 && !steps[1].isIndex {
		return 0, pipeline.Errorf(pipeline.Invalid, "The field %s does not take a file: use client_files[0] and so on", show(field))
	}
	if len(steps) == 1 {
		return math.MaxUint64, nil
	}
	return steps[1].index, nil
}

// copy writes the part's bytes and fills in what they tell.
func (b *Batch) copy(ctx context.Context, w io.Writer, part io.Reader, f *file) error {
	sums := newSums()
	b.buf.Reset(io.MultiWriter(spaceWriter{ctx, w, &b.space}, sums))
	src := &source{Reader: &capped{r: part, left: b.rc.cfg.MaxFile, what: "The file " + show(f.Name), limit: b.rc.cfg.MaxFile}}
	n, err := b.buf.ReadFrom(src)
	if src.err != nil {
		return bodyError(src.err)
	}
	if err == nil {
		err = b.buf.Flush()
	}
	if err != nil {
		return fmt.Errorf("write upload %q: %w", f.Key, err)
	}
	f.Length, f.SHA256, f.CRC32 = n, sums.SHA256(), sums.CRC32()
	return nil
}

// source remembers an error of reading, to tell it from one of writing.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // an early end is ErrUnexpectedEOF here
		s.err = err
	}
	return n, err
}

// keep commits a received file, unless the batch has it already.
func (b *Batch) keep(w blob.Writer, f file) error {
	if i, twice := b.named[f.Name]; twice {
		w.Abort()
		if first := b.files[i]; first.SHA256 != f.SHA256 || first.Length != f.Length {
			return pipeline.Errorf(pipeline.Conflict, "The files %s and %s have the same name and different content",
				show(first.sent), show(f.sent))
		}
		return nil
	}
	b.named[f.Name] = len(b.files)
	b.files = append(b.files, f)
	b.commits.Go(func() error {
		if err := w.Commit(b.flushes); err != nil {
			return fmt.Errorf("commit upload %q: %w", f.Key, err)
		}
		return nil
	})
	return nil
}

// order puts the files in the order that their fields say.
func (b *Batch) order() {
	slices.SortStableFunc(b.files, func(x, y file) int { return cmp.Compare(x.index, y.index) })
}

// Save makes the files part of the task, all or none. A file that the task has
// already, byte for byte, counts as saved. What a refusal leaves is removed at
// once. After any other error the rows may be there although nobody could say
// so: then the blobs stay, and the collector removes those that no row names.
func (b *Batch) Save(ctx context.Context) error {
	if len(b.files) == 0 {
		return nil
	}
	rows := make([]pipeline.Upload, len(b.files))
	for i := range b.files {
		rows[i] = b.files[i].Upload
	}
	unused, err := b.rc.db.SaveUploads(ctx, b.to.TaskID, rows)
	if err != nil {
		if !pipeline.Retryable(err) {
			b.Discard(ctx)
		}
		b.files = nil
		return fmt.Errorf("save %d uploads of task %d: %w", len(rows), b.to.TaskID, err)
	}
	b.files = nil
	b.rc.delete(ctx, unused)
	return nil
}

// Discard drops the files of a batch that was not saved.
func (b *Batch) Discard(ctx context.Context) {
	keys := make([]string, len(b.files))
	for i := range b.files {
		keys[i] = b.files[i].Key
	}
	b.files = nil
	b.rc.delete(ctx, keys)
}

// Drop removes the files that an attempt which failed has left to the task.
func (rc *Receiver) Drop(ctx context.Context, taskID int64) error {
	unused, err := rc.db.DropUploads(ctx, taskID)
	if err != nil {
		return fmt.Errorf("drop uploads of task %d: %w", taskID, err)
	}
	rc.delete(ctx, unused)
	return nil
}

// delete removes blobs that no row names. It goes on although the client has
// left; what it cannot remove, the collector finds later.
func (rc *Receiver) delete(ctx context.Context, keys []string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
	defer cancel()
	for _, key := range keys {
		if err := rc.bucket.Delete(ctx, key); err != nil {
			rc.log.WarnContext(ctx, "left an unused blob to the collector", "key", key, "error", err)
			return
		}
	}
}
