package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/parquet-go/parquet-go"

	"rapport/internal/columns"
	"rapport/internal/id"
)

// The columns of the preview.
var (
	country  = columns.Field{Kind: columns.Trait, Name: "country"}
	ltv      = columns.Field{Kind: columns.Trait, Name: "ltv"}
	lastSeen = columns.Field{Kind: columns.Computed, Name: "last_seen"}
)

const (
	eventName  = "Order Completed"
	newsletter = 7
	countries  = 40
	today      = 20_000 * 24 * 4 // slots since 1970
	daySlots   = 24 * 4
	slotMicros = 15 * 60 * 1_000_000
)

// crowd is made-up people: everything about one follows from the number.
type crowd struct{ people int }

// chance is the n-th of a person's random numbers, from 0 up to 1.
func chance(person, n int) float64 {
	h := mix(uint64(person)<<8 | uint64(n))
	return float64(h>>11) / (1 << 53)
}

func mix(h uint64) uint64 {
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

func keyOf(person int) (k id.Key) {
	binary.BigEndian.PutUint64(k[:8], mix(uint64(person)))
	binary.BigEndian.PutUint64(k[8:], mix(^uint64(person)))
	return k
}

// someone is one of the crowd.
type someone struct {
	country string
	ltv     float64
	seen    int64 // microseconds
	member  bool
	cells   []uint32
}

// describe fills in what a person is: few countries have most people, a third
// was seen in the last month, two of five ever bought.
func describe(person int, s *someone) {
	u := chance(person, 0)
	s.country = countryName(int(u * u * countries))
	s.ltv = math.Round(-math.Log(1-chance(person, 1))*30_000) / 100
	days := 365 * math.Pow(chance(person, 2), 2.2)
	s.seen = int64((today - days*daySlots) * slotMicros)
	s.member = chance(person, 3) < 0.25
	s.cells = s.cells[:0]
	if chance(person, 4) > 0.4 {
		return
	}
	slot := float64(today) - days*daySlots
	n := 1 + int(8*chance(person, 5)*chance(person, 6))
	for i := range n {
		age := float64(n-i) * 15 * daySlots * chance(person, 7+i)
		at := uint32(slot - age)
		if last := len(s.cells) - 1; last >= 0 && s.cells[last]>>10 >= at {
			at = s.cells[last]>>10 + 1
		}
		s.cells = columns.AppendCell(s.cells, at, uint64(1+2*chance(person, 20+i)))
	}
}

func countryName(n int) string { return string([]byte{'A' + byte(n/8), 'A' + byte(n%8)}) }

// index puts the crowd into columns.
func (c *crowd) index() *columns.Index {
	x := columns.New(0)
	const writers = 2
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			var s someone
			for person := range c.people {
				k := keyOf(person)
				if columns.PartOf(k)%writers != w {
					continue
				}
				describe(person, &s)
				x.Update(s.row(k))
			}
		})
	}
	all.Wait()
	return x
}

func (s *someone) row(k id.Key) *columns.Row {
	r := &columns.Row{Key: k, Values: []columns.Value{
		{Field: country, Text: strconv.Quote(s.country)},
		{Field: ltv, Number: s.ltv, IsNumber: true},
		{Field: lastSeen, Number: float64(s.seen), IsNumber: true},
	}}
	if s.member {
		r.Members = []uint64{newsletter}
	}
	if len(s.cells) > 0 {
		r.Events = []columns.Events{{Name: eventName, Cells: s.cells}}
	}
	return r
}

// questions differ in their constants.
func (c *crowd) questions(n int) []question {
	out := make([]question, n)
	for i := range out {
		low := math.Round(200 * chance(-1-i, 0))
		window := uint32(today - 30*daySlots + i) // the last 30 days, some time on
		out[i] = question{
			Country: countryName(i % countries), Low: low, High: low + math.Round(800*chance(-1-i, 1)),
			Since: int64(window) * slotMicros, Slot: window, Least: uint64(1 + i%3),
		}
	}
	return out
}

type personRow struct {
	ID       int32   `parquet:"id"`
	Country  string  `parquet:"country,dict"`
	LTV      float64 `parquet:"ltv"`
	LastSeen int64   `parquet:"last_seen"`
	Member   bool    `parquet:"member"`
}

type eventRow struct {
	ID   int32 `parquet:"id"`
	Slot int32 `parquet:"slot"`
	N    int32 `parquet:"n"`
}

// export writes the same columns as tables.
func (c *crowd) export(dir string, questions []question) error {
	constants, err := json.Marshal(questions)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "constants.json"), constants, 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing the constants: %w", err)
	}
	var s someone
	err = writeTable(filepath.Join(dir, "people.parquet"), c.people, func(person int, rows []personRow) []personRow {
		describe(person, &s)
		return append(rows, personRow{int32(person), s.country, s.ltv, s.seen, s.member})
	})
	if err != nil {
		return err
	}
	return writeTable(filepath.Join(dir, "events.parquet"), c.people, func(person int, rows []eventRow) []eventRow {
		describe(person, &s)
		for _, cell := range s.cells {
			rows = append(rows, eventRow{int32(person), int32(cell >> 10), int32(cell & 1023)})
		}
		return rows
	})
}

func writeTable[T any](path string, people int, add func(person int, rows []T) []T) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing a table: %w", err)
	}
	w := parquet.NewGenericWriter[T](f, parquet.MaxRowsPerRowGroup(1<<20))
	var rows []T
	for person := range people {
		rows = add(person, rows)
		if len(rows) < 1<<14 && person < people-1 {
			continue
		}
		if _, err := w.Write(rows); err != nil {
			return errors.Join(fmt.Errorf("writing %s: %w", path, err), f.Close())
		}
		rows = rows[:0]
	}
	return errors.Join(w.Close(), f.Close())
}
