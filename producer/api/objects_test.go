package api_test

import (
	"context"
	"strconv"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// object is a JSON object of a request or an answer.
type object = map[string]any

// create creates a task and returns it as the answer has it.
func (b *bundle) create(user string, fields object) object {
	b.t.Helper()
	body := object{"name": "task"}
	for k, v := range fields {
		body[k] = v
	}
	return b.want(201, "POST", "/api/tasks", user, body).json(b.t)
}

// project creates a project and returns it.
func (b *bundle) project(user string, fields object) object {
	b.t.Helper()
	body := object{"name": "project"}
	for k, v := range fields {
		body[k] = v
	}
	return b.want(201, "POST", "/api/projects", user, body).json(b.t)
}

// idOf returns the id of an object.
func idOf(o object) int64 { return int64(o["id"].(float64)) }

// at returns a path with an id in it.
func at(path string, o object) string { return path + "/" + strconv.FormatInt(idOf(o), 10) }

// results returns the objects of a page.
func results(t *testing.T, page object) []object {
	t.Helper()
	list, ok := page["results"].([]any)
	if !ok {
		t.Fatalf("no page: %v", page)
	}
	out := make([]object, len(list))
	for i := range list {
		out[i] = list[i].(object)
	}
	return out
}

// field returns one field of every object.
func field(list []object, name string) []any {
	out := []any{}
	for _, o := range list {
		out = append(out, o[name])
	}
	return out
}

// accept gives a task an open request of its owner.
func (b *bundle) accept(task object) *pipeline.Request {
	b.t.Helper()
	row, err := b.db.Task(b.t.Context(), idOf(task))
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := b.db.Accept(b.t.Context(), store.Ingest{
		Task: row, OwnerID: *row.OwnerID, Storage: pipeline.StorageLocal, Phase: pipeline.PhaseAll,
		Spec:  pipeline.Spec{ImageQuality: 70, Replicas: row.Replicas},
		Units: []pipeline.Unit{{Kind: pipeline.UploadRun, Lane: pipeline.Interactive}},
	})
	if err != nil {
		b.t.Fatalf("accept: %v", err)
	}
	return r
}

// start accepts data for a task and begins to work on them.
func (b *bundle) start(task object) *pipeline.Claim {
	b.t.Helper()
	request := b.accept(task)
	worker := pipeline.Worker{ID: "worker", Slots: `{"interactive":9,"bulk":9,"background":9}`}
	if _, err := b.db.Beat(b.t.Context(), worker, nil); err != nil {
		b.t.Fatal(err)
	}
	var claim *pipeline.Claim
	if _, err := b.db.Dispatch(b.t.Context(), func(ctx context.Context, u pipeline.Unit) error {
		if u.RequestID == nil || *u.RequestID != request.ID {
			return nil
		}
		claim = &pipeline.Claim{Unit: u}
		return nil
	}); err != nil || claim == nil {
		b.t.Fatalf("the unit of the request is not sent: error %v", err)
	}
	claim, err := b.db.Claim(b.t.Context(), pipeline.Message{ID: claim.ID, Gen: claim.Gen}, worker.ID)
	if err != nil {
		b.t.Fatalf("claim: %v", err)
	}
	return claim
}

// publish gives a task two segments of ten frames.
func (b *bundle) publish(task object) *pipeline.Claim {
	b.t.Helper()
	claim := b.start(task)
	err := b.db.Fenced(b.t.Context(), claim, func(tx *store.Tx) error {
		size := int64(36)
		return tx.Publish(b.t.Context(), claim, store.Publication{
			Data: pipeline.Data{
				Size: 20, StopFrame: 19, Step: 1, ChunkSize: &size,
				CompressedType: pipeline.ChunkImageset, OriginalType: pipeline.ChunkImageset,
			},
			Mode: pipeline.ModeAnnotation, SegmentSize: 10,
			Segments: []pipeline.Segment{
				{TaskID: claim.TaskID, Type: "range", Stop: 9},
				{TaskID: claim.TaskID, Type: "range", Start: 10, Stop: 19, ChunkBase: 1},
			},
			Replicas: int64(task["consensus_replicas"].(float64)),
		})
	})
	if err != nil {
		b.t.Fatalf("publish: %v", err)
	}
	return claim
}

// jobs returns the jobs of a task, the oldest first.
func (b *bundle) jobs(user string, task object) []object {
	b.t.Helper()
	path := "/api/jobs?page_size=all&sort=id&task_id=" + strconv.FormatInt(idOf(task), 10)
	return results(b.t, b.want(200, "GET", path, user, nil).json(b.t))
}
