package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rapport/internal/soak"
)

// The kills of an ordinary run and of a soak, and how many an instance gets: what it
// came through is compared in full when it rests, and then the next begins anew. An
// instance that grew through all of them would spend the time on folding and reading
// what earlier kills were about.
const (
	kills     = 20
	soakKills = 1000
	lifeKills = 100
)

// TestKill_NothingAcknowledgedIsLostAndNothingCountsTwice kills the real binary
// under load at random moments. Clients send again what was not acknowledged,
// as real ones do, so at rest every event is there exactly once.
func TestKill_NothingAcknowledgedIsLostAndNothingCountsTwice(t *testing.T) {
	t.Parallel()
	soak.Unraced(t)
	rounds := kills
	if soak.Long() {
		rounds = soakKills
	}
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		killLives(t, rounds, func(*testing.T) []string { return nil })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		killLives(t, rounds/4, func(t *testing.T) []string { return []string{"RAPPORT_STORE=" + database(t)} })
	})
}

// killLives kills so many times, one instance after the other.
func killLives(t *testing.T, rounds int, settings func(*testing.T) []string) {
	t.Helper()
	for done := 0; done < rounds; done += lifeKills {
		t.Run(fmt.Sprintf("from %d", done+1), func(t *testing.T) {
			lake := t.TempDir()
			s := startProcess(t, program(t), append(lakeSettings(lake), settings(t)...)...)
			killAtRandom(t, s, min(lifeKills, rounds-done)).compareLake(t, s, lake)
		})
	}
}

func killAtRandom(t *testing.T, s *process, rounds int) *crowd {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	crowd := newCrowd(s.url, seed)
	crowd.start(t.Context())
	for round := range rounds {
		begin := crowd.acknowledged()
		crowd.waitFor(t, begin+1)
		wait(time.Duration(random.IntN(400)) * time.Millisecond)
		if err := s.stop(syscall.SIGKILL); err == nil {
			t.Fatal("the server ended by itself before it was killed")
		}
		s.run(t, s.address())
		s.holds(t, crowd, fmt.Sprintf("after kill %d", round+1), random.IntN(people))
	}
	crowd.stop()
	s.barrier(t)
	crowd.compare(t, s)
	soak.Did(t, rounds, "kills under load", seed)
	return crowd
}

// wait lets a time pass.
func wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

const (
	people  = 12
	writers = 4
	perSend = 12
)

// crowd sends events and remembers which were acknowledged. Person p uses the
// user id kill-p and the device device-p; some events know only one of them.
type crowd struct {
	url    string
	seed   uint64
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu       sync.Mutex
	sent     [people][]string // message ids acknowledged at least once
	read     [people]int      // how many of those were found after a start
	attempts int              // events handed over, those sent again included
	broken   int              // bodies without a name among the attempts
	brokenOK int              // of those, in acknowledged requests
	orders   map[string]string
	bodies   []string      // of all batches begun
	puts     [][2]string   // path and body of all orders
	more     chan struct{} // closed at the next acknowledgement
}

func newCrowd(at string, seed uint64) *crowd {
	return &crowd{url: at, seed: seed, orders: map[string]string{}, more: make(chan struct{})}
}

func (c *crowd) start(ctx context.Context) {
	ctx, c.cancel = context.WithCancel(ctx)
	for w := range writers {
		c.group.Go(func() { c.write(ctx, w) })
	}
	c.group.Go(func() { c.order(ctx) })
}

// stop lets every writer finish what it began.
func (c *crowd) stop() {
	c.cancel()
	c.group.Wait()
}

// moveTo sends what comes from now on to another node.
func (c *crowd) moveTo(url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.url = url
}

// parcel is one request of a writer.
type parcel struct {
	body string
	ids  [people][]string
}

