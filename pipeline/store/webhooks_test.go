package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// listening creates a project and a webhook of it that hears of events, all
// that are possible if none is named.
func listening(t *testing.T, db *store.DB, events ...pipeline.Event) (projectID, hookID int64) {
	t.Helper()
	if len(events) == 0 {
		events = pipeline.WebhookEvents(pipeline.WebhookProject)
	}
	projectID, err := db.CreateProject(t.Context(), &store.NewProject{
		Project: pipeline.Project{Name: "p", Tenant: "u1", OwnerID: ptr[int64](1)},
	})
	if err != nil {
		t.Fatalf("create project: %v", err)
	}
	return projectID, addHook(t, db, projectID, events...)
}

func addHook(t *testing.T, db *store.DB, projectID int64, events ...pipeline.Event) int64 {
	t.Helper()
	id, err := db.CreateWebhook(t.Context(), &pipeline.Webhook{
		Type: pipeline.WebhookProject, ProjectID: &projectID, OwnerID: ptr[int64](1), TargetURL: "http://hook.example/",
		Active: true, Verify: true, Events: pipeline.NewEvents(events), Site: "http://mill.example",
	}, sealed)
	if err != nil {
		t.Fatalf("create webhook: %v", err)
	}
	return id
}

// sealed is the secret of every webhook.
func sealed(int64) (string, error) { return "sealed s3cret", nil }

// heard returns the deliveries of a webhook, the oldest first.
func heard(t *testing.T, db *store.DB, hookID int64) []store.DeliveryView {
	t.Helper()
	views, total, err := db.Deliveries(t.Context(), hookID, store.Query{})
	if err != nil || int(total) != len(views) {
		t.Fatalf("deliveries of webhook %d: %d of %d, %v", hookID, len(views), total, err)
	}
	out := make([]store.DeliveryView, 0, len(views))
	for i := range views {
		out = append(out, views[len(views)-1-i])
	}
	return out
}

func eventsOf(views []store.DeliveryView) []pipeline.Event {
	out := make([]pipeline.Event, len(views))
	for i := range views {
		out[i] = views[i].Event
	}
	return out
}

func TestWebhooksHearOfTheirProject(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		u, err := db.CreateUser(t.Context(), pipeline.User{Name: "ann", Group: pipeline.GroupUser, Active: true, Password: "secret-hash"})
		if err != nil {
			t.Fatal(err)
		}
		project, hook := listening(t, db)
		id := published(t, db, store.NewTask{Task: pipeline.Task{Name: "harbour", ProjectID: &project, OwnerID: &u.ID}})
		published(t, db, store.NewTask{Task: pipeline.Task{Name: "elsewhere"}})
		jobs := jobsOf(t, db, id)
		ctx := pipeline.WithActor(t.Context(), u.ID)
		for _, change := range []error{
			db.UpdateTask(ctx, id, &store.TaskChange{Name: store.To("port")}),
			db.UpdateJob(ctx, jobs[0].ID, store.JobChange{Stage: store.To(pipeline.StageAcceptance)}),
			db.UpdateJob(ctx, jobs[1].ID, store.JobChange{Stage: store.To(pipeline.StageValidation)}),
			db.UpdateProject(ctx, project, &store.ProjectChange{BugTracker: store.To("http://bugs.example")}),
			db.DeleteTask(ctx, id),
			db.DeleteProject(ctx, project),
		} {
			if change != nil {
				t.Fatal(change)
			}
		}
		got := heard(t, db, hook)
		want := []pipeline.Event{
			"create:task", "update:task", "create:job", "create:job", "update:task", "update:job", "update:job", "update:task",
			"update:project", "completed:request[create:task]", "delete:job", "delete:job", "delete:task", "delete:project",
		}
		if diff := cmp.Diff(want, eventsOf(got)); diff != "" {
			t.Fatalf("events differ (-want +got):\n%s", diff)
		}
		rename := got[4].Notice
		if rename.Before.Task.Name != "harbour" || rename.Now.Task.Name != "port" || rename.Sender.Name != "ann" {
			t.Errorf("the new name is told as %+v by %+v", rename.Now.Task, rename.Sender)
		}
		if open := got[1].Notice; open.Before.Task.Data.Size != 0 || open.Now.Task.Data.Size != 20 {
			t.Errorf("the published task has %d frames, before %d; want 20 and 0", open.Now.Task.Data.Size, open.Before.Task.Data.Size)
		}
		if job := got[2].Notice.Now.Job; job.Task.Name != "harbour" || job.Segment.Size() != 10 {
			t.Errorf("the new job is told as %+v", job)
		}
		if _, err := db.WebhookView(t.Context(), hook); pipeline.KindOf(err) != pipeline.NotFound {
			t.Errorf("webhook of a project that is gone: %v, want NotFound", err)
		}
		body, err := store.NoticeBodies(t.Context(), db)
		if err != nil || strings.Contains(body, "secret-hash") || strings.Contains(body, "s3cret") {
			t.Errorf("notices hold a secret, or cannot be read: %v", err)
		}
	})
}

