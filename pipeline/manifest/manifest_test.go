package manifest_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/manifest"
)

const head = `{"version":"1.1"}` + "\n" + `{"type":"images"}` + "\n"

// item is a line of a manifest.
func item(name string, width, height int) string {
	return fmt.Sprintf(`{"name":%q,"extension":".jpg","width":%d,"height":%d,"checksum":"abc"}`+"\n", name, width, height)
}

func read(text string) (manifest.Type, []manifest.Image, error) {
	var all []manifest.Image
	typ, err := manifest.Read(strings.NewReader(text), func(i manifest.Image) error { all = append(all, i); return nil })
	return typ, all, err
}

func TestRead(t *testing.T) {
	t.Parallel()
	one := manifest.Image{Name: "a/1.jpg", Width: 4, Height: 3, Line: 3}
	two := manifest.Image{Name: "é.jpg", Width: 65535, Height: 1, Line: 6}
	tests := map[string]string{
		"plain, blank and empty lines": head + item("a/1", 4, 3) + "\n {} \n" + item("é", 65535, 1),
		"Windows and no last newline":  "\xef\xbb\xbf" + strings.ReplaceAll(strings.TrimSpace(head+item("a/1", 4, 3)+"\n{}\n"+item("é", 65535, 1)), "\n", "\r\n"),
		"the older version":            strings.Replace(head, "1.1", "1.0", 1) + item("a/1", 4, 3) + "\n\n" + item("é", 65535, 1),
	}
	for name, text := range tests {
		typ, got, err := read(text)
		if diff := cmp.Diff([]manifest.Image{one, two}, got); diff != "" || err != nil || typ != manifest.Images {
			t.Errorf("%s: %s, %v, -want +got:\n%s", name, typ, err, diff)
		}
	}
	video := `{"version":"1.1"}` + "\n" + `{"type":"video"}` + "\n" +
		`{"properties":{"name":"v.mp4","resolution":[640,480],"length":9}}` + "\n" + `{"number":0,"pts":0,"checksum":"x"}` + "\n"
	if typ, _, err := read(video); typ != manifest.Video || err != nil {
		t.Errorf("a video: %s, %v", typ, err)
	}
}

func TestReadNamesTheLine(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		line       int
	}{
		{"nothing", "", 1},
		{"no JSON", "hello\n", 1},
		{"no version", `{"type":"images"}` + "\n", 1},
		{"a later version", `{"version":"2.0"}` + "\n", 1},
		{"no type", `{"version":"1.1"}` + "\n", 2},
		{"an unknown type", `{"version":"1.1"}` + "\n" + `{"type":"sound"}`, 2},
		{"an item without a size", head + `{"name":"a","extension":".jpg"}`, 3},
		{"a negative width", head + item("a", 4, 3) + item("b", -1, 3), 4},
		{"a vast width", head + item("b", 1_000_000_000, 3), 3},
		{"a width that is text", head + `{"name":"a","extension":".jpg","width":"4","height":3}`, 3},
		{"a name that climbs", head + item("../a", 4, 3), 3},
		{"an absolute name", head + item("/a", 4, 3), 3},
		{"a name twice", head + item("a", 4, 3) + "\n" + item("a", 4, 3), 5},
		{"a long line", head + item("a", 4, 3) + strings.Repeat("x", 2<<20), 4},
		{"a video without a length", `{"version":"1.1"}` + "\n" + `{"type":"video"}` + "\n" + `{"properties":{"name":"v","resolution":[1,2]}}`, 3},
		{"a video without key frames", `{"version":"1.1"}` + "\n" + `{"type":"video"}` + "\n" + `{"properties":{"name":"v","resolution":[1,2],"length":1}}` + "\n", 4},
	}
	for _, tt := range tests {
		_, _, err := read(tt.text)
		if want := fmt.Sprintf("line %d ", tt.line); pipeline.CodeOf(err) != pipeline.CodeBadManifest || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want the code bad_manifest and %q", tt.name, err, want)
		}
	}
	enough := errors.New("enough")
	if _, err := manifest.Read(strings.NewReader(head+item("a", 4, 3)), func(manifest.Image) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("an error of the caller became %v", err)
	}
}

func TestWriteIsRead(t *testing.T) {
	t.Parallel()
	want := []manifest.Image{
		{Name: "a<b>.jpg", Width: 4, Height: 3, Line: 3}, {Name: "a.b/c.d.PNG", Width: 1, Height: 2, Line: 4}, {Name: "bare", Width: 1, Height: 1, Line: 5},
	}
	var out bytes.Buffer
	w, err := manifest.NewWriter(&out)
	for _, i := range want {
		err = errors.Join(err, w.Add(i))
	}
	_, got, readErr := read(out.String())
	if diff := cmp.Diff(want, got); diff != "" || err != nil || readErr != nil {
		t.Errorf("wrote with %v, read with %v, -want +got:\n%s", err, readErr, diff)
	}
	line := `{"name":"a.b/c.d","extension":".PNG","width":1,"height":2,"meta":{"related_images":[]}}`
	if !strings.Contains(out.String(), line+"\n") {
		t.Errorf("got\n%s\nwant %s in it", out.String(), line)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(head + item("a", 4, 3))
	f.Add(`{"version":"1.1"}` + "\n" + `{"type":"video"}` + "\n{}\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, all, err := read(text)
		if err != nil && pipeline.CodeOf(err) != pipeline.CodeBadManifest {
			t.Errorf("%q: %v, want a bad manifest", text, err)
		}
		for _, i := range all {
			if i.Width < 1 || i.Height < 1 || strings.Contains(i.Name, "..") && strings.HasPrefix(i.Name, "..") {
				t.Errorf("%q gives %+v", text, i)
			}
		}
	})
}
