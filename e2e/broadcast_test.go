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

// The people of the broadcast that is killed, and how often.
const (
	broadcastPeople = 600
	broadcastKills  = 5
)

// letterbox is a webhook that notes the idempotency keys that came for each
// person.
type letterbox struct {
	*httptest.Server
	mu     sync.Mutex
	keys   map[string]map[string]bool
	posted int
}

func newLetterbox(t *testing.T) *letterbox {
	t.Helper()
	b := &letterbox{keys: map[string]map[string]bool{}}
	b.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		raw, _ := io.ReadAll(q.Body)
		var m struct {
			Data struct {
				User string `json:"user"`
			} `json:"data"`
		}
		_ = json.Unmarshal(raw, &m)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.posted++
		if b.keys[m.Data.User] == nil {
			b.keys[m.Data.User] = map[string]bool{}
		}
		b.keys[m.Data.User][q.Header.Get("webhook-id")] = true
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *letterbox) reached() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.keys)
}

// TestKill_ABroadcastReachesEverybodyUnderOneKey kills the real binary while it
// looks for the people of a broadcast and sends it.
func TestKill_ABroadcastReachesEverybodyUnderOneKey(t *testing.T) {
	t.Parallel()
	soak.Unraced(t)
	for engine, address := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			killBroadcast(t, startProcess(t, program(t), "RAPPORT_EGRESS_ALLOW=127.0.0.1", "RAPPORT_STORE="+address(t)))
		})
	}
}

func killBroadcast(t *testing.T, s *process) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random, box := rand.New(rand.NewPCG(seed, 1)), newLetterbox(t)
	crowd := newCrowd(s.url, seed) // for its way of sending again
	put := func(path, body string) {
		t.Helper()
		if status, answer := crowd.send(http.MethodPut, "/api/v1"+path+"?wait=applied", body, ""); status != http.StatusCreated {
			t.Fatalf("%s: %d %s", path, status, answer)
		}
	}
	put("/segments/members", `{"name":"Members","condition":{"trait":"member","op":"=","value":true}}`)
	put("/destinations/box", `{"type":"webhook","settings":{"url":"`+box.URL+`","secrets":["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]},
		"broadcasts":true,"stop_at":1000000,"traits":["name"],"mapping":"{user: person.traits.name}"}`)
	var b strings.Builder
	for i := range broadcastPeople {
		fmt.Fprintf(&b, `,{"type":"identify","userId":"u%d","messageId":"i%d","traits":{"member":true,"name":"u%d"}}`, i, i, i)
	}
	if status, answer := crowd.send(http.MethodPost, "/v1/batch?wait=applied", `{"batch":[`+b.String()[1:]+`]}`, binaryWriteKey); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	put("/broadcasts/news", `{"segment":"members","destination":"box","per_second":250}`)
	if status, answer := crowd.send(http.MethodPost, "/api/v1/broadcasts/news/send", "", ""); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	for range broadcastKills {
		wait(time.Duration(random.IntN(400)) * time.Millisecond)
		if err := s.stop(syscall.SIGKILL); err == nil {
			t.Fatal("the server ended by itself before it was killed")
		}
		s.run(t, s.address())
	}
	var report struct {
		State     string
		Messages  int
		Delivered int
	}
	for limit := 0; report.State != "sent"; limit++ {
		if limit > 9000 {
			t.Fatalf("%d of %d people were reached: %+v", box.reached(), broadcastPeople, report)
		}
		wait(10 * time.Millisecond)
		if err := json.Unmarshal([]byte(s.text(t, "/api/v1/broadcasts/news/report")), &report); err != nil {
			t.Fatal(err)
		}
	}
	box.mu.Lock()
	defer box.mu.Unlock()
	for user, keys := range box.keys {
		if len(keys) != 1 {
			t.Errorf("%s got %d messages", user, len(keys))
		}
	}
	if len(box.keys) != broadcastPeople || report.Messages != broadcastPeople || report.Delivered != broadcastPeople {
		t.Errorf("%d of %d people were reached: %+v", len(box.keys), broadcastPeople, report)
	}
	t.Logf("%d posts for %d people", box.posted, broadcastPeople)
}
