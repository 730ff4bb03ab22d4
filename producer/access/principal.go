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
	// Roles are those of the user, by the organizations that they are a member of.
	Roles map[int64]pipeline.Role
	// In is where they work: what they create belongs there.
	In pipeline.Workspace
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

// Tenant returns who pays for what the principal creates.
func (p *Principal) Tenant() pipeline.Tenant { return pipeline.TenantOf(p.In.OrgID, p.User.ID) }

// Oversees reports whether the principal sees everything in an organization.
func (p *Principal) Oversees(org int64) bool { return Can(p, Oversee, Facts{Org: &org}) }

type principalKey struct{}

// With returns a context that carries p, who makes the changes.
func With(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(pipeline.WithActor(ctx, p.User.ID), principalKey{}, p)
}

// From returns the principal that ctx carries, nil for an anonymous caller.
// Behind a route that asks for a login it is never nil.
func From(ctx context.Context) *Principal {
	p, _ := ctx.Value(principalKey{}).(*Principal)
	return p
}
