package proxy

import (
	"testing"

	"picket/node/config"
	"picket/node/proxy/http1"
)

// BenchmarkRead is what it costs to read a request, up to its route and to what of it goes further.
func BenchmarkRead(b *testing.B) {
	made, err := newTable([]*route{{Route: &config.Route{Name: "wiki", From: origin("wiki.test"), Prefix: "/"}}}, config.Origin{})
	if err != nil {
		b.Fatal(err)
	}
	d, l, rules := &Door{cookies: ourCookies()}, &front{}, &Rules{table: made, scrub: newScrubber(nil)}
	came := http1.Fields{
		http1.NewField("User-Agent", "bench"), http1.NewField("Accept", "*/*"), http1.NewField("Accept-Encoding", "gzip, br"),
		http1.NewField("Accept-Language", "de,en;q=0.5"),
		http1.NewField("Cookie", "theme=dark; __Host-picket=1.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
	}
	room := make(http1.Fields, 0, 16)
	r, a, peer := &http1.Request{}, &ask{}, http1.PeerOf("192.0.2.1:1")
	b.ReportAllocs()
	for b.Loop() {
		*r = http1.Request{Head: http1.Head{Method: "GET", Target: "/some/page?x=1", Host: "wiki.test", Fields: append(room[:0], came...), Major: 1, Minor: 1}, Peer: peer}
		*a = ask{r: r, rules: rules}
		if f := d.read(a, l); f != nil {
			b.Fatal(f)
		}
		s, f := findSite(a)
		if f != nil {
			b.Fatal(f)
		}
		a.scrub()
		if f := findRoute(a, s); f != nil {
			b.Fatal(f)
		}
		d.keepCredentials(a)
	}
}
