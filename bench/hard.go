package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rapport/bench/load"
	"rapport/internal/config"
)

// stateBytes is what one person's profile weighs in the hard case.
const stateBytes = 2 << 10

// hard draws every event's person evenly over people with 2 KB of traits, and
// compares with reading, changing and writing such a record per event. The
// peer has no HTTP, no JSON and no log.
//
// With room for all, both have 6 GiB: the peer two thirds of it as its cache.
// With room for a quarter, the peer's cache holds a quarter of the records and
// the product's share for people is as large.
func (b *bench) hard(ctx context.Context) error {
	quarter := int64(b.hardPeople) * stateBytes / 4
	for _, room := range []struct {
		name   string
		cache  int64
		memory string
		target float64
	}{
		{"room for all", 4 << 30, "6GiB", 4},
		{"room for a quarter", quarter, strconv.FormatInt(roomFor(quarter)>>20, 10) + "MiB", 1.5},
	} {
		if b.hardRoom != "" && !strings.HasSuffix(room.name, b.hardRoom) {
			continue
		}
		peer, err := b.peer(ctx, room.cache)
		if err != nil {
			return err
		}
		b.say("%s: read-change-write %.0f events/s at %.1f CPU µs/event, cache %d MiB, resident at most %.0f MiB",
			room.name, peer.PerSecond, peer.CPU, room.cache>>20, peer.Resident)
		m, most, err := b.hardRound(ctx, room.memory, int(peer.PerSecond*room.target)*b.hardSeconds)
		if err != nil {
			return err
		}
		b.say("%s: rapport %v, RAPPORT_MEMORY %s, resident at most %.0f MiB", room.name, m, room.memory, most)
		b.atLeast(room.name+": events/s in units of the peer's", m.perSecond()/peer.PerSecond, room.target, "")
		b.say("%s: by processor time of server and client alone: %.2f", room.name,
			peer.CPU*float64(m.Events)/float64((m.cpu+m.ownCPU).Microseconds()))
	}
	return nil
}

// roomFor is the least memory, in whole MiB, of which the share of people is as
// large as their states.
func roomFor(states int64) int64 {
	total := int64(256 << 20)
	for int64(config.NewBudget(config.Size(total)).People) < states {
		total += 1 << 20
	}
	return total
}

type peerReport struct {
	PerSecond float64 `json:"events_per_second"`
	CPU       float64 `json:"cpu_us_per_event"`
	Resident  float64 `json:"resident_mib"`
}

func (b *bench) peer(ctx context.Context, cache int64) (peerReport, error) {
	dir := filepath.Join(b.dir, "rmw-data")
	defer b.scrap("rmw-data")
	c := exec.CommandContext(ctx, filepath.Join(b.dir, "rmw"), "-dir", dir, "-people", strconv.Itoa(b.hardPeople),
		"-seconds", strconv.Itoa(b.hardSeconds), "-cache", strconv.FormatInt(cache, 10))
	c.Stderr = os.Stderr
	out, err := c.Output()
	var r peerReport
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		return r, fmt.Errorf("running the peer: %w", err)
	}
	return r, nil
}

// calm waits until what follows from all events so far is applied too, as the
// peer waits for its records to be in their place.
func (b *bench) calm(ctx context.Context, s *server) error {
	for n := 0; ; n++ {
		body := fmt.Sprintf(`{"event":"Calm","userId":"calm","messageId":"calm-%d"}`, n)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+"/v1/track?wait=applied", strings.NewReader(body))
		if err != nil {
			return err
		}
		req.SetBasicAuth(writeKey, "")
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("waiting for calm: %w", err)
		}
		if err := res.Body.Close(); err != nil {
			return fmt.Errorf("waiting for calm: %w", err)
		}
		if res.StatusCode == http.StatusOK && res.Header.Get("Rapport-Applied") == "yes" {
			return nil
		}
		if err := s.pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// hardRound gives every person a profile and then measures.
func (b *bench) hardRound(ctx context.Context, memory string, events int) (measure, float64, error) {
	defer b.scrap("hard")
	s, err := b.product(ctx, "hard", memory)
	if err != nil {
		return measure{}, 0, err
	}
	defer s.kill()
	job := b.job(s)
	job.Kind, job.Batch, job.People = load.Profiles, 50, b.hardPeople
	// Every connection counts its own people: whole rounds leave nobody out.
	job.Events = (b.hardPeople/b.conns + 1) * b.conns
	if _, err := b.send(ctx, s, job); err != nil {
		return measure{}, 0, fmt.Errorf("making profiles: %w", err)
	}
	if err := b.calm(ctx, s); err != nil {
		return measure{}, 0, err
	}
	job = b.job(s)
	job.Kind, job.Even, job.People, job.Events = load.Known, true, b.hardPeople, events
	m, err := b.send(ctx, s, job)
	most, _ := s.memory()
	return m, most, err
}
