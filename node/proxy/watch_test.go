package proxy

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"picket/node/authn"
	"picket/node/config"
	"picket/node/proxy/http1"
)

func TestAGroupThatIsGoneEndsWhatItAdmitted(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo))
	c := w.wikiSocket(w.signIn("alice", origin("wiki.test"), "wiki"))
	w.provider.mu.Lock()
	w.provider.groups = []string{"guests"}
	w.provider.mu.Unlock()
	w.signIn("alice", origin("open.test"), "open") // elsewhere: it tells of the new groups
	code, reason := ends(w.ctx, c)
	if code != websocket.StatusPolicyViolation || !strings.Contains(reason, "no longer admits") {
		t.Errorf("closed with %d %q", code, reason)
	}
}

func TestAChangeThatComesBeforeARequestIsUnderWayIsNotMissed(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	_, value, _ := strings.Cut(cookie, "=")
	rules := w.door.inForce.Load()
	a := &ask{began: time.Now(), rules: rules, heard: w.door.changes.heard.Load(), site: rules.table.find("wiki.test"), origin: origin("wiki.test"), cookie: value, route: rules.routes[0]}
	a.in.Now = a.began
	got := noteResponse(a)
	if f := w.door.admit(w.ctx, a); f != nil {
		t.Fatalf("%+v", f)
	}
	w.must(w.authn.Revoke(w.ctx, w.session()))
	w.until("the change was heard of", func() bool { return w.door.changes.heard.Load() != a.heard })
	w.door.carry(a)
	w.door.over(a)
	if got.status != http.StatusUnauthorized {
		t.Errorf("answered with %d", got.status)
	}
}

// noted is a response that nobody is sent.
type noted struct {
	http1.Client
	status int
}

func (n *noted) Begin(r http1.Reply)         { n.status = r.Status }
func (n *noted) Write(p []byte) (int, error) { return len(p), nil }
func (n *noted) Finish(http1.Fields) error   { return nil }

// noteResponse makes an ask one of a request that is answered to nobody.
func noteResponse(a *ask) *noted {
	n := &noted{}
	a.r = &http1.Request{Head: http1.Head{Method: http.MethodGet, Target: "/", Major: 1, Minor: 1}}
	a.w = recorder{Client: n}
	return n
}

func TestWhatCannotBeToldGoesOnForAsLongAsKnowledgeIsGood(t *testing.T) {
	fresh := true
	d := &Door{fresh: func() bool { return fresh }}
	rules := &Rules{config: &config.Config{Cluster: config.Cluster{MaxStaleness: 10 * time.Second}}}
	proved := time.Unix(1000, 0)
	unproved := func(access config.Access, now time.Time) error {
		s := &stream{ask: &ask{rules: &Rules{config: &config.Config{Cluster: config.Cluster{MaxStaleness: time.Hour}}}}} // as it was when it began
		s.proved.Store(proved.UnixNano())
		return d.unproved(s, &route{Route: &config.Route{Access: access}}, rules, now)
	}
	if err := unproved(config.AnyUser, proved.Add(9*time.Second)); err != nil {
		t.Errorf("after nine seconds: %v", err)
	}
	if err := unproved(config.AnyUser, proved.Add(10*time.Second)); !errors.Is(err, errUnproved) {
		t.Errorf("after ten: %v", err)
	}
	s := &stream{ask: &ask{began: proved, rules: rules}} // that was not asked about again
	for after, want := range map[time.Duration]error{9 * time.Second: nil, 10 * time.Second: errUnproved} {
		if err := d.unproved(s, &route{Route: &config.Route{Access: config.AnyUser}}, rules, proved.Add(after)); !errors.Is(err, want) {
			t.Errorf("%s after it began: %v", after, err)
		}
	}
	fresh = false
	if err := unproved(config.ByPolicy, proved); !errors.Is(err, errUnproved) {
		t.Errorf("on a node that lost touch: %v", err)
	}
	if err := unproved(config.Public, proved.Add(time.Hour)); err != nil {
		t.Errorf("on a public route: %v", err)
	}
}

func TestChangesPickWhatTheyTouch(t *testing.T) {
	streams := newStreams()
	var all []*stream
	for _, who := range [][2]string{{"s1", "u1"}, {"s1", "u1"}, {"s2", "u1"}, {"s3", "u2"}, {"", ""}} {
		a := &ask{r: &http1.Request{}}
		a.in.Session.ID, a.in.User.ID = who[0], who[1]
		all = append(all, streams.add(a, 0))
	}
	count := func(c authn.Change, want int) {
		t.Helper()
		if got := len(streams.pick(c)); got != want {
			t.Errorf("%+v picks %d; want %d", c, got, want)
		}
	}
	count(authn.Change{}, 5)
	count(authn.Change{Session: "s1"}, 2)
	count(authn.Change{User: "u1"}, 3)
	count(authn.Change{Session: "s9"}, 0)
	streams.remove(all[0])
	count(authn.Change{Session: "s1"}, 1)
	count(authn.Change{User: "u1"}, 2)
	for _, s := range all[1:] {
		streams.remove(s)
	}
	count(authn.Change{}, 0)
	streams.endAll()
	late := &ask{r: &http1.Request{}}
	streams.remove(streams.add(late, 0))
	if !errors.Is(late.r.Life.Cause(), errGoingAway) {
		t.Error("what comes after the end goes on")
	}
}
