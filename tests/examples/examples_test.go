// Package examples_test runs the files in examples/ as people run them, with
// the unmodified Python clients, against a server of its own.
package examples_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/tests/clip"
	"framemill/tests/program"
	"framemill/tests/sample"
	"framemill/tests/services"
)

// count is how many examples the guide has.
const count = 27

// annotator is the person whom the examples give work to.
const annotator = "annotator"

// says is what each example prints, in part, as a regular expression.
var says = map[string]string{
	"01-create-task.sh":             `"name":"Traffic Scene Batch 1","project_id":\d+,.*"overlap":5,"segment_size":100,.*"subset":"train"`,
	"02-created-task.py":            `(?s)"mode": "annotation".*"size": 0.*"validation": 0`,
	"03-create-task.py":             `^Created task ID: \d+\n$`,
	"04-create-task-in-project.sh":  `^\d+\n$`,
	"05-create-task-with-labels.sh": `^\d+\n$`,
	"06-upload-images.py":           `^3 frames, 72 in a chunk\n$`,
	"07-upload-video.py":            `^8 frames, filter step=5\n$`,
	"08-upload-form.sh":             `(?s)"rq_id":"action=create&target=task&target_id=\d+".*has 3 frames`,
	"09-share-files.py":             `^\['dataset/image1.jpg', 'dataset/image2.jpg'\]\n$`,
	"10-remote-files.py":            `^\['image1.jpg', 'image2.jpg'\]\n$`,
	"11-cloud-storage.py":           `^\['image1.jpg', 'image2.jpg', 'image3.jpg'\]\n$`,
	"12-list-jobs.py":               `frames 0-19\n  Status: annotation\n  Stage: annotation\n  State: new\n  Assignee: None\n`,
	"13-assign-job.sh":              `"assignee":\{[^}]*"username":"annotator"`,
	"14-assign-job.py":              `^Assignee: annotator\n$`,
	"15-move-job.py":                `^validation, new\n$`,
	"16-complete-job.py":            `^annotation, completed\n$`,
	"17-task-status.py":             `^Status: annotation\nJobs: 3 total, 0 completed\n$`,
	"18-ground-truth.py":            `^ground_truth, 50 frames\n$`,
	"19-ground-truth-frames.py":     `^\[0, 10, 20, 30, 40\]\n$`,
	"20-honeypots.py":               `^gt_pool, 10 honeypots, 10 a job\n$`,
	"21-consensus.py":               `^\['annotation', 'consensus_replica', 'consensus_replica', 'consensus_replica'\]\n$`,
	"22-update-task.py":             `^Updated Task Name, annotator, test\n$`,
	"23-update-labels.py":           `'updated_label_name': .*'new_label': '#ff00ff'`,
	"24-delete-task.sh":             `the task is gone`,
	"25-remove-task.py":             `^404: the task is gone\n$`,
	"26-remove-tasks.py":            `^404: the task is gone\n$`,
	"27-delete-task.sh":             `^the task is gone\n$`,
}

// newer are the examples that the oldest clients cannot run, and why.
var newer = map[string]string{
	"04-create-task-in-project.sh": "--subset",
}

func TestExamples(t *testing.T) {
	t.Parallel()
	checkNumbers(t)
	s := setup(t)
	var ran atomic.Int64
	t.Run("run", func(t *testing.T) {
		for name := range says {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s.try(t, name, "newest")
				if newer[name] == "" && program.Proving() {
					s.try(t, name, "oldest")
				}
				if !t.Failed() {
					ran.Add(1)
				}
			})
		}
	})
	fmt.Printf("examples %d/%d\n", ran.Load(), count)
}

// try runs an example with one of the clients, and judges what it prints.
func (s *stage) try(t *testing.T, name, clients string) {
	t.Helper()
	out, err := s.run(t, name, s.clients[clients])
	switch {
	case err != nil:
		t.Errorf("with the %s clients it ends with %v:\n%s", clients, err, out)
	case !regexp.MustCompile(says[name]).MatchString(out):
		t.Errorf("with the %s clients it prints this, want %q in it:\n%s", clients, says[name], out)
	}
}

// compared is in the first lines of each example: what differs from the guide.
var compared = regexp.MustCompile(`^(.*\n){1,3}(# )?(As in|Differs from) the guide`)

