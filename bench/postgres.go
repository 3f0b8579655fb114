package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"rapport/internal/store/postgres/pgtest"
)

// database is one under load.
type database struct {
	*bench
	*pgtest.Server
	counts bool // it counts statements
}

// dbRound is what a round did to the servers and to the database.
type dbRound struct {
	measure
	database   time.Duration // its processor time
	commits    int64
	statements int64
	batches    int64 // in which the log was written
}

// postgres sends the same load to both engines and to two nodes on one database, in
// alternation, each round on empty data. The database runs on the same machine and
// its processor time is counted. Then it reads people.
func (b *bench) postgres(ctx context.Context) error {
	d, err := b.database(ctx)
	if errors.Is(err, pgtest.ErrNone) {
		b.say("left out: %v", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Stop() //nolint:errcheck // the run is over
	var own []measure
	var nodes [2][]dbRound
	for round := range b.rounds {
		m, _, err := b.productRound(ctx, round)
		if err != nil {
			return err
		}
		own = append(own, m)
		b.say("embedded  %v", m)
		for i := range nodes {
			r, err := d.round(ctx, fmt.Sprintf("round%d_%d", round, i+1), i+1)
			if err != nil {
				return err
			}
			nodes[i] = append(nodes[i], r)
			b.say("nodes: %d  %v", i+1, r.measure)
		}
	}
	d.tell(merge(own), sum(nodes[0]), sum(nodes[1]))
	return d.reads(ctx)
}

// database starts a database that counts statements, where it has what does so.
func (b *bench) database(ctx context.Context) (*database, error) {
	room := []string{"-c", "shared_buffers=1GB", "-c", "max_wal_size=8GB"}
	db, err := pgtest.Start(append(room, "-c", "shared_preload_libraries=pg_stat_statements")...)
	if err != nil && !errors.Is(err, pgtest.ErrNone) {
		db, err = pgtest.Start(room...)
	}
	if err != nil {
		return nil, err
	}
	return &database{b, db, query(ctx, db, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements") == nil}, nil
}

func (r dbRound) perEvent(d time.Duration) float64 {
	return float64(d.Microseconds()) / float64(max(r.Events, 1))
}

// tell compares the rounds.
func (d *database) tell(embedded measure, one, two dbRound) {
	d.say("CPU µs/event: embedded %.1f; one node %.1f and the database %.1f; two nodes %.1f and the database %.1f", embedded.cpuPerEvent(),
		one.cpuPerEvent(), one.perEvent(one.database), two.cpuPerEvent(), two.perEvent(two.database))
	requests, batches := float64(max(one.Requests, 1)), float64(max(one.batches, 1))
	d.say("a request of %d events: %.2f transactions", d.batch, float64(one.commits)/requests)
	if d.counts {
		d.say("statements, of which some share a round trip: %.2f for a request; %.2f for a batch of the log, in which came %.1f requests",
			float64(one.statements)/requests, float64(one.statements)/batches, requests/batches)
	}
	d.atLeast("events/s on PostgreSQL, of the embedded engine's", 100*one.perSecond()/embedded.perSecond(), 25, " %")
	d.atMost("processor time per event, two nodes to one", two.perEvent(two.cpu+two.database)/one.perEvent(one.cpu+one.database), 1.15, "×")
}

func sum(rounds []dbRound) (out dbRound) {
	var all []measure
	for _, r := range rounds {
		all = append(all, r.measure)
		out.database, out.commits = out.database+r.database, out.commits+r.commits
		out.statements, out.batches = out.statements+r.statements, out.batches+r.batches
	}
	out.measure = merge(all)
	return out
}

// counted are the transactions that the server has committed, the statements that it
// was sent and those of them that wrote the log, as far as it tells.
func (d *database) counted(ctx context.Context) (r dbRound) {
	_ = query(ctx, d.Server, "SELECT sum(xact_commit)::bigint FROM pg_stat_database", &r.commits)
	if d.counts {
		const ask = `SELECT sum(calls)::bigint, coalesce(sum(calls) FILTER (WHERE query LIKE 'WITH held AS (UPDATE leases SET log_end%'), 0)::bigint FROM pg_stat_statements`
		_ = query(ctx, d.Server, ask, &r.statements, &r.batches)
	}
	return r
}

func query(ctx context.Context, db *pgtest.Server, sql string, into ...any) error {
	conn, err := pgx.Connect(ctx, db.DSN)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // read-only, or done
	if len(into) > 0 {
		return conn.QueryRow(ctx, sql).Scan(into...)
	}
	_, err = conn.Exec(ctx, sql)
	return err
}

// familyCPU is the processor time of a process and its children, also of those that
// have ended.
func familyCPU(parent int) time.Duration {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	ticks := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid pgrp …; times from the 12th behind the name.
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		self := strings.HasPrefix(string(text), strconv.Itoa(parent)+" ")
		if len(fields) < 15 || !self && fields[1] != strconv.Itoa(parent) {
			continue
		}
		last := 13
		if self {
			last = 15
		}
		for _, f := range fields[11:last] {
			n, _ := strconv.Atoi(f)
			ticks += n
		}
	}
	const perSecond = 100
	return time.Duration(ticks) * time.Second / perSecond
}
