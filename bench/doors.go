package main

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"rapport/bench/load"
)

// door is what came of one shape: the processor time of the server per event, in
// µs, of each turn.
type door struct {
	load.Shape
	spent []float64
}

// turnsOfRound is in how many turns the events of a round come.
const turnsOfRound = 6

// doors sends single events of one size through each door for foreign clients,
// one shape after the other on one server, in many short turns. A turn of a shape
// is held against the first shape's of the same time, and the median counts: what
// else the machine does comes and goes.
func (b *bench) doors(ctx context.Context) error {
	defer b.scrap("doors")
	s, err := b.product(ctx, "doors", "")
	if err != nil {
		return err
	}
	defer s.kill()
	var all []door
	for i, shape := range load.Shapes() {
		if i == 0 || strings.HasPrefix(shape.Name, b.part) {
			all = append(all, door{Shape: shape})
		}
	}
	for _, d := range all { // people are known and the server is warm
		if _, err := b.alone(ctx, s, d.Shape, b.singles/4); err != nil {
			return err
		}
	}
	if err := b.inTurns(ctx, s, all); err != nil {
		return err
	}
	if err := s.enrich(ctx, `["none"]`); err != nil {
		return err
	}
	plain := []door{{Shape: all[0].Shape}}
	if err := b.inTurns(ctx, s, plain); err != nil {
		return err
	}
	for i := range all {
		b.say("%-26s %.1f CPU µs/event", all[i].Name, median(all[i].spent))
	}
	for i := range all[1:] {
		d := &all[i+1]
		ratios := make([]float64, len(d.spent))
		for turn := range ratios {
			ratios[turn] = d.spent[turn] / all[0].spent[turn]
		}
		b.atMost(d.Name+": CPU per event in units of "+all[0].Name+"'s", median(ratios), 1.25, "")
	}
	b.say("%s: enrichment costs %.1f µs of %.1f", all[0].Name, median(all[0].spent)-median(plain[0].spent), median(all[0].spent))
	return nil
}

// inTurns measures shapes beside one another.
func (b *bench) inTurns(ctx context.Context, s *server, all []door) error {
	for range max(b.rounds, 3) * turnsOfRound {
		for i := range all {
			m, err := b.alone(ctx, s, all[i].Shape, b.singles/turnsOfRound)
			if err != nil {
				return err
			}
			all[i].spent = append(all[i].spent, float64(m.cpu.Microseconds())/float64(m.Events))
		}
	}
	return nil
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
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
