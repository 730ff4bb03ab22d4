package api

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strconv"

	"framemill/pipeline"
	"framemill/pipeline/frameindex"
	"framemill/pipeline/plan"
	"framemill/producer/access"
)

// Frame identity: which frame of the source each frame of a task is, provably.

const (
	csvType = "text/csv; charset=utf-8"
	// identityPage is how many frames are in memory at once.
	identityPage = 10_000
	// identityBuffer is how much is written at a time.
	identityBuffer = 32 << 10
)

// identity says which picture a frame of a task is.
type identity interface {
	cells() []string // in the order of the columns
}

// videoFrame is a frame of a video: the source_frame-th in order of
// presentation, shown when pts ticks of time_base seconds have passed.
type videoFrame struct {
	Frame       int64       `json:"frame"`
	SourceFrame int64       `json:"source_frame"`
	PTS         int64       `json:"pts"`
	TimeBase    string      `json:"time_base"`
	Seconds     json.Number `json:"seconds"`
	Key         bool        `json:"key"`
	Variable    bool        `json:"variable"`
}

var videoColumns = []string{"frame", "source_frame", "pts", "time_base", "seconds", "key", "variable"}

func (f *videoFrame) cells() []string {
	return []string{
		strconv.FormatInt(f.Frame, 10), strconv.FormatInt(f.SourceFrame, 10), strconv.FormatInt(f.PTS, 10), f.TimeBase,
		f.Seconds.String(), strconv.FormatBool(f.Key), strconv.FormatBool(f.Variable),
	}
}

// pictureFrame is a frame that is a file of its own. CRC32 is of the source, in
// hexadecimal, where it was read whole.
type pictureFrame struct {
	Frame  int64   `json:"frame"`
	Name   string  `json:"name"`
	Width  int64   `json:"width"`
	Height int64   `json:"height"`
	CRC32  *string `json:"crc32"`
}

var pictureColumns = []string{"frame", "name", "width", "height", "crc32"}

func (f *pictureFrame) cells() []string {
	sum := ""
	if f.CRC32 != nil {
		sum = *f.CRC32
	}
	return []string{
		strconv.FormatInt(f.Frame, 10), f.Name, strconv.FormatInt(f.Width, 10), strconv.FormatInt(f.Height, 10), sum,
	}
}

// frameTable answers with the identity of each frame as CSV.
func (s *Server) frameTable(w http.ResponseWriter, r *http.Request) error {
	l, err := s.identityOf(w, r, csvType, "csv")
	if err != nil || r.Method == http.MethodHead {
		return err
	}
	columns := pictureColumns
	if l.Data.Video() {
		columns = videoColumns
	}
	// What is held back here is not sent if the first page cannot be read.
	out := bufio.NewWriterSize(w, identityBuffer)
	table := csv.NewWriter(out)
	if err := table.Write(columns); err != nil {
		return err
	}
	for f, err := range s.identities(r.Context(), l) {
		if err == nil {
			err = table.Write(f.cells())
		}
		if err != nil {
			return err
		}
	}
	table.Flush()
	if err := table.Error(); err != nil {
		return err
	}
	return out.Flush()
}

// frameLines answers with the identity of each frame as a line of JSON.
func (s *Server) frameLines(w http.ResponseWriter, r *http.Request) error {
	l, err := s.identityOf(w, r, ndjsonType, "ndjson")
	if err != nil || r.Method == http.MethodHead {
		return err
	}
	out := bufio.NewWriterSize(w, identityBuffer)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for f, err := range s.identities(r.Context(), l) {
		if err == nil {
			err = enc.Encode(f)
		}
		if err != nil {
			return err
		}
	}
	return out.Flush()
}

// identityOf returns the task whose frames the reader wants to know, and sets
// the headers of the answer.
func (s *Server) identityOf(w http.ResponseWriter, r *http.Request, contentType, ext string) (*looked, error) {
	l, err := s.taskLooked(r, access.ViewTask)
	if err != nil {
		return nil, err
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="task_%d_frames.%s"`, l.Task.ID, ext))
	return l, nil
}

// identities yields the identity of every frame of a task, in pages.
func (s *Server) identities(ctx context.Context, l *looked) iter.Seq2[identity, error] {
	read := s.pictureFrames
	if l.Data.Video() {
		read = s.videoFrames
	}
	return func(yield func(identity, error) bool) {
		for lo := int64(0); lo < l.Data.Size; lo += identityPage {
			page, err := read(ctx, l.Data, lo, min(lo+identityPage, l.Data.Size))
			if err != nil {
				yield(nil, err)
				return
			}
			for _, f := range page {
				if !yield(f, nil) {
					return
				}
			}
		}
	}
}

// pictureFrames returns the frames lo to hi-1 of pictures.
func (s *Server) pictureFrames(ctx context.Context, d *pipeline.Data, lo, hi int64) ([]identity, error) {
	files, err := s.DB.FrameFiles(ctx, d.ID, lo, hi)
	if err != nil {
		return nil, err
	}
	if int64(len(files)) != hi-lo {
		return nil, fmt.Errorf("data %d has %d of the frames %d to %d", d.ID, len(files), lo, hi-1)
	}
	out := make([]identity, len(files))
	for i, f := range files {
		p := &pictureFrame{Frame: f.N, Name: f.Name, Width: f.Width, Height: f.Height}
		if f.CRC32 != nil {
			sum := fmt.Sprintf("%08x", uint32(*f.CRC32))
			p.CRC32 = &sum
		}
		out[i] = p
	}
	return out, nil
}

// videoFrames returns the frames lo to hi-1 of a video. The index is looked up
// for each page: a slow reader does not keep a large one in memory.
func (s *Server) videoFrames(ctx context.Context, d *pipeline.Data, lo, hi int64) ([]identity, error) {
	x, err := s.Serve.Index(ctx, d)
	if err != nil {
		return nil, err
	}
	source := selectionOf(d)
	if last := source.Source(hi - 1); last >= x.Len() {
		return nil, fmt.Errorf("data %d use frame %d of a video that has %d", d.ID, last, x.Len())
	}
	out, base := make([]identity, 0, hi-lo), fmt.Sprintf("%d/%d", x.TimeNum, x.TimeDen)
	for n := lo; n < hi; n++ {
		k := source.Source(n)
		out = append(out, &videoFrame{
			Frame: n, SourceFrame: k, PTS: x.Frames[k].PTS, TimeBase: base, Seconds: seconds(x, k),
			Key: x.Frames[k].Key, Variable: x.Variable,
		})
	}
	return out, nil
}

// seconds is when a frame is shown, to the microsecond.
func seconds(x *frameindex.Index, k int64) json.Number {
	return json.Number(strconv.FormatFloat(x.Seconds(k), 'f', 6, 64))
}

// selectionOf returns which frames of the source data use.
func selectionOf(d *pipeline.Data) plan.Selection {
	return plan.Selection{Start: d.StartFrame, Stop: d.StopFrame, Step: d.Step, Size: d.Size}
}
