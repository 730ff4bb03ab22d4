package api

import (
	"context"
	"net/http"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
	"framemill/producer/access"
	"framemill/producer/receive"
)

// postData takes data for a task. Which step of the protocol a request is, its
// headers say by being there: clients send them without a value.
func (s *Server) postData(w http.ResponseWriter, r *http.Request) error {
	v, err := s.taskInPath(r, access.UploadData)
	if err != nil {
		return err
	}
	receive.Pace(w, r)
	has := func(name string) bool { _, ok := r.Header[name]; return ok }
	switch {
	case has("Upload-Finish"):
		return s.finishData(w, r, &v.Task)
	case has("Upload-Start"):
		return s.startData(w, r, &v.Task)
	case has("Upload-Length"), has("Upload-Defer-Length"), has("Upload-Metadata"):
		return s.openUpload(w, r, &v.Task)
	case has("Upload-Multiple"):
		return s.addData(w, r, &v.Task)
	}
	return s.finishData(w, r, &v.Task)
}

// startData announces an upload. Nothing depends on it.
func (s *Server) startData(w http.ResponseWriter, r *http.Request, t *pipeline.Task) error {
	if err := s.DB.Uploadable(r.Context(), t.ID); err != nil {
		return refuseData(w, t, err)
	}
	if _, err := s.DB.EnsureData(r.Context(), t.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// addData takes files. The other fields are checked, and forgotten.
func (s *Server) addData(w http.ResponseWriter, r *http.Request, t *pipeline.Task) error {
	if err := s.DB.Uploadable(r.Context(), t.ID); err != nil {
		return refuseData(w, t, err)
	}
	if _, err := s.readData(r, t, false); err != nil {
		return err
	}
	if _, err := s.DB.EnsureData(r.Context(), t.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// finishData takes the last files, or all, and accepts the ingest.
func (s *Server) finishData(w http.ResponseWriter, r *http.Request, t *pipeline.Task) error {
	if err := s.DB.Uploadable(r.Context(), t.ID); err != nil {
		return refuseData(w, t, err)
	}
	if err := s.checkFinished(r.Context(), t.ID); err != nil {
		return err
	}
	spec, err := s.readData(r, t, true)
	if err != nil {
		return err
	}
	ingest, err := s.ingest(r.Context(), t, spec)
	if err != nil {
		return err
	}
	ingest.OwnerID = access.From(r.Context()).User.ID
	accepted, err := s.DB.Accept(r.Context(), ingest)
	if err != nil {
		return refuseData(w, t, err)
	}
	s.Kick()
	return writeJSON(w, http.StatusAccepted, requestID{RQID: accepted.RQID})
}

// checkFinished refuses to begin while a file has come in part only: nobody
// who sent half a video wants a task without it.
func (s *Server) checkFinished(ctx context.Context, taskID int64) error {
	open, err := s.DB.UnfinishedPartials(ctx, taskID, 1)
	if err != nil || len(open) == 0 {
		return err
	}
	return pipeline.Errorf(pipeline.Conflict, "The upload of %q is not finished: %d of its %d bytes are there",
		open[0].Name, open[0].Received, open[0].Length)
}

// requestID names the request that a client is to poll.
type requestID struct {
	RQID   string `json:"rq_id"`
	Detail string `json:"detail,omitempty"`
}

// refuseData answers that a task takes no data, in the shapes that clients expect here: the id of the open
// request if there is one, and bare text once the task has data.
func refuseData(w http.ResponseWriter, t *pipeline.Task, err error) error {
	switch e := pipeline.Public(err); e.Kind {
	case pipeline.Conflict:
		w.Header().Set(CodeHeader, string(e.Code))
		return writeJSON(w, http.StatusConflict, requestID{pipeline.CreateRQID(t.ID), e.Text})
	case pipeline.Invalid:
		return bare(err)
	}
	return orNotFound(err)
}

// readData reads the body: its fields are checked, and then its files become
// part of the task. After the last files, the fields must be true of all.
func (s *Server) readData(r *http.Request, t *pipeline.Task, last bool) (spec pipeline.Spec, err error) {
	batch, err := s.Receive.Read(r.Context(), r, receive.Owner{TaskID: t.ID, UserID: access.From(r.Context()).User.ID})
	if err != nil {
		return spec, err
	}
	in, err := readDataRequest(batch.Fields)
	if err == nil {
		spec, err = in.spec(&s.cfg, s.Web, t)
	}
	if err == nil {
		err = s.storageOfRequest(r, &spec)
	}
	if err == nil && last {
		err = s.checkFiles(r.Context(), t.ID, &spec, batch.Names())
	}
	if err != nil {
		batch.Discard(r.Context())
		return spec, err
	}
	return spec, batch.Save(r.Context())
}

// checkFiles holds what a client says of its files against those that the task
// has and those that have just come. It does so before they become part of the
// task: who sent one too many could not take it back.
func (s *Server) checkFiles(ctx context.Context, taskID int64, spec *pipeline.Spec, fresh []string) error {
	says := len(spec.ServerFiles) > 0 || spec.CloudStorageID != 0 || len(spec.RemoteFiles) > 0 || len(spec.FileOrder) > 0
	if len(fresh) > 0 && !says {
		return nil
	}
	// Those of an attempt that failed are replaced, also by none: whether its
	// purge has come to them already must make no difference.
	if err := s.Receive.Drop(ctx, taskID); err != nil || !says {
		return err
	}
	names, err := s.DB.UploadNames(ctx, taskID)
	if err != nil {
		return err
	}
	have := make(map[string]bool, len(names))
	for _, name := range names {
		have[name] = true
	}
	for _, name := range fresh {
		if !have[name] { // the same file may come twice
			names = append(names, name)
		}
	}
	if len(spec.RemoteFiles) > 0 {
		return checkRemoteAlone(spec, names)
	}
	if len(spec.ServerFiles) == 0 && spec.CloudStorageID == 0 {
		_, err = plan.ResolveOrder(spec.FileOrder, names)
		return err
	}
	if len(names) > 0 {
		return pipeline.FieldErrorf("server_files", "Files of the server cannot be used together with %d uploaded files", len(names))
	}
	return nil
}

// ingest is what the request asks for, with the files that the task has by now.
func (s *Server) ingest(ctx context.Context, t *pipeline.Task, spec pipeline.Spec) (out store.Ingest, err error) {
	out = store.Ingest{Task: t, Spec: spec, Storage: pipeline.StorageLocal}
	if n := int64(len(spec.RemoteFiles)); n > 0 {
		out.Phase, out.Units = pipeline.PhaseFetch, fetchUnits(n)
		return out, nil
	}
	if spec.CloudStorageID != 0 {
		out.Storage = pipeline.StorageCloud
		out.Units, out.Phase = bucketUnits(&spec)
		return out, nil
	}
	if len(spec.ServerFiles) > 0 {
		if !spec.CopyData {
			out.Storage = pipeline.StorageShare
		}
		out.Units, out.Phase = firstUnit(shareSize(spec.ServerFiles))
		return out, nil
	}
	out.Units, out.Phase, err = s.firstOfUploads(ctx, t.ID)
	return out, err
}

// firstOfUploads decides how an ingest of uploaded files begins.
func (s *Server) firstOfUploads(ctx context.Context, taskID int64) ([]pipeline.Unit, pipeline.Phase, error) {
	n, err := s.DB.UploadTotals(ctx, taskID)
	if err != nil {
		return nil, "", err
	}
	if n.Files == 1 {
		only, err := s.DB.Uploads(ctx, taskID, -1, 1)
		if err != nil {
			return nil, "", err
		}
		if len(only) == 1 && plan.ClassOf(only[0].Name) != plan.Image {
			n.Files = unknownSize // nobody has counted what is in an archive or a video
		}
	}
	units, phase := firstUnit(n.Files, n.Bytes)
	return units, phase, nil
}

const (
	unknownSize  = 1 << 40
	typicalBytes = 1 << 20 // of a picture that nobody has measured
)

// shareSize estimates how much the listed files of the share are. Folders,
// archives and videos hold nobody knows how many frames.
func shareSize(files []string) (count, bytes int64) {
	for _, f := range files {
		if plan.ClassOf(f) != plan.Image {
			return unknownSize, unknownSize
		}
	}
	return int64(len(files)), int64(len(files)) * typicalBytes
}

// firstUnit is the unit that an ingest begins with. A small one is done by a
// single unit, before all bulk work.
func firstUnit(files, bytes int64) ([]pipeline.Unit, pipeline.Phase) {
	if plan.Fused(files, bytes) {
		return []pipeline.Unit{{Kind: pipeline.UploadRun, Lane: pipeline.Interactive, Cost: 1}}, pipeline.PhaseAll
	}
	return []pipeline.Unit{{Kind: pipeline.UploadCollect, Lane: pipeline.Bulk, Cost: 1}}, pipeline.PhaseCollect
}
