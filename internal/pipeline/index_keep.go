package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"rapport/internal/columns"
	"rapport/internal/definition"
	"rapport/internal/id"
	"rapport/internal/store"
)

// IndexOptions say where the columnar index is and how it is kept.
type IndexOptions struct {
	Index *columns.Index  // nil: there is none
	Files *columns.Folder // nil: it is built anew by every start
}

// The rhythm of the index's upkeep.
const (
	indexLook  = 256              // suspects looked at before live work goes first
	indexRound = 1 << 17          // suspects of one round
	indexPause = 19               // times as long as looking took, while records wait
	indexEvery = time.Second      // between two looks for suspects
	imageEvery = 10 * time.Minute // between two images, where anything changed
)

// rowEdition is the version of how rows are made of people. Images of another
// are not used.
const rowEdition = 3

// editionOf is the edition of rows made by the rules in force.
func editionOf(now *force) uint64 {
	const bits = 24 // of a version
	e := uint64(rowEdition)
	for _, kind := range [...]definition.Kind{definition.Reconciliation, definition.TraitSchema} {
		e <<= bits
		if c := now.find(kind, definition.DefaultKey); c != nil {
			e |= uint64(c.Version) & (1<<bits - 1)
		}
	}
	return e
}

// editionNow is the edition of the rows that all lanes make; false while not
// every lane makes the same.
func (p *Pipeline) editionNow() (edition uint64, same bool) {
	for i, w := range p.people {
		p.lanes[i].mu.Lock()
		e := w.edition
		p.lanes[i].mu.Unlock()
		if i > 0 && e != edition {
			return 0, false
		}
		edition = e
	}
	return edition, true
}

// renew has all parts built again where other rules came into force. The caller
// holds the lock of the upkeep.
func (p *Pipeline) renew() {
	e, same := p.editionNow()
	if !same || e == p.upkeep.edition {
		return
	}
	p.upkeep.edition, p.upkeep.missing = e, nil
	for part := range columns.Parts {
		p.index.Unknown(part)
		p.upkeep.missing = append(p.upkeep.missing, part)
	}
}

// upkeep is the state of the index's upkeep.
type upkeep struct {
	mu      sync.Mutex // one at a time
	files   *columns.Folder
	missing []int // parts to be built from the state
	imaged  time.Time
	edition uint64 // of the rows
	worn    []int  // parts that may name somebody erased: no images of them
	own     ownUpkeep
}

// loadIndex reads the images and doubts everybody whom a later commit changed.
func (p *Pipeline) loadIndex(ctx context.Context) error {
	if p.index == nil {
		return nil
	}
	var marks [columns.Parts]columns.Mark
	p.upkeep.edition, _ = p.editionNow()
	for part := range columns.Parts {
		found := false
		if p.upkeep.files != nil {
			var err error
			if marks[part], found, err = p.upkeep.files.Load(p.index, part); err != nil {
				p.log.Warn("the columnar index is built again in part", "part", part, "error", err)
			}
		}
		if !found || marks[part].Edition != p.upkeep.edition {
			p.index.Unknown(part)
			p.upkeep.missing = append(p.upkeep.missing, part)
		}
		p.upkeep.own.has[part] = marks[part].Own
	}
	for _, w := range p.people {
		if err := w.loadColumnRows(ctx, &marks); err != nil {
			return err
		}
	}
	return nil
}

func (w *people) loadColumnRows(ctx context.Context, marks *[columns.Parts]columns.Mark) error {
	m := &w.mirror
	err := w.store.State().ScanSpan(ctx, store.SpanRange{Table: store.TableColumns, Span: w.span}, func(b id.Bucket, key []byte, parts [][]byte) store.Step {
		m.kept = append(m.kept, store.RowKey{Table: store.TableColumns, Bucket: b, Key: bytes.Clone(key)})
		for _, keys := range parts {
			for ; len(keys) >= len(id.Key{}); keys = keys[len(id.Key{}):] {
				k := id.Key(keys)
				if uint64(columnPosition(key)) >= marks[columns.PartOf(k)].Position {
					m.index.Suspect([]id.Key{k})
				}
			}
		}
		return store.NextRow
	})
	if err != nil {
		return fmt.Errorf("whose columns changed: %w", err)
	}
	slices.SortFunc(m.kept, func(a, b store.RowKey) int { return cmp.Compare(columnPosition(a.Key), columnPosition(b.Key)) })
	return nil
}

