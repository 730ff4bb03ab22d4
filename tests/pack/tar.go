// Package pack makes archives for tests, good ones and bad ones, of the formats
// that the standard library does not write.
package pack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"

	"github.com/dsnet/compress/bzip2"
	"github.com/ulikunitz/xz"
)

// Member is one entry of an archive.
type Member struct {
	Name    string
	Content []byte
	Mode    fs.FileMode // beside the permissions; 0 = a plain file
	Target  string      // of a link
}

// Tar packs members into a plain tar.
func Tar(members ...Member) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := &tar.Header{Name: m.Name, Mode: 0o644, Size: int64(len(m.Content)), Linkname: m.Target, Typeflag: tarKind(m.Mode)}
		must(w.WriteHeader(h))
		_, err := w.Write(m.Content)
		must(err)
	}
	must(w.Close())
	return b.Bytes()
}

func tarKind(mode fs.FileMode) byte {
	switch {
	case mode&fs.ModeSymlink != 0:
		return tar.TypeSymlink
	case mode&fs.ModeIrregular != 0:
		return tar.TypeLink
	case mode&fs.ModeNamedPipe != 0:
		return tar.TypeFifo
	case mode&fs.ModeDevice != 0:
		return tar.TypeBlock
	case mode.IsDir():
		return tar.TypeDir
	}
	return tar.TypeReg
}

// Gzip packs content.
func Gzip(content []byte) []byte {
	return through(content, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
}

// Bzip2 packs content.
func Bzip2(content []byte) []byte {
	return through(content, func(w io.Writer) (io.WriteCloser, error) { return bzip2.NewWriter(w, nil) })
}

// XZ packs content with a dictionary of so many bytes.
func XZ(content []byte, dictionary int) []byte {
	return through(content, func(w io.Writer) (io.WriteCloser, error) {
		return xz.WriterConfig{DictCap: dictionary}.NewWriter(w)
	})
}

func through(content []byte, open func(io.Writer) (io.WriteCloser, error)) []byte {
	var b bytes.Buffer
	w, err := open(&b)
	must(err)
	_, err = w.Write(content)
	must(err)
	must(w.Close())
	return b.Bytes()
}

// must panics: what a test packs in memory can always be packed.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
