package broker

import (
	"net"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// strangers tells an operator of connections that the embedded server refused: who came to which port, what was wrong,
// what to look at. The server says it once for each attempt, and a node that is refused tries every second; here it is
// said once in a while for each address, and not more than some lines a minute for all, so that nobody fills a disk by
// knocking.
type strangers struct {
	log   zerolog.Logger
	now   func() time.Time
	after func(time.Duration, func()) (stop func() bool)

	mu       sync.Mutex
	told     map[affair]time.Time   // guarded by mu: when the log told of it last
	waiting  map[string]func() bool // guarded by mu; by host: stops what is about to be told
	minute   time.Time              // guarded by mu: since when lines are counted
	lines    int                    // guarded by mu: told in this minute
	untold   int                    // guarded by mu: since the last line
	finished bool                   // guarded by mu
}

// affair is what is told once in a while.
type affair struct{ host, what, node string }

const (
	strangerEvery  = 10 * time.Minute
	strangersEach  = 10              // lines a minute
	strangersKnown = 1000            // affairs that are remembered
	refusalWait    = 8 * time.Second // for a better explanation than that the other side refuses
)

func newStrangers(log zerolog.Logger) *strangers {
	return &strangers{
		log: log, now: time.Now, told: map[affair]time.Time{}, waiting: map[string]func() bool{},
		after: func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop },
	}
}

// open goes on telling, of another server of the same node; what was told is remembered.
func (s *strangers) open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = false
	clear(s.waiting)
}

// close ends what is about to be told.
func (s *strangers) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished = true
	for _, stop := range s.waiting {
		stop()
	}
}

// knock is a refused connection as the server's line tells it.
type knock struct {
	host, port    string // of the other side
	ours          string // "nodes" or "clients": the port that it is about
	node, cluster string // what its certificate says; "": it has none, or it is not known
	why           string
	verdict       verdict
}

// verdict is what to think of a knock.
type verdict struct {
	level   zerolog.Level
	message string
}

// What is said. Whoever reads it has one line, and the fields from, port, node, cluster and error.
var (
	noTLS       = verdict{zerolog.WarnLevel, "refused a connection that does not speak TLS: only nodes of this cluster have business at this port"}
	noPaper     = verdict{zerolog.WarnLevel, "refused a connection without a node certificate: only nodes of this cluster have business at this port"}
	foreign     = verdict{zerolog.WarnLevel, "refused a connection with a certificate that is no node's: only nodes of this cluster have business at this port"}
	noUser      = verdict{zerolog.WarnLevel, "refused a connection that has a node certificate and no account: only nodes of this cluster have business at this port"}
	notOurs     = verdict{zerolog.WarnLevel, "refused a connection that is no node's: only nodes of this cluster have business at this port"}
	otherSecret = verdict{zerolog.ErrorLevel, "this node and another do not have the same cluster secret, and refuse each other: is cluster.secrets the same on both? A new secret is first added behind the old one, on every node"}
	otherName   = verdict{zerolog.ErrorLevel, "this node and one of another cluster have the same secret, and refuse each other: is cluster.name the same on both, or should the clusters have secrets of their own?"}
	otherTime   = verdict{zerolog.ErrorLevel, "a node certificate is of another time: do the clocks of this machine and the other differ by a day?"}
	refusesUs   = verdict{zerolog.ErrorLevel, "the other nodes do not accept this node's certificate: are the cluster secret and the name of the cluster the same?"}
	sameName    = verdict{zerolog.ErrorLevel, "another node has the name of this one, and they refuse each other: stop one of them, and give each its own name (node, in broker; without it, the name of the host)"}
	everydayEnd = verdict{} // it ended before it began: not told
)

// knocked takes a server's line apart; ok is false for one that is of something else.
func knocked(line string) (k knock, ok bool) {
	parts := refusedLine.FindStringSubmatch(line)
	if parts == nil {
		return k, false
	}
	k.ours, k.why = "clients", parts[3]
	if !strings.Contains(line, "handshake") && !strings.HasPrefix(k.why, "authentication error") && !strings.HasPrefix(k.why, duplicateName) {
		return k, false
	}
	if parts[2] == "rid" {
		k.ours = "nodes"
	}
	var err error
	if k.host, k.port, err = net.SplitHostPort(parts[1]); err != nil {
		return k, false
	}
	k.verdict = judge(k.why)
	if paper := paperLine.FindStringSubmatch(k.why); paper != nil {
		k.node, k.cluster = clip(paper[1]), clip(paper[2])
	}
	if name := clusterLine.FindStringSubmatch(k.why); name != nil {
		k.cluster = clip(name[1])
	}
	k.why, _, _ = strings.Cut(k.why, " (")
	return k, true
}

