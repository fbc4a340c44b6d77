package main

import (
	"errors"

	"github.com/spf13/cobra"

	"picket/node/config"
)

// load reads the configuration that a command is about. Of its problems only those are told that keep it from being
// read: the warnings are for 'picket check' to say.
func (t terminal) load(path string) (*config.Config, error) {
	conf, problems := config.Load(path)
	if problems.Failed() {
		return nil, errors.Join(errTold, problems.Write(t.err, t.colourErr, t.width))
	}
	return conf, nil
}

// written offers names that stand in the configuration that is the first argument.
func written(load func(path string) (*config.Config, error), names func(*config.Config) []string) offer {
	return func(_ *cobra.Command, given []string) []cobra.Completion {
		if len(given) == 0 {
			return nil
		}
		conf, err := load(given[0])
		if err != nil {
			return nil
		}
		return names(conf)
	}
}

// policyNames are the names of all policies.
func policyNames(conf *config.Config) []string { return conf.Policies.Names() }

// routeNames are the names of all routes, in their order.
func routeNames(conf *config.Config) []string {
	names := make([]string, len(conf.Routes))
	for i := range conf.Routes {
		names[i] = conf.Routes[i].Name
	}
	return names
}
