package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the prefix of our own import paths.
const module = "framemill"

// The limits of size. A function of 70 lines is already a long one.
const (
	maxFuncLines = 70
	maxFileLines = 500
)

// story is one row of the house: packages that match pattern stand on floor,
// and import only from lower floors. A * stands for one path element, /... for
// any depth below. Packages matched by one row with /... are one family and
// may import one another. The first matching row counts.
type story struct {
	pattern string
	floor   int
}

var house = []story{
	{"pipeline", 0},
	{"configs/...", 1},
	{"pipeline/plan/...", 1},
	{"pipeline/frameindex/...", 1},
	{"pipeline/cloud", 1},
	{"pipeline/manifest", 2},
	{"pipeline/seal", 1},
	{"pipeline/store/...", 2},
	{"pipeline/queue/...", 2},
	{"pipeline/blob/...", 2},
	{"pipeline/outgoing/...", 2},
	{"stages/media/...", 2},
	{"metrics/...", 2},
	{"producer/client/...", 2},
	{"producer/console/...", 2},
	{"pipeline/source/...", 3},
	{"pipeline/dispatch/...", 3},
	{"pipeline/hook/...", 3},
	{"producer/access/...", 3},
	{"stages/*", 4},
	{"producer/receive/...", 4},
	{"producer/serve/...", 4},
	{"consumer/chores/...", 4},
	{"consumer/deliver/...", 4},
	{"stages", 5},
	{"producer/api/...", 5},
	{"consumer/worker/...", 6},
	{"producer", 6},
	{"consumer", 7},
	{".", 8},
}

// free are the folders that stand beside the house: they may import all of it,
// and nothing in it imports them.
var free = []string{"tests/...", "tools/..."}

// never lists imports that are wrong whatever the floors say.
var never = []struct {
	from, to []string
	why      string
}{
	{[]string{"producer/..."}, []string{"module:stages/...", "module:consumer/..."}, "the producer is thin: it knows no work"},
	{[]string{"stages/...", "consumer/..."}, []string{"module:producer/..."}, "work knows nothing of HTTP clients"},
	{[]string{"stages/..."}, []string{"module:consumer/..."}, "stages are run by the consumer and do not know it"},
	{[]string{"stages/*"}, []string{"module:pipeline/store/...", "module:pipeline/queue/..."}, "a stage returns rows and leaves writing them to the worker"},
	{[]string{"stages/collect", "stages/probe", "stages/filter", "stages/generate", "stages/encode", "stages/film"}, []string{"net/http/..."}, "only the stage that fetches speaks HTTP"},
	{[]string{"stages/media/..."}, []string{"module:pipeline/store/...", "module:pipeline/queue/...", "net/http/..."}, "media code is frames in, frames out"},
	{[]string{"pipeline", "pipeline/plan/...", "pipeline/frameindex/..."}, []string{"net", "net/http/...", "database/...", "os/..."}, "the nouns and the rules touch nothing outside"},
}

// doors lists dependencies that only some packages may use.
var doors = []struct{ dependency, packages []string }{
	{[]string{"database/sql/...", "github.com/jmoiron/sqlx/...", "github.com/jackc/pgx/...", "modernc.org/sqlite/...", "github.com/pressly/goose/..."}, []string{"pipeline/store/..."}},
	{[]string{"github.com/hibiken/asynq/..."}, []string{"pipeline/queue/...", "consumer/worker/...", "pipeline/dispatch/...", "metrics/..."}},
	{[]string{"github.com/redis/go-redis/...", "github.com/alicebob/miniredis/..."}, []string{"pipeline/queue/..."}},
	{[]string{"github.com/aws/..."}, []string{"pipeline/blob/s3/..."}},
	{[]string{"cloud.google.com/..."}, []string{"pipeline/blob/gcs/..."}},
	{[]string{"github.com/Azure/..."}, []string{"pipeline/blob/azure/..."}},
	{[]string{"github.com/prometheus/..."}, []string{"metrics/..."}},
	{[]string{"code.dny.dev/ssrf/..."}, []string{"pipeline/outgoing/..."}},
	{[]string{"os/exec"}, []string{"stages/media/sandbox/..."}},
}

