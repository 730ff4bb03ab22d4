package bench_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"framemill/tests/program"
)

// The callers: the administrator, and people who have a part in some tasks.
const (
	boss  = "admin"
	staff = "staff"
)

// question is one line of the table.
type question struct {
	name, who, method, path, body string // {task}, {job}, {camera} and {person} in a path are different every time
	limit                         time.Duration
}

// vary returns the path with other numbers than the last time.
func (q question) vary() string {
	task := 1000 + rand.IntN(manyTasks-1000)
	return strings.NewReplacer(
		"{task}", fmt.Sprint(task), "{camera}", fmt.Sprint(task%977), "{person}", fmt.Sprint(1+rand.IntN(manyUsers)),
		"{job}", fmt.Sprint(task*jobsOfTask-rand.IntN(jobsOfTask)), "{page}", fmt.Sprint(1+rand.IntN(9000)),
	).Replace(q.path)
}

// questions are what clients ask for most, of a full installation.
func questions() []question {
	lists := []struct{ name, path string }{
		{"tasks, first page", "tasks?page_size=10"},
		{"tasks, own workspace", "tasks?org=&page_size=12"},
		{"tasks, by name", "tasks?name=camera+{camera}+of+drive+{task}"},
		{"tasks, by owner and status", "tasks?owner=person-{person}&status=completed"},
		{"tasks, filtered", "tasks?filter=%7B%22and%22:%5B%7B%22==%22:%5B%7B%22var%22:%22status%22%7D,%22completed%22%5D%7D,%7B%22<=%22:%5B{task},%7B%22var%22:%22id%22%7D,100000%5D%7D%5D%7D"},
		{"tasks, sorted by date", "tasks?sort=-updated_date"},
		{"tasks, sorted by creation", "tasks?sort=created_date"},
		{"tasks, sorted by name", "tasks?sort=name"},
		{"tasks, sorted by subset", "tasks?sort=-subset&page=5"},
		{"tasks, searched", "tasks?search=drive+{task}"},
		{"tasks, searched in vain", "tasks?search=nowhere+at+{task}"},
		{"jobs, first page", "jobs?page_size=12"},
		{"jobs, own workspace", "jobs?org=&page_size=12"},
		{"jobs, by task", "jobs?task_id={task}&page_size=100"},
		{"jobs, of an assignee", "jobs?assignee=person-{person}&state=new"},
		{"jobs, sorted by date", "jobs?sort=-updated_date&state=completed"},
		{"jobs, sorted by creation", "jobs?sort=created_date"},
		{"jobs, searched", "jobs?search=drive+{task}"},
		{"projects", "projects?page_size=12"},
		{"requests", "requests?page_size=20"},
		{"users, searched", "users?search=person-{person}&limit=10&is_active=true"},
	}
	var out []question
	for _, l := range lists {
		for _, who := range []string{boss, staff} {
			out = append(out, question{name: l.name, who: who, method: "GET", path: l.path, limit: maxList})
		}
	}
	return append(out,
		question{"tasks, deep page", boss, "GET", "tasks?page_size=10&page={page}", "", maxList},
		question{"jobs, page 5000", boss, "GET", "jobs?page_size=10&page=5000", "", maxList},
		question{"jobs, deep page", boss, "GET", "jobs?page_size=12&page={page}", "", maxList},
		question{"labels of a task", boss, "GET", "labels?task_id={task}", "", maxList},
		question{"a task", boss, "GET", "tasks/{task}", "", maxList},
		question{"a job", boss, "GET", "jobs/{job}", "", maxList},
		question{"change of a job", boss, "PATCH", "jobs/{job}", `{"state":"in progress"}`, 0},
	)
}

// logIn returns tokens of the administrator and of 24 of the staff: a third of
// them own no tasks.
func logIn(b *testing.B, s *program.Server) map[string][]string {
	b.Helper()
	keys := map[string][]string{boss: {login(b, s, program.Admin)}}
	for i := range 24 {
		keys[staff] = append(keys[staff], login(b, s, fmt.Sprintf("person-%d", 3+6*i)))
	}
	return keys
}

func login(b *testing.B, s *program.Server, user string) (key string) {
	b.Helper()
	body := fmt.Sprintf(`{"username":%q,"password":%q}`, user, program.Password)
	resp, err := http.Post(s.URL+"/api/auth/login", "application/json", strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Key string }
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&answer); err != nil || answer.Key == "" {
		b.Fatalf("login of %s: %s, %v", user, resp.Status, err)
	}
	return answer.Key
}

// basic returns the header of requests with a password.
func basic(user string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+program.Password))
}
