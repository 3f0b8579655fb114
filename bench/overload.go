package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rapport/bench/load"
)

// What the overload case offers: so many times the peak rate, over connections
// of its own, to an instance with so much memory.
const (
	overloadTimes  = 3
	overloadConns  = 256
	overloadMemory = 512 // MiB
)

// overload finds the peak rate, offers three times as much, whatever is answered,
// and looks at what becomes of it: each round on the same instance, the peak
// measured beside, so that what else the machine does meets both.
func (b *bench) overload(ctx context.Context) error {
	s, err := b.product(ctx, "overload", fmt.Sprint(overloadMemory, "MiB"))
	if err != nil {
		return err
	}
	defer b.scrap("overload")
	defer s.kill()
	o := &overloading{bench: b, s: s}
	if _, err := b.send(ctx, s, b.job(s)); err != nil { // people become known, caches warm
		return fmt.Errorf("warming up: %w", err)
	}
	for range max(b.rounds, 1) {
		if err := o.round(ctx); err != nil {
			return err
		}
	}
	return o.sum()
}

// overloading is what came of the rounds so far.
type overloading struct {
	*bench
	s         *server
	peaks     []measure
	over      []measure
	worst     time.Duration // until the p99 was back, of all rounds
	most      float64       // MiB resident
	questions asides
}

func (o *overloading) round(ctx context.Context) error {
	peak, err := o.send(ctx, o.s, o.job(o.s))
	if err != nil {
		return fmt.Errorf("finding the peak rate: %w", err)
	}
	o.peaks = append(o.peaks, peak)
	o.say("peak      %v", peak)
	calm, err := o.offer(ctx, o.conns, peak.perSecond()/2, 5)
	if err != nil {
		return fmt.Errorf("half of the peak rate: %w", err)
	}
	usual := time.Duration(0)
	for i := range calm.Open.Second[1:] { // the first second opens connections
		usual = max(usual, calm.Open.Second[1+i].Quantile(0.99))
	}
	o.s.forgetPeak()
	over, err := o.beside(ctx, func() (measure, error) {
		return o.offer(ctx, overloadConns, overloadTimes*peak.perSecond(), float64(o.overloadSecs))
	})
	if err != nil {
		return fmt.Errorf("three times the peak rate: %w", err)
	}
	o.over = append(o.over, over)
	o.say("overload  %v", over)
	a := over.Open
	o.say("answers %s; a refusal after p50 %v p99 %v, to come again in p50 %v p99 %v; %d were never sent",
		statuses(a.Status), short(a.Refuse.Quantile(0.5)), short(a.Refuse.Quantile(0.99)), short(a.Wait.Quantile(0.5)), short(a.Wait.Quantile(0.99)), a.Late)
	after, err := o.offer(ctx, o.conns, peak.perSecond()/2, 12)
	if err != nil {
		return fmt.Errorf("half of the peak rate, afterwards: %w", err)
	}
	most, _ := o.s.memory()
	o.most = max(o.most, most)
	back := time.Duration(0)
	for i := range after.Open.Second {
		if p99 := after.Open.Second[i].Quantile(0.99); p99 > max(2*usual, 50*time.Millisecond) {
			back = time.Duration(i+1) * time.Second
		}
	}
	o.worst = max(o.worst, back)
	o.say("p99 at half of the peak rate: at most %v in a second before; twice that or less again after %v; resident at most %.0f MiB; answers afterwards %s",
		short(usual), back, most, statuses(after.Open.Status))
	return nil
}

// offer sends at a rate over so many connections, whatever is answered, and waits
// until what was taken is applied.
func (o *overloading) offer(ctx context.Context, conns int, rate, seconds float64) (measure, error) {
	job := o.job(o.s)
	job.Open, job.Rate, job.Conns = true, rate, conns
	job.Events = int(rate*seconds) / job.Batch * job.Batch
	return o.send(ctx, o.s, job)
}

func statuses(n map[int]int) string {
	var out []string
	for _, status := range slices.Sorted(maps.Keys(n)) {
		name := fmt.Sprint(status)
		if status == 0 {
			name = "broken"
		}
		out = append(out, fmt.Sprintf("%s: %d", name, n[status]))
	}
	return strings.Join(out, ", ")
}

