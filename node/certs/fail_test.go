package certs

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"
	"github.com/nats-io/nats.go"

	"picket/broker"
)

// told is what a node tells of a name.
func (m *member) told(name string) Status {
	for _, s := range m.Status() {
		if s.Name == name {
			return s
		}
	}
	return Status{}
}

func TestANodeThatDiesOverAnOrderIsFollowedByAnother(t *testing.T) {
	w := newWorld(t, day)
	c := w.acme(acme.ChallengeTypeHTTP01, "wiki.example.test")
	reached, release := make(chan struct{}, 8), make(chan struct{})
	stuck := func() { reached <- struct{}{}; <-release }
	w.hold.Store(&stuck)
	dies := w.start("n1", c)
	<-reached
	w.hold.Store(nil)
	dies.kill()
	close(release)
	next := w.start("n2", c)
	w.answers.Store(next.Manager)
	w.serves("wiki.example.test", nil, next)
}

func TestACertificateIsRenewedOnceAndServedByAll(t *testing.T) {
	w := newWorld(t, 30)
	c := w.acme(acme.ChallengeTypeTLSALPN01, "wiki.example.test")
	members := []*member{w.start("n1", c), w.start("n2", c), w.start("n3", c)}
	w.answers.Store(members[2].Manager)
	first := w.serves("wiki.example.test", nil, members...)
	second := w.serves("wiki.example.test", first, members...)
	if !second.NotAfter.After(first.NotAfter) {
		t.Errorf("until %s, and then until %s", first.NotAfter, second.NotAfter)
	}
	if n := w.orders.Load(); n != 2 {
		t.Errorf("%d orders for one certificate and its renewal", n)
	}
}

func TestNothingIsOrderedBecauseTheStoreIsDown(t *testing.T) {
	w := newWorld(t, 30)
	c := w.acme(acme.ChallengeTypeHTTP01, "wiki.example.test")
	n1 := w.start("n1", c)
	w.answers.Store(n1.Manager)
	first := w.serves("wiki.example.test", nil, n1)
	w.stopStore()
	w.until("it is over", func() bool { return time.Now().After(first.NotAfter) })
	if n := w.orders.Load(); n != 1 {
		t.Errorf("%d orders while the store was down", n)
	}
	if got := n1.served("wiki.example.test"); got == nil || !got.Equal(first) || n1.told("wiki.example.test").State != StateExpired {
		t.Errorf("it is told to be %+v", n1.told("wiki.example.test"))
	}
	w.startStore()
	w.serves("wiki.example.test", first, n1)
}

func TestOthersSecretsReadNothingAndOrderNothing(t *testing.T) {
	w := newWorld(t, day)
	c := w.acme(acme.ChallengeTypeHTTP01, "wiki.example.test")
	n1 := w.start("n1", c)
	w.answers.Store(n1.Manager)
	w.serves("wiki.example.test", nil, n1)
	stranger := w.start("n2", c, func(o *broker.Options) { o.Secrets = [][]byte{[]byte(strings.Repeat("x", 32))} })
	w.until("the stranger looks", func() bool { return stranger.told("wiki.example.test").Help != "" })
	if s := stranger.told("wiki.example.test"); s.State != StateMissing || !s.NextTry.IsZero() || stranger.served("wiki.example.test") != nil {
		t.Errorf("the stranger tells %+v", s)
	}
	conn, err := nats.Connect(w.nats.ClientURL())
	w.must(err)
	defer conn.Close()
	stream, err := conn.JetStream()
	w.must(err)
	bucket, err := stream.KeyValue("certs")
	w.must(err)
	keys, err := bucket.Keys()
	w.must(err)
	for _, key := range keys {
		if strings.Contains(key, "heartbeat") {
			continue
		}
		entry, err := bucket.Get(key)
		w.must(err)
		if json.Valid(entry.Value()) {
			t.Errorf("%s lies open: %.60s", key, entry.Value())
		}
	}
	if n := w.orders.Load(); n != 1 {
		t.Errorf("%d orders", n)
	}
}

func TestARecordThatCannotBeReadIsForTheOperator(t *testing.T) {
	w := newWorld(t, day)
	c := w.acme(acme.ChallengeTypeHTTP01, "wiki.example.test")
	n1, n2 := w.start("n1", c), w.start("n2", c)
	w.answers.Store(n2.Manager)
	first := w.serves("wiki.example.test", nil, n1, n2)
	conn, err := nats.Connect(w.nats.ClientURL())
	w.must(err)
	defer conn.Close()
	stream, err := conn.JetStream()
	w.must(err)
	bucket, err := stream.KeyValue("certs")
	w.must(err)
	_, err = bucket.Put(keyOf(siteFile(n1.wanted.Load().issuer, "wiki.example.test", ".key")), []byte("damaged"))
	w.must(err)
	for _, m := range []*member{n1, n2} {
		w.until("it is told", func() bool { return m.told("wiki.example.test").Help != "" })
		if s := m.told("wiki.example.test"); s.State != StateServed || !strings.Contains(s.Help, "picket certificates renew wiki.example.test") {
			t.Errorf("it is told %+v", s)
		}
	}
	w.must(n2.Renew(t.Context(), "wiki.example.test"))
	w.serves("wiki.example.test", first, n1, n2)
	w.until("all is well", func() bool {
		s := n1.told("wiki.example.test")
		return s.Help == "" && s.Failures == 0 && s.Error == ""
	})
	if err := n1.Renew(t.Context(), "other.example.test"); err == nil {
		t.Error("a name that nobody has is ordered")
	}
}

