package configs

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"framemill/pipeline"
)

// maxSlots bounds how many units a process works on at once.
const maxSlots = 1024

// minKey is how long the key of secrets must be.
const minKey = 32

// mistakes returns everything that is wrong with c, a line for each.
func (c Config) mistakes() []string {
	var m mistakes
	m.address("listen", c.Listen)
	if c.OpsListen != "" && c.OpsListen != "off" {
		m.address("ops_listen", c.OpsListen)
	}
	m.check("data", c.Data != "", "is empty, want a folder")
	m.scheme("database_url", c.DatabaseURL, "postgres://", "postgresql://", "sqlite:")
	m.scheme("redis_url", c.RedisURL, "redis://", "rediss://", "redis-sentinel://", "redis+cluster://")
	m.scheme("blob_url", c.BlobURL, "file:///")
	m.check("key", c.Key == "" || len(c.Key) >= minKey,
		"is too short, want at least %d characters, such as those of: openssl rand -hex 32", minKey)
	m.check("share_prefix", filepath.IsAbs(c.SharePrefix), "is %q, want a path that begins with /", c.SharePrefix)
	version := regexp.MustCompile(`^(0|[1-9]\d{0,5})(\.(0|[1-9]\d{0,5})){1,2}$`)
	m.check("server_version", version.MatchString(c.ServerVersion),
		"is %q, want a plain version such as 2.54.1, or clients refuse to start", c.ServerVersion)
	for entry := range strings.SplitSeq(c.EgressAllow, ",") {
		m.check("egress_allow", egressEntry(strings.TrimSpace(entry)),
			"has %q, want networks, addresses and names of hosts, with commas between them", entry)
	}
	m.check("on_error", c.OnError == pipeline.ErrorSkip || c.OnError == pipeline.ErrorFail,
		"is %q, want skip or fail", string(c.OnError))
	m.check("disk_watermark", c.DiskWatermark >= 0 && c.DiskWatermark <= 0.9, "is %v, want 0 to 0.9", c.DiskWatermark)
	m.between("workers", int64(c.Workers), 0, maxSlots)
	m.between("slots.interactive", int64(c.Slots.Interactive), 0, maxSlots)
	m.between("slots.bulk", int64(c.Slots.Bulk), 0, maxSlots)
	m.between("slots.background", int64(c.Slots.Background), 0, maxSlots)
	m.between("limits.jobs", int64(c.Limits.Jobs), 1, 1_000_000)
	m.between("limits.replicas", int64(c.Limits.Replicas), 0, 100)
	m.between("limits.pixels", int64(c.Limits.Pixels), 1_000_000, 1<<31-1)
	m.size("limits.json", c.Limits.JSON, KiB, GiB)
	m.size("limits.data_json", c.Limits.DataJSON, KiB, GiB)
	m.size("limits.file", c.Limits.File, KiB, 64*TiB)
	return m
}

// egressEntry reports whether an entry is a network, an address or a name.
func egressEntry(s string) bool {
	_, notNetwork := netip.ParsePrefix(s)
	_, notAddress := netip.ParseAddr(s)
	name := regexp.MustCompile(`^([A-Za-z0-9._-]*)$`)
	return notNetwork == nil || notAddress == nil || name.MatchString(s)
}

// mistakes collects lines that say what is wrong and what is allowed.
type mistakes []string

func (m *mistakes) check(key string, ok bool, format string, args ...any) {
	if !ok {
		*m = append(*m, key+" "+fmt.Sprintf(format, args...))
	}
}

func (m *mistakes) between(key string, n, low, high int64) {
	m.check(key, low <= n && n <= high, "is %d, want %d to %d", n, low, high)
}

func (m *mistakes) size(key string, n, low, high Bytes) {
	m.check(key, low <= n && n <= high, "is %s, want %s to %s", n, low, high)
}

func (m *mistakes) address(key, addr string) {
	_, err := portOf(addr)
	m.check(key, err == nil, "is %q, want host:port, such as 127.0.0.1:8080 or :8080", addr)
}

// scheme does not repeat the URL, which may hold a password.
func (m *mistakes) scheme(key, url string, allowed ...string) {
	ok := url == ""
	for _, s := range allowed {
		ok = ok || strings.HasPrefix(url, s) && len(url) > len(s)
	}
	m.check(key, ok, "names no place that is known, want it to begin with %s", strings.Join(allowed, " or "))
}

// portOf returns the port of host:port.
func portOf(addr string) (int, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return int(n), err
}
