// Package video turns videos into frames: which frames a file has, their
// pixels, and chunks of them. Frame k is the k-th presented frame, which is
// checked wherever frames are decoded: each one's time must be the one that the
// index has for it.
//
// Files are told by content, never by name, and the demuxer is forced: a
// playlist called x.mp4 makes nobody open what it names. All decoding is done
// by ffmpeg and ffprobe in the sandbox. Only the tables of MP4 files, and what
// their H.264 says of itself, are read here.
package video

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/frameindex"
	"framemill/stages/media/sandbox"
)

// Config says what videos may cost.
type Config struct {
	MaxPixels int64         // of one frame; 0 = 64 Mi
	Threads   int           // of one program, at most; 0 = all processors, at most 4
	Wall      time.Duration // of one run over a whole file; 0 = 4 h
	Silence   time.Duration // of a run that puts out nothing; 0 = 10 min
	Decoder   string        // path of framemill-decoder, which makes JPEGs; "" = ffmpeg makes them
}

// Engine reads videos.
type Engine struct {
	cfg  Config
	gate Gate
	run  func(context.Context, sandbox.Command) error
}

// New returns an engine.
func New(cfg Config) (*Engine, error) {
	if cfg.MaxPixels < 0 || cfg.Threads < 0 || cfg.Wall < 0 || cfg.Silence < 0 {
		return nil, fmt.Errorf("video: negative limits: %+v", cfg)
	}
	if cfg.MaxPixels == 0 {
		cfg.MaxPixels = 64 << 20
	}
	if cfg.Threads == 0 {
		cfg.Threads = min(runtime.GOMAXPROCS(0), 4)
	}
	if cfg.Wall == 0 {
		cfg.Wall = 4 * time.Hour
	}
	cfg.Silence = cmp.Or(cfg.Silence, 10*time.Minute)
	return &Engine{cfg: cfg, gate: free, run: sandbox.Run}, nil
}

// File is a video on this host. Name is what the client calls it, for errors.
type File struct{ Path, Name string }

// Source is a file whose frames are known.
type Source struct {
	File
	Index *frameindex.Index
	// Progress, unless nil, is called now and then while frames are decoded
	// that nobody asked for: the keyframe may be an hour away. It may be called
	// at any time, also concurrently.
	Progress func()
}

// Memory that ffmpeg may have: for itself, and for each pixel of a frame, of
// which a decoder with threads keeps some thirty.
const (
	baseMemory     = 512 << 20
	memoryPerPixel = 100
)

// allocLimit bounds one allocation of ffmpeg's.
const allocLimit = 256 << 20

// inputArgs are the options with which both programs open a file of a known
// format.
func (e *Engine) inputArgs(demuxer string) []string {
	return []string{
		"-hide_banner", "-v", "error", "-max_alloc", strconv.Itoa(allocLimit),
		"-protocol_whitelist", "file,pipe", "-format_whitelist", demuxer, "-f", demuxer,
		"-max_streams", "64", "-probesize", "5M", "-analyzeduration", "5M",
		"-max_pixels", strconv.FormatInt(e.cfg.MaxPixels, 10),
		"-threads", strconv.Itoa(e.cfg.Threads),
	}
}

// errTooSlow is the error of a program that ran for longer than it may.
var errTooSlow = errors.New("decoding takes too long")

// stream runs a program on a file and has read take its output. An error of
// read ends the program and is returned as it is. A program that says nothing
// for too long is ended as well.
func (e *Engine) stream(ctx context.Context, c sandbox.Command, pixels int64, read func(io.Reader) error) error {
	return e.streamTo(ctx, c, nil, pixels, read)
}

// streamTo is stream with another program, unless it is nil, that takes what the
// first one puts out: read takes the output of that one.
func (e *Engine) streamTo(ctx context.Context, c sandbox.Command, taker *sandbox.Command, pixels int64, read func(io.Reader) error) error {
	ctx, kill := context.WithCancelCause(ctx)
	defer kill(nil)
	pr, pw := io.Pipe()
	c.Limits.MemoryBytes = baseMemory + pixels*memoryPerPixel
	patient := c.Limits.Wall == 0
	c.Limits.Wall = cmp.Or(c.Limits.Wall, e.cfg.Wall)
	if taker != nil {
		taker.Limits = sandbox.Limits{MemoryBytes: takerMemory + pixels*takerMemoryPerPixel, Wall: c.Limits.Wall}
	}
	done := make(chan error, 1)
	go func() {
		err := e.runTo(ctx, c, taker, pw)
		if patient && errors.Is(err, sandbox.ErrTooLong) {
			err = errors.Join(errTooSlow, err)
		}
		pw.CloseWithError(err)
		done <- err
	}()
	silence := time.AfterFunc(e.cfg.Silence, func() { kill(errTooSlow) })
	defer silence.Stop()
	err := read(heard{pr, func() { silence.Reset(e.cfg.Silence) }})
	if err == nil { // what is left is of no interest, but how the program ends
		_, err = io.Copy(io.Discard, pr)
	}
	if err != nil {
		kill(err)
		pr.CloseWithError(err)
	}
	ran := <-done
	if err != nil && errors.Is(context.Cause(ctx), errTooSlow) {
		return errTooSlow
	}
	if ran != nil && !errors.Is(ran, err) {
		return cmp.Or(err, ran)
	}
	return err
}

// heard is a reader that tells of each read that got something.
type heard struct {
	io.Reader
	tell func()
}

// Read implements io.Reader.
func (h heard) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if n > 0 {
		h.tell()
	}
	return n, err
}

// named adds the name of the file to errors that have none.
func named(err error, f File) error {
	if errors.Is(err, errTooSlow) {
		return pipeline.Failf(pipeline.CodeTooSlow, f.Name, "decoding %s takes longer than it may", f.Name).Because(err)
	}
	if p, ok := errors.AsType[*pipeline.Error](err); ok && p.File == "" {
		c := *p
		c.File = f.Name
		if c.Code == pipeline.CodeStalled || c.Code == pipeline.CodeDecoderMemory {
			c.Text = f.Name + ": " + c.Text
		}
		return &c
	}
	return err
}
