package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
	"framemill/stages"
	"framemill/stages/collect"
)

// pageFiles is how many names a page holds: what one probe unit reads.
const pageFiles = plan.ShardFiles

// collectStep lists the sources. A small list stays in memory for the next
// stage; a large one is written in pages, which the probe units read.
func collectStep(ctx context.Context, a *attempt) error {
	uploads, err := a.w.uploads(ctx, a.TaskID)
	if err != nil {
		return fmt.Errorf("list uploads: %w", err)
	}
	list, from, err := a.resume()
	if err != nil {
		return err
	}
	storage, err := a.collect(ctx, collect.Input{Spec: a.spec, Uploads: uploads, From: from}, list)
	if err != nil {
		return err
	}
	if a.Kind == pipeline.UploadRun && list.small() {
		a.found = list.open
	} else if err := list.spill(ctx); err != nil {
		return err
	}
	a.unfold = a.Kind == pipeline.UploadRun && a.found == nil
	a.later(func(ctx context.Context, t *store.Tx) error {
		if storage != "" {
			if err := t.SetStorage(ctx, a.TaskID, storage); err != nil {
				return err
			}
		}
		return t.SetCollected(ctx, a.Request, list.total, list.places(), a.unfold)
	})
	return nil
}

// uploads lists every file that clients sent for a task.
func (w *Worker) uploads(ctx context.Context, taskID int64) ([]pipeline.Upload, error) {
	var all []pipeline.Upload
	after := int64(-1)
	for {
		page, err := w.DB.Uploads(ctx, taskID, after, pageFiles)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < pageFiles {
			return all, nil
		}
		after = page[len(page)-1].Ord
	}
}

// collect runs the stage here, or alone in a child after crashes. It returns
// where the files lie that a cloud storage had, "" for others. A bucket is
// always listed here: that touches no media.
func (a *attempt) collect(ctx context.Context, in collect.Input, list *nameList) (storage string, err error) {
	bucket := in.Spec.CloudStorageID != 0
	if a.solo && !bucket {
		t := SoloTask{Stage: stages.Collect, Keys: a.key("copy", ""), Input: in, Progress: a.beat}
		t.Files = append(t.Files, in.Spec.ServerFiles...)
		for i := range in.Uploads {
			t.Files = append(t.Files, in.Uploads[i].Name)
		}
		var found []pipeline.SourceFile
		if err := a.w.Solo.Run(ctx, t, &found); err != nil {
			return "", err
		}
		return "", list.add(ctx, found)
	}
	out, err := a.stages().Collect.Run(ctx, in, collect.Attempt{
		Emit:     func(page []pipeline.SourceFile) error { return list.add(ctx, page) },
		Mark:     func(at collect.Place) error { return list.mark(ctx, at) },
		Key:      func(n int64) string { return stages.CopyKey(a.key("copy", ""), n) },
		Progress: a.beat,
		Unpack:   a.unpack,
	})
	if !bucket {
		out.Storage = ""
	}
	return out.Storage, err
}

// nameList gathers what is collected and spills full pages into blobs.
type nameList struct {
	a     *attempt
	open  []pipeline.SourceFile
	pages int64
	total int64
	bytes int64
	runs  []nameRun // of pages, by attempts
}

// unmeasured is the length of a picture that nobody has looked at, for
// estimates.
const unmeasured = 1 << 20

// smallFilm is the length of a video that is small work, in bytes.
const smallFilm = 1 << 20

// small reports whether one unit may run all of the ingest.
func (l *nameList) small() bool {
	if l.pages > 0 || !plan.Fused(l.total, l.bytes) {
		return false
	}
	film := len(l.open) == 1 && plan.ClassOf(l.open[0].Name) == plan.Video
	return !film || l.bytes <= smallFilm
}

func (l *nameList) add(ctx context.Context, files []pipeline.SourceFile) error {
	for i := range files {
		l.open = append(l.open, files[i])
		l.total++
		if files[i].Bytes < 0 {
			l.bytes += unmeasured
		} else {
			l.bytes += files[i].Bytes
		}
		if len(l.open) == pageFiles {
			if err := l.spill(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// prefix is where the pages lie. It contains the fence, so that the pages of
// two attempts are never mixed.
func (l *nameList) prefix() string { return fmt.Sprintf("%s%s-%d/", l.a.names(), l.a.ID, l.a.Fence) }

// names is where the pages of all attempts of the request lie.
func (a *attempt) names() string { return a.prefix() + "names/" }

// spill writes the open page as a blob.
func (l *nameList) spill(ctx context.Context) error {
	if len(l.open) == 0 {
		return nil
	}
	w, err := l.a.w.Bucket.Create(ctx, pageKey(l.prefix(), l.pages), blob.Durable)
	if err != nil {
		return fmt.Errorf("write names: %w", err)
	}
	defer w.Abort()
	if err := json.NewEncoder(w).Encode(l.open); err != nil {
		return fmt.Errorf("write names: %w", err)
	}
	if err := w.Commit(ctx); err != nil {
		return fmt.Errorf("write names: %w", err)
	}
	l.pages++
	if n := len(l.runs); n > 0 && l.runs[n-1].Prefix == l.prefix() {
		l.runs[n-1].Pages++
	} else {
		l.runs = append(l.runs, nameRun{l.prefix(), 1})
	}
	l.open = nil
	l.a.beat()
	return nil
}

func pageKey(prefix string, page int64) string { return fmt.Sprintf("%s%06d", prefix, page) }

// readPage reads one page of collected names.
func (w *Worker) readPage(ctx context.Context, names string, page int64) ([]pipeline.SourceFile, error) {
	key, err := pageAt(names, page)
	if err != nil {
		return nil, err
	}
	o, err := w.Bucket.Open(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read names: %w", err)
	}
	defer o.Close()
	raw, err := io.ReadAll(o)
	if err != nil {
		return nil, fmt.Errorf("read names: %w", err)
	}
	var out []pipeline.SourceFile
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("read names: %w", err)
	}
	return out, nil
}
