package connection

import "net/netip"

// May tells whether an address may be dialled where nothing is allowed.
func May(ip netip.Addr) bool { return (&guard{}).may(ip) }
