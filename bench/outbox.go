package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rapport/bench/load"
)

// The sizes of the outbox case, by the number of events of a round.
const (
	outboxBatch  = 100
	outboxPeople = 20_000
	outboxMany   = 20 // destinations beside one another
	outboxRate   = 1500
)

// outbox measures deliveries to webhooks on loopback: how many, at which cost,
// how soon, what one destination that hangs does to nineteen others, and a
// backlog that is drained.
func (b *bench) outbox(ctx context.Context) error {
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"rate", b.outboxRate}, {"hang", b.outboxHang}, {"backlog", b.outboxBacklog}} {
		if b.part != "" && b.part != part.name {
			continue
		}
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// ear is a webhook's receiver: it counts, takes the time, and checks the order
// of each person.
type ear struct {
	*http.Server
	url     string
	n       atomic.Int64
	down    atomic.Bool
	hang    chan struct{}
	mu      sync.Mutex
	late    load.Histogram
	last    map[string]int
	unsound int
}

func newEar(ctx context.Context, hang bool) (*ear, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e := &ear{url: "http://" + l.Addr().String() + "/", last: map[string]int{}}
	if hang {
		e.hang = make(chan struct{})
	}
	e.Server = &http.Server{Handler: http.HandlerFunc(e.hear), ReadHeaderTimeout: time.Minute}
	go func() { _ = e.Serve(l) }() // ends with Close
	return e, nil
}

// heard is what of a message is looked at.
type heard struct {
	Data struct {
		U string `json:"u"`
		N int    `json:"n"`
		T int64  `json:"t"`
	} `json:"data"`
}

func (e *ear) hear(w http.ResponseWriter, r *http.Request) {
	if e.hang != nil {
		select {
		case <-e.hang:
		case <-r.Context().Done():
		}
		return
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil || e.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var h heard
	_ = json.Unmarshal(raw, &h) // what cannot be read is out of order
	e.mu.Lock()
	if h.Data.N <= e.last[h.Data.U] {
		e.unsound++
	}
	e.last[h.Data.U] = h.Data.N
	e.late.Add(time.Since(time.UnixMicro(h.Data.T)))
	e.mu.Unlock()
	e.n.Add(1)
}

// forget begins the times anew.
func (e *ear) forget() {
	e.mu.Lock()
	e.late = load.Histogram{}
	e.mu.Unlock()
}

func (e *ear) quantile(q float64) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.late.Quantile(q)
}

// tell defines a webhook that is told of the events of a name.
func (s *server) tell(ctx context.Context, key, address, name string) error {
	doc := fmt.Sprintf(`{"type":"webhook","settings":{"url":%q,"secrets":["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"]},"events":{"names":[%q]},
		"stop_at":100000000,"mapping":"{u: event.properties.u, n: event.properties.n, t: event.properties.t}"}`, address, name)
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+s.address+"/api/v1/destinations/"+key+"?wait=applied", strings.NewReader(doc))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+secretKey)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("defining %s: %d %s", key, res.StatusCode, text)
	}
	return nil
}

// speech is a load whose events tell the time.
type speech struct {
	from, events int
	names        int     // events take turns among so many
	rate         float64 // events a second; zero: as fast as they are taken
}

// speak sends events and gives how long the answers took.
func (s *server) speak(ctx context.Context, sp speech) (*load.Histogram, error) {
	took := &load.Histogram{}
	begin := time.Now()
	for n := sp.from; n < sp.from+sp.events; n += outboxBatch {
		if sp.rate > 0 {
			due := begin.Add(time.Duration(float64(n-sp.from) / sp.rate * float64(time.Second)))
			if err := s.pause(ctx, time.Until(due)); err != nil {
				return nil, err
			}
		}
		var body bytes.Buffer
		body.WriteString(`{"batch":[`)
		for i := n; i < n+outboxBatch; i++ {
			if i > n {
				body.WriteByte(',')
			}
			user := "u" + strconv.Itoa(i%outboxPeople)
			fmt.Fprintf(&body, `{"type":"track","userId":%q,"event":"Told %d","messageId":"t%d","properties":{"u":%q,"n":%d,"t":%d}}`,
				user, i%sp.names, i, user, i+1, time.Now().UnixMicro())
		}
		fmt.Fprintf(&body, `],"writeKey":%q}`, writeKey)
		start := time.Now()
		for {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+"/v1/batch", bytes.NewReader(body.Bytes()))
			if err != nil {
				return nil, err
			}
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				return nil, err
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
			if err := s.pause(ctx, 50*time.Millisecond); err != nil {
				return nil, err
			}
		}
		took.Add(time.Since(start))
	}
	return took, nil
}

// until waits until an ear heard so much.
func (s *server) until(ctx context.Context, e *ear, n int64) error {
	for e.n.Load() < n {
		if err := s.pause(ctx, 5*time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d deliveries: %w", e.n.Load(), n, err)
		}
	}
	return nil
}

