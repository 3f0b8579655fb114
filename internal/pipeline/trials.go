package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/experiment"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
	"rapport/internal/trial"
)

// What experiments count follows the homes of people, as the columns do: whoever
// was shown a variant is doubted when something of them changes, and soon after
// counted anew from what is known of them then. A person's part in the sums is a
// row beside its home, so that it can be taken out again; a doubt is a row too
// until it is settled. The sums are added up from the rows by a start. They are
// whole numbers and a function of what is known of people and of the
// definitions alone, so a rebuild comes to the same. See trials_count.go.

// The rows of TableTrials begin with what they are, then the key of a home.
const (
	trialRow = 'c' // what a person counts for
	doubtRow = 'd' // who has to be counted anew
)

// trials is what experiments count.
type trials struct {
	known   atomic.Bool // somebody was shown a variant: else nobody is looked at
	version atomic.Pointer[definition.Index]
	counts  atomic.Pointer[[]*trial.Meter] // all of meters, for lanes; nil: not known yet

	looking sync.Mutex // one counts at a time
	hits    hitCache   // guarded by looking

	mu     sync.Mutex
	doubts map[id.Key]uint64 // numbers tell a later doubt from an earlier one
	number uint64
	meters map[string]meter
	books  map[string]*trial.Book
}

// meter is one with the version of the definition that it is of.
type meter struct {
	version int
	*trial.Meter
}

func newTrials() *trials {
	return &trials{doubts: map[id.Key]uint64{}, meters: map[string]meter{}, books: map[string]*trial.Book{}, hits: hitCache{}}
}

// doubt notes that somebody has to be counted anew.
func (t *trials) doubt(k id.Key) {
	t.mu.Lock()
	t.number++
	t.doubts[k] = t.number
	t.mu.Unlock()
}

// doubtful are those who have to be counted anew.
func (t *trials) doubtful() []id.Key {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Collect(maps.Keys(t.doubts))
}

func (t *trials) numberOf(k id.Key) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.doubts[k]
}

// tried notes that something of a person changed, where it was ever shown a
// variant.
func (w *people) tried(a *anchor) {
	if a.elsewhere() || !w.trials.known.Load() || !a.exposed() {
		return
	}
	w.doubt(a.key)
}

// triedBy is tried, after an event: most are nothing that any experiment counts.
// A meter that comes to count one doubts everybody who is in its experiment.
func (w *people) triedBy(a *anchor, e *event.Event, entry *profile.Entry) {
	exposes := e.Exposes()
	if exposes {
		w.trials.known.Store(true)
	}
	if exposes || w.trials.counted(entry) {
		w.tried(a)
	}
}

// counted tells whether an experiment counts an event, as far as is known.
func (t *trials) counted(e *profile.Entry) bool {
	list := t.counts.Load()
	return list == nil || slices.ContainsFunc(*list, func(m *trial.Meter) bool {
		wants, _ := m.Wants(e)
		return wants
	})
}

// exposed tells whether a home knows of experiments, by itself or from others.
func (a *anchor) exposed() bool {
	return a.partial.Exposed() ||
		a.home != nil && slices.ContainsFunc(a.home.foreign, func(f foreign) bool { return f.row == nil || f.row.partial.Exposed() })
}

// moved notes that who belongs to a home changed: what it counted for may be
// another's now.
func (w *people) moved(k id.Key) {
	if w.trials.known.Load() {
		w.doubt(k)
	}
}

func (w *people) doubt(k id.Key) {
	w.trials.doubt(k)
	w.ledger.doubt(k)
}

// trialsOf gives the row of a home as it is now.
func (w *people) trialsOf(ctx context.Context, k id.Key) ([]byte, error) {
	for _, rows := range []map[id.Key][]byte{w.ledger.rows, w.ledger.gathered} {
		if b, ok := rows[k]; ok {
			return b, nil
		}
	}
	parts, err := w.store.State().Load(ctx, []store.RowKey{{Table: store.TableTrials, Bucket: k.Bucket(), Key: trialKey(trialRow, k)}})
	if err != nil || len(parts[0]) == 0 {
		return nil, err
	}
	return parts[0][0], nil
}

// loadBeside reads what is kept beside the state.
func (p *Pipeline) loadBeside(ctx context.Context) error {
	if err := p.loadIndex(ctx); err != nil {
		return err
	}
	return p.loadTrials(ctx)
}