func TestWebhooksHearOfEachEndOnce(t *testing.T) {
	t.Parallel()
	why := pipeline.Failf(pipeline.CodeDecodeFailed, "a.jpg", "broken")
	ends := map[string]func(db *store.DB, c *pipeline.Claim) error{
		pipeline.RequestDone: func(db *store.DB, c *pipeline.Claim) error {
			return db.Fenced(context.Background(), c, func(tx *store.Tx) error { return tx.EndRequest(context.Background(), c, "") })
		},
		pipeline.RequestFailed: func(db *store.DB, c *pipeline.Claim) error {
			return db.Fenced(context.Background(), c, func(tx *store.Tx) error { return tx.FailUnit(context.Background(), c, why) })
		},
		pipeline.RequestCancelled: func(db *store.DB, c *pipeline.Claim) error {
			_, err := db.CancelRequest(context.Background(), *c.RequestID)
			return err
		},
	}
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		project, hook := listening(t, db, pipeline.EventIngested)
		for state, end := range ends {
			r := accept(t, db, newTask(t, db, store.NewTask{Task: pipeline.Task{ProjectID: &project}}))
			c := claimOf(t, db, r.ID)
			if err := end(db, c); err != nil {
				t.Fatalf("%s: %v", state, err)
			}
			for again := range ends {
				_ = ends[again](db, c) // an ended request stays as it is
			}
			got := heard(t, db, hook)
			last := got[len(got)-1].Notice.Now.Request
			if last.RQID != r.RQID || last.State != state || last.Spec != "" {
				t.Errorf("the end is told as %+v, want %s", last, state)
			}
		}
		if got := heard(t, db, hook); len(got) != len(ends) {
			t.Errorf("%d ends were told of %d requests: %v", len(got), len(ends), eventsOf(got))
		}
	})
}

// claimOf claims the first unit of a request.
func claimOf(t *testing.T, db *store.DB, requestID int64) *pipeline.Claim {
	t.Helper()
	for _, u := range readyUnits(t, db) {
		if u.RequestID == nil || *u.RequestID != requestID {
			continue
		}
		c, err := db.Claim(t.Context(), pipeline.Message{ID: u.ID, Gen: u.Gen}, "worker")
		if err != nil {
			t.Fatalf("claim: %v", err)
		}
		return c
	}
	t.Fatalf("request %d has no unit", requestID)
	return nil
}

func TestWhatIsRolledBackIsNotTold(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		project, hook := listening(t, db)
		r := accept(t, db, newTask(t, db, store.NewTask{Task: pipeline.Task{ProjectID: &project}}))
		before := len(heard(t, db, hook))
		c := claimOf(t, db, r.ID)
		lost := errors.New("the database goes away")
		if err := db.Fenced(t.Context(), c, func(tx *store.Tx) error {
			if err := tx.EndRequest(t.Context(), c, ""); err != nil {
				return err
			}
			return lost
		}); !errors.Is(err, lost) {
			t.Fatalf("error %v, want ours", err)
		}
		if err := db.UpdateTask(t.Context(), r.TaskID, &store.TaskChange{}); err != nil {
			t.Fatal(err)
		}
		if got := heard(t, db, hook); len(got) != before {
			t.Errorf("told: %v, want nothing more than %d", eventsOf(got), before)
		}
	})
}

