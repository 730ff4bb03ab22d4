package pipeline

import (
	"slices"
	"strings"
	"time"
)

// Webhook is an address that hears what happens in a project or in an
// organization.
type Webhook struct {
	ID          int64  `db:"id"`
	Type        string `db:"type"` // project or organization
	ProjectID   *int64 `db:"project_id"`
	OrgID       *int64 `db:"org_id"`
	OwnerID     *int64 `db:"owner_id"`
	TargetURL   string `db:"target_url"`
	Description string `db:"description"`
	Sealed      string `db:"secret" json:"-"` // the secret that signs what is sent, sealed; "" for no signature
	Active      bool   `db:"active"`
	Verify      bool   `db:"verify"` // the certificate of the receiver
	Events      Events `db:"events"`
	// Site is where its maker reached this server, such as https://example.org:
	// the addresses in what is sent begin with it.
	Site         string  `db:"site"`
	Created      Micros  `db:"created"`
	Updated      Micros  `db:"updated"`
	LastStatus   *int64  `db:"last_status"`
	LastDelivery *Micros `db:"last_delivery"`
}

// Types of webhooks.
const (
	WebhookProject      = "project"
	WebhookOrganization = "organization"
)

// SealWebhook is the purpose that the secrets of webhooks are sealed for.
const SealWebhook = "webhook"

// Event names a change that webhooks hear of.
type Event string

// The events that this server makes and those that only webhooks get. The
// contract knows more, which come about as soon as their objects do.
const (
	EventPing          Event = "ping"
	EventCreateTask    Event = "create:task"
	EventUpdateTask    Event = "update:task"
	EventDeleteTask    Event = "delete:task"
	EventCreateJob     Event = "create:job"
	EventUpdateJob     Event = "update:job"
	EventDeleteJob     Event = "delete:job"
	EventCreateProject Event = "create:project"
	EventUpdateProject Event = "update:project"
	EventDeleteProject Event = "delete:project"

	EventUpdateOrganization Event = "update:organization"
	EventDeleteOrganization Event = "delete:organization"
	EventCreateMembership   Event = "create:membership"
	EventUpdateMembership   Event = "update:membership"
	EventDeleteMembership   Event = "delete:membership"
	EventCreateInvitation   Event = "create:invitation"
	EventDeleteInvitation   Event = "delete:invitation"

	// EventIngested says that the request which gives a task its data has
	// ended, well or not. It is ours: the contract has no such event.
	EventIngested Event = "completed:request[create:task]"
)

// WebhookEvents lists the events that webhooks of a type can ask for, in
// alphabetical order.
func WebhookEvents(webhookType string) []Event {
	events := []Event{
		EventIngested, "create:comment", "create:issue", EventCreateJob, EventCreateTask,
		"delete:comment", "delete:issue", EventDeleteJob, EventDeleteProject, EventDeleteTask,
		"update:comment", "update:issue", EventUpdateJob, EventUpdateProject, EventUpdateTask,
	}
	if webhookType == WebhookOrganization {
		events = append(events, EventCreateInvitation, EventCreateMembership, EventCreateProject,
			EventDeleteInvitation, EventDeleteMembership, EventDeleteOrganization, EventUpdateMembership, EventUpdateOrganization)
		slices.Sort(events)
	}
	return events
}

// Events is a set of events as the database keeps it: their names with a comma
// between.
type Events string

// NewEvents returns the set of the given events, in alphabetical order and each
// once.
func NewEvents(events []Event) Events {
	sorted := slices.Compact(slices.Sorted(slices.Values(events)))
	names := make([]string, len(sorted))
	for i, e := range sorted {
		names[i] = string(e)
	}
	return Events(strings.Join(names, ","))
}

// List returns the events of the set.
func (e Events) List() []Event {
	var out []Event
	for name := range strings.SplitSeq(string(e), ",") {
		if name != "" {
			out = append(out, Event(name))
		}
	}
	return out
}

// Has reports whether the set has an event.
func (e Events) Has(event Event) bool { return slices.Contains(e.List(), event) }

// Delivery is one event on its way to one webhook. However often it is sent,
// its id stays.
type Delivery struct {
	ID         int64  `db:"id"`
	WebhookID  int64  `db:"webhook_id"`
	NoticeID   string `db:"notice_id"` // what happened
	Event      Event  `db:"event"`
	Redelivery bool   `db:"redelivery"` // somebody asked for it again
	OriginID   *int64 `db:"origin_id"`  // the delivery that this one repeats
	State      string `db:"state"`
	Attempts   int64  `db:"attempts"`
	RunAt      Micros `db:"run_at"`
	Status     *int64 `db:"status"` // HTTP, of the last attempt; nil before the first
	Response   string `db:"response"`
	Created    Micros `db:"created"`
	Updated    Micros `db:"updated"`
}

// States of a delivery. Done and failed are absorbing.
const (
	DeliveryPending = "pending"
	DeliveryDone    = "done"
	DeliveryFailed  = "failed"
)

// Number is what the receiver knows the delivery by: a repetition that
// somebody asked for keeps the number of what it repeats.
func (d *Delivery) Number() int64 {
	if d.OriginID != nil {
		return *d.OriginID
	}
	return d.ID
}

// Limits of webhooks.
const (
	MaxWebhooks         = 50               // of a project, or of an organization
	DeliveryLease       = 60 * time.Second // the right to send to a webhook is void after this
	MaxDeliveryAttempts = 8                // after which a delivery has failed
	MaxDeliveryPause    = time.Hour
)
