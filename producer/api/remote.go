package api

import (
	"framemill/pipeline"
	"framemill/pipeline/outgoing"
	"framemill/pipeline/plan"
)

const (
	maxRemoteURL   = 1024 // characters, as the contract has it
	maxRemoteFiles = 100_000
	// fetchShard is how many files one unit downloads.
	fetchShard = 16
)

// checkRemote returns the URLs that a client names, each once. What is wrong
// with one by its spelling is said now.
func checkRemote(web *outgoing.Client, urls []string) ([]string, error) {
	switch {
	case len(urls) == 0:
		return nil, nil
	case web == nil:
		return nil, pipeline.Errorf(pipeline.NotOffered, "this server does not download files: put them on the share, or upload them")
	case len(urls) > maxRemoteFiles:
		return nil, pipeline.FieldErrorf("remote_files", "Ensure this field has no more than %d elements.", maxRemoteFiles)
	}
	var out []string
	seen := make(map[string]bool, len(urls))
	for _, raw := range urls {
		if len(raw) > maxRemoteURL {
			return nil, pipeline.FieldErrorf("remote_files", "Ensure this field has no more than %d characters.", maxRemoteURL)
		}
		if _, err := web.ParseURL(raw); err != nil {
			return nil, pipeline.FieldErrorf("remote_files", "%.200s: %s", raw, pipeline.Public(err).Text)
		}
		if !seen[raw] {
			seen[raw] = true
			out = append(out, raw)
		}
	}
	return out, nil
}

// checkRemoteAlone refuses URLs beside files that were sent, of which nobody
// would know whether they were meant.
func checkRemoteAlone(spec *pipeline.Spec, uploads []string) error {
	if len(uploads) > 0 {
		return pipeline.FieldErrorf("remote_files", "Files of URLs cannot be used together with %d uploaded files", len(uploads))
	}
	if len(spec.FileOrder) > 0 {
		_, err := plan.ResolveOrder(spec.FileOrder, plan.RemoteNames(spec.RemoteFiles))
		return err
	}
	return nil
}

// fetchUnits are the units that download n files.
func fetchUnits(n int64) []pipeline.Unit {
	var units []pipeline.Unit
	for lo := int64(0); lo < n; lo += fetchShard {
		hi := min(lo+fetchShard, n)
		units = append(units, pipeline.Unit{Kind: pipeline.UploadFetch, Lane: pipeline.Bulk, Lo: lo, Hi: hi, Cost: float64(hi - lo)})
	}
	return units
}