func TestChainAndKeyThatDoNotBelongTogetherAreOrderedAnew(t *testing.T) {
	w := newWorld(t, day)
	c := w.acme(acme.ChallengeTypeHTTP01, "wiki.example.test")
	first := w.follow("n1", c)
	s, issuer := first.state.Load().storage, first.wanted.Load().issuer
	chain, _ := selfSigned(t, "wiki.example.test", time.Now().Add(time.Hour*2000))
	_, key := selfSigned(t, "wiki.example.test", time.Now().Add(time.Hour))
	w.must(s.Lock(t.Context(), siteLock+"wiki.example.test"))
	for kind, value := range map[string][]byte{".crt": chain, ".key": key, ".json": []byte("{}")} { // a node died between the two
		w.must(s.Store(t.Context(), siteFile(issuer, "wiki.example.test", kind), value))
	}
	w.must(s.Unlock(t.Context(), siteLock+"wiki.example.test"))
	n2 := w.start("n2", c)
	w.answers.Store(n2.Manager)
	w.serves("wiki.example.test", nil, n2)
}

func TestNodesWaitTogetherAfterAFailure(t *testing.T) {
	w := newWorld(t, day)
	c := w.acme(acme.ChallengeTypeHTTP01, "wiki.example.test") // nobody answers
	n1, n2 := w.follow("n1", c), w.follow("n2", c)
	for _, m := range []*member{n1, n2} {
		m.waits.retries = []time.Duration{time.Hour}
		w.t.Cleanup(w.run(m.Run))
	}
	for _, m := range []*member{n1, n2} {
		w.until("the failure is told", func() bool {
			s := m.told("wiki.example.test")
			return s.Failures == 1 && s.Error != begun && time.Until(s.NextTry) > 50*time.Minute
		})
	}
	if n := w.orders.Load(); n != 1 {
		t.Errorf("%d orders", n)
	}
	w.until("the log says what to look at", func() bool {
		return n1.log.has("see the name's DNS records") || n2.log.has("see the name's DNS records")
	})
	late := w.follow("n1", c)
	late.waits.retries = n1.waits.retries
	w.t.Cleanup(w.run(late.Run))
	if s := late.told("wiki.example.test"); s.Failures != 1 || time.Until(s.NextTry) < 50*time.Minute {
		t.Errorf("a node that starts anew tells %+v", s)
	}
	w.answers.Store(n2.Manager)
	w.must(n2.Renew(t.Context(), "wiki.example.test"))
	w.serves("wiki.example.test", nil, n1, n2, late)
	w.until("the failure is forgotten", func() bool { return n1.told("wiki.example.test").Failures == 0 })
}

func TestAnAnswerWithoutEndIsCutOff(t *testing.T) {
	w := newWorld(t, day)
	endless := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		for r.Context().Err() == nil {
			if _, err := rw.Write([]byte(strings.Repeat(" ", 64<<10))); err != nil {
				return
			}
		}
	}))
	t.Cleanup(endless.Close)
	c := w.acmeless("wiki.example.test")
	c.Directory = endless.URL
	n1 := w.follow("n1", c)
	n1.waits.retries = []time.Duration{time.Hour}
	w.t.Cleanup(w.run(n1.Run))
	w.until("it is told", func() bool { return strings.Contains(n1.told("wiki.example.test").Error, "longer than 1048576 bytes") })
}

func TestNamesComeAndGoWithTheConfiguration(t *testing.T) {
	w := newWorld(t, day)
	none := w.acme(acme.ChallengeTypeHTTP01)
	n1 := w.start("n1", none)
	w.answers.Store(n1.Manager)
	use := func(names ...string) {
		t.Helper()
		p, err := n1.With(w.config("n1", w.acme(acme.ChallengeTypeHTTP01, names...)))
		w.must(err)
		p.Use()
	}
	if n1.state.Load() != nil {
		t.Error("a bucket is open that nobody needs")
	}
	use("a.example.test", "b.example.test")
	a := w.serves("a.example.test", nil, n1)
	w.serves("b.example.test", nil, n1)
	use("b.example.test")
	if n1.served("a.example.test") != nil || len(n1.Status()) != 1 {
		t.Error("a name is served that no route has")
	}
	use("a.example.test")
	if got := w.serves("a.example.test", nil, n1); !got.Equal(a) {
		t.Error("a certificate that is there is not taken")
	}
	if n := w.orders.Load(); n != 2 {
		t.Errorf("%d orders", n)
	}
}

