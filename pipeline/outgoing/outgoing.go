// Package outgoing is the one way out: an HTTP client for addresses that users
// name. It reaches public addresses only, and what the operator allows beside
// them; the address is judged when the connection is made, after the name was
// resolved, so that a name that changes its mind reaches nothing.
package outgoing

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"framemill/pipeline"
)

// Config says how far a client may go.
type Config struct {
	// Allow are addresses, networks (10.1.0.0/16) and names of hosts that may be
	// reached although they are not public, separated by commas.
	Allow string
	// Timeout bounds an exchange, its body included; 0 leaves it to the context.
	Timeout time.Duration
	// Redirects is how many of them are followed, each judged anew.
	Redirects int
	// AnyCertificate accepts servers that cannot prove who they are.
	AnyCertificate bool
	// Resolver looks names up, nil for the system's.
	Resolver *net.Resolver
}

// Limits of what a server may make us wait for and read before the body.
const (
	dialTime       = 5 * time.Second
	maxHeaderBytes = 64 << 10
	idleTime       = 30 * time.Second
	// MaxURL is how long an address may be.
	MaxURL = 8192
)

// ErrRefused is what an address causes that must not be reached. It does not
// say what the name resolved to.
var ErrRefused = errors.New("the address is not a public one, and the operator does not allow it")

// ErrRedirects is what an answer causes that sends on and on.
var ErrRedirects = errors.New("too many redirects")

// Client sends requests. It may be used by any number of goroutines.
type Client struct {
	http http.Client
	gate *gate
}

// New returns a client.
func New(cfg Config) (*Client, error) {
	g, err := newGate(cfg.Allow)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTime, Resolver: cfg.Resolver, Control: g.control}
	free := &net.Dialer{Timeout: dialTime, Resolver: cfg.Resolver}
	transport := &http.Transport{
		// Proxy stays nil: a proxy of the environment would be asked for the
		// inside of the network, where it stands.
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(addr)
			if err == nil && g.allowsHost(host) {
				return free.DialContext(ctx, network, addr)
			}
			return dialer.DialContext(ctx, network, addr)
		},
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: cfg.AnyCertificate}, //nolint:gosec // the maker of the request asked for it
		TLSHandshakeTimeout:    dialTime,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // a small answer must not become a large one
		MaxResponseHeaderBytes: maxHeaderBytes,
		MaxIdleConnsPerHost:    2,
		MaxIdleConns:           32,
		IdleConnTimeout:        idleTime,
	}
	c := &Client{gate: g}
	c.http = http.Client{Transport: transport, Timeout: cfg.Timeout, CheckRedirect: c.redirect(cfg.Redirects)}
	return c, nil
}

// redirect returns the judge of redirects. Where none is to be followed, the
// caller sees the redirect itself; one too many is an error.
func (c *Client) redirect(most int) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, via []*http.Request) error {
		if most == 0 {
			return http.ErrUseLastResponse
		}
		if len(via) > most {
			return fmt.Errorf("%w: more than %d", ErrRedirects, most)
		}
		for _, secret := range []string{"Authorization", "Cookie", "Referer"} {
			next.Header.Del(secret)
		}
		return c.CheckURL(next.URL)
	}
}

// Do sends a request. The body of the answer is the caller's to bound and to
// close.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	if err := c.CheckURL(r.URL); err != nil {
		return nil, err
	}
	return c.http.Do(r)
}

// HTTP returns the client for libraries that want one of the standard library.
// What must not be reached is an error of kind Invalid there.
func (c *Client) HTTP() *http.Client {
	standard := c.http
	standard.Transport = judged{c}
	return &standard
}

// judged judges each request before it is sent.
type judged struct{ *Client }

// RoundTrip implements http.RoundTripper.
func (j judged) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := j.CheckURL(r.URL); err != nil {
		return nil, err
	}
	resp, err := j.http.Transport.RoundTrip(r)
	if errors.Is(err, ErrRefused) {
		return nil, errRefusedURL()
	}
	return resp, err
}

// CloseIdle ends connections that wait for another request.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

// ParseURL reads an address that a user names, and refuses what no request
// would be sent to.
func (c *Client) ParseURL(raw string) (*url.URL, error) {
	if len(raw) > MaxURL {
		return nil, pipeline.Errorf(pipeline.Invalid, "the address is longer than %d characters", MaxURL)
	}
	u, err := url.Parse(raw)
	if err != nil || strings.ContainsAny(raw, " \t\r\n\\") {
		return nil, pipeline.Errorf(pipeline.Invalid, "Enter a valid URL.")
	}
	return u, c.CheckURL(u)
}

// CheckURL refuses an address by its spelling alone. What its name resolves to
// is judged when it is dialled.
func (c *Client) CheckURL(u *url.URL) error {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return pipeline.Errorf(pipeline.Invalid, "Unsupported URL scheme: only http and https are")
	case u.Opaque != "" || u.Hostname() == "":
		return pipeline.Errorf(pipeline.Invalid, "Enter a valid URL.")
	case u.User != nil:
		return pipeline.Errorf(pipeline.Invalid, "the address must not hold a name or a password")
	}
	return c.gate.checkHost(u.Hostname(), u.Port())
}

// control judges the address that is about to be connected to.
func (g *gate) control(_, address string, _ syscall.RawConn) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return ErrRefused
	}
	return g.checkAddr(host, port)
}
