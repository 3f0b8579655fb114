package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"rapport/bench/load"
)

// probeEvery is how often a probe is sent while the load runs, and pollEvery
// how often its profile is asked for: the error of the measurement.
const (
	probeEvery = 40 * time.Millisecond
	pollEvery  = time.Millisecond
)

// latency runs half of the peak rate and sends probes beside it: one event of
// a person, then its profile until it shows the event.
func (b *bench) latency(ctx context.Context) error {
	s, err := b.product(ctx, "latency", "")
	if err != nil {
		return err
	}
	defer s.kill()
	if b.peak == 0 {
		m, err := b.send(ctx, s, b.job(s))
		if err != nil {
			return fmt.Errorf("finding the peak rate: %w", err)
		}
		b.peak = m.perSecond()
	}
	job := b.job(s)
	job.Rate = b.peak / 2
	job.Events = int(job.Rate * float64(b.latencySecs))
	group, ctx := errgroup.WithContext(ctx)
	done := make(chan struct{})
	var m measure
	group.Go(func() (err error) {
		defer close(done)
		m, err = b.send(ctx, s, job)
		return err
	})
	var fresh, known load.Histogram
	group.Go(func() error { return b.probes(ctx, s, done, &fresh, &known) })
	if err := group.Wait(); err != nil {
		return err
	}
	b.say("load    %v", m)
	b.say("probes: %d of new people p50 %v p99 %v, %d of known ones p50 %v p99 %v", fresh.Count(), short(fresh.Quantile(0.5)),
		short(fresh.Quantile(0.99)), known.Count(), short(known.Quantile(0.5)), short(known.Quantile(0.99)))
	fresh.Merge(&known)
	b.atMost("event to readable profile, p99", float64(fresh.Quantile(0.99).Microseconds())/1000, 250, " ms")
	return nil
}

// probes alternates between a person who was never seen and one who is.
func (b *bench) probes(ctx context.Context, s *server, done <-chan struct{}, fresh, known *load.Histogram) error {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for ; ; b.probed++ {
		n := b.probed
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		person, into := fmt.Sprintf("probe-%d", n), fresh
		if n%2 == 0 {
			person, into = "probe-known", known
		}
		took, err := s.probe(ctx, person, n)
		if err != nil {
			return fmt.Errorf("probing: %w", err)
		}
		into.Add(took)
	}
}

// probe sets a trait and reads the profile until it is there.
func (s *server) probe(ctx context.Context, person string, n int) (time.Duration, error) {
	body := fmt.Appendf(nil, `{"userId":%q,"messageId":"probe-%d","traits":{"step":%d}}`, person, n, n)
	start := time.Now()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+"/v1/identify", bytes.NewReader(body))
		if err != nil {
			return 0, err
		}
		req.SetBasicAuth(writeKey, "")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		if err := res.Body.Close(); err != nil {
			return 0, err
		}
		if res.StatusCode == http.StatusOK {
			break
		}
		if res.StatusCode != http.StatusTooManyRequests {
			return 0, fmt.Errorf("the server answered %s", res.Status)
		}
	}
	for {
		var profile struct {
			Traits struct{ Step *int } `json:"traits"`
		}
		if err := s.get(ctx, "/api/v1/profiles/user_id:"+person, &profile); err != nil {
			return 0, err
		}
		if profile.Traits.Step != nil && *profile.Traits.Step == n {
			return time.Since(start), nil
		}
		if err := s.pause(ctx, pollEvery); err != nil {
			return 0, err
		}
	}
}
