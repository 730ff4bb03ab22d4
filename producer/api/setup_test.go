package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"framemill/pipeline"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/hook"
	"framemill/pipeline/outgoing"
	"framemill/pipeline/seal"
	"framemill/pipeline/source"
	"framemill/pipeline/store"
	"framemill/producer/access"
	"framemill/producer/api"
	"framemill/producer/receive"
	"framemill/producer/serve"
	"framemill/tests/contract"
)

// password is everybody's in these tests.
const password = "correct horse"

// bundle is a server under test, with an admin, a user and a worker.
type bundle struct {
	t       *testing.T
	url     string
	db      *store.DB
	bucket  *fs.Bucket
	work    func() // what a consumer does when it is woken, if anything
	server  *api.Server
	handler http.Handler
	users   map[string]pipeline.User
}

func setup(t *testing.T) *bundle { return setupWith(t, api.Config{Version: "2.54.1"}, t.TempDir()) }

func setupWith(t *testing.T, cfg api.Config, shareDir string) *bundle {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+t.TempDir()+"/x.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	guard, err := access.New(access.Config{}, db)
	if err != nil {
		t.Fatal(err)
	}
	share, err := source.OpenShare(shareDir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = share.Close() })
	bucket, err := fs.New(fs.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	b := &bundle{t: t, db: db, bucket: bucket, users: make(map[string]pipeline.User)}
	limits := receive.Defaults()
	limits.MinFreeShare = 0 // of whatever disk the tests run on
	log := slog.New(slog.DiscardHandler)
	receiver, err := receive.New(limits, bucket, db, log)
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.New("a key that only tests know, of no use")
	if err != nil {
		t.Fatal(err)
	}
	hooks, err := hook.NewSender("127.0.0.1", box)
	if err != nil {
		t.Fatal(err)
	}
	local, err := outgoing.New(outgoing.Config{Allow: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	web, err := outgoing.New(outgoing.Config{})
	if err != nil {
		t.Fatal(err)
	}
	b.server, err = api.New(cfg, api.Deps{
		Hooks: hooks, Clouds: source.NewStorages(db, box, local), Web: web, DB: db, Access: guard, Share: share, Log: log, Receive: receiver, Kick: b.kick,
		Serve: serve.New(serve.Defaults(), db, bucket, source.New(bucket, share, nil), b.kick),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.handler = contract.Check(t, b.server.Handler())
	server := httptest.NewServer(b.handler)
	t.Cleanup(server.Close)
	b.url = server.URL
	for _, group := range []string{pipeline.GroupAdmin, pipeline.GroupUser, pipeline.GroupWorker} {
		b.addUser(group, group)
	}
	return b
}

// kick wakes the consumer.
func (b *bundle) kick() {
	if b.work != nil {
		b.work()
	}
}

// hashed returns the hash of the password of all users, which is slow to make.
var hashed = sync.OnceValues(func() (string, error) { return access.HashPassword(password) })

// addUser adds a user whose name is known to as.
func (b *bundle) addUser(name, group string) pipeline.User {
	b.t.Helper()
	hash, err := hashed()
	if err != nil {
		b.t.Fatal(err)
	}
	u, err := b.db.CreateUser(context.Background(), pipeline.User{
		Name: name, Email: name + "@example.org", FirstName: strings.ToUpper(name), Password: hash, Group: group, Active: true,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.users[name] = u
	return u
}

// reply is an answer, read whole.
type reply struct {
	*http.Response
	body string
}

// json decodes the body.
func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("the answer is not a JSON object: %v\n%s", err, r.body)
	}
	return v
}

// send sends a request. user is "" for nobody; body may be nil, a string that
// is sent as it is, or a value that is sent as JSON.
func (b *bundle) send(method, path, user string, body any, headers ...string) reply {
	b.t.Helper()
	var text []byte
	switch v := body.(type) {
	case nil:
	case string:
		text = []byte(v)
	default:
		var err error
		if text, err = json.Marshal(v); err != nil {
			b.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if strings.EqualFold(headers[i], "Host") {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatalf("%s %s: read the answer: %v", method, path, err)
	}
	return reply{resp, string(got)}
}

// want sends a request and fails unless the status is as expected.
func (b *bundle) want(status int, method, path, user string, body any, headers ...string) reply {
	b.t.Helper()
	r := b.send(method, path, user, body, headers...)
	if r.StatusCode != status {
		b.t.Fatalf("%s %s as %q: answer %d, want %d\n%.1000s", method, path, user, r.StatusCode, status, r.body)
	}
	return r
}
