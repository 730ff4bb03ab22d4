package client

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// display shows how one thing goes: an upload or a request.
type display interface {
	// sent hears how many bytes of an upload were sent.
	sent(done, total int64)
	// worked hears the state of a request.
	worked(r Request)
	// close ends the display; out may be written to from then on.
	close()
}

// newDisplay returns bars for a terminal, else lines.
func newDisplay(out io.Writer) display {
	if f, ok := out.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &bars{out: out}
		}
	}
	return &lines{out: out}
}

// bars draws one bar on a terminal. The bar appears when there is something to
// show.
type bars struct {
	out      io.Writer
	progress *mpb.Progress
	bar      *mpb.Bar
	message  atomic.Pointer[string]
}

const barWidth = 64

func (b *bars) sent(done, total int64) {
	if b.bar == nil {
		b.draw(total, "upload",
			decor.CountersKibiByte("% .1f / % .1f"), decor.AverageSpeed(decor.SizeB1024(0), "  % .1f"))
	}
	b.bar.SetCurrent(done)
}

// partsOfProgress is how finely the progress of a request is drawn.
const partsOfProgress = 1000

func (b *bars) worked(r Request) {
	if b.bar == nil {
		b.draw(partsOfProgress, "ingest", decor.Percentage())
	}
	message := printable(r.Message)
	b.message.Store(&message)
	b.bar.SetCurrent(int64(r.fraction() * partsOfProgress))
}

// draw begins the bar. Behind it stand figures, the time that is left and the
// latest message.
func (b *bars) draw(total int64, name string, figures ...decor.Decorator) {
	b.progress = mpb.New(mpb.WithOutput(b.out), mpb.WithWidth(barWidth))
	latest := func(decor.Statistics) string {
		if m := b.message.Load(); m != nil {
			return "  " + *m
		}
		return ""
	}
	figures = append(figures, decor.Name("  "), decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO), "done"), decor.Any(latest))
	b.bar = b.progress.AddBar(total, mpb.PrependDecorators(decor.Name(name)), mpb.AppendDecorators(figures...))
}

func (b *bars) close() {
	if b.bar == nil {
		return
	}
	b.bar.Abort(false) // as it stands; a full bar is complete already
	b.progress.Wait()
}

// lines writes a line when something new is to be said, for logs and pipes.
type lines struct {
	out  io.Writer
	last string
}

func (l *lines) sent(done, total int64) {
	quarter := 4 * done / max(1, total)
	l.say(fmt.Sprintf("uploaded %d %% of % .1f", quarter*25, decor.SizeB1024(total)))
}

func (l *lines) worked(r Request) {
	text := r.Status
	if r.Message != "" {
		text += ": " + printable(r.Message)
	}
	l.say(text)
}

func (l *lines) close() {}

// say writes a line unless it is the last one again. Who cannot write there
// hears of it when the report is printed.
func (l *lines) say(text string) {
	if text != l.last {
		l.last = text
		_, _ = fmt.Fprintln(l.out, text)
	}
}

// fraction returns the progress within 0..1.
func (r Request) fraction() float64 {
	switch {
	case r.Status == "finished":
		return 1
	case r.Progress == nil:
		return 0
	}
	return max(0, min(1, *r.Progress))
}
