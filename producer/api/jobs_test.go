package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	project := b.project("user", object{"name": "streets", "bug_tracker": "http://bugs"})
	task := b.create("user", object{
		"name": "harbour", "project_id": idOf(project), "consensus_replicas": 2, "source_storage": object{"location": "local"},
	})
	if got := b.jobs("user", task); len(got) != 0 {
		t.Errorf("%d jobs before there are data", len(got))
	}
	b.publish(task)
	jobs := b.jobs("user", task)
	if len(jobs) != 6 {
		t.Fatalf("%d jobs, want 2 and 4 replicas", len(jobs))
	}
	var second, replica object
	for _, j := range jobs {
		if j["type"] == "annotation" && j["start_frame"] == 10.0 {
			second = j
		}
		if j["type"] == "consensus_replica" && j["start_frame"] == 10.0 {
			replica = j
		}
	}
	want := object{
		"task_id": float64(idOf(task)), "task_name": "harbour", "project_id": float64(idOf(project)), "project_name": "streets",
		"bug_tracker": "http://bugs", "status": "annotation", "stage": "annotation", "state": "new", "mode": "annotation",
		"dimension": "2d", "media_type": "image", "frame_count": 10.0, "start_frame": 10.0, "stop_frame": 19.0,
		"data_chunk_size": 36.0, "data_compressed_chunk_type": "imageset", "data_original_chunk_type": "imageset",
		"assignee": nil, "organization": nil, "guide_id": nil, "parent_job_id": nil, "assignee_updated_date": nil,
		"consensus_replicas": 2.0, "replicas_count": 2.0,
		"issues": object{"url": fmt.Sprintf("%s/api/issues?job_id=%d", b.url, idOf(second)), "count": 0.0},
		"labels": object{"url": fmt.Sprintf("%s/api/labels?job_id=%d", b.url, idOf(second))},
	}
	for name, value := range want {
		if diff := cmp.Diff(value, second[name]); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", name, diff)
		}
	}
	if replica["parent_job_id"] != second["id"] || replica["consensus_replicas"] != 0.0 {
		t.Errorf("replica %v of job %v", replica, second["id"])
	}
	if second["source_storage"] == nil {
		t.Error("the task's owner does not see the storage")
	}
	b.want(200, "PATCH", at("/api/jobs", second), "user", object{"assignee": b.users["worker"].ID})
	if got := b.want(200, "GET", at("/api/jobs", second), "worker", nil).json(t); got["source_storage"] != nil {
		t.Error("the job's assignee sees the storage of the task")
	}
}

func TestListsOfJobs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser("other", "user")
	task := b.create("user", object{"consensus_replicas": 2})
	b.publish(task)
	first := b.jobs("user", task)[0]
	b.want(200, "PATCH", at("/api/jobs", first), "user", object{"assignee": b.users["worker"].ID, "stage": "validation"})
	tests := []struct {
		user, query string
		count       float64
	}{
		{"user", fmt.Sprintf("task_id=%d&org=&page=1", idOf(task)), 6},
		{"user", "type=annotation", 2},
		{"user", "type=consensus_replica", 4},
		{"user", "type=replica", 4},
		{"user", "type=ground_truth", 0},
		{"user", "stage=validation", 1},
		{"user", "state=new", 6},
		{"user", "state=in+progress", 0},
		{"user", "assignee=worker", 1},
		{"user", fmt.Sprintf("parent_job_id=%d", idOf(first)), 2},
		{"user", "media_type=image&mode=annotation", 6},
		{"worker", "", 1},
		{"worker", fmt.Sprintf("task_id=%d", idOf(task)), 1},
		{"other", fmt.Sprintf("task_id=%d", idOf(task)), 0},
		{"user", "task_id=999", 0},
		{"other", "", 0},
		{"admin", "dimension=2d", 6},
	}
	for _, tt := range tests {
		if got := b.want(200, "GET", "/api/jobs?"+tt.query, tt.user, nil).json(t)["count"]; got != tt.count {
			t.Errorf("%s lists %v jobs with %q, want %v", tt.user, got, tt.query, tt.count)
		}
	}
}

func TestJobPatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.addUser("other", "user")
	task := b.create("user", nil)
	b.publish(task)
	job := b.jobs("user", task)[0]
	path := at("/api/jobs", job)
	worker := b.users["worker"].ID
	steps := []struct {
		name, user string
		body       any
		status     int
		want       object // of the answer
		text       string
	}{
		{"assignee", "user", object{"assignee": worker}, 200, object{"stage": "annotation"}, `"username":"worker"`},
		{"assignee_id, as a float", "user", `{"assignee_id": ` + itoa(b.users["other"].ID) + `.0}`, 200, nil, `"username":"other"`},
		{"back to the worker", "user", object{"assignee_id": worker}, 200, nil, `"username":"worker"`},
		{"the assignee works", "worker", object{"state": "in progress"}, 200, object{"state": "in progress", "status": "annotation"}, ""},
		{"the assignee passes it on", "worker", object{"stage": "validation"}, 403, nil, "permission"},
		{"the assignee gives it away", "worker", object{"assignee": nil}, 403, nil, "permission"},
		{"a new stage", "user", object{"stage": "validation"}, 200, object{"stage": "validation", "state": "new", "status": "validation"}, ""},
		{"accepted", "user", object{"stage": "acceptance", "state": "completed"}, 200, object{"status": "completed"}, ""},
		{"nothing", "user", object{}, 200, object{"stage": "acceptance", "state": "completed"}, ""},
		{"nobody", "user", object{"assignee": nil}, 200, object{"assignee": nil}, ""},
		{"unknown field", "user", object{"status": "completed"}, 403, nil, "status"},
		{"odd stage", "user", object{"stage": "done"}, 400, nil, `"stage"`},
		{"odd state", "user", object{"state": "done"}, 400, nil, `"state"`},
		{"null state", "user", object{"state": nil}, 400, nil, `"state"`},
		{"no such assignee", "user", object{"assignee": 999}, 400, nil, `"assignee"`},
		{"name for an assignee", "user", object{"assignee": "worker"}, 400, nil, `"assignee"`},
		{"stranger", "other", object{"state": "new"}, 403, nil, "permission"},
	}
	for _, step := range steps {
		r := b.want(step.status, "PATCH", path, step.user, step.body)
		if !strings.Contains(r.body, step.text) {
			t.Errorf("%s: answer %s, want %q in it", step.name, r.body, step.text)
		}
		for name, value := range step.want {
			if got := r.json(t)[name]; got != value {
				t.Errorf("%s: %s is %v, want %v", step.name, name, got, value)
			}
		}
	}
	b.want(404, "PATCH", "/api/jobs/999", "user", object{"state": "new"})
	b.want(405, "PUT", path, "user", object{})
}

func TestJobsStayWithTheirTask(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.create("user", nil)
	b.publish(task)
	path := at("/api/jobs", b.jobs("user", task)[0])
	if r := b.want(400, "DELETE", path, "user", nil); r.body != `["Only ground truth jobs can be removed"]` {
		t.Errorf("answer %s", r.body)
	}
	b.want(403, "DELETE", path, "worker", nil)
	b.want(404, "DELETE", "/api/jobs/999", "user", nil)
}

func TestTaskFollowsItsJobs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	task := b.create("user", nil)
	b.publish(task)
	for _, j := range b.jobs("user", task) {
		b.want(200, "PATCH", at("/api/jobs", j), "user", object{"stage": "acceptance", "state": "completed"})
	}
	got := b.want(200, "GET", at("/api/tasks", task), "user", nil).json(t)
	if got["status"] != "completed" || got["jobs"].(object)["completed"] != 2.0 {
		t.Errorf("status %v, jobs %v; want the task completed with its 2 jobs", got["status"], got["jobs"])
	}
}
