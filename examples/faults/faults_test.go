//go:build faults

package faults

import (
	"syscall"
	"testing"
	"time"
)

// How long faults last, against the bound.
const (
	moment  = 4 * time.Second           // shorter than an election
	outlast = staleness + 4*time.Second // longer than anybody may go on with what they knew
)

// fault is something that happens to a cluster.
type fault struct {
	name  string
	brief bool // part of the short form
	do    func(*incident)
}

func faults() []fault {
	return []fault{
		{"a follower is killed", false, killFollower},
		{"the leader is killed", true, killLeader},
		{"the leader is stopped and started", false, restartLeader},
		{"two of three are killed", true, killTwo},
		{"a node is frozen for a moment", false, freezeShort},
		{"the leader is frozen for long", true, freezeLong},
		{"a follower is cut off", false, cutFollower},
		{"the leader is cut off", true, cutLeader},
		{"the leader is not heard", false, muteLeader},
		{"the leader does not hear", false, deafenLeader},
		{"the node that stores nothing is cut off", true, cutNonStoring},
		{"everybody is alone", false, cutAll},
		{"a disk is full", true, fillDisk},
		{"a disk is slow", false, slowDisk},
		{"all disks are slow", false, slowDisks},
		{"a clock jumps ahead", false, clockAhead},
		{"a clock jumps back", false, clockBack},
	}
}

func TestThePromisesHoldWhateverBreaks(t *testing.T) {
	c := startCluster(t)
	r := &run{cluster: c, history: newHistory(), told: map[violation]bool{}}
	r.work = startWorkload(t, c, r.history)
	r.work.goesOn(t)
	defer r.report(t)
	for _, f := range faults() {
		if testing.Short() && !f.brief {
			continue
		}
		t.Run(f.name, func(t *testing.T) { r.suffer(t, f.name, f.do) })
		if t.Failed() {
			r.well(t, healsWithin)
		}
	}
}

// bucket is whose leader faults are about.
const bucket = "sessions"

func killFollower(i *incident) { i.kill(i.follower(i.t, bucket)) }

func killLeader(i *incident) { i.kill(i.leader(i.t, bucket)) }

// killTwo leaves one of three, and no majority: nobody can be sure of anything for longer than the bound.
func killTwo(i *incident) {
	i.blames(i.nodes...)
	two := i.nodes[:2]
	for _, n := range two {
		n.kill(i.t)
	}
	i.lasts(outlast)
	for _, n := range two {
		n.start(i.t)
	}
}

// kill kills a node and starts it again when the others have long noticed. They are to refuse nobody.
func (i *incident) kill(n *node) {
	i.blames(n)
	n.kill(i.t)
	i.lasts(outlast)
	n.start(i.t)
}

// restartLeader is what an operator does, with care.
func restartLeader(i *incident) {
	n := i.leader(i.t, bucket)
	i.blames(n)
	n.stop(i.t)
	n.start(i.t)
}

func freezeShort(i *incident) {
	i.freeze(i.follower(i.t, bucket), func() { i.lasts(moment) })
}

func freezeLong(i *incident) { i.freeze(i.leader(i.t, bucket), i.outlasts) }

// freeze stops a node without its knowing, as a suspended machine or a hung one would be. What it wakes up to are
// requests of people who were signed out while it slept.
func (i *incident) freeze(n *node, lasts func()) {
	i.blames(n)
	n.signal(i.t, syscall.SIGSTOP)
	lasts()
	i.work.ambush(n, writePatience)
	i.lasts(time.Second)
	n.signal(i.t, syscall.SIGCONT)
}

func cutFollower(i *incident) { i.cutOff(i.follower(i.t, bucket)) }

func cutLeader(i *incident) { i.cutOff(i.leader(i.t, bucket)) }

func cutNonStoring(i *incident) { i.cutOff(i.nodes[storing]) }

// cutOff takes a node from all the others, both ways; people still reach it.
func (i *incident) cutOff(n *node) { i.cut(n, true, true) }