// nounsUse is what package pipeline may import of third parties: its ids are
// UUIDs.
var nounsUse = []string{"github.com/google/uuid"}

// vague are package names that say nothing of what is inside.
var vague = []string{"util", "utils", "common", "helper", "helpers", "types", "models", "misc", "base", "shared"}

// source is one parsed Go file of ours.
type source struct {
	path string // with slashes, relative to the root
	fset *token.FileSet
	file *ast.File
}

func (s source) dir() string  { return path.Dir(s.path) }
func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// at formats a finding so that editors jump to it.
func (s source) at(pos token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", s.path, s.fset.Position(pos).Line, fmt.Sprintf(format, args...))
}

// rules are applied to every file. Each returns what is wrong with it.
var rules = []struct {
	name  string
	check func(source) []string
}{
	{"floors", checkFloors},
	{"never", checkNever},
	{"doors", checkDoors},
	{"size", checkSize},
	{"comments", checkComments},
	{"names", checkNames},
}

func TestArchitecture(t *testing.T) {
	t.Parallel()
	sources := ourSources(t)
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			for _, s := range sources {
				for _, finding := range rule.check(s) {
					t.Error(finding)
				}
			}
		})
	}
	t.Run("package comments", func(t *testing.T) {
		t.Parallel()
		for _, finding := range checkPackageComments(sources) {
			t.Error(finding)
		}
	})
}

// ourSources parses every Go file of the module.
func ourSources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"testdata", "node_modules", "data", "bin"}, d.Name())) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		s, err := parse(filepath.ToSlash(name), string(text))
		if err == nil && !ast.IsGenerated(s.file) {
			out = append(out, s)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func parse(name, text string) (source, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	return source{name, fset, file}, err
}

// imports calls yield for each import of a file that the rules of imports hold
// for: tests may use what they like. Our own packages come as "module:path".
func (s source) imports(yield func(spec *ast.ImportSpec, name string)) {
	if s.isTest() || matchAny(free, s.dir()) {
		return
	}
	for _, spec := range s.file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		if own, ok := strings.CutPrefix(name, module+"/"); ok {
			name = "module:" + own
		}
		yield(spec, name)
	}
}

func checkFloors(s source) (findings []string) {
	from, known := storyOf(s.dir())
	s.imports(func(spec *ast.ImportSpec, name string) {
		own, ok := strings.CutPrefix(name, "module:")
		if !ok {
			return
		}
		to, ok := storyOf(own)
		switch {
		case !known:
			findings = append(findings, s.at(s.file.Package, "package %s has no floor: give it one in the table of arch_test.go", s.dir()))
		case !ok:
			findings = append(findings, s.at(spec.Pos(), "%s is beside the house or has no floor: product code does not import it", own))
		case from == to && strings.HasSuffix(from.pattern, "/..."): // one family
		case to.floor >= from.floor:
			findings = append(findings, s.at(spec.Pos(), "%s (floor %d) imports %s (floor %d): imports go to lower floors only", s.dir(), from.floor, own, to.floor))
		}
	})
	return findings
}

func storyOf(dir string) (story, bool) {
	for _, row := range house {
		if match(row.pattern, dir) {
			return row, true
		}
	}
	return story{}, false
}

func checkNever(s source) (findings []string) {
	s.imports(func(spec *ast.ImportSpec, name string) {
		for _, rule := range never {
			if matchAny(rule.from, s.dir()) && matchAny(rule.to, name) {
				findings = append(findings, s.at(spec.Pos(), "%s must never import %s: %s", s.dir(), name, rule.why))
			}
		}
	})
	return findings
}

