package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"rapport/internal/config"
)

// memory loads on and on and reads the process's resident memory at marks, with
// the limit that is asked for; else with the default one and with 512 MiB.
func (b *bench) memory(ctx context.Context) error {
	limits := []string{"", "512MiB"}
	if b.limit != "" {
		limits = []string{b.limit}
	}
	for _, text := range limits {
		limit := config.Size(config.MachineMemory() / 2)
		if text != "" {
			if err := limit.UnmarshalText([]byte(text)); err != nil {
				return err
			}
		}
		if err := b.memoryOf(ctx, cmp.Or(text, "default"), text, float64(limit)/(1<<20)); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) memoryOf(ctx context.Context, name, value string, mib float64) error {
	defer b.scrap("memory")
	s, err := b.product(ctx, "memory", value)
	if err != nil {
		return err
	}
	defer s.kill()
	sent := 0
	for _, mark := range []int{b.growth / 10, b.growth / 2, b.growth} {
		job := b.job(s)
		job.Events, job.People = mark-sent, b.growth/10
		m, err := b.send(ctx, s, job)
		if err != nil {
			return err
		}
		sent = mark
		most, now := s.memory()
		b.say("%s limit, %8d events: resident %5.0f MiB, at most %5.0f MiB; %.0f events/s", name, mark, now, most, m.perSecond())
		b.atMost(fmt.Sprintf("%s limit, %d events: resident at most", name, mark), most, mib, " MiB")
	}
	return nil
}

// crashes is how often, each time on what the kill before left: a recovery that
// is itself cut off must not lose anything either.
const crashes = 3

// recovery kills the server at peak rate and starts it again.
func (b *bench) recovery(ctx context.Context) error {
	s, err := b.product(ctx, "recovery", "")
	if err != nil {
		return err
	}
	job := b.job(s)
	job.Events = b.kills
	if _, err := b.send(ctx, s, job); err != nil {
		s.kill()
		return err
	}
	worst := time.Duration(0)
	for kill := range crashes {
		before, err := s.accounting(ctx)
		if err == nil {
			err = b.killUnderLoad(ctx, s)
		}
		if err != nil {
			s.kill()
			return err
		}
		if s, err = b.product(ctx, "recovery", ""); err != nil {
			return fmt.Errorf("starting after kill -9: %w", err)
		}
		worst = max(worst, s.ready)
		after, err := s.accounting(ctx)
		if err == nil {
			err = s.settle(ctx)
		}
		if err == nil && after.Received < before.Received {
			err = fmt.Errorf("events are lost: %+v before, %+v after", before, after)
		}
		if err != nil {
			s.kill()
			return fmt.Errorf("after kill -9 number %d: %w", kill+1, err)
		}
		b.say("%8d events in the log, %8d after the kill; ready after %v, nothing acknowledged is missing",
			before.Received, after.Received, short(s.ready))
	}
	s.kill()
	b.atMost("killed with -9 at peak rate, ready again after", worst.Seconds(), 5, " s")
	return nil
}
