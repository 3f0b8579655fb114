// Command bench measures the product against the ceiling in one run and prints
// the ratios, with processor time per event beside them. It never fails for a
// slow machine: it says ok or short, and an error only where a server lost or
// refused something.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// sizes of a run. There are ten events to a person at every length: with fewer
// most people would be new, with more nearly all would be known.
type sizes struct {
	rounds       int // of each server, in alternation
	events       int // of one round
	people       int
	hardPeople   int
	hardSeconds  int
	hardRoom     string // all or quarter; empty is both
	singles      int    // requests of one round
	latencySecs  int
	overloadSecs int
	evaluateSecs int    // of one round of each server
	limit        string // of memory, as RAPPORT_MEMORY says it, in the cases memory and import; empty is the default
	growth       int    // events after which the memory is read last; also at a tenth and a half
	kills        int    // events in the log when the server is killed
	ceilingBare  bool
	part         string // of the segments case; empty: all
	away         int    // messages that wait in the outage case
	guests       int    // of the batch case
	backupSecs   int    // of events beside a backup
	rows         int    // of each table of the import case
	conns, batch int
	base         string // the commit of the baseline case
}

func tenMinutes() sizes {
	return sizes{
		rounds: 3, events: 500_000, people: 50_000, hardPeople: 200_000, hardSeconds: 15, singles: 60_000,
		latencySecs: 15, overloadSecs: 12, evaluateSecs: 5, growth: 1_000_000, kills: 1_000_000, guests: 1_000_000, away: outageDay / 10, rows: 300_000, backupSecs: 15, conns: 32, batch: 100,
	}
}

// full are the sizes that the targets name.
func full() sizes {
	return sizes{
		rounds: 1, events: 10_000_000, people: 1_000_000, hardPeople: 1_000_000, hardSeconds: 60, singles: 300_000,
		latencySecs: 60, overloadSecs: 60, evaluateSecs: 20, growth: 10_000_000, kills: 5_000_000, guests: 1_000_000, away: outageDay, rows: 1_000_000, backupSecs: 60, conns: 32, batch: 100,
	}
}

// cases in the order of all.
var cases = []struct {
	name, about string
	run         func(*bench, context.Context) error
}{
	{"ingest", "the whole against the ceiling, acknowledged and applied; bytes on disk", (*bench).ingest},
	{"single", "single events over 64 connections against the ceiling", (*bench).single},
	{"latency", "event to readable profile at half of the peak rate", (*bench).latency},
	{"overload", "three times the peak rate offered: how much is taken, what the rest is told, memory, how soon all is as before", (*bench).overload},
	{"hard", "people drawn evenly, 2 KB profiles, against read-change-write in Pebble", (*bench).hard},
	{"evaluate", "decisions about stored profiles at 2,000 a second, beside a server that does nothing", (*bench).evaluate},
	{"decide", "what to show at 2,000 a second (a profile, 5 experiments, 500 eligible offers, 3 shown), beside an empty server; in process; after an event", (*bench).decide},
	{"ofrep", "flags of OpenFeature: processor time beside a server that decodes and answers a constant", (*bench).ofrep},
	{"memory", "resident memory as the data grows", (*bench).memory},
	{"recovery", "killed with -9 at peak rate: ready again", (*bench).recovery},
	{"erasure", "one of many people erased, from request to proof", (*bench).erasure},
	{"backup", "a backup of everything while events come in: what it costs them", (*bench).backup},
	{"segments", "1,000 living segments against 10, exits by timers, backfills", (*bench).segments},
	{"identity", "the identity graph alone: in memory, and with storage and memory for a third", (*bench).identity},
	{"kiosk", "100,000 people on one device: what others notice, and whether anybody is merged", (*bench).kiosk},
	{"history", "a year of history behind 100,000 live people: whose id changes", (*bench).history},
	{"baseline", "the load of ingest on the commit before (-base) and on the present one, in alternation", (*bench).baseline},
	{"preview", "five conditions over columns of 10 M people, against DuckDB (needs Node.js)", (*bench).preview},
	{"postgres", "the same load on the embedded engine, on PostgreSQL and on two nodes, in alternation; reads", (*bench).postgres},
	{"batch", "guests by files of Sitecore's Batch API, and the same files again", (*bench).batches},
	{"import", "users, products and orders as CSV files, and the same files again", (*bench).imports},
	{"doors", "single events of one size through each door for foreign clients, against Segment's; what enrichment costs", (*bench).doors},
	{"outbox", "deliveries to webhooks on loopback: how many, how soon, beside one that hangs, and a backlog", (*bench).outbox},
	{"outage", "a destination that was away for a day: its backlog goes in order, with how much memory and how fast", (*bench).outage},
	{"lake", "the data lake: processor time with and without it, files a second, how soon an event is there", (*bench).lake},
	{"console", "the console at 1 M people: every screen, what is done most, and live events (needs Node.js, Chromium, make console)", (*bench).console},
	{"disk", "the same as ingest: the bytes on disk are measured there", (*bench).ingest},
}

// alone are the cases that all leaves out: they need more than Go, or repeat
// another.
var alone = map[string]bool{
	"overload": true,
	"disk":     true, "preview": true, "postgres": true, "erasure": true, "identity": true, "segments": true, "batch": true, "import": true, "doors": true,
	"outbox": true, "outage": true, "lake": true, "kiosk": true, "history": true, "baseline": true, "backup": true, "console": true,
}

