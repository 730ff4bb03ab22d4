package serve_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/blob"
	"framemill/pipeline/blob/fs"
	"framemill/pipeline/frameindex"
	"framemill/pipeline/plan"
	"framemill/pipeline/source"
	"framemill/pipeline/store"
	"framemill/producer/serve"
)

// picture is one frame of a test's task. The content says what it is.
type picture struct {
	name, content string
	place         string // upload, share, stored or deflated
	format        string // jpeg unless given
	orient        int64
}

// gallery is a published task with a server of it.
type gallery struct {
	*serve.Server
	db       *store.DB
	bucket   *fs.Bucket
	share    string
	view     serve.View
	segs     []pipeline.Segment
	pictures []picture
	asked    []string             // chunks that were asked for, as <quality>/<segment>/<index>
	fail     pipeline.Code        // what becomes of asked chunks, unless it is empty
	idle     bool                 // nobody builds
	film     *film                // what the one "picture" is, if it is a video
	onOpen   func(r pipeline.Ref) // before a source is opened
}

// film says of a video how many frames it has and what its compressed chunks are.
type film struct {
	frames     int64
	compressed string
	original   string // "" = films
	index      *frameindex.Index
}

// indexKey is where the index of a film lies.
const indexKey = "index/1"

// Open implements the server's opener.
func (g *gallery) opener(o *source.Opener) openFunc {
	return func(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (source.File, error) {
		if g.onOpen != nil {
			g.onOpen(ref)
		}
		return o.Open(ctx, ref, stamp)
	}
}

type openFunc func(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (source.File, error)

func (f openFunc) Open(ctx context.Context, ref pipeline.Ref, stamp pipeline.Stamp) (source.File, error) {
	return f(ctx, ref, stamp)
}

// newGallery publishes pictures in segments, with chunks of chunkSize frames.
func newGallery(t *testing.T, pictures []picture, chunkSize int64, segs ...plan.Range) *gallery {
	t.Helper()
	return open(t, &gallery{pictures: pictures}, chunkSize, segs...)
}

// newFilm publishes a video that lies on the share, as newGallery does pictures.
func newFilm(t *testing.T, f film, chunkSize int64, segs ...plan.Range) *gallery {
	t.Helper()
	return open(t, &gallery{pictures: []picture{{name: "clip.mp4", content: "a film", place: "share"}}, film: &f}, chunkSize, segs...)
}

func open(t *testing.T, g *gallery, chunkSize int64, segs ...plan.Range) *gallery {
	t.Helper()
	var err error
	g.share = t.TempDir()
	if g.bucket, err = fs.New(fs.Config{Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	if g.db, err = store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "db")); err != nil {
		t.Fatal(err)
	}
	mounted, err := source.OpenShare(g.share)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.db.Close(); g.bucket.Close(); mounted.Close() })
	must(t, g.db.Migrate(t.Context()))
	g.work(t, `{"interactive":1000,"bulk":1000}`)
	g.publish(t, g.place(t), chunkSize, segs)
	cfg := serve.Defaults()
	cfg.Poll, cfg.Wait = time.Millisecond, 300*time.Millisecond
	g.Server = serve.New(cfg, g.db, g.bucket, g.opener(source.New(g.bucket, mounted, nil)), func() { g.build(t) })
	return g
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// work makes a worker with the given slots live.
func (g *gallery) work(t *testing.T, slots string) {
	t.Helper()
	_, err := g.db.Beat(t.Context(), pipeline.Worker{ID: "w", Slots: slots}, nil)
	must(t, err)
}

// place puts every picture where it belongs and returns the rows of the files.
func (g *gallery) place(t *testing.T) []pipeline.File {
	t.Helper()
	refs := g.archive(t)
	files := make([]pipeline.File, len(g.pictures))
	for i, p := range g.pictures {
		crc := int64(crc32.ChecksumIEEE([]byte(p.content)))
		f := pipeline.File{
			Ord: int64(i), Name: p.name, Bytes: int64(len(p.content)), CRC32: &crc, Format: p.format,
			Width: 64, Height: 48, Orient: max(p.orient, 1), Outcome: pipeline.OutcomeOK, Ref: refs[p.name],
		}
		if p.format == "" {
			f.Format = "jpeg"
		}
		switch p.place {
		case "upload":
			key := fmt.Sprintf("up/test/%d", i)
			g.put(t, key, []byte(p.content))
			f.Ref = pipeline.BlobRef(key)
		case "share":
			path := filepath.Join(g.share, filepath.FromSlash(p.name))
			must(t, os.MkdirAll(filepath.Dir(path), 0o755))
			must(t, os.WriteFile(path, []byte(p.content), 0o644))
			info, err := os.Stat(path)
			must(t, err)
			f.Ref, f.MTime, f.CRC32 = pipeline.ShareRef(p.name), info.ModTime().UnixMicro(), nil
		}
		files[i] = f
	}
	if g.film != nil {
		files[0].Format, files[0].Frames, files[0].Index = "h264", g.film.frames, indexKey
		if g.film.index != nil {
			var buf bytes.Buffer
			must(t, g.film.index.Encode(&buf))
			g.put(t, indexKey, buf.Bytes())
		}
	}
	return files
}

// archive puts the pictures that belong there into one zip.
func (g *gallery) archive(t *testing.T) map[string]pipeline.Ref {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, p := range g.pictures {
		method, ok := map[string]uint16{"stored": zip.Store, "deflated": zip.Deflate}[p.place]
		if !ok {
			continue
		}
		e, err := w.CreateHeader(&zip.FileHeader{Name: p.name, Method: method})
		must(t, err)
		_, err = io.WriteString(e, p.content)
		must(t, err)
	}
	must(t, w.Close())
	g.put(t, "up/test/zip", buf.Bytes())
	r, err := zip.NewReader(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	must(t, err)
	refs := make(map[string]pipeline.Ref)
	for _, f := range r.File {
		at, err := f.DataOffset()
		must(t, err)
		refs[f.Name] = pipeline.ZipMember{
			Archive: pipeline.BlobRef("up/test/zip"), Offset: at, Packed: int64(f.CompressedSize64), Method: f.Method,
		}.Ref()
	}
	return refs
}

func (g *gallery) put(t *testing.T, key string, content []byte) {
	t.Helper()
	w, err := g.bucket.Create(t.Context(), key, blob.Rebuildable)
	must(t, err)
	_, err = w.Write(content)
	must(t, err)
	must(t, w.Commit(t.Context()))
}

// publish makes the rows as the pipeline would.
func (g *gallery) publish(t *testing.T, files []pipeline.File, chunkSize int64, segs []plan.Range) {
	t.Helper()
	ctx := t.Context()
	id, err := g.db.CreateTask(ctx, &store.NewTask{Task: pipeline.Task{Name: "gallery", Tenant: "u1", Dimension: "2d"}})
	must(t, err)
	g.view.Task, err = g.db.Task(ctx, id)
	must(t, err)
	r, err := g.db.Accept(ctx, store.Ingest{
		Task: g.view.Task, OwnerID: 1, Spec: pipeline.Spec{ImageQuality: 70, Step: 1}, Storage: pipeline.StorageLocal,
		Units: []pipeline.Unit{{Kind: pipeline.UploadRun, Lane: pipeline.Interactive}}, Phase: pipeline.PhaseAll,
	})
	must(t, err)
	data, err := g.db.DataOf(ctx, id)
	must(t, err)
	data.Size, data.StopFrame, data.ChunkSize = int64(len(files)), int64(len(files)-1), &chunkSize
	frames := make([]pipeline.Frame, len(files))
	for i := range files {
		files[i].RequestID, frames[i] = r.ID, pipeline.Frame{N: int64(i), Ord: int64(i)}
	}
	if g.film != nil {
		data.Size, data.StopFrame, data.Index, frames = g.film.frames, g.film.frames-1, indexKey, nil
		data.CompressedType, data.OriginalType = g.film.compressed, cmp.Or(g.film.original, pipeline.ChunkVideo)
	}
	p := store.Publication{Data: *data, Mode: pipeline.ModeAnnotation}
	for _, s := range segs {
		p.Segments = append(p.Segments, pipeline.Segment{Type: "range", Start: s.Start, Stop: s.Stop})
	}
	for _, c := range g.claim(t) {
		must(t, g.db.Fenced(ctx, c, func(tx *store.Tx) error {
			must(t, tx.AddFiles(ctx, files))
			must(t, tx.AddFrames(ctx, data.ID, frames))
			must(t, tx.Publish(ctx, c, p))
			return tx.EndUnit(ctx, c)
		}))
	}
	g.view.Data, err = g.db.DataOf(ctx, id)
	must(t, err)
	g.segs, err = g.db.Segments(ctx, id)
	must(t, err)
	g.view.Quality = pipeline.Compressed
	g.view.Updated = g.segs[0].ChunksUpdated
}

// claim claims every unit that is ready.
func (g *gallery) claim(t *testing.T) (out []*pipeline.Claim) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var units []pipeline.Unit
	_, err := g.db.Dispatch(ctx, func(_ context.Context, u pipeline.Unit) error {
		units = append(units, u)
		return nil
	})
	must(t, err)
	for _, u := range units {
		c, err := g.db.Claim(ctx, pipeline.Message{ID: u.ID, Gen: u.Gen}, "w")
		must(t, err)
		out = append(out, c)
	}
	return out
}

// build does what a consumer would.
func (g *gallery) build(t *testing.T) {
	if g.idle {
		return
	}
	ctx := context.WithoutCancel(t.Context())
	for _, c := range g.claim(t) {
		q := pipeline.Quality(c.Arg)
		g.asked = append(g.asked, fmt.Sprintf("%s/%d/%d", q, g.nth(c.Lo), c.Hi))
		must(t, g.db.Fenced(ctx, c, func(tx *store.Tx) error {
			if g.fail != "" {
				return tx.FailUnit(ctx, c, pipeline.Failf(g.fail, "", "made to fail"))
			}
			content := g.chunk(t, q, c.Lo, c.Hi)
			key := "chunks/" + string(c.ID)
			g.put(t, key, content)
			must(t, tx.PutChunks(ctx, []pipeline.Chunk{{
				SegmentID: c.Lo, Quality: q, Index: c.Hi, Key: key, Bytes: int64(len(content)),
			}}))
			return tx.EndUnit(ctx, c)
		}))
	}
}

// nth returns which of the segments an id is.
func (g *gallery) nth(segmentID int64) int {
	for i, s := range g.segs {
		if s.ID == segmentID {
			return i
		}
	}
	return -1
}

// chunk makes the file of a chunk: "small <n>" for compressed frames,
// "upright <n>" for derived originals.
func (g *gallery) chunk(t *testing.T, q pipeline.Quality, segmentID, index int64) []byte {
	t.Helper()
	seg := g.segs[g.nth(segmentID)]
	if q == pipeline.Preview {
		return fmt.Appendf(nil, "preview %d", seg.Start)
	}
	pictures := g.film == nil || q == pipeline.Compressed && g.film.compressed != pipeline.ChunkVideo ||
		q == pipeline.Original && g.film.original == pipeline.ChunkImageset
	if !pictures {
		return fmt.Appendf(nil, "%s of segment %d, %d", q, g.nth(segmentID), index)
	}
	places, _ := plan.Places(&seg).Chunk(index, *g.view.Data.ChunkSize)
	chosen, err := seg.Frames.Frames()
	must(t, err)
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for place := places.Start; place <= places.Stop; place++ {
		n, k := place, place-places.Start
		if chosen != nil {
			n = chosen[place]
		}
		name, content := fmt.Sprintf("%06d.jpeg", k), fmt.Sprintf("small %d", n)
		if q == pipeline.Original && g.film == nil {
			p := g.pictures[n]
			if p.orient < 2 && p.format != "tiff" {
				continue
			}
			name, content = fmt.Sprintf("%06d%s", k, filepath.Ext(p.name)), fmt.Sprintf("upright %d", n)
		}
		e, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		must(t, err)
		_, err = io.WriteString(e, content)
		must(t, err)
	}
	must(t, w.Close())
	return buf.Bytes()
}

// ask runs one method of the server behind a real connection.
func (g *gallery) ask(t *testing.T, method string, send func(w http.ResponseWriter, r *http.Request) error) (*http.Response, []byte, error) {
	t.Helper()
	result := make(chan error, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := send(w, r)
		result <- err
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}))
	defer srv.Close()
	srv.Config.ErrorLog = nil
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL, nil)
	must(t, err)
	resp, err := srv.Client().Do(req)
	if err != nil {
		return nil, nil, <-result
	}
	defer resp.Body.Close()
	body, readErr := io.ReadAll(resp.Body)
	err = <-result
	if err == nil && readErr != nil {
		t.Errorf("the answer breaks off: %v", readErr)
	}
	if err != nil && readErr == nil {
		t.Errorf("the answer is complete in spite of %v", err)
	}
	return resp, body, err
}

// unzip returns the entries of a zip as name=content.
func unzip(t *testing.T, body []byte) []string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatalf("a body of %d bytes is no zip: %v", len(body), err)
	}
	var out []string
	for _, f := range r.File {
		if f.Method != zip.Store {
			t.Errorf("entry %s is compressed", f.Name)
		}
		out = append(out, f.Name+"="+shorten(read(t, f)))
	}
	return out
}

// shorten cuts filling off.
func shorten(s string) string { return strings.TrimRight(s, ".") }
