// Package archive reads archives that are not zip: tar, plain or packed by
// gzip, bzip2 or xz, 7z and rar. What an archive is, its content says and not
// its name.
//
// The members of a plain tar can be read where they lie, as those of a zip
// can: List finds them. All others are one stream, or a few, which must be
// unpacked from the beginning: Walk does, once. Names, kinds and sizes are
// checked as those of a zip are, before a byte of a member is given out, and how
// much may be unpacked is bounded by what the archive weighs.
//
// The libraries behind 7z and rar believe what an archive says of the memory
// that it needs. Walk is therefore called in a process whose memory is bounded.
package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"

	"framemill/pipeline"
)

// Format is what a file is by its content.
type Format string

// The formats that Detect knows.
const (
	Unknown  Format = ""
	Zip      Format = "zip"
	Tar      Format = "tar"
	Gzip     Format = "gzip"
	Bzip2    Format = "bzip2"
	XZ       Format = "xz"
	SevenZip Format = "7z"
	RAR      Format = "rar"
	PDF      Format = "pdf"
)

// signatures are the first bytes of files. A tar has none.
var signatures = []struct {
	magic  string
	format Format
}{
	{"PK\x03\x04", Zip}, {"PK\x05\x06", Zip}, {"\x1f\x8b\x08", Gzip}, {"BZh", Bzip2}, {"\xfd7zXZ\x00", XZ},
	{"7z\xbc\xaf\x27\x1c", SevenZip}, {"Rar!\x1a\x07\x00", RAR}, {"Rar!\x1a\x07\x01\x00", RAR}, {"%PDF-", PDF},
}

// Detect says what the file of size bytes is, by its beginning.
func Detect(r io.ReaderAt, size int64) (Format, error) {
	head := make([]byte, min(size, 1024))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return Unknown, fmt.Errorf("read the beginning of an archive: %w", err)
	}
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.magic)) {
			return s.format, nil
		}
	}
	if bytes.Contains(head, []byte("%PDF-")) { // readers of the format are patient
		return PDF, nil
	}
	// The first header of a tar may have others in front of it, of up to 1 MiB each.
	const headers = 4 << 20
	_, err := tar.NewReader(io.NewSectionReader(r, 0, min(size, headers))).Next()
	if err == nil {
		return Tar, nil
	}
	return Unknown, nil
}

// limits is the error of an archive that is too much.
func limits(name, format string, args ...any) error {
	return pipeline.Failf(pipeline.CodeArchiveLimits, name, format, args...)
}

// bad is the error of an archive that cannot be read.
func bad(name, format string, args ...any) error {
	return pipeline.Failf(pipeline.CodeBadMember, name, format, args...)
}

// encrypted is the error of an archive that asks for a password.
func encrypted(name string) error {
	if name == "" {
		return pipeline.Failf(pipeline.CodeEncrypted, "", "the archive is encrypted")
	}
	return pipeline.Failf(pipeline.CodeEncrypted, name, "the archive member %q is encrypted", name)
}
