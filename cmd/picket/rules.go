package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/hashicorp/hcl/v2"

	"picket/node/config"
	"picket/policy"
)

// loadRules reads what a configuration says of who may do what: policies, their tests, and the names of data blocks,
// without routes. It may be all that there is in its files, and nothing else of them has to be right: neither a secret
// nor a certificate is needed to ask what a rule does.
func (t terminal) loadRules(path string) (*config.Config, error) {
	r, err := readRules(path)
	if err != nil {
		return t.load(path)
	}
	conf, diags := r.load()
	switch {
	case !diags.HasErrors():
		return conf, nil
	case !r.alone: // they may use functions of the configuration; and all its mistakes are told at once
		return t.load(path)
	}
	told := hcl.NewDiagnosticTextWriter(t.err, r.files, uint(t.width), t.colourErr).WriteDiagnostics(diags)
	return nil, errors.Join(errTold, told)
}

// rules are the blocks of a configuration whose inside is of the language of policies.
type rules struct {
	files  map[string]*hcl.File
	blocks hcl.Blocks
	alone  bool // there are no others
}

// errNoRules is of files that cannot be parsed, or have nothing of that language. What is wrong with them is for others
// to tell.
var errNoRules = errors.New("there are no rules")

func readRules(path string) (*rules, error) {
	names, err := config.Files(path)
	if err != nil {
		return nil, err
	}
	schema := &hcl.BodySchema{}
	for _, kind := range []string{"policy", "test", "data"} {
		schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: kind, LabelNames: []string{"NAME"}})
	}
	r := &rules{files: map[string]*hcl.File{}, alone: true}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		file, diags := config.ParseFile(text, name)
		if diags.HasErrors() {
			return nil, errNoRules
		}
		r.files[name] = file
		content, _, diags := file.Body.PartialContent(schema)
		if diags.HasErrors() {
			return nil, errNoRules
		}
		_, others := file.Body.Content(schema)
		r.alone = r.alone && !others.HasErrors()
		r.blocks = append(r.blocks, content.Blocks...)
	}
	if len(r.blocks) == 0 {
		return nil, errNoRules
	}
	return r, nil
}

func (r *rules) load() (*config.Config, hcl.Diagnostics) {
	conf := &config.Config{}
	o := policy.Options{Files: r.files}
	for _, block := range r.blocks.OfType("data") {
		conf.Data = append(conf.Data, config.Data{Name: block.Labels[0], Bucket: block.Labels[0]})
		o.Data = append(o.Data, block.Labels[0])
	}
	set, diags := policy.Load(r.blocks.OfType("policy"), o)
	tests, more := policy.LoadTests(r.blocks.OfType("test"), set, o)
	conf.Policies, conf.Tests = set, tests
	return conf, diags.Extend(more)
}

// loadWhole reads a configuration that has to say what is where: one with routes.
func (t terminal) loadWhole(path string) (*config.Config, error) {
	conf, err := t.load(path)
	if err == nil && len(conf.Routes) == 0 {
		return nil, fmt.Errorf("there is no route in %s: give the whole configuration", printable(path))
	}
	return conf, err
}
