package main

import (
	"context"
	"fmt"
	"path/filepath"

	"rapport/bench/load"
)

// ingest sends the same load to the ceiling and to the product, in
// alternation, each round on an empty folder.
func (b *bench) ingest(ctx context.Context) error {
	var limit, whole []measure
	onDisk, raw := int64(0), int64(0)
	for round := range b.rounds {
		m, _, err := b.ceilingRound(ctx, round)
		if err != nil {
			return err
		}
		limit = append(limit, m)
		b.say("ceiling %v", m)
		m, bytes, err := b.productRound(ctx, round)
		if err != nil {
			return err
		}
		whole = append(whole, m)
		onDisk, raw = onDisk+bytes, raw+m.Bytes
		b.say("rapport %v", m)
	}
	top, all := merge(limit), merge(whole)
	b.peak = all.perSecond()
	b.say("ceiling %.0f events/s at %.1f CPU µs/event; rapport %.0f events/s at %.1f CPU µs/event",
		top.perSecond(), top.cpuPerEvent(), all.perSecond(), all.cpuPerEvent())
	b.atLeast("events/s, acknowledged and applied, of the ceiling's", 100*all.perSecond()/top.perSecond(), 30, " %")
	b.byCPU(top, all)
	b.atMost("bytes on disk per raw byte received", float64(onDisk)/float64(raw), 1.5, "")
	return nil
}

func (b *bench) ceilingRound(ctx context.Context, round int) (measure, int64, error) {
	file := fmt.Sprintf("ceiling-%d", round)
	s, err := b.ceiling(ctx, file)
	if err != nil {
		return measure{}, 0, err
	}
	defer b.scrap(file)
	m, err := b.send(ctx, s, b.job(s))
	if err != nil {
		s.kill()
		return m, 0, fmt.Errorf("loading the ceiling: %w", err)
	}
	return m, 0, s.stop()
}

// productRound measures a round and the bytes that it leaves on disk.
func (b *bench) productRound(ctx context.Context, round int, settings ...string) (measure, int64, error) {
	folder := fmt.Sprintf("ingest-%d", round)
	s, err := b.product(ctx, folder, "", settings...)
	if err != nil {
		return measure{}, 0, err
	}
	defer b.scrap(folder)
	m, err := b.send(ctx, s, b.job(s))
	if err != nil {
		s.kill()
		return m, 0, fmt.Errorf("loading rapport: %w", err)
	}
	if err := s.stop(); err != nil {
		return m, 0, fmt.Errorf("stopping rapport: %w", err)
	}
	bytes, err := diskUse(filepath.Join(b.dir, folder))
	return m, bytes, err
}

// byCPU says what the ratio would be where the processors alone decide: on a
// machine that others use as well, it moves less than the ratio of rates.
func (b *bench) byCPU(top, all measure) {
	per := func(m measure) float64 { return float64(m.cpu+m.ownCPU) / float64(max(m.Events, 1)) }
	b.say("by processor time of server and client alone: %.0f %%", 100*per(top)/per(all))
}

// single sends one event per request.
func (b *bench) single(ctx context.Context) error {
	var limit, whole []measure
	for round := range b.rounds {
		for _, to := range []struct {
			name string
			all  *[]measure
			open func() (*server, error)
		}{
			{"ceiling", &limit, func() (*server, error) { return b.ceiling(ctx, fmt.Sprintf("single-%d.log", round)) }},
			{"rapport", &whole, func() (*server, error) { return b.product(ctx, fmt.Sprintf("single-%d", round), "") }},
		} {
			s, err := to.open()
			if err != nil {
				return err
			}
			job := b.job(s)
			job.Kind, job.Conns, job.Batch, job.Events = load.Tracks, 64, 1, b.singles
			m, err := b.send(ctx, s, job)
			if err != nil {
				s.kill()
				return fmt.Errorf("loading %s: %w", to.name, err)
			}
			if err := s.stop(); err != nil {
				return fmt.Errorf("stopping %s: %w", to.name, err)
			}
			*to.all = append(*to.all, m)
			b.say("%s %v", to.name, m)
		}
	}
	top, all := merge(limit), merge(whole)
	// Requests are what is counted here: the time until they were answered.
	b.atLeast("requests/s of the ceiling's", 100*answered(all)/answered(top), 60, " %")
	b.atMost("p99 in units of the ceiling's", float64(all.Latency.Quantile(0.99))/float64(top.Latency.Quantile(0.99)), 3, "")
	return nil
}

// answered is requests per second until the last answer.
func answered(m measure) float64 { return float64(m.Requests) / m.Elapsed.Seconds() }
