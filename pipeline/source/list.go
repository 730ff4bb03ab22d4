package source

import (
	"cmp"
	"context"
	"io"
	"io/fs"
	"path"
	"slices"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

const (
	maxDepth  = 128       // of folders that Walk descends
	maxListed = 100_000   // entries of a folder that List shows
	maxFolder = 2_000_000 // entries of a folder that Walk holds, ~100 bytes each
	pageSize  = 4096      // entries read at once
)

// List returns the files and folders in dir, folders first, each by name. What
// is neither is left out, and so are links that lead nowhere or out of the
// share, and what nobody could ask for, as plan.FoundPath refuses its name. A
// folder of more than 100,000 entries is refused as too large.
func (s *Share) List(ctx context.Context, dir string) ([]Entry, error) {
	entries, err := s.read(ctx, dir, maxListed, true)
	if err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return plan.FoundPath(e.Path) != nil })
	slices.SortFunc(entries, func(a, b Entry) int {
		switch {
		case a.Dir == b.Dir:
			return cmp.Compare(a.Path, b.Path)
		case a.Dir:
			return -1
		}
		return 1
	})
	return entries, nil
}

// Walk calls fn for every file below the folder dir. Within a folder it goes
// by name, and descends into a sub-folder when its name comes. It leaves out
// what List does, but for names that plan.FoundPath refuses: fn hears of such a
// file, and of such a folder instead of what is in it. Links to files are
// followed; links to folders are not, so that there are no loops and no file is
// met twice; but dir itself may be one. An error of fn ends the walk and is
// returned.
func (s *Share) Walk(ctx context.Context, dir string, fn func(Entry) error) error {
	return s.walk(ctx, dir, 0, fn)
}

func (s *Share) walk(ctx context.Context, dir string, depth int, fn func(Entry) error) error {
	if depth > maxDepth {
		return pipeline.FieldErrorf("server_files", "folders on the share are nested more than %d deep, below %.100s", maxDepth, dir)
	}
	entries, err := s.read(ctx, dir, maxFolder, false)
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) })
	for _, e := range entries {
		if e.Dir && plan.FoundPath(e.Path) == nil {
			err = s.walk(ctx, e.Path, depth+1, fn)
		} else {
			err = fn(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read returns the entries of one folder, unsorted and at most limit. It reads
// page by page, so that the system's large records do not add up.
func (s *Share) read(ctx context.Context, dir string, limit int, folderLinks bool) ([]Entry, error) {
	name, err := clean(dir)
	if err != nil {
		return nil, err
	}
	f, err := s.root.Open(name + "/") // the slash refuses files, and FIFOs without opening them
	if err != nil {
		return nil, nameFailure(dir, err)
	}
	defer f.Close()
	var entries []Entry
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		page, err := f.ReadDir(pageSize)
		if err != nil && err != io.EOF {
			return nil, failure(dir, err)
		}
		for _, d := range page {
			if e, ok := s.entry(dir, d, folderLinks); ok {
				entries = append(entries, e)
			}
		}
		if len(entries) > limit {
			return nil, pipeline.Errorf(pipeline.TooLarge, "folder %q holds more than %d entries, name a smaller one", dir, limit)
		}
		if err == io.EOF || len(page) == 0 {
			return entries, nil
		}
	}
}

// entry describes what a folder holds, following links, and reports whether
// it is to be shown.
func (s *Share) entry(dir string, d fs.DirEntry, folderLinks bool) (Entry, bool) {
	p := path.Join(dir, d.Name())
	info, err := d.Info()
	link := d.Type()&fs.ModeSymlink != 0
	if link {
		info, err = s.root.Stat(p)
	}
	if err != nil {
		return Entry{}, false
	}
	e, ok := entryOf(p, info)
	return e, ok && (folderLinks || !link || !e.Dir)
}
