package dev

import (
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"text/template"
)

//go:embed cluster.hcl.tmpl
var clusterTemplate string

// clientID is what the cluster calls itself at the provider.
const clientID = "picket"

// configuration is what cluster.hcl is written from.
type configuration struct {
	Port   int      // of the balancer: what people's browsers reach
	Issuer string   // of the provider
	App    string   // origin of the application
	Peers  []string // NAME=HOST:PORT of each node's broker
}

// route is one host that the application is reached by.
type route struct {
	Name     string // before .localhost
	Access   string // who it is for: an attribute of cluster.hcl
	Identity bool   // whether the application is told who asks
	About    string // what a person is told
}

// Routes are the application's hosts: one for most people, one for a few, one for all.
func (c configuration) Routes() []route {
	return []route{
		{"app", "policy    = policy.staff-or-admins", true, "staff and admins: alice and bob get in, mallory does not"},
		{"admin", "policy    = policy.admins", true, "admins only: alice gets in"},
		{"public", "public    = true", false, "everyone, signed in or not"},
	}
}

// ClientID is the cluster's at the provider.
func (c configuration) ClientID() string { return clientID }

// Header carries the assertion.
func (c configuration) Header() string { return assertionHeader }

// Host is a host by its first name. All names below localhost are this machine (RFC 6761, section 6.3).
func (c configuration) Host(name string) string { return name + ".localhost" }

// URL is where a browser opens it.
func (c configuration) URL(name string) string {
	return "http://" + c.Host(name) + ":" + strconv.Itoa(c.Port)
}

// audiences are what the application answers to.
func (c configuration) audiences() []string {
	var all []string
	for _, r := range c.Routes() {
		all = append(all, c.Host(r.Name))
	}
	return all
}

// text is the whole of cluster.hcl.
func (c configuration) text() ([]byte, error) {
	t, err := template.New("cluster.hcl").Funcs(template.FuncMap{"quote": strconv.Quote}).Parse(clusterTemplate)
	if err != nil {
		return nil, fmt.Errorf("reading the template of cluster.hcl: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, c); err != nil {
		return nil, fmt.Errorf("writing cluster.hcl: %w", err)
	}
	return out.Bytes(), nil
}