func (o *overloading) sum() error {
	peak, over := merge(o.peaks), merge(o.over)
	wrong, mute := 0, 0
	for i := range o.over {
		a := &o.over[i].Open
		mute += a.Mute
		for status, n := range a.Status {
			if status != http.StatusOK && status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
				wrong += n
			}
		}
	}
	o.say("peak %.0f events/s at %.1f CPU µs/event; taken of %d times as much: %.0f events/s at %.1f CPU µs/event, client %.1f and %.1f",
		peak.perSecond(), peak.cpuPerEvent(), overloadTimes, over.perSecond(), over.cpuPerEvent(), ownPerEvent(peak), ownPerEvent(over))
	for i := range o.over {
		o.say("goodput of round %d: %.1f %% of the peak before it", i+1, 100*o.over[i].perSecond()/o.peaks[i].perSecond())
	}
	o.atLeast("goodput at 3 × the peak rate, of the peak's", 100*over.perSecond()/peak.perSecond(), 90, " %")
	o.byCPU(peak, over)
	o.atMost("answers that are neither 200, 429 nor 503", float64(wrong), 0, "")
	o.atMost("refusals without Retry-After", float64(mute), 0, "")
	o.atMost("resident at most", o.most, overloadMemory, " MiB")
	o.atMost("p99 is back after", o.worst.Seconds(), 10, " s")
	return o.questions.say(o.bench)
}

func ownPerEvent(m measure) float64 {
	return float64(m.ownCPU.Microseconds()) / float64(max(m.Events, 1))
}

// asides are what is asked while the instance is overloaded.
type asides struct {
	mu    sync.Mutex
	by    map[string]*load.Histogram
	wrong map[string]map[int]int // by what was asked and the status
}

// beside asks for other things while a load runs: a profile, a decision, whether
// it is ready.
func (o *overloading) beside(ctx context.Context, run func() (measure, error)) (m measure, err error) {
	ctx, cancel := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	for name, r := range map[string]struct{ method, path, key, body string }{
		"profile":  {"GET", "/api/v1/profiles/user_id:u-00000001", secretKey, ""},
		"decision": {"POST", "/v1/decide", writeKey, `{"anonymousId":"overload","placements":["none"]}`},
		"readyz":   {"GET", "/readyz", "", ""},
		"health":   {"GET", "/api/v1/health", secretKey, ""},
	} {
		group.Go(func() error {
			every := time.NewTicker(100 * time.Millisecond)
			defer every.Stop()
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, r.method, "http://"+o.s.address+r.path, strings.NewReader(r.body))
				if err != nil {
					return err
				}
				req.Header.Set("Content-Type", "application/json")
				if r.key != "" {
					req.Header.Set("Authorization", "Bearer "+r.key)
				}
				begin, status := time.Now(), 0
				res, err := http.DefaultClient.Do(req)
				if err == nil {
					status = res.StatusCode
					_ = res.Body.Close() // the status is what counts
				}
				if ctx.Err() == nil {
					o.questions.add(name, status, time.Since(begin))
				}
				select {
				case <-every.C:
				case <-ctx.Done():
				}
			}
			return nil
		})
	}
	m, err = run()
	cancel()
	return m, errors.Join(err, group.Wait())
}

func (a *asides) add(name string, status int, took time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by == nil {
		a.by, a.wrong = map[string]*load.Histogram{}, map[string]map[int]int{}
	}
	if a.by[name] == nil {
		a.by[name], a.wrong[name] = new(load.Histogram), map[int]int{}
	}
	a.by[name].Add(took)
	if status != http.StatusOK && status != http.StatusNotFound {
		a.wrong[name][status]++
	}
}

func (a *asides) say(b *bench) error {
	for _, name := range slices.Sorted(maps.Keys(a.by)) {
		b.say("asked beside, %s: %d times, p50 %v p99 %v, refused %s", name, a.by[name].Count(),
			short(a.by[name].Quantile(0.5)), short(a.by[name].Quantile(0.99)), statuses(a.wrong[name]))
		refused := 0
		for _, n := range a.wrong[name] {
			refused += n
		}
		b.atMost("refused of "+name, float64(refused), 0, "")
	}
	return nil
}
