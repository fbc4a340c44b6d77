// Package authz answers may they: it asks the policies in force whether a request may pass, counts the answers, and
// says what a visitor is told when it may not.
//
// It promises that nothing passes without an explicit allow: the zero route admits nobody, a name that no policy bears
// admits nobody, and of several policies all must admit. It takes values, does no I/O, and keeps no verdict: asked
// again, it decides again. Who is asking is left to package authn, what a rule means to package policy.
package authz

import (
	"errors"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"picket/node/config"
	"picket/policy"
)

// Rules named in a Decision that no policy gave.
const (
	RulePublic    = "public"    // the route is for everyone
	RulePreflight = "preflight" // the route has preflights go to the application
	RuleAnyUser   = "any_user"  // the route is for whoever is signed in
	RuleNobody    = "no_policy" // the route names no policy, and so admits nobody
	RuleSignedOut = "nobody"    // the route is for whoever is signed in, and nobody is
)

// Options are the parts that decisions are made of.
type Options struct {
	Policies *policy.Set // nil: every policy denies
	Node     string      // name of this node, in records

	Records *Records // takes what Authz.Record writes; nil: nothing is recorded
	Sample  float64  // the part of verdicts that is recorded; 0: none, 1: all

	Log      zerolog.Logger
	Registry prometheus.Registerer // nil: decisions are not counted anywhere
}

// Authz decides. It is safe for concurrent use, and immutable.
type Authz struct {
	policies  *policy.Set
	log       zerolog.Logger
	decisions *prometheus.CounterVec
	shadowed  *prometheus.CounterVec
	routes    routes
	named     []byte   // what a record says of this node, up to the id of the request
	records   *Records // nil: nothing is recorded
	sample    float64
}

// New puts the parts together. It opens nothing. A registry that has the counter of decisions from an earlier
// configuration goes on counting with it.
func New(o Options) *Authz {
	decisions := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "picket_decisions_total",
		Help: "Decisions about requests, by route and outcome.",
	}, []string{"route", "outcome"})
	shadowed := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "picket_shadow_decisions_total",
		Help: "Decisions of policies that are not in force, by route, policy and what they would change for the visitor.",
	}, []string{"route", "policy", "change"})
	a := &Authz{
		policies: o.Policies, log: o.Log, decisions: register(o.Registry, decisions), shadowed: register(o.Registry, shadowed),
		routes: routes{policies: o.Policies}, records: o.Records, sample: o.Sample,
	}
	a.named = append(policy.AppendText([]byte(`","node":`), o.Node), `,"request_id":`...)
	if o.Sample <= 0 {
		a.records = nil
	}
	return a
}

// Decide tells whether the request may pass the route, and counts the answer. Beside it the shadows of the route are
// asked: what they say changes nothing.
func (a *Authz) Decide(r *config.Route, in *policy.Input) Verdict {
	d, of := a.Evaluate(r, in), a.routes.of(r)
	a.counted(of, r, d.Outcome)
	if e := a.log.Debug(); e.Enabled() {
		e.Str("route", r.Name).Str("policy", d.Policy).Str("rule", d.Rule).Stringer("decision", d.Outcome).Msg("decided")
	}
	return Verdict{Decision: d, Shadow: a.shadows(r, in, d), of: of}
}

// Evaluate is Decide without counts and shadows: for asking again about what was decided and is still under way.
func (a *Authz) Evaluate(r *config.Route, in *policy.Input) policy.Decision {
	return Evaluate(a.policies, r, in)
}

// Evaluate is what a node with these policies decides on a route: for whoever asks what would be decided. It has no effect.
func Evaluate(policies *policy.Set, r *config.Route, in *policy.Input) policy.Decision {
	if r.CORSPreflight && in.Request.CORSPreflight {
		return policy.Decision{Outcome: policy.Allow, Rule: RulePreflight}
	}
	switch r.Access {
	case config.Public:
		return policy.Decision{Outcome: policy.Allow, Rule: RulePublic}
	case config.AnyUser:
		if in.Authenticated {
			return policy.Decision{Outcome: policy.Allow, Rule: RuleAnyUser}
		}
		return policy.Decision{Rule: RuleSignedOut}
	case config.ByPolicy:
		return all(policies, r.Policies, in)
	}
	return policy.Decision{}
}

// all is the first denial among the policies; without one, what those that ask for signing in again require together;
// else what the last of them said. None: a refusal.
func all(policies *policy.Set, names []string, in *policy.Input) policy.Decision {
	d := policy.Decision{Rule: RuleNobody}
	var again policy.Decision
	for _, name := range names {
		d = policies.Evaluate(name, in)
		switch {
		case d.Outcome == policy.Deny:
			return d
		case d.Outcome == policy.StepUp && again.Need != nil:
			again.Need = both(again.Need, d.Need)
		case d.Outcome == policy.StepUp:
			again = d
		}
	}
	if again.Outcome == policy.StepUp {
		return again
	}
	return d
}

// both is what two policies require together. Of classes that have none in common, it is those of the first: there is no
// way to show both, and the second will go on asking.
func both(one, other *policy.Requirement) *policy.Requirement {
	together := &policy.Requirement{MaxAge: one.MaxAge, ACR: one.ACR, AMR: slices.Clone(one.AMR)}
	if one.MaxAge == 0 || other.MaxAge != 0 && other.MaxAge < one.MaxAge {
		together.MaxAge = other.MaxAge
	}
	common := slices.DeleteFunc(slices.Clone(one.ACR), func(class string) bool { return !slices.Contains(other.ACR, class) })
	switch {
	case len(one.ACR) == 0:
		together.ACR = other.ACR
	case len(common) > 0:
		together.ACR = common
	}
	for _, method := range other.AMR {
		if !slices.Contains(together.AMR, method) {
			together.AMR = append(together.AMR, method)
		}
	}
	return together
}

// register adds a collector, or gives the one that is there already.
func register(to prometheus.Registerer, c *prometheus.CounterVec) *prometheus.CounterVec {
	if to == nil {
		return c
	}
	var before prometheus.AlreadyRegisteredError
	if err := to.Register(c); errors.As(err, &before) {
		if known, ok := before.ExistingCollector.(*prometheus.CounterVec); ok {
			return known
		}
	} else if err != nil {
		panic(err) // two metrics of ours with one name
	}
	return c
}