func TestNothingIsOrderedForANameThatAClientAsksFor(t *testing.T) {
	w := newWorld(t, day)
	c := w.acme(acme.ChallengeTypeHTTP01, "wiki.example.test")
	n1 := w.start("n1", c)
	w.answers.Store(n1.Manager)
	w.serves("wiki.example.test", nil, n1)
	for _, name := range []string{"", "other.example.test", "wiki.example.test.", "WIKI.example.test", "a.wiki.example.test", "*.example.test", "..", strings.Repeat("x", 300)} {
		cert, err := n1.Certificate(&tls.ClientHelloInfo{ServerName: name})
		ours := strings.EqualFold(strings.TrimSuffix(name, "."), "wiki.example.test")
		if err != nil || (cert != nil) != ours {
			t.Errorf("for %q: %v, %v", name, cert != nil, err)
		}
		if _, err := n1.Certificate(&tls.ClientHelloInfo{ServerName: name, SupportedProtos: []string{ALPN}}); err == nil {
			t.Errorf("a challenge for %q is answered that nobody was given", name)
		}
	}
	for _, token := range []string{"", "x", strings.Repeat("a", 22), "../../etc/passwd", strings.Repeat("é", 20), strings.Repeat("a", 5000)} {
		if _, ok := n1.KeyAuthorization(t.Context(), token); ok {
			t.Errorf("token %q is known", token)
		}
	}
	if n := w.orders.Load(); n != 1 {
		t.Errorf("%d orders", n)
	}
}

func TestAHandshakeWithoutACertificateIsTold(t *testing.T) {
	w := newWorld(t, day)
	c := w.acmeless("wiki.example.test")
	n1 := w.follow("n1", c)
	for range 3 {
		if cert, err := n1.Certificate(&tls.ClientHelloInfo{ServerName: "wiki.example.test"}); cert != nil || err == nil {
			t.Error("there is a certificate")
		}
	}
	n1.log.mu.Lock()
	defer n1.log.mu.Unlock()
	if n := strings.Count(n1.log.text.String(), "a TLS handshake failed"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

func TestWaitingGrowsAndNeverEnds(t *testing.T) {
	w := newWaits(retries())
	if !slices.IsSorted(w.retries) || w.after(0) != time.Minute || w.after(1) != time.Minute || w.after(1000) != 6*time.Hour {
		t.Errorf("after attempts it is waited %v, %v, %v", w.after(0), w.after(1), w.after(1000))
	}
	first := w.until("a", attempt{Count: 1, Wait: time.Minute, ID: "x"})
	if again := w.until("a", attempt{Count: 1, Wait: time.Minute, ID: "x"}); !again.Equal(first) {
		t.Error("one note makes wait twice")
	}
	if far := time.Until(w.until("a", attempt{Count: 1, Wait: 1 << 62, ID: "y"})); far > 6*time.Hour {
		t.Errorf("a note makes wait %v", far)
	}
	if !w.until("a", attempt{}).IsZero() {
		t.Error("nothing makes wait")
	}
}

func TestNothingIsOrderedByAClockThatIsWrong(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for date, agrees := range map[string]bool{
		now.Format(http.TimeFormat): true, now.Add(59 * time.Minute).Format(http.TimeFormat): true, "": true, "now": true,
		now.Add(2 * time.Hour).Format(http.TimeFormat): false, now.Add(-24 * time.Hour).Format(http.TimeFormat): false,
	} {
		if err := clocksAgree(date, now); (err == nil) != agrees {
			t.Errorf("%q: %v", date, err)
		}
	}
	w := newWorld(t, day)
	wrong := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Date", time.Now().Add(-48*time.Hour).UTC().Format(http.TimeFormat))
	}))
	t.Cleanup(wrong.Close)
	c := w.acmeless("wiki.example.test")
	c.Directory = wrong.URL
	n1 := w.follow("n1", c)
	n1.waits.retries = []time.Duration{time.Hour}
	w.t.Cleanup(w.run(n1.Run))
	w.until("it is told", func() bool {
		return strings.Contains(n1.told("wiki.example.test").Error, "set this node's clock right")
	})
}

func TestCertificatesComeBackWithABackup(t *testing.T) {
	w := newWorld(t, day)
	c := w.acme(acme.ChallengeTypeHTTP01, "wiki.example.test")
	n1 := w.start("n1", c)
	w.answers.Store(n1.Manager)
	leaf := w.serves("wiki.example.test", nil, n1)
	var saved bytes.Buffer
	_, err := n1.broker.Backup(t.Context(), &saved, "test")
	w.must(err)
	empty := &world{t: t, store: t.TempDir()}
	empty.startStore()
	t.Cleanup(empty.stopStore)
	n2 := empty.follow("n2", c)
	_, err = n2.broker.Restore(t.Context(), &saved, broker.RestoreOptions{})
	w.must(err)
	w.until("it is served again", func() bool { got := n2.served("wiki.example.test"); return got != nil && got.Equal(leaf) })
	text, err := n2.state.Load().storage.Load(t.Context(), (&authority{ACME: c, key: n2.wanted.Load().issuer}).accountPath())
	if err != nil || len(text) == 0 {
		t.Errorf("the account: %v", err)
	}
}
