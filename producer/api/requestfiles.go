package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

const (
	ndjsonType = "application/x-ndjson"
	// reportPage is how many files one read of the database brings.
	reportPage = 1000
)

// reportedFile is what became of one source file.
type reportedFile struct {
	Ord     int64  `json:"ord"`
	Name    string `json:"name"`
	Bytes   int64  `json:"bytes"`
	Format  string `json:"format"`
	Width   int64  `json:"width"`
	Height  int64  `json:"height"`
	Outcome string `json:"outcome"`
	Code    string `json:"code"`
	Text    string `json:"text"`
}

func reportedFileOf(f *pipeline.File) reportedFile {
	return reportedFile{
		Ord: f.Ord, Name: f.Name, Bytes: f.Bytes, Format: f.Format, Width: f.Width, Height: f.Height,
		Outcome: string(f.Outcome), Code: string(f.Code), Text: f.Text,
	}
}

// listRequestFiles reports on each source file of a request.
func (s *Server) listRequestFiles(w http.ResponseWriter, r *http.Request) error {
	v, err := s.requestInPath(r)
	if err != nil {
		return err
	}
	outcome, err := outcomeQuery(r)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	if strings.Contains(r.Header.Get("Accept"), ndjsonType) {
		return s.streamFiles(w, r, v.Request.ID, outcome)
	}
	return s.pageOfFiles(w, r, v.Request.ID, outcome)
}

func outcomeQuery(r *http.Request) (pipeline.Outcome, error) {
	o := pipeline.Outcome(r.URL.Query().Get("outcome"))
	known := []pipeline.Outcome{
		"", store.OutcomeBad, pipeline.OutcomeOK, pipeline.OutcomeSkipped, pipeline.OutcomeFailed,
		pipeline.OutcomeTruncated, pipeline.OutcomeDamaged,
	}
	if !slices.Contains(known, o) {
		return "", pipeline.FieldErrorf("outcome", "%q is not a valid choice.", clip(string(o)))
	}
	return o, nil
}

// pageOfFiles answers with the files behind a place in the list. Of a million
// files the last page is as near as the first.
func (s *Server) pageOfFiles(w http.ResponseWriter, r *http.Request, requestID int64, outcome pipeline.Outcome) error {
	p, err := readPage(r)
	if err != nil {
		return err
	}
	after, err := intQuery(r, "after")
	if err != nil {
		return err
	}
	if after == nil {
		first := int64(-1)
		after = &first
	}
	count, err := s.DB.CountFiles(r.Context(), requestID, outcome)
	if err != nil {
		return err
	}
	files, err := s.DB.Files(r.Context(), requestID, *after, int(p.size)+1, outcome)
	if err != nil {
		return err
	}
	out := page[reportedFile]{Count: count}
	if int64(len(files)) > p.size {
		files = files[:p.size]
		q := r.URL.Query()
		q.Set("after", strconv.FormatInt(files[len(files)-1].Ord, 10))
		next := address(r, "%s?%s", r.URL.EscapedPath(), q.Encode())
		out.Next = &next
	}
	out.Results = mapEach(files, reportedFileOf)
	return writeJSON(w, http.StatusOK, out)
}

// streamFiles answers with a line for each file, as they are read.
func (s *Server) streamFiles(w http.ResponseWriter, r *http.Request, requestID int64, outcome pipeline.Outcome) error {
	w.Header().Set("Content-Type", ndjsonType)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for after := int64(-1); ; {
		files, err := s.DB.Files(r.Context(), requestID, after, reportPage, outcome)
		if err != nil {
			return err
		}
		for i := range files {
			if err := enc.Encode(reportedFileOf(&files[i])); err != nil {
				return err
			}
		}
		if len(files) < reportPage {
			return nil
		}
		after = files[len(files)-1].Ord
	}
}
