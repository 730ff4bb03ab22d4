package store_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// newAccessToken creates a token whose hash is its name.
func newAccessToken(t *testing.T, db *store.DB, n pipeline.AccessToken) pipeline.AccessToken {
	t.Helper()
	n.Hash = n.Name
	got, err := db.CreateAccessToken(t.Context(), n)
	if err != nil {
		t.Fatalf("create access token %q: %v", n.Name, err)
	}
	return got
}

func TestAccessTokens(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ada, bob := newUser(t, db, "ada"), newUser(t, db, "bob")
		now, err := db.Now(ctx)
		if err != nil {
			t.Fatal(err)
		}
		made := newAccessToken(t, db, pipeline.AccessToken{UserID: ada.ID, Name: "one", ReadOnly: true})
		newAccessToken(t, db, pipeline.AccessToken{UserID: bob.ID, Name: "other"})
		over := newAccessToken(t, db, pipeline.AccessToken{UserID: ada.ID, Name: "over", Expires: ptr(now - 1)})
		if made.Used != nil || made.Created == 0 || !made.ReadOnly {
			t.Errorf("a new token is %+v, want one that was never used", made)
		}
		rows, total, err := db.AccessTokens(ctx, ada.ID, store.Query{Where: []store.Cond{store.Is("read_only", "true")}})
		if diff := cmp.Diff([]pipeline.AccessToken{made}, rows); err != nil || total != 1 || diff != "" {
			t.Errorf("tokens of ada: %d, error %v (-want +got)\n%s", total, err, diff)
		}
		got, user, err := db.UseAccessToken(ctx, "one")
		if err != nil || got.ID != made.ID || user.ID != ada.ID {
			t.Errorf("token %+v of %+v, error %v", got, user, err)
		}
		first, err := db.AccessToken(ctx, made.ID)
		if err != nil || first.Used == nil || first.Updated != made.Updated {
			t.Errorf("after a use the token is %+v, error %v", first, err)
		}
		tick(t, db)
		if _, _, err := db.UseAccessToken(ctx, "one"); err != nil {
			t.Fatal(err)
		}
		if again, err := db.AccessToken(ctx, made.ID); err != nil || *again.Used != *first.Used {
			t.Errorf("two uses within a minute were written twice: %+v, error %v", again, err)
		}
		for _, hash := range []string{"over", "unknown", ""} {
			_, _, err := db.UseAccessToken(ctx, hash)
			wantKind(t, err, pipeline.NotFound, "use the token "+hash)
		}
		_, err = db.AccessToken(ctx, over.ID)
		wantKind(t, err, pipeline.NotFound, "read a token that is over")
		_, err = db.UpdateAccessToken(ctx, over.ID, store.AccessTokenChange{Expires: store.To[*pipeline.Micros](nil)})
		wantKind(t, err, pipeline.NotFound, "revive a token that is over")
		if n, err := db.SweepTokens(ctx); err != nil || n != 1 {
			t.Errorf("swept %d tokens, error %v, want the one that is over", n, err)
		}
	})
}

func TestAccessTokensEnd(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ada := newUser(t, db, "ada")
		one := newAccessToken(t, db, pipeline.AccessToken{UserID: ada.ID, Name: "one"})
		changed, err := db.UpdateAccessToken(ctx, one.ID, store.AccessTokenChange{Name: store.To("new"), ReadOnly: store.To(true)})
		if err != nil || changed.Name != "new" || !changed.ReadOnly || changed.Expires != nil {
			t.Errorf("the changed token is %+v, error %v", changed, err)
		}
		if err := db.RevokeAccessToken(ctx, one.ID); err != nil {
			t.Fatal(err)
		}
		_, _, err = db.UseAccessToken(ctx, "one")
		wantKind(t, err, pipeline.NotFound, "use a revoked token")
		newAccessToken(t, db, pipeline.AccessToken{UserID: ada.ID, Name: "two"})
		if err := db.SetPassword(ctx, ada.ID, "new", ""); err != nil {
			t.Fatal(err)
		}
		if _, _, err := db.UseAccessToken(ctx, "two"); err != nil {
			t.Errorf("a new password ended a personal access token: %v", err)
		}
		if err := db.DeleteUser(ctx, ada.ID); err != nil {
			t.Fatal(err)
		}
		_, _, err = db.UseAccessToken(ctx, "two")
		wantKind(t, err, pipeline.NotFound, "use the token of a deleted user")
		_, err = db.CreateAccessToken(ctx, pipeline.AccessToken{UserID: ada.ID, Name: "three", Hash: "three"})
		wantKind(t, err, pipeline.NotFound, "create a token of a deleted user")
	})
}

// TestAccessTokensOfOneUserAreBounded creates more at once than one may have.
func TestAccessTokensOfOneUserAreBounded(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *store.DB) {
		ada := newUser(t, db, "ada")
		kinds := atOnce(55, func(i int) error {
			name := fmt.Sprint(i)
			_, err := db.CreateAccessToken(t.Context(), pipeline.AccessToken{UserID: ada.ID, Name: name, Hash: name})
			return err
		})
		if want := map[pipeline.Kind]int{fine: 50, pipeline.Invalid: 5}; !cmp.Equal(kinds, want) {
			t.Errorf("outcomes by kind: %v, want %v", kinds, want)
		}
	})
}
