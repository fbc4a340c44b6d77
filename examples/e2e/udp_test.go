//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"picket/examples/pace"
)

// nameServer answers for one name, over UDP.
func nameServer(t *testing.T) (address string) {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: socket, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, asked *dns.Msg) {
		answer := new(dns.Msg).SetReply(asked)
		if q := asked.Question[0]; q.Name == "inside.corp." && q.Qtype == dns.TypeA {
			answer.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 7)}}
		}
		_ = w.WriteMsg(answer)
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		_ = socket.Close()
		<-ended
	})
	return socket.LocalAddr().String()
}

// answersWithin is how long an answer is waited for that may not come: datagrams get lost.
const answersWithin = time.Second

// carriedAt is where `picket connect` takes datagrams.
var carriedAt = regexp.MustCompile(`Datagrams to (\S+) are carried`)

// datagrams starts `picket connect --udp` to the resolver of the site, and gives where it takes them.
func (p programs) datagrams(t *testing.T, s *site) (at string, said *output) {
	t.Helper()
	cmd := p.command(t, "connect", s.host("dns")+":53", "--udp", "--listen", "127.0.0.1:0", "--proxy", s.url("dns"))
	said = &output{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	eventually(t, patience, func() string {
		found := carriedAt.FindStringSubmatch(said.String())
		if found == nil {
			return "picket connect says " + said.String()
		}
		at = found[1]
		return ""
	})
	return at, said
}

// resolves asks a name server at an address once for the one name that there is.
func resolves(address string, within time.Duration) (answer string, err error) {
	client := dns.Client{Timeout: within}
	got, _, err := client.Exchange(new(dns.Msg).SetQuestion("inside.corp.", dns.TypeA), address)
	if err != nil || len(got.Answer) == 0 {
		return "", err
	}
	return got.Answer[0].(*dns.A).A.String(), nil
}

// resolvesAtLast asks as resolvers do: anew when no answer comes.
func resolvesAtLast(address string) error {
	for began := time.Now(); ; {
		answer, err := resolves(address, answersWithin)
		if err == nil && answer != "192.0.2.7" {
			return fmt.Errorf("the name server says %q", answer)
		}
		if err == nil || time.Since(began) > patience {
			return err
		}
	}
}

func TestDatagramsGoThroughTheDoorUntilTheyAreRevoked(t *testing.T) {
	s := startSite(t, "E2E_UDP="+nameServer(t))
	alice, mallory := s.programs(t), s.programs(t)

	at, said := alice.datagrams(t, s)
	eventually(t, patience, func() string {
		if answer, err := resolves(at, answersWithin); err == nil {
			t.Fatalf("before signing in, the name server says %q", answer)
		}
		if !strings.Contains(said.String(), "run: picket login "+s.url("dns")) {
			return "before signing in, picket connect says " + said.String()
		}
		return ""
	})

	alice.login(t, s.visit(t), "alice", "dns")
	at, said = alice.datagrams(t, s)
	eventually(t, patience, func() string {
		answer, err := resolves(at, answersWithin)
		if err != nil || answer != "192.0.2.7" {
			return "the name server says " + answer + "; picket connect says " + said.String()
		}
		return ""
	})
	var programs sync.WaitGroup
	for range 20 { // each over a way of its own
		programs.Go(func() {
			if err := resolvesAtLast(at); err != nil {
				t.Error(err)
			}
		})
	}
	programs.Wait()

	mine := s.nodes[0].sessions(t, "alice")
	if len(mine) != 1 {
		t.Fatalf("alice has sessions %v, want that of her program", mine)
	}
	s.nodes[0].picket(t, "sessions", "revoke", mine[0].ID)
	revoked, p := time.Now(), pace.Start(t)
	s.tellsOf(t, "dns", "/.well-known/masque/udp/"+s.host("dns")+"/53/", func(l accessLine) bool { return l.Ended == "the session is over" })
	if took := time.Since(revoked); took > p.Within(revokedWithin) {
		t.Errorf("datagrams were carried for %s more", took)
	}
	if answer, err := resolves(at, answersWithin); err == nil {
		t.Errorf("after the revocation the name server says %q", answer)
	}

	mallory.login(t, s.visit(t), "mallory", "dns")
	at, said = mallory.datagrams(t, s)
	eventually(t, patience, func() string {
		if answer, err := resolves(at, answersWithin); err == nil {
			t.Fatalf("to somebody who may not, the name server says %q", answer)
		}
		if !strings.Contains(said.String(), "You may not open this") {
			return "somebody who may not is told " + said.String()
		}
		return ""
	})
}
