package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// newUser creates a user and returns it.
func newUser(t *testing.T, db *store.DB, name string) pipeline.User {
	t.Helper()
	u, err := db.CreateUser(t.Context(), pipeline.User{
		Name: name, Email: name + "@example.org", FirstName: "F", Password: "hash", Group: pipeline.GroupUser, Active: true,
	})
	if err != nil {
		t.Fatalf("create user %q: %v", name, err)
	}
	return u
}

func TestUsers(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ada, bob := newUser(t, db, "ada"), newUser(t, db, "bob")
		if !ada.Active || ada.Joined == 0 || ada.LastLogin != nil {
			t.Errorf("a new user is %+v, want active, joined and never logged in", ada)
		}
		for name, find := range map[string]func() (pipeline.User, error){
			"id":    func() (pipeline.User, error) { return db.User(ctx, ada.ID) },
			"name":  func() (pipeline.User, error) { return db.UserByName(ctx, "ada") },
			"email": func() (pipeline.User, error) { return db.UserByEmail(ctx, "ADA@example.org") },
			"ids with gaps": func() (pipeline.User, error) {
				m, err := db.UsersByID(ctx, nil, &ada.ID, &ada.ID, ptr[int64](99))
				return m[ada.ID], err
			},
		} {
			got, err := find()
			if diff := cmp.Diff(ada, got); err != nil || diff != "" {
				t.Errorf("by %s: error %v, (-want +got)\n%s", name, err, diff)
			}
		}
		for _, taken := range []pipeline.User{{Name: "ada"}, {Name: "eve", Email: "Ada@Example.org"}} {
			_, err := db.CreateUser(ctx, taken)
			wantKind(t, err, pipeline.Invalid, "create a user who is there")
		}
		_, err := db.UserByEmail(ctx, "")
		wantKind(t, err, pipeline.NotFound, "find the user without an email")
		_, err = db.UpdateUser(ctx, bob.ID, func(u *pipeline.User) error { u.Name = "ada"; return nil })
		wantKind(t, err, pipeline.Invalid, "rename to a taken name")
		got, err := db.UpdateUser(ctx, bob.ID, func(u *pipeline.User) error { u.Active = false; return nil })
		if err != nil || got.Active {
			t.Errorf("deactivated user is %+v, error %v", got, err)
		}
	})
}

// TestOneNameOneUser creates the same user many times at once.
func TestOneNameOneUser(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		kinds := atOnce(8, func(int) error {
			_, err := db.CreateUser(t.Context(), pipeline.User{Name: "ada", Email: "a@example.org", Group: pipeline.GroupUser})
			return err
		})
		if want := map[pipeline.Kind]int{fine: 1, pipeline.Invalid: 7}; !cmp.Equal(kinds, want) {
			t.Errorf("outcomes by kind: %v, want %v", kinds, want)
		}
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ada := newUser(t, db, "ada")
		login := func(hash string, ttl time.Duration) {
			t.Helper()
			if err := db.Login(ctx, pipeline.Token{Hash: hash, UserID: ada.ID, Kind: pipeline.TokenLogin}, ttl); err != nil {
				t.Fatalf("log in: %v", err)
			}
		}
		login("one", time.Hour)
		login("over", -time.Second)
		got, err := db.TokenUser(ctx, "one", time.Hour)
		if err != nil || got.ID != ada.ID || got.LastLogin == nil {
			t.Errorf("token of %+v, error %v, want ada who has logged in", got, err)
		}
		for _, hash := range []string{"over", "unknown", ""} {
			_, err := db.TokenUser(ctx, hash, time.Hour)
			wantKind(t, err, pipeline.NotFound, "use the token "+hash)
		}
		if n, err := db.SweepTokens(ctx); err != nil || n != 1 {
			t.Errorf("swept %d tokens, error %v, want the one that is over", n, err)
		}
		login("two", time.Hour)
		if err := db.SetPassword(ctx, ada.ID, "new", "two"); err != nil {
			t.Fatal(err)
		}
		_, err = db.TokenUser(ctx, "one", time.Hour)
		wantKind(t, err, pipeline.NotFound, "use a token from before the new password")
		if got, err := db.TokenUser(ctx, "two", time.Hour); err != nil || got.Password != "new" {
			t.Errorf("the kept token gives %+v, error %v", got, err)
		}
		if err := db.Logout(ctx, "two"); err != nil {
			t.Fatal(err)
		}
		_, err = db.TokenUser(ctx, "two", time.Hour)
		wantKind(t, err, pipeline.NotFound, "use a token after the logout")
	})
}

func TestTokensOfOneUserAreBounded(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ada := newUser(t, db, "ada")
		for i := range 105 {
			token := pipeline.Token{Hash: fmt.Sprint(i), UserID: ada.ID, Kind: pipeline.TokenLogin}
			if err := db.Login(ctx, token, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		alive := 0
		for i := range 105 {
			if _, err := db.TokenUser(ctx, fmt.Sprint(i), time.Hour); err == nil {
				alive++
			}
		}
		if alive != 100 {
			t.Errorf("%d logins of one user are open, want 100", alive)
		}
		if _, err := db.TokenUser(ctx, "104", time.Hour); err != nil {
			t.Errorf("the newest login was dropped: %v", err)
		}
	})
}

func TestDeleteUserLeavesTheirWork(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ada := newUser(t, db, "ada")
		id := newTask(t, db, store.NewTask{Task: pipeline.Task{OwnerID: &ada.ID}})
		if err := db.DeleteUser(ctx, ada.ID); err != nil {
			t.Fatal(err)
		}
		task, err := db.Task(ctx, id)
		if err != nil || task.OwnerID != nil {
			t.Errorf("the task is %+v, error %v, want one without an owner", task, err)
		}
		wantKind(t, db.DeleteUser(ctx, ada.ID), pipeline.NotFound, "delete a user twice")
	})
}
