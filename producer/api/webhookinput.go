package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"framemill/pipeline"
	"framemill/pipeline/outgoing"
	"framemill/pipeline/store"
	"framemill/producer/access"
)

// webhookPatch is the body of a change of a webhook.
type webhookPatch struct {
	TargetURL   optional[string]           `json:"target_url"`
	Description optional[string]           `json:"description"`
	ContentType optional[string]           `json:"content_type"`
	Secret      optional[string]           `json:"secret"`
	Active      optional[bool]             `json:"is_active"`
	Verify      optional[bool]             `json:"enable_ssl"`
	Events      optional[[]pipeline.Event] `json:"events"`
}

// webhookInput is the body of a new webhook, and of one that replaces another.
type webhookInput struct {
	Type        optional[string]           `json:"type"`
	ProjectID   *integer                   `json:"project_id"`
	TargetURL   optional[string]           `json:"target_url"`
	Description optional[string]           `json:"description"`
	ContentType optional[string]           `json:"content_type"`
	Secret      optional[string]           `json:"secret"`
	Active      optional[bool]             `json:"is_active"`
	Verify      optional[bool]             `json:"enable_ssl"`
	Events      optional[[]pipeline.Event] `json:"events"`
}

// The texts of webhooks.
var (
	targetRule   = textRule{field: "target_url", max: outgoing.MaxURL}
	hookTextRule = textRule{field: "description", max: 128, blank: true}
)

// maxSecret is how long a secret may be, in characters.
const maxSecret = 64

func (s *Server) createWebhook(w http.ResponseWriter, r *http.Request) error {
	var in webhookInput
	if err := decode(r, &in); err != nil {
		return err
	}
	hook, secret, err := s.newWebhook(r, &in)
	if err != nil {
		return err
	}
	id, err := s.DB.CreateWebhook(r.Context(), hook, func(id int64) (string, error) { return s.Hooks.Seal(id, secret) })
	if err != nil {
		return err
	}
	return s.writeWebhook(w, r, http.StatusCreated, id)
}

// newWebhook checks the input and returns the webhook that the caller asks for,
// and its secret, if the caller may have it.
func (s *Server) newWebhook(r *http.Request, in *webhookInput) (hook *pipeline.Webhook, secret string, err error) {
	kind, err := in.kind()
	if err != nil {
		return nil, "", err
	}
	hook = &pipeline.Webhook{
		Type: kind, ProjectID: in.ProjectID.id(), OwnerID: &access.From(r.Context()).User.ID,
		Active: true, Verify: true, Site: address(r, ""),
	}
	if _, err := url.Parse(hook.Site); err != nil {
		return nil, "", pipeline.Errorf(pipeline.Invalid, "the address of this server is not a valid URL")
	}
	if err := s.placeWebhook(r, hook); err != nil {
		return nil, "", err
	}
	ch, err := s.webhookChange(in.patch(), kind)
	if err != nil {
		return nil, "", err
	}
	plain, err := secretChange(in.Secret)
	if err != nil {
		return nil, "", err
	}
	hook.TargetURL, hook.Description, hook.Events = ch.TargetURL.To, ch.Description.To, ch.Events.To
	if ch.Active.Set {
		hook.Active = ch.Active.To
	}
	if ch.Verify.Set {
		hook.Verify = ch.Verify.To
	}
	return hook, plain.To, nil
}

// placeWebhook finds the project or organization of a new webhook, and checks
// that the caller may create it there.
func (s *Server) placeWebhook(r *http.Request, hook *pipeline.Webhook) error {
	if hook.Type == pipeline.WebhookOrganization {
		if hook.OrgID = access.From(r.Context()).In.OrgID; hook.OrgID == nil {
			return pipeline.Errorf(pipeline.Invalid, "A webhook of this type needs an organization: name it in X-Organization")
		}
		hook.ProjectID = nil
		return check(r, access.CreateWebhook, access.Webhook(hook, nil))
	}
	if hook.ProjectID == nil {
		return pipeline.FieldErrorf("project_id", "This field is required.")
	}
	p, err := s.DB.Project(r.Context(), *hook.ProjectID)
	if pipeline.KindOf(err) == pipeline.NotFound {
		return errNoSuchKey("project_id", *hook.ProjectID)
	}
	if err != nil {
		return err
	}
	hook.OrgID = p.OrgID
	return check(r, access.CreateWebhook, access.Project(p))
}

// kind returns the type of webhook, and checks that what must be there is.
func (in *webhookInput) kind() (string, error) {
	kind, err := choice("type", in.Type, pipeline.WebhookProject, pipeline.WebhookOrganization)
	if err != nil {
		return "", err
	}
	for _, f := range []struct {
		name string
		set  bool
	}{{"type", kind.Set}, {"target_url", in.TargetURL.Set}, {"events", in.Events.Set}} {
		if !f.set {
			return "", pipeline.FieldErrorf(f.name, "This field is required.")
		}
	}
	return kind.To, nil
}

