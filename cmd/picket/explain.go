package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"picket/node/authz"
	"picket/node/config"
	"picket/policy"
)

func (t terminal) explainCommand() *cobra.Command {
	var a asked
	var q question
	c := &cobra.Command{
		Use:   "explain PATH [--policy NAME | --route NAME] [--user EMAIL] [--group NAME]... [flags]",
		Short: "Why a policy, or a route, decides as it does",
		Long: `Decides about one request as a node would, and shows why: each rule, and below it each
part of its condition with its value, and which one decided. Of a route, all its
policies, and its shadow policies, which are not enforced.

What is not told is missing, as it would be in a request: a rule that asks for it is
unknown, which admits nobody in allow and refuses in deny. Only now is the time it is,
unless --now tells it. With --route, what is not told of the request is that of the
route: its host, scheme and path, and GET.

--input takes the whole input as JSON, as -o json prints it, or one record of the
decision log. --session asks a running node for the facts of a session, and for those
of data blocks. Flags take the place of single facts of either. Values of --claim,
--data and --set that read as JSON are JSON, others are texts.

Of a policy nothing but the rules is read, with --route the whole configuration, so what
that takes from env() has to be set. The exit code does not tell the decision: it is 0
when there is an answer.`,
		Example: `  picket policy explain cluster.hcl --policy production --user a@example.com --group sre --ip 10.1.2.3
  picket policy explain cluster.hcl --route wiki --user a@example.com --age 2h --set session.amr='["mfa"]'
  picket policy explain cluster.hcl --route wiki --claim department=sales --data oncall/a@example.com=true
  picket policy explain cluster.hcl --route wiki --session 3q2-7wAAAAAAAAAAAAAAAA
  picket policy explain cluster.hcl --route wiki --input input.json -o json`,
		Args: func(c *cobra.Command, given []string) error {
			if a.policy != "" && a.route != "" {
				return misused("--policy and --route are two questions: ask one of them")
			}
			if q.file != "" && q.session != "" {
				return misused("--input and --session both tell the input: give one of them")
			}
			return args("PATH")(c, given)
		},
		ValidArgsFunction: oneFile,
		RunE:              func(c *cobra.Command, args []string) error { return t.explain(c, args[0], a, &q) },
	}
	c.Flags().StringVar(&a.policy, "policy", "", "ask this policy")
	c.Flags().StringVar(&a.route, "route", "", "ask all policies of this route")
	q.flags(c)
	addAdminFlag(c)
	quiet := terminal{err: io.Discard}
	offerFlag(c, "policy", written(quiet.loadRules, policyNames))
	offerFlag(c, "route", written(quiet.load, routeNames))
	offerFlag(c, "session", t.sessionIDs)
	offerFiles(c, "input")
	return c
}

// asked is who is asked: a policy, or all of a route's. When neither is named, there has to be one policy alone.
type asked struct{ policy, route string }

func (t terminal) explain(c *cobra.Command, path string, a asked, q *question) error {
	conf, err := t.loadRules(path)
	if err != nil {
		return err
	}
	values, recorded, err := t.base(c, conf, q)
	if err != nil {
		return err
	}
	if a == (asked{}) {
		a.route = recorded
	}
	if a.route != "" {
		if conf, err = t.load(path); err != nil {
			return err
		}
	}
	route, err := a.resolve(conf)
	if err != nil {
		return err
	}
	if err := q.apply(values); err != nil {
		return err
	}
	if route != nil {
		ofRoute(values, route)
	}
	in, err := policy.NewInput(values, time.Now().UTC().Truncate(time.Second))
	if err != nil {
		return err
	}
	answer := explanationOf(conf, route, a.policy, in)
	if wantsJSON(c) {
		return printJSON(t.out, answer)
	}
	return answer.write(t.out, t.colour)
}

// resolve is the route that is asked; nil: the policy is.
func (a *asked) resolve(conf *config.Config) (*config.Route, error) {
	names := conf.Policies.Names()
	switch {
	case a.route != "":
		return findRoute(conf, a.route)
	case a.policy != "" && !conf.Policies.Has(a.policy):
		return nil, fmt.Errorf("there is no policy %q: there %s", a.policy, thereAre(names))
	case a.policy == "" && len(names) == 1:
		a.policy = names[0]
	case a.policy == "":
		return nil, misused("say who is asked, with --policy NAME or --route NAME: of policies there %s", thereAre(names))
	}
	return nil, nil
}

// explained is the answer, as -o json prints it.
type explained struct {
	Route    string                `json:"route,omitempty"`
	Access   string                `json:"access,omitempty"` // of the route: policy, any_user or public
	Decision policy.Decision       `json:"decision"`
	Policies []*policy.Explanation `json:"policies"`
	Shadow   []shadowed            `json:"shadow,omitempty"`
	Input    *policy.Input         `json:"input"`

	from string // of the route
}

// shadowed is what a shadow policy would decide, and what that would change.
type shadowed struct {
	*policy.Explanation
	Change policy.Change `json:"change"`
}

// explanationOf explains a route or, when that is nil, a policy.
func explanationOf(conf *config.Config, r *config.Route, name string, in *policy.Input) *explained {
	if r == nil {
		e := conf.Policies.Explain(name, in)
		return &explained{Decision: e.Decision, Policies: []*policy.Explanation{e}, Input: in}
	}
	answer := &explained{
		Route: r.Name, Access: accessName(r.Access), Decision: authz.Evaluate(conf.Policies, r, in), Input: in,
		Policies: []*policy.Explanation{}, from: strings.TrimSuffix(r.Address(), "/"),
	}
	for _, name := range r.Policies {
		answer.Policies = append(answer.Policies, conf.Policies.Explain(name, in))
	}
	for _, name := range r.Shadow {
		e := conf.Policies.Explain(name, in)
		answer.Shadow = append(answer.Shadow, shadowed{e, policy.Compare(answer.Decision, e.Decision)})
	}
	return answer
}

// write tells a person. Of a route with several policies, or with none, the decision of the whole comes first.
func (e *explained) write(w io.Writer, colour bool) error {
	p := &pages{w: w}
	if e.Route != "" {
		p.line("%s  %s", paint(cell{"route " + printable(e.Route), bold}, colour), paint(cell{printable(e.from), faint}, colour))
		if len(e.Policies) != 1 {
			p.line("%s", paint(cell{printable(said(e.Decision)), outcomeColour(e.Decision.Outcome)}, colour))
		}
		p.line("")
	}
	for i, one := range e.Policies {
		if i > 0 {
			p.line("")
		}
		p.explanation(one, colour)
	}
	for _, one := range e.Shadow {
		p.line("\n%s", paint(cell{"shadow, not enforced: " + wouldChange(one.Change), yellow}, colour))
		p.explanation(one.Explanation, colour)
	}
	return p.err
}

func wouldChange(c policy.Change) string {
	switch c {
	case policy.Gains:
		return "it would give access"
	case policy.Loses:
		return "it would take access away"
	}
	return "it would change nothing"
}

// pages writes until something goes wrong, and keeps that.
type pages struct {
	w   io.Writer
	err error
}

func (p *pages) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *pages) explanation(e *policy.Explanation, colour bool) {
	if p.err == nil {
		p.err = e.Write(p.w, colour)
	}
}
