package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The sizes of the lake case. People are still soon and few files are joined at
// once, so that a short run has users rows and every row is joined.
const (
	lakeStill  = "3s"
	lakeJoin   = "6"
	lakeProbes = 60
)

// lake sends the load of ingest to a server that writes a lake and to one without,
// in alternation, and compares the processor time, that of joining files and of
// users rows included. The one without is left alone for as long as the other took
// until all was written: what both do after a load, such as writing down their
// state, counts for both. Then it looks how soon an event is there.
func (b *bench) lake(ctx context.Context) error {
	var rounds [2][]measure
	var rest time.Duration
	for round := range 2 * b.rounds {
		m, rested, err := b.lakeRound(ctx, round, rest)
		if err != nil {
			return err
		}
		rest = rested
		rounds[round%2] = append(rounds[round%2], m)
		b.say("%-8s %v", []string{"with", "without"}[round%2], m)
	}
	// Others on the machine only make a round dearer: the cheapest counts.
	least := func(all []measure) float64 {
		per := make([]float64, len(all))
		for i, m := range all {
			per[i] = m.cpuPerEvent()
		}
		return slices.Min(per)
	}
	with, without := least(rounds[0]), least(rounds[1])
	b.say("without %.1f CPU µs/event, with %.1f", without, with)
	b.atMost("processor time of the lake, of that of ingest", 100*(with-without)/without, 40, " %")
	return nil
}

type lakeState struct {
	Lag     float64 `json:"lag_seconds"`
	CatchUp bool    `json:"catching_up"`
	Due     int     `json:"people_due"`
	Files   int     `json:"files"`
	Rows    int     `json:"rows"`
	Bytes   int64   `json:"bytes"`
	Since   struct {
		Files  int `json:"files"`
		Rows   int `json:"rows"`
		Joined int `json:"joined"`
		Users  int `json:"users"`
	} `json:"since_start"`
}

// lakeRound loads one server and measures it until all is written, or for as long
// again where there is no lake, and tells how long that was.
func (b *bench) lakeRound(ctx context.Context, round int, rest time.Duration) (measure, time.Duration, error) {
	with := round%2 == 0
	folder := fmt.Sprintf("lake-%d", round)
	var settings []string
	at := filepath.Join(b.dir, folder+"-files")
	if with {
		settings = []string{"RAPPORT_LAKE_URL=" + at, "RAPPORT_LAKE_USERS_AFTER=" + lakeStill, "RAPPORT_LAKE_JOIN=" + lakeJoin}
	}
	s, err := b.product(ctx, folder, "", settings...)
	if err != nil {
		return measure{}, 0, err
	}
	defer b.scrap(folder)
	defer b.scrap(folder + "-files")
	cpu, start := s.cpu(), time.Now()
	m, err := b.send(ctx, s, b.job(s))
	loaded := time.Now()
	switch {
	case err != nil:
	case with:
		err = b.lakeRests(ctx, s, time.Since(start))
		rest = time.Since(loaded)
	default:
		err = s.pause(ctx, rest)
	}
	m.cpu = s.cpu() - cpu
	if err == nil && with && round/2 == b.rounds-1 {
		err = b.lakeProbe(ctx, s, at)
	}
	if err != nil {
		s.kill()
		return m, 0, err
	}
	return m, rest, s.stop()
}

// lakeRests waits until all is written and joined, and tells how many files it
// took.
func (b *bench) lakeRests(ctx context.Context, s *server, loaded time.Duration) error {
	var under lakeState
	if err := s.get(ctx, "/api/v1/lake", &under); err != nil {
		return err
	}
	b.say("under load: %.1f files/s, %d rows written, %d files joined", float64(under.Since.Files)/loaded.Seconds(), under.Since.Rows, under.Since.Joined)
	var last lakeState
	for still := 0; still < 4; {
		if err := s.pause(ctx, time.Second); err != nil {
			return err
		}
		var now lakeState
		if err := s.get(ctx, "/api/v1/lake", &now); err != nil {
			return err
		}
		if now.Lag == 0 && !now.CatchUp && now.Due == 0 && now.Since == last.Since {
			still++
		} else {
			still = 0
		}
		last = now
	}
	b.say("at rest: %d files, %d rows, %.1f MB; %d rows written in all, %d files joined, %d users rows",
		last.Files, last.Rows, float64(last.Bytes)/1e6, last.Since.Rows, last.Since.Joined, last.Since.Users)
	return nil
}

// lakeProbe sends events one by one and looks when the manifest names a file
// with each.
func (b *bench) lakeProbe(ctx context.Context, s *server, at string) error {
	var took []time.Duration
	for i := range lakeProbes {
		before, err := lakeEvents(at)
		if err != nil {
			return err
		}
		body := fmt.Sprintf(`{"event":"Probe","userId":"probe","messageId":"probe-%d"}`, i)
		if err := s.give(ctx, "/v1/track", []byte(body)); err != nil {
			return err
		}
		for acknowledged := time.Now(); ; {
			n, err := lakeEvents(at)
			if err != nil {
				return err
			}
			if n > before {
				took = append(took, time.Since(acknowledged))
				break
			}
			if err := s.pause(ctx, 5*time.Millisecond); err != nil {
				return err
			}
		}
		// Not always at the same moment between two writings.
		if err := s.pause(ctx, time.Duration(i*37%600)*time.Millisecond); err != nil {
			return err
		}
	}
	slices.Sort(took)
	b.atMost("event acknowledged to readable in the lake, p95", took[len(took)*95/100].Seconds()*1000, 1000, " ms")
	return nil
}

// lakeEvents counts the base events that the manifest names.
func lakeEvents(folder string) (int, error) {
	text, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
	if err != nil {
		return 0, err
	}
	var m struct {
		Files []struct {
			Object string
			Rows   int
		}
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return 0, err
	}
	n := 0
	for _, f := range m.Files {
		if f.Object == "base_events" {
			n += f.Rows
		}
	}
	return n, nil
}
