package outgoing

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"code.dny.dev/ssrf"

	"framemill/pipeline"
)

// gate knows which hosts, addresses and ports may be reached.
type gate struct {
	guardian *ssrf.Guardian
	networks []netip.Prefix
	hosts    []string
}

// hostName is a name as DNS has them.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)

// newGate reads the operator's list of what may be reached beside public
// addresses.
func newGate(allow string) (*gate, error) {
	g := &gate{guardian: ssrf.New(ssrf.WithAnyPort(), ssrf.WithAnyNetwork())}
	for entry := range strings.SplitSeq(allow, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		if p, err := netip.ParsePrefix(entry); err == nil {
			g.networks = append(g.networks, p.Masked())
			continue
		}
		if a, err := netip.ParseAddr(strings.Trim(entry, "[]")); err == nil {
			g.networks = append(g.networks, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
			continue
		}
		if !hostName.MatchString(entry) {
			return nil, fmt.Errorf("%q is no network, address or name of a host", entry)
		}
		g.hosts = append(g.hosts, spelling(entry))
	}
	return g, nil
}

// CheckAllow reports what is wrong with a list for Config.Allow.
func CheckAllow(allow string) error {
	_, err := newGate(allow)
	return err
}

// spelling is the one spelling of a name.
func spelling(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

// allowsHost reports whether the operator allows a host by its name.
func (g *gate) allowsHost(host string) bool { return slices.Contains(g.hosts, spelling(host)) }

// checkHost judges what the host and port of a URL tell without looking the
// name up.
func (g *gate) checkHost(host, port string) error {
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return pipeline.Errorf(pipeline.Invalid, "Enter a valid URL.")
		}
	}
	if g.allowsHost(host) {
		return nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		if g.checkAddr(host, port) != nil {
			return errRefusedURL()
		}
		return nil
	}
	if s := spelling(host); s == "localhost" || strings.HasSuffix(s, ".localhost") {
		return errRefusedURL()
	}
	if foreignPort(port) {
		return errRefusedURL()
	}
	return nil
}

func errRefusedURL() error {
	return pipeline.Errorf(pipeline.Invalid, "%s", ErrRefused).Because(ErrRefused)
}

// checkAddr judges an address.
func (g *gate) checkAddr(host, port string) error {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return ErrRefused
	}
	addr = addr.WithZone("").Unmap()
	if slices.ContainsFunc(g.networks, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return nil
	}
	if foreignPort(port) || embedsAddress(addr) || g.guardian.SafeAddr(addr) != nil {
		return ErrRefused
	}
	return nil
}

// foreignPort reports whether a port belongs to something that does not speak
// HTTP to strangers: the services of the system but the web, and the usual
// databases.
func foreignPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return port != ""
	}
	return n < 1024 && n != 80 && n != 443 ||
		slices.Contains([]uint64{2049, 2375, 2376, 2379, 2380, 3306, 5432, 6379, 6443, 10250, 11211, 27017}, n)
}

// embedsAddress reports whether an address is that of an ISATAP tunnel, which
// ends at the IPv4 address that it holds. Those of 6to4, Teredo and NAT64 lie
// outside of what the guardian lets through.
func embedsAddress(a netip.Addr) bool {
	b := a.As16()
	return a.Is6() && (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}