var (
	refusedLine = regexp.MustCompile(`^(\S+) - (cid|rid):\d+ - (?:TLS (?:\S+ )?handshake error: )?(.*)$`)
	paperLine   = regexp.MustCompile(`\(CN=([^,]*)(?:,O=([^,]*?))? SHA-256: `)
	clusterLine = regexp.MustCompile(`^` + otherCluster + `\["(.*)"\]`)
)

// duplicateName begins what the server says of one that has its own name.
const duplicateName = "Remote server has a duplicate name"

func clip(s string) string { return s[:min(len(s), 64)] }

// judge says what to think of what the server says.
func judge(why string) verdict {
	for _, sign := range []struct {
		text string
		verdict
	}{
		{"does not look like a TLS handshake", noTLS},
		{"didn't provide a certificate", noPaper},
		{otherCluster, otherName},
		{duplicateName, sameName},
		{`"` + authorityName + `"`, otherSecret},
		{"has expired or is not yet valid", otherTime},
		{"remote error: tls: expired certificate", otherTime},
		{"remote error: tls: bad certificate", refusesUs},
		{"remote error: tls: unknown certificate", refusesUs},
		{"unknown authority", foreign},
		{"authentication error", noUser},
		{"EOF", everydayEnd},
		{"timeout", everydayEnd},
		{"connection reset", everydayEnd},
		{"broken pipe", everydayEnd},
		{"use of closed", everydayEnd},
	} {
		if strings.Contains(why, sign.text) {
			return sign.verdict
		}
	}
	return notOurs
}

// take tells of a line if it is one of a refused connection, and says whether it is.
func (s *strangers) take(line string) bool {
	k, ok := knocked(line)
	if !ok {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.finished, k.verdict == everydayEnd: // port scanners and health checks do it all day
	case k.verdict != refusesUs:
		if stop := s.waiting[k.host]; stop != nil && explains(k.verdict) {
			stop()
			delete(s.waiting, k.host)
		}
		s.tell(k)
	case !s.explained(k.host) && s.waiting[k.host] == nil && len(s.waiting) < strangersKnown:
		s.waiting[k.host] = s.after(refusalWait, func() { s.waited(k) })
	}
	return true
}

// explains tells whether this is why the other side refuses this node.
func explains(v verdict) bool { return v == otherSecret || v == otherName || v == otherTime }

// explained tells whether it was said lately why the other side refuses this node.
func (s *strangers) explained(host string) bool {
	for a, at := range s.told {
		if a.host == host && s.now().Sub(at) < strangerEvery && (a.what == otherSecret.message || a.what == otherName.message || a.what == otherTime.message) {
			return true
		}
	}
	return false
}

// waited tells that the other side refuses this node, as nothing better turned up.
func (s *strangers) waited(k knock) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, k.host)
	if !s.finished {
		s.tell(k)
	}
}

// tell writes the line, unless it was written lately, or too many were. s.mu is held.
func (s *strangers) tell(k knock) {
	now, about := s.now(), affair{k.host, k.verdict.message, k.node}
	if now.Sub(s.minute) >= time.Minute {
		s.minute, s.lines = now, 0
	}
	at, known := s.told[about]
	if known && now.Sub(at) < strangerEvery || s.lines >= strangersEach {
		s.untold++
		return
	}
	if len(s.told) >= strangersKnown {
		clear(s.told)
	}
	s.told[about] = now
	s.lines++
	event := s.log.WithLevel(k.verdict.level).Str("from", net.JoinHostPort(k.host, k.port)).Str("port", k.ours).Str("error", k.why)
	if k.node != "" {
		event = event.Str("node", k.node)
	}
	if k.cluster != "" {
		event = event.Str("cluster", k.cluster)
	}
	if s.untold > 0 {
		event = event.Int("more", s.untold) // refused connections since the last such line
	}
	s.untold = 0
	event.Msg(k.verdict.message)
}
