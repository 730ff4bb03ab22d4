// Package pdf draws the pages of documents. The drawing is done by Poppler's
// pdfinfo and pdftoppm, which run behind the walls of package sandbox: they see
// the document, the fonts of the machine and a folder for the pages.
package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"framemill/pipeline"
	"framemill/stages/media/sandbox"
)

// dpi is how finely pages are drawn, as the contract has it.
const dpi = 200

// Limits of the programs. A page of a square metre is 150 MB while it is drawn.
const (
	memory    = 512 << 20
	pageBytes = 256 << 20
	// outlineTime is how long reading the outline may take.
	outlineTime = 30 * time.Second
	// RunTime is how long the pages of one call of Draw may take.
	RunTime = 2 * time.Minute
	// MaxPages is how many pages a document may have.
	MaxPages = 10_000
)

// Outline is what is known of a document before a page of it is drawn.
type Outline struct {
	Pages    int
	TooLarge map[int]bool // pages that cannot be drawn
}

// maxPixels is how large a page may be, drawn.
const maxPixels = 128 << 20

// Read returns the outline of the document at an absolute path. Errors that blame
// the document are *pipeline.Error.
func Read(ctx context.Context, path string, progress func()) (Outline, error) {
	var out bytes.Buffer
	err := sandbox.Run(ctx, sandbox.Command{
		Program: "pdfinfo", Args: []string{"-f", "1", "-l", strconv.Itoa(MaxPages), path},
		Inputs: []string{path}, Stdout: &limited{b: &out},
		Limits: sandbox.Limits{MemoryBytes: memory, Wall: outlineTime, CPU: outlineTime, Busy: progress},
	})
	if err != nil {
		return Outline{}, explain(err)
	}
	o := Outline{TooLarge: map[int]bool{}}
	for line := range strings.Lines(out.String()) {
		if text, ok := strings.CutPrefix(line, "Pages:"); ok {
			if o.Pages, err = pageCount(strings.TrimSpace(text)); err != nil {
				return Outline{}, err
			}
		}
		if page, large := pageSize(line); large {
			o.TooLarge[page] = true
		}
	}
	if o.Pages == 0 {
		return Outline{}, broken()
	}
	return o, nil
}

func pageCount(text string) (int, error) {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n < 1:
		return 0, broken()
	case n > MaxPages:
		return 0, pipeline.Failf(pipeline.CodeArchiveLimits, "", "the document has %d pages, at most %d are taken", n, MaxPages)
	}
	return n, nil
}

// pageSize reads a line such as "Page    1 size: 612 x 792 pts (letter)", and
// reports whether that is too large.
func pageSize(line string) (page int, large bool) {
	const inch = 72 // points
	var width, height float64
	if _, err := fmt.Sscanf(line, "Page %d size: %g x %g pts", &page, &width, &height); err != nil {
		return 0, false
	}
	return page, !(width/inch*dpi*height/inch*dpi <= maxPixels)
}

// Draw draws the pages first to last of the document at an absolute path into an
// empty folder, as JPEGs, and returns their paths in order. In the place of one
// that is too large there is anything.
func Draw(ctx context.Context, path, folder string, first, last int, progress func()) ([]string, error) {
	err := sandbox.Run(ctx, sandbox.Command{
		Program: "pdftoppm",
		Args:    []string{"-r", strconv.Itoa(dpi), "-jpeg", "-f", strconv.Itoa(first), "-l", strconv.Itoa(last), path, "page"},
		Inputs:  []string{path}, OutDir: folder,
		Limits: sandbox.Limits{MemoryBytes: memory, Wall: RunTime, CPU: RunTime, FileBytes: pageBytes, Busy: progress},
	})
	if err != nil {
		return nil, explain(err)
	}
	entries, err := os.ReadDir(folder) // by name, and numbers are padded
	if err != nil {
		return nil, fmt.Errorf("list drawn pages: %w", err)
	}
	if len(entries) != last-first+1 {
		return nil, broken()
	}
	pages := make([]string, len(entries))
	for i, e := range entries {
		pages[i] = filepath.Join(folder, e.Name())
	}
	return pages, nil
}

// explain blames the document for how a program ended.
func explain(err error) error {
	died, ok := errors.AsType[*sandbox.Died](err)
	switch {
	case errors.Is(err, sandbox.ErrTooLong):
		return pipeline.Failf(pipeline.CodeTooSlow, "", "drawing pages takes longer than %s", RunTime).Because(err)
	case !ok:
		return err
	case pipeline.KindOf(err) != pipeline.Internal: // it has its code
		return err
	case strings.Contains(died.Stderr, "Incorrect password"), strings.Contains(died.Stderr, "Unsupported security handler"):
		return pipeline.Failf(pipeline.CodeEncrypted, "", "the document is encrypted").Because(err)
	}
	return broken().Because(err)
}

func broken() *pipeline.Error {
	return pipeline.Failf(pipeline.CodeDecodeFailed, "", "the document cannot be read")
}

// limited takes what a program says, as long as it is little.
type limited struct{ b *bytes.Buffer }

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	const most = 2 << 20
	if l.b.Len()+len(p) > most {
		return 0, broken()
	}
	return l.b.Write(p)
}
