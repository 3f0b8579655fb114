package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rapport/internal/soak"
	"rapport/internal/store/postgres/pgtest"
)

// storm is a team of which each node reaches the database, and is reached by the
// others, through a proxy of its own.
type storm struct {
	team
	server   *pgtest.Server
	schema   string
	database []*pgtest.Proxy
	before   []*pgtest.Proxy
}

func newStorm(t *testing.T) *storm {
	t.Helper()
	server, err := pgtest.Start() // its own: it is killed
	if errors.Is(err, pgtest.ErrNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &storm{server: server, schema: fmt.Sprintf("storm%d", os.Getpid())}
	t.Cleanup(func() {
		if err := s.server.Stop(); err != nil {
			t.Error(err)
		}
	})
	server.Exec(t, "CREATE SCHEMA "+s.schema)
	for range 3 {
		db := pgtest.NewProxy(t, server)
		listen := freeAddress(t)
		front := pgtest.NewProxyBefore(t, listen)
		s.database, s.before = append(s.database, db), append(s.before, front)
		p := &process{binary: program(t), folder: t.TempDir(), settings: []string{
			"RAPPORT_STORE=" + db.URL(s.schema), "RAPPORT_CLUSTER_ADDRESS=http://" + front.Addr,
			"RAPPORT_MASTER_KEY=" + masterOfTwo, "RAPPORT_CLUSTER_LEASE=1s", "RAPPORT_CLUSTER_HOLD=5s",
		}}
		p.run(t, listen)
		t.Cleanup(func() { _ = p.stop(os.Kill) })
		s.nodes, s.ready = append(s.nodes, p), append(s.ready, true)
	}
	return s
}

// freeAddress is one on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	p := pgtest.NewProxyBefore(t, "127.0.0.1:1")
	defer p.Close()
	return p.Addr
}

func (s *storm) index(p *process) int { return slices.Index(s.nodes, p) }

// other waits until another node than one holds the data, and tells how long
// that took.
func (s *storm) other(t *testing.T, than *process, why string) {
	t.Helper()
	begin := time.Now()
	for time.Since(begin) < patience {
		for _, p := range s.nodes {
			if p != than && p.role() == "holder" {
				t.Logf("%s: another node held the data after %v", why, time.Since(begin).Round(time.Millisecond))
				return
			}
		}
		wait(20 * time.Millisecond)
	}
	t.Fatalf("%s: no other node took over", why)
}

// ends waits for the end of a node that lost the data, and starts it anew.
func (s *storm) ends(t *testing.T, p *process) {
	t.Helper()
	if err := p.command.Wait(); err == nil {
		t.Error("the node ended without saying that it lost the database")
	}
	_ = p.output.Close()
	p.again(t)
}

// supervise starts nodes anew that ended, as whatever runs them would: a node
// that lost the data ends.
func (s *storm) supervise(t *testing.T) {
	t.Helper()
	for _, p := range s.nodes {
		res, err := http.Get(p.url + "/healthz") //nolint:noctx // it answers at once
		if err == nil {
			_ = res.Body.Close()
			continue
		}
		_ = p.command.Wait() // how it ended is in its log
		_ = p.output.Close()
		p.again(t)
	}
}

// The faults, each of which leaves three nodes and a database running.
func (s *storm) faults(random *rand.Rand) map[string]func(t *testing.T) {
	return map[string]func(t *testing.T){
		"kill": func(t *testing.T) {
			t.Helper()
			p := s.holder(t)
			if err := p.stop(syscall.SIGKILL); err == nil {
				t.Fatal("the node ended by itself")
			}
			s.other(t, p, "kill")
			p.again(t)
		},
		"freeze": func(t *testing.T) {
			t.Helper()
			p := s.holder(t)
			signal(t, p, syscall.SIGSTOP)
			s.other(t, p, "freeze")
			signal(t, p, syscall.SIGCONT)
			s.ends(t, p)
		},
		"cut off": func(t *testing.T) {
			t.Helper()
			p := s.holder(t)
			db := s.database[s.index(p)]
			db.Stall(true)
			s.other(t, p, "cut off")
			db.Stall(false)
			s.ends(t, p)
		},
		"database": func(t *testing.T) {
			t.Helper()
			if err := s.server.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := s.server.Run(); err != nil {
				t.Fatal(err)
			}
			s.holder(t)
		},
		"fail-over": func(t *testing.T) {
			t.Helper()
			s.failOver(t)
			s.holder(t)
		},
		"full disk": s.fullDisk,
		"wires": func(*testing.T) {
			for i := range s.nodes {
				s.before[i].Delay(time.Duration(random.IntN(3)) * time.Millisecond)
				s.before[i].CutAfter(int64(1+random.IntN(20_000)), random.IntN(2) == 0)
			}
		},
	}
}

