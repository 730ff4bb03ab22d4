package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"framemill/pipeline"
	"framemill/pipeline/store"
)

// delivery is a delivery as clients read it. Request is what is sent.
type delivery struct {
	ID            int64           `json:"id"`
	WebhookID     int64           `json:"webhook_id"`
	Event         pipeline.Event  `json:"event"`
	Status        *int64          `json:"status_code"`
	Redelivery    bool            `json:"redelivery"`
	Created       string          `json:"created_date"`
	Updated       string          `json:"updated_date"`
	ChangedFields string          `json:"changed_fields"`
	Request       json.RawMessage `json:"request"`
	Response      response        `json:"response"`

	State    string  `json:"state"` // ours: pending, done or failed
	Attempts int64   `json:"attempts"`
	Next     *string `json:"next_attempt_date"`
}

// response is the beginning of what a receiver answered.
type response struct {
	Body string `json:"body,omitempty"`
}

func deliveryOf(r *http.Request, hook *pipeline.Webhook, v *store.DeliveryView) (*delivery, error) {
	m, err := newMessage(r.Context(), hook, v)
	if err != nil {
		return nil, err
	}
	body, err := m.body()
	if err != nil {
		return nil, err
	}
	out := &delivery{
		ID: v.ID, WebhookID: v.WebhookID, Event: v.Event, Status: v.Status, Redelivery: v.Redelivery,
		Created: iso(v.Created), Updated: iso(v.Updated), ChangedFields: strings.Join(m.changed(), ","),
		Request: body, Response: response{v.Response}, State: v.State, Attempts: v.Attempts,
	}
	if v.State == pipeline.DeliveryPending {
		out.Next = isoOrNull(&v.RunAt)
	}
	return out, nil
}

func (s *Server) listDeliveries(w http.ResponseWriter, r *http.Request) error {
	hook, err := s.webhookInPath(r)
	if err != nil {
		return err
	}
	p, err := readPage(r)
	if err != nil {
		return err
	}
	p.size = min(p.size, maxDeliveries)
	views, count, err := s.DB.Deliveries(r.Context(), hook.ID, store.Query{Offset: p.offset(), Limit: p.limit()})
	if err != nil {
		return err
	}
	out := make([]*delivery, len(views))
	for i := range views {
		if out[i], err = deliveryOf(r, &hook.Webhook, &views[i]); err != nil {
			return err
		}
	}
	return writePage(w, r, p, count, out)
}

// maxDeliveries bounds a page of deliveries: each shows a whole object.
const maxDeliveries = 500

// deliveryInPath returns the webhook and the delivery that the path names.
func (s *Server) deliveryInPath(r *http.Request) (*store.WebhookView, *store.DeliveryView, error) {
	hook, err := s.webhookInPath(r)
	if err != nil {
		return nil, nil, err
	}
	id, err := strconv.ParseInt(chi.URLParam(r, "delivery_id"), 10, 64)
	if err != nil {
		return nil, nil, errNotFound()
	}
	d, err := s.DB.Delivery(r.Context(), hook.ID, id)
	return hook, d, orNotFound(err)
}

func (s *Server) readDelivery(w http.ResponseWriter, r *http.Request) error {
	hook, d, err := s.deliveryInPath(r)
	if err != nil {
		return err
	}
	return writeDelivery(w, r, hook, d)
}

func writeDelivery(w http.ResponseWriter, r *http.Request, hook *store.WebhookView, d *store.DeliveryView) error {
	out, err := deliveryOf(r, &hook.Webhook, d)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// redeliver orders the same once more. It is a delivery of its own, which the
// receiver knows by the number of the first.
func (s *Server) redeliver(w http.ResponseWriter, r *http.Request) error {
	_, d, err := s.deliveryInPath(r)
	if err != nil {
		return err
	}
	if err := s.DB.Redeliver(r.Context(), &d.Delivery); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// pingWebhook sends a ping at once, so that the answer says what came of it.
func (s *Server) pingWebhook(w http.ResponseWriter, r *http.Request) error {
	hook, err := s.webhookInPath(r)
	if err != nil {
		return err
	}
	d, err := s.DB.AddPing(r.Context(), hook)
	if err != nil {
		return err
	}
	body, err := DeliveryBody(r.Context(), &hook.Webhook, d)
	if err != nil {
		return err
	}
	answer := s.Hooks.Send(r.Context(), &hook.Webhook, &d.Delivery, body)
	result := store.Attempt{State: pipeline.DeliveryFailed, Status: int64(answer.Status), Response: answer.Body}
	if answer.OK() {
		result.State = pipeline.DeliveryDone
	}
	if d, err = s.DB.EndPing(r.Context(), &d.Delivery, result); err != nil {
		return err
	}
	return writeDelivery(w, r, hook, d)
}
