package api_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/errors.md and the golden files anew")

// errorsHead stands above the table of codes.
const errorsHead = `# Failure codes

Each refusal names one of these in the header X-Error-Code, each failed request and each file that could not be used in
its report (` + "`GET /api/requests/{id}/files`" + `). The codes stay as they are; the sentences beside them may get better. A server lists
its own at ` + "`GET /api/errors`" + `, which this page is made from.

| code | status | what it means | what to do |
|---|---|---|---|
`

// TestErrorsDocument holds docs/errors.md against what the server says.
func TestErrorsDocument(t *testing.T) {
	t.Parallel()
	const path = "../../docs/errors.md"
	var codes []struct {
		Code, Meaning, Remedy string
		Status                int
	}
	if err := json.Unmarshal([]byte(setup(t).want(200, "GET", "/api/errors", "", nil).body), &codes); err != nil {
		t.Fatal(err)
	}
	want := new(strings.Builder)
	want.WriteString(errorsHead)
	for _, c := range codes {
		if c.Meaning == "" || c.Remedy == "" || c.Status == 0 || strings.ContainsAny(c.Meaning+c.Remedy, "|\n") {
			t.Errorf("code %s: %d, %q, %q cannot be shown", c.Code, c.Status, c.Meaning, c.Remedy)
		}
		fmt.Fprintf(want, "| `%s` | %d | %s | %s |\n", c.Code, c.Status, c.Meaning, c.Remedy)
	}
	if *update {
		if err := os.WriteFile(path, []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("docs/errors.md is stale; write it anew by: go test ./producer/api -run ErrorsDocument -update (-want +got):\n%s", diff)
	}
}
