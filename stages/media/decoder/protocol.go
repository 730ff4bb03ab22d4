package decoder

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"framemill/stages/media/nut"
)

// What the program says, all numbers big-endian:
//
//	magic, 8 bytes; the clock of the frames, two of 8 bytes
//	for each frame: 'F', its time, 8 bytes; the length of its JPEG, 4 bytes; the JPEG
//	at the end of its input: 'E', how many frames there were, 8 bytes
//
// An answer without its end is that of a program that was killed.
const (
	magic     = "FMDECOD1"
	markFrame = 'F'
	markEnd   = 'E'

	headBytes  = len(magic) + 16
	frameBytes = 12
	endBytes   = 8
)

// MaxJPEG bounds one encoded frame.
const MaxJPEG = 256 << 20

// ErrProtocol is the error of an answer that is not as it should be.
var ErrProtocol = errors.New("framemill-decoder did not answer as it should")

// Writer writes an answer.
type Writer struct {
	w      *bufio.Writer
	frames uint64
}

// NewWriter begins an answer whose frames are timed by a clock.
func NewWriter(w io.Writer, clock nut.Ratio) (*Writer, error) {
	out := &Writer{w: bufio.NewWriterSize(w, 64<<10)}
	head := append(make([]byte, 0, headBytes), magic...)
	head = binary.BigEndian.AppendUint64(head, uint64(clock.Num))
	head = binary.BigEndian.AppendUint64(head, uint64(clock.Den))
	_, err := out.w.Write(head)
	return out, err
}

// Frame writes a frame and hands over what was written so far: somebody waits
// for it.
func (w *Writer) Frame(pts int64, jpeg []byte) error {
	if len(jpeg) > MaxJPEG {
		return fmt.Errorf("a frame of %d bytes is too long", len(jpeg))
	}
	head := append(make([]byte, 0, 1+frameBytes), markFrame)
	head = binary.BigEndian.AppendUint64(head, uint64(pts))
	head = binary.BigEndian.AppendUint32(head, uint32(len(jpeg)))
	w.frames++
	if _, err := w.w.Write(head); err != nil {
		return err
	}
	if _, err := w.w.Write(jpeg); err != nil {
		return err
	}
	return w.w.Flush()
}

// End writes the end.
func (w *Writer) End() error {
	if _, err := w.w.Write(binary.BigEndian.AppendUint64([]byte{markEnd}, w.frames)); err != nil {
		return err
	}
	return w.w.Flush()
}

// Reader reads an answer.
type Reader struct {
	r      *bufio.Reader
	clock  nut.Ratio
	frames uint64
	left   int64 // bytes of the frame at hand
	buf    [frameBytes]byte
}

// NewReader reads the beginning of an answer.
func NewReader(r io.Reader) (*Reader, error) {
	in := &Reader{r: bufio.NewReaderSize(r, 64<<10)}
	head := make([]byte, headBytes)
	if _, err := io.ReadFull(in.r, head); err != nil {
		return nil, err
	}
	in.clock.Num = int64(binary.BigEndian.Uint64(head[len(magic):]))
	in.clock.Den = int64(binary.BigEndian.Uint64(head[len(magic)+8:]))
	if string(head[:len(magic)]) != magic || in.clock.Num < 1 || in.clock.Den < 1 {
		return nil, ErrProtocol
	}
	return in, nil
}

// Clock returns how long a tick of the frames' times is.
func (r *Reader) Clock() nut.Ratio { return r.clock }

// Next reads the head of a frame: its time and the size of its JPEG, which
// follows. It is io.EOF after the last one, and io.ErrUnexpectedEOF where the
// answer breaks off.
func (r *Reader) Next() (pts, size int64, err error) {
	if _, err := io.CopyN(io.Discard, r.r, r.left); err != nil { // what nobody read
		return 0, 0, cutOff(err)
	}
	r.left = 0
	mark, err := r.r.ReadByte()
	if err != nil {
		return 0, 0, cutOff(err)
	}
	switch mark {
	case markFrame:
		if _, err := io.ReadFull(r.r, r.buf[:frameBytes]); err != nil {
			return 0, 0, cutOff(err)
		}
		pts, r.left = int64(binary.BigEndian.Uint64(r.buf[:])), int64(binary.BigEndian.Uint32(r.buf[8:]))
		if r.left == 0 || r.left > MaxJPEG {
			return 0, 0, ErrProtocol
		}
		r.frames++
		return pts, r.left, nil
	case markEnd:
		if _, err := io.ReadFull(r.r, r.buf[:endBytes]); err != nil {
			return 0, 0, cutOff(err)
		}
		if binary.BigEndian.Uint64(r.buf[:]) != r.frames {
			return 0, 0, ErrProtocol
		}
		return 0, 0, r.ended()
	}
	return 0, 0, ErrProtocol
}

// ended waits for the end of the programs behind the answer, which may be an
// error that says more.
func (r *Reader) ended() error {
	if _, err := r.r.ReadByte(); err != nil {
		return err
	}
	return ErrProtocol
}

// Fill fills p with the next bytes of the frame at hand.
func (r *Reader) Fill(p []byte) error {
	if int64(len(p)) > r.left {
		return ErrProtocol
	}
	n, err := io.ReadFull(r.r, p)
	r.left -= int64(n)
	return cutOff(err)
}

// cutOff makes the end of the stream what it is within an answer.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
