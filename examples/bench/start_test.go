//go:build bench

package bench

import (
	"fmt"
	"testing"
	"time"
)

// idleTime is how long a node has nothing to do before its memory is read.
const idleTime = 5 * time.Second

// idleMemory is the most that an idle node may take.
const idleMemory = 80 << 20

// start measures how long a node takes to be ready, and what it takes in memory when nobody asks anything of it: alone
// in memory, and as one of three on disk.
func (s *suite) start(t *testing.T) {
	application := launchApplication(t)
	one, three := s.newCluster(t, 1, application, nil), s.newCluster(t, 3, application, nil)
	var nginxReady, nginxMemory, aloneReady, aloneMemory, allReady, againReady, eachMemory []float64
	s.each("start", func(round int) string {
		plain := launchProxy(t, application)
		nginxReady = append(nginxReady, seconds(plain.ready))

		aloneReady = append(aloneReady, seconds(one.start()))
		time.Sleep(idleTime)
		aloneMemory = append(aloneMemory, one.nodes[0].resident(t))
		nginxMemory = append(nginxMemory, plain.resident(t))
		one.wipe()
		plain.kill()

		allReady = append(allReady, seconds(three.start()))
		time.Sleep(idleTime)
		eachMemory = append(eachMemory, three.largest())
		againReady = append(againReady, seconds(three.restart(three.nodes[round%3])))
		three.wipe()
		return fmt.Sprintf("alone %s, %s; three %s, %s, one again %s", duration(last(aloneReady)), size(last(aloneMemory)),
			duration(last(allReady)), size(last(eachMemory)), duration(last(againReady)))
	})
	alone, nginx := "alone", "nginx"
	s.add(
		row{"start of a node alone, to ready", median(aloneReady), duration, median(nginxReady), nginx, atMost(1)},
		row{"start of three at once, to the last ready", median(allReady), duration, median(aloneReady), alone, atMost(8)},
		row{"restart of one of three, to ready", median(againReady), duration, median(aloneReady), alone, atMost(8)},
		row{"memory of an idle node alone", median(aloneMemory), size, median(nginxMemory), nginx, atMost(idleMemory)},
		row{"memory of an idle node, the largest of three", median(eachMemory), size, median(aloneMemory), alone, atMost(idleMemory)},
	)
}

// restart stops a node as an operator does, and starts it again.
func (c *cluster) restart(n *node) time.Duration {
	c.t.Helper()
	n.stop()
	n.start(c)
	return n.untilReady()
}

// largest is the memory of the node that takes the most.
func (c *cluster) largest() (most float64) {
	c.t.Helper()
	for _, n := range c.nodes {
		most = max(most, n.resident(c.t))
	}
	return most
}

func last(all []float64) float64 { return all[len(all)-1] }
