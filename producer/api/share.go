package api

import (
	"context"
	"net/http"
	"path"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/pipeline/source"
	"framemill/producer/access"
)

// shareLister lists the folders of the mounted share.
type shareLister interface {
	List(ctx context.Context, dir string) ([]source.Entry, error)
}

// fileInfo is an entry of the share.
type fileInfo struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	MIMEType string `json:"mime_type"`
}

// listShare answers with one folder of the share, folders first. Names only:
// where the share lies on this host is nobody's business.
func (s *Server) listShare(w http.ResponseWriter, r *http.Request) error {
	if err := access.Check(access.From(r.Context()), access.ListShare, here(r)); err != nil {
		return err
	}
	q := r.URL.Query()
	entries, err := s.shareEntries(r.Context(), q.Get("directory"))
	if err != nil {
		return err
	}
	out := make([]fileInfo, 0, len(entries))
	for _, e := range entries {
		if name := path.Base(e.Path); strings.HasPrefix(name, q.Get("search")) {
			out = append(out, infoOf(name, e.Dir))
		}
	}
	return writeJSON(w, http.StatusOK, out)
}

// shareEntries lists a folder as clients name it: "" and "/" are the share.
// Without a share there is only an empty root.
func (s *Server) shareEntries(ctx context.Context, dir string) ([]source.Entry, error) {
	var clean string
	if dir != "" && dir != "/" {
		var err error
		if clean, _, err = plan.SharePath(dir, s.cfg.SharePrefix); err != nil {
			return nil, errBadDirectory(dir)
		}
	}
	if s.Share == nil {
		if clean != "" {
			return nil, errBadDirectory(dir)
		}
		return nil, nil
	}
	entries, err := s.Share.List(ctx, clean)
	switch pipeline.KindOf(err) {
	case pipeline.Invalid, pipeline.NotFound, pipeline.Media:
		return nil, errBadDirectory(dir).Because(err)
	}
	return entries, err
}

func errBadDirectory(dir string) *pipeline.Error {
	return pipeline.Errorf(pipeline.Invalid, "%s is an invalid directory", dir)
}

func infoOf(name string, dir bool) fileInfo {
	if dir {
		return fileInfo{Name: name, Type: "DIR", MIMEType: "DIR"}
	}
	kind := "unknown"
	switch plan.ClassOf(name) {
	case plan.Image, plan.PointCloud:
		kind = "image"
	case plan.Video:
		kind = "video"
	case plan.Archive, plan.Zip:
		kind = "archive"
	case plan.PDF:
		kind = "pdf"
	}
	return fileInfo{Name: name, Type: "REG", MIMEType: kind}
}
