package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/producer/access"
)

// meta describes the data of a task or job; the list of frames follows it.
type meta struct {
	ChunksUpdated  string    `json:"chunks_updated_date"`
	ChunkSize      *int64    `json:"chunk_size"`
	Size           int64     `json:"size"`
	Quality        int64     `json:"image_quality"`
	StartFrame     int64     `json:"start_frame"`
	StopFrame      int64     `json:"stop_frame"`
	FrameFilter    string    `json:"frame_filter"`
	DeletedFrames  []int64   `json:"deleted_frames"`
	IncludedFrames *[]int64  `json:"included_frames"`
	Chapters       []chapter `json:"chapters"` // of a video, nil for pictures
	Storage        string    `json:"storage"`
	CloudStorageID *int64    `json:"cloud_storage_id"`
}

// frameMeta describes one frame.
type frameMeta struct {
	Width             int64  `json:"width"`
	Height            int64  `json:"height"`
	Name              string `json:"name"`
	RelatedFiles      int64  `json:"related_files"`
	HasRelatedContext bool   `json:"has_related_context"`
}

func (s *Server) readTaskMeta(w http.ResponseWriter, r *http.Request) error {
	l, err := s.taskLooked(r, access.ViewTask)
	if err != nil {
		return err
	}
	return s.writeMeta(w, r, l)
}

func (s *Server) readJobMeta(w http.ResponseWriter, r *http.Request) error {
	l, err := s.jobLooked(r, access.ViewJob)
	if err != nil {
		return err
	}
	return s.writeMeta(w, r, l)
}

// frames returns the relative frames that the reader looks at.
func (l *looked) frames() plan.Range {
	if l.seg != nil {
		return plan.Range{Start: l.seg.Start, Stop: l.seg.Stop}
	}
	return plan.Range{Start: 0, Stop: l.Data.Size - 1}
}

// included returns the frames of a job that has only chosen ones, nil for all
// others.
func (l *looked) included() ([]int64, error) {
	if l.seg == nil || l.seg.Type != pipeline.SegmentSpecific {
		return nil, nil
	}
	return l.seg.Frames.Frames()
}

// holds reports whether the reader looks at a frame.
func (l *looked) holds(included []int64, n int64) bool {
	if included != nil {
		_, ok := slices.BinarySearch(included, n)
		return ok
	}
	of := l.frames()
	return n >= of.Start && n <= of.Stop
}

// meta returns the description without the list of frames.
func (l *looked) meta(included []int64) (meta, error) {
	d, of := l.Data, l.frames()
	m := meta{
		ChunksUpdated: iso(l.Updated), ChunkSize: d.ChunkSize, Size: of.Size(), Quality: d.Quality,
		StartFrame: d.StartFrame + of.Start*d.Step, StopFrame: d.StartFrame + of.Stop*d.Step,
		FrameFilter: d.FrameFilter, DeletedFrames: []int64{}, Storage: d.Storage, CloudStorageID: d.CloudStorageID,
	}
	if included != nil {
		absolute := make([]int64, len(included))
		for i, n := range included {
			absolute[i] = d.StartFrame + n*d.Step
		}
		m.Size, m.IncludedFrames = int64(len(included)), &absolute
	}
	deleted, err := l.deleted()
	if err != nil {
		return m, err
	}
	for _, n := range deleted {
		if l.holds(included, n) {
			m.DeletedFrames = append(m.DeletedFrames, n)
		}
	}
	return m, nil
}

// withLayout reads the validation set of a job of ground truth.
func (s *Server) withLayout(r *http.Request, l *looked) (err error) {
	if l.truth {
		l.layout, err = s.DB.Layout(r.Context(), l.Data.ID)
	}
	return orNotFound(err)
}

// deleted returns the deleted frames of the task, for a job of ground truth
// with those that do not count.
func (l *looked) deleted() ([]int64, error) {
	deleted, err := l.Data.DeletedFrames.Frames()
	if err != nil || l.layout == nil {
		return deleted, err
	}
	disabled, err := l.layout.Disabled.Frames()
	deleted = append(deleted, disabled...)
	slices.Sort(deleted)
	return slices.Compact(deleted), err
}

// metaPage is how many frames are in memory at once.
const metaPage = 5000

// writeMeta answers with the description of data, which may list a million
// frames: they are written as they are read.
func (s *Server) writeMeta(w http.ResponseWriter, r *http.Request, l *looked) error {
	if err := s.withLayout(r, l); err != nil {
		return err
	}
	included, err := l.included()
	if err != nil {
		return err
	}
	m, err := l.meta(included)
	if err != nil {
		return err
	}
	if m.Chapters, err = s.chapters(r.Context(), l); err != nil {
		return err
	}
	head, err := json.Marshal(m)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", jsonType)
	out := &spool{w: w}
	_, err = out.Write(append(head[:len(head)-1], `,"frames":[`...))
	if err != nil {
		return err
	}
	if err := s.writeFrames(r, l, included, out); err != nil {
		return err
	}
	if _, err := io.WriteString(out, "]}"); err != nil {
		return err
	}
	return out.finish()
}

// placeholder is the name of frames that are within the bounds of a job and not
// in it.
const placeholder = "placeholder.jpg"

func (s *Server) writeFrames(r *http.Request, l *looked, included []int64, out io.Writer) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	comma := []byte(nil)
	if l.Data.Video() { // one entry stands for all frames
		f, err := s.DB.Footage(r.Context(), l.Data)
		if err != nil {
			return fmt.Errorf("find the video of task %d: %w", l.Task.ID, err)
		}
		return enc.Encode(frameMeta{Width: f.Width, Height: f.Height, Name: f.Name})
	}
	any, err := s.DB.HasRelated(r.Context(), l.Data)
	if err != nil {
		return err
	}
	of := l.frames()
	for lo := of.Start; lo <= of.Stop; lo += metaPage {
		page, err := s.DB.FrameHeads(r.Context(), l.Data, lo, min(lo+metaPage, of.Stop+1))
		if err != nil {
			return err
		}
		var related map[int64]int64
		if any {
			if related, err = s.DB.RelatedCounts(r.Context(), l.Data, lo, min(lo+metaPage, of.Stop+1)); err != nil {
				return err
			}
		}
		for _, f := range page {
			if _, err := out.Write(comma); err != nil {
				return err
			}
			m := frameMeta{Width: f.Width, Height: f.Height, Name: f.Name, RelatedFiles: related[f.N], HasRelatedContext: related[f.N] > 0}
			if !l.holds(included, f.N) {
				m = frameMeta{Width: f.Width, Height: f.Height, Name: placeholder}
			}
			if err := enc.Encode(m); err != nil {
				return err
			}
			comma = []byte{','}
		}
	}
	return nil
}

// spoolSize is up to which size an answer is held back, so that it can be sent
// with its length, as clients like it.
const spoolSize = 4 << 20

// spool holds an answer back until it is known to be short or has become long.
type spool struct {
	w    http.ResponseWriter
	buf  bytes.Buffer
	long bool
}

func (s *spool) Write(p []byte) (int, error) {
	n, _ := s.buf.Write(p)
	if s.buf.Len() < spoolSize {
		return n, nil
	}
	s.long = true
	_, err := s.buf.WriteTo(s.w)
	return n, err
}

// finish sends what is left.
func (s *spool) finish() error {
	if !s.long {
		s.w.Header().Set("Content-Length", strconv.Itoa(s.buf.Len()))
	}
	_, err := s.buf.WriteTo(s.w)
	return err
}
