package receive

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"framemill/pipeline"
)

const (
	maxBoundary = 70 // characters, of the standard
	readBuffer  = 128 << 10
)

// parts reads the parts of one multipart body.
type parts struct {
	*multipart.Reader
	gate     *gate
	boundary string
	n        int
	max      int
}

// next returns the next part, nil after the last.
func (p *parts) next() (*multipart.Part, error) {
	p.gate.close()
	defer p.gate.open()
	part, err := p.NextPart()
	if err == io.EOF && p.gate.ended(p.boundary) { //nolint:errorlint // a wrapped one means that the last boundary is missing
		return nil, nil
	}
	if err != nil {
		return nil, bodyError(err)
	}
	if p.n++; p.n > p.max {
		return nil, pipeline.Errorf(pipeline.TooLarge, "The body has more than %d parts", p.max)
	}
	return part, nil
}

// bodyError says of an error of the parser, or of the connection below it,
// what outsiders may know.
func bodyError(err error) error {
	if known, ok := errors.AsType[*pipeline.Error](err); ok {
		return known
	}
	return pipeline.Errorf(pipeline.Invalid, "Multipart form parse error: the body is malformed or ends early").Because(err)
}

// readMultipart reads the whole body. After an error nothing stays behind.
func (b *Batch) readMultipart(ctx context.Context, r *http.Request, boundary string) (err error) {
	if boundary == "" || len(boundary) > maxBoundary {
		return pipeline.Errorf(pipeline.Invalid, "Multipart form parse error: the boundary is missing or too long")
	}
	if r.ContentLength > b.rc.cfg.MaxRequest {
		return tooLarge("The body", b.rc.cfg.MaxRequest)
	}
	if err := b.rc.db.Uploadable(ctx, b.to.TaskID); err != nil {
		return err
	}
	b.begin(ctx)
	if err := b.space.check(ctx, max(r.ContentLength, 0)); err != nil {
		return err
	}
	err = b.readParts(ctx, b.rc.parts(r.Body, boundary))
	if err = errors.Join(b.commits.Wait(), err); err != nil {
		b.Discard(ctx)
		return firstKnown(err)
	}
	b.order()
	return nil
}

// firstKnown picks, of several errors, one that outsiders may know.
func firstKnown(err error) error {
	if known, ok := errors.AsType[*pipeline.Error](err); ok {
		return known
	}
	return err
}

func (rc *Receiver) parts(body io.Reader, boundary string) *parts {
	all := &capped{r: body, left: rc.cfg.MaxRequest, what: "The body", limit: rc.cfg.MaxRequest}
	g := &gate{r: bufio.NewReaderSize(all, readBuffer), header: rc.cfg.MaxHeader}
	return &parts{Reader: multipart.NewReader(g, boundary), gate: g, boundary: boundary, max: rc.cfg.MaxParts}
}

// readParts sorts the parts into fields and files.
func (b *Batch) readParts(ctx context.Context, ps *parts) error {
	fields, left := new(form), b.rc.cfg.MaxFields
	for {
		part, err := ps.next()
		if err != nil {
			return err
		}
		if part == nil {
			break
		}
		if err := b.readPart(ctx, part, fields, &left); err != nil {
			return err
		}
	}
	doc, err := fields.document()
	if err != nil {
		return fmt.Errorf("write fields as JSON: %w", err)
	}
	b.Fields = bytes.NewReader(doc)
	return nil
}

func (b *Batch) readPart(ctx context.Context, part *multipart.Part, fields *form, left *int64) error {
	d, err := parseDisposition(part.Header.Get("Content-Disposition"))
	if err != nil {
		return err
	}
	if d.isFile {
		return b.readFile(ctx, part, d)
	}
	if isFileField(d.field) {
		return pipeline.FieldErrorf("client_files", "The submitted data was not a file. Check the encoding type on the form.")
	}
	*left -= int64(len(d.field))
	value, err := io.ReadAll(&capped{r: part, left: max(*left, 0), what: "The text of all fields", limit: b.rc.cfg.MaxFields})
	if err != nil {
		return bodyError(err)
	}
	*left -= int64(len(value))
	return fields.add(d.field, string(value))
}

// disposition is what a part says of itself.
type disposition struct {
	field  string
	isFile bool
	file   string // the name exactly as it was sent, folders included
}

// parseDisposition reads the header itself: multipart.Part hides the folders
// of a file name, and with them an attempt to climb out.
func parseDisposition(header string) (disposition, error) {
	kind, params, err := mime.ParseMediaType(header)
	if err != nil || kind != "form-data" || params["name"] == "" {
		return disposition{}, pipeline.Errorf(pipeline.Invalid,
			"Multipart form parse error: a part has no valid Content-Disposition: %s", show(header)).Because(err)
	}
	file, isFile := params["filename"]
	return disposition{field: params["name"], isFile: isFile, file: file}, nil
}

// isFileField reports whether a field name is one of those that hold files.
func isFileField(name string) bool {
	return name == "client_files" || strings.HasPrefix(name, "client_files[")
}
