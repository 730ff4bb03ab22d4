package plan_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"framemill/pipeline"
	"framemill/pipeline/plan"
)

// hostile are names that no rule accepts.
var hostile = []string{
	"", ".", "..", "../x", "a/../x", "a/..", "....//", "a\x00b", "a\nb.jpg", "\x01", "a\x7f", "a\u0085b",
	"\u202egpj.exe", "a\u2066b", "\xff.jpg", "\xed\xa0\x80.jpg", strings.Repeat("x", 256), strings.Repeat("é", 128),
	strings.Repeat("a/", 512) + "b",
}

func TestClientName(t *testing.T) {
	t.Parallel()
	accepted := map[string]string{
		"a.jpg":                   "a.jpg",
		"/home/me/pictures/a.jpg": "a.jpg",
		`C:\pictures\a.jpg`:       "a.jpg",
		`\\server\share\a.jpg`:    "a.jpg",
		"a/./b//c.jpg":            "c.jpg",
		"CON.jpg":                 "CON.jpg",
		" a .jpg. ":               " a .jpg. ",
		"50%.jpg":                 "50%.jpg",
		"http%3A%2F%2Fhost%2Fa":   "http%3A%2F%2Fhost%2Fa",
		"...":                     "...",
		"e\u0301.jpg":             "e\u0301.jpg",
		strings.Repeat("x", 255):  strings.Repeat("x", 255),
	}
	for name, want := range accepted {
		if got, err := plan.ClientName(name); err != nil || got != want {
			t.Errorf("ClientName(%q) = %q, %v, want %q", name, got, err, want)
		}
	}
	refused := []string{"../../etc/cron.d/x", `..\..\x`, `a\..`, "%2e%2e%2f", "a%2F..%5Cx", "dir/", `dir\`, "dir/.", "a\x00/b.jpg"}
	for _, name := range append(refused, hostile...) {
		got, err := plan.ClientName(name)
		e := pipeline.Public(err)
		if err == nil || e.Kind != pipeline.Invalid || e.Field != "client_files" || !strings.HasPrefix(e.Text, "File name ") || !strings.HasSuffix(e.Text, " is not allowed") {
			t.Errorf("ClientName(%q) = %q, %v, want an Invalid error on client_files", name, got, err)
		}
		checkText(t, e.Text)
	}
}

func TestUploadPath(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a.jpg", "clips/day 1/a.mp4", "50%.jpg", "..."} {
		if got, err := plan.UploadPath(name); err != nil || got != name {
			t.Errorf("UploadPath(%q) = %q, %v, want it as it is", name, got, err)
		}
	}
	refused := []string{"/etc/passwd", `C:\x`, `\\srv\share\x`, "%2e%2e%2fx", "a/./b", "a//b", "dir/"}
	for _, name := range append(refused, hostile...) {
		got, err := plan.UploadPath(name)
		if e := pipeline.Public(err); err == nil || e.Kind != pipeline.Invalid || e.Field != "client_files" {
			t.Errorf("UploadPath(%q) = %q, %v, want an Invalid error on client_files", name, got, err)
		}
	}
}

func TestSharePath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		path, prefix, want string
		dir                bool
	}{
		{path: "a.jpg", want: "a.jpg"},
		{path: "/a/b.jpg", want: "a/b.jpg"},
		{path: "a/b/", want: "a/b", dir: true},
		{path: "/mnt/share/a/b.jpg", prefix: "/mnt/share", want: "a/b.jpg"},
		{path: "/mnt/share/a/", prefix: "/mnt/share/", want: "a", dir: true},
		{path: "/mnt/shared/a", prefix: "/mnt/share", want: "mnt/shared/a"},
		{path: "/mnt/share", prefix: "/mnt/share", want: "mnt/share"},
		{path: "/etc/passwd", prefix: "/mnt/share", want: "etc/passwd"},
	}
	for _, tt := range tests {
		got, dir, err := plan.SharePath(tt.path, tt.prefix)
		if err != nil || got != tt.want || dir != tt.dir {
			t.Errorf("SharePath(%q, %q) = %q, %t, %v, want %q, %t", tt.path, tt.prefix, got, dir, err, tt.want, tt.dir)
		}
	}
	refused := []string{"/", "//", "//a", "a//b", "a/b//", "./a", "a/.", `a\b`, "/mnt/share/", "/mnt/share//a", "/mnt/share/../x", strings.Repeat("a/", 513)}
	for _, path := range append(refused, hostile...) {
		got, _, err := plan.SharePath(path, "/mnt/share")
		e := pipeline.Public(err)
		if err == nil || e.Kind != pipeline.Invalid || e.Field != "server_files" {
			t.Errorf("SharePath(%q) = %q, %v, want an Invalid error on server_files", path, got, err)
		}
		checkText(t, e.Text)
	}
}

func TestMemberName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"a.jpg": "a.jpg", "a/b/c.jpg": "a/b/c.jpg", "./a/b.jpg": "a/b.jpg", "..a/b..": "..a/b.."} {
		if got, err := plan.MemberName(name); err != nil || got != want {
			t.Errorf("MemberName(%q) = %q, %v, want %q", name, got, err, want)
		}
	}
	refused := []string{"../evil.png", "/abs.png", `a\..\..\x.png`, "a/b/", ".//a", "./", "a//b"}
	for _, name := range append(refused, hostile...) {
		got, err := plan.MemberName(name)
		if pipeline.CodeOf(err) != pipeline.CodeUnsafePath {
			t.Errorf("MemberName(%q) = %q, %v, want code %s", name, got, err, pipeline.CodeUnsafePath)
		}
		checkText(t, pipeline.Public(err).Text)
		checkText(t, pipeline.Public(err).File)
	}
}

func TestFoundPath(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"a.jpg", "a/b c/d.jpg", ".hidden", "50%.jpg"} {
		if err := plan.FoundPath(path); err != nil {
			t.Errorf("FoundPath(%q): %v", path, err)
		}
	}
	for _, path := range hostile {
		err := plan.FoundPath(path)
		if pipeline.CodeOf(err) != pipeline.CodeUnsafePath {
			t.Errorf("FoundPath(%q) = %v, want code %s", path, err, pipeline.CodeUnsafePath)
		}
		checkText(t, pipeline.Public(err).Text)
		checkText(t, pipeline.Public(err).File)
	}
}

func TestIgnored(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"__MACOSX/a/._b.jpg": true, "a/__MACOSX/b.jpg": true, "__MSOSX/b.jpg": true, ".DS_Store": true, "a/.DS_Store": true,
		".hidden.jpg": true, "a/._b.jpg": true,
		"a.jpg": false, "__MACOSX.jpg": false, ".cache/a.jpg": false, "a/b.DS_Store.jpg": false,
	} {
		if got := plan.Ignored(name); got != want {
			t.Errorf("Ignored(%q) = %t, want %t", name, got, want)
		}
	}
}

// Whatever is accepted is a clean relative path, and accepting is idempotent;
// whatever is refused is described in text that is safe to show.
func FuzzNames(f *testing.F) {
	for _, name := range hostile {
		f.Add(name)
	}
	f.Add("/mnt/share/%2e%2e/a")
	f.Add(`C:\a/b.jpg`)
	f.Fuzz(func(t *testing.T, name string) {
		if got, err := plan.ClientName(name); err != nil {
			checkText(t, pipeline.Public(err).Text)
		} else if again, err := plan.ClientName(got); err != nil || again != got || strings.ContainsAny(got, "/\\\x00") {
			t.Errorf("ClientName(%q) = %q, and of that %q, %v", name, got, again, err)
		}
		if got, _, err := plan.SharePath(name, "/mnt/share"); err != nil {
			checkText(t, pipeline.Public(err).Text)
		} else {
			checkRelative(t, got)
		}
		if got, err := plan.MemberName(name); err != nil {
			checkText(t, pipeline.Public(err).Text)
			checkText(t, pipeline.Public(err).File)
		} else {
			checkRelative(t, got)
		}
		plan.Ignored(name)
		plan.ClassOf(name)
	})
}

func checkRelative(t *testing.T, path string) {
	t.Helper()
	for component := range strings.SplitSeq(path, "/") {
		if component == "" || component == "." || component == ".." || len(component) > 255 || strings.ContainsAny(component, "\\\x00\n") {
			t.Errorf("accepted %q, whose component %q is not clean", path, component)
		}
	}
}

func checkText(t *testing.T, text string) {
	t.Helper()
	if len(text) > 1000 || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\n\r\u202e\u2066") {
		t.Errorf("text %q is not safe to show", text)
	}
}
