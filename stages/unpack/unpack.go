// Package unpack is the stage that unpacks an archive which cannot be read where
// it lies, or draws the pages of a document. What is wanted of it goes into one
// blob, member behind member, and is read from there from then on. It runs once,
// however many units read the members later.
//
// The libraries behind it believe what an archive says of the memory that it
// needs: the stage always runs alone, in a process whose memory is bounded.
package unpack

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/plan"
	"framemill/pipeline/source"
	"framemill/stages/media/archive"
)

// sources opens the archives.
type sources interface {
	Open(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (source.File, error)
	Local(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (path string, release func(), err error)
}

// blobs takes what is unpacked.
type blobs interface {
	Create(ctx context.Context, key string, d blob.Durability) (blob.Writer, error)
}

// Input is what to unpack.
type Input struct {
	Archive pipeline.SourceFile `json:"archive"`
	Key     string              `json:"key"` // of the blob that takes the members
}

// Output is what was unpacked, in the order of the archive.
type Output struct {
	Files   []pipeline.SourceFile `json:"files"`
	Skipped int64                 `json:"skipped"` // members that are not media
}

// Stage unpacks archives.
type Stage struct {
	limits  archive.Limits
	sources sources
	blobs   blobs
	scratch string
}

// New returns the stage. Pages lie below scratch until they are kept.
func New(limits archive.Limits, sources sources, blobs blobs, scratch string) *Stage {
	return &Stage{limits: limits, sources: sources, blobs: blobs, scratch: scratch}
}

// Run unpacks an archive, and calls progress as it goes on. A member that is
// damaged is a file that says so; whatever makes the rest unreadable as well is
// an error, which names the archive or the member.
func (s *Stage) Run(ctx context.Context, in Input, progress func()) (Output, error) {
	src, err := s.sources.Open(ctx, in.Archive.Ref, in.Archive.Stamp())
	if err != nil {
		return Output{}, err
	}
	defer src.Close()
	at, ok := src.(io.ReaderAt)
	if !ok {
		return Output{}, pipeline.Errorf(pipeline.Internal, "%s cannot be read at random", in.Archive.Ref)
	}
	p := &pack{ctx: ctx, key: in.Key, blobs: s.blobs, buf: make([]byte, copyBuffer)}
	defer p.abort()
	format, err := archive.Detect(at, src.Size())
	switch {
	case err != nil:
	case format == archive.PDF:
		err = s.drawAll(ctx, in, p, progress)
	default:
		err = archive.Walker{Limits: s.limits, Wanted: p.wanted, Visit: p.take, Progress: seldom(progress)}.Walk(ctx, at, src.Size())
	}
	if err != nil {
		return Output{}, blame(err, in.Archive.Name)
	}
	if err := p.commit(); err != nil {
		return Output{}, fmt.Errorf("unpack %s: %w", in.Archive.Ref, err)
	}
	return p.out, nil
}

// sayEvery is how often progress is told of, which is made with every read.
const sayEvery = 100 * time.Millisecond

// seldom calls progress now and then.
func seldom(progress func()) func() {
	var said time.Time
	return func() {
		if now := time.Now(); now.Sub(said) >= sayEvery {
			said = now
			progress()
		}
	}
}

const (
	writeBuffer = 256 << 10
	copyBuffer  = 64 << 10
)

// pack is the blob that takes the members. It is begun with the first one, so
// that an archive which ends the process before leaves nothing.
type pack struct {
	ctx   context.Context //nolint:containedctx // of the one run that this is
	key   string
	blobs blobs
	dst   blob.Writer
	out   Output
	at    int64 // bytes written
	to    *bufio.Writer
	buf   []byte
}

func (p *pack) begin() (err error) {
	if p.dst == nil {
		p.dst, err = p.blobs.Create(p.ctx, p.key, blob.Durable)
		p.to = bufio.NewWriterSize(p.dst, writeBuffer)
	}
	return err
}

func (p *pack) commit() error {
	if p.dst == nil {
		return nil
	}
	if err := p.to.Flush(); err != nil {
		return err
	}
	return p.dst.Commit(p.ctx)
}

// abort drops what was written, unless it was committed.
func (p *pack) abort() {
	if p.dst != nil {
		p.dst.Abort()
	}
}

// wanted reports whether a member is a frame, or belongs to one.
func (p *pack) wanted(name string) bool {
	if plan.IsMedia(name) {
		return true
	}
	p.out.Skipped++
	return false
}

// take writes a member behind the others.
func (p *pack) take(m archive.Member) error {
	if err := p.begin(); err != nil {
		return err
	}
	sum := crc32.NewIEEE()
	n, err := io.CopyBuffer(io.MultiWriter(p.to, sum), m, p.buf)
	begin := p.at
	p.at += n
	if err != nil {
		return err
	}
	crc := int64(sum.Sum32())
	f := pipeline.SourceFile{
		Name:  m.Name,
		Ref:   pipeline.ZipMember{Archive: pipeline.BlobRef(p.key), Offset: begin, Packed: n}.Ref(),
		Bytes: n, CRC32: &crc,
	}
	if m.CRC32 != nil && *m.CRC32 != crc {
		f.Code, f.Text = pipeline.CodeBadMember, "the archive member is damaged: its checksum is wrong"
	}
	p.out.Files = append(p.out.Files, f)
	return nil
}

// blame names the archive in an error that blames it but does not know it. An
// error that names a member keeps that.
func blame(err error, name string) error {
	e, ok := errors.AsType[*pipeline.Error](err)
	if !ok {
		return err
	}
	named := *e
	named.File = cmp.Or(e.File, name)
	named.Text = name + ": " + e.Text
	return &named
}