func (c *crowd) write(ctx context.Context, writer int) {
	random := rand.New(rand.NewPCG(c.seed, uint64(writer)+2))
	for n := 0; ctx.Err() == nil; n++ {
		p := pack(random, writer, n)
		c.mu.Lock()
		c.bodies = append(c.bodies, p.body)
		c.mu.Unlock()
		c.insist(func() bool { return c.post(&p) })
	}
}

// pack makes a batch: events of several people and one that nobody can read.
func pack(random *rand.Rand, writer, n int) parcel {
	var p parcel
	var events []string
	for i := range perSend {
		person := random.IntN(people)
		message := fmt.Sprintf("kill-%d-%d-%d", writer, n, i)
		who := fmt.Sprintf(`"userId":"kill-%d","anonymousId":"device-%d"`, person, person)
		switch random.IntN(3) {
		case 0:
			who = fmt.Sprintf(`"userId":"kill-%d"`, person)
		case 1:
			who = fmt.Sprintf(`"anonymousId":"device-%d"`, person)
		}
		events = append(events, fmt.Sprintf(`{"type":"track","event":"Kept",%s,"messageId":%q,"timestamp":%q}`,
			who, message, time.Now().UTC().Format(time.RFC3339Nano)))
		p.ids[person] = append(p.ids[person], message)
	}
	events = append(events, fmt.Sprintf(`{"type":"track","userId":"kill-0","messageId":"broken-%d-%d"}`, writer, n))
	p.body = `{"batch":[` + strings.Join(events, ",") + `]}`
	return p
}

// insist tries until it worked, with a breath between: whatever a writer began
// must end acknowledged.
func (c *crowd) insist(try func() bool) {
	for !try() {
		wait(20 * time.Millisecond)
	}
}

func (c *crowd) post(p *parcel) bool {
	c.mu.Lock()
	c.attempts += perSend
	c.broken++
	c.mu.Unlock()
	if status, _ := c.send(http.MethodPost, "/v1/batch", p.body, binaryWriteKey); status != http.StatusOK {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for person, ids := range p.ids {
		c.sent[person] = append(c.sent[person], ids...)
	}
	c.brokenOK++
	close(c.more)
	c.more = make(chan struct{})
	return true
}

// order puts orders with an idempotency key and remembers what was answered.
func (c *crowd) order(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("order-%d", n)
		body := fmt.Sprintf(`{"customer":{"namespace":"user_id","value":"kill-%d"},"total":%d,"currency":"EUR"}`, n%people, n+1)
		c.insist(func() bool {
			status, answer := c.send(http.MethodPut, "/api/v1/orders/"+id, body, "")
			if status != http.StatusCreated {
				return false
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.orders[id] = answer
			c.puts = append(c.puts, [2]string{"/api/v1/orders/" + id, body})
			return true
		})
		wait(10 * time.Millisecond)
	}
}

// send does one request; status 0 means that there was no answer.
func (c *crowd) send(method, path, body, key string) (status int, answer string) {
	c.mu.Lock()
	url := c.url
	c.mu.Unlock()
	req, err := http.NewRequest(method, url+path, strings.NewReader(body)) //nolint:noctx // a kill ends it
	if err != nil {
		return 0, ""
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.SetBasicAuth(key, "")
	} else {
		req.Header.Set("Authorization", "Bearer "+binarySecretKey)
		req.Header.Set("Idempotency-Key", path)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, ""
	}
	return res.StatusCode, string(b)
}

func (c *crowd) acknowledged() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.brokenOK
}

// waitFor waits until so many requests were acknowledged.
func (c *crowd) waitFor(t *testing.T, n int) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		c.mu.Lock()
		done, more := c.brokenOK, c.more
		c.mu.Unlock()
		if done >= n {
			return
		}
		select {
		case <-more:
		case <-limit.C:
			t.Fatalf("%d requests acknowledged, waited for %d", done, n)
		}
	}
}

// unread is what was acknowledged for a person and not found after a start so far.
func (c *crowd) unread(person int) map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.sent[person][c.read[person]:]
	c.read[person] = len(c.sent[person])
	ids := make(map[string]bool, len(list))
	for _, id := range list {
		ids[id] = true
	}
	return ids
}

