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

// postgres sends the same load to both engines, in alternation, each round on
// empty data. The database runs on the same machine and its processor time is
// counted.
func (b *bench) postgres(ctx context.Context) error {
	db, err := pgtest.Start("-c", "shared_buffers=1GB", "-c", "max_wal_size=8GB")
	if errors.Is(err, pgtest.ErrNone) {
		b.say("left out: %v", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer db.Stop() //nolint:errcheck // the run is over
	var own, theirs []measure
	var dbCPU time.Duration
	var steps, events int64
	for round := range b.rounds {
		m, _, err := b.productRound(ctx, round)
		if err != nil {
			return err
		}
		own = append(own, m)
		b.say("embedded %v", m)
		schema := fmt.Sprintf("round%d", round)
		if err := query(ctx, db, "CREATE SCHEMA "+schema); err != nil {
			return err
		}
		cpu, before := groupCPU(db.Process()), transactions(ctx, db)
		m, _, err = b.productRound(ctx, round, "RAPPORT_STORE="+db.DSN+"&search_path="+schema)
		if err != nil {
			return err
		}
		theirs = append(theirs, m)
		dbCPU += groupCPU(db.Process()) - cpu
		steps, events = steps+transactions(ctx, db)-before, events+int64(m.Events)
		b.say("postgres %v", m)
		if err := query(ctx, db, "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			return err
		}
	}
	one, other := merge(own), merge(theirs)
	b.say("database %.1f CPU µs/event, %.1f transactions per 1,000 events", float64(dbCPU.Microseconds())/float64(events), 1000*float64(steps)/float64(events))
	b.atLeast("events/s on PostgreSQL, of the embedded engine's", 100*other.perSecond()/one.perSecond(), 25, " %")
	return nil
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

// transactions is how many the server has committed, as far as it tells.
func transactions(ctx context.Context, db *pgtest.Server) (n int64) {
	if err := query(ctx, db, "SELECT sum(xact_commit)::bigint FROM pg_stat_database", &n); err != nil {
		return 0
	}
	return n
}

// groupCPU is the processor time of a group of processes and of those of its
// leader's children that have ended.
func groupCPU(group int) time.Duration {
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
		if len(fields) < 15 || fields[2] != strconv.Itoa(group) {
			continue
		}
		last := 13
		if strings.HasPrefix(string(text), strconv.Itoa(group)+" ") {
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
