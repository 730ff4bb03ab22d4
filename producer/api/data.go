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
	case has("Upload-Length"):
		return pipeline.Errorf(pipeline.NotOffered, "this server does not take files in pieces: send them as multipart/form-data")
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
	if _, err := s.readData(r, t); err != nil {
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
	in, err := s.readData(r, t)
	if err != nil {
		return err
	}
	ingest, err := s.ingest(r.Context(), t, in)
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
// part of the task.
func (s *Server) readData(r *http.Request, t *pipeline.Task) (*dataRequest, error) {
	batch, err := s.Receive.Read(r.Context(), r, receive.Owner{TaskID: t.ID, UserID: access.From(r.Context()).User.ID})
	if err != nil {
		return nil, err
	}
	in, err := readDataRequest(batch.Fields)
	if err == nil {
		_, err = in.spec(&s.cfg, t)
	}
	if err != nil {
		batch.Discard(r.Context())
		return nil, err
	}
	return in, batch.Save(r.Context())
}

// ingest is what the request asks for, with the files that the task has by now.
func (s *Server) ingest(ctx context.Context, t *pipeline.Task, in *dataRequest) (store.Ingest, error) {
	spec, err := in.spec(&s.cfg, t)
	if err != nil {
		return store.Ingest{}, err
	}
	out := store.Ingest{Task: t, Spec: spec, Storage: pipeline.StorageLocal}
	if len(spec.ServerFiles) > 0 {
		if err := s.onlyShare(ctx, t.ID); err != nil {
			return out, err
		}
		if !spec.CopyData {
			out.Storage = pipeline.StorageShare
		}
		out.First, out.Phase = firstUnit(shareSize(spec.ServerFiles))
		return out, nil
	}
	if err := s.checkOrder(ctx, t.ID, spec.FileOrder); err != nil {
		return out, err
	}
	out.First, out.Phase, err = s.firstOfUploads(ctx, t.ID)
	return out, err
}

// onlyShare makes sure that a task which names files of the share has no
// others. Those of an attempt that failed are replaced.
func (s *Server) onlyShare(ctx context.Context, taskID int64) error {
	if err := s.Receive.Drop(ctx, taskID); err != nil {
		return err
	}
	n, err := s.DB.UploadTotals(ctx, taskID)
	if err != nil {
		return err
	}
	if n.Files > 0 {
		return pipeline.FieldErrorf("server_files", "Files of the share cannot be used together with %d uploaded files", n.Files)
	}
	return nil
}

// checkOrder holds the order that a client asks for against what it sent.
func (s *Server) checkOrder(ctx context.Context, taskID int64, order []string) error {
	if len(order) == 0 {
		return nil
	}
	names, err := s.DB.UploadNames(ctx, taskID)
	if err != nil {
		return err
	}
	_, err = plan.ResolveOrder(order, names)
	return err
}

// firstOfUploads decides how an ingest of uploaded files begins.
func (s *Server) firstOfUploads(ctx context.Context, taskID int64) (pipeline.Unit, pipeline.Phase, error) {
	n, err := s.DB.UploadTotals(ctx, taskID)
	if err != nil {
		return pipeline.Unit{}, "", err
	}
	if n.Files == 1 {
		only, err := s.DB.Uploads(ctx, taskID, -1, 1)
		if err != nil {
			return pipeline.Unit{}, "", err
		}
		if len(only) == 1 && plan.ClassOf(only[0].Name) != plan.Image {
			n.Files = unknownSize // nobody has counted what is in an archive
		}
	}
	first, phase := firstUnit(n.Files, n.Bytes)
	return first, phase, nil
}

const (
	unknownSize  = 1 << 40
	typicalBytes = 1 << 20 // of a picture that nobody has measured
)

// shareSize estimates how much the listed files of the share are. Folders and
// archives hold nobody knows how many.
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
func firstUnit(files, bytes int64) (pipeline.Unit, pipeline.Phase) {
	if plan.Fused(files, bytes) {
		return pipeline.Unit{Kind: pipeline.UploadRun, Lane: pipeline.Interactive, Cost: 1}, pipeline.PhaseAll
	}
	return pipeline.Unit{Kind: pipeline.UploadCollect, Lane: pipeline.Bulk, Cost: 1}, pipeline.PhaseCollect
}
