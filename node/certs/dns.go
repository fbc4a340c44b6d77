package certs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/libdns/libdns"
	"github.com/mholt/acmez/v3/acme"
	"github.com/miekg/dns"

	"picket/node/config"
)

const (
	// challengeTTL is how long resolvers may keep an answer to a challenge.
	challengeTTL = time.Minute
	// dnsTime is how long a DNS server may take to answer.
	dnsTime = 10 * time.Second
	// tsigFudge is how far the clocks of both sides may be apart, in seconds (RFC 8945, section 10).
	tsigFudge = 300
)

// dnsProvider changes the records of a zone.
type dnsProvider interface {
	libdns.RecordAppender
	libdns.RecordDeleter
	// zoneOf finds the zone that holds a name.
	zoneOf(ctx context.Context, name string) (string, error)
}

// dnsSolver answers DNS-01 (RFC 8555, section 8.4) with a TXT record beside the name.
type dnsSolver struct {
	DNS    dnsProvider
	zone   string        // "": it is asked for
	settle time.Duration // that the zone's other servers need
}

func (s *dnsSolver) record(ctx context.Context, c acme.Challenge) (zone string, r libdns.RR, err error) {
	name := dns.Fqdn(c.DNS01TXTRecordName())
	if zone = dns.Fqdn(s.zone); s.zone == "" {
		if zone, err = s.DNS.zoneOf(ctx, name); err != nil {
			return "", r, err
		}
	}
	return zone, libdns.RR{
		Type: "TXT", Name: libdns.RelativeName(name, zone), Data: c.DNS01KeyAuthorization(), TTL: challengeTTL,
	}, nil
}

// Present adds the record. One of the same name and another text stays: a wildcard and its parent share the name.
func (s *dnsSolver) Present(ctx context.Context, c acme.Challenge) error {
	zone, r, err := s.record(ctx, c)
	if err != nil {
		return err
	}
	_, err = s.DNS.AppendRecords(ctx, zone, []libdns.Record{r})
	return err
}

// Wait lets the zone's other servers take the change over.
func (s *dnsSolver) Wait(ctx context.Context, _ acme.Challenge) error { return sleep(ctx, s.settle) }

// CleanUp removes the record, also when ctx has ended.
func (s *dnsSolver) CleanUp(ctx context.Context, c acme.Challenge) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*dnsTime)
	defer cancel()
	zone, r, err := s.record(ctx, c)
	if err != nil {
		return err
	}
	_, err = s.DNS.DeleteRecords(ctx, zone, []libdns.Record{r})
	return err
}

// updater changes a zone by DNS updates (RFC 2136), signed with a shared key (TSIG, RFC 8945), at its primary server.
type updater struct{ config.DNS }

func newUpdater(c config.DNS) updater { return updater{c} }

// AppendRecords adds records, and gives those that were added.
func (u updater) AppendRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return records, u.update(ctx, zone, records, (*dns.Msg).Insert)
}

// DeleteRecords removes records with this very text, and gives them.
func (u updater) DeleteRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	return records, u.update(ctx, zone, records, (*dns.Msg).Remove)
}

func (u updater) update(ctx context.Context, zone string, records []libdns.Record, change func(*dns.Msg, []dns.RR)) error {
	msg := new(dns.Msg)
	msg.SetUpdate(dns.Fqdn(zone))
	var all []dns.RR
	for _, r := range records {
		rr := r.RR()
		all = append(all, &dns.TXT{
			Hdr: dns.RR_Header{Name: dns.Fqdn(libdns.AbsoluteName(rr.Name, zone)), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: uint32(rr.TTL / time.Second)},
			Txt: []string{rr.Data},
		})
	}
	change(msg, all)
	if _, err := u.exchange(ctx, msg); err != nil {
		return fmt.Errorf("changing the zone %s at %s: %w", zone, u.Server, err)
	}
	return nil
}

// exchange asks the server, over TCP: an update is not to be taken for one that was lost.
func (u updater) exchange(ctx context.Context, msg *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, dnsTime)
	defer cancel()
	client := &dns.Client{Net: "tcp", Timeout: dnsTime}
	if u.KeyName != "" {
		key := dns.CanonicalName(u.KeyName)
		client.TsigSecret = map[string]string{key: u.KeySecret}
		msg.SetTsig(key, dns.Fqdn(u.KeyAlgorithm), tsigFudge, time.Now().Unix())
	}
	res, _, err := client.ExchangeContext(ctx, msg, u.Server)
	if err != nil {
		return nil, err
	}
	if res.Rcode != dns.RcodeSuccess && res.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("the server says %s%s", dns.RcodeToString[res.Rcode], hint(res.Rcode))
	}
	return res, nil
}

// hint is what an answer mostly means.
func hint(code int) string {
	switch code {
	case dns.RcodeRefused, dns.RcodeNotAuth, dns.RcodeBadSig, dns.RcodeBadKey:
		return ": does it allow this key to change this zone?"
	case dns.RcodeBadTime:
		return ": the clocks are too far apart"
	case dns.RcodeNotZone:
		return ": the name is not in this zone"
	}
	return ""
}

// zoneOf asks the server which zone holds a name: the nearest above it that the server has an SOA record for.
func (u updater) zoneOf(ctx context.Context, name string) (string, error) {
	for rest := dns.Fqdn(name); rest != "."; {
		msg := new(dns.Msg)
		msg.SetQuestion(rest, dns.TypeSOA)
		res, err := u.exchange(ctx, msg)
		if err != nil {
			return "", fmt.Errorf("asking %s for the zone of %s: %w", u.Server, name, err)
		}
		for _, r := range append(res.Answer, res.Ns...) {
			if soa, ok := r.(*dns.SOA); ok && dns.IsSubDomain(soa.Hdr.Name, name) && soa.Hdr.Name != "." {
				return soa.Hdr.Name, nil
			}
		}
		_, after, found := strings.Cut(rest, ".")
		if !found || after == "" {
			break
		}
		rest = after
	}
	return "", fmt.Errorf("%s has no zone that holds %s: write acme.dns.zone", u.Server, name)
}
