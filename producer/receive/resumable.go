package receive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
)

const (
	// partialTTL is how long a file may lie unfinished without a new piece.
	partialTTL = 24 * time.Hour
	// checkpointBytes is after how many bytes a sitting makes safe what it has:
	// at most so much is sent twice.
	checkpointBytes = 8 << 20
	// saveTime is how long the bytes of a sender that has left may take to be
	// made safe.
	saveTime = 30 * time.Second
)

// partialStore is what resumable uploads need of the store.
type partialStore interface {
	OpenPartial(ctx context.Context, p *pipeline.Partial, ttl time.Duration) error
	Partial(ctx context.Context, id string) (*pipeline.Partial, error)
	TakePartial(ctx context.Context, id string) (*pipeline.Partial, error)
	AdvancePartial(ctx context.Context, p *pipeline.Partial, ttl time.Duration) error
	SavePartial(ctx context.Context, f pipeline.Upload) (unused []string, err error)
	DropPartial(ctx context.Context, id string) error
	Upload(ctx context.Context, id string) (*pipeline.Upload, error)
}

// MaxFile returns how long a file may be, in bytes.
func (rc *Receiver) MaxFile() int64 { return rc.cfg.MaxFile }

// Open begins a file that is to come in pieces. An empty one is complete at
// once.
func (rc *Receiver) Open(ctx context.Context, to Owner, name string, length int64) (*pipeline.Partial, error) {
	if length > rc.cfg.MaxFile {
		return nil, tooLarge("The file "+show(name), rc.cfg.MaxFile)
	}
	bucket, err := rc.resumer()
	if err != nil {
		return nil, err
	}
	space := spaceGuard{rc: rc}
	if err := space.check(ctx, length); err != nil {
		return nil, err
	}
	id := pipeline.NewID()
	p := &pipeline.Partial{
		ID: id, TaskID: to.TaskID, UserID: to.UserID, Name: name, Length: length,
		Key: "up/" + id[:6] + "/" + id,
	}
	first, err := bucket.Resume(ctx, p.Key, 0)
	if err != nil {
		return nil, fmt.Errorf("begin the partial blob %q: %w", p.Key, err)
	}
	err = first.Close()
	if err == nil {
		err = rc.db.OpenPartial(ctx, p, partialTTL)
	}
	if err != nil {
		return nil, errors.Join(err, bucket.Drop(context.WithoutCancel(ctx), p.Key))
	}
	return p, rc.endIfComplete(ctx, p)
}

// Progress returns how much of a file is there. A sender whose line hangs is
// cut off first, so that what it brought counts.
func (rc *Receiver) Progress(ctx context.Context, to Owner, id string) (*pipeline.Partial, error) {
	if err := rc.seats.wait(ctx, id); err != nil && !errors.Is(err, errBusy) {
		return nil, err
	}
	p, err := rc.db.Partial(ctx, id)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return rc.arrived(ctx, to, id)
	}
	if err != nil {
		return nil, err
	}
	if !to.owns(p) {
		return nil, errNoUpload()
	}
	return p, rc.endIfComplete(ctx, p)
}

func (to Owner) owns(p *pipeline.Partial) bool {
	return to == Owner{TaskID: p.TaskID, UserID: p.UserID}
}

func errNoUpload() error { return pipeline.Errorf(pipeline.NotFound, "no such upload") }

// arrived describes a file that is complete: the answer to its last piece may
// have been lost, and then its sender asks.
func (rc *Receiver) arrived(ctx context.Context, to Owner, id string) (*pipeline.Partial, error) {
	u, err := rc.db.Upload(ctx, id)
	if err != nil {
		return nil, err
	}
	p := &pipeline.Partial{
		ID: id, TaskID: u.TaskID, UserID: u.UserID, Name: u.Name, Length: u.Length, Received: u.Length, Key: u.Key,
	}
	if !to.owns(p) {
		return nil, errNoUpload()
	}
	return p, nil
}

