package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// How large a segment was follows from who came in and who left. A lane adds
// these up per segment and hour, each run of it in rows of its own, which say
// all of what the run has seen: they are written without being read.

// flow is how many came and went in an hour.
type flow struct {
	entered, left uint64
	changed       bool
}

// flowHour names what a flow counts.
type flowHour struct {
	segment string
	hour    int64 // since 1970
}

// flows are what one run of a lane has seen.
type flows struct {
	run   uint64
	hours map[flowHour]*flow
	// begun says that the number of the run is not in the rows yet.
	begun bool
}

const (
	hour     = clock.Instant(time.Hour / time.Microsecond)
	maxFlows = 8192 // hours of segments in memory: then another run begins
)

var (
	runKey = []byte("\x00run")
	// olderFlowPrefix begins the rows of flows among the counters, where earlier
	// versions had them.
	olderFlowPrefix = []byte("flow\x00")
)

func newFlows(run uint64) flows { return flows{run: run, hours: map[flowHour]*flow{}, begun: true} }

// count notes an entry into a segment or an exit from it.
func (f *flows) count(segment string, at clock.Instant, entered bool) {
	k := flowHour{segment, int64(at) / int64(hour)}
	x := f.hours[k]
	if x == nil {
		x = &flow{}
		f.hours[k] = x
	}
	x.changed = true
	if entered {
		x.entered++
	} else {
		x.left++
	}
}

// flowKey is the row of what a run has seen.
func flowKey(k flowHour, run uint64) []byte {
	b := append([]byte(k.segment), 0)
	b = binary.BigEndian.AppendUint64(b, uint64(k.hour))
	return binary.BigEndian.AppendUint64(b, run)
}

// changes gives the rows that changed.
func (f *flows) changes(out []store.Change, s store.Span) []store.Change {
	row := func(key, value []byte) store.Change {
		return store.Change{RowKey: store.RowKey{Table: store.TableFlows, Bucket: s.First, Key: key}, Op: store.Put, Value: value}
	}
	n := len(out)
	for k, x := range f.hours {
		if x.changed {
			x.changed = false
			out = append(out, row(flowKey(k, f.run), binary.AppendUvarint(binary.AppendUvarint(nil, x.entered), x.left)))
		}
	}
	if len(out) > n && f.begun {
		f.begun = false
		out = append(out, row(runKey, binary.BigEndian.AppendUint64(nil, f.run)))
	}
	if len(f.hours) > maxFlows {
		*f = newFlows(f.run + 1)
	}
	return out
}

// loadFlows begins a run of its own. What an earlier run committed stays.
func (w *people) loadFlows(ctx context.Context) error {
	rows, err := w.store.State().Load(ctx, []store.RowKey{{Table: store.TableFlows, Bucket: w.span.First, Key: runKey}})
	if err != nil {
		return fmt.Errorf("who came and went: %w", err)
	}
	run := uint64(0)
	if len(rows[0]) > 0 && len(rows[0][0]) == 8 {
		run = binary.BigEndian.Uint64(rows[0][0]) + 1
	}
	w.flows = newFlows(run)
	return nil
}

// SizeSpan says which part of a segment's history is wanted.
type SizeSpan struct {
	From, To clock.Instant
	Days     bool // a point a day, of UTC; else an hour
}

// SegmentSize is how large a segment was at the end of a step of time.
type SegmentSize struct {
	At      clock.Instant `json:"at" doc:"The beginning of the hour or the day"`
	Size    int64         `json:"size" doc:"People at its end, or now"`
	Entered uint64        `json:"entered"`
	Left    uint64        `json:"left"`
}

// maxSizes bounds a history.
const maxSizes = 10_000

// SegmentHistory gives the sizes of a segment, oldest first.
func (p *Pipeline) SegmentHistory(ctx context.Context, key string, s SizeSpan) ([]SegmentSize, error) {
	step := int64(1)
	if s.Days {
		step = 24
	}
	first, last := int64(s.From)/int64(hour)/step, int64(s.To)/int64(hour)/step
	if s.From < 0 || last < first || last-first >= maxSizes {
		return nil, fault.Errorf(fault.Invalid, "invalid_span", "from %s to %s are %d points: give a from before to, with at most %d points between, or step=day", s.From, s.To, last-first+1, maxSizes).At("from")
	}
	seen, err := p.flowsOf(ctx, key)
	if err != nil {
		return nil, err
	}
	out := make([]SegmentSize, 0, last-first+1)
	size, i := int64(0), 0
	for n := first; n <= last; n++ {
		x := SegmentSize{At: clock.Instant(n*step) * hour}
		for ; i < len(seen) && seen[i].hour/step <= n; i++ {
			size += int64(seen[i].entered) - int64(seen[i].left)
			if seen[i].hour/step == n {
				x.Entered += seen[i].entered
				x.Left += seen[i].left
			}
		}
		x.Size = size
		out = append(out, x)
	}
	return out, nil
}

// hourly is a flow with its hour.
type hourly struct {
	hour int64
	flow
}

// flowsOf adds up what all runs of all lanes have seen of a segment, by hour.
func (p *Pipeline) flowsOf(ctx context.Context, key string) ([]hourly, error) {
	for i := range p.people {
		if err := p.lanes[i].commit(ctx); err != nil {
			return nil, err
		}
	}
	var out []hourly
	for table, prefix := range map[store.Table][]byte{store.TableFlows: nil, store.TableMeta: olderFlowPrefix} {
		prefix = append(append(bytes.Clone(prefix), key...), 0)
		at := store.SpanRange{Table: table, Span: store.AllBuckets(), Prefix: prefix}
		err := p.store.State().ScanSpan(ctx, at, func(_ id.Bucket, row []byte, parts [][]byte) store.Step {
			if len(row) != len(prefix)+16 {
				return store.NextRow // of another segment
			}
			r := rows.Cursor{B: parts[0]}
			x := hourly{hour: int64(binary.BigEndian.Uint64(row[len(prefix):]))}
			x.entered, x.left = r.Uvarint(), r.Uvarint()
			out = append(out, x)
			return store.NextRow
		})
		if err != nil {
			return nil, fmt.Errorf("history of segment %q: %w", key, err)
		}
	}
	slices.SortFunc(out, func(a, b hourly) int { return int(a.hour - b.hour) })
	return out, nil
}

// counted notes a passage that was kept.
func (w *people) counted(c *criterion, at clock.Instant, entered bool) {
	if c.Kind == definition.Segment {
		w.flows.count(c.Key, at, entered)
	}
}
