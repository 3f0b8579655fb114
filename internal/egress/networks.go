package egress

import (
	"net/netip"
	"slices"
)

// Public tells whether an address belongs to the internet at large: not to a
// private or special network, and not to a way of writing an address of one of
// those inside another.
func Public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	in := func(p netip.Prefix) bool { return p.Contains(ip) }
	if ip.Is4() {
		return !slices.ContainsFunc(special4(), in)
	}
	// All that is given out for the internet lies in 2000::/3. Outside of it are
	// loopback, link-local, unique local, multicast, and the addresses that carry
	// one of the older kind: compatible, mapped, translated, NAT64.
	return netip.MustParsePrefix("2000::/3").Contains(ip) && !slices.ContainsFunc(special6(), in) && !carried(ip)
}

// special4 are the networks of the registry of special-purpose addresses
// (RFC 6890 and later), multicast and what is reserved.
func special4() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),
		netip.MustParsePrefix("10.0.0.0/8"),
		netip.MustParsePrefix("100.64.0.0/10"), // carriers' NAT
		netip.MustParsePrefix("127.0.0.0/8"),
		netip.MustParsePrefix("169.254.0.0/16"),
		netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("192.0.2.0/24"),
		netip.MustParsePrefix("192.88.99.0/24"), // relays into the other kind
		netip.MustParsePrefix("192.168.0.0/16"),
		netip.MustParsePrefix("198.18.0.0/15"),
		netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("203.0.113.0/24"),
		netip.MustParsePrefix("224.0.0.0/4"),
		netip.MustParsePrefix("240.0.0.0/4"),
	}
}

// special6 are the special networks within 2000::/3.
func special6() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("2001::/23"), // protocols: Teredo, ORCHID, benchmarking
		netip.MustParsePrefix("2001:db8::/32"),
		netip.MustParsePrefix("2002::/16"), // 6to4 carries an address of the older kind
		netip.MustParsePrefix("3fff::/20"),
	}
}

// carried tells that the lower half of an address is one of ISATAP: it leads to
// the address of the older kind that it ends with, whatever its network.
func carried(ip netip.Addr) bool {
	b := ip.As16()
	return b[8]&^0x02 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// metadata tells whether an address is that of a service which hands out a
// machine's credentials in one of the large clouds.
func metadata(ip netip.Addr) bool {
	return slices.Contains([]netip.Addr{
		netip.MustParseAddr("169.254.169.254"), // nearly all
		netip.MustParseAddr("169.254.170.2"),   // AWS, containers
		netip.MustParseAddr("169.254.170.23"),  // AWS, pods
		netip.MustParseAddr("fd00:ec2::254"),   // AWS
		netip.MustParseAddr("fd00:ec2::23"),    // AWS, pods
		netip.MustParseAddr("fd20:ce::254"),    // Google
		netip.MustParseAddr("100.100.100.200"), // Alibaba
		netip.MustParseAddr("192.0.0.192"),     // Oracle
		netip.MustParseAddr("168.63.129.16"),   // Azure; looks public
	}, ip)
}
