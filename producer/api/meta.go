package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

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

// meta returns the description without the list of frames.
func (l *looked) meta() (meta, error) {
	d, of := l.Data, l.frames()
	m := meta{
		ChunksUpdated: iso(l.Updated), ChunkSize: d.ChunkSize, Size: of.Size(), Quality: d.Quality,
		StartFrame: d.StartFrame + of.Start*d.Step, StopFrame: d.StartFrame + of.Stop*d.Step,
		FrameFilter: d.FrameFilter, DeletedFrames: []int64{}, Storage: d.Storage, CloudStorageID: d.CloudStorageID,
	}
	var deleted []int64
	if err := json.Unmarshal([]byte(d.DeletedFrames), &deleted); err != nil {
		return m, err
	}
	for _, n := range deleted {
		if n >= of.Start && n <= of.Stop {
			m.DeletedFrames = append(m.DeletedFrames, n)
		}
	}
	return m, nil
}

// metaPage is how many frames are in memory at once.
const metaPage = 5000

// writeMeta answers with the description of data, which may list a million
// frames: they are written as they are read.
func (s *Server) writeMeta(w http.ResponseWriter, r *http.Request, l *looked) error {
	m, err := l.meta()
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
	if err := s.writeFrames(r, l, out); err != nil {
		return err
	}
	if _, err := io.WriteString(out, "]}"); err != nil {
		return err
	}
	return out.finish()
}

func (s *Server) writeFrames(r *http.Request, l *looked, out io.Writer) error {
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
	of := l.frames()
	for lo := of.Start; lo <= of.Stop; lo += metaPage {
		page, err := s.DB.FrameFiles(r.Context(), l.Data.ID, lo, min(lo+metaPage, of.Stop+1))
		if err != nil {
			return err
		}
		for _, f := range page {
			if _, err := out.Write(comma); err != nil {
				return err
			}
			if err := enc.Encode(frameMeta{Width: f.Width, Height: f.Height, Name: f.Name}); err != nil {
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

// taskMetaPatch is what may be changed of a task's data.
type taskMetaPatch struct {
	DeletedFrames  optional[[]integer] `json:"deleted_frames"`
	CloudStorageID *integer            `json:"cloud_storage_id"`
}

func (s *Server) updateTaskMeta(w http.ResponseWriter, r *http.Request) error {
	var in taskMetaPatch
	if err := decodePatch(r, &in); err != nil {
		return err
	}
	l, err := s.taskLooked(r, access.EditTask)
	if err != nil {
		return err
	}
	if in.CloudStorageID != nil {
		return pipeline.Errorf(pipeline.NotOffered, "this server does not read cloud storages")
	}
	if !in.DeletedFrames.Set {
		return s.writeMeta(w, r, l)
	}
	frames, err := frameList(in.DeletedFrames)
	if err != nil {
		return err
	}
	return s.deleteFrames(w, r, l, func(d *pipeline.Data, _ []int64) ([]int64, error) {
		return frames, within(frames, plan.Range{Start: 0, Stop: d.Size - 1}, "Unknown frames %s requested for removal")
	})
}

// jobMetaPatch is what may be changed of a job's data. Clients send more, which
// does not count here.
type jobMetaPatch struct {
	DeletedFrames optional[[]integer] `json:"deleted_frames"`
}

// updateJobMeta replaces the deleted frames within the job and keeps all others.
func (s *Server) updateJobMeta(w http.ResponseWriter, r *http.Request) error {
	var in jobMetaPatch
	if err := decode(r, &in); err != nil {
		return err
	}
	l, err := s.jobLooked(r, access.EditJobState)
	if err != nil {
		return err
	}
	if !in.DeletedFrames.Set {
		return pipeline.FieldErrorf("deleted_frames", "This field is required.")
	}
	frames, err := frameList(in.DeletedFrames)
	if err != nil {
		return err
	}
	of := l.frames()
	return s.deleteFrames(w, r, l, func(_ *pipeline.Data, old []int64) ([]int64, error) {
		kept := slices.DeleteFunc(old, func(n int64) bool { return n >= of.Start && n <= of.Stop })
		all := append(kept, frames...)
		slices.Sort(all)
		return all, within(frames, of, "Frames %s do not belong to the job")
	})
}

// deleteFrames changes the deleted frames and answers with the description.
func (s *Server) deleteFrames(w http.ResponseWriter, r *http.Request, l *looked,
	change func(*pipeline.Data, []int64) ([]int64, error)) error {
	if err := s.DB.DeleteFrames(r.Context(), l.Task.ID, change); err != nil {
		return orNotFound(err)
	}
	if err := s.withData(r, l); err != nil {
		return err
	}
	return s.writeMeta(w, r, l)
}

// frameList returns the numbers of a list in ascending order, each of which may
// be there once.
func frameList(in optional[[]integer]) ([]int64, error) {
	if in.Value == nil {
		return nil, pipeline.FieldErrorf("deleted_frames", "This field may not be null.")
	}
	frames := make([]int64, len(*in.Value))
	for i, n := range *in.Value {
		frames[i] = int64(n)
	}
	slices.Sort(frames)
	if len(slices.Compact(slices.Clone(frames))) != len(frames) {
		return nil, pipeline.FieldErrorf("deleted_frames", "Deleted frames cannot repeat")
	}
	return frames, nil
}

// within returns an error that shows the first few frames outside of a range.
func within(frames []int64, of plan.Range, format string) error {
	const most = 5
	var outside []string
	for _, n := range frames {
		if n >= of.Start && n <= of.Stop {
			continue
		}
		if len(outside) == most {
			outside = append(outside, "…")
			break
		}
		outside = append(outside, strconv.FormatInt(n, 10))
	}
	if outside == nil {
		return nil
	}
	return pipeline.FieldErrorf("deleted_frames", format, strings.Join(outside, ", "))
}
