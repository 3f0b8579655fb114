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

// kioskPeople sign in on one device, kioskSample of them are looked at.
const (
	kioskPeople = 100_000
	kioskSample = 200
)

// signedIn is what people who sign in cost, and what others notice.
type signedIn struct {
	where  string
	device func(n int) string
	probes load.Histogram
	spent  time.Duration
}

// kiosk lets people sign in, each on a device of their own, and then as many on
// one device, and sends probes of others beside both. A round has some hundred
// probes, so that its slowest hundredth is one of them: what counts is that of all
// rounds, each on a server of its own.
func (b *bench) kiosk(ctx context.Context) error {
	own := &signedIn{where: "their own devices", device: func(n int) string { return fmt.Sprintf("own-%d", n) }}
	one := &signedIn{where: "one device", device: func(int) string { return "kiosk" }}
	merged := 0
	for range b.rounds {
		n, err := b.kioskRound(ctx, own, one)
		if err != nil {
			return err
		}
		merged += n
	}
	slower := float64(one.probes.Quantile(0.99)) / float64(max(own.probes.Quantile(0.99), time.Microsecond))
	b.atMost("others' p99 beside the kiosk, to that without", slower, 2, "×")
	b.atMost("processor time with the kiosk, to that without", one.spent.Seconds()/own.spent.Seconds(), 2, "×")
	b.atMost(fmt.Sprintf("people of the kiosk that are merged, of %d", b.rounds*kioskSample), float64(merged), 0, "")
	return nil
}

func (b *bench) kioskRound(ctx context.Context, kinds ...*signedIn) (merged int, err error) {
	defer b.scrap("kiosk")
	s, err := b.product(ctx, "kiosk", "")
	if err != nil {
		return 0, err
	}
	defer s.kill()
	people := min(kioskPeople, b.events)
	for round, kind := range kinds {
		cpu, done := s.cpu(), make(chan struct{})
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error {
			defer close(done)
			return s.signIns(ctx, people, func(n int) string {
				return fmt.Sprintf(`{"type":"identify","userId":"r%d-%d","anonymousId":%q,"messageId":"s%d-%d","timestamp":%q}`,
					round, n, kind.device(n), round, n, time.Now().UTC().Add(time.Duration(n-people)*time.Minute).Format(time.RFC3339Nano))
			})
		})
		var fresh, known load.Histogram
		group.Go(func() error { return b.probes(ctx, s, done, &fresh, &known) })
		if err := group.Wait(); err != nil {
			return 0, err
		}
		fresh.Merge(&known)
		kind.probes.Merge(&fresh)
		spent := s.cpu() - cpu
		kind.spent += spent
		b.say("%d people on %s: %.1f µs of processor time each; %d probes of others p50 %v p99 %v", people, kind.where,
			float64(spent.Microseconds())/float64(people), fresh.Count(), short(fresh.Quantile(0.5)), short(fresh.Quantile(0.99)))
	}
	early, err := s.merged(ctx, people)
	if err != nil {
		return 0, err
	}
	// Applied is what each event says by itself. Whose the device was when follows
	// from what others say: who waits for that asks for it.
	begin := time.Now()
	if err := s.give(ctx, "/v1/batch?wait=applied", []byte(`{"batch":[{"type":"identify","userId":"last","messageId":"last"}]}`)); err != nil {
		return 0, err
	}
	b.say("all that follows from the load was there %v after it; until then %d of %d people of the kiosk had it as theirs alone", short(time.Since(begin)), early, kioskSample)
	return s.merged(ctx, people)
}

// merged counts, among some people of the kiosk, those who have an identifier
// beside their own.
func (s *server) merged(ctx context.Context, people int) (merged int, err error) {
	for n := range kioskSample {
		var p struct{ Identifiers []struct{ Value string } }
		who := fmt.Sprintf("r1-%d", n*people/kioskSample)
		if err := s.get(ctx, "/api/v1/profiles/user_id:"+who, &p); err != nil {
			return 0, err
		}
		if len(p.Identifiers) == 0 {
			return 0, fmt.Errorf("%s is not there", who)
		}
		for _, i := range p.Identifiers {
			if i.Value != who {
				merged++
				break
			}
		}
	}
	return merged, nil
}

