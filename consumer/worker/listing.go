package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/stages/collect"
)

// nameRun is the pages of names that one attempt wrote, which follow those of
// the attempts before it.
type nameRun struct {
	Prefix string `json:"prefix"`
	Pages  int64  `json:"pages"`
}

// listing is how far an earlier attempt has listed a bucket. It is kept with the
// unit, so that a bucket of a million keys is not listed from the beginning
// because somebody pulled a plug.
type listing struct {
	At    collect.Place `json:"at"`
	Runs  []nameRun     `json:"runs"`
	Pages int64         `json:"pages"`
	Total int64         `json:"total"`
	Bytes int64         `json:"bytes"`
}

// resume returns the list that earlier attempts began, and where it goes on.
func (a *attempt) resume() (*nameList, collect.Place, error) {
	list := &nameList{a: a}
	if a.Kind != pipeline.UploadCollect || a.Arg == "" {
		return list, collect.Place{}, nil
	}
	var l listing
	if err := json.Unmarshal([]byte(a.Arg), &l); err != nil {
		return nil, l.At, fmt.Errorf("read how far unit %s has listed: %w", a.ID, err)
	}
	list.runs, list.pages, list.total, list.bytes = l.Runs, l.Pages, l.Total, l.Bytes
	return list, l.At, nil
}

// mark keeps how far the listing has come, if no name is only in memory.
func (l *nameList) mark(ctx context.Context, at collect.Place) error {
	if len(l.open) > 0 || l.a.Kind != pipeline.UploadCollect {
		return nil
	}
	text, err := json.Marshal(listing{at, l.runs, l.pages, l.total, l.bytes})
	if err != nil {
		return fmt.Errorf("write how far unit %s has listed: %w", l.a.ID, err)
	}
	l.a.later(func(ctx context.Context, t *store.Tx) error { return t.SetUnitArg(ctx, l.a.Claim, string(text)) })
	return l.a.flush(ctx)
}

// places says where the pages lie: the prefixes of their keys, each but the
// last with the number of its pages.
func (l *nameList) places() string {
	if len(l.runs) == 0 {
		return l.prefix()
	}
	parts := make([]string, len(l.runs))
	for i, r := range l.runs {
		parts[i] = fmt.Sprintf("%s:%d", r.Prefix, r.Pages)
	}
	return strings.Join(parts, ",")
}

// pageAt returns the key of a page. Pages are counted over all attempts, and so
// are their keys.
func pageAt(names string, page int64) (string, error) {
	left := page
	for part := range strings.SplitSeq(names, ",") {
		prefix, count, counted := strings.Cut(part, ":")
		n, err := strconv.ParseInt(count, 10, 64)
		if !counted || err == nil && left < n {
			return pageKey(prefix, page), nil
		}
		if err != nil {
			return "", fmt.Errorf("the places of names %q are malformed", names)
		}
		left -= n
	}
	return "", fmt.Errorf("there is no page %d of names in %q", page, names)
}
