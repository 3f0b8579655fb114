package main

import (
	"context"
	"net/http"

	"rapport/bench/load"
)

// door is what came of one shape: the processor time of the server per event.
type door struct {
	load.Shape
	least float64 // µs, of the best round
}

// doors sends single events of one size through each door for foreign clients,
// one shape after the other on one server, round after round. The least of the
// rounds counts: what else the machine does only ever adds.
func (b *bench) doors(ctx context.Context) error {
	defer b.scrap("doors")
	s, err := b.product(ctx, "doors", "")
	if err != nil {
		return err
	}
	defer s.kill()
	var all []door
	for _, shape := range load.Shapes() {
		all = append(all, door{Shape: shape})
	}
	for _, d := range all { // people are known and the server is warm
		if _, err := b.alone(ctx, s, d.Shape, b.singles/4); err != nil {
			return err
		}
	}
	for range max(b.rounds, 3) {
		for i := range all {
			if err := b.through(ctx, s, &all[i]); err != nil {
				return err
			}
		}
	}
	if err := s.enrich(ctx, `["none"]`); err != nil {
		return err
	}
	plain := []door{{Shape: all[0].Shape}, {Shape: all[2].Shape}}
	for range max(b.rounds, 3) {
		for i := range plain {
			if err := b.through(ctx, s, &plain[i]); err != nil {
				return err
			}
		}
	}
	for _, d := range all[1:] {
		b.atMost(d.Name+": CPU per event in units of "+all[0].Name+"'s", d.least/all[0].least, 1.25, "")
	}
	for i, with := range []door{all[0], all[2]} {
		b.say("%s: enrichment costs %.1f µs of %.1f", with.Name, with.least-plain[i].least, with.least)
	}
	return nil
}

// through measures a round of one shape.
func (b *bench) through(ctx context.Context, s *server, d *door) error {
	m, err := b.alone(ctx, s, d.Shape, b.singles)
	if err != nil {
		return err
	}
	b.say("%-26s %v", d.Name, m)
	spent := float64(m.cpu.Microseconds()) / float64(m.Events)
	if d.least == 0 || spent < d.least {
		d.least = spent
	}
	return nil
}

// alone sends events of a shape, each in a request of its own.
func (b *bench) alone(ctx context.Context, s *server, shape load.Shape, events int) (measure, error) {
	return b.measured(ctx, s, func() (load.Result, error) {
		job := b.job(s)
		job.Conns, job.Events = 64, events
		return load.Alone(ctx, job, shape)
	})
}

// enrich says what is looked for in the events of the source.
func (s *server) enrich(ctx context.Context, what string) error {
	var source struct{}
	return s.call(ctx, http.MethodPut, "/api/v1/sources/default", []byte(`{"name":"Bench","kind":"web","enrichment":`+what+`}`), &source)
}
