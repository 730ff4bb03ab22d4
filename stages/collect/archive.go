package collect

import (
	"cmp"
	"context"
	"errors"
	"io"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/stages/media/archive"
	"framemill/stages/media/ziparchive"
)

// takeArchive adds the pictures in an archive. Those of a zip or a plain tar are
// read where they lie, which for an archive on the share means on the share; any
// other is unpacked into our own storage.
func (r *run) takeArchive(ctx context.Context, z pipeline.SourceFile) error {
	if z.Bytes == 0 {
		return pipeline.Failf(pipeline.CodeEmptyFile, z.Name, "the archive %s is empty", z.Name)
	}
	format, err := r.detect(ctx, z)
	if err != nil {
		return err
	}
	if format != archive.Zip && format != archive.Tar {
		return r.unpack(ctx, z)
	}
	if r.copies(z) {
		if err := r.copy(ctx, &z, r.nextKey()); err != nil {
			return err
		}
	}
	members, err := r.list(ctx, z, format)
	if err != nil {
		return err
	}
	for i := range members {
		m := &members[i]
		// What the archive says of the checksum is left out: nobody has read the
		// content, and readers of a chunk would trip over a wrong one.
		f := pipeline.SourceFile{Name: m.Name, Ref: m.In(z.Ref), Bytes: m.Bytes, MTime: z.MTime, ETag: z.ETag}
		if err := r.add(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// openArchive opens an archive so that it can be read anywhere.
func (r *run) openArchive(ctx context.Context, z pipeline.SourceFile) (at io.ReaderAt, size int64, closeFile func() error, err error) {
	f, err := r.stage.sources.Open(ctx, z.Ref, z.Stamp())
	if err != nil {
		return nil, 0, nil, err
	}
	at, ok := f.(io.ReaderAt)
	if !ok {
		return nil, 0, nil, errors.Join(pipeline.Errorf(pipeline.Internal, "%s cannot be read at random", z.Ref), f.Close())
	}
	return at, f.Size(), f.Close, nil
}

// detect says what an archive is by its content. A zip may have something else
// in front of it, and is then known by its name.
func (r *run) detect(ctx context.Context, z pipeline.SourceFile) (archive.Format, error) {
	at, size, closeFile, err := r.openArchive(ctx, z)
	if err != nil {
		return archive.Unknown, err
	}
	defer closeFile()
	format, err := archive.Detect(at, size)
	if format == archive.Unknown && plan.ClassOf(z.Name) == plan.Zip {
		format = archive.Zip
	}
	return format, err
}

// list returns the members of an archive that are media.
func (r *run) list(ctx context.Context, z pipeline.SourceFile, format archive.Format) ([]ziparchive.Member, error) {
	at, size, closeFile, err := r.openArchive(ctx, z)
	if err != nil {
		return nil, err
	}
	defer closeFile()
	wanted := func(name string) bool {
		if plan.IsMedia(name) {
			return true
		}
		r.skip()
		return false
	}
	var members []ziparchive.Member
	if format == archive.Tar {
		members, err = archive.List(ctx, at, size, archive.Limits{}, wanted, r.attempt.Progress)
	} else {
		members, err = ziparchive.List(at, size, r.stage.cfg.Archive, wanted)
	}
	return members, blame(err, z.Name)
}

// unpack adds what is unpacked of an archive.
func (r *run) unpack(ctx context.Context, z pipeline.SourceFile) error {
	files, skipped, err := r.attempt.Unpack(ctx, z, r.nextKey())
	if err != nil {
		return err
	}
	r.out.Skipped += skipped
	for _, f := range files {
		if err := r.add(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// blame names the archive in an error that blames it but does not know it. An
// error that names a member keeps that.
func blame(err error, archive string) error {
	e, ok := errors.AsType[*pipeline.Error](err)
	if !ok {
		return err
	}
	named := *e
	named.File = cmp.Or(e.File, archive)
	named.Text = archive + ": " + e.Text
	return &named
}
