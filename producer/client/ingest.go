package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// Options are one ingest as the command line asks for it. What is 0 or nil is
// up to the server, but for the quality, which is 70 then.
type Options struct {
	Server      string
	Credentials Credentials
	Name        string   // of the task; "" = that of the first file
	Labels      []string // names
	Files       []string // local files, and directories that are walked for pictures; with Share, paths on the share
	Share       bool     // the files lie on the server's share
	SegmentSize int64
	Overlap     *int64
	ChunkSize   int64
	Quality     int64 // of compressed chunks, 1..100
	UseCache    bool
	Sorting     string
	StartFrame  int64
	StopFrame   *int64
	Step        int64
}

// Report is what an ingest made.
type Report struct {
	TaskID int64  // 0 if there is no task
	URL    string // of the task, for a browser
	Frames int64
	Jobs   int64
	Chunks int64 // of one quality
	Took   time.Duration
	Bad    []FileReport // files that are not in the task, or not whole: the first 1,000
	AllBad int64        // how many of them there are
}

const (
	defaultQuality = 70
	maxBad         = 1000
)

// Ingest creates a task of files, shows on out how it goes, by bars if out is a
// terminal, and prints the report. When the request fails, the report tells of
// the task and the files at fault, beside the error.
func Ingest(ctx context.Context, o Options, out io.Writer) (Report, error) {
	if len(o.Files) == 0 {
		return Report{}, errors.New("name the files to ingest")
	}
	c, err := New(o.Server, o.Credentials)
	if err != nil {
		return Report{}, err
	}
	defer c.Close()
	begin := time.Now()
	task, rqID, err := c.begin(ctx, o, out)
	r := Report{TaskID: task}
	if task != 0 {
		r.URL = fmt.Sprintf("%s/tasks/%d", c.base, task)
	}
	if err != nil {
		return r, err
	}
	show := newDisplay(out)
	_, err = c.Wait(ctx, rqID, show.worked)
	show.close()
	if err != nil {
		err = fmt.Errorf("task %d: %w", task, err)
	}
	if _, failed := errors.AsType[*FailedError](err); err != nil && !failed {
		return r, err
	}
	r.Took = time.Since(begin)
	err = errors.Join(err, c.fill(ctx, &r, rqID, err == nil))
	return r, errors.Join(err, r.print(out, err == nil))
}

// begin creates the task, hands the server its files and starts the ingest.
// The task has an id from then on, also if the rest goes wrong.
func (c *Client) begin(ctx context.Context, o Options, out io.Writer) (taskID int64, rqID string, err error) {
	files := o.Files
	if !o.Share {
		if files, err = findFiles(o.Files); err != nil {
			return 0, "", err
		}
		if _, _, err := examine(files); err != nil { // before there is a task
			return 0, "", err
		}
	}
	task, err := c.CreateTask(ctx, o.task())
	if err != nil {
		return 0, "", fmt.Errorf("create the task: %w", err)
	}
	if o.Share {
		rqID, err = c.UploadShare(ctx, task.ID, files, o.data())
	} else {
		show := newDisplay(out)
		rqID, err = c.Upload(ctx, task.ID, files, o.data(), show.sent)
		show.close()
	}
	if err != nil {
		return task.ID, "", fmt.Errorf("task %d: %w", task.ID, err)
	}
	return task.ID, rqID, nil
}

func (o Options) task() TaskSpec {
	spec := TaskSpec{Name: o.Name, SegmentSize: o.SegmentSize, Overlap: o.Overlap}
	if spec.Name == "" {
		base := filepath.Base(o.Files[0])
		spec.Name = strings.TrimSuffix(base, filepath.Ext(base))
	}
	for _, name := range o.Labels {
		spec.Labels = append(spec.Labels, Label{Name: name})
	}
	return spec
}

func (o Options) data() DataParams {
	p := DataParams{
		ImageQuality: o.Quality, ChunkSize: o.ChunkSize, StartFrame: o.StartFrame, StopFrame: o.StopFrame,
		Sorting: o.Sorting, UseCache: o.UseCache, UseZipChunks: true,
	}
	if p.ImageQuality == 0 {
		p.ImageQuality = defaultQuality
	}
	if o.Step > 1 {
		p.FrameFilter = fmt.Sprintf("step=%d", o.Step)
	}
	return p
}

// fill asks the server what came of the ingest.
func (c *Client) fill(ctx context.Context, r *Report, rqID string, finished bool) error {
	var err error
	if r.Bad, r.AllBad, err = c.BadFiles(ctx, rqID, maxBad); err != nil {
		return fmt.Errorf("list the bad files of task %d: %w", r.TaskID, err)
	}
	if !finished {
		return nil
	}
	task, err := c.Task(ctx, r.TaskID)
	if err != nil {
		return err
	}
	jobs, err := c.Jobs(ctx, r.TaskID)
	if err != nil {
		return err
	}
	r.Frames, r.Jobs = task.Size, int64(len(jobs))
	for _, j := range jobs {
		if task.ChunkSize != nil && *task.ChunkSize > 0 && j.ParentID == nil { // replicas share their parent's
			r.Chunks += (j.FrameCount + *task.ChunkSize - 1) / *task.ChunkSize
		}
	}
	return nil
}

// print writes the report for people: the files at fault, and what was made.
func (r Report) print(out io.Writer, finished bool) error {
	var b strings.Builder
	for _, f := range r.Bad {
		fmt.Fprintf(&b, "%s: %s: %s", printable(f.Outcome), printable(f.Name), printable(f.Text))
		if f.Code != "" {
			fmt.Fprintf(&b, " (%s)", printable(f.Code))
		}
		b.WriteByte('\n')
	}
	if more := r.AllBad - int64(len(r.Bad)); more > 0 {
		fmt.Fprintf(&b, "and %d files more\n", more)
	}
	if finished {
		fmt.Fprintf(&b, "%s, %s, %s in %.1f s: %s\n", counted(r.Frames, "frame"), counted(r.Jobs, "job"),
			counted(r.Chunks, "chunk"), r.Took.Seconds(), r.URL)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// counted returns "1 job" or "2 jobs".
func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