func checkDoors(s source) (findings []string) {
	s.imports(func(spec *ast.ImportSpec, name string) {
		for _, door := range doors {
			if matchAny(door.dependency, name) && !matchAny(door.packages, s.dir()) {
				findings = append(findings, s.at(spec.Pos(), "%s imports %s, whose only door is %s", s.dir(), name, strings.Join(door.packages, ", ")))
			}
		}
		host, _, _ := strings.Cut(name, "/")
		if s.dir() == "pipeline" && strings.Contains(host, ".") && !matchAny(nounsUse, name) {
			findings = append(findings, s.at(spec.Pos(), "pipeline imports %s: the nouns use no third party", name))
		}
	})
	return findings
}

func checkSize(s source) (findings []string) {
	if lines := s.fset.File(s.file.Package).LineCount(); lines > maxFileLines {
		findings = append(findings, s.at(s.file.Package, "the file has %d lines, at most %d are allowed", lines, maxFileLines))
	}
	for _, decl := range s.file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok {
			lines := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1
			if lines > maxFuncLines && !isTable(f) {
				findings = append(findings, s.at(f.Pos(), "function %s has %d lines, at most %d are allowed", f.Name.Name, lines, maxFuncLines))
			}
		}
	}
	return findings
}

// isTable reports whether all that a function does is to return a literal,
// which is data and may be as long as the data are.
func isTable(f *ast.FuncDecl) bool {
	if f.Body == nil || len(f.Body.List) != 1 {
		return false
	}
	ret, ok := f.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(ret.Results) != 1 {
		return false
	}
	code := false
	ast.Inspect(ret.Results[0], func(n ast.Node) bool {
		_, isFunc := n.(*ast.FuncLit)
		code = code || isFunc
		return !code
	})
	_, literal := ret.Results[0].(*ast.CompositeLit)
	return literal && !code
}

// checkComments wants a comment on every exported name; a comment on a group
// of constants or variables serves all of them.
func checkComments(s source) (findings []string) {
	if s.isTest() {
		return nil
	}
	bare := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(docs, func(c *ast.CommentGroup) bool { return c != nil }) {
			findings = append(findings, s.at(name.Pos(), "exported %s has no comment", name.Name))
		}
	}
	for _, decl := range s.file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if receiverExported(d) {
				bare(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch sp := spec.(type) {
				case *ast.TypeSpec:
					bare(sp.Name, d.Doc, sp.Doc)
				case *ast.ValueSpec:
					for _, name := range sp.Names {
						bare(name, d.Doc, sp.Doc, sp.Comment)
					}
				}
			}
		}
	}
	return findings
}

// receiverExported reports whether f is a function, or a method of an exported
// type.
func receiverExported(f *ast.FuncDecl) bool {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return true
	}
	expr := f.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return true
		}
	}
}

// checkPackageComments wants one package comment in each folder.
func checkPackageComments(sources []source) (findings []string) {
	first := map[string]source{}
	documented := map[string]bool{}
	for _, s := range sources {
		if s.isTest() {
			continue
		}
		if _, ok := first[s.dir()]; !ok {
			first[s.dir()] = s
		}
		documented[s.dir()] = documented[s.dir()] || s.file.Doc != nil
	}
	for dir, s := range first {
		if !documented[dir] {
			findings = append(findings, s.at(s.file.Package, "package %s has no package comment", dir))
		}
	}
	slices.Sort(findings)
	return findings
}

func checkNames(s source) (findings []string) {
	if name := strings.TrimSuffix(s.file.Name.Name, "_test"); slices.Contains(vague, name) {
		findings = append(findings, s.at(s.file.Name.Pos(), "package name %s says nothing: name what is inside", name))
	}
	return findings
}

