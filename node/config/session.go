package config

import "time"

func (b block) session() Session {
	s := b.child("session")
	session := Session{
		Lifetime: s.duration("lifetime", 14*time.Hour, time.Second),
		Idle:     s.duration("idle", 0, 0),
		SameSite: s.choice("same_site", "lax", "strict", "none"),
	}
	s.pointless(session.Idle, session.Lifetime)
	return session
}

// stricter reads the session block of a route: never looser than the cluster's. Zero fields are the cluster's.
func (b block) stricter(cluster Session) Session {
	s := b.child("session")
	session := Session{
		Lifetime: s.duration("lifetime", 0, time.Second),
		Idle:     s.duration("idle", 0, 0),
	}
	if session.Lifetime > cluster.Lifetime {
		s.fail(looserSession, s.place("lifetime"), "The cluster's sessions end after %s. Write less, or let the cluster's last longer.", spanText(cluster.Lifetime))
	}
	loose := session.Idle > cluster.Idle || session.Idle == 0 && s.has("idle") && !s.wrong("idle")
	if cluster.Idle > 0 && loose {
		s.fail(looserSession, s.place("idle"), "The cluster's sessions end after %s without a request. Write less, or let the cluster's last longer.", spanText(cluster.Idle))
	}
	s.pointless(session.Idle, min(orAll(session.Lifetime, cluster.Lifetime), cluster.Lifetime))
	return session
}

func orAll(span, otherwise time.Duration) time.Duration {
	if span == 0 {
		return otherwise
	}
	return span
}

// pointless warns of an idle time that never comes to bear.
func (b block) pointless(idle, lifetime time.Duration) {
	if idle >= lifetime && b.has("idle") {
		b.warn(idleBeyond, b.place("idle"), "Sessions end after %s anyway.", spanText(lifetime))
	}
}
