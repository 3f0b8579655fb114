package pipeline

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/decision/kept"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
)

// DecisionQuery asks for kept decisions, newest first. Of Profile, Model and
// Job one at most chooses the list; the others filter. Zero fields let all pass.
type DecisionQuery struct {
	Profile  string // a reference
	Model    string
	Job      string
	Version  int
	Status   definition.Status
	Differs  bool // only those of test versions that differ
	From, To clock.Instant
	Cursor   string
	Limit    int
}

// place of a decision in a list: the newest first, then by what tells decisions
// of one moment apart, then by bucket.
type decisionPlace struct {
	sort   [16]byte
	bucket id.Bucket
}

func (a decisionPlace) compare(b decisionPlace) int {
	if c := bytes.Compare(a.sort[:], b.sort[:]); c != 0 {
		return c
	}
	return int(a.bucket) - int(b.bucket)
}

// listedDecision is a row of a list.
type listedDecision struct {
	decisionPlace
	position store.Position
	head     kept.Head
}

// decisionList is where a list lies: what its rows begin with, in which buckets.
type decisionList struct {
	by      byte
	prefix  map[id.Bucket][][]byte
	all     []byte // what rows begin with in every bucket; nil: only those of prefix
	headed  bool
	visible func(*kept.Head) bool
}

// Decisions lists the heads of kept decisions.
func (p *Pipeline) Decisions(ctx context.Context, q DecisionQuery) (Page[kept.Head], error) {
	var page Page[kept.Head]
	after, err := readDecisionPlace(q.Cursor)
	if err != nil {
		return page, err
	}
	list, err := p.decisionList(ctx, &q)
	if err != nil {
		return page, err
	}
	for len(page.Items) < q.Limit {
		rows, more, err := p.decisionRows(ctx, list, after, q.Limit+1)
		if err != nil {
			return page, err
		}
		for i := range rows {
			if len(page.Items) == q.Limit {
				page.Next = writeCursor(after.append())
				return page, nil
			}
			after = &rows[i].decisionPlace
			if list.visible(&rows[i].head) {
				page.Items = append(page.Items, rows[i].head)
			}
		}
		if !more {
			return page, nil
		}
	}
	page.Next = writeCursor(after.append())
	return page, nil
}

