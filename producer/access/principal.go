package access

import (
	"context"

	"framemill/pipeline"
)

// Principal is who is asking.
type Principal struct {
	User pipeline.User // without the password
	Via  Method        // how they proved it
	// Token is the personal access token that they showed, nil for none.
	Token *pipeline.AccessToken
}

// Method is how a caller proved who they are.
type Method string

// The methods.
const (
	ViaBasic       Method = "basic"
	ViaToken       Method = "token"
	ViaCookie      Method = "cookie"
	ViaAccessToken Method = "access_token"
)

// Admin reports whether the principal may do everything.
func (p *Principal) Admin() bool { return p.User.Group == pipeline.GroupAdmin }

// Tenant returns who owns what the principal creates.
func (p *Principal) Tenant() pipeline.Tenant { return pipeline.TenantOf(nil, p.User.ID) }

type principalKey struct{}

// With returns a context that carries p.
func With(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From returns the principal that ctx carries, nil for an anonymous caller.
// Behind a route that asks for a login it is never nil.
func From(ctx context.Context) *Principal {
	p, _ := ctx.Value(principalKey{}).(*Principal)
	return p
}
