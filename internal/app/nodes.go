package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/fault"
	"rapport/internal/health"
	"rapport/internal/httpapi"
	"rapport/internal/relay"
	"rapport/internal/store/postgres"
	"rapport/internal/store/seal"
)

// The roles of a node.
const (
	roleHolder  = "holder"
	roleStandby = "standby"
)

// gate is what the instance answers with while it holds the data, and how many
// requests are inside.
type gate struct {
	mu     sync.Mutex
	inside http.Handler // nil: the data is not here
	n      int
	empty  chan struct{} // closed when the last request left a closed gate
}

// open lets requests in.
func (g *gate) open(h http.Handler) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside = h
}

// enter gives what answers; nil: nothing does. Who entered leaves.
func (g *gate) enter() http.Handler {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside != nil {
		g.n++
	}
	return g.inside
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.n--; g.n == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// shut lets nobody in any more. What it gives is closed once everybody left.
func (g *gate) shut() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside = nil
	left := make(chan struct{})
	if g.n == 0 {
		close(left)
	} else {
		g.empty = left
	}
	return left
}

// ServeHTTP passes a request in.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := g.enter(); h != nil {
		defer g.leave()
		h.ServeHTTP(w, r)
		return
	}
	httpapi.Refuse(w, fault.Errorf(fault.Unavailable, "not_ready", "the data changes hands: send the request again in a second"))
}

// cluster is what an instance has where several nodes share a database.
type cluster struct {
	relay    *relay.Relay
	registry atomic.Pointer[postgres.Registry] // nil until the node joined
	standby  http.Handler
	shelf    *shelf
}

// openRelay makes what passes requests on; without a database there is nobody to
// pass them to.
func (a *App) openRelay(m master) {
	if !a.config.Postgres() || a.parts.Store != nil {
		return
	}
	r := relay.New(relay.Config{
		Secret: seal.Derive(m.key, "between nodes"), Clock: a.parts.Clock, Hold: a.config.Cluster.Hold, Bodies: int64(a.budget.HTTP),
		Refuse: httpapi.Refuse,
		Here: func() http.Handler {
			if a.ready() != nil || !a.holds() {
				return nil
			}
			return &a.gate
		},
	})
	a.cluster = &cluster{relay: r, standby: httpapi.Standby(a.standbyReady, a.role, a.metrics.Handler(), r)}
}

// describeNodes registers what is counted of passing requests on. It is told also
// while another node holds the data.
func (a *App) describeNodes() {
	a.metrics.Gauge("rapport_node_holder", "1 while this node holds the data, 0 while it passes requests to the one that does.", nil, func() float64 {
		if a.holds() {
			return 1
		}
		return 0
	})
	count := func(name, help string, of func(c relay.Counts) uint64) {
		a.metrics.Counter(name, help, nil, func() float64 {
			if a.cluster == nil {
				return 0
			}
			return float64(of(a.cluster.relay.Counts()))
		})
	}
	count("rapport_relay_passed_total", "Requests that the node that holds the data answered in place of this one.", func(c relay.Counts) uint64 { return c.Passed })
	count("rapport_relay_waited_total", "Requests that waited because no node held the data.", func(c relay.Counts) uint64 { return c.Waited })
	count("rapport_relay_refused_total", "Requests answered 503 or 429 because the wait was too long or too many waited.", func(c relay.Counts) uint64 { return c.Refused })
	count("rapport_relay_unknown_total", "Requests answered 503 because the node that had them fell silent.", func(c relay.Counts) uint64 { return c.Unknown })
}

// join tells the other nodes where this one is.
func (a *App) join(ctx context.Context) (err error) {
	if a.cluster == nil {
		return nil
	}
	id, err := nodeName(&a.config, a.parts)
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(a.Addr())
	if err != nil {
		return fmt.Errorf("reading the own address: %w", err)
	}
	scheme := "http"
	if a.certificates != nil {
		scheme = "https"
		if a.config.Cluster.Address == "" {
			a.parts.Log.Warn("other nodes reach this one by an address that its certificate does not hold: set cluster.address")
		}
	}
	registry, err := postgres.OpenRegistry(ctx, postgres.RegistryOptions{
		DSN:  a.config.Store,
		Node: postgres.Node{ID: id, Address: a.config.Cluster.Address, Version: a.parts.Version, State: roleStandby}, Scheme: scheme, Port: port,
		Moved: a.cluster.relay.Move,
	})
	if err == nil {
		a.cluster.registry.Store(registry)
	}
	return err
}

// registry is which nodes there are; nil where this is the only one, or it has
// not joined yet.
func (a *App) registry() *postgres.Registry {
	if a.cluster == nil {
		return nil
	}
	return a.cluster.registry.Load()
}

// holds tells whether this node holds the data and answers for it.
func (a *App) holds() bool {
	a.gate.mu.Lock()
	defer a.gate.mu.Unlock()
	return a.gate.inside != nil
}

// role is the part of this node; empty where there is one node only.
func (a *App) role() string {
	if a.cluster == nil {
		return ""
	}
	if a.holds() {
		return roleHolder
	}
	return roleStandby
}

var errCutOff = errors.New("the database has not answered this node for some seconds")

// cutOff tells that the database does not answer: another node may hold the data
// by now.
func (a *App) cutOff() error {
	if r := a.registry(); r != nil && !r.Heard() {
		return errCutOff
	}
	return nil
}

// standbyReady tells whether a node that stands by can pass requests on.
func (a *App) standbyReady() error {
	why := a.state.Load()
	if a.registry() == nil || a.stopping.Load() || a.cluster.relay.Address() == "" && why != nil {
		return a.ready()
	}
	return a.cutOff()
}

// handOver gives the data to another node before this one stops listening, so
// that no request fails: those under way are finished here, those that come
// meanwhile wait and are passed on.
func (a *App) handOver(ctx context.Context) {
	limit, cancel := context.WithTimeout(ctx, min(a.config.HTTP.StopTimeout, a.config.Cluster.Hold/2))
	defer cancel()
	left := a.gate.shut()
	select {
	case <-left:
		return
	case <-limit.Done():
	}
	a.parts.Log.Warn("requests under way are cut off: the data goes to another node")
	a.cutShort()
	rest := time.NewTimer(cutPatience)
	defer rest.Stop()
	select {
	case <-left:
	case <-rest.C: // whatever they ask for is closed
	}
}

// cutPatience is how long requests may take to notice that they are cut off.
const cutPatience = time.Second

// nodes are those on the database, for the report of health.
func (a *App) nodes() []health.Node {
	r := a.registry()
	if r == nil {
		return nil
	}
	var out []health.Node
	for _, n := range r.Nodes() {
		role := roleStandby
		switch {
		case n.Silent.Seconds() > silentAfter:
			role = health.Silent
		case n.State == postgres.Stopping:
			role = n.State
		case n.Holder:
			role = roleHolder
		}
		out = append(out, health.Node{ID: n.ID, Address: n.Address, Version: n.Version, Role: role, Silent: n.Silent.Seconds()})
	}
	return out
}

// silentAfter is after how many seconds a node counts as silent.
const silentAfter = 10
