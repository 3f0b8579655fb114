package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// What there is to decide about.
const (
	decideOffers      = 500
	decideExperiments = 5
)

// beside starts the product and the empty server, and gives what stops both.
func (b *bench) beside(ctx context.Context, folder string, args ...string) (product, empty *server, stop func() error, err error) {
	if err := command(ctx, "go", "build", "-o", filepath.Join(b.dir, "empty"), "./bench/empty"); err != nil {
		return nil, nil, nil, err
	}
	if product, err = b.product(ctx, folder, ""); err != nil {
		return nil, nil, nil, err
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, nil, nil, errors.Join(err, product.stop())
	}
	args = append([]string{"-listen", address}, args...)
	empty, err = b.start(ctx, exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(b.dir, "empty"), args...), address, false)
	if err != nil {
		return nil, nil, nil, errors.Join(err, product.stop())
	}
	return product, empty, func() error { return errors.Join(product.stop(), empty.stop()) }, nil
}

// decide measures what to show: in its own process, at a steady rate beside a
// server that does nothing, and how soon after an event.
func (b *bench) decide(ctx context.Context) error {
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"inside", b.decideInside}, {"http", b.decideHTTP}, {"fresh", b.decideFresh}} {
		if b.part != "" && b.part != part.name {
			continue
		}
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// decideInside runs the Go benchmark of the whole answer, without a socket.
func (b *bench) decideInside(ctx context.Context) error {
	b.say("inside: building and running BenchmarkWhatToShow, about a minute")
	run := exec.CommandContext(ctx, "go", "test", "./internal/app", "-run", "^$", "-bench", "^BenchmarkWhatToShow$", "-benchtime", "20000x", "-timeout", "10m")
	run.Stderr = os.Stderr
	out, err := run.Output()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	waits, err := metricOf(string(out), "ns/op")
	if err != nil {
		return err
	}
	used, err := metricOf(string(out), "cpu-ns/op")
	if err != nil {
		return err
	}
	b.say("inside: %.0f µs of processor time with the decision written down and folded beside", used/1e3)
	b.atMost("in this process, a profile, 5 experiments, 500 offers", waits/1e3, 200, " µs")
	return nil
}

// metricOf finds a figure of a Go benchmark by its unit.
func metricOf(out, unit string) (float64, error) {
	f := strings.Fields(out)
	i := slices.Index(f, unit)
	if i < 1 {
		return 0, fmt.Errorf("the benchmark tells no %s:\n%s", unit, out)
	}
	return strconv.ParseFloat(f[i-1], 64)
}

// decideHTTP asks what to show at a steady rate, beside a server that does nothing.
func (b *bench) decideHTTP(ctx context.Context) error {
	product, empty, stop, err := b.beside(ctx, "decide")
	if err != nil {
		return err
	}
	b.say("http: storing %d people, %d offers, %d experiments", evaluatePeople, decideOffers, decideExperiments)
	err = product.prepareShown(ctx)
	var ratio float64
	if err == nil {
		b.say("http: %d rounds of %d s for each server, one more before to warm both", max(b.rounds, 3), b.evaluateSecs)
		ratio, err = b.turns(ctx, product, empty, (*server).whatToShow)
	}
	if err == nil {
		b.atMost("p99 against the empty server", ratio, 3, "×")
	}
	return errors.Join(err, stop())
}

// define puts a definition.
func (s *server) define(ctx context.Context, path string, document any) error {
	text, err := json.Marshal(document)
	if err != nil {
		return err
	}
	_, err = s.trade(ctx, http.DefaultClient, request{http.MethodPut, "/api/v1" + path + "?wait=applied", "application/json", text})
	return err
}

type object = map[string]any

// experiments defines some, each of two variants.
func (s *server) experiments(ctx context.Context) error {
	for n := range decideExperiments {
		if err := s.define(ctx, fmt.Sprintf("/experiments/e%d", n), object{
			"name": fmt.Sprint("e", n), "state": "running", "public": true, "variants": []object{{"key": "a"}, {"key": "b"}},
		}); err != nil {
			return err
		}
	}
	return nil
}

// prepareShown stores people, offers that all of them may see, and experiments.
func (s *server) prepareShown(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if err := s.define(ctx, "/placements/hero", object{"count": 3, "public": true, "valid_for": "0s", "ranking": object{"formula": "offer.priority * (1 + count(person.segments))"}}); err != nil {
		return err
	}
	// Each waits until it is applied: many at a time wait for the same batch.
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(evaluateConns)
	for n := range decideOffers {
		group.Go(func() error {
			return s.define(within, fmt.Sprintf("/offers/o%d", n), object{
				"content": object{"hero": object{"*": object{"title": fmt.Sprint("Offer ", n)}}}, "priority": 1 + n*7919%500,
				"eligibility": object{"when": "person.traits.age >= 18"},
			})
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return s.experiments(ctx)
}

func (s *server) whatToShow(ctx context.Context, client *http.Client, i int64) error {
	n := i % evaluatePeople
	body := fmt.Appendf(nil, `{"userId":"u%d","anonymousId":"d%d","placements":["hero"],"experiments":["e0","e1","e2","e3","e4"],"channel":"web"}`, n, n)
	text, err := s.trade(ctx, client, request{http.MethodPost, "/v1/decide", "application/json", body})
	if err == nil && s.settles && bytes.Count(text, []byte(`"offer_version"`)) != 3 {
		err = fmt.Errorf("three offers are to be shown: %s", text)
	}
	return err
}

// ofrep asks for single flags. People who are new are written down, which is
// folded beside; those who were before are not written down again.
func (b *bench) ofrep(ctx context.Context) error {
	product, floor, stop, err := b.beside(ctx, "ofrep", "-decode")
	if err != nil {
		return err
	}
	if err := product.experiments(ctx); err != nil {
		return errors.Join(err, stop())
	}
	var known, fresh []float64
	for round := range max(b.rounds, 3) + 1 {
		base := int64(round) * 1_000_000
		ask := func(from int64) asking {
			return func(s *server, ctx context.Context, client *http.Client, i int64) error {
				body := fmt.Appendf(nil, `{"context":{"targetingKey":"f%d","plan":"gold"}}`, from+i)
				_, err := s.trade(ctx, client, request{http.MethodPost, "/ofrep/v1/evaluate/flags/e0", "application/json", body})
				return err
			}
		}
		var list [3]*asked
		for i, s := range [...]*server{floor, product, product} { // the second time everybody is known
			if list[i], err = s.ask(ctx, b.evaluateSecs, ask(base)); err != nil {
				return errors.Join(err, stop())
			}
			if err := s.quiet(ctx); err != nil {
				return errors.Join(err, stop())
			}
		}
		if round == 0 {
			continue // warms both
		}
		b.say("floor    %v", list[0])
		b.say("new      %v", list[1])
		b.say("known    %v", list[2])
		fresh = append(fresh, float64(list[1].cpu)/float64(list[0].cpu))
		known = append(known, float64(list[2].cpu)/float64(list[0].cpu))
	}
	b.atMost("processor time of a request against the floor, people who are known", quantile(known, 0.5), 1.7, "×")
	b.atMost("with the exposure written and folded, people who are new", quantile(fresh, 0.5), 2.5, "×")
	return stop()
}

// quiet waits until nothing more is folded.
func (s *server) quiet(ctx context.Context) error {
	if !s.settles {
		return nil
	}
	return s.settle(ctx)
}
