package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// newOrg creates an organization and returns it.
func newOrg(t *testing.T, db *store.DB, slug string, owner int64) *pipeline.Organization {
	t.Helper()
	id, err := db.CreateOrganization(t.Context(), &pipeline.Organization{Slug: slug, Name: slug, Contact: "{}", OwnerID: &owner})
	if err != nil {
		t.Fatalf("create organization %q: %v", slug, err)
	}
	o, err := db.Organization(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// join makes a user a member.
func join(t *testing.T, db *store.DB, o *pipeline.Organization, user int64, role pipeline.Role) {
	t.Helper()
	key := pipeline.NewID()
	err := db.Invite(t.Context(), pipeline.Membership{OrgID: o.ID, UserID: user, Role: role}, key, *o.OwnerID)
	if err == nil {
		err = db.AcceptInvitation(t.Context(), key)
	}
	if err != nil {
		t.Fatalf("join %q as %s: %v", o.Slug, role, err)
	}
}

func TestOrganizations(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ada, bob := newUser(t, db, "ada"), newUser(t, db, "bob")
		acme, other := newOrg(t, db, "acme", ada.ID), newOrg(t, db, "other", bob.ID)
		_, err := db.CreateOrganization(ctx, &pipeline.Organization{Slug: "acme", Name: "x", Contact: "{}", OwnerID: &bob.ID})
		wantKind(t, err, pipeline.Invalid, "create an organization whose slug is taken")
		err = db.UpdateOrganization(ctx, other.ID, &store.OrganizationChange{Slug: store.To("acme")})
		wantKind(t, err, pipeline.Invalid, "rename to a slug that is taken")
		for _, ch := range []*store.OrganizationChange{
			{}, {Name: store.To("Acme")}, {Slug: store.To("acme"), Contact: store.To(`{"a":1}`)},
		} {
			if err := db.UpdateOrganization(ctx, acme.ID, ch); err != nil {
				t.Errorf("change %+v: %v", ch, err)
			}
		}
		got, err := db.OrganizationBySlug(ctx, "acme")
		if err != nil || got.ID != acme.ID || got.Name != "Acme" || got.Contact != `{"a":1}` || got.Updated < got.Created {
			t.Errorf("acme is %+v, error %v", got, err)
		}
		for user, want := range map[int64][]int64{ada.ID: {acme.ID}, bob.ID: {other.ID}, 99: nil} {
			views, n, err := db.Organizations(ctx, store.Viewer{UserID: user}, store.Query{})
			var ids []int64
			for _, v := range views {
				ids = append(ids, v.ID)
			}
			if diff := cmp.Diff(want, ids); err != nil || diff != "" || n != int64(len(want)) {
				t.Errorf("organizations of %d: count %d, error %v, (-want +got)\n%s", user, n, err, diff)
			}
		}
		if _, n, err := db.Organizations(ctx, everyone, store.Query{Search: "aDa"}); err != nil || n != 1 {
			t.Errorf("%d organizations of ada, error %v, want 1", n, err)
		}
		wantKind(t, db.UpdateOrganization(ctx, 99, &store.OrganizationChange{}), pipeline.NotFound, "change what is not there")
	})
}

