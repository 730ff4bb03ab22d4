package worker

import (
	"context"
	"fmt"
	"slices"

	"framemill/pipeline"
	"framemill/pipeline/plan"
	"framemill/pipeline/store"
	"framemill/stages/fetch"
)

// fetchStep downloads the files of the unit's range. Each is written down as it
// arrives, so that another attempt fetches only the others.
func fetchStep(ctx context.Context, a *attempt) error {
	if a.w.Fetch == nil {
		return pipeline.Errorf(pipeline.NotOffered, "this server does not download files")
	}
	have, err := a.w.DB.FetchedPlaces(ctx, a.Request)
	if err != nil {
		return fmt.Errorf("list fetched files: %w", err)
	}
	in := fetch.Input{URLs: a.spec.RemoteFiles, Names: plan.RemoteNames(a.spec.RemoteFiles)}
	for place := a.Lo; place < a.Hi; place++ {
		if !slices.Contains(have, place) {
			in.Places = append(in.Places, place)
		}
	}
	return a.w.Fetch.Run(ctx, in, fetch.Attempt{
		Key:      func(place int64) string { return a.key("fetched", fmt.Sprintf("%d-", place)) },
		Progress: a.beat,
		Done: func(ctx context.Context, f pipeline.Upload) error {
			a.later(func(ctx context.Context, t *store.Tx) error { return t.AddFetched(ctx, a.Request, &f) })
			return a.flush(ctx)
		},
	})
}
