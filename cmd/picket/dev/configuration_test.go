package dev

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"picket/node/config"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTheClusterFileIsTheOneInTestdata(t *testing.T) {
	const golden = "testdata/cluster.hcl"
	got, err := example().text()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("it differs from %s (-update writes it anew):\n%s", golden, got)
	}
}

func TestNodesAcceptTheClusterFileWithoutAWarning(t *testing.T) {
	for name, value := range map[string]string{
		"PICKET_NODE": "n1", "PICKET_HTTP": "127.0.0.1:20021", "PICKET_ADMIN": "127.0.0.1:20031",
		"PICKET_BROKER": "127.0.0.1:20011", "PICKET_CLIENT": "127.0.0.1:20041", "PICKET_STORE": t.TempDir(),
		"PICKET_SECRET": newSecret(), "PICKET_CLIENT_SECRET": newSecret(),
	} {
		t.Setenv(name, value)
	}
	for _, nodes := range []int{1, 3} {
		c := example()
		c.Peers = c.Peers[:nodes]
		text, err := c.text()
		if err != nil {
			t.Fatal(err)
		}
		if formatted := config.Format(text); string(formatted) != string(text) {
			t.Errorf("it is not formatted as `picket fmt` would:\n%s", formatted)
		}
		path := filepath.Join(t.TempDir(), "cluster.hcl")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		conf, problems := config.Load(path)
		if problems != nil {
			t.Fatalf("with %d nodes: %v", nodes, problems)
		}
		if len(conf.Cluster.Broker.Peers) != nodes || len(conf.Routes) != 3 || conf.Authenticate.URL.String() != c.URL("auth") {
			t.Errorf("with %d nodes it means %+v", nodes, conf)
		}
	}
}

func example() configuration {
	return configuration{
		Port:   8000,
		Issuer: "http://127.0.0.1:20001",
		App:    "http://127.0.0.1:20002",
		Peers:  []string{"n1=127.0.0.1:20011", "n2=127.0.0.1:20012", "n3=127.0.0.1:20013"},
	}
}
