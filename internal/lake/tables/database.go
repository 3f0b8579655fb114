package tables

import (
	"context"
	_ "embed" // schema.sql
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"rapport/internal/id"
	"rapport/internal/store"
)

// progress is how far the tables are.
type progress struct {
	turn   int64
	events store.Position
	people store.Position
	force  store.Position
	walked string // empty: nobody walks
	whole  time.Time
}

// format is the form of the tables: another one is refused.
const format = 1

//go:embed schema.sql
var schemaSQL string

// spread are the tables that Citus distributes by profile_id, so that they join
// where they lie.
var spread = []string{"profiles", "identifiers", "memberships", "orders", "order_lines", "events"}

// errOther says that somebody else wrote.
var errOther = errors.New("another node writes the tables for analysts")

// connect opens the database, makes the tables where there are none, and reads how
// far they are.
func (t *Tables) connect(ctx context.Context) error {
	if t.at != nil {
		return nil
	}
	if err := t.dial(ctx); err != nil {
		return err
	}
	mark := t.spine.OwnID(id.Key{})
	var there bool
	if err := t.pool.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, pgx.Identifier{t.Schema, "progress"}.Sanitize()).Scan(&there); err != nil {
		return fmt.Errorf("look for the tables for analysts: %w", err)
	}
	if !there {
		if err := t.make(ctx, mark); err != nil {
			return err
		}
	}
	at, made, instance, err := t.readProgress(ctx)
	switch {
	case err != nil:
		return err
	case made != format:
		return fmt.Errorf("the tables in the schema %s have form %d, this program knows %d: drop the schema to have them made anew", t.Schema, made, format)
	case instance != mark:
		return fmt.Errorf("the tables in the schema %s are of another instance: give another tables.schema", t.Schema)
	case max(at.events, at.people) > t.spine.LogEnd():
		return fmt.Errorf("the tables in the schema %s are at %d of a log that ends at %d: the data is from an older backup. Drop the schema to have them made anew",
			t.Schema, max(at.events, at.people), t.spine.LogEnd())
	}
	if err := t.readMonths(ctx); err != nil {
		return err
	}
	t.at = at
	t.state.wrote(at)
	return nil
}

// connections is how many the tables need: one to write; erasing waits for it.
const connections = 2

func (t *Tables) dial(ctx context.Context) error {
	if t.pool != nil {
		return nil
	}
	c, err := pgxpool.ParseConfig(t.DSN)
	if err != nil {
		return fmt.Errorf("address of the tables for analysts: %w", err)
	}
	c.MaxConns, c.MaxConnIdleTime = connections, time.Minute
	if c.ConnConfig.ConnectTimeout == 0 {
		c.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	p := c.ConnConfig.RuntimeParams
	p["application_name"], p["timezone"], p["search_path"] = "rapport tables", "UTC", pgx.Identifier{t.Schema}.Sanitize()
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return fmt.Errorf("connect to the database of the tables for analysts: %w", err)
	}
	const ask = `SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')`
	if err := pool.QueryRow(ctx, ask).Scan(&t.citus); err != nil {
		pool.Close()
		return fmt.Errorf("connect to the database of the tables for analysts: %w", err)
	}
	t.pool = pool
	return nil
}