func TestOneProcessSendsToAWebhook(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		project, hook := listening(t, db)
		addHook(t, db, project, pipeline.EventDeleteProject) // has nothing to hear
		newTask(t, db, store.NewTask{Task: pipeline.Task{ProjectID: &project}})
		claims, err := db.ClaimWebhooks(ctx, 5)
		if err != nil || len(claims) != 1 || claims[0].ID != hook || claims[0].Sealed != "sealed s3cret" {
			t.Fatalf("claims %+v, %v; want one of webhook %d", claims, err, hook)
		}
		if others, err := db.ClaimWebhooks(ctx, 5); err != nil || len(others) != 0 {
			t.Errorf("another process claims %+v, %v; want nothing", others, err)
		}
		if err := store.EndDeliveryLeases(ctx, db); err != nil {
			t.Fatal(err)
		}
		next, err := db.ClaimWebhooks(ctx, 5)
		if err != nil || len(next) != 1 {
			t.Fatalf("after the lease: %+v, %v; want one claim", next, err)
		}
		if due, err := db.DueDeliveries(ctx, &claims[0], 5); err != nil || len(due) != 0 {
			t.Errorf("the first process finds %d due, %v; want nothing", len(due), err)
		}
		due, err := db.DueDeliveries(ctx, &next[0], 5)
		if err != nil || len(due) != 1 {
			t.Fatalf("due: %+v, %v; want one", due, err)
		}
		done := store.Attempt{State: pipeline.DeliveryDone, Status: 204}
		if err := db.EndAttempt(ctx, &claims[0], due[0].ID, done); !errors.Is(err, store.ErrStale) {
			t.Errorf("the first process records: %v, want ErrStale", err)
		}
		if err := db.EndAttempt(ctx, &next[0], due[0].ID, done); err != nil {
			t.Fatal(err)
		}
		v, err := db.WebhookView(ctx, hook)
		if err != nil || v.LastStatus == nil || *v.LastStatus != 204 || v.LastDelivery == nil {
			t.Errorf("webhook after the delivery: %+v, %v", v, err)
		}
		if err := db.ReleaseWebhook(ctx, &next[0]); err != nil {
			t.Fatal(err)
		}
		if more, err := db.ClaimWebhooks(ctx, 5); err != nil || len(more) != 0 {
			t.Errorf("with nothing due: %+v, %v", more, err)
		}
	})
}

func TestWebhooksAreBounded(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		project, _ := listening(t, db)
		for range pipeline.MaxWebhooks - 1 {
			addHook(t, db, project, pipeline.EventIngested)
		}
		w := &pipeline.Webhook{Type: pipeline.WebhookProject, ProjectID: &project}
		_, err := db.CreateWebhook(t.Context(), w, sealed)
		wantKind(t, err, pipeline.Invalid, fmt.Sprintf("webhook %d of a project", pipeline.MaxWebhooks+1))
	})
}

func TestDeletedWebhooksLeaveNothing(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		project, hook := listening(t, db)
		newTask(t, db, store.NewTask{Task: pipeline.Task{ProjectID: &project}})
		if err := db.DeleteWebhook(ctx, hook); err != nil {
			t.Fatal(err)
		}
		if claims, err := db.ClaimWebhooks(ctx, 5); err != nil || len(claims) != 0 {
			t.Errorf("a deleted webhook is served: %+v, %v", claims, err)
		}
		for _, clear := range []func(context.Context) (int64, error){db.GoneWebhooks, db.OldDeliveries, db.OldNotices} {
			for n := int64(1); n > 0; {
				var err error
				if n, err = clear(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, table := range []string{"webhooks", "deliveries"} {
			if n, err := store.CountRows(ctx, db, table); err != nil || n != 0 {
				t.Errorf("%d rows of %s are left, %v", n, table, err)
			}
		}
	})
}
