package certs

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"picket/node/config"
)

// zone is a DNS server: every name is this machine's, example.test is a zone that signed updates change.
type zone struct {
	address string

	mu      sync.Mutex
	texts   map[string][]string // guarded by mu: TXT records, by name
	changes int                 // guarded by mu
}

const zoneKey = "c2VjcmV0IG9mIHRoZSB6b25l"

func newZone(t *testing.T) *zone {
	t.Helper()
	l := listen(t)
	z := &zone{address: l.Addr().String(), texts: map[string][]string{}}
	s := &dns.Server{
		Listener: l, Handler: z, TsigSecret: map[string]string{"picket.": zoneKey},
		MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept },
	}
	done := make(chan error, 1)
	go func() { done <- s.ActivateAndServe() }()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return z
}

func (z *zone) config() config.DNS {
	return config.DNS{Server: z.address, KeyName: "picket", KeySecret: zoneKey, KeyAlgorithm: "hmac-sha256"}
}

// ServeDNS implements dns.Handler.
func (z *zone) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	res := new(dns.Msg)
	res.SetReply(r)
	switch {
	case r.Opcode == dns.OpcodeUpdate && (r.IsTsig() == nil || w.TsigStatus() != nil):
		res.Rcode = dns.RcodeRefused
	case r.Opcode == dns.OpcodeUpdate:
		z.change(r.Ns)
	default:
		res.Answer = z.answer(r.Question[0])
	}
	if sig := r.IsTsig(); sig != nil && w.TsigStatus() == nil {
		res.SetTsig(sig.Hdr.Name, sig.Algorithm, sig.Fudge, int64(sig.TimeSigned))
	}
	_ = w.WriteMsg(res)
}

func (z *zone) change(records []dns.RR) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, r := range records {
		text, ok := r.(*dns.TXT)
		if !ok {
			continue
		}
		name := strings.ToLower(text.Hdr.Name)
		z.changes++
		if text.Hdr.Class == dns.ClassNONE {
			z.texts[name] = slices.DeleteFunc(z.texts[name], func(s string) bool { return s == text.Txt[0] })
			continue
		}
		z.texts[name] = append(z.texts[name], text.Txt[0])
	}
}

func (z *zone) answer(q dns.Question) (all []dns.RR) {
	z.mu.Lock()
	defer z.mu.Unlock()
	name := strings.ToLower(q.Name)
	header := func(kind uint16) dns.RR_Header {
		return dns.RR_Header{Name: q.Name, Rrtype: kind, Class: dns.ClassINET}
	}
	switch q.Qtype {
	case dns.TypeA:
		all = append(all, &dns.A{Hdr: header(dns.TypeA), A: net.IPv4(127, 0, 0, 1)})
	case dns.TypeTXT:
		for _, text := range z.texts[name] {
			all = append(all, &dns.TXT{Hdr: header(dns.TypeTXT), Txt: []string{text}})
		}
	case dns.TypeSOA:
		if name == "example.test." {
			all = append(all, &dns.SOA{Hdr: header(dns.TypeSOA), Ns: "ns.example.test.", Mbox: "ops.example.test.", Minttl: 1})
		}
	}
	return all
}

// left is how many TXT records there are, and how often they were changed.
func (z *zone) left() (records, changes int) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, texts := range z.texts {
		records += len(texts)
	}
	return records, z.changes
}
