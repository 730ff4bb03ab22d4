package pipeline

import "time"

// Organization is a group of people who share projects and tasks.
type Organization struct {
	ID          int64  `db:"id"`
	Slug        string `db:"slug"` // unique
	Name        string `db:"name"`
	Description string `db:"description"`
	Contact     string `db:"contact"` // a JSON object
	OwnerID     *int64 `db:"owner_id"`
	Created     Micros `db:"created"`
	Updated     Micros `db:"updated"`
}

// Membership is one person's place in an organization. It is active once the
// person has agreed to it.
type Membership struct {
	ID     int64   `db:"id"`
	OrgID  int64   `db:"org_id"`
	UserID int64   `db:"user_id"`
	Role   Role    `db:"role"`
	Active bool    `db:"active"`
	Joined *Micros `db:"joined"`
}

// Invitation asks a person to join an organization: it belongs to a membership,
// which is not active until it is accepted.
type Invitation struct {
	Key          string `db:"key"`
	MembershipID int64  `db:"membership_id"`
	OwnerID      *int64 `db:"owner_id"` // who invites
	Created      Micros `db:"created"`
	Sent         Micros `db:"sent"` // it can be accepted for InvitationLife from then on
}

// InvitationLife is how long an invitation can be accepted.
const InvitationLife = 7 * 24 * time.Hour

// Role is what a member may do in an organization, beside what the member's
// group permits everywhere.
type Role string

// The roles, from least to most.
const (
	RoleWorker     Role = "worker"     // what is assigned to them
	RoleSupervisor Role = "supervisor" // and projects and tasks of their own
	RoleMaintainer Role = "maintainer" // and everybody's, and who is a member
	RoleOwner      Role = "owner"      // and who is a maintainer; there is one
)

// Workspace is where a caller works: what they create belongs there, and lists
// show what is in it. The zero Workspace is everywhere, and what is created
// there is personal.
type Workspace struct {
	Named bool   // false for everywhere
	OrgID *int64 // nil for the personal workspace
}

// Workspace returns the workspace of the organization.
func (o *Organization) Workspace() Workspace { return Workspace{Named: true, OrgID: &o.ID} }
