package api

import (
	"net/http"
	"slices"
	"strings"

	"framemill/pipeline"
)

// errorCode is one stable failure code, as /api/errors explains it.
type errorCode struct {
	Code    pipeline.Code `json:"code"`
	Status  int           `json:"status"`
	Meaning string        `json:"meaning"`
	Remedy  string        `json:"remedy"`
}

// listErrors explains every stable code.
func listErrors(w http.ResponseWriter, _ *http.Request) error {
	table := pipeline.Codes()
	out := make([]errorCode, 0, len(table))
	for code, info := range table {
		out = append(out, errorCode{code, statusOf[info.Kind], info.Meaning, info.Remedy})
	}
	slices.SortFunc(out, func(a, b errorCode) int { return strings.Compare(string(a.Code), string(b.Code)) })
	return writeJSON(w, http.StatusOK, out)
}
