package config

import (
	"math"
	"net"
	"strings"
	"time"
)

func (b block) broker() Broker {
	broker := Broker{Node: b.node()}
	if b.has("url") {
		b.exclude(embeddedOnly(), "url is a NATS cluster that runs elsewhere, and %s is for the one inside the nodes. Leave one of them out.")
		b.external(&broker)
	} else {
		b.exclude(externalOnly(), "%[1]s is for a NATS cluster that runs elsewhere, and there is no url. Add url, or leave %[1]s out.")
		b.embedded(&broker)
	}
	return broker
}

// exclude reports the attributes that have no place beside the kind of broker chosen.
func (b block) exclude(names []string, detail string) {
	for _, name := range names {
		if b.has(name) {
			b.fail(twoBrokers, b.body.Attributes[name].NameRange, detail, name)
		}
	}
}

func (b block) node() string {
	w, ok := b.optional("node")
	if !ok {
		w.text = thisNode()
	}
	if !nameForm.MatchString(w.text) {
		b.fail(badName, b.place("node"), "%.60q cannot be the name of a node: letters, digits, \"-\", \"_\" and \".\", at most 64. "+
			"Write node, or set PICKET_NODE.", w.text)
		return ""
	}
	return w.text
}

func (b block) embedded(broker *Broker) {
	broker.Peers = b.peers()
	if len(broker.Peers) == 1 && broker.Node != "" && broker.Peers[0].Name != broker.Node {
		b.warn(onlyPeer, b.place("peers"), "A node that keeps its state alone has no others, and this one is %s: it would not start. Name 3 or 5 peers.", broker.Node)
	}
	broker.Replicas = max(1, len(broker.Peers))
	broker.Limit = b.size("limit", 8<<30, 0, math.MaxInt64)
	if w, ok := b.measure("sync", "always"); ok && w.text != "always" {
		broker.Sync = b.duration("sync", 0, time.Millisecond)
	}
	listen, client, store := "", "", ""
	if len(broker.Peers) > 0 {
		listen, client, store = net.JoinHostPort("0.0.0.0", broker.port()), "0.0.0.0:4222", "/var/lib/picket"
	}
	broker.Store = b.text("store", store)
	broker.Listen = b.port("listen", listen)
	broker.Client = b.port("client", client)
}

// port is the route port that the peers know this node by, else the usual one.
func (b Broker) port() string {
	for _, peer := range b.Peers {
		if peer.Name == b.Node {
			_, port, err := net.SplitHostPort(peer.Address)
			if err == nil {
				return port
			}
		}
	}
	return "6222"
}

// port is an address of the broker to listen on, or its default.
func (b block) port(name, otherwise string) string {
	w, ok := b.optional(name)
	if !ok {
		w.text = otherwise
	}
	if w.text == "" && !ok {
		return ""
	}
	return b.socket("broker "+name, w)
}

func (b block) peers() []Peer {
	words, _ := b.texts("peers")
	var all []Peer
	for _, w := range words {
		peer, ok := parsePeer(w.text)
		if !ok {
			b.fail(badPeer, w.at, "%.60q is not a peer. Write NAME:PORT, or NAME=ADDRESS:PORT when the name is not in DNS.", w.text)
			continue
		}
		for _, other := range all {
			if other.Name == peer.Name || other.Address == peer.Address {
				b.fail(duplicateName, w.at, "This peer is in the list already, as %s at %s.", other.Name, other.Address)
			}
		}
		all = append(all, peer)
	}
	switch len(words) {
	case 0, 1, 3, 5:
	default:
		b.fail(peerCount, b.place("peers"), "There are %d. State is kept by 1, 3 or 5 nodes, so that a majority is clear; "+
			"more nodes may join without being peers.", len(words))
	}
	return all
}

func parsePeer(s string) (Peer, bool) {
	node, address, named := strings.Cut(s, "=")
	if !named {
		node, _, _ = strings.Cut(s, ":")
		address = s
	}
	host, port, err := splitAddress(address)
	return Peer{Name: node, Address: address}, err == nil && host != "" && port != 0 && nameForm.MatchString(node)
}

func (b block) external(broker *Broker) {
	words, _ := b.texts("url")
	for _, w := range words {
		u, err := b.url(w)
		if err != nil || u.Scheme != "tls" && u.Scheme != "nats" || u.Hostname() == "" || u.Path != "" {
			b.fail(badURL, w.at, "This is not the URL of a NATS server. Write \"tls://HOST:4222\", and what proves who we are in credentials.")
			continue
		}
		broker.URLs = append(broker.URLs, w.text)
	}
	if len(words) == 0 && !b.wrong("url") {
		b.fail(emptyValue, b.place("url"), "There must be one server at least, such as \"tls://nats-1:4222\".")
	}
	broker.Credentials = b.credentials()
	broker.CA = b.authorities("ca")
	broker.Replicas = b.replicas()
	broker.Prefix = "picket"
	if w, ok := b.optional("prefix"); ok {
		broker.Prefix = b.bucketPrefix(w)
	}
}

// bucketPrefix is a word that may begin the name of a bucket: those have no dot.
func (b block) bucketPrefix(w word) string {
	if strings.Contains(w.text, ".") || !nameForm.MatchString(w.text) {
		b.fail(badName, w.at, "A prefix of bucket names has letters, digits, \"-\" and \"_\", at most 64 of them.")
		return ""
	}
	return w.text
}

func (b block) credentials() []byte {
	w, ok := b.optional("credentials")
	if !ok {
		return nil
	}
	b.guard(w)
	if !strings.Contains(w.text, "-----BEGIN NATS USER JWT-----") {
		b.fail(badCredentials, w.at, "This is not the text of a .creds file. Write file(\"PATH\") to have a file's text.")
		return nil
	}
	return []byte(w.text)
}

func (b block) replicas() int {
	n, ok := b.count("replicas", 3)
	if ok && n != 1 && n != 3 && n != 5 {
		b.fail(notOneOf, b.place("replicas"), "replicas is 1, 3 or 5, so that a majority is clear.")
		return 3
	}
	return n
}
