package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"rapport/internal/columns"
)

// previews is how many previews of each kind are timed.
const previews = 40

// preview counts five conditions over columns of so many people, and lets
// DuckDB count the same over the same columns in memory, on as many threads.
func (b *bench) preview(ctx context.Context) error {
	crowd := crowd{people: b.people}
	start, cpu := time.Now(), ownCPU()
	x := crowd.index()
	stats := x.Stats()
	runtime.GC()
	b.say("%d people in columns after %v (%.1f CPU µs each), %.0f bytes each", stats.People, time.Since(start).Round(time.Second),
		float64((ownCPU()-cpu).Microseconds())/float64(b.people), float64(stats.Bytes)/float64(stats.People))
	questions := crowd.questions(previews)
	var times []time.Duration
	counts := make([]int, len(questions))
	cpu = ownCPU()
	for i := range questions {
		start := time.Now()
		a, err := x.Count(ctx, columns.Query{Node: questions[i].node(), Samples: 10, Doubtful: 10_000, Sample: 100_000})
		if err != nil {
			return err
		}
		if a.Unknown > 0 {
			return fmt.Errorf("question %d leaves %d people unknown", i, a.Unknown)
		}
		times, counts[i] = append(times, time.Since(start)), a.Yes
	}
	ours := answers{questions, counts, quantile(times, 0.5), quantile(times, 0.95)}
	p50, p95 := ours.p50, ours.p95
	b.say("preview p50 %v p95 %v, %v CPU each, %d to %d people found", short(p50), short(p95),
		short((ownCPU()-cpu)/time.Duration(len(questions))), slices.Min(counts), slices.Max(counts))
	b.atMost("preview of five conditions, p95", float64(p95.Microseconds())/1000, 300, " ms")
	return b.againstDuckDB(ctx, &crowd, ours)
}

// answers are what a round of previews found, and how fast.
type answers struct {
	questions []question
	counts    []int
	p50, p95  time.Duration
}

func (b *bench) againstDuckDB(ctx context.Context, c *crowd, ours answers) error {
	dir, err := os.MkdirTemp(b.dir, "duckdb-")
	if err != nil {
		return err
	}
	if err := c.export(dir, ours.questions); err != nil {
		return err
	}
	report, err := runDuckDB(ctx, dir, runtime.GOMAXPROCS(0))
	if err != nil {
		return err
	}
	best50, best95 := math.Inf(1), math.Inf(1)
	for _, f := range report.Forms {
		if !slices.Equal(f.Counts, ours.counts) {
			return fmt.Errorf("DuckDB's %s counts differently: %v, want %v", f.Name, f.Counts, ours.counts)
		}
		d50, d95 := quantile(f.Times, 0.5), quantile(f.Times, 0.95)
		b.say("DuckDB, %s: p50 %.1f ms p95 %.1f ms, the same counts", f.Name, d50, d95)
		best50, best95 = min(best50, d50), min(best95, d95)
	}
	b.say("DuckDB's process grew by %.0f bytes per person", report.RSS/float64(c.people))
	b.atLeast("DuckDB's best p50 in units of ours", best50/(float64(ours.p50.Microseconds())/1000), 1, "×")
	b.atLeast("DuckDB's best p95 in units of ours", best95/(float64(ours.p95.Microseconds())/1000), 1, "×")
	return nil
}

// question is the preview's conditions with their constants.
type question struct {
	Country string  `json:"country"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	Since   int64   `json:"since"` // microseconds
	Slot    uint32  `json:"slot"`  // quarters of an hour
	Least   uint64  `json:"least"`
}

// node is the question as the index takes it.
func (q *question) node() columns.Node {
	return columns.All{
		columns.Scalar{Field: country, Test: columns.Test{Only: []string{strconv.Quote(q.Country)}}},
		columns.Scalar{Field: ltv, Test: columns.Test{Ranges: []columns.Range{{From: q.Low, To: q.High}}}},
		columns.Scalar{Field: lastSeen, Test: columns.Test{Ranges: []columns.Range{{From: float64(q.Since), To: math.Inf(1)}}}},
		columns.Did{Name: eventName, From: columns.SlotStart(q.Slot), Min: q.Least, Max: columns.Often},
		columns.Member(newsletter),
	}
}

func quantile[T time.Duration | float64](list []T, q float64) T {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(int(float64(len(sorted))*q), len(sorted)-1)]
}
