package authn

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ErrLocked says that an operator has locked out a user, a group, a session, a device or an address.
var ErrLocked = errors.New("access is locked")

// ErrBadLock says that a lock cannot be made as it was asked for; the error tells why.
var ErrBadLock = errors.New("not a lock")

// LockKind is what a lock bars. A lock ends nothing: when it is removed, or its time is over, those concerned go on.
type LockKind string

// The kinds of lock.
const (
	LockUser    LockKind = "user"    // by id, or by e-mail address in any case
	LockGroup   LockKind = "group"   // whoever is in a group of that name, in exactly that spelling
	LockSession LockKind = "session" // by id
	LockDevice  LockKind = "device"  // Session.Device: a browser, for as long as it keeps its cookies
	LockAddress LockKind = "address" // of clients, behind trusted proxies; or a network in CIDR notation
)

// Lock bars somebody, or something, until it is removed or expires. It is stored under its id.
type Lock struct {
	ID      string    `json:"id"`
	Kind    LockKind  `json:"kind"`
	Target  string    `json:"target"`
	Users   []string  `json:"users,omitempty"` // ids of those who bore the e-mail address when it was locked: they cannot get round it by another
	Reason  string    `json:"reason,omitempty"`
	Author  string    `json:"author,omitempty"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
}

// holds tells whether the lock is in force. Nil bars nobody.
func (l *Lock) holds(now time.Time) bool {
	return l != nil && (l.Expires.IsZero() || now.Before(l.Expires))
}

// Err is ErrLocked with what the log is to know: the lock's id and reason.
func (l *Lock) Err() error {
	return fmt.Errorf("lock %s of %s %q (reason: %q): %w", l.ID, l.Kind, l.Target, l.Reason, ErrLocked)
}

// LockRequest is what an operator asks for.
type LockRequest struct {
	Kind   LockKind
	Target string
	Reason string
	Author string
	TTL    time.Duration // zero: it holds until it is removed
}

// Limits of what is kept of a lock, in bytes.
const (
	maxTarget = 320
	maxReason = 500
	maxAuthor = 100
)

// longestLock is how long a lock may last that ends by itself.
const longestLock = 10 * 365 * 24 * time.Hour

// check gives the target as it is stored. ErrBadLock.
func (r LockRequest) check() (target string, err error) {
	switch {
	case r.TTL < 0:
		return "", badLock("a lock cannot last for %s: give a time that is yet to pass, or none for a lock that stays", r.TTL)
	case r.TTL > longestLock:
		return "", badLock("a lock cannot last for %s: give at most %s (ten years), or no time for a lock that stays", r.TTL, longestLock)
	case !sayable(r.Reason, maxReason):
		return "", badLock("a reason is one line of at most %d bytes", maxReason)
	case !sayable(r.Author, maxAuthor):
		return "", badLock("an author is one line of at most %d bytes", maxAuthor)
	case !sayable(r.Target, maxTarget) || strings.TrimSpace(r.Target) == "":
		return "", badLock("what is locked is one line of 1 to %d bytes", maxTarget)
	}
	switch r.Kind {
	case LockUser:
		return userTarget(strings.TrimSpace(r.Target))
	case LockGroup:
		return r.Target, nil
	case LockSession:
		return idTarget(r.Target, "session")
	case LockDevice:
		return idTarget(r.Target, "device")
	case LockAddress:
		return addressTarget(strings.TrimSpace(r.Target))
	}
	return "", badLock("%.32q cannot be locked: user, group, session, device and address can", r.Kind)
}

func badLock(why string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(why, args...), ErrBadLock)
}

// sayable tells whether a text fits in a line of a log.
func sayable(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// userTarget takes a user's id, of somebody who was never here, too; or an e-mail address.
func userTarget(s string) (string, error) {
	if !isEmail(s) && !wellFormedUser(s) {
		return "", badLock("%q is no user: give an e-mail address, or the id of a user", s)
	}
	return s, nil
}

// isEmail tells an e-mail address from an id, in which there is no @.
func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1
}

// idTarget takes what newID makes.
func idTarget(s, what string) (string, error) {
	if len(s) != idLength || !wellFormedBinding(s) {
		return "", badLock("%q is no id of a %s: 'picket sessions list' and 'show' tell them", s, what)
	}
	return s, nil
}

// addressTarget takes an address or a network, and writes it as others would: IPv4 in IPv6 is IPv4.
func addressTarget(s string) (string, error) {
	p, err := parsePrefix(s)
	switch {
	case err != nil:
		return "", badLock("%q is no address and no network: write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32", s)
	case p != p.Masked():
		return "", badLock("%q is no network: the one that it is in is %s", s, p.Masked())
	case p.IsSingleIP():
		return p.Addr().String(), nil
	}
	return p.String(), nil
}

// parsePrefix reads an address or a network as a network.
func parsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, errors.Join(err, errors.New("no address"))
		}
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.Addr().Is4In6() {
		return p, err
	}
	if p.Bits() < 96 {
		return netip.Prefix{}, errors.New("a network of IPv6 that begins in IPv4")
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96), nil
}

// appendFolded appends an e-mail address such that two are the same if they differ in case alone.
func appendFolded(dst []byte, s string) []byte {
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z':
			dst = append(dst, byte(r-'a'+'A'))
		case r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		default:
			least := r
			for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
				least = min(least, next)
			}
			dst = utf8.AppendRune(dst, least)
		}
	}
	return dst
}
