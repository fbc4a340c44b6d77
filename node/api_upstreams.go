package node

import "time"

// upstreamStatus is how one application of one route is, as this node sees it.
type upstreamStatus struct {
	Route    string    `json:"route"`
	Upstream string    `json:"upstream"`
	Weight   int       `json:"weight"`
	Health   string    `json:"health"` // healthy, unhealthy, unknown (nobody has asked yet) or unchecked
	Since    time.Time `json:"since,omitzero"`
	Error    string    `json:"error"`
	Ejected  time.Time `json:"ejected_until,omitzero"` // left alone for its errors
	UnderWay int64     `json:"under_way"`              // requests, where something depends on them
}

// upstreams are the applications of all routes.
func (n *Node) upstreams() []upstreamStatus {
	all := []upstreamStatus{}
	for _, s := range n.door.Upstreams() {
		all = append(all, upstreamStatus(s))
	}
	return all
}
