package badinput_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"
)

// tryRaces does at the same time what may only happen once, and ends what is
// still running.
func tryRaces(t *testing.T, b *bench) {
	heavy := b.heavyFolder(t)
	t.Run("two finish at once", func(t *testing.T) { finishTwice(t, b) })
	t.Run("many files at once", func(t *testing.T) { uploadAtOnce(t, b) })
	t.Run("delete while files arrive", func(t *testing.T) { deleteUnderUpload(t, b) })
	t.Run("ten deletions at once", func(t *testing.T) {
		task := b.fresh(t, nil)
		b.run(t, task, ingest{files: []file{{"1.jpg", photo(1)}}})
		seen := b.atOnce(t, 10, func(int) call { return call{method: http.MethodDelete, path: fmt.Sprintf("/api/tasks/%d", task)} })
		b.ledger.add(t, "204 once, else 404", fmt.Sprint(seen), seen[204] == 1 && seen[404] == 9, "")
	})
	t.Run("readers while it is deleted", func(t *testing.T) {
		task := b.fresh(t, nil)
		b.run(t, task, ingest{json: map[string]any{"server_files": []string{"good/"}, "use_cache": true, "chunk_size": 1}})
		seen := b.atOnce(t, 30, func(i int) call {
			if i == 15 {
				return call{method: http.MethodDelete, path: fmt.Sprintf("/api/tasks/%d", task)}
			}
			return call{method: http.MethodGet, path: fmt.Sprintf("/api/tasks/%d/data?type=chunk&number=%d", task, i%pictures)}
		})
		b.ledger.add(t, "200 or 404", fmt.Sprint(seen), seen[200]+seen[204]+seen[404] == 30, "")
		b.noBlobs(t, task)
	})
	t.Run("project deleted while a task of it runs", func(t *testing.T) {
		var project struct{ ID int64 }
		b.JSON(t, http.MethodPost, "/api/projects", map[string]any{"name": "p", "labels": []any{}}, &project)
		task := b.fresh(t, map[string]any{"project_id": project.ID})
		b.JSON(t, http.MethodPost, fmt.Sprintf("/api/tasks/%d/data", task), map[string]any{"image_quality": 70, "server_files": []string{heavy}}, nil)
		a := b.send(t, call{method: http.MethodDelete, path: fmt.Sprintf("/api/projects/%d", project.ID)})
		gone := b.send(t, call{method: http.MethodGet, path: fmt.Sprintf("/api/tasks/%d", task)})
		b.ledger.add(t, "204, and 404 for the task", fmt.Sprint(a.status, ", ", gone.status), a.status == 204 && gone.status == 404, shorten(a.body))
		b.leavesNothing(t, task)
		b.noBlobs(t, task)
	})
	t.Run("cancel while running", func(t *testing.T) {
		task := b.running(t, heavy)
		a := b.send(t, call{method: http.MethodPost, path: "/api/requests/" + requestOf(task) + "/cancel"})
		got := b.ended(t, task)
		b.ledger.add(t, "200, failed cancelled", fmt.Sprint(a.status, " ", got.Status, " ", got.Code),
			a.status == 200 && got.Status == "failed" && got.Code == "cancelled", got.Message)
		b.leavesNothing(t, task)
		b.checkEmpty(t, task)
		b.noBlobs(t, task)
		again := b.send(t, call{method: http.MethodPost, path: "/api/requests/" + requestOf(task) + "/cancel"})
		b.judge(t, refusal{status: 400, code: "invalid"}, again)
	})
	t.Run("delete while running", func(t *testing.T) {
		task := b.running(t, heavy)
		a := b.send(t, call{method: http.MethodDelete, path: fmt.Sprintf("/api/tasks/%d", task)})
		b.ledger.add(t, "204", fmt.Sprint(a.status), a.status == 204, shorten(a.body))
		gone := b.send(t, call{method: http.MethodGet, path: "/api/requests/" + requestOf(task)})
		b.judge(t, refusal{status: 404, code: "not_found"}, gone)
		b.leavesNothing(t, task)
		b.noBlobs(t, task)
	})
	t.Run("files while running", func(t *testing.T) {
		task := b.running(t, heavy)
		c := upload(quality, file{"1.jpg", photo(1)})
		c.path, c.header = fmt.Sprintf("/api/tasks/%d/data", task), map[string]string{"Upload-Multiple": ""}
		b.judge(t, refusal{status: 409, code: "conflict", says: "rq_id"}, b.send(t, c))
		read := b.send(t, call{method: http.MethodGet, path: fmt.Sprintf("/api/tasks/%d/data?type=chunk&number=0", task)})
		ok := read.status == 200 || read.status == 400 || read.status == 404 || read.status == 429
		b.ledger.add(t, "a chunk, or not yet", fmt.Sprint(read.status, " ", read.code()), ok, shorten(read.body))
	})
}

