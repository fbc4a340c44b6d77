package pomerium

import (
	"net/netip"
	"strings"
	"time"
)

// listener reads where people come in.
func (s *settings) listener(root value) {
	l := block{kind: "listen", label: "https"}
	address := root.get("address")
	if address.kind == scalar {
		s.ledger.keep(address.line, "address")
	}
	l.set("address", quote(socket(address.text)))
	if insecure := root.get("insecure_server"); insecure.isTrue() {
		s.insecure = true
		s.ledger.keep(insecure.line, "insecure_server")
		l.label = "http"
		l.say("No TLS, as in Pomerium: only behind a balancer that speaks it.")
	} else {
		s.certificates(&l, root)
	}
	s.codec(&l, root)
	if hops := root.get("xff_num_trusted_hops"); hops.kind == scalar && hops.text != "0" {
		s.ledger.keep(hops.line, "xff_num_trusted_hops")
		s.ledger.tell(hops.line, "xff_num_trusted_hops", "picket believes addresses, not a number of hops: give the network of your balancer as PICKET_TRUSTED_PROXIES")
		l.set("trusted_proxies", `[env("PICKET_TRUSTED_PROXIES")]`)
	}
	if idle := root.get("timeout_idle"); idle.kind == scalar {
		if span, ok := duration(idle); ok && span >= time.Millisecond {
			s.ledger.keep(idle.line, "timeout_idle")
			l.inner("limits").set("idle_timeout", quote(spanText(span)))
		} else {
			s.lose(entry{"timeout_idle", idle.line, idle}, "it is not a time span that picket could use here")
		}
	}
	s.listen = append(s.listen, l)
}

// codec reads which versions of HTTP are spoken.
func (s *settings) codec(l *block, root value) {
	codec := root.get("codec_type")
	lose := func(why string) { s.lose(entry{"codec_type", codec.line, codec}, why) }
	switch name := strings.ToLower(codec.text); {
	case codec.kind == nothing:
	case codec.kind != scalar:
		lose("it is not a version of HTTP")
	case name == "auto":
		s.ledger.keep(codec.line, "codec_type")
	case name == "http3" && l.has("tls"):
		s.ledger.keep(codec.line, "codec_type")
		l.set("http3", "true")
	case name == "http3":
		lose("HTTP/3 is never without TLS")
	default:
		lose("HTTP/1.1 and HTTP/2 are spoken always")
	}
}

// socket is an address of a listener, with a host that picket reads, or none.
func socket(address string) string {
	host, port, ok := strings.Cut(address, ":")
	_, isIP := netip.ParseAddr(host)
	if !ok || !portNumber(port) || host != "" && isIP != nil {
		return ":443"
	}
	return address
}

// certificates reads the files of certificates and keys. Texts of certificates are not copied, lest a key is.
func (s *settings) certificates(l *block, root value) {
	var pairs []string
	add := func(certificate, key value, names ...string) {
		if certificate.kind == scalar && key.kind == scalar {
			s.ledger.keep(certificate.line, names[0])
			s.ledger.keep(key.line, names[1])
			pairs = append(pairs, "{\n certificate = file("+quote(certificate.text)+")\n key = file("+quote(key.text)+")\n}")
		}
	}
	add(root.get("certificate_file"), root.get("certificate_key_file"), "certificate_file", "certificate_key_file")
	for _, pair := range root.get("certificates").items {
		add(pair.get("cert"), pair.get("key"), "certificates cert", "certificates key")
	}
	for _, name := range []string{"certificate", "certificate_key"} {
		if v := root.get(name); v.kind == scalar {
			s.lose(entry{name, v.line, v}, "texts of certificates and keys are not copied: put them into files")
		}
	}
	if s.autocert(root) {
		if len(pairs) == 0 && wildcards(root) {
			pairs = append(pairs, filePair)
		}
		pairs = append([]string{`"auto"`}, pairs...)
	}
	switch len(pairs) {
	case 0:
		l.set("tls", filePair)
	case 1:
		l.set("tls", pairs[0])
	default:
		l.set("tls", "["+strings.Join(pairs, ", ")+"]")
	}
}

func (s *settings) redirection(e entry) {
	if e.value.kind != scalar || s.insecure {
		s.lose(e, "there is no https listener to send people to")
		return
	}
	s.ledger.keep(e.line, e.key)
	b := block{kind: "listen", label: "http"}
	address := socket(e.value.text)
	if address == ":443" {
		address = ":80"
	}
	b.set("address", quote(address))
	b.set("redirect", `"https"`)
	s.listen = append(s.listen, b)
}
