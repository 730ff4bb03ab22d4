package collect_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/stages/collect"
	"framemill/tests/pack"
)

// manifestOf lists pictures in an order.
func manifestOf(names ...string) []byte {
	lines := []string{`{"version":"1.1"}`, `{"type":"images"}`}
	for _, name := range names {
		lines = append(lines, `{"name":"`+strings.TrimSuffix(name, ".jpg")+`","extension":".jpg","width":4,"height":3}`)
	}
	return []byte(strings.Join(lines, "\n"))
}

func TestManifestGivesTheOrder(t *testing.T) {
	t.Parallel()
	packed := pack.Tar(pack.Member{Name: "b/1.jpg", Content: []byte("1")}, pack.Member{Name: "b/2.jpg", Content: []byte("2")})
	tests := []struct {
		name     string
		manifest []byte
		sorting  pipeline.Sorting
		order    []string
		archive  bool
		want     []string
		code     pipeline.Code
	}{
		{name: "uploads", manifest: manifestOf("c.jpg", "a.jpg", "b.jpg"), want: []string{"c.jpg", "a.jpg", "b.jpg"}},
		{name: "members", archive: true, manifest: manifestOf("b/2.jpg", "b/1.jpg"), want: []string{"b/2.jpg", "b/1.jpg"}},
		{name: "another method", sorting: pipeline.SortNatural, manifest: manifestOf("c.jpg", "a.jpg"), want: []string{"a.jpg", "b.jpg", "c.jpg"}},
		{name: "an order of its own", order: []string{"a.jpg"}, manifest: manifestOf("c.jpg", "a.jpg", "b.jpg"), want: []string{"a.jpg", "b.jpg", "c.jpg"}},
		{name: "a file too many", manifest: manifestOf("c.jpg", "a.jpg"), code: pipeline.CodeBadManifest},
		{name: "a file too few", manifest: manifestOf("c.jpg", "a.jpg", "b.jpg", "d.jpg"), code: pipeline.CodeBadManifest},
		{name: "random", sorting: pipeline.SortRandom, manifest: manifestOf("c.jpg", "a.jpg", "b.jpg"), code: pipeline.CodeBadManifest},
		{name: "broken", sorting: pipeline.SortNatural, manifest: []byte("{"), code: pipeline.CodeBadManifest},
	}
	for _, tt := range tests {
		w := setup(t)
		uploads := []pipeline.Upload{w.upload(0, "m.jsonl", tt.manifest)}
		if tt.archive {
			uploads = append(uploads, w.upload(1, "all.tar", packed))
		} else {
			for i, name := range []string{"a.jpg", "b.jpg", "c.jpg"} {
				uploads = append(uploads, w.upload(int64(i+1), name, []byte(name)))
			}
		}
		if tt.sorting == "" {
			tt.sorting = pipeline.SortPredefined
		}
		files, _, err := w.run(collect.Config{Page: 100}, collect.Input{Uploads: uploads, Spec: pipeline.Spec{Sorting: tt.sorting, FileOrder: tt.order}})
		if tt.code != "" {
			if err == nil || pipeline.CodeOf(err) != tt.code {
				t.Errorf("%s: %v, want the code %s", tt.name, err, tt.code)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, names(files)); diff != "" || err != nil {
			t.Errorf("%s: %v, names differ (-want +got):\n%s", tt.name, err, diff)
		}
	}
}
