// Package hook sends what happened to a webhook, once: what it says of the
// answer is for its caller to act on.
package hook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/outgoing"
	"framemill/pipeline/seal"
)

// The headers of a request to a webhook, beside the usual ones.
const (
	// SignatureHeader is "sha256=" and the HMAC-SHA256 of the body in
	// hexadecimal digits, by the secret of the webhook.
	SignatureHeader = "X-Signature-256"
	// DeliveryHeader numbers the delivery. It is the same however often the
	// delivery is sent, so that a receiver can leave out what it knows.
	DeliveryHeader = "X-Delivery-ID"
)

const (
	// Timeout bounds one attempt, from the name to the end of the answer.
	Timeout = 10 * time.Second
	// maxResponse is how much of an answer is kept, in bytes.
	maxResponse = 16 << 10
)

// Sender sends to webhooks. It may be used by any number of goroutines.
type Sender struct {
	box    *seal.Box
	strict *outgoing.Client
	lax    *outgoing.Client // believes any certificate
}

// NewSender returns a sender that reaches public addresses and what allow
// names beside them, and finds the secrets of webhooks in box.
func NewSender(allow string, box *seal.Box) (*Sender, error) {
	strict, err := outgoing.New(outgoing.Config{Allow: allow, Timeout: Timeout})
	if err != nil {
		return nil, err
	}
	lax, err := outgoing.New(outgoing.Config{Allow: allow, Timeout: Timeout, AnyCertificate: true})
	if err != nil {
		return nil, err
	}
	return &Sender{box: box, strict: strict, lax: lax}, nil
}

// CheckTarget refuses an address that nothing would be sent to.
func (s *Sender) CheckTarget(raw string) error {
	_, err := s.strict.ParseURL(raw)
	return err
}

// Seal returns the secret of a webhook as it is kept in its row.
func (s *Sender) Seal(id int64, secret string) (string, error) {
	return s.box.Seal(place(id), secret)
}

func place(id int64) seal.Place { return seal.Place{Purpose: pipeline.SealWebhook, ID: id} }

// Answer is what came of an attempt.
type Answer struct {
	// Status is that of the receiver, or, as a proxy would say it, 502 when it
	// could not be reached and 504 when it took too long.
	Status int
	Body   string // the beginning of it, or why there is none
}

// OK reports whether the receiver took the delivery.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// Final reports whether the receiver said that another attempt is of no use.
func (a Answer) Final() bool {
	switch a.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return a.Status >= 400 && a.Status < 500
}

// Send sends the body of a delivery.
func (s *Sender) Send(ctx context.Context, w *pipeline.Webhook, d *pipeline.Delivery, body []byte) Answer {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.TargetURL, bytes.NewReader(body))
	if err != nil {
		return failure(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Framemill")
	r.Header.Set(DeliveryHeader, strconv.FormatInt(d.Number(), 10))
	secret, err := s.box.Open(place(w.ID), w.Sealed)
	if err != nil {
		return Answer{http.StatusBadGateway, "the secret of the webhook cannot be read: set it anew"}
	}
	if secret != "" {
		r.Header.Set(SignatureHeader, Sign(secret, body))
	}
	client := s.strict
	if !w.Verify {
		client = s.lax
	}
	resp, err := client.Do(r)
	if err != nil {
		return failure(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil {
		return failure(err)
	}
	return Answer{Status: resp.StatusCode, Body: plain(string(text))}
}

// Sign returns the value of SignatureHeader.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// failure says what went wrong without saying more of the network than its
// public side.
func failure(err error) Answer {
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return Answer{http.StatusGatewayTimeout, "the receiver did not answer in time"}
	}
	if errors.Is(err, outgoing.ErrRefused) {
		return Answer{http.StatusBadGateway, outgoing.ErrRefused.Error()}
	}
	if e, ok := errors.AsType[*pipeline.Error](err); ok {
		return Answer{http.StatusBadGateway, e.Text}
	}
	return Answer{http.StatusBadGateway, "the receiver could not be reached, or broke off"}
}

// plain makes a text that every database keeps.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