// Piece is a run of bytes of a file.
type Piece struct {
	Offset int64 // of its first byte in the file
	Bytes  int64
	Body   io.Reader
	// Cut ends the reading of the body from another goroutine. It may be called
	// more than once.
	Cut func()
}

// Append takes a piece. Whatever of it arrives counts, also if the line breaks
// or the process dies in the middle; the last byte makes the file part of its
// task. The partial upload that Append returns, also beside an error if it can,
// says how much is there.
func (rc *Receiver) Append(ctx context.Context, to Owner, id string, in Piece) (*pipeline.Partial, error) {
	seat, leave, err := rc.seats.take(ctx, id, in.Cut)
	if err != nil {
		return nil, err
	}
	defer leave()
	p, err := rc.db.Partial(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case !to.owns(p):
		return nil, errNoUpload()
	case in.Offset != p.Received:
		return p, errOffset(p, in)
	case in.Bytes > p.Length-p.Received:
		return p, pipeline.Errorf(pipeline.TooLarge, "The piece of %d bytes goes over the end of the file", in.Bytes)
	}
	if p, err = rc.db.TakePartial(ctx, id); err != nil {
		return nil, err
	}
	if p.Received != in.Offset { // another process was faster
		return p, errOffset(p, in)
	}
	safe, err := rc.take(ctx, p, in, seat)
	if !safe {
		return nil, err
	}
	if err != nil {
		return p, err
	}
	return p, rc.endIfComplete(ctx, p)
}

func errOffset(p *pipeline.Partial, in Piece) error {
	return pipeline.Errorf(pipeline.Conflict, "The file has %d bytes, and the piece begins at %d", p.Received, in.Offset)
}

// take writes a piece to the partial blob, and reports whether all that p says
// was received is safe.
func (rc *Receiver) take(ctx context.Context, p *pipeline.Partial, in Piece, seat *seat) (safe bool, err error) {
	bucket, err := rc.resumer()
	if err != nil {
		return false, err
	}
	to, err := bucket.Resume(ctx, p.Key, p.Received)
	if errors.Is(err, blob.ErrNotExist) {
		// Nobody can send the bytes that a disk has lost but the client, from
		// the first on.
		return false, errors.Join(errNoUpload(), err, rc.db.DropPartial(ctx, p.ID))
	}
	if err != nil {
		return false, fmt.Errorf("resume the partial blob %q: %w", p.Key, err)
	}
	defer to.Close()
	sums, err := resumeSums(p.Sums)
	if err != nil {
		return false, err
	}
	s := &sitting{rc: rc, p: p, to: to, sums: sums, seat: seat}
	return s.run(ctx, in)
}

// endIfComplete makes a file whose last byte is there part of its task. It may
// be repeated: whoever asks for a file finishes what a process that died began.
func (rc *Receiver) endIfComplete(ctx context.Context, p *pipeline.Partial) error {
	if !p.Complete() {
		return nil
	}
	bucket, err := rc.resumer()
	if err != nil {
		return err
	}
	if err := bucket.Complete(ctx, p.Key, p.Length); err != nil {
		return fmt.Errorf("complete the blob %q: %w", p.Key, err)
	}
	sums, err := resumeSums(p.Sums)
	if err != nil {
		return err
	}
	unused, err := rc.db.SavePartial(ctx, pipeline.Upload{
		ID: p.ID, TaskID: p.TaskID, UserID: p.UserID, Name: p.Name, Length: p.Length, Key: p.Key,
		SHA256: sums.SHA256(), CRC32: sums.CRC32(),
	})
	if pipeline.KindOf(err) == pipeline.NotFound { // another has done so
		return nil
	}
	if err != nil {
		return fmt.Errorf("save the upload %q: %w", p.Key, err)
	}
	rc.delete(ctx, unused)
	return nil
}

// resumer returns the bucket as one that takes blobs in pieces.
func (rc *Receiver) resumer() (blob.Resumer, error) {
	b, ok := rc.bucket.(blob.Resumer)
	if !ok {
		return nil, pipeline.Errorf(pipeline.NotOffered, "this server does not take files in pieces: send them as multipart/form-data")
	}
	return b, nil
}