// besideEmpty are the cases that need no peer, or the empty server alone.
var besideEmpty = map[string]bool{"overload": true,
	"doors": true, "import": true, "evaluate": true, "decide": true, "ofrep": true, "outage": true,
	"erasure": true, "kiosk": true, "history": true, "baseline": true, "backup": true, "console": true,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		usage()
		return flag.ErrHelp
	}
	b, err := newBench(args[1:])
	if err != nil {
		return err
	}
	defer b.close()
	b.defaultPeople(args)
	if args[0] == "preview" {
		b.say("a library, without a server")
	} else if args[0] == "identity" {
		b.say("a Go benchmark, without a server")
	} else if args[0] == "segments" {
		b.hardPeople = min(b.hardPeople, 1_000_000)
	} else if err := b.build(ctx, args[0]); err != nil {
		return err
	}
	known := false
	for _, c := range cases {
		if c.name != args[0] && (args[0] != "all" || alone[c.name]) {
			continue
		}
		known = true
		b.heading(c.name, c.about)
		if err := c.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	if !known {
		usage()
		return fmt.Errorf("no case is called %s", args[0])
	}
	return nil
}

func usage() {
	fmt.Fprintln(os.Stderr, "go run ./bench CASE [flags], where CASE is all or one of:")
	for _, c := range cases {
		fmt.Fprintf(os.Stderr, "  %-9s %s\n", c.name, c.about)
	}
	fmt.Fprintln(os.Stderr, "-h after the case lists the flags")
}

// defaultPeople sets how many people the cases have whose target names them, where
// no flag does.
func (b *bench) defaultPeople(args []string) {
	n, ok := map[string]int{"preview": 10_000_000, "console": 1_000_000}[args[0]]
	if ok && !given(args[1:], "people") {
		b.people = n
	}
}

// given tells whether a flag is among the arguments.
func given(args []string, name string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		a, _, _ = strings.Cut(strings.TrimLeft(a, "-"), "=")
		return a == name
	})
}

// newBench reads the flags. What is given replaces what the length of the run sets.
func newBench(args []string) (*bench, error) {
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	long := set.Bool("full", false, "the sizes that the targets name: 10 M events, an hour or more")
	profile := set.String("profile", "", "write where this program's processor time went into this file")
	keep := set.Bool("keep", false, "keep the folder with data and logs")
	dir := set.String("dir", "", "where to put data; default: a new folder under the system's temporary one")
	binary := set.String("binary", "", "measure this rapport instead of the sources'")
	s := tenMinutes()
	if slices.Contains(args, "-full") || slices.Contains(args, "--full") {
		s = full()
	}
	set.IntVar(&s.guests, "guests", s.guests, "guests of the batch case")
	set.IntVar(&s.backupSecs, "backup-seconds", s.backupSecs, "seconds of one round of the backup case")
	set.IntVar(&s.away, "away", s.away, "messages that wait in the outage case; a day has 4,320,000")
	set.IntVar(&s.rows, "rows", s.rows, "rows of each table of the import case")
	set.IntVar(&s.rounds, "rounds", s.rounds, "rounds of each server")
	set.IntVar(&s.events, "events", s.events, "events of one round")
	set.IntVar(&s.people, "people", s.people, "people who send them")
	set.IntVar(&s.hardPeople, "hard-people", s.hardPeople, "people of the hard case")
	set.IntVar(&s.hardSeconds, "hard-seconds", s.hardSeconds, "seconds of the hard case's peer")
	set.StringVar(&s.hardRoom, "hard-room", s.hardRoom, "the hard case with room for all or for a quarter only; default: both")
	set.IntVar(&s.singles, "single", s.singles, "requests of one event each")
	set.IntVar(&s.latencySecs, "latency-seconds", s.latencySecs, "seconds of the latency case")
	set.IntVar(&s.overloadSecs, "overload-seconds", s.overloadSecs, "seconds in which the overload case offers too much, of one round")
	set.IntVar(&s.evaluateSecs, "evaluate-seconds", s.evaluateSecs, "seconds of one round of the evaluate case")
	set.StringVar(&s.limit, "limit", s.limit, "the limit of the memory case and the import case, such as 512MiB; default: what a server takes by itself, and for memory 512MiB too")
	set.IntVar(&s.growth, "growth", s.growth, "events at the end of the memory case")
	set.IntVar(&s.kills, "recovery", s.kills, "events in the log when the server is killed")
	set.StringVar(&s.part, "part", "", "only this part of the segments case (mix, backfill, drain or timers), of the import case (user, product or transaction), of the doors case (how the names of shapes begin), or of the decide case (inside, http or fresh)")
	set.StringVar(&s.base, "base", "HEAD~1", "the commit that the baseline case compares with")
	set.IntVar(&s.conns, "conns", s.conns, "connections that send batches")
	set.IntVar(&s.batch, "batch", s.batch, "events per request")
	set.BoolVar(&s.ceilingBare, "bare", false, "let the ceiling parse and map nothing")
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	_ = *long
	b, err := openBench(s, *dir, *keep)
	if err != nil {
		return nil, err
	}
	b.binary = *binary
	return b, b.startProfile(*profile)
}
