package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"rapport/internal/config"
)

// memory loads on and on and reads the process's resident memory at marks,
// with the default limit and with 512 MiB.
func (b *bench) memory(ctx context.Context) error {
	for _, limit := range []struct {
		name  string
		value string
		mib   float64
	}{
		{"default", "", float64(config.MachineMemory()) / 2 / (1 << 20)},
		{"512 MiB", "512MiB", 512},
	} {
		if err := b.memoryOf(ctx, limit.name, limit.value, limit.mib); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) memoryOf(ctx context.Context, name, value string, mib float64) error {
	defer os.RemoveAll(filepath.Join(b.dir, "memory"))
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
	before, err := s.accounting()
	if err != nil {
		s.kill()
		return err
	}
	if err := b.killUnderLoad(ctx, s); err != nil {
		return err
	}
	s, err = b.product(ctx, "recovery", "")
	if err != nil {
		return fmt.Errorf("starting after kill -9: %w", err)
	}
	defer s.kill()
	ready := s.ready
	if err := s.settle(ctx); err != nil {
		return fmt.Errorf("after kill -9: %w", err)
	}
	after, err := s.accounting()
	if err != nil {
		return err
	}
	if after.Received < before.Received {
		return fmt.Errorf("events are lost: %+v before, %+v after kill -9", before, after)
	}
	b.say("%d events in the log, %d after the kill; nothing acknowledged is missing", before.Received, after.Received)
	b.atMost("killed with -9 at peak rate, ready again after", ready.Seconds(), 5, " s")
	return nil
}