// holds checks right after a start that one person has everything that was
// acknowledged before, and that the sums are right while the load goes on. What an
// earlier start had shown is left to the comparison at rest.
func (s *process) holds(t *testing.T, c *crowd, when string, person int) {
	t.Helper()
	missing := c.unread(person)
	s.barrier(t)
	for i := range s.lines(t, fmt.Sprintf("user_id:kill-%d", person)) {
		if delete(missing, i.MessageID); len(missing) == 0 {
			break
		}
	}
	for id := range missing {
		t.Fatalf("%s: %s was acknowledged and is not in the timeline of person %d", when, id, person)
	}
	var got sums
	s.get(t, "/api/v1/accounting", &got)
	if got.Received != got.Pending+got.Stored+got.Deduplicated+got.DeadLettered+got.Rejected || got.Pending < 0 {
		t.Fatalf("%s: the sums do not add up: %+v", when, got)
	}
}

// compare holds the instance at rest against everything that was acknowledged.
func (c *crowd) compare(t *testing.T, s *process) {
	t.Helper()
	unique := 0
	for person, want := range c.sent {
		unique += len(want)
		ref := fmt.Sprintf("user_id:kill-%d", person)
		items := s.timeline(t, ref)
		have := make([]string, len(items))
		for i, item := range items {
			have[i] = item.MessageID
			if i > 0 && item.Time.After(items[i-1].Time) {
				t.Errorf("person %d: the timeline is out of order at %s", person, item.MessageID)
			}
		}
		slices.Sort(have)
		slices.Sort(want)
		if !slices.Equal(have, want) {
			t.Errorf("person %d: the timeline has %d events, %d were acknowledged", person, len(have), len(want))
		}
		var profile struct {
			Computed struct {
				EventCount int                `json:"event_count"`
				OrderCount int                `json:"order_count"`
				OrderTotal map[string]float64 `json:"order_total"`
			}
		}
		s.get(t, "/api/v1/profiles/"+ref, &profile)
		count, total := c.ordersOf(t, person)
		if p := profile.Computed; p.EventCount != len(want) || p.OrderCount != count || p.OrderTotal["EUR"] != total {
			t.Errorf("person %d: profile %+v, want %d events, %d orders, %g EUR", person, p, len(want), count, total)
		}
	}
	c.compareOrders(t, s)
	var got sums
	s.get(t, "/api/v1/accounting", &got)
	if got.Pending != 0 || got.Rejected != 0 || got.Received != got.Stored+got.Deduplicated+got.DeadLettered {
		t.Errorf("the sums do not add up at rest: %+v", got)
	}
	if got.Stored != unique+s.barriers {
		t.Errorf("%d stored, want %d and %d barriers", got.Stored, unique, s.barriers)
	}
	if got.DeadLettered < c.brokenOK || got.DeadLettered > c.broken {
		t.Errorf("%d dead letters, want %d to %d", got.DeadLettered, c.brokenOK, c.broken)
	}
	if most := c.attempts - unique; got.Deduplicated > most {
		t.Errorf("%d deduplicated, at most %d came again", got.Deduplicated, most)
	}
	t.Logf("%d events, %d orders, sums %+v", unique, len(c.orders), got)
}

func (c *crowd) ordersOf(t *testing.T, person int) (count int, total float64) {
	t.Helper()
	for n := range len(c.orders) {
		if n%people == person {
			count++
			total += float64(n + 1)
		}
	}
	return count, total
}

func (c *crowd) compareOrders(t *testing.T, s *process) {
	t.Helper()
	for id, answered := range c.orders {
		var want, got map[string]any
		if err := json.Unmarshal([]byte(answered), &want); err != nil {
			t.Fatal(err)
		}
		s.get(t, "/api/v1/orders/"+url.PathEscape(id), &got)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, answered was %v", id, got, want)
		}
	}
}
