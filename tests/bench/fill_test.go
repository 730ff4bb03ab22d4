package bench_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"framemill/tests/program"
)

const (
	manyTasks   = 100_000
	jobsOfTask  = 10
	manyFrames  = 100_000 // of the first task
	manyUsers   = 200
	manyProject = 500
)

// fill writes a full installation into the database of a server that does not
// run: tasks of many owners with their data, segments and jobs, and frames of
// the first task. The user who was added last and 99 others own one task of a
// hundred each and are assigned to a few more, and to jobs of strangers; as many
// again are only assigned.
func fill(b *testing.B, c program.Config) {
	b.Helper()
	driver, dsn, series, tidy := "pgx", c.DatabaseURL, "generate_series(1, %d) AS s(n)", "VACUUM ANALYZE"
	if c.DatabaseURL == "" {
		tidy = "ANALYZE"
		driver, series = "sqlite", "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) SELECT n FROM s) s"
		dsn = "file:" + filepath.Join(c.Data, "framemill.db") + "?_pragma=synchronous(OFF)&_pragma=cache_size(-200000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	began := time.Now()
	for _, statement := range append(filling(), tidy) {
		statement = strings.ReplaceAll(statement, "{now}", fmt.Sprint(began.UnixMicro()))
		for _, n := range []int{manyTasks * jobsOfTask, manyTasks, manyFrames, manyUsers, manyProject} {
			statement = strings.ReplaceAll(statement, fmt.Sprintf("{1..%d}", n), fmt.Sprintf(series, n))
		}
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			b.Fatalf("%v in %s", err, statement)
		}
	}
	b.Logf("filled with %d tasks and %d jobs in %s", manyTasks, manyTasks*jobsOfTask, time.Since(began).Round(time.Second))
}

// filling are the statements of fill; {1..n} is a table of numbers.
func filling() []string {
	n := func(n int) string { return fmt.Sprintf("{1..%d}", n) }
	return []string{
		`INSERT INTO users (username, password, joined) SELECT 'person-' || n, (SELECT password FROM users WHERE username = '` + ordinary + `'), {now} FROM ` + n(manyUsers),
		`INSERT INTO projects (tenant, owner_id, name, created, updated)
			SELECT 'u' || (2 + n % 200), 2 + n % 200, 'project ' || n, {now} - n, {now} - n FROM ` + n(manyProject),
		`INSERT INTO tasks (id, tenant, owner_id, assignee_id, project_id, name, subset, mode, segment_size, status, data_id, created, updated)
			SELECT n, 'u' || (2 + n % 100), 2 + n % 100, CASE WHEN n % 7 = 0 THEN 2 + n % 193 END, CASE WHEN n % 3 = 0 THEN 1 + n % 500 END,
				'camera ' || n % 977 || ' of drive ' || n, CASE n % 3 WHEN 0 THEN 'train' WHEN 1 THEN 'test' ELSE '' END,
				'annotation', 100, CASE WHEN n % 5 = 0 THEN 'completed' ELSE 'annotation' END, n, {now} - CAST(n AS BIGINT) * 1000000, {now} - (CAST(n AS BIGINT) * 7919) % 100000
			FROM ` + n(manyTasks),
		`INSERT INTO data (id, task_id, request_id, size, stop_frame, chunk_size, published)
			SELECT n, n, n, CASE n WHEN 1 THEN 100000 ELSE 1000 END, CASE n WHEN 1 THEN 99999 ELSE 999 END, 36, {now} FROM ` + n(manyTasks),
		`INSERT INTO labels (task_id, name, color) SELECT n, 'car', '#ff0000' FROM ` + n(manyTasks),
		`INSERT INTO segments (id, task_id, type, start, stop, chunk_base, chunks_updated)
			SELECT n, 1 + (n - 1) / 10, 'range', (n - 1) % 10 * 100, (n - 1) % 10 * 100 + 99, (n - 1) % 10 * 3, {now} FROM ` + n(manyTasks*jobsOfTask),
		`INSERT INTO jobs (id, task_id, segment_id, type, stage, state, assignee_id, created, updated)
			SELECT n, 1 + (n - 1) / 10, n, 'annotation', CASE WHEN n % 4 = 0 THEN 'validation' ELSE 'annotation' END,
				CASE WHEN n % 3 = 0 THEN 'completed' ELSE 'new' END, CASE WHEN n % 11 = 0 THEN 2 + n % 199 END, {now} - n, {now} - CAST(n AS BIGINT) * 7919 % 1000000
			FROM ` + n(manyTasks*jobsOfTask),
		`INSERT INTO requests (id, rq_id, task_id, tenant, owner_id, op, spec, state, phase, created, started, finished)
			SELECT n, 'action=create&target=task&target_id=' || n, n, 'u' || (2 + n % 100), 2 + n % 100, 'create', '{}', 'done', 'finish', {now}, {now}, {now}
			FROM ` + n(manyTasks),
		`INSERT INTO files (request_id, ord, name, ref, bytes, mtime, format, width, height, orient, outcome, code, text)
			SELECT 1, n - 1, 'camera/drive/frame-' || (1000000 + n) || '.jpg', 'share:camera/drive/frame-' || (1000000 + n) || '.jpg',
				400000, 0, 'jpeg', 1920, 1080, 1, 'ok', '', '' FROM ` + n(manyFrames),
		`INSERT INTO frames (data_id, n, ord) SELECT 1, n - 1, n - 1 FROM ` + n(manyFrames),
	}
}
