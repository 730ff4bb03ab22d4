// Package client speaks the HTTP contract of a Framemill server: it creates
// tasks, uploads media, waits for requests and reads frames and chunks. The
// command line is built on it, and so are tests of whole servers.
//
// Files are streamed and never held in memory. Calls that change nothing when
// they are repeated are repeated after a failure of the connection or of a
// proxy; all others are tried once.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	tries        = 4
	firstBackoff = 100 * time.Millisecond
	// answerTime bounds the wait for the head of an answer: a server may hold a
	// reader for 20 s while a chunk is being built.
	answerTime = time.Minute
	// callTime bounds a call whose answer is JSON.
	callTime = 5 * time.Minute
	// maxAnswer is more than the metadata of a million frames.
	maxAnswer = 512 << 20
	maxRefuse = 64 << 10 // of an error's body
)

// Credentials say who calls. With a token, the name and password are not used.
type Credentials struct {
	User     string
	Password string
	Token    string // as logging in returns it
}

// Client calls one server. It may be used by many goroutines.
type Client struct {
	base  string
	creds Credentials
	http  *http.Client
}

// New returns a client of the server at an address such as
// http://localhost:8080; without a scheme, http is meant.
func New(server string, creds Credentials) (*Client, error) {
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("server address: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("server address %q is not like http://host:8080", server)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = answerTime
	return &Client{
		base:  u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"),
		creds: creds,
		http:  &http.Client{Transport: transport},
	}, nil
}

// Close gives up the connections that are kept for later calls.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// call is one request.
type call struct {
	method string
	path   string // below /api/, escaped
	query  url.Values
	header http.Header
	body   io.Reader
	length int64 // of the body
}

// repeatable reports whether the call may be made twice.
func (k call) repeatable() bool {
	return k.body == nil && (k.method == http.MethodGet || k.method == http.MethodDelete)
}

// json makes a call and decodes its answer into dst, unless that is nil.
func (c *Client) json(ctx context.Context, k call, dst any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	resp, err := c.do(ctx, k)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if dst == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(dst); err != nil {
		return fmt.Errorf("%s /api/%s: the answer is not as expected: %w", k.method, k.path, err)
	}
	return nil
}

// do makes a call, again if it may be repeated and failed for a reason that
// may pass. An answer of 300 and above is an *Error.
func (c *Client) do(ctx context.Context, k call) (*http.Response, error) {
	for try := 1; ; try++ {
		resp, err := c.once(ctx, k)
		if err == nil || try == tries || !k.repeatable() || !passing(err) {
			return resp, err
		}
		backoff := firstBackoff << (try - 1)
		if err := sleep(ctx, backoff+rand.N(backoff)); err != nil {
			return nil, err
		}
	}
}

// once makes a call once.
func (c *Client) once(ctx context.Context, k call) (*http.Response, error) {
	target := c.base + "/api/" + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target, k.body)
	if err != nil {
		return nil, err
	}
	for name, values := range k.header {
		req.Header[name] = values
	}
	if k.body != nil {
		req.ContentLength = k.length
	}
	switch {
	case c.creds.Token != "":
		req.Header.Set("Authorization", "Token "+c.creds.Token)
	case c.creds.User != "":
		req.SetBasicAuth(c.creds.User, c.creds.Password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		defer resp.Body.Close()
		return nil, refusal(resp)
	}
	return resp, nil
}

// passing reports whether an error may be gone the next time: the connection
// failed, or a proxy found no server.
func passing(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status >= http.StatusBadGateway && e.Status <= http.StatusGatewayTimeout
	}
	_, connection := errors.AsType[*url.Error](err)
	return connection
}

// sleep waits, or returns the cause of the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
