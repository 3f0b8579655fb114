package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rapport/bench/load"
)

// How often it is tried that a decision knows what happened just before it, how
// many try at a time, and how many people it is about.
const (
	freshTries  = 10_000
	freshConns  = 8
	freshPeople = 400
)

// decideFresh sends an event that brings somebody into a segment or out of it
// and asks what to show: with wait=applied once, without until it is right. The
// decision of before holds for a quarter of an hour, so it has to give way.
func (b *bench) decideFresh(ctx context.Context) error {
	s, err := b.product(ctx, "fresh", "")
	if err != nil {
		return err
	}
	defer s.kill()
	if err := s.prepareFresh(ctx); err != nil {
		return err
	}
	waited, err := b.tries(ctx, s, true)
	if err != nil {
		return err
	}
	b.atMost(fmt.Sprintf("stale of %d decisions after wait=applied", freshTries), float64(waited.stale.Load()), 0, "")
	free, err := b.tries(ctx, s, false)
	if err != nil {
		return err
	}
	b.say("fresh: %d of %d decisions were stale at first", free.stale.Load(), freshTries)
	b.atMost("event to decision without waiting, p99", float64(free.latency.Quantile(0.99).Microseconds())/1e3, 250, " ms")
	return nil
}

func (s *server) prepareFresh(ctx context.Context) error {
	for _, d := range []struct {
		path     string
		document object
	}{
		{"/segments/gold", object{"name": "Gold", "condition": object{"trait": "plan", "value": "gold"}}},
		{"/placements/hero", object{"public": true}},
		{"/offers/gold", object{"content": object{"hero": object{"*": "gold"}}, "eligibility": object{"segments": []string{"gold"}}}},
		{"/offers/basic", object{"content": object{"hero": object{"*": "basic"}}, "eligibility": object{"not_segments": []string{"gold"}}}},
	} {
		if err := s.define(ctx, d.path, d.document); err != nil {
			return err
		}
	}
	// A segment comes into force for everybody at one moment: only then it is live.
	for {
		var state struct {
			State struct {
				Building bool `json:"building"`
			} `json:"state"`
		}
		if err := s.get(ctx, "/api/v1/segments/gold", &state); err != nil {
			return err
		}
		if !state.State.Building {
			return nil
		}
		if err := s.pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// tried is what came of the tries.
type tried struct {
	mu      sync.Mutex
	latency load.Histogram // from the event sent to the right answer read
	stale   atomic.Int64   // first answers that did not know the event
	done    atomic.Int64
}

func (b *bench) tries(ctx context.Context, s *server, waits bool) (*tried, error) {
	out, began := &tried{}, time.Now()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: freshConns}}
	defer client.CloseIdleConnections()
	group, ctx := errgroup.WithContext(ctx)
	for k := range freshConns {
		group.Go(func() error {
			var own load.Histogram
			defer func() {
				out.mu.Lock()
				defer out.mu.Unlock()
				out.latency.Merge(&own)
			}()
			for i := k; i < freshTries; i += freshConns {
				took, err := s.freshTry(ctx, client, freshAsk{i, waits}, out)
				if err != nil {
					return err
				}
				own.Add(took)
				if n := out.done.Add(1); n%2500 == 0 {
					b.say("fresh: %d tries, wait=applied %v, %v", n, waits, time.Since(began).Round(time.Second))
				}
			}
			return nil
		})
	}
	return out, group.Wait()
}

// freshAsk is one try: its number, and whether the event waits to be applied.
type freshAsk struct {
	n     int
	waits bool
}

// patience bounds how long a right answer is waited for.
const patience = 30 * time.Second

// freshTry lets somebody change plans and asks until the decision knows it.
func (s *server) freshTry(ctx context.Context, client *http.Client, a freshAsk, out *tried) (time.Duration, error) {
	who, plan, path := a.n%freshPeople, "basic", "/v1/identify"
	if a.n/freshPeople%2 == 0 {
		plan = "gold"
	}
	if a.waits {
		path += "?wait=applied"
	}
	begin := time.Now()
	event := fmt.Appendf(nil, `{"writeKey":%q,"userId":"f%d","messageId":"f%v-%d","traits":{"plan":%q}}`, writeKey, who, a.waits, a.n, plan)
	if _, err := s.trade(ctx, client, request{http.MethodPost, path, "application/json", event}); err != nil {
		return 0, err
	}
	ask := request{http.MethodPost, "/v1/decide", "application/json", fmt.Appendf(nil, `{"userId":"f%d","placements":["hero"]}`, who)}
	for first := true; ; first = false {
		text, err := s.trade(ctx, client, ask)
		if err != nil {
			return 0, err
		}
		var said struct {
			Decisions []struct {
				Items []struct {
					Offer string `json:"offer"`
				} `json:"items"`
			} `json:"decisions"`
		}
		if err := json.Unmarshal(text, &said); err != nil {
			return 0, err
		}
		if len(said.Decisions) != 1 || len(said.Decisions[0].Items) != 1 {
			return 0, fmt.Errorf("one offer is to be shown: %s", text)
		}
		if said.Decisions[0].Items[0].Offer == plan {
			return time.Since(begin), nil
		}
		if first {
			out.stale.Add(1)
		}
		if time.Since(begin) > patience {
			return 0, fmt.Errorf("after %v the decision does not know the event: %s", patience, text)
		}
		if err := s.pause(ctx, pollEvery); err != nil {
			return 0, err
		}
	}
}
