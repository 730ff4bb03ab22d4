package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Request is the state of an ingest as the server tells it.
type Request struct {
	ID       string   `json:"id"`
	Status   string   `json:"status"`   // queued, started, finished or failed
	Message  string   `json:"message"`  // what goes on, or why it failed
	Progress *float64 `json:"progress"` // 0..1
	Code     string   `json:"code"`     // the stable code of a failure
}

// Ended reports whether the state is final.
func (r Request) Ended() bool { return r.Status == "finished" || r.Status == "failed" }

// FailedError is a request that ended badly.
type FailedError struct{ Request Request }

// Error implements error.
func (e *FailedError) Error() string { return "the request failed: " + printable(e.Request.Message) }

// FileReport is what became of one source file of a request.
type FileReport struct {
	Ord     int64  `json:"ord"` // its place in the request
	Name    string `json:"name"`
	Outcome string `json:"outcome"` // ok, skipped, failed or truncated
	Code    string `json:"code"`
	Text    string `json:"text"`
}

const (
	firstPoll = 100 * time.Millisecond
	lastPoll  = time.Second
	// patience is how long Wait bears a server that does not answer: a restart
	// takes seconds, and the request goes on meanwhile.
	patience = time.Minute
)

// Request reads the state of a request.
func (c *Client) Request(ctx context.Context, rqID string) (r Request, err error) {
	return r, c.json(ctx, call{method: http.MethodGet, path: "requests/" + url.PathEscape(rqID)}, &r)
}

// Wait polls a request until it ends, and tells seen each state; seen may be
// nil. A request that failed is a *FailedError.
func (c *Client) Wait(ctx context.Context, rqID string, seen func(Request)) (Request, error) {
	heard := time.Now()
	for poll := firstPoll; ; poll = min(poll*3/2, lastPoll) {
		r, err := c.Request(ctx, rqID)
		switch {
		case err == nil:
			heard = time.Now()
		case !passing(err) || time.Since(heard) > patience:
			return r, fmt.Errorf("wait for request %s: %w", rqID, err)
		}
		if err == nil && seen != nil {
			seen(r)
		}
		if r.Status == "failed" {
			return r, &FailedError{r}
		}
		if r.Ended() {
			return r, nil
		}
		if err := sleep(ctx, poll); err != nil {
			return r, err
		}
	}
}

// BadFiles lists the source files of a request that are not in the task, or
// not whole: at most limit of them, and how many there are. A server that
// keeps no such list has none.
func (c *Client) BadFiles(ctx context.Context, rqID string, limit int) (bad []FileReport, count int64, err error) {
	query := url.Values{"outcome": {"bad"}, "page_size": {strconv.Itoa(pageSize)}}
	for len(bad) < limit {
		var p page[FileReport]
		err := c.json(ctx, call{method: http.MethodGet, path: "requests/" + url.PathEscape(rqID) + "/files", query: query}, &p)
		if statusOf(err) == http.StatusNotFound {
			return nil, 0, nil
		}
		if err != nil {
			return nil, 0, err
		}
		bad, count = append(bad, p.Results...), p.Count
		if p.Next == nil || len(p.Results) == 0 {
			break
		}
		query.Set("after", strconv.FormatInt(bad[len(bad)-1].Ord, 10))
	}
	return bad[:min(len(bad), limit)], count, nil
}

// statusOf returns the HTTP status of an *Error, else 0.
func statusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status
	}
	return 0
}
