package outgoing_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"framemill/pipeline"
	"framemill/pipeline/outgoing"
)

func client(t *testing.T, cfg outgoing.Config) *outgoing.Client {
	t.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	c, err := outgoing.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdle)
	return c
}

// trap is a server on loopback that fails the test when it is contacted.
func trap(t *testing.T) *url.URL {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateNew {
			t.Errorf("the trap was contacted by %s", c.RemoteAddr())
		}
	}
	srv.Start()
	t.Cleanup(srv.Close)
	u, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// get asks for an address and returns the status of the answer.
func get(t *testing.T, c *outgoing.Client, address string) (int, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	resp, err := c.Do(r)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	t.Parallel()
	c := client(t, outgoing.Config{})
	for _, host := range []string{
		"0.0.0.0", "10.0.0.5", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1", "172.31.255.255",
		"192.0.0.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"[::]", "[::1]", "[fc00::1]", "[fd00:ec2::254]", "[fe80::1]", "[fe80::1%25eth0]", "[ff02::1]",
		"[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]",
		"[64:ff9b::7f00:1]", "[64:ff9b:1::a00:1]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[2a00:1450::5efe:7f00:1]",
		"localhost", "LOCALHOST.", "a.localhost",
	} {
		if _, err := c.ParseURL("http://" + host + "/"); pipeline.KindOf(err) != pipeline.Invalid {
			t.Errorf("%s: error %v, want a refusal", host, err)
		}
		if _, err := get(t, c, "http://"+host+"/"); err == nil {
			t.Errorf("%s was reached", host)
		}
	}
	for _, host := range []string{"93.184.216.34", "[2606:2800:220:1::1]", "example.org", "example.org:8443"} {
		if _, err := c.ParseURL("https://" + host + "/hook?x=1"); err != nil {
			t.Errorf("%s is public: %v", host, err)
		}
	}
}

func TestURLsThatNoRequestIsSentTo(t *testing.T) {
	t.Parallel()
	c := client(t, outgoing.Config{})
	for _, raw := range []string{
		"", "x", "//example.org/x", "http:/x", "http:///x", "http:example.org", "file:///etc/passwd", "gopher://example.org/",
		"ftp://example.org/", "data:text/plain,x", "jar:http://example.org!/", "unix:///run/docker.sock",
		"http://user:pw@example.org/", "http://example.org@127.0.0.1/", `http://127.0.0.1\@example.org/`, "ht\ttp://example.org/",
		"http://example.org/\r\nX: y", "http://example.org:0x50/", "http://example.org:65536/", "http://example.org:0/",
		"http://example.org:22/", "http://example.org:25/", "http://example.org:6379/", "http://93.184.216.34:5432/",
		"http://example.org/" + strings.Repeat("x", outgoing.MaxURL),
	} {
		if _, err := c.ParseURL(raw); pipeline.KindOf(err) != pipeline.Invalid {
			t.Errorf("%.60q: error %v, want a refusal", raw, err)
		}
	}
	if _, err := c.ParseURL("HTTP://example.org/"); err != nil {
		t.Errorf("a scheme in capitals: %v", err)
	}
}

func TestNamesAreJudgedByWhatTheyResolveTo(t *testing.T) {
	t.Parallel()
	at := trap(t)
	c := client(t, outgoing.Config{Resolver: resolver(t, "127.0.0.1")})
	_, err := get(t, c, "http://rebound.example:"+at.Port()+"/")
	if !errors.Is(err, outgoing.ErrRefused) {
		t.Errorf("a name of loopback: error %v, want ErrRefused", err)
	}
	both := client(t, outgoing.Config{Resolver: resolver(t, "192.168.7.7", "127.0.0.1", "169.254.169.254")})
	if _, err = get(t, both, "http://rebound.example:"+at.Port()+"/"); !errors.Is(err, outgoing.ErrRefused) {
		t.Errorf("a name of several private addresses: error %v, want ErrRefused", err)
	}
	for _, spelling := range []string{"127.1", "2130706433", "0x7f.1", "0177.1", "0"} {
		if _, err = get(t, c, "http://"+spelling+":"+at.Port()+"/"); err == nil {
			t.Errorf("%s was reached", spelling)
		}
	}
}

func TestWhatTheOperatorAllowsIsReached(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	t.Cleanup(srv.Close)
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	names := resolver(t, "127.0.0.1")
	for _, tt := range []struct{ allow, host string }{
		{"127.0.0.0/8", "127.0.0.1"},
		{"10.0.0.0/8, 127.0.0.1", "[::ffff:127.0.0.1]"},
		{"127.0.0.1", "receiver.example"}, // by what it resolves to
		{"Receiver.example", "receiver.EXAMPLE"},
	} {
		c := client(t, outgoing.Config{Allow: tt.allow, Resolver: names})
		if status, err := get(t, c, "http://"+tt.host+":"+port+"/"); status != http.StatusTeapot {
			t.Errorf("%s with %q allowed: status %d, %v", tt.host, tt.allow, status, err)
		}
	}
	if err := outgoing.CheckAllow("10.0.0.0/33, ok.example"); err == nil {
		t.Error("a network of 33 bits is allowed")
	}
}

func TestRedirectsAreJudgedAgain(t *testing.T) {
	t.Parallel()
	inside := trap(t)
	var target string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", target)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	t.Cleanup(srv.Close)
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	outside := "http://outside.example:" + port + "/"
	cfg := outgoing.Config{Allow: "outside.example", Redirects: 5, Resolver: resolver(t, "127.0.0.1")}
	for _, target = range []string{
		inside.String(), "http://inside.example:" + inside.Port() + "/", "http://localhost:" + inside.Port() + "/",
		"file:///etc/passwd", "http://user:pw@outside.example/", outside, // the last is a loop
	} {
		if status, err := get(t, client(t, cfg), outside); err == nil {
			t.Errorf("a redirect to %s ends with status %d, want an error", target, status)
		}
	}
	cfg.Redirects = 0
	if status, err := get(t, client(t, cfg), outside); status != http.StatusTemporaryRedirect {
		t.Errorf("without redirects: status %d, %v; want the redirect itself", status, err)
	}
}

// It sets the environment, so it runs alone.
func TestProxiesOfTheEnvironmentAreIgnored(t *testing.T) {
	proxy := trap(t)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.String())
	}
	c := client(t, outgoing.Config{Resolver: resolver(t, "10.1.2.3")})
	if _, err := get(t, c, "http://inside.example/"); !errors.Is(err, outgoing.ErrRefused) {
		t.Errorf("error %v, want ErrRefused", err)
	}
}

func TestASlowServerIsLeft(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-hold }))
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(hold) })
	c := client(t, outgoing.Config{Allow: "127.0.0.1", Timeout: 50 * time.Millisecond})
	_, err := get(t, c, srv.URL)
	if e, ok := errors.AsType[net.Error](err); !ok || !e.Timeout() {
		t.Errorf("error %v, want a timeout", err)
	}
}