// loadTrials adds up what the rows say, and doubts whom they say to.
func (p *Pipeline) loadTrials(ctx context.Context) error {
	if err := p.readMeters(ctx); err != nil {
		return err
	}
	t := p.trials
	var bad error
	err := p.store.State().ScanSpan(ctx, store.SpanRange{Table: store.TableTrials, Span: store.AllBuckets()}, func(_ id.Bucket, key []byte, parts [][]byte) store.Step {
		if len(key) != 17 {
			return store.NextRow
		}
		t.known.Store(true)
		if key[0] == doubtRow {
			k := id.Key(key[1:])
			t.doubt(k)
			p.people[p.laneIndex(k.Bucket())].ledger.noted[k] = true
			return store.NextRow
		}
		var list []trial.Trial
		if list, bad = trial.Read(bytes.Clone(parts[0])); bad != nil {
			return store.Stop
		}
		for i := range list {
			t.add(&list[i], 1)
		}
		return store.NextRow
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return fmt.Errorf("what experiments count: %w", err)
	}
	return nil
}

// add takes a person into the sums of an experiment, or out. The caller holds mu
// or is alone.
func (t *trials) add(x *trial.Trial, sign int64) {
	b := t.books[x.Experiment]
	if b == nil {
		b = trial.NewBook(0)
		t.books[x.Experiment] = b
	}
	b.Add(t.meters[x.Experiment].Meter, x, sign)
}

// readMeters follows the definitions that are live. Where what is counted
// changed, all who were in the experiment are doubted.
func (p *Pipeline) readMeters(ctx context.Context) error {
	t, now := p.trials, p.Definitions()
	if t.version.Load() == now {
		return nil
	}
	again := map[string]bool{}
	for _, s := range now.List(definition.Experiment) {
		live := s.Live()
		t.mu.Lock()
		have := t.meters[s.Key]
		t.mu.Unlock()
		switch {
		case live == nil && have.Meter == nil, live != nil && live.Version == have.version:
			continue
		}
		m := meter{}
		if live != nil {
			d, err := p.Definition(ctx, definition.Experiment, s.Key, live.Version)
			if err != nil {
				return err
			}
			read, err := experiment.Read(s.Key, d.Document)
			if err != nil {
				return fmt.Errorf("experiment %q, version %d: %w", s.Key, live.Version, err)
			}
			m = meter{live.Version, trial.NewMeter(read)}
		}
		if t.replace(s.Key, m) {
			again[s.Key] = true
		}
	}
	t.tell()
	if len(again) > 0 {
		if err := p.doubtAll(ctx, again); err != nil {
			return err
		}
	}
	t.version.Store(now)
	return nil
}

// tell lets lanes know of all meters.
func (t *trials) tell() {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*trial.Meter, 0, len(t.meters))
	for _, m := range t.meters {
		if m.Meter != nil {
			all = append(all, m.Meter)
		}
	}
	t.counts.Store(&all)
}

// replace sets the meter of an experiment, and tells whether people have to be
// counted anew.
func (t *trials) replace(key string, m meter) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.meters[key].Meter
	t.meters[key] = m
	var signature uint64
	if m.Meter != nil {
		signature = m.Signature()
	}
	b := t.books[key]
	if b == nil {
		t.books[key] = trial.NewBook(signature)
		return false
	}
	if before != nil && before.Signature() == signature {
		return false
	}
	fresh := trial.NewBook(signature)
	fresh.People, fresh.Stale = b.People, b.People
	t.books[key] = fresh
	return b.People > 0
}

// doubtAll doubts everybody who was in some experiments.
func (p *Pipeline) doubtAll(ctx context.Context, keys map[string]bool) error {
	return p.eachTrial(ctx, func(home id.Key, list []trial.Trial) error {
		if slices.ContainsFunc(list, func(x trial.Trial) bool { return keys[x.Experiment] }) {
			i := p.laneIndex(home.Bucket())
			p.lanes[i].mu.Lock()
			p.people[i].doubt(home)
			p.lanes[i].mu.Unlock()
		}
		return nil
	})
}

// eachTrial visits what everybody counts for, by the rows as they are.
func (p *Pipeline) eachTrial(ctx context.Context, visit func(id.Key, []trial.Trial) error) error {
	for i := range p.people {
		if err := p.lanes[i].commit(ctx); err != nil {
			return err
		}
	}
	var bad error
	at := store.SpanRange{Table: store.TableTrials, Span: store.AllBuckets(), Prefix: []byte{trialRow}}
	err := p.store.State().ScanSpan(ctx, at, func(_ id.Bucket, key []byte, parts [][]byte) store.Step {
		var list []trial.Trial
		if list, bad = trial.Read(bytes.Clone(parts[0])); bad == nil && len(key) == 17 {
			bad = visit(id.Key(key[1:]), list)
		}
		if bad != nil {
			return store.Stop
		}
		return store.NextRow
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return fmt.Errorf("people in experiments: %w", err)
	}
	return nil
}

// trialsEvery is how often those who are in doubt are counted.
const trialsEvery = 500 * time.Millisecond

// keepTrials counts in the background whoever is in doubt.
func (p *Pipeline) keepTrials() {
	ctx := p.lifetime()
	every := time.NewTicker(trialsEvery)
	defer every.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-every.C:
		}
		if err := p.countDoubtful(ctx, p.giveWay); err != nil && !p.stopping() {
			p.log.Error("experiments cannot be counted yet", "error", err)
		}
	}
}
