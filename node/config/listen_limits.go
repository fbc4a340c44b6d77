package config

// Connections that a listener takes where the configuration says nothing. A node that is run for many people has room for all
// of them behind one address: an office, or a carrier's network.
const (
	connections        = 65536
	addressConnections = 8192
	addressRate        = 1000
	addressBurst       = 4000
)

// most is the highest bound that can be written: who wants none at all writes 0.
const most = 100_000_000

// connections are the bounds of limits. 0 is none.
func (b block) connections() Connections {
	c := Connections{
		Open: b.between("connections", connections, 0, most),
		Rate: b.between("connection_rate", 0, 0, most), Burst: b.between("connection_burst", 0, 0, most),
		AddressOpen: b.between("address_connections", addressConnections, 0, most),
		AddressRate: b.between("address_rate", addressRate, 0, most), AddressBurst: b.between("address_burst", 0, 0, most),
	}
	if c.AddressBurst == 0 && !b.has("address_rate") {
		c.AddressBurst = addressBurst
	}
	b.burst("connection_burst", c.Burst, "connection_rate", c.Rate)
	b.burst("address_burst", c.AddressBurst, "address_rate", c.AddressRate)
	return c
}

// burst reports a burst that no rate fills again, or that is below it.
func (b block) burst(name string, burst int, of string, rate int) {
	if b.has(name) && burst < rate {
		b.fail(outOfRange, b.place(name), "%s is how many may come at once, and %s lets %d come each second: write at least that.", name, of, rate)
	}
	if b.has(name) && rate == 0 {
		b.fail(outOfRange, b.place(name), "%s has no effect without %s, which is how many more may come each second.", name, of)
	}
}

// between is a whole number within bounds.
func (b block) between(name string, otherwise, least, greatest int) int {
	n, ok := b.count(name, otherwise)
	if ok && (n < least || n > greatest) {
		b.fail(outOfRange, b.place(name), "%s is between %d and %d.", name, least, greatest)
		return otherwise
	}
	return n
}

// overUDP checks what goes with HTTP/3.
func (b block) overUDP(l Listener) {
	if !l.HTTP3 {
		return
	}
	if !b.has("tls") {
		b.fail(notOverUDP, b.place("http3"), "HTTP/3 is never without TLS: write tls too, or leave http3 out.")
	}
	if len(l.ProxyProtocol) > 0 {
		b.fail(notOverUDP, b.place("http3"), "The PROXY protocol is for TCP. Over HTTP/3 whoever asks would have the address of the balancer: "+
			"leave http3 out here, or have the balancer pass UDP to a listener without proxy_protocol.")
	}
}
