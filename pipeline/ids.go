package pipeline

import (
	"strconv"
	"time"

	"github.com/google/uuid"
)

// UnitID names a unit of work; it is a UUIDv7, so ids sort by age.
type UnitID string

// NewUnitID returns a fresh unit id.
func NewUnitID() UnitID { return UnitID(uuid.Must(uuid.NewV7()).String()) }

// NewID returns a fresh UUIDv7 for uploads, workers and other private rows.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// Tenant is who pays and who shares the queue fairly: an organization, else a
// user. It is "o<id>" or "u<id>".
type Tenant string

// TenantOf returns the tenant of an object that belongs to org, or to user
// when org is nil.
func TenantOf(org *int64, user int64) Tenant {
	if org != nil {
		return Tenant("o" + strconv.FormatInt(*org, 10))
	}
	return Tenant("u" + strconv.FormatInt(user, 10))
}

// Micros is a time as the database keeps it: microseconds since 1970 UTC, by
// the database's clock. Zero means "never".
type Micros int64

// Time returns m as a UTC time.
func (m Micros) Time() time.Time { return time.UnixMicro(int64(m)).UTC() }
