package unpack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"framemill/pipeline"
	"framemill/stages/media/archive"
	"framemill/stages/media/pdf"
	"framemill/stages/media/scratch"
)

// runPages is how many pages are drawn at a time.
const runPages = 8

// drawAll draws the pages of a document, as if it were an archive of them.
func (s *Stage) drawAll(ctx context.Context, in Input, p *pack, progress func()) error {
	file, release, err := s.sources.Local(ctx, in.Archive.Ref, in.Archive.Stamp())
	if err != nil {
		return err
	}
	defer release()
	outline, err := pdf.Read(ctx, file, progress)
	if err != nil {
		return err
	}
	d := document{Outline: outline, file: file, name: pageNames(in.Archive.Name, outline.Pages)}
	for first := 1; first <= d.Pages; first += runPages {
		if err := s.draw(ctx, d, first, min(first+runPages-1, d.Pages), p, progress); err != nil {
			return err
		}
		progress()
	}
	return nil
}

// document is a document that is being drawn.
type document struct {
	pdf.Outline
	file string // its path
	name func(page int) string
}

// pageNames returns how a page is called, as the contract has it.
func pageNames(document string, pages int) func(page int) string {
	base := strings.TrimSuffix(path.Base(document), path.Ext(document))
	digits := len(fmt.Sprint(pages))
	return func(page int) string { return fmt.Sprintf("%s000000000.jpeg-%0*d.jpg", base, digits, page) }
}

// draw draws some pages and takes them.
func (s *Stage) draw(ctx context.Context, d document, first, last int, p *pack, progress func()) (err error) {
	folder, err := scratch.New(s.scratch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	drawn, err := pdf.Draw(ctx, d.file, folder.Path, first, last, progress)
	if err != nil {
		return err
	}
	for i, page := range drawn {
		name := d.name(first + i)
		if d.TooLarge[first+i] {
			p.out.Files = append(p.out.Files, pipeline.SourceFile{
				Name: name, Code: pipeline.CodeTooLarge, Text: "the page is too large to draw",
			})
			continue
		}
		if err := takePage(p, page, name); err != nil {
			return err
		}
	}
	return nil
}

func takePage(p *pack, file, name string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read a drawn page: %w", err)
	}
	defer f.Close()
	return p.take(archive.Member{Name: name, Reader: f})
}