func (in *webhookInput) patch() *webhookPatch {
	return &webhookPatch{
		TargetURL: in.TargetURL, Description: in.Description, ContentType: in.ContentType, Secret: in.Secret,
		Active: in.Active, Verify: in.Verify, Events: in.Events,
	}
}

func (s *Server) updateWebhook(w http.ResponseWriter, r *http.Request) error {
	v, err := s.webhookInPath(r)
	if err != nil {
		return err
	}
	var in webhookPatch
	if err := decodePatch(r, &in); err != nil {
		return err
	}
	return s.changeWebhook(w, r, v, &in)
}

// replaceWebhook changes a webhook for another one at the same place.
func (s *Server) replaceWebhook(w http.ResponseWriter, r *http.Request) error {
	v, err := s.webhookInPath(r)
	if err != nil {
		return err
	}
	var in webhookInput
	if err := decode(r, &in); err != nil {
		return err
	}
	kind, err := in.kind()
	if err != nil {
		return err
	}
	if kind != v.Type || in.ProjectID != nil && !sameID(in.ProjectID.id(), v.ProjectID) {
		return pipeline.FieldErrorf("type", "A webhook stays where it was made: delete it, and make another.")
	}
	return s.changeWebhook(w, r, v, in.patch())
}

func (s *Server) changeWebhook(w http.ResponseWriter, r *http.Request, v *store.WebhookView, in *webhookPatch) error {
	ch, err := s.webhookChange(in, v.Type)
	if err != nil {
		return err
	}
	secret, err := secretChange(in.Secret)
	if err != nil {
		return err
	}
	if ch.Sealed.Set = secret.Set; secret.Set {
		if ch.Sealed.To, err = s.Hooks.Seal(v.ID, secret.To); err != nil {
			return err
		}
	}
	if err := s.DB.UpdateWebhook(r.Context(), v.ID, ch); err != nil {
		return orNotFound(err)
	}
	return s.writeWebhook(w, r, http.StatusOK, v.ID)
}

// webhookChange checks the input, but for the secret, which it leaves out.
func (s *Server) webhookChange(in *webhookPatch, kind string) (ch store.WebhookChange, err error) {
	if ch.TargetURL, err = targetRule.change(in.TargetURL); err != nil {
		return ch, err
	}
	if ch.TargetURL.Set {
		if err := s.Hooks.CheckTarget(ch.TargetURL.To); err != nil {
			return ch, pipeline.FieldErrorf("target_url", "%s", pipeline.Public(err).Text)
		}
	}
	if ch.Description, err = hookTextRule.change(in.Description); err != nil {
		return ch, err
	}
	if _, err := choice("content_type", in.ContentType, webhookContent); err != nil {
		return ch, err
	}
	if ch.Active, err = flagChange("is_active", in.Active); err != nil {
		return ch, err
	}
	if ch.Verify, err = flagChange("enable_ssl", in.Verify); err != nil {
		return ch, err
	}
	ch.Events, err = eventsChange(in.Events, kind)
	return ch, err
}

// secretChange takes a secret as it is, with the space around it.
func secretChange(o optional[string]) (store.Change[string], error) {
	switch {
	case !o.Set:
		return store.Change[string]{}, nil
	case o.Value == nil:
		return store.Change[string]{}, pipeline.FieldErrorf("secret", "This field may not be null.")
	case len([]rune(*o.Value)) > maxSecret:
		return store.Change[string]{}, pipeline.FieldErrorf("secret", "Ensure this field has no more than %d characters.", maxSecret)
	}
	return store.To(*o.Value), nil
}

func flagChange(field string, o optional[bool]) (store.Change[bool], error) {
	switch {
	case !o.Set:
		return store.Change[bool]{}, nil
	case o.Value == nil:
		return store.Change[bool]{}, pipeline.FieldErrorf(field, "This field may not be null.")
	}
	return store.To(*o.Value), nil
}

// eventsChange returns the events that were asked for, at least one.
func eventsChange(o optional[[]pipeline.Event], kind string) (store.Change[pipeline.Events], error) {
	var none store.Change[pipeline.Events]
	switch {
	case !o.Set:
		return none, nil
	case o.Value == nil:
		return none, pipeline.FieldErrorf("events", "This field may not be null.")
	case len(*o.Value) == 0:
		return none, pipeline.FieldErrorf("events", "This list may not be empty.")
	}
	possible := pipeline.WebhookEvents(kind)
	for _, e := range *o.Value {
		if !slices.Contains(possible, e) {
			return none, pipeline.FieldErrorf("events", "%q is not a valid choice for a webhook of this type; these are: %s",
				clip(string(e)), joinEvents(possible))
		}
	}
	return store.To(pipeline.NewEvents(*o.Value)), nil
}

func joinEvents(events []pipeline.Event) string {
	return strings.ReplaceAll(string(pipeline.NewEvents(events)), ",", ", ")
}
