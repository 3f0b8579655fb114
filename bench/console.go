package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"rapport/bench/load"
)

// Of the console case: events a second while somebody looks on and for how long,
// and how many people each request brings while the instance is filled.
const (
	liveRate     = 1000
	liveSeconds  = 30
	peopleAtOnce = 250
)

// paced is what console/e2e/pace.mjs prints.
type paced struct {
	Screens      []pace `json:"screens"`
	Interactions []pace `json:"interactions"`
	Live         struct {
		Frames  int     `json:"frames"`
		Dropped int     `json:"dropped"`
		Longest float64 `json:"longest"`
		Tasks   int     `json:"tasks"` // longer than 50 ms
		Shown   int     `json:"shown"`
		Missed  int     `json:"missed"`
	} `json:"live"`
}

// pace is how long something took, in ms: until the browser painted what it did at
// once, and until everything asked for was there.
type pace struct {
	Name  string    `json:"name"`
	Paint []float64 `json:"paint"`
	There []float64 `json:"there"`
}

// console fills an instance with people, lets a browser visit every screen and do
// what is done most, and look on while events come in.
func (b *bench) console(ctx context.Context) error {
	if !b.keep {
		defer b.scrap("console")
	}
	s, err := b.product(ctx, "console", "3GiB")
	if err != nil {
		return err
	}
	defer s.kill()
	cpu, begin := s.cpu(), time.Now()
	if kept := s.call(ctx, http.MethodGet, "/api/v1/segments/bench-buyers", nil, &struct{}{}) == nil; kept {
		b.say("with the people that are kept there")
	} else if err := b.fill(ctx, s); err != nil {
		return s.explain(ctx, err)
	}
	b.say("%d people and the demo shop in %v, %v of processor time", b.people, time.Since(begin).Round(time.Second), (s.cpu() - cpu).Round(time.Second))
	begin = time.Now()
	if err := s.indexed(ctx); err != nil {
		return s.explain(ctx, err)
	}
	b.say("everybody in the columns %v later", time.Since(begin).Round(time.Second))
	if err := b.seek(ctx, s); err != nil {
		return err
	}
	r, err := b.pace(ctx, s, "screens")
	if err != nil {
		return err
	}
	for _, p := range r.Screens {
		b.atMost(fmt.Sprintf("%s, p50 %.0f ms, p95", p.Name, quantile(p.There, 0.5)), quantile(p.There, 0.95), 300, " ms")
	}
	for _, p := range r.Interactions {
		b.atMost(fmt.Sprintf("%s: painted, p50 %.0f ms, p95", p.Name, quantile(p.Paint, 0.5)), quantile(p.Paint, 0.95), 100, " ms")
		b.say("%s: all of it there, p50 %.0f ms p95 %.0f ms", p.Name, quantile(p.There, 0.5), quantile(p.There, 0.95))
	}
	return b.lookOn(ctx, s)
}

