package pipeline

import "context"

type actorKey struct{}

// WithActor returns a context that says which user makes the changes.
func WithActor(ctx context.Context, userID int64) context.Context {
	return context.WithValue(ctx, actorKey{}, userID)
}

// Actor returns the user who makes the changes, 0 if it is nobody.
func Actor(ctx context.Context) int64 {
	id, _ := ctx.Value(actorKey{}).(int64)
	return id
}
