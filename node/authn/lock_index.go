package authn

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// lockIndex finds the locks of a caller and of an address, however many there are, without allocating. It never changes.
// Of several locks of one target it knows the one that lasts longest: when that is over, all are. The nil lockIndex knows
// of no lock and is not whole.
type lockIndex struct {
	number    uint64           // of this index: no other of this node has it; 0: it has none
	whole     bool             // no lock is there that this node cannot read
	users     map[string]*Lock // by id
	emails    map[string]*Lock // by folded e-mail address
	groups    map[string]*Lock
	sessions  map[string]*Lock
	devices   map[string]*Lock
	addresses []reach // by from
}

// reach is a lock of all addresses from one on, to before the next reach; nil where none is locked.
type reach struct {
	from netip.Addr
	lock *Lock
}

// newLockIndex makes the index of all locks. unreadable tells that there are others, which this node cannot read.
func newLockIndex(all map[string]Lock, unreadable bool) *lockIndex {
	x := &lockIndex{
		whole: !unreadable, users: map[string]*Lock{}, emails: map[string]*Lock{}, groups: map[string]*Lock{},
		sessions: map[string]*Lock{}, devices: map[string]*Lock{},
	}
	var networks []network
	locks := slices.Collect(maps.Values(all))
	for i := range locks {
		l := &locks[i]
		switch l.Kind {
		case LockUser:
			x.user(l)
		case LockGroup:
			keep(x.groups, l.Target, l)
		case LockSession:
			keep(x.sessions, l.Target, l)
		case LockDevice:
			keep(x.devices, l.Target, l)
		case LockAddress:
			p, err := parsePrefix(l.Target)
			x.whole = x.whole && err == nil
			if err == nil {
				networks = append(networks, network{p.Masked(), l})
			}
		default:
			x.whole = false // of a later version
		}
	}
	x.addresses = reaches(networks)
	return x
}

func (x *lockIndex) user(l *Lock) {
	for _, id := range l.Users {
		keep(x.users, id, l)
	}
	if isEmail(l.Target) {
		keep(x.emails, string(appendFolded(nil, l.Target)), l)
		return
	}
	keep(x.users, l.Target, l)
}

// keep notes a lock unless one is known that lasts longer.
func keep(in map[string]*Lock, target string, l *Lock) { in[target] = longer(in[target], l) }

// longer is that of two locks which lasts longer; nil is none.
func longer(a, b *Lock) *Lock {
	switch {
	case a == nil:
		return b
	case b == nil || a.Expires.IsZero():
		return a
	case b.Expires.IsZero() || a.Expires.Before(b.Expires):
		return b
	}
	return a
}

// caller is the lock that bars a caller who is known, nil when none does.
func (x *lockIndex) caller(c Caller, now time.Time) *Lock {
	for _, l := range [...]*Lock{x.sessions[c.Session.ID], x.devices[c.Session.Device], x.users[c.User.ID], x.email(c.User.Email)} {
		if l.holds(now) {
			return l
		}
	}
	if len(x.groups) == 0 {
		return nil
	}
	for _, name := range c.Groups.Names {
		if l := x.groups[name]; l.holds(now) {
			return l
		}
	}
	return nil
}

// device is the lock that bars a device, nil when none does.
func (x *lockIndex) device(device string, now time.Time) *Lock {
	if l := x.devices[device]; l.holds(now) {
		return l
	}
	return nil
}

func (x *lockIndex) email(email string) *Lock {
	if len(x.emails) == 0 || email == "" {
		return nil
	}
	var room [maxTarget]byte
	folded := appendFolded(room[:0], email)
	return x.emails[string(folded)]
}

// address is the lock that bars an address, nil when none does.
func (x *lockIndex) address(addr netip.Addr, now time.Time) *Lock {
	addr = addr.Unmap().WithZone("")
	i, found := slices.BinarySearchFunc(x.addresses, addr, func(r reach, addr netip.Addr) int { return r.from.Compare(addr) })
	if !found {
		i--
	}
	if !addr.IsValid() || i < 0 || !x.addresses[i].lock.holds(now) {
		return nil
	}
	return x.addresses[i].lock
}

// network is a lock of the addresses of a network.
type network struct {
	netip.Prefix
	lock *Lock
}

// reaches lays networks out side by side. Two networks never overlap in part: one is in the other, or they are apart.
func reaches(all []network) []reach {
	slices.SortFunc(all, func(a, b network) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	var l layout
	for _, n := range all {
		for len(l.open) > 0 && !l.open[len(l.open)-1].Contains(n.Addr()) {
			l.leave()
		}
		l.enter(n)
	}
	for len(l.open) > 0 {
		l.leave()
	}
	return l.side
}

// layout is reaches at work.
type layout struct {
	side []reach
	open []network // each is in the one before it, and has the lock that lasts longest of both
}

func (l *layout) enter(n network) {
	if len(l.open) > 0 {
		n.lock = longer(l.open[len(l.open)-1].lock, n.lock)
	}
	l.open = append(l.open, n)
	l.put(n.Addr())
}

// leave goes on behind the innermost network that is open. Behind the last address of IPv4 comes the first of IPv6.
func (l *layout) leave() {
	after := last(l.open[len(l.open)-1].Prefix).Next()
	was4 := l.open[len(l.open)-1].Addr().Is4()
	l.open = l.open[:len(l.open)-1]
	switch {
	case after.IsValid():
		l.put(after)
	case was4:
		l.put(netip.IPv6Unspecified())
	}
}

// put begins a reach, in place of one that would have no length.
func (l *layout) put(from netip.Addr) {
	r := reach{from: from}
	if len(l.open) > 0 {
		r.lock = l.open[len(l.open)-1].lock
	}
	if n := len(l.side); n > 0 && l.side[n-1].from == from {
		l.side = l.side[:n-1]
	}
	l.side = append(l.side, r)
}

// last is the last address of a network.
func last(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(bytes); bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	addr, _ := netip.AddrFromSlice(bytes)
	return addr
}