// fill gives an instance people with names and addresses, what they did, and the
// definitions of the demo shop.
func (b *bench) fill(ctx context.Context, s *server) error {
	var said json.RawMessage
	if err := s.call(ctx, http.MethodPost, "/api/v1/demo", nil, &said); err != nil {
		return err
	}
	group, within := errgroup.WithContext(ctx)
	const workers = 4
	for w := range workers {
		group.Go(func() error {
			for from := w * peopleAtOnce; from < b.people; from += workers * peopleAtOnce {
				if err := s.give(within, "/v1/batch", shoppers(from, min(peopleAtOnce, b.people-from))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := s.folded(ctx); err != nil {
		return err
	}
	for _, put := range [][2]string{
		{"/api/v1/segments/bench-gold?wait=applied", `{"name":"Gold in Graz","condition":{"all":[{"trait":"plan","value":"gold"},{"trait":"city","value":"Graz"}]}}`},
		{"/api/v1/segments/bench-buyers?wait=applied", `{"name":"Bought","condition":{"event":"Order Completed"}}`},
	} {
		if err := s.call(ctx, http.MethodPut, put[0], []byte(put[1]), &said); err != nil {
			return err
		}
	}
	for state := ""; state != "present"; {
		var demo struct{ State string }
		if err := s.get(ctx, "/api/v1/demo", &demo); err != nil {
			return err
		}
		if state = demo.State; state != "present" {
			if err := s.pause(ctx, 100*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return s.settle(ctx)
}

// folded waits until what follows from all events is there, too.
func (s *server) folded(ctx context.Context) error {
	for waiting := int64(1); waiting > 0; {
		var h struct {
			Late struct {
				Lanes []struct {
					Waiting int64 `json:"waiting"`
				} `json:"lanes"`
			} `json:"late"`
		}
		if err := s.get(ctx, "/api/v1/health", &h); err != nil {
			return err
		}
		waiting = 0
		for _, l := range h.Late.Lanes {
			waiting += l.Waiting
		}
		if err := s.pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	return s.settle(ctx)
}

// shoppers is a batch of people with names and e-mail addresses, every fifth of whom
// bought something.
func shoppers(from, n int) []byte {
	var out bytes.Buffer
	cities, plans := []string{"Graz", "London", "Dublin", "Wien", "Lyon"}, []string{"free", "free", "free", "silver", "gold"}
	out.WriteString(`{"batch":[`)
	for i := from; i < from+n; i++ {
		if i > from {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"type":"identify","messageId":"i%d","userId":"u-%08d","traits":{"first_name":"Given%d","last_name":"Family%d","city":%q,"plan":%q,"points":%d,"email":"person%08d@shop.example"}}`,
			i, i, i%1000, i%5000, cities[i%len(cities)], plans[i/7%len(plans)], i%9999, i)
		if i%5 > 0 {
			continue
		}
		fmt.Fprintf(&out, `,{"type":"track","messageId":"o%d","userId":"u-%08d","event":"Order Completed","properties":{"order_id":"o-%d","total":%d.95,"currency":"EUR","products":[{"product_id":"sku-%04d","quantity":1,"price":19.95}]}}`,
			i, i, i, 19+i%80, i%20)
	}
	out.WriteString(`]}`)
	return out.Bytes()
}

// lookOn lets the browser look at live events while they come in.
func (b *bench) lookOn(ctx context.Context, s *server) error {
	job := b.job(s)
	job.Conns, job.Batch, job.Rate, job.Events = 4, 10, liveRate, liveRate*liveSeconds
	var r paced
	var sent load.Result
	group, within := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		sent, err = load.Run(within, job)
		return err
	})
	group.Go(func() (err error) {
		r, err = b.pace(within, s, "live")
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	b.say("live events at %.0f events/s: %d frames, the longest gap %.0f ms, %d tasks above 50 ms, %d events shown", float64(sent.Events)/sent.Elapsed.Seconds(), r.Live.Frames, r.Live.Longest, r.Live.Tasks, r.Live.Shown)
	b.atMost("frames that came after more than 34 ms", 100*float64(r.Live.Dropped)/float64(max(r.Live.Frames, 1)), 1, " %")
	b.atMost("events that the screen missed", float64(r.Live.Missed), 0, "")
	return nil
}

// pace lets a browser go through the console. It needs Node.js and Chromium, and
// the packages of the console.
func (b *bench) pace(ctx context.Context, s *server, what string) (r paced, err error) {
	c := exec.CommandContext(ctx, "node", filepath.Join("console", "e2e", "pace.mjs"), what)
	c.Env = append(os.Environ(), "PACE_URL=http://"+s.address, "PACE_KEY="+secretKey, "PACE_PEOPLE="+strconv.Itoa(b.people), "PACE_SECONDS="+strconv.Itoa(liveSeconds))
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		return r, fmt.Errorf("in the browser (make console and make test-console set up what it needs): %w", err)
	}
	return r, nil
}