// TestOneSlugOneOrganization renames many organizations to one slug at once.
func TestOneSlugOneOrganization(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ada := newUser(t, db, "ada")
		var ids []int64
		for _, slug := range []string{"a", "b", "c", "d"} {
			ids = append(ids, newOrg(t, db, slug, ada.ID).ID)
		}
		var group sync.WaitGroup
		errs := make([]error, len(ids))
		for i, id := range ids {
			group.Go(func() {
				errs[i] = db.UpdateOrganization(t.Context(), id, &store.OrganizationChange{Slug: store.To("same")})
			})
		}
		group.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				wantKind(t, err, pipeline.Invalid, "lose the race for a slug")
			}
		}
		if won != 1 {
			t.Errorf("%d organizations have the slug, want 1", won)
		}
	})
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ada, bob, eve := newUser(t, db, "ada"), newUser(t, db, "bob"), newUser(t, db, "eve")
		acme := newOrg(t, db, "acme", ada.ID)
		asked := pipeline.Membership{OrgID: acme.ID, UserID: bob.ID, Role: pipeline.RoleWorker}
		invite := func(key string) error { return db.Invite(ctx, asked, key, ada.ID) }
		if err := invite("k1"); err != nil {
			t.Fatal(err)
		}
		wantKind(t, invite("k2"), pipeline.Invalid, "invite twice")
		if roles, err := db.Roles(ctx, bob.ID); err != nil || len(roles) != 0 {
			t.Errorf("before he accepts, bob has the roles %v, error %v", roles, err)
		}
		for name, tt := range map[string]struct {
			viewer store.Viewer
			want   int64
		}{
			"invited":                        {store.Viewer{UserID: bob.ID}, 1},
			"invited, at home":               {store.Viewer{UserID: bob.ID, In: pipeline.Workspace{Named: true}}, 1},
			"inviter":                        {store.Viewer{UserID: ada.ID}, 1},
			"stranger":                       {store.Viewer{UserID: eve.ID}, 0},
			"stranger who looks over it all": {store.Viewer{UserID: eve.ID, All: true, In: acme.Workspace()}, 1},
			"member who does not":            {store.Viewer{UserID: eve.ID, In: acme.Workspace()}, 0},
			"everyone":                       {everyone, 1},
		} {
			if _, n, err := db.Invitations(ctx, tt.viewer, where(store.Is("accepted", false))); err != nil || n != tt.want {
				t.Errorf("%s sees %d invitations, error %v, want %d", name, n, err, tt.want)
			}
		}
		if err := db.RenewInvitation(ctx, "k1", store.To(pipeline.RoleSupervisor)); err != nil {
			t.Fatal(err)
		}
		if err := db.AcceptInvitation(ctx, "k1"); err != nil {
			t.Fatal(err)
		}
		roles, err := db.Roles(ctx, bob.ID)
		if diff := cmp.Diff(map[int64]pipeline.Role{acme.ID: pipeline.RoleSupervisor}, roles); err != nil || diff != "" {
			t.Errorf("roles: error %v, (-want +got)\n%s", err, diff)
		}
		wantKind(t, db.AcceptInvitation(ctx, "k1"), pipeline.Invalid, "accept twice")
		wantKind(t, db.DeclineInvitation(ctx, "k1"), pipeline.Invalid, "decline what was accepted")
		wantKind(t, db.RenewInvitation(ctx, "k1", store.Change[pipeline.Role]{}), pipeline.Invalid, "renew what was accepted")
		if err := db.DeleteInvitation(ctx, "k1"); err != nil {
			t.Fatal(err)
		}
		if roles, err := db.Roles(ctx, bob.ID); err != nil || len(roles) != 1 {
			t.Errorf("without the accepted invitation bob has the roles %v, error %v", roles, err)
		}
		asked.UserID = eve.ID
		for _, end := range []func() error{
			func() error { return db.DeclineInvitation(ctx, "k3") },
			func() error { return db.DeleteInvitation(ctx, "k3") },
		} {
			if err := invite("k3"); err != nil {
				t.Fatalf("invite again: %v", err)
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			wantKind(t, db.AcceptInvitation(ctx, "k3"), pipeline.NotFound, "accept what is gone")
		}
	})
}

func TestInvitationsEnd(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ada, bob := newUser(t, db, "ada"), newUser(t, db, "bob")
		acme := newOrg(t, db, "acme", ada.ID)
		asked := pipeline.Membership{OrgID: acme.ID, UserID: bob.ID, Role: pipeline.RoleWorker}
		if err := db.Invite(ctx, asked, "k", ada.ID); err != nil {
			t.Fatal(err)
		}
		if err := store.AgeInvitations(ctx, db, pipeline.InvitationLife+time.Minute); err != nil {
			t.Fatal(err)
		}
		if v, err := db.Invitation(ctx, "k"); err != nil || !v.Expired || v.User.Name != "bob" || v.Owner.Name != "ada" {
			t.Errorf("the invitation is %+v, error %v, want an expired one", v, err)
		}
		wantKind(t, db.AcceptInvitation(ctx, "k"), pipeline.Invalid, "accept too late")
		if err := db.RenewInvitation(ctx, "k", store.Change[pipeline.Role]{}); err != nil {
			t.Fatal(err)
		}
		if err := db.AcceptInvitation(ctx, "k"); err != nil {
			t.Errorf("accept a renewed invitation: %v", err)
		}
	})
}

