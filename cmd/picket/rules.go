package main

import (
	"errors"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"

	"picket/node/config"
	"picket/policy"
)

// loadRules reads the configuration that a question about policies is asked of. That may be rules alone, in files that
// hold nothing but policies, their tests, and data blocks: nothing of a node is asked for then.
func (t terminal) loadRules(path string) (*config.Config, error) {
	files, blocks, alone := rulesAlone(path)
	if !alone {
		return t.load(path)
	}
	conf := &config.Config{}
	o := policy.Options{Files: files}
	for _, block := range blocks.OfType("data") {
		conf.Data = append(conf.Data, config.Data{Name: block.Labels[0], Bucket: block.Labels[0]})
		o.Data = append(o.Data, block.Labels[0])
	}
	set, diags := policy.Load(blocks.OfType("policy"), o)
	tests, more := policy.LoadTests(blocks.OfType("test"), set, o)
	if diags = diags.Extend(more); diags.HasErrors() {
		told := hcl.NewDiagnosticTextWriter(t.err, files, uint(t.width), t.colourErr).WriteDiagnostics(diags)
		return nil, errors.Join(errTold, told)
	}
	conf.Policies, conf.Tests = set, tests
	return conf, nil
}

// rulesAlone are the blocks of a configuration that has only those of the language of policies. One that has others, or
// cannot be read, is not alone: what is wrong with it is for others to tell.
func rulesAlone(path string) (files map[string]*hcl.File, blocks hcl.Blocks, alone bool) {
	names, err := config.Files(path)
	if err != nil {
		return nil, nil, false
	}
	schema := &hcl.BodySchema{}
	for _, kind := range []string{"policy", "test", "data"} {
		schema.Blocks = append(schema.Blocks, hcl.BlockHeaderSchema{Type: kind, LabelNames: []string{"NAME"}})
	}
	parser := hclparse.NewParser()
	for _, name := range names {
		file, diags := parser.ParseHCLFile(name)
		if diags.HasErrors() {
			return nil, nil, false
		}
		content, diags := file.Body.Content(schema)
		if diags.HasErrors() {
			return nil, nil, false
		}
		blocks = append(blocks, content.Blocks...)
	}
	return parser.Files(), blocks, len(blocks) > 0
}

// loadWhole reads a configuration that has to say what is where: one with routes.
func (t terminal) loadWhole(path string) (*config.Config, error) {
	conf, err := t.load(path)
	if err == nil && len(conf.Routes) == 0 {
		return nil, fmt.Errorf("there is no route in %s: give the whole configuration", printable(path))
	}
	return conf, err
}
