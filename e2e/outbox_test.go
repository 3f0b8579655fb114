package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rapport/internal/soak"
)

// The events of the deliveries that are killed, and how often.
const (
	outboxEvents    = 2000
	outboxKills     = 4
	outboxSoakKills = 100
)

// receiver is a webhook that notes each idempotency key and, for each person,
// the order in which new ones come.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	seen   map[string]int
	last   map[string]int
	behind []string
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{seen: map[string]int{}, last: map[string]int{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		raw, _ := io.ReadAll(q.Body)
		var m struct {
			Data struct {
				User string `json:"user"`
				N    int    `json:"n"`
			} `json:"data"`
		}
		_ = json.Unmarshal(raw, &m)
		r.mu.Lock()
		defer r.mu.Unlock()
		key := q.Header.Get("webhook-id")
		if r.seen[key]++; r.seen[key] > 1 {
			return // at least once: who receives knows the key
		}
		if m.Data.N <= r.last[m.Data.User] {
			r.behind = append(r.behind, fmt.Sprintf("%s: %d after %d", m.Data.User, m.Data.N, r.last[m.Data.User]))
		}
		r.last[m.Data.User] = m.Data.N
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

// TestKill_EveryEventIsDeliveredInOrderAndUnderOneKey kills the real binary while
// it takes events and delivers them.
func TestKill_EveryEventIsDeliveredInOrderAndUnderOneKey(t *testing.T) {
	t.Parallel()
	soak.Unraced(t)
	rounds := outboxKills
	if soak.Long() {
		rounds = outboxSoakKills
	}
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		killDeliveries(t, startProcess(t, program(t), "RAPPORT_EGRESS_ALLOW=127.0.0.1"), outboxEvents*max(1, rounds/10), rounds)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		killDeliveries(t, startProcess(t, program(t), "RAPPORT_EGRESS_ALLOW=127.0.0.1", "RAPPORT_STORE="+database(t)), outboxEvents/3, max(1, rounds/4))
	})
}

func killDeliveries(t *testing.T, s *process, events, rounds int) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random, r := rand.New(rand.NewPCG(seed, 1)), receive(t)
	crowd := newCrowd(s.url, seed) // for its way of sending again
	status, answer := crowd.send(http.MethodPut, "/api/v1/destinations/crm?wait=applied", `{"type":"webhook","settings":{"url":"`+r.URL+`",
		"secrets":["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]},"events":{"names":["Told"]},"stop_at":10000000,
		"mapping":"{user: event.properties.user, n: event.properties.n}"}`, "")
	if status != http.StatusCreated {
		t.Fatalf("%d %s", status, answer)
	}
	const batch = 50
	events -= events % batch
	every := max(events/batch/(rounds+1), 1)
	for n := 0; n < events; n += batch {
		var b strings.Builder
		for i := n; i < n+batch; i++ {
			user := fmt.Sprintf("u%d", i%37)
			fmt.Fprintf(&b, `,{"type":"track","userId":%q,"event":"Told","messageId":"t%d","properties":{"user":%q,"n":%d}}`, user, i, user, i+1)
		}
		body := `{"batch":[` + b.String()[1:] + `]}`
		crowd.insist(func() bool {
			status, _ := crowd.send(http.MethodPost, "/v1/batch", body, binaryWriteKey)
			return status == http.StatusOK
		})
		if n/batch%every == every-1 && n+batch < events {
			wait(time.Duration(random.IntN(60)) * time.Millisecond)
			if err := s.stop(syscall.SIGKILL); err == nil {
				t.Fatal("the server ended by itself before it was killed")
			}
			s.run(t, s.address())
		}
	}
	for limit := 0; r.count() < events; limit++ {
		if limit > 6000 {
			t.Fatalf("%d of %d messages came", r.count(), events)
		}
		wait(10 * time.Millisecond)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	again := 0
	for _, n := range r.seen {
		again += n - 1
	}
	if len(r.seen) != events || len(r.behind) > 0 {
		t.Errorf("%d keys for %d events; out of order: %v", len(r.seen), events, r.behind)
	}
	soak.Did(t, rounds, "kills while it delivers", seed)
	t.Logf("%d messages, %d of them more than once", len(r.seen), again)
}
