package app

import (
	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/config"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/lake/tables"
	"rapport/internal/pipeline"
	"rapport/internal/store"
)

// tablesShare is the part of the memory limit that events may take while they wait
// for the tables for analysts.
const tablesShare = 40

// openTables makes the tables for analysts, where there shall be any, before the
// pipeline starts, so that they hear of everything.
func (a *App) openTables(pc *pipeline.Config) {
	c := &a.config.Tables
	if c.URL == "" {
		return
	}
	a.tables = tables.New(tables.Options{
		DSN: tablesAddress(&a.config), Schema: c.Schema, Flush: c.Flush, Now: a.parts.Clock, Log: a.parts.Log, Most: int64(a.config.Memory) / tablesShare,
		Mapping: func(source string) *catalog.Mapping { return pc.Sources(source).Mapping },
	})
	pc.Delist = a.tables.Erase
	if pc.Follower == nil {
		pc.Follower = a.tables.Follower()
		return
	}
	pc.Follower = both{pc.Follower, a.tables.Follower()}
}

// tablesAddress is where the database of the tables for analysts is.
func tablesAddress(c *config.Config) string {
	if c.Tables.URL == config.TablesInStore {
		return c.Store
	}
	return c.Tables.URL
}

// startTables lets the tables for analysts be written.
func (a *App) startTables() {
	if a.tables != nil {
		a.tables.Attach(a.pipeline)
		a.tables.Start()
	}
}

// both tells two followers.
type both [2]pipeline.Follower

// Take is of a pipeline.Follower.
func (b both) Take(lane int, r *store.Record, e *event.Event) {
	b[0].Take(lane, r, e)
	b[1].Take(lane, r, e)
}

// Stir is of a pipeline.Follower.
func (b both) Stir(lane int, home id.Key, cause, at store.Position, received clock.Instant) {
	b[0].Stir(lane, home, cause, at, received)
	b[1].Stir(lane, home, cause, at, received)
}

// Touched is of a pipeline.Follower.
func (b both) Touched(lane int, home id.Key) {
	b[0].Touched(lane, home)
	b[1].Touched(lane, home)
}

// Reached is of a pipeline.Follower.
func (b both) Reached(lane int, at store.Position) {
	b[0].Reached(lane, at)
	b[1].Reached(lane, at)
}

func (a *App) observeTables() {
	state := func(value func(*tables.State) float64) func() float64 {
		return func() float64 {
			if a.tables == nil {
				return 0
			}
			s := a.tables.State()
			return value(&s)
		}
	}
	a.metrics.Gauge("rapport_tables_lag_seconds", "How long the oldest row that waits for the tables for analysts has waited.", nil,
		state(func(s *tables.State) float64 { return s.Lag }))
	a.metrics.Gauge("rapport_tables_people_waiting", "People whose rows in the tables for analysts are to be written.", nil,
		state(func(s *tables.State) float64 { return float64(s.Waiting) }))
	a.metrics.Gauge("rapport_tables_failing", "1 while the tables for analysts cannot be written.", nil, state(func(s *tables.State) float64 {
		if s.Error != "" {
			return 1
		}
		return 0
	}))
	a.metrics.Counter("rapport_tables_events_written_total", "Events written to the tables for analysts.", nil,
		state(func(s *tables.State) float64 { return float64(s.Events) }))
	a.metrics.Counter("rapport_tables_people_written_total", "People written to the tables for analysts; one who changes again counts again.", nil,
		state(func(s *tables.State) float64 { return float64(s.People) }))
}
