package api_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// anyTime is a time as clients compare it: six digits of a second, or none.
var anyTime = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z"`)

// TestGolden holds one object of each kind, bare and full, against a file, so
// that what is null, what is absent and how times are spelled stays.
func TestGolden(t *testing.T) {
	t.Parallel()
	b := filterWorld(t)
	b.create("user", object{"name": "bare"})
	for name, path := range map[string]string{
		"task": "/api/tasks/1", "task-without-data": "/api/tasks/3", "job": "/api/jobs/1", "job-of-nobody": "/api/jobs/3",
		"project": "/api/projects/1", "project-empty": "/api/projects/2", "label": "/api/labels/1",
		"user-self": "/api/users/self", "user-other": "/api/users/1", "meta": "/api/tasks/1/data/meta",
		"job-meta": "/api/jobs/2/data/meta", "request": "/api/requests/action=create&target=task&target_id=1",
		"page-empty": "/api/projects?name=none",
	} {
		answer := b.want(200, "GET", path, "user", nil).body
		answer = anyTime.ReplaceAllString(strings.ReplaceAll(answer, b.url, "http://server"), `"time"`)
		var got bytes.Buffer
		if err := json.Indent(&got, []byte(answer), "", "  "); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		file := filepath.Join("testdata", "golden", name+".json")
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("GET %s differs from %s; if that is right, run: go test ./producer/api -run Golden -update (-want +got):\n%s", path, file, diff)
		}
	}
}
