package video

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"framemill/stages/media/sandbox"
)

// Memory that framemill-decoder may have: for itself, and for each pixel, of
// which it keeps some frames.
const (
	takerMemory         = 256 << 20
	takerMemoryPerPixel = 16
)

// runTo runs a program and writes what it puts out to w, or, unless taker is
// nil, what that one makes of it. The two are joined by a pipe of their own.
func (e *Engine) runTo(ctx context.Context, c sandbox.Command, taker *sandbox.Command, w io.Writer) error {
	if taker == nil {
		c.Stdout = w
		return e.run(ctx, c)
	}
	out, in, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("join two programs: %w", err)
	}
	ctx, kill := context.WithCancelCause(ctx)
	defer kill(nil)
	var complete atomic.Bool
	first := make(chan error, 1)
	go func() {
		c.Stdout = in
		err := e.run(ctx, c)
		complete.Store(true)
		in.Close() // the end of the input, for the other
		first <- err
	}()
	second := *taker
	second.Stdin, second.Stdout = out, w
	err = e.run(ctx, second)
	if err == nil && !complete.Load() {
		err = errors.New("it ended before its input did")
	}
	err = takerFault(ctx, err)
	if err != nil {
		kill(err) // nobody reads any more
	}
	out.Close()
	if ran := <-first; err == nil {
		return ran
	}
	return err
}

// takerFault hides what is wrong with the second program but for the time that
// it took: it sees raw frames only, so the media are not at fault for its end.
func takerFault(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, sandbox.ErrTooLong) {
		return err
	}
	return fmt.Errorf("encode frames: %v", err) //nolint:errorlint // see above
}