// muteLeader has the leader hear the others, who do not hear it.
func muteLeader(i *incident) { i.cut(i.leader(i.t, bucket), true, false) }

// deafenLeader has the others hear the leader, which does not hear them.
func deafenLeader(i *incident) { i.cut(i.leader(i.t, bucket), false, true) }

// cut makes what a node sends to the others vanish, or what they send to it, or both.
func (i *incident) cut(n *node, out, in bool) {
	if !i.isolated() {
		i.freeze(n, i.outlasts)
		return
	}
	i.blames(n)
	each := func(do func(s *space, from, to *node)) {
		for _, other := range i.others(n) {
			if out {
				do(n.space, n, other)
			}
			if in {
				do(other.space, other, n)
			}
		}
	}
	each(func(s *space, _, to *node) { s.cut(i.t, to.host) })
	i.outlasts()
	each(func(s *space, _, to *node) { s.mend(i.t, to.host) })
}

// cutAll leaves every node alone.
func cutAll(i *incident) {
	i.blames(i.nodes...)
	for _, n := range i.nodes {
		for _, other := range i.others(n) {
			if i.isolated() {
				n.space.cut(i.t, other.host)
			}
		}
		if !i.isolated() {
			n.signal(i.t, syscall.SIGSTOP)
		}
	}
	i.lasts(outlast)
	for _, n := range i.nodes {
		for _, other := range i.others(n) {
			if i.isolated() {
				n.space.mend(i.t, other.host)
			}
		}
		if !i.isolated() {
			n.signal(i.t, syscall.SIGCONT)
		}
	}
}

// fillDisk has a node with no room for anything new, and then with some.
func fillDisk(i *incident) {
	n := i.nodes[1]
	i.blames(n)
	free := i.fill(i.t, n)
	i.lasts(outlast)
	free()
}

// What one fsync costs more on a slow disk, and how far a clock jumps.
const (
	slowness = 200 * time.Millisecond
	leap     = 30 * time.Minute
)

func slowDisk(i *incident) { i.slow(i.nodes[2]) }

func slowDisks(i *incident) { i.slow(i.nodes[:storing]...) }

// slow has every fsync of some nodes take its time.
func (i *incident) slow(nodes ...*node) {
	if !i.warded {
		i.stutter(nodes...)
		return
	}
	i.guard(nodes...)
	for _, n := range nodes {
		n.warden.delay.Store(int64(slowness))
	}
	i.lasts(outlast)
	for _, n := range nodes {
		n.warden.delay.Store(0)
	}
}

// stutter has nodes stand still again and again, as they would at a slow disk if they did nothing else meanwhile.
func (i *incident) stutter(nodes ...*node) {
	i.blames(nodes...)
	for began := time.Now(); time.Since(began) < outlast; i.lasts(slowness) {
		for _, n := range nodes {
			n.signal(i.t, syscall.SIGSTOP)
		}
		i.lasts(slowness)
		for _, n := range nodes {
			n.signal(i.t, syscall.SIGCONT)
		}
	}
}

func clockAhead(i *incident) { i.jump(i.nodes[2], leap) }

func clockBack(i *incident) { i.jump(i.nodes[2], -leap) }

// jump sets the wall clock of a node.
func (i *incident) jump(n *node, by time.Duration) {
	if !i.warded {
		i.freeze(n, i.outlasts)
		return
	}
	i.guard(n)
	i.explains(excuse{target: n.name, clocks: true})
	i.explains(excuse{target: balancer, clocks: true}) // it takes the steps of a sign-in to several nodes
	n.warden.shift.Store(int64(by))
	i.lasts(outlast)
	n.warden.shift.Store(0)
}

// guard restarts nodes under wardens, one after the other, and leaves them so.
func (i *incident) guard(nodes ...*node) {
	i.blames(nodes...)
	for _, n := range nodes {
		if n.warden == nil {
			n.warden = &warden{}
			n.stop(i.t)
			n.start(i.t)
			i.well(i.t, healsWithin)
		}
	}
}