// failOver cuts everybody off the database, as a fail-over does, and lets a
// replica that has all of it take its place and its address.
func (s *storm) failOver(t *testing.T) {
	t.Helper()
	replica, err := s.server.Replica()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.database {
		p.Down(true)
	}
	before := s.server
	s.server = replica
	if err := errors.Join(before.Caught(), before.Stop(), replica.Promote()); err != nil {
		t.Fatal(err)
	}
	for _, p := range s.database {
		p.Aim(replica)
	}
}

func signal(t *testing.T, p *process, what os.Signal) {
	t.Helper()
	if err := p.command.Process.Signal(what); err != nil {
		t.Fatal(err)
	}
}

// TestCluster_FaultsLoseNothingAndCountNothingTwice lets faults happen to three
// nodes under load. At rest everything acknowledged is there once, the sums are
// exact, and the people are those that a single embedded node makes of the same
// events in another order.
func TestCluster_FaultsLoseNothingAndCountNothingTwice(t *testing.T) {
	t.Parallel()
	soak.Unraced(t)
	rounds := 1
	if soak.Long() {
		rounds = 10
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 7))
	s := newStorm(t)
	s.balance(t)
	crowd := newCrowd(s.url, seed)
	crowd.start(t.Context())
	crowd.waitFor(t, 10)
	faults := s.faults(random)
	names := []string{"kill", "freeze", "cut off", "database", "fail-over", "wires"}
	if soak.Long() {
		names = append(names, "full disk") // a node that a busy machine makes late ends meanwhile
	}
	for range rounds {
		random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, name := range names {
			faults[name](t)
			s.supervise(t)
			crowd.waitFor(t, crowd.acknowledged()+5)
		}
	}
	crowd.stop()
	soak.Did(t, rounds*len(names), "faults of three nodes", seed)
	for i := range s.nodes { // the wires are whole again
		s.before[i].CutAfter(0, false)
	}
	// A node that a busy machine makes late for its lease ends now as before.
	front := &process{url: s.holder(t).url, elsewhere: func(t *testing.T) string {
		t.Helper()
		s.supervise(t)
		return s.holder(t).url
	}}
	front.barrier(t)
	crowd.compare(t, front)
	alone := startProcess(t, program(t))
	alone.barrier(t)
	crowd.replay(t, alone, random)
	alone.barrier(t)
	for person := range people {
		if a, b := front.person(t, person), alone.person(t, person); a != b {
			t.Errorf("person %d is not the same: %s", person, firstDifference(a, b))
		}
	}
}

// firstDifference shows where two texts part.
func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return fmt.Sprintf("%d lines, %d lines; line %d is %s and %s", len(x), len(y), i, x[max(i-3, 0):i+1], y[max(i-3, 0):i+1])
		}
	}
	return fmt.Sprintf("%d lines, %d lines", len(x), len(y))
}

// replay sends everything to another instance, in another order.
func (c *crowd) replay(t *testing.T, to *process, random *rand.Rand) {
	t.Helper()
	bodies, puts := slices.Clone(c.bodies), slices.Clone(c.puts)
	random.Shuffle(len(bodies), func(i, j int) { bodies[i], bodies[j] = bodies[j], bodies[i] })
	random.Shuffle(len(puts), func(i, j int) { puts[i], puts[j] = puts[j], puts[i] })
	c.moveTo(to.url)
	for _, body := range bodies {
		if status, text := c.send(http.MethodPost, "/v1/batch", body, binaryWriteKey); status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
	}
	for _, put := range puts {
		if status, text := c.send(http.MethodPut, put[0], put[1], ""); status != http.StatusCreated {
			t.Fatalf("%d %s", status, text)
		}
	}
}

// strip takes away what tells when an instance received something, and ids that
// it makes with a key of its own.
func strip(at any) {
	switch at := at.(type) {
	case map[string]any:
		for _, own := range []string{"id", "version", "as_of", "updated_at", "received_at", "first_received", "last_received", "first_order_at", "last_order_at"} {
			delete(at, own)
		}
		for _, v := range at {
			strip(v)
		}
	case []any:
		for _, v := range at {
			strip(v)
		}
	}
}

// person is what is known of a person, without the ids that differ by instance.
func (p *process) person(t *testing.T, person int) string {
	t.Helper()
	var profile map[string]any
	ref := url.PathEscape(fmt.Sprintf("user_id:kill-%d", person))
	p.get(t, "/api/v1/profiles/"+ref, &profile)
	strip(profile)
	text, err := json.MarshalIndent(profile, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range p.timeline(t, strings.ReplaceAll(ref, "%3A", ":")) {
		names = append(names, l.MessageID+" "+l.Time.Format(time.RFC3339Nano))
	}
	slices.Sort(names)
	return string(text) + strings.Join(names, "\n")
}