func TestMemberships(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ada, bob := newUser(t, db, "ada"), newUser(t, db, "bob")
		acme := newOrg(t, db, "acme", ada.ID)
		join(t, db, acme, bob.ID, pipeline.RoleWorker)
		members, n, err := db.Memberships(ctx, store.Viewer{UserID: bob.ID, In: acme.Workspace()}, store.Query{Sort: []store.Order{{Field: "user"}}})
		if err != nil || n != 2 || members[0].User.Name != "ada" || members[1].User.Name != "bob" || members[1].Invitation == nil {
			t.Fatalf("members %+v, error %v, want ada, and bob who was invited", members, err)
		}
		for _, v := range []store.Viewer{{UserID: bob.ID}, {UserID: bob.ID, In: pipeline.Workspace{Named: true}}} {
			if _, n, err := db.Memberships(ctx, v, where(store.Is("role", "worker"))); err != nil || n != 1 {
				t.Errorf("%+v has %d memberships, error %v, want his own", v, n, err)
			}
		}
		owner, worker := members[0].ID, members[1].ID
		wantKind(t, db.SetRole(ctx, owner, pipeline.RoleWorker), pipeline.Conflict, "demote the owner")
		wantKind(t, db.DeleteMembership(ctx, owner), pipeline.Conflict, "remove the owner")
		if err := db.SetRole(ctx, worker, pipeline.RoleMaintainer); err != nil {
			t.Fatal(err)
		}
		if m, err := db.Membership(ctx, worker); err != nil || m.Role != pipeline.RoleMaintainer || m.Joined == nil {
			t.Errorf("bob's membership is %+v, error %v, want a maintainer's", m, err)
		}
		if in, err := db.Members(ctx, acme.ID, &ada.ID, &bob.ID, nil, ptr[int64](99)); err != nil || !in[ada.ID] || !in[bob.ID] || in[99] {
			t.Errorf("members are %v, error %v, want ada and bob", in, err)
		}
		if err := db.DeleteMembership(ctx, worker); err != nil {
			t.Fatal(err)
		}
		wantKind(t, db.DeleteMembership(ctx, worker), pipeline.NotFound, "remove a member twice")
		if err := db.DeleteUser(ctx, ada.ID); err != nil {
			t.Fatal(err)
		}
		if o, err := db.OrganizationView(ctx, acme.ID); err != nil || o.Owner != nil {
			t.Errorf("after its owner left, the organization is %+v, error %v", o, err)
		}
	})
}

