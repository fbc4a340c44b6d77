package certs

import (
	"testing"

	"github.com/mholt/acmez/v3/acme"
)

func TestOneNodeOrdersAnotherAnswersAndAllServe(t *testing.T) {
	for _, challenge := range []string{acme.ChallengeTypeHTTP01, acme.ChallengeTypeTLSALPN01} {
		t.Run(challenge, func(t *testing.T) {
			w := newWorld(t, day)
			c := w.acme(challenge, "wiki.example.test")
			answers, serves := w.follow("n2", c), w.follow("n3", c)
			w.answers.Store(answers.Manager)
			orders := w.start("n1", c)
			leaf := w.serves("wiki.example.test", nil, orders, answers, serves)
			if n := w.orders.Load(); n != 1 {
				t.Errorf("%d orders", n)
			}
			late := w.follow("n4", c)
			if got := late.served("wiki.example.test"); got == nil || !got.Equal(leaf) {
				t.Error("a node that starts later has not the certificate when it opens")
			}
		})
	}
}

func TestManyNodesOrderOnce(t *testing.T) {
	w := newWorld(t, day)
	names := []string{"a.example.test", "b.example.test", "c.example.test"}
	c := w.acme(acme.ChallengeTypeHTTP01, names...)
	w.answers.Store(w.follow("n0", c).Manager)
	members := []*member{w.start("n1", c), w.start("n2", c), w.start("n3", c)}
	for _, name := range names {
		w.serves(name, nil, members...)
	}
	if n := w.orders.Load(); n != 3 {
		t.Errorf("%d orders for 3 names", n)
	}
}

func TestAWildcardAndItsParentAreProvedByDNS(t *testing.T) {
	w := newWorld(t, day)
	c := w.acme(acme.ChallengeTypeDNS01, "*.example.test", "example.test")
	n1, n2 := w.start("n1", c), w.start("n2", c)
	wild := w.serves("any.example.test", nil, n1, n2)
	parent := w.serves("example.test", nil, n1, n2)
	if wild.Equal(parent) {
		t.Error("one certificate for both")
	}
	if cert := n1.served("deep.any.example.test"); cert != nil {
		t.Error("a wildcard is served two labels deep")
	}
	w.until("the TXT records are taken away", func() bool { left, changes := w.zone.left(); return left == 0 && changes == 4 })
}

func TestAnAccountIsBoundToOneThatTheAuthorityKnows(t *testing.T) {
	const key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	w := newWorld(t, day, "kid-1", key)
	c := w.acme(acme.ChallengeTypeHTTP01, "wiki.example.test")
	c.EAB.KeyID, c.EAB.HMAC = "kid-1", key
	n1 := w.start("n1", c)
	w.answers.Store(n1.Manager)
	w.serves("wiki.example.test", nil, n1)
}