// checkNumbers fails unless there is one file for each number, no file that is
// not run, and none that does not say what differs from the guide.
func checkNumbers(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("../../examples/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for i, file := range files {
		name := filepath.Base(file)
		if says[name] == "" {
			t.Errorf("nothing is known of examples/%s", name)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !compared.Match(text) {
			t.Errorf("the first lines of examples/%s do not say what differs from the guide", name)
		}
		got, want = append(got, name[:3]), append(want, fmt.Sprintf("%02d-", i+1))
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) != count || len(says) != count {
		t.Fatalf("%d files and %d known ones, want %d that are numbered one after the other (-want +got):\n%s", len(got), len(says), count, diff)
	}
}

// stage is where examples run: a folder with media, the environment, and the
// folders of the programs of the clients.
type stage struct {
	dir     string
	env     []string
	clients map[string]string
}

// run runs one example and returns what it printed, if it fails its complaints
// included.
func (s *stage) run(t *testing.T, name, bin string) (string, error) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../../examples", name))
	if err != nil {
		t.Fatal(err)
	}
	shell := filepath.Join(bin, "python3")
	if filepath.Ext(name) == ".sh" {
		shell = "bash"
	}
	var complaints strings.Builder
	cmd := exec.CommandContext(t.Context(), shell, path)
	cmd.Dir, cmd.Stderr = s.dir, &complaints
	cmd.Env = append(s.env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.Output()
	if err != nil {
		out = append(out, complaints.String()...)
	}
	return string(out), err
}

// setup starts a server with a share, and makes the media of the examples.
func setup(t *testing.T) *stage {
	t.Helper()
	dir, share, data := t.TempDir(), t.TempDir(), t.TempDir()
	fill(t, dir, share)
	site := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(site.Close)
	server := program.Up(t, program.Config{Data: data, Share: share, Flags: []string{"--version-by-client", "--egress-allow", "127.0.0.1"}})
	program.Run(t, program.Password+"\n", "user", "add", annotator, "--data", data)
	return &stage{
		dir:     dir,
		clients: map[string]string{"oldest": clients(t, ".venv"), "newest": clients(t, ".venv-newest")},
		env: slices.Clip(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "FRAMEMILL_SITE="+site.URL, "FRAMEMILL_CLOUD_STORAGE="+bucket(t, server, filepath.Join(share, "dataset")),
			"FRAMEMILL_URL="+server.URL, "FRAMEMILL_USER="+program.Admin, "FRAMEMILL_PASSWORD="+program.Password)),
	}
}

// bucket puts the pictures of a folder and their manifest into a bucket, and
// returns the id of its cloud storage.
func bucket(t *testing.T, server *program.Server, folder string) string {
	t.Helper()
	list := filepath.Join(t.TempDir(), "manifest.jsonl")
	program.Run(t, "", "manifest", "create", "--output", list, folder)
	photos, err := filepath.Glob(filepath.Join(folder, "*.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	b := services.S3(t)
	for _, file := range append(photos, list) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b.Put(t, filepath.Base(file), content)
	}
	var made struct{ ID int64 }
	server.JSON(t, http.MethodPost, "/api/cloudstorages", b.Storage(), &made)
	return strconv.FormatInt(made.ID, 10)
}

// clients returns the folder of the programs of an installation of the clients.
func clients(t *testing.T, installation string) string {
	t.Helper()
	bin, err := filepath.Abs(filepath.Join("../..", installation, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bin, "cvat-cli")); err != nil {
		t.Fatal("the Python clients are not installed: run tools/install python")
	}
	return bin
}

// fill makes sixty pictures in images/, three of them where the guide has its
// own, also on the share, and a video of 40 frames.
func fill(t *testing.T, dir, share string) {
	t.Helper()
	photos, err := sample.Photos(filepath.Join(dir, "images"), 60, 320, 240)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{dir, filepath.Join(dir, "path/to"), filepath.Join(share, "dataset")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for i, photo := range photos[:3] {
			if err := os.Link(photo, filepath.Join(folder, fmt.Sprintf("image%d.jpg", i+1))); err != nil {
				t.Fatal(err)
			}
		}
	}
	film := clip.Clip{Frames: 40, Width: 128, Height: 96, GOP: 12, BFrames: 2}
	if err := film.Write(t.Context(), filepath.Join(dir, "path/to/video.mp4")); err != nil {
		t.Fatal(err)
	}
}
