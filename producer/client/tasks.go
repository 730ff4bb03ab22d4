package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"framemill/pipeline"
)

// About is what a server says of itself.
type About struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Version     string `json:"version"`
}

// Label is a class that annotators may use.
type Label struct {
	Name  string `json:"name"`
	Color string `json:"color,omitempty"`
	Type  string `json:"type,omitempty"`
}

// TaskSpec is a task to be created. What is left out is up to the server.
type TaskSpec struct {
	Name        string  `json:"name"`
	Labels      []Label `json:"labels"`
	ProjectID   *int64  `json:"project_id,omitempty"`
	Subset      string  `json:"subset,omitempty"`
	SegmentSize int64   `json:"segment_size,omitempty"` // frames of a job; 0 = one job
	Overlap     *int64  `json:"overlap,omitempty"`
	Replicas    int64   `json:"consensus_replicas,omitempty"`
}

// Task is a task as the server describes it. Size is 0 until it has data.
type Task struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	Mode        string `json:"mode"`
	Status      string `json:"status"`
	Subset      string `json:"subset"`
	Size        int64  `json:"size"` // frames
	SegmentSize int64  `json:"segment_size"`
	Overlap     *int64 `json:"overlap"`
	ChunkSize   *int64 `json:"data_chunk_size"`
	Jobs        struct {
		Count int64 `json:"count"`
	} `json:"jobs"`
}

// Job is a job as the server describes it.
type Job struct {
	ID         int64  `json:"id"`
	TaskID     int64  `json:"task_id"`
	ParentID   *int64 `json:"parent_job_id"`
	Type       string `json:"type"`
	Stage      string `json:"stage"`
	State      string `json:"state"`
	StartFrame int64  `json:"start_frame"`
	StopFrame  int64  `json:"stop_frame"` // inclusive
	FrameCount int64  `json:"frame_count"`
	ChunkSize  *int64 `json:"data_chunk_size"`
}

// Meta describes the frames of a task or job.
type Meta struct {
	Size           int64       `json:"size"`
	ChunkSize      *int64      `json:"chunk_size"`
	ImageQuality   int64       `json:"image_quality"`
	StartFrame     int64       `json:"start_frame"`
	StopFrame      int64       `json:"stop_frame"`
	FrameFilter    string      `json:"frame_filter"`
	Frames         []FrameMeta `json:"frames"`
	DeletedFrames  []int64     `json:"deleted_frames"`
	IncludedFrames []int64     `json:"included_frames"` // nil = all
}

// FrameMeta describes one frame.
type FrameMeta struct {
	Name   string `json:"name"`
	Width  int64  `json:"width"`
	Height int64  `json:"height"`
}

// page is one page of a list.
type page[T any] struct {
	Count   int64   `json:"count"`
	Next    *string `json:"next"`
	Results []T     `json:"results"`
}

const pageSize = 500

// About asks the server for its name and version.
func (c *Client) About(ctx context.Context) (a About, err error) {
	return a, c.json(ctx, call{method: http.MethodGet, path: "server/about"}, &a)
}

// CreateTask creates a task that has no data yet.
func (c *Client) CreateTask(ctx context.Context, spec TaskSpec) (t Task, err error) {
	if spec.Labels == nil {
		spec.Labels = []Label{}
	}
	k, err := post("tasks", spec)
	if err != nil {
		return t, err
	}
	return t, c.json(ctx, k, &t)
}

// Task reads a task.
func (c *Client) Task(ctx context.Context, id int64) (t Task, err error) {
	return t, c.json(ctx, call{method: http.MethodGet, path: fmt.Sprintf("tasks/%d", id)}, &t)
}

// Delete deletes a task with its data and jobs. A task that is gone already is
// no error: the deletion may have been repeated.
func (c *Client) Delete(ctx context.Context, id int64) error {
	err := c.json(ctx, call{method: http.MethodDelete, path: fmt.Sprintf("tasks/%d", id)}, nil)
	if statusOf(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// maxJobs is more jobs than a task can have.
const maxJobs = 100_000

// Jobs lists the jobs of a task.
func (c *Client) Jobs(ctx context.Context, taskID int64) ([]Job, error) {
	var jobs []Job
	query := url.Values{"task_id": {strconv.FormatInt(taskID, 10)}, "page_size": {strconv.Itoa(pageSize)}}
	for n := 1; len(jobs) < maxJobs; n++ {
		query.Set("page", strconv.Itoa(n))
		var p page[Job]
		if err := c.json(ctx, call{method: http.MethodGet, path: "jobs", query: query}, &p); err != nil {
			return nil, err
		}
		jobs = append(jobs, p.Results...)
		if p.Next == nil || len(p.Results) == 0 {
			break
		}
	}
	return jobs, nil
}

// Target is what has frames: a task or a job.
type Target struct{ path, chunk string }

// OfTask returns the frames of a task.
func OfTask(id int64) Target { return Target{fmt.Sprintf("tasks/%d", id), "number"} }

// OfJob returns the frames of a job.
func OfJob(id int64) Target { return Target{fmt.Sprintf("jobs/%d", id), "index"} }

// Meta describes the frames of a task or job.
func (c *Client) Meta(ctx context.Context, of Target) (m Meta, err error) {
	return m, c.json(ctx, call{method: http.MethodGet, path: of.path + "/data/meta"}, &m)
}

// Content is bytes that the server sends. The caller closes it.
type Content struct {
	io.ReadCloser
	Type   string // the media type
	Length int64  // -1 if the server did not say
}

// Frame reads one frame by its number within the task.
func (c *Client) Frame(ctx context.Context, of Target, number int64, q pipeline.Quality) (*Content, error) {
	return c.content(ctx, of.path+"/data", url.Values{
		"type": {"frame"}, "quality": {string(q)}, "number": {strconv.FormatInt(number, 10)},
	})
}

// Chunk reads one chunk by its place within the task or the job.
func (c *Client) Chunk(ctx context.Context, of Target, index int64, q pipeline.Quality) (*Content, error) {
	return c.content(ctx, of.path+"/data", url.Values{
		"type": {"chunk"}, "quality": {string(q)}, of.chunk: {strconv.FormatInt(index, 10)},
	})
}

// Preview reads the small picture of a task or job.
func (c *Client) Preview(ctx context.Context, of Target) (*Content, error) {
	return c.content(ctx, of.path+"/preview", nil)
}

func (c *Client) content(ctx context.Context, path string, query url.Values) (*Content, error) {
	resp, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return nil, err
	}
	return &Content{resp.Body, resp.Header.Get("Content-Type"), resp.ContentLength}, nil
}

// post returns a call that sends v as JSON.
func post(path string, v any) (call, error) {
	body, err := json.Marshal(v)
	return call{
		method: http.MethodPost, path: path, header: http.Header{"Content-Type": {"application/json"}},
		body: bytes.NewReader(body), length: int64(len(body)),
	}, err
}
