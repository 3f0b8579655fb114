// Command rmw is what a profile per event costs without a plan: for each event
// it reads a record of 2 KB from Pebble, changes it and writes it back, a
// hundred events in one durable commit. It never does anything else: no HTTP,
// no JSON, no identity, so whatever it reaches flatters it.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"golang.org/x/sync/errgroup"
)

// The shape of the work, as the product's own load has it.
const (
	recordBytes = 2 << 10
	perCommit   = 100
	writers     = 2
)

// report is printed as JSON.
type report struct {
	People    int     `json:"people"`
	Events    int     `json:"events"`
	PerSecond float64 `json:"events_per_second"`
	CPU       float64 `json:"cpu_us_per_event"`
	Resident  float64 `json:"resident_mib"` // at most
}

func main() {
	people := flag.Int("people", 1_000_000, "records")
	seconds := flag.Int("seconds", 15, "how long to change them")
	cache := flag.Int64("cache", 4<<30, "bytes of block cache")
	dir := flag.String("dir", "rmw-data", "folder, made anew")
	flag.Parse()
	r, err := run(*dir, *people, *cache, time.Duration(*seconds)*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		log.Fatal(err)
	}
}

func run(dir string, people int, cache int64, length time.Duration) (r report, err error) {
	blocks := pebble.NewCache(cache)
	defer blocks.Unref()
	o := &pebble.Options{
		Cache: blocks, MemTableSize: 64 << 20,
		CompactionConcurrencyRange: func() (int, int) { return 1, 2 }, Logger: quiet{},
	}
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(dir, o)
	if err != nil {
		return report{}, fmt.Errorf("opening: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := fill(db, people); err != nil {
		return report{}, err
	}
	return change(db, people, length)
}

// fill writes every record and lets the compactions finish.
func fill(db *pebble.DB, people int) error {
	record := make([]byte, recordBytes)
	for from := 0; from < people; from += 1000 {
		b := db.NewBatch()
		for n := from; n < min(from+1000, people); n++ {
			text(record, uint64(n))
			if err := b.Set(key(n), record, nil); err != nil {
				return err
			}
		}
		if err := b.Commit(pebble.NoSync); err != nil {
			return fmt.Errorf("filling: %w", err)
		}
	}
	if err := db.Flush(); err != nil {
		return fmt.Errorf("filling: %w", err)
	}
	return nil
}

// change reads, changes and writes records drawn evenly.
func change(db *pebble.DB, people int, length time.Duration) (report, error) {
	var events atomic.Int64
	before, start := cpu(), time.Now()
	var group errgroup.Group
	for w := range writers {
		r := rand.New(rand.NewPCG(1, uint64(w)))
		group.Go(func() error {
			for time.Since(start) < length {
				if err := commit(db, r, people); err != nil {
					return err
				}
				events.Add(perCommit)
			}
			return nil
		})
	}
	err := group.Wait()
	took, used, n := time.Since(start), cpu()-before, float64(events.Load())
	return report{
		People: people, Events: int(n), PerSecond: n / took.Seconds(), CPU: float64(used.Microseconds()) / n, Resident: resident(),
	}, err
}

func commit(db *pebble.DB, r *rand.Rand, people int) error {
	b := db.NewBatch()
	var record [recordBytes]byte
	for range perCommit {
		k := key(r.IntN(people))
		v, closer, err := db.Get(k)
		if err != nil {
			return fmt.Errorf("reading: %w", err)
		}
		copy(record[:], v)
		if err := closer.Close(); err != nil {
			return fmt.Errorf("reading: %w", err)
		}
		binary.BigEndian.PutUint64(record[:], binary.BigEndian.Uint64(record[:])+1)
		if err := b.Set(k, record[:], nil); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
	return b.Commit(pebble.Sync)
}

// key spreads the records over the key space, as hashed identifiers do.
func key(n int) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, 16), uint64(n)*0x9e3779b97f4a7c15)
}

// text fills a record with hexadecimal text, which compresses by half as the
// product's profiles do.
func text(record []byte, seed uint64) {
	const digits = "0123456789abcdef"
	r := rand.New(rand.NewPCG(seed, 0))
	for i := 8; i+16 <= len(record); i += 16 {
		v := r.Uint64()
		for j := range 16 {
			record[i+j] = digits[v>>(4*j)&15]
		}
	}
}

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the most that this process had in memory, in MiB.
func resident() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return float64(u.Maxrss) / 1024
}

// quiet keeps the engine's notices out of the report.
type quiet struct{}

// Infof drops a notice.
func (quiet) Infof(string, ...any) {}

// Errorf prints what must be seen.
func (quiet) Errorf(format string, args ...any) { log.Printf(format, args...) }

// Fatalf ends the program.
func (quiet) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }
