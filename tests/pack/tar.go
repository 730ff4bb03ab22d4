// Package pack makes archives for tests, good ones and bad ones, of the formats
// that the standard library does not write.
package pack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"hash/crc32"
	"io"
	"io/fs"
	"math/bits"

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

// XZ packs content, and says that it needs a dictionary of so many bytes: a power
// of two.
func XZ(content []byte, dictionary int) []byte {
	b := through(content, func(w io.Writer) (io.WriteCloser, error) {
		return xz.WriterConfig{DictCap: 64 << 10}.NewWriter(w)
	})
	const start = 12 // of the first block, behind the header of the stream
	block := b[start : start+4*(int(b[start])+1)]
	filter := bytes.Index(block, []byte{0x21, 1}) // LZMA2, one byte of properties
	block[filter+2] = byte(2 * (bits.Len(uint(dictionary)) - 13))
	sum := len(block) - 4
	le.PutUint32(block[sum:], crc32.ChecksumIEEE(block[:sum]))
	return b
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
