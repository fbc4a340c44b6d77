package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"picket/node/authz"
	"picket/node/config"
	"picket/policy"
)

func (t terminal) policyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "policy COMMAND",
		Short: "Why the rules decide as they do; test them; what a change would change",
		Example: `  picket policy explain cluster.hcl --route wiki --user alice@example.com --group staff
  picket policy test cluster.hcl
  picket policy replay cluster.hcl --since 24h`,
	}
	c.AddCommand(t.explainCommand(), t.testCommand(), t.replayCommand())
	group(c)
	return c
}

// said is a decision in a few words. What a route decides by itself, without a policy, is said in words of its own.
func said(d policy.Decision) string {
	if d.Policy != "" {
		return d.String()
	}
	switch d.Rule {
	case authz.RulePublic:
		return d.Outcome.String() + ", as the route is public"
	case authz.RulePreflight:
		return d.Outcome.String() + ", as the route has preflights go to the application"
	case authz.RuleAnyUser:
		return d.Outcome.String() + ", as the route is for whoever is signed in"
	case authz.RuleSignedOut:
		return d.Outcome.String() + ", as nobody is signed in"
	case authz.RuleNobody:
		return d.Outcome.String() + ", as the route names no policy"
	}
	return d.String()
}

// outcomeColour is green for who may, yellow for who has to sign in again, and red for who may not.
func outcomeColour(o policy.Outcome) string {
	switch o {
	case policy.Allow:
		return green
	case policy.StepUp:
		return yellow
	}
	return red
}

// accessName is who a route is for, as the JSON calls it.
func accessName(a config.Access) string {
	switch a {
	case config.Public:
		return "public"
	case config.AnyUser:
		return "any_user"
	}
	return "policy"
}

// findRoute is the route of a name.
func findRoute(conf *config.Config, name string) (*config.Route, error) {
	i := slices.IndexFunc(conf.Routes, func(r config.Route) bool { return r.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no route %q: there %s", name, thereAre(routeNames(conf)))
	}
	return &conf.Routes[i], nil
}

// maxNames is how many names a message lists.
const maxNames = 12

// thereAre lists names: "are a, b".
func thereAre(names []string) string {
	switch {
	case len(names) == 0:
		return "is none"
	case len(names) == 1:
		return "is " + names[0]
	case len(names) > maxNames:
		return fmt.Sprintf("are %s and %d more", strings.Join(names[:maxNames], ", "), len(names)-maxNames)
	}
	return "are " + strings.Join(names, ", ")
}
