package api

import (
	"net/http"
	"slices"

	"framemill/pipeline"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// webhook is a webhook as clients read it. What it has not come to yet is
// absent: clients refuse nulls there. The secret is never shown.
type webhook struct {
	ID           int64            `json:"id"`
	URL          string           `json:"url"`
	TargetURL    string           `json:"target_url"`
	Description  string           `json:"description"`
	Type         string           `json:"type"`
	ContentType  string           `json:"content_type"`
	Active       bool             `json:"is_active"`
	Verify       bool             `json:"enable_ssl"`
	Created      string           `json:"created_date"`
	Updated      string           `json:"updated_date"`
	Owner        *basicUser       `json:"owner"`
	ProjectID    *int64           `json:"project_id"`
	Organization *int64           `json:"organization"`
	Events       []pipeline.Event `json:"events"`
	LastStatus   *int64           `json:"last_status,omitempty"`
	LastDelivery *string          `json:"last_delivery_date,omitempty"`
}

// webhookContent is the only type of content that webhooks are sent.
const webhookContent = "application/json"

func webhookOf(r *http.Request, v *store.WebhookView) webhook {
	return webhook{
		ID: v.ID, URL: address(r, "/api/webhooks/%d", v.ID), TargetURL: v.TargetURL, Description: v.Description,
		Type: v.Type, ContentType: webhookContent, Active: v.Active, Verify: v.Verify,
		Created: iso(v.Created), Updated: iso(v.Updated), Owner: userOrNull(r, v.Owner), ProjectID: v.ProjectID,
		Organization: v.OrgID, Events: knownEvents(r, v.Events.List()),
		LastStatus: v.LastStatus, LastDelivery: isoOrNull(v.LastDelivery),
	}
}

// knownEvents leaves out the event that is ours for clients that were generated
// from the contract: they refuse a list with an event that they do not know.
func knownEvents(r *http.Request, events []pipeline.Event) []pipeline.Event {
	if !clientToken.MatchString(r.UserAgent()) {
		return events
	}
	return slices.DeleteFunc(events, func(e pipeline.Event) bool { return e == pipeline.EventIngested })
}

// listWebhookEvents lists the events that a webhook can ask for. Without a type
// that is all of them, as an organization's can.
func listWebhookEvents(w http.ResponseWriter, r *http.Request) error {
	kind := r.URL.Query().Get("type")
	switch kind {
	case "":
		kind = pipeline.WebhookOrganization
	case pipeline.WebhookOrganization, pipeline.WebhookProject:
	default:
		return pipeline.FieldErrorf("type", "Incorrect type of webhook: it is organization or project.")
	}
	return writeJSON(w, http.StatusOK, struct {
		Type   string           `json:"webhook_type"`
		Events []pipeline.Event `json:"events"`
	}{kind, knownEvents(r, pipeline.WebhookEvents(kind))})
}

func (s *Server) listWebhooks(w http.ResponseWriter, r *http.Request) error {
	q, p, err := readQuery(r, "target_url", "owner", "type", "project_id")
	if err != nil {
		return err
	}
	views, count, err := s.DB.Webhooks(r.Context(), viewer(r), q)
	if err != nil {
		return err
	}
	return writePage(w, r, p, count, mapEach(views, func(v *store.WebhookView) webhook { return webhookOf(r, v) }))
}

// webhookInPath returns the webhook that the path names, if the caller may
// manage it.
func (s *Server) webhookInPath(r *http.Request) (*store.WebhookView, error) {
	id, err := idParam(r)
	if err != nil {
		return nil, err
	}
	v, err := s.DB.WebhookView(r.Context(), id)
	if err != nil {
		return nil, orNotFound(err)
	}
	return v, check(r, access.ManageWebhook, access.Webhook(&v.Webhook, v.Project))
}

func (s *Server) readWebhook(w http.ResponseWriter, r *http.Request) error {
	v, err := s.webhookInPath(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, webhookOf(r, v))
}

func (s *Server) writeWebhook(w http.ResponseWriter, r *http.Request, status int, id int64) error {
	v, err := s.DB.WebhookView(r.Context(), id)
	if err != nil {
		return orNotFound(err)
	}
	out := webhookOf(r, v)
	if status == http.StatusCreated {
		w.Header().Set("Location", out.URL)
	}
	return writeJSON(w, status, out)
}

func (s *Server) deleteWebhook(w http.ResponseWriter, r *http.Request) error {
	v, err := s.webhookInPath(r)
	if err != nil {
		return err
	}
	if err := s.DB.DeleteWebhook(r.Context(), v.ID); err != nil {
		return orNotFound(err)
	}
	return noContent(w)
}