func (b *bench) outboxRate(ctx context.Context) error {
	s, err := b.product(ctx, "outbox", "", "RAPPORT_EGRESS_ALLOW=127.0.0.1")
	if err != nil {
		return err
	}
	defer s.kill()
	e, err := newEar(ctx, false)
	if err != nil {
		return err
	}
	defer e.Close() //nolint:errcheck // of the measurement
	// Without a destination first: what is left over is the delivery's.
	events := b.events / 10
	bare := s.cpu()
	if _, err := s.speak(ctx, speech{0, events, 1, 0}); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	bare = s.cpu() - bare
	if err := s.tell(ctx, "crm", e.url, "Told 0"); err != nil {
		return err
	}
	cpu, own, start := s.cpu(), ownCPU(), time.Now()
	if _, err := s.speak(ctx, speech{events, events, 1, 0}); err != nil {
		return err
	}
	if err := s.until(ctx, e, int64(events)); err != nil {
		return err
	}
	took := time.Since(start)
	each := float64((s.cpu() - cpu - bare).Microseconds()) / float64(events)
	b.say("%d deliveries in %v: %.0f a second; CPU of the server %.1f µs each beyond the event itself (%.1f), of receiver and load %.1f; out of order %d",
		events, short(took), float64(events)/took.Seconds(), each, float64(bare.Microseconds())/float64(events),
		float64((ownCPU()-own).Microseconds())/float64(events), e.unsound)
	b.atLeast("webhook deliveries on loopback", float64(events)/took.Seconds(), 5000, " /s")
	e.forget()
	if _, err := s.speak(ctx, speech{2 * events, 10 * outboxRate, 1, outboxRate}); err != nil {
		return err
	}
	if err := s.until(ctx, e, int64(events+10*outboxRate)); err != nil {
		return err
	}
	b.atMost("event to delivery attempt without a wait, p95", float64(e.quantile(0.95).Microseconds())/1000, 1000, " ms")
	return nil
}

// outboxHang compares nineteen destinations beside one that hangs with nineteen
// beside one that answers, in alternation.
func (b *bench) outboxHang(ctx context.Context) error {
	var ratios [2][]float64
	for pair := range 5 {
		var told, door [2]time.Duration
		for _, hang := range []int{pair % 2, 1 - pair%2} {
			var err error
			if told[hang], door[hang], err = b.outboxBeside(ctx, hang == 1); err != nil {
				return err
			}
		}
		ratios[0] = append(ratios[0], float64(told[1])/float64(told[0]))
		ratios[1] = append(ratios[1], float64(door[1])/float64(door[0]))
		b.say("pair %d: p99 of the nineteen %v, beside one that hangs %v; of ingest %v and %v", pair+1, short(told[0]), short(told[1]), short(door[0]), short(door[1]))
	}
	b.atMost("p99 of nineteen destinations beside one that hangs, median of 5 pairs", middle(ratios[0]), 1.1, "×")
	b.atMost("p99 of ingest beside a destination that hangs, median of 5 pairs", middle(ratios[1]), 1.1, "×")
	return nil
}

func middle(list []float64) float64 {
	for i := range list {
		for j := i; j > 0 && list[j] < list[j-1]; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
	return list[len(list)/2]
}

func (b *bench) outboxBeside(ctx context.Context, hang bool) (told, door time.Duration, err error) {
	folder := "outbox-hang"
	defer b.scrap(folder)
	s, err := b.product(ctx, folder, "", "RAPPORT_EGRESS_ALLOW=127.0.0.1")
	if err != nil {
		return 0, 0, err
	}
	defer s.kill()
	e, err := newEar(ctx, false)
	if err != nil {
		return 0, 0, err
	}
	defer e.Close() //nolint:errcheck // of the measurement
	h, err := newEar(ctx, hang)
	if err != nil {
		return 0, 0, err
	}
	defer h.Close() //nolint:errcheck // of the measurement
	for i := range outboxMany {
		address := e.url
		if i == 0 {
			address = h.url
		}
		if err := s.tell(ctx, fmt.Sprint("d", i), address, fmt.Sprint("Told ", i)); err != nil {
			return 0, 0, err
		}
	}
	const events = 20 * outboxRate
	took, err := s.speak(ctx, speech{0, events, outboxMany, outboxRate})
	if err != nil {
		return 0, 0, err
	}
	if err := s.until(ctx, e, events/outboxMany*(outboxMany-1)); err != nil {
		return 0, 0, err
	}
	return e.quantile(0.99), took.Quantile(0.99), nil
}

// outboxBacklog is the outage case with a small backlog.
func (b *bench) outboxBacklog(ctx context.Context) error {
	return b.drain(ctx, "outbox-backlog", b.events/5, 4)
}
