package config

import (
	"os"
	"time"
)

// shortest is how many bytes a cluster secret has at least.
const shortest = 32

func (b block) cluster() Cluster {
	c := b.child("cluster")
	if c.absent {
		b.missing("cluster", "Every configuration has a cluster block, with a name and secrets.")
	}
	cluster := Cluster{
		MaxStaleness: c.duration("max_staleness", 15*time.Second, time.Second),
		Secrets:      c.secrets(),
		Broker:       c.child("broker").broker(),
	}
	if w, ok := c.required("name", "nodes with one name and one secret are one cluster"); ok {
		cluster.Name = c.identifier(w)
	}
	if c.has("max_staleness") && cluster.MaxStaleness < 10*time.Second {
		c.warn(shortStaleness, c.place("max_staleness"),
			"When a node crashes, its survivors elect a new leader within 4 to 9 s. Below 10s they refuse people meanwhile.")
	}
	return cluster
}

// identifier is a word that is a name.
func (d *decoder) identifier(w word) string {
	if !nameForm.MatchString(w.text) {
		d.fail(badName, w.at, nameRule)
		return ""
	}
	return w.text
}

func (b block) secrets() [][]byte {
	words, written := b.texts("secrets")
	if !written {
		b.without("secrets", "nodes know each other by them. Make one with `picket secret`")
		return nil
	}
	var all [][]byte
	for _, w := range words {
		w = b.secret(w)
		if len(w.text) < shortest {
			b.fail(shortSecret, w.at, "It has %d bytes, and needs %d at least. Make one with `picket secret`.", len(w.text), shortest)
			continue
		}
		all = append(all, []byte(w.text))
	}
	if len(words) == 0 && !b.wrong("secrets") {
		b.fail(emptyValue, b.place("secrets"), "There must be one secret at least. Make one with `picket secret`.")
	}
	return all
}

// thisNode is the name of a node that is not given one: PICKET_NODE, else the host name.
func thisNode() string {
	if node := os.Getenv("PICKET_NODE"); node != "" {
		return node
	}
	node, err := os.Hostname()
	if err != nil {
		return ""
	}
	return node
}