// keepIndex looks after the index in the background until the pipeline stops.
func (p *Pipeline) keepIndex() {
	every := time.NewTicker(indexEvery)
	defer every.Stop()
	p.upkeep.mu.Lock()
	p.upkeep.imaged = p.clock()
	p.upkeep.mu.Unlock()
	for {
		if err := p.tendIndex(context.Background(), p.giveWay); err != nil {
			p.log.Error("columnar index", "error", err)
		}
		select {
		case <-p.stop:
			return
		case <-every.C:
		}
	}
}

// giveWay lets live work go first after some that took a while: where records
// wait, looking at people would take from them what one event after the other
// was spared, reading rows.
func (p *Pipeline) giveWay(took time.Duration) {
	if !slices.ContainsFunc(p.lanes, func(l *lane) bool { return l.waiting() > 0 }) {
		return
	}
	pause := time.NewTimer(min(indexPause*took, indexEvery))
	defer pause.Stop()
	select {
	case <-p.stop:
	case <-pause.C:
	}
}

// tendIndex does what there is to do: build missing parts, tell the lanes what
// room the index takes from them, look at suspects, make parts anew that an
// erasure left worn, write images. After each slice of suspects it calls rest
// with the time that took.
func (p *Pipeline) tendIndex(ctx context.Context, rest func(took time.Duration)) error {
	p.upkeep.mu.Lock()
	defer p.upkeep.mu.Unlock()
	p.renew()
	for len(p.upkeep.missing) > 0 && !p.stopping() {
		if err := p.buildPart(ctx, p.upkeep.missing[0]); err != nil {
			return err
		}
	}
	p.pressed.Store(int64(p.index.Excess() / len(p.people)))
	if err := p.lookAtSuspects(ctx, rest); err != nil {
		return err
	}
	if err := p.tendTraits(ctx, rest); err != nil {
		return err
	}
	// One after the other: counts are never in doubt about more than a part.
	for len(p.upkeep.worn) > 0 && !p.stopping() {
		p.index.Renew(p.upkeep.worn[0])
		p.upkeep.worn = p.upkeep.worn[1:]
		if err := p.lookAtSuspects(ctx, rest); err != nil {
			return err
		}
	}
	if p.clock().Sub(p.upkeep.imaged) >= imageEvery && !p.stopping() {
		return p.saveImages()
	}
	return nil
}

// lookAtSuspects brings everybody's columns up to date who is behind. The caller
// holds the lock of the upkeep.
func (p *Pipeline) lookAtSuspects(ctx context.Context, rest func(took time.Duration)) error {
	for !p.stopping() {
		// All in turn: those who change all the time must not keep others back.
		suspects := p.index.Suspects(indexRound)
		if len(suspects) == 0 {
			return nil
		}
		for slice := range slices.Chunk(suspects, indexLook) {
			begun := p.clock()
			if err := p.lookAt(ctx, slice); err != nil {
				return err
			}
			if rest(p.clock().Sub(begun)); p.stopping() {
				break
			}
		}
	}
	return nil
}

func (p *Pipeline) stopping() bool {
	select {
	case <-p.stop:
		return true
	default:
		return false
	}
}

