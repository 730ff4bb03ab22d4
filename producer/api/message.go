package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// message is what a webhook is sent.
type message struct {
	Event  pipeline.Event
	Hook   int64
	Sender *basicUser
	Kind   string // of the object
	Object any
	Before map[string]json.RawMessage // what an update changed, as it was
}

// DeliveryBody returns what is sent for a delivery: the objects as they were,
// and as this API shows them to whoever asks at the address by which the
// webhook was made.
func DeliveryBody(ctx context.Context, hook *pipeline.Webhook, d *store.DeliveryView) ([]byte, error) {
	m, err := newMessage(ctx, hook, d)
	if err != nil {
		return nil, err
	}
	return m.body()
}

func newMessage(ctx context.Context, hook *pipeline.Webhook, d *store.DeliveryView) (*message, error) {
	// The staff, whose webhook it is, see all of an object.
	staff := &access.Principal{User: pipeline.User{Group: pipeline.GroupAdmin, Active: true}}
	r, err := http.NewRequestWithContext(access.With(ctx, staff), http.MethodGet, hook.Site, nil)
	if err != nil {
		return nil, fmt.Errorf("site of webhook %d: %w", hook.ID, err)
	}
	r.Header.Set("X-Forwarded-Proto", r.URL.Scheme)
	m := &message{Event: d.Event, Hook: hook.ID, Sender: userOrNull(r, d.Notice.Sender)}
	m.Kind, m.Object = shown(r, &d.Notice.Now)
	if d.Notice.Before == nil {
		return m, nil
	}
	_, before := shown(r, d.Notice.Before)
	m.Before, err = difference(before, m.Object)
	return m, err
}

// shown returns the object of a notice as clients read it, and what it is.
func shown(r *http.Request, s *store.Subject) (kind string, object any) {
	switch {
	case s.Task != nil:
		return "task", taskOf(r, s.Task)
	case s.Job != nil:
		return "job", jobOf(r, s.Job)
	case s.Project != nil:
		return "project", projectOf(r, s.Project)
	case s.Request != nil:
		return "request", requestWith(r, s.Request, store.EndProgress(&s.Request.Request))
	case s.Organization != nil:
		return "organization", organizationOf(r, s.Organization)
	case s.Membership != nil:
		return "membership", membershipOf(r, s.Membership)
	case s.Invitation != nil:
		return "invitation", invitationOf(r, s.Invitation)
	case s.Webhook != nil:
		return "webhook", webhookOf(r, s.Webhook)
	}
	return "object", nil
}

// body returns the text that is sent.
func (m *message) body() ([]byte, error) {
	out := map[string]any{"event": m.Event, "webhook_id": m.Hook, "sender": m.Sender, m.Kind: m.Object}
	if m.Before != nil {
		out["before_update"] = m.Before
	}
	return json.Marshal(out)
}

// changed lists the fields that an update changed.
func (m *message) changed() []string { return slices.Sorted(maps.Keys(m.Before)) }

// difference returns the fields of before that are not the same now.
func difference(before, now any) (map[string]json.RawMessage, error) {
	old, err := fieldsOf(before)
	if err != nil {
		return nil, err
	}
	current, err := fieldsOf(now)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(old, func(name string, value json.RawMessage) bool { return bytes.Equal(value, current[name]) })
	return old, nil
}

func fieldsOf(v any) (fields map[string]json.RawMessage, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return fields, json.Unmarshal(text, &fields)
}
