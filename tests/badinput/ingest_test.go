package badinput_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"framemill/pipeline"
)

// ingest is a data request that the server accepts, and what must become of it.
type ingest struct {
	name   string
	spec   map[string]any // of the task
	fields string         // of the form
	files  []file         // to upload
	json   map[string]any // the request, if nothing is uploaded

	code   pipeline.Code     // why it fails; "" = it succeeds
	says   string            // must be in the message: the file at fault
	report map[string]string // outcome or code of files, by name
}

// requested is what a test reads of a request.
type requested struct {
	Status, Message, Code string
	Counts                struct{ Files, Bad, Frames, Jobs int64 }
}

// ingests makes the data requests and follows each to its end.
func (b *bench) ingests(t *testing.T, all []ingest) {
	t.Helper()
	for _, in := range all {
		t.Run(in.name, func(t *testing.T) {
			task := b.fresh(t, in.spec)
			begin := time.Now()
			got := b.run(t, task, in)
			took := time.Since(begin)
			want := "finished"
			if in.code != "" {
				want = "failed"
			}
			ok := got.Status == want && got.Code == string(in.code) && strings.Contains(got.Message, in.says)
			if ok && in.code != "" && !strings.Contains(got.Message, pipeline.Codes()[in.code].Remedy) {
				ok = false
			}
			b.ledger.add(t, strings.TrimSpace(fmt.Sprint(want, " ", in.code)), strings.TrimSpace(fmt.Sprint(got.Status, " ", got.Code)), ok && took < prompt,
				fmt.Sprintf("after %s: %s", took, got.Message))
			b.checkReport(t, task, in.report)
			if in.code != "" {
				b.leavesNothing(t, task)
				b.checkEmpty(t, task)
			}
		})
	}
}

// run sends a data request and returns how it ended.
func (b *bench) run(t *testing.T, task int64, in ingest) requested {
	t.Helper()
	path := fmt.Sprintf("/api/tasks/%d/data", task)
	if in.json != nil {
		fields := map[string]any{"image_quality": 70}
		for k, v := range in.json {
			fields[k] = v
		}
		b.JSON(t, http.MethodPost, path, fields, nil)
		return b.ended(t, task)
	}
	c := upload(strings.Trim(quality+"&"+in.fields, "&"), in.files...)
	c.path = path
	if a := b.send(t, c); a.status != http.StatusAccepted {
		t.Fatalf("the upload was answered %d: %s", a.status, shorten(a.body))
	}
	return b.ended(t, task)
}

// ended waits until the request of a task has ended.
func (b *bench) ended(t *testing.T, task int64) requested {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		var r requested
		b.JSON(t, http.MethodGet, "/api/requests/"+requestOf(task), nil, &r)
		if r.Status == "finished" || r.Status == "failed" {
			return r
		}
		if time.Now().After(deadline) {
			t.Fatalf("the request of task %d hangs: it is %s: %s", task, r.Status, r.Message)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func requestOf(task int64) string {
	return fmt.Sprintf("action=create%%26target=task%%26target_id=%d", task)
}

// checkReport compares what the server says of the single files.
func (b *bench) checkReport(t *testing.T, task int64, want map[string]string) {
	t.Helper()
	if want == nil {
		return
	}
	var got struct {
		Results []struct{ Name, Outcome, Code string }
	}
	b.JSON(t, http.MethodGet, "/api/requests/"+requestOf(task)+"/files", nil, &got)
	said := map[string]string{}
	for _, f := range got.Results {
		said[f.Name] = strings.TrimSpace(f.Outcome + " " + f.Code)
	}
	for name, w := range want {
		if said[name] != w {
			t.Errorf("the report says %q of %s, want %q", said[name], name, w)
		}
	}
}

// checkEmpty makes sure that a task whose data request failed shows nothing.
func (b *bench) checkEmpty(t *testing.T, task int64) {
	t.Helper()
	var made struct {
		Size int
		Jobs struct{ Count int }
	}
	b.JSON(t, http.MethodGet, fmt.Sprintf("/api/tasks/%d", task), nil, &made)
	if made.Size != 0 || made.Jobs.Count != 0 {
		t.Errorf("the task has %d frames and %d jobs after a failure", made.Size, made.Jobs.Count)
	}
}