// TestWorkspaces lists tasks and projects of two workspaces for people who have
// more or less to do with them.
func TestWorkspaces(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ada, bob, eve := newUser(t, db, "ada"), newUser(t, db, "bob"), newUser(t, db, "eve")
		acme := newOrg(t, db, "acme", ada.ID)
		join(t, db, acme, bob.ID, pipeline.RoleWorker)
		for _, org := range []*int64{nil, &acme.ID} {
			for _, owner := range []int64{ada.ID, bob.ID, eve.ID} {
				newTask(t, db, store.NewTask{Task: pipeline.Task{OrgID: org, OwnerID: &owner}})
				if _, err := db.CreateProject(ctx, &store.NewProject{Project: pipeline.Project{OrgID: org, OwnerID: &owner, Name: "p"}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		home := pipeline.Workspace{Named: true}
		for _, tt := range []struct {
			name string
			v    store.Viewer
			want int64
		}{
			{"member everywhere", store.Viewer{UserID: bob.ID}, 2},
			{"member at home", store.Viewer{UserID: bob.ID, In: home}, 1},
			{"member in the organization", store.Viewer{UserID: bob.ID, In: acme.Workspace()}, 1},
			{"maintainer in the organization", store.Viewer{UserID: bob.ID, All: true, In: acme.Workspace()}, 3},
			{"who has left, everywhere", store.Viewer{UserID: eve.ID}, 1},
			{"admin everywhere", everyone, 6},
			{"admin at home", store.Viewer{All: true, In: home}, 3},
		} {
			if _, n, err := db.Tasks(ctx, tt.v, store.Query{}); err != nil || n != tt.want {
				t.Errorf("%s: %d tasks, error %v, want %d", tt.name, n, err, tt.want)
			}
			if _, n, err := db.Projects(ctx, tt.v, store.Query{}); err != nil || n != tt.want {
				t.Errorf("%s: %d projects, error %v, want %d", tt.name, n, err, tt.want)
			}
			if _, _, err := db.Jobs(ctx, tt.v, store.Query{}); err != nil {
				t.Errorf("%s: list jobs: %v", tt.name, err)
			}
			if _, _, err := db.Labels(ctx, tt.v, store.Query{}); err != nil {
				t.Errorf("%s: list labels: %v", tt.name, err)
			}
		}
		if err := db.DeleteOrganization(ctx, acme.ID); err != nil {
			t.Fatal(err)
		}
		_, n, err := db.Tasks(ctx, store.Viewer{UserID: eve.ID, In: home}, store.Query{})
		if err != nil || n != 2 {
			t.Errorf("after the end of the organization its former member has %d tasks, error %v, want 2", n, err)
		}
		task, err := db.Task(ctx, 6)
		if err != nil || task.OrgID != nil || task.Tenant != pipeline.TenantOf(nil, eve.ID) {
			t.Errorf("the task is %+v, error %v, want a personal one", task, err)
		}
		if roles, err := db.Roles(ctx, bob.ID); err != nil || len(roles) != 0 {
			t.Errorf("roles are %v, error %v, want none", roles, err)
		}
	})
}

// TestWebhooksFollow ends an organization: its own webhooks end with it, and
// those of its projects stay with these.
func TestWebhooksFollow(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ada := newUser(t, db, "ada")
		acme, other := newOrg(t, db, "acme", ada.ID), newOrg(t, db, "other", ada.ID)
		project, err := db.CreateProject(ctx, &store.NewProject{Project: pipeline.Project{Name: "p", OrgID: &acme.ID, OwnerID: &ada.ID}})
		if err != nil {
			t.Fatal(err)
		}
		add := func(w pipeline.Webhook) int64 {
			t.Helper()
			w.OwnerID, w.OrgID, w.TargetURL, w.Active = &ada.ID, &acme.ID, "http://example.org/", true
			w.Events = pipeline.NewEvents([]pipeline.Event{pipeline.EventUpdateProject})
			id, err := db.CreateWebhook(ctx, &w, sealed)
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		own := add(pipeline.Webhook{Type: pipeline.WebhookOrganization})
		ofProject := add(pipeline.Webhook{Type: pipeline.WebhookProject, ProjectID: &project})
		if err := db.TransferProject(ctx, project, &store.Transfer{OrgID: &other.ID, OwnerID: ada.ID}); err != nil {
			t.Fatal(err)
		}
		if w, err := db.WebhookView(ctx, ofProject); err != nil || *w.OrgID != other.ID {
			t.Errorf("after the transfer the webhook is %+v, error %v, want one of the other organization", w, err)
		}
		for _, hook := range []int64{own, ofProject} {
			if _, n, err := db.Deliveries(ctx, hook, store.Query{}); err != nil || n != 1 {
				t.Errorf("webhook %d hears of the transfer %d times, error %v, want once", hook, n, err)
			}
		}
		for _, id := range []int64{acme.ID, other.ID} {
			if err := db.DeleteOrganization(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
		_, err = db.WebhookView(ctx, own)
		wantKind(t, err, pipeline.NotFound, "look at a webhook of an organization that ended")
		if w, err := db.WebhookView(ctx, ofProject); err != nil || w.OrgID != nil {
			t.Errorf("after the end of its organization the webhook is %+v, error %v, want a personal one", w, err)
		}
	})
}