// heavyFolder makes a folder of the share that takes long to encode.
func (b *bench) heavyFolder(t *testing.T) string {
	t.Helper()
	b.write(t, "heavy/first.jpg", photoOf(1, 3000, 2000))
	for i := range 200 {
		if err := os.Link(b.share+"/heavy/first.jpg", fmt.Sprintf("%s/heavy/%03d.jpg", b.share, i)); err != nil {
			t.Fatal(err)
		}
	}
	return "heavy/"
}

// running starts an ingest of a folder and returns when it has begun.
func (b *bench) running(t *testing.T, folder string) int64 {
	t.Helper()
	task := b.fresh(t, nil)
	b.JSON(t, http.MethodPost, fmt.Sprintf("/api/tasks/%d/data", task), map[string]any{"image_quality": 70, "server_files": []string{folder}}, nil)
	deadline := time.Now().Add(10 * time.Second)
	for {
		var r requested
		b.JSON(t, http.MethodGet, "/api/requests/"+requestOf(task), nil, &r)
		switch {
		case r.Status == "started" && r.Counts.Files > 0:
			return task
		case r.Status == "finished" || r.Status == "failed" || time.Now().After(deadline):
			t.Fatalf("the ingest of %s is %s, want it to run: %s", folder, r.Status, r.Message)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// noBlobs fails the test if files of a task stay.
func (b *bench) noBlobs(t *testing.T, task int64) {
	t.Helper()
	deadline := time.Now().Add(soon)
	for {
		unnamed := b.unnamed(context.Background(), t)
		if len(unnamed) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("after task %d no row names %v", task, unnamed[:min(len(unnamed), 10)])
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// finishTwice sends the same finish twenty times at once: one is taken.
func finishTwice(t *testing.T, b *bench) {
	task := b.fresh(t, nil)
	seen := b.atOnce(t, 20, func(int) call {
		return call{method: http.MethodPost, path: fmt.Sprintf("/api/tasks/%d/data", task), kind: asJSON,
			body: []byte(`{"image_quality":70,"server_files":["good/"]}`)}
	})
	b.ledger.add(t, "202 once, else 409 or 400", fmt.Sprint(seen), seen[202] == 1 && seen[202]+seen[409]+seen[400] == 20, "")
	if got := b.ended(t, task); got.Status != "finished" || got.Counts.Frames != pictures {
		t.Errorf("the request ended %s with %d frames, want finished with %d: %s", got.Status, got.Counts.Frames, pictures, got.Message)
	}
}

// deleteUnderUpload deletes a task while a file for it is on its way: whoever
// sends it hears that there is no such task, and the file goes.
func deleteUnderUpload(t *testing.T, b *bench) {
	c := upload(quality, file{"1.jpg", photoOf(1, 800, 600)})
	var task int64
	c.path, task = b.at(t, c.path, nil)
	conn := b.dial(t)
	defer conn.Close()
	half := len(c.body) / 2
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		c.path, basic(), c.kind, len(c.body), c.body[:half]); err != nil {
		t.Fatal(err)
	}
	gone := b.send(t, call{method: http.MethodDelete, path: fmt.Sprintf("/api/tasks/%d", task)})
	if _, err := conn.Write(c.body[half:]); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	b.ledger.add(t, "204, then 404", fmt.Sprint(gone.status, ", then ", resp.StatusCode), gone.status == 204 && resp.StatusCode == 404, "")
	b.leavesNothing(t, task)
	b.noBlobs(t, task)
}

// uploadAtOnce sends files of the same name at once: one content wins, whole.
func uploadAtOnce(t *testing.T, b *bench) {
	task := b.fresh(t, nil)
	seen := b.atOnce(t, 10, func(i int) call {
		c := upload(quality, file{"same.jpg", photo(i)}, file{fmt.Sprintf("own-%d.jpg", i), photo(i)})
		c.path, c.header = fmt.Sprintf("/api/tasks/%d/data", task), map[string]string{"Upload-Multiple": ""}
		return c
	})
	uploads, err := b.db.UploadTotals(context.Background(), task)
	if err != nil {
		t.Fatal(err)
	}
	b.ledger.add(t, "200 once, else 409, and 2 files", fmt.Sprint(seen, " ", uploads.Files),
		seen[200] == 1 && seen[409] == 9 && uploads.Files == 2, "")
}

// atOnce makes n calls at once and counts the statuses of the answers.
func (b *bench) atOnce(t *testing.T, n int, c func(i int) call) map[int]int {
	t.Helper()
	statuses := make([]int, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { statuses[i] = b.send(t, c(i)).status })
	}
	wg.Wait()
	seen := map[int]int{}
	for _, s := range statuses {
		seen[s]++
	}
	return seen
}