// signIns sends events, a batch at a time, and waits until they are applied.
func (s *server) signIns(ctx context.Context, count int, event func(n int) string) error {
	const batch = 100
	for from := 0; from < count; from += batch {
		var body bytes.Buffer
		body.WriteString(`{"batch":[`)
		for n := from; n < min(from+batch, count); n++ {
			if n > from {
				body.WriteByte(',')
			}
			body.WriteString(event(n))
		}
		body.WriteString(`]}`)
		if err := s.give(ctx, "/v1/batch", body.Bytes()); err != nil {
			return err
		}
	}
	return s.settle(ctx)
}

// give sends a tracking request until the server takes it.
func (s *server) give(ctx context.Context, path string, body []byte) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+path, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.SetBasicAuth(writeKey, "")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		if err := res.Body.Close(); err != nil {
			return err
		}
		switch res.StatusCode {
		case http.StatusOK:
			return nil
		case http.StatusTooManyRequests:
			if err := s.pause(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s: the server answered %s", path, res.Status)
		}
	}
}

// livePeople are live when a year of history is loaded behind them.
const livePeople = 100_000

// history loads a year of history behind live people and counts whose id
// changed: events of the same people, on the same devices and on older ones, a
// part of them by e-mail address alone.
func (b *bench) history(ctx context.Context) error {
	defer b.scrap("history")
	s, err := b.product(ctx, "history", "")
	if err != nil {
		return err
	}
	defer s.kill()
	people := min(livePeople, b.events)
	now := time.Now().UTC()
	at := func(ago time.Duration) string { return now.Add(-ago).Format(time.RFC3339) }
	if err := s.signIns(ctx, people, func(n int) string {
		return fmt.Sprintf(`{"type":"identify","userId":"p%d","anonymousId":"now-%d","traits":{"email":"p%d@shop.example"},"messageId":"l%d","timestamp":%q}`, n, n, n, n, at(time.Hour))
	}); err != nil {
		return err
	}
	before, err := s.ids(ctx, people)
	if err != nil {
		return err
	}
	cpu := s.cpu()
	const each = 4
	if err := s.signIns(ctx, each*people, func(n int) string {
		p, k := n/each, n%each
		who := fmt.Sprintf(`"userId":"p%d","anonymousId":"now-%d"`, p, p)
		switch k {
		case 1: // on a device that they do not use any more
			who = fmt.Sprintf(`"userId":"p%d","anonymousId":"old-%d"`, p, p)
		case 2: // before they signed in on it
			who = fmt.Sprintf(`"anonymousId":"old-%d"`, p)
		case 3: // bought as a guest
			who = fmt.Sprintf(`"anonymousId":"guest-%d","context":{"traits":{"email":"p%d@shop.example"}}`, p, p)
		}
		return fmt.Sprintf(`{"type":"track","event":"Looked",%s,"messageId":"h%d","timestamp":%q}`, who, n, at(time.Duration(30+(p*7+k*83)%335)*24*time.Hour))
	}); err != nil {
		return err
	}
	b.say("%d events of a year behind %d people, %.1f µs of processor time each", each*people, people, float64((s.cpu()-cpu).Microseconds())/float64(each*people))
	after, err := s.ids(ctx, people)
	if err != nil {
		return err
	}
	changed := 0
	for n := range before {
		if before[n] != after[n] {
			changed++
		}
	}
	b.atMost(fmt.Sprintf("ids of %d people that changed", people), 100*float64(changed)/float64(people), 1, " %")
	return nil
}

// ids are those of all people, in their order.
func (s *server) ids(ctx context.Context, people int) ([]string, error) {
	out := make([]string, people)
	group, ctx := errgroup.WithContext(ctx)
	const workers = 8
	for w := range workers {
		group.Go(func() error {
			for n := w; n < people; n += workers {
				var p struct{ ID string }
				if err := s.get(ctx, fmt.Sprintf("/api/v1/profiles/user_id:p%d", n), &p); err != nil {
					return err
				}
				if out[n] = p.ID; p.ID == "" {
					return fmt.Errorf("p%d is not there", n)
				}
			}
			return nil
		})
	}
	return out, group.Wait()
}