// make makes schema and tables, in one transaction.
func (t *Tables) make(ctx context.Context, mark string) error {
	err := pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error {
		var there bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, t.Schema).Scan(&there); err != nil {
			return err
		}
		if !there {
			if _, err := tx.Exec(ctx, `CREATE SCHEMA `+pgx.Identifier{t.Schema}.Sanitize()); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, schemaSQL); err != nil {
			return err
		}
		if t.citus {
			for _, table := range spread {
				if _, err := tx.Exec(ctx, `SELECT create_distributed_table($1::regclass, 'profile_id')`, table); err != nil {
					return err
				}
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO progress VALUES (0, $1, $2, 0, 0, 0, 0, NULL, NULL)`, format, mark)
		return err
	})
	if err != nil {
		return fmt.Errorf("make the tables for analysts in the schema %s (the role needs a schema of this name, or the right to create one in the database): %w", t.Schema, err)
	}
	return nil
}

func (t *Tables) readProgress(ctx context.Context) (p *progress, made int, instance string, err error) {
	p = &progress{}
	var events, people, force int64
	var walked *string
	var whole *time.Time
	const ask = `SELECT format, instance, turn, events, people, force, walked, whole_at FROM progress WHERE part = 0`
	err = t.pool.QueryRow(ctx, ask).Scan(&made, &instance, &p.turn, &events, &people, &force, &walked, &whole)
	if err != nil {
		return nil, 0, "", fmt.Errorf("read how far the tables for analysts are: %w", err)
	}
	p.events, p.people, p.force = store.Position(events), store.Position(people), store.Position(force)
	if walked != nil {
		p.walked = *walked
	}
	if whole != nil {
		p.whole = *whole
	}
	return p, made, instance, nil
}

// commit makes changes and how far they get true together.
func (t *Tables) commit(ctx context.Context, next progress, change func(tx pgx.Tx) error) error {
	next.turn = t.at.turn + 1
	err := pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error {
		// The row comes first: a second writer waits for it, then finds another turn.
		const turn = `UPDATE progress SET turn = $1, events = $2, people = $3, force = $4, walked = $5, whole_at = $6 WHERE part = 0 AND turn = $7`
		var walked, whole any
		if next.walked != "" {
			walked = next.walked
		}
		if !next.whole.IsZero() {
			whole = next.whole
		}
		tag, err := tx.Exec(ctx, turn, next.turn, int64(next.events), int64(next.people), int64(next.force), walked, whole, t.at.turn)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return errOther
		}
		return change(tx)
	})
	if err != nil {
		return fmt.Errorf("write the tables for analysts: %w", err)
	}
	t.at = &next
	t.state.wrote(&next)
	return nil
}

// refused tells that the database does not take what a row holds, and never will.
func refused(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (strings.HasPrefix(e.Code, "22") || strings.HasPrefix(e.Code, "54"))
}

// Events are kept by month; those from before firstMonth lie together.
var firstMonth = time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)

const earlier = "events_earlier"

func monthOf(at time.Time) time.Time {
	if at = at.UTC(); at.Before(firstMonth) {
		return time.Time{}
	}
	return time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
}

func partition(month time.Time) string {
	if month.IsZero() {
		return earlier
	}
	return month.Format("events_2006_01")
}

// readMonths finds the partitions that are there.
func (t *Tables) readMonths(ctx context.Context) error {
	rows, err := t.pool.Query(ctx, `SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass('events')`)
	if err != nil {
		return fmt.Errorf("look for the partitions of events: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("look for the partitions of events: %w", err)
	}
	t.months = map[string]bool{}
	for _, n := range names {
		t.months[n] = true
	}
	return nil
}

// ensureMonths makes the partitions that some times need. A table is made and then
// attached: that waits for nobody who reads events, and nobody waits for it.
func (t *Tables) ensureMonths(ctx context.Context, months map[time.Time]bool) error {
	for month := range months {
		name := partition(month)
		if t.months[name] {
			continue
		}
		low, high := "MINVALUE", firstMonth
		if !month.IsZero() {
			low, high = "'"+month.Format(time.DateOnly)+" 00:00:00+00'", month.AddDate(0, 1, 0)
		}
		err := pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `CREATE TABLE `+name+` (LIKE events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `ALTER TABLE events ATTACH PARTITION `+name+` FOR VALUES FROM (`+low+`) TO ('`+high.Format(time.DateOnly)+` 00:00:00+00')`)
			return err
		})
		if err != nil {
			return fmt.Errorf("make the partition %s: %w", name, err)
		}
		t.months[name] = true
	}
	return nil
}

// reading gathers a column of texts.
func reading(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]string, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	slices.Sort(out)
	return out, err
}
