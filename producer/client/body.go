package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// localFile is a file to be sent.
type localFile struct {
	path string
	name string // for the server
	size int64
}

// examine looks the files up and adds their sizes.
func examine(paths []string) (files []localFile, total int64, err error) {
	named := make(map[string]string, len(paths))
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, 0, err
		}
		if !info.Mode().IsRegular() {
			return nil, 0, fmt.Errorf("%s is not a plain file", path)
		}
		name := filepath.Base(path)
		if first, ok := named[name]; ok {
			return nil, 0, fmt.Errorf("%s and %s would have one name on the server: rename one of them", first, path)
		}
		named[name] = path
		files = append(files, localFile{path, name, info.Size()})
		total += info.Size()
	}
	return files, total, nil
}

// body is a multipart body that is made while it is read: of the files, one is
// open at a time. Close may be called while another goroutine reads.
type body struct {
	mu   sync.Mutex
	rest []io.Reader // texts, and *openFile
	sent func(int64) // hears the bytes of files
}

// newBody returns the body that carries files, its content type and length.
func newBody(files []localFile, quality int64, sent func(int64)) (b *body, contentType string, length int64, err error) {
	b = &body{sent: sent}
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	flush := func() {
		length += int64(text.Len())
		b.rest = append(b.rest, strings.NewReader(text.String()))
		text.Reset()
	}
	if err := w.WriteField("image_quality", strconv.FormatInt(quality, 10)); err != nil {
		return nil, "", 0, err
	}
	for i, f := range files {
		h := make(textproto.MIMEHeader)
		h.Set("Content-Disposition", multipart.FileContentDisposition(fmt.Sprintf("client_files[%d]", i), f.name))
		h.Set("Content-Type", "application/octet-stream")
		if _, err := w.CreatePart(h); err != nil {
			return nil, "", 0, err
		}
		flush()
		b.rest = append(b.rest, &openFile{localFile: f, left: f.size})
		length += f.size
	}
	if err := w.Close(); err != nil {
		return nil, "", 0, err
	}
	flush()
	return b, w.FormDataContentType(), length, nil
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.rest) > 0 {
		n, err := b.rest[0].Read(p)
		if _, ok := b.rest[0].(*openFile); ok && n > 0 {
			b.sent(int64(n))
		}
		if errors.Is(err, io.EOF) {
			b.rest = b.rest[1:]
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.EOF
}

// Close implements io.Closer. Nothing is read from then on.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.rest) == 0 {
		return nil
	}
	f, ok := b.rest[0].(*openFile)
	b.rest = []io.Reader{closedReader{}}
	if ok && f.f != nil {
		return f.f.Close()
	}
	return nil
}

// closedReader is what is left of a body that was closed early.
type closedReader struct{}

// Read implements io.Reader.
func (closedReader) Read([]byte) (int, error) { return 0, os.ErrClosed }

// openFile reads a file of which the length is promised already. It opens the
// file when it is first read, and closes it at its end.
type openFile struct {
	localFile
	left int64
	f    *os.File
}

// Read implements io.Reader.
func (o *openFile) Read(p []byte) (int, error) {
	if o.f == nil {
		f, err := os.Open(o.path)
		if err != nil {
			return 0, err
		}
		o.f = f
	}
	if o.left == 0 {
		return 0, o.finish()
	}
	n, err := o.f.Read(p[:min(int64(len(p)), o.left)])
	o.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = o.changed()
	}
	return n, err
}

// finish closes the file and returns io.EOF if it is as long as it was.
func (o *openFile) finish() error {
	info, err := o.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != o.size {
		return o.changed()
	}
	if err := o.f.Close(); err != nil {
		return err
	}
	return io.EOF
}

func (o *openFile) changed() error {
	return fmt.Errorf("%s changed while it was sent: upload it again when nobody writes to it", o.path)
}