// match reports whether a pattern stands for a path: * is one element, and a
// trailing /... is the path before it and all below.
func match(pattern, name string) bool {
	deep := strings.HasSuffix(pattern, "/...")
	want := strings.Split(strings.TrimSuffix(pattern, "/..."), "/")
	got := strings.Split(name, "/")
	if len(got) < len(want) || !deep && len(got) > len(want) {
		return false
	}
	for i, w := range want {
		if w != "*" && w != got[i] {
			return false
		}
	}
	return true
}

func matchAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return match(p, name) })
}

func TestArchitectureRulesFind(t *testing.T) {
	t.Parallel()
	long := "package plan\nfunc f() {\n" + strings.Repeat("\t_ = 0\n", maxFuncLines) + "}\n"
	tests := []struct {
		name, path, text string
		check            func(source) []string
		want             string // of the only finding; "" = none
	}{
		{"an import upwards", "pipeline/store/s.go", `package store; import "framemill/producer/api"`, checkFloors, "lower floors only"},
		{"an import sideways", "pipeline/blob/b.go", `package blob; import "framemill/pipeline/queue"`, checkFloors, "lower floors only"},
		{"a stage that imports a stage", "stages/probe/p.go", `package probe; import "framemill/stages/encode"`, checkFloors, "lower floors only"},
		{"an import downwards", "stages/probe/p.go", `package probe; import "framemill/stages/media/jpeg"`, checkFloors, ""},
		{"an import within a family", "pipeline/blob/fs/f.go", `package fs; import "framemill/pipeline/blob"`, checkFloors, ""},
		{"product code that imports tests", "producer/api/a.go", `package api; import "framemill/tests/services"`, checkFloors, "beside the house"},
		{"a package without a floor", "lost/l.go", `package lost; import "framemill/pipeline"`, checkFloors, "has no floor"},
		{"a test is free", "pipeline/store/s_test.go", `package store; import "framemill/producer/api"`, checkFloors, ""},
		{"a producer that works", "producer/p.go", `package producer; import "framemill/stages/encode"`, checkNever, "must never import"},
		{"a stage with HTTP", "stages/encode/e.go", `package encode; import "net/http"`, checkNever, "only the stage that fetches"},
		{"the stage that may", "stages/fetch/f.go", `package fetch; import "net/http"`, checkNever, ""},
		{"SQL outside the store", "producer/api/a.go", `package api; import "github.com/jackc/pgx/v5"`, checkDoors, "only door"},
		{"a process started anywhere", "stages/probe/p.go", `package probe; import "os/exec"`, checkDoors, "only door"},
		{"the right door", "metrics/m.go", `package metrics; import "github.com/hibiken/asynq"`, checkDoors, ""},
		{"a name that begins like a door", "producer/p.go", `package producer; import "github.com/hibiken/asynqmon"`, checkDoors, ""},
		{"a long function", "pipeline/plan/p.go", long, checkSize, "72 lines"},
		{"a long table", "pipeline/plan/p.go", "package plan\nfunc f() []int { return []int{" + strings.Repeat("\n1,", maxFuncLines) + "\n} }", checkSize, ""},
		{"a long file", "pipeline/plan/p.go", "package plan" + strings.Repeat("\nvar _ = 0", maxFileLines), checkSize, "501 lines"},
		{"a bare function", "pipeline/p.go", "package pipeline\nfunc F() {}", checkComments, "exported F"},
		{"a bare method", "pipeline/p.go", "package pipeline\nfunc (*T[P]) M() {}", checkComments, "exported M"},
		{"a method of a private type", "pipeline/p.go", "package pipeline\nfunc (t) M() {}", checkComments, ""},
		{"a group under one comment", "pipeline/p.go", "package pipeline\n// The sizes.\nconst (\nA = 1\nB = 2\n)", checkComments, ""},
		{"a vague name", "producer/util/u.go", "package util", checkNames, "says nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := parse(tt.path, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(tt.check(s), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("found %q, want %q in it", got, tt.want)
			}
		})
	}
}