func (p *Pipeline) lookAt(ctx context.Context, keys []id.Key) error {
	for _, k := range keys {
		i := p.laneIndex(k.Bucket())
		l, w := p.lanes[i], p.people[i]
		l.mu.Lock()
		w.position = max(w.position, l.applied)
		err := w.look(ctx, k)
		l.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// buildPart takes in everybody of a part from the state. People who come
// meanwhile come by their commits.
func (p *Pipeline) buildPart(ctx context.Context, part int) error {
	own, same := p.traitsNow()
	if err := p.lookThrough(ctx, part, func(time.Duration) {}); err != nil || p.stopping() {
		return err
	}
	if same {
		p.upkeep.own.has[part] = own
	}
	p.index.Known(part)
	p.upkeep.missing = slices.DeleteFunc(p.upkeep.missing, func(n int) bool { return n == part })
	return nil
}

// lookThrough brings the columns of everybody in a part up to date, until the
// pipeline stops.
func (p *Pipeline) lookThrough(ctx context.Context, part int, rest func(took time.Duration)) error {
	const each = id.Buckets / columns.Parts
	at := store.SpanRange{Table: store.TableAnchors, Span: store.Span{First: id.Bucket(part * each), Last: id.Bucket((part+1)*each - 1)}}
	for more := true; more && !p.stopping(); {
		more = false
		var keys []id.Key
		if err := p.store.State().ScanSpan(ctx, at, func(_ id.Bucket, key []byte, _ [][]byte) store.Step {
			if len(key) == len(id.Key{}) {
				keys = append(keys, id.Key(key))
			}
			if len(keys) == indexLook {
				more = true
				return store.Stop
			}
			return store.NextRow
		}); err != nil {
			return fmt.Errorf("read people of part %d for the columns: %w", part, err)
		}
		begun := p.clock()
		if err := p.lookAt(ctx, keys); err != nil {
			return err
		}
		if rest(p.clock().Sub(begun)); more {
			last := keys[len(keys)-1]
			at.After, at.Span.First = bytes.Clone(last[:]), last.Bucket()
		}
	}
	return nil
}

// saveIndex writes images of all parts, where everybody is in. After it only
// the commits that follow have to be looked at by a start.
func (p *Pipeline) saveIndex() error {
	p.upkeep.mu.Lock()
	defer p.upkeep.mu.Unlock()
	return p.saveImages()
}

func (p *Pipeline) saveImages() error {
	p.upkeep.imaged = p.clock()
	if p.upkeep.files == nil {
		return nil
	}
	if len(p.upkeep.missing)+len(p.upkeep.worn) > 0 {
		return nil // where none are, the next start builds the index from the state
	}
	_, position := p.Columns()
	for part := range columns.Parts {
		mark := columns.Mark{Position: uint64(position), Edition: p.upkeep.edition, Own: p.upkeep.own.has[part]}
		if err := p.upkeep.files.Save(p.index, part, mark); err != nil {
			return err
		}
	}
	for i, w := range p.people {
		p.lanes[i].mu.Lock()
		w.mirror.done = position
		p.lanes[i].mu.Unlock()
	}
	return nil
}

// forgetImages removes the images of the index and what goes with them, for
// they hold what people had who were erased since, and gives the keys of the
// rows that are gone. What is in memory may still name values that nobody has
// any more, so each part is made anew before it is written again.
func (p *Pipeline) forgetImages() ([]store.RowKey, error) {
	if p.index == nil {
		return nil, nil
	}
	p.upkeep.mu.Lock()
	defer p.upkeep.mu.Unlock()
	p.upkeep.worn = nil
	for part := range columns.Parts {
		p.upkeep.worn = append(p.upkeep.worn, part)
	}
	if p.upkeep.files != nil {
		if err := p.upkeep.files.Drop(); err != nil {
			return nil, fmt.Errorf("drop the images of the columns: %w", err)
		}
	}
	var gone []store.RowKey
	for i, w := range p.people {
		p.lanes[i].mu.Lock()
		if m := &w.mirror; len(m.kept) > 0 {
			m.done = max(m.done, columnPosition(m.kept[len(m.kept)-1].Key)+1)
			gone = append(gone, m.kept...)
		}
		p.lanes[i].mu.Unlock()
	}
	return gone, nil
}