func (p *Pipeline) decisionList(ctx context.Context, q *DecisionQuery) (*decisionList, error) {
	l := &decisionList{by: decisionByID, prefix: map[id.Bucket][][]byte{}, visible: q.visible(p.clock.Now())}
	all := []byte{decisionByID}
	switch {
	case q.Profile != "":
		who, err := p.gather(ctx, q.Profile)
		if err != nil {
			return nil, err
		}
		l.by, l.headed = decisionByPerson, true
		for _, m := range who.members {
			k := m.Key()
			l.prefix[k.Bucket()] = append(l.prefix[k.Bucket()], append([]byte{decisionByPerson}, k[:]...))
		}
	case q.Job != "":
		l.by, all = decisionByJob, namedDecisions(decisionByJob, q.Job)
	case q.Model != "":
		l.by, all, l.headed = decisionByModel, namedDecisions(decisionByModel, q.Model), true
	}
	if l.by != decisionByPerson {
		l.all = all
	}
	for i := range p.people {
		if err := p.lanes[i].commit(ctx); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// visible tells which decisions a question is about, of those still kept.
func (q *DecisionQuery) visible(now clock.Instant) func(h *kept.Head) bool {
	return func(h *kept.Head) bool {
		return h.Expires > now && (q.Model == "" || h.Model == q.Model) && (q.Job == "" || h.Job == q.Job) &&
			(q.Version == 0 || h.Version == q.Version) && (q.Status == "" || h.Status == q.Status) &&
			(!q.Differs || len(h.Differs) > 0) && h.Time >= q.From && (q.To == 0 || h.Time < q.To)
	}
}

// decisionRows gives the first rows of a list after a place, of all its
// buckets together; more tells whether others may follow.
func (p *Pipeline) decisionRows(ctx context.Context, l *decisionList, after *decisionPlace, limit int) (rows []listedDecision, more bool, err error) {
	first := firstRows{list: l, after: after, limit: limit}
	if l.all != nil {
		if err := first.merge(ctx, p.store.State(), store.Span{First: 0, Last: id.Buckets - 1}, l.all); err != nil {
			return nil, false, err
		}
	}
	for b, prefixes := range l.prefix {
		for _, prefix := range prefixes {
			if err := first.merge(ctx, p.store.State(), store.Span{First: b, Last: b}, prefix); err != nil {
				return nil, false, err
			}
		}
	}
	rows = first.rows
	for i := 0; i < len(rows) && !l.headed; i++ {
		d, err := p.decisionAt(ctx, rows[i].position)
		switch {
		case errors.Is(err, store.ErrErased):
			// Nobody sees a head that expires with the beginning of time.
		case err != nil:
			return nil, false, err
		default:
			rows[i].head = d.Head
		}
	}
	return rows, len(rows) == limit, nil
}

// firstRows are the first rows of a list after a place, of the buckets that
// were merged so far.
type firstRows struct {
	list  *decisionList
	after *decisionPlace
	limit int
	rows  []listedDecision
}

// merge takes in the rows of some buckets.
func (f *firstRows) merge(ctx context.Context, state store.State, span store.Span, prefix []byte) error {
	at := store.SpanRange{Table: store.TableDecisions, Span: span, Prefix: prefix}
	if f.after != nil {
		// Of one moment and tail, buckets that come later are not given yet.
		sort := before(f.after.sort)
		at.After = append(bytes.Clone(prefix), sort[:]...)
	}
	var bad error
	err := state.ScanSpan(ctx, at, func(b id.Bucket, key []byte, parts [][]byte) (next store.Step) {
		if len(key) != len(prefix)+16 || len(parts) == 0 || len(parts[0]) < 8 {
			return store.NextRow
		}
		next, bad = f.take(decisionPlace{[16]byte(key[len(prefix):]), b}, parts[0])
		return next
	})
	if err = errors.Join(err, bad); err != nil {
		return fmt.Errorf("list decisions of buckets %d to %d: %w", span.First, span.Last, err)
	}
	return nil
}

// take takes in a row, and says whether its bucket may have another one.
func (f *firstRows) take(at decisionPlace, value []byte) (store.Step, error) {
	if f.after != nil && at.compare(*f.after) <= 0 {
		return store.NextRow, nil
	}
	if len(f.rows) == f.limit && at.compare(f.rows[f.limit-1].decisionPlace) > 0 {
		return store.NextBucket, nil
	}
	r := listedDecision{decisionPlace: at, position: store.Position(binary.BigEndian.Uint64(value))}
	if f.list.headed {
		var err error
		if r.head, err = readHead(value); err != nil {
			return store.Stop, err
		}
	}
	i, _ := slices.BinarySearchFunc(f.rows, at, func(x listedDecision, at decisionPlace) int { return x.compare(at) })
	f.rows = slices.Insert(f.rows, i, r)
	f.rows = f.rows[:min(len(f.rows), f.limit)]
	return store.NextRow, nil
}

// before is the sort key in front of one.
func before(sort [16]byte) [16]byte {
	for i := 15; i >= 0; i-- {
		sort[i]--
		if sort[i] != 0xff {
			break
		}
	}
	return sort
}

func (a *decisionPlace) append() []byte {
	return binary.BigEndian.AppendUint16(bytes.Clone(a.sort[:]), uint16(a.bucket))
}

func readDecisionPlace(cursor string) (*decisionPlace, error) {
	b, err := readCursor(cursor)
	if err != nil || b == nil {
		return nil, err
	}
	if len(b) != 18 {
		return nil, fault.Errorf(fault.Invalid, "invalid_cursor", "the cursor is not one that this list gave; leave it out to begin at the start").At("cursor")
	}
	return &decisionPlace{[16]byte(b[:16]), id.Bucket(binary.BigEndian.Uint16(b[16:]))}, nil
}

// EachDecision visits the decisions of a job, bucket by bucket, or those of a
// model, in the order of its lists where newest is true, until visit gives an
// error. What was erased or is no longer kept is left out.
func (p *Pipeline) EachDecision(ctx context.Context, q DecisionQuery, visit func(*kept.Decision) error) error {
	list, err := p.decisionList(ctx, &q)
	if err != nil {
		return err
	}
	var after *decisionPlace
	for {
		rows, more, err := p.decisionRows(ctx, list, after, eachStep)
		if err != nil {
			return err
		}
		for i := range rows {
			after = &rows[i].decisionPlace
			if !list.visible(&rows[i].head) {
				continue
			}
			d, err := p.decisionAt(ctx, rows[i].position)
			if errors.Is(err, store.ErrErased) {
				continue
			}
			if err == nil {
				err = visit(d)
			}
			if err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

const eachStep = 5000
