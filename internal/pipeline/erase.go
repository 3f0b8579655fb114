package pipeline

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/store"
)

// Erasing a person goes in steps, each of which can be done again: after a crash
// the request begins anew with what was kept before. START READING at eraseSteps.
//
// The order is what makes it right. The keys are destroyed first: whatever comes
// in later is sealed under new ones. Then the time is fixed up to which events
// are refused, no earlier than the last event that was sealed under the old
// keys, so that nothing that was acknowledged later is lost. Only what the
// state has applied and made durable is taken out of the log, so that no replay
// misses it.

// ErasePlan is what has to be known to go on after a crash, when the records
// that said so are gone. It holds hashes and positions.
type ErasePlan struct {
	Hinted   bool            `json:"hinted,omitempty"`
	Entities map[string]bool `json:"entities,omitempty"` // by key; true where it is the person's own
	// Requested is where the records are that name the person.
	Requested []store.Position `json:"requested,omitempty"`
	Time      clock.Instant    `json:"time,omitempty"`
	Restored  bool             `json:"restored,omitempty"` // the time is that of an erasure which the store is older than
	Fact      store.Position   `json:"fact,omitempty"`
	Scanned   bool             `json:"scanned,omitempty"`
	// Hushed is up to where in the log messages and decisions may have been made of
	// what the state still said of the person.
	Hushed store.Position `json:"hushed,omitempty"`
	// Behind is how far files in buckets were searched, by place.
	Behind map[string]string `json:"behind,omitempty"`
	// Others are anchors of other people that spoke of the person, with the
	// events that are taken from them; those without are folded again.
	Others  map[string][]store.Position `json:"others,omitempty"`
	Letters []store.Position            `json:"letters,omitempty"`
	// Parted is when audiences were told to take the person out.
	Parted clock.Instant `json:"parted,omitempty"`
	Proof  Proof         `json:"proof"`
}

// Keep makes a plan outlive a crash; done counts the steps.
type Keep func(ctx context.Context, done int, plan *ErasePlan) error

// eraseStep is one step; it must be able to run again.
type eraseStep struct {
	name string
	run  func(*eraser, context.Context) error
}

func eraseSteps() []eraseStep {
	return []eraseStep{
		{"finding the person", (*eraser).resolve},
		{"finding what the person left elsewhere", (*eraser).hint},
		{"destroying keys", (*eraser).destroy},
		{"refusing what happened before", (*eraser).refuse},
		{"reading the log", (*eraser).scan},
		{"rewriting the log", (*eraser).redact},
		{"removing state", (*eraser).sweep},
		{"stopping what is on its way", (*eraser).hush},
		{"rewriting the state", (*eraser).purge},
		{"rewriting lake and tables", (*eraser).rewrite},
		{"taking back what was delivered", (*eraser).takeBack},
		{"telling audiences", (*eraser).part},
		{"looking for what is left", (*eraser).verify},
	}
}

func steps(kind string) int {
	if kind == ErasureRequest {
		return len(eraseSteps())
	}
	return 1
}

// eraser is one run of an erasure.
type eraser struct {
	p    *Pipeline
	row  requestRow
	plan *ErasePlan
	keep Keep
	done int

	idents   []event.Identifier
	keys     map[id.Key]bool
	mentions *consent.Mentions
	short    []event.Identifier // too short to be looked for in texts

	changes  []store.Redaction
	entities map[id.Key][]store.Position // records about entities to fold again
	touched  []store.RowKey
}

// RunPrivacy does what a request asks for. plan is what Keep was given last, in
// an earlier run; empty in the first. What it returns after the request came to
// its end is nil.
func (p *Pipeline) RunPrivacy(ctx context.Context, requestID string, plan ErasePlan, keep Keep) error {
	row, err := p.request(ctx, requestID)
	if err != nil {
		return err
	}
	if row.Type == AccessRequest {
		return p.runAccess(ctx, &row)
	}
	if row.State == requestDone {
		return p.forgetRequest(ctx, plan.Requested) // a crash may have come between the two
	}
	p.privacy.one.Lock()
	defer p.privacy.one.Unlock()
	defer p.privacy.set(requestID, "", 0)
	e := &eraser{p: p, row: row, plan: &plan, keep: keep}
	// Every step runs again, and these are counted anew by it.
	plan.Proof.Steps, plan.Proof.Others = nil, 0
	for i, s := range eraseSteps() {
		e.done = i
		p.privacy.set(requestID, s.name, i)
		begin := p.clock.Now()
		if err := s.run(e, ctx); err != nil {
			return fmt.Errorf("privacy request %s, %s: %w", requestID, s.name, err)
		}
		plan.Proof.Steps = append(plan.Proof.Steps, ProofStep{s.name, int64(p.clock.Now()-begin) / 1000})
	}
	done := e.row.PrivacyRequest
	done.State, done.Done, done.Total, done.Proof = requestDone, len(eraseSteps()), len(eraseSteps()), &plan.Proof
	done.Identifiers = len(e.idents)
	return p.finishPrivacy(ctx, &e.row, done)
}

func (e *eraser) save(ctx context.Context) error {
	if e.keep == nil {
		return nil
	}
	return e.keep(ctx, e.done, e.plan)
}

// resolve finds everything that belongs to the person, and keeps it for a run
// after a crash, when the graph may have forgotten it.
func (e *eraser) resolve(ctx context.Context) error {
	named, whole, err := e.p.identifiersOf(ctx, &e.row)
	if err != nil {
		return err
	}
	e.idents = named
	if !whole {
		if err := e.widen(ctx); err != nil {
			return err
		}
	}
	e.keys = map[id.Key]bool{}
	var ids []string
	for _, ident := range e.idents {
		k := ident.Key()
		e.keys[k] = true
		ids = append(ids, e.p.cipher.id(k))
		if n := e.p.erased.Load().Generation(k); n > 0 {
			ids = append(ids, e.p.cipher.idOf(k, n-1)) // of this person, where a run before came to refusing
		}
		if len(ident.Value) < consent.ShortestMention {
			e.short = append(e.short, ident)
		}
	}
	e.mentions = consent.NewMentions(e.idents, ids...)
	e.plan.Proof.Identifiers = len(e.idents)
	return nil
}

// widen goes from the identifiers that were named to all of the person's.
func (e *eraser) widen(ctx context.Context) error {
	for _, ident := range slices.Clone(e.idents) {
		more, err := e.p.wholePerson(ctx, ident.String())
		if k := fault.KindOf(err); k == fault.NotFound || k == fault.Gone {
			continue // nothing is known: only what comes later is refused
		}
		if err != nil {
			return err
		}
		for _, m := range more {
			if !slices.Contains(e.idents, m) {
				e.idents = append(e.idents, m)
			}
		}
	}
	if err := e.anonymous(ctx); err != nil {
		return err
	}
	last, err := e.farewells(ctx)
	if err != nil {
		return err
	}
	_, err = e.p.keepPrivacy(ctx, privacyFact{Op: opResolved, Request: e.waiting(), Identifiers: e.idents, Farewells: last})
	if err != nil {
		return err
	}
	e.row, err = e.p.request(ctx, e.row.ID)
	return err
}

// waiting is the request as it is kept meanwhile: that it runs is known to this
// process alone, and where the run ends early the request waits again.
func (e *eraser) waiting() PrivacyRequest {
	r := e.row.PrivacyRequest
	r.State, r.Step, r.Done = requestQueued, "", 0
	return r
}

func (e *eraser) list() []id.Key {
	out := make([]id.Key, 0, len(e.keys))
	for _, i := range e.idents {
		out = append(out, i.Key())
	}
	return out
}

// destroy makes all that was sealed for the person unreadable.
func (e *eraser) destroy(ctx context.Context) error {
	e.plan.Requested = e.row.Positions
	if e.plan.Time != 0 && !e.plan.Restored {
		return nil // what is sealed since is of whoever came back
	}
	if err := e.p.store.Log().Erase(ctx, e.list()...); err != nil {
		return err
	}
	return e.p.settle(ctx)
}

// refuse fixes the time up to which events of the person are refused, and makes
// it a fact.
func (e *eraser) refuse(ctx context.Context) error {
	if e.plan.Time == 0 {
		e.plan.Time = e.p.clock.Now()
		for _, k := range e.list() {
			a, err := e.p.copyAnchor(ctx, k)
			if err != nil {
				return err
			}
			if a != nil {
				_, last := a.partial.Seen()
				e.plan.Time = max(e.plan.Time, last)
			}
		}
		if err := e.save(ctx); err != nil {
			return err
		}
	}
	e.plan.Proof.RefusedUntil = e.plan.Time
	if e.plan.Fact != 0 {
		return nil
	}
	fact := privacyFact{Op: opErased, Request: e.waiting()}
	for _, k := range e.list() {
		fact.Erasures = append(fact.Erasures, e.p.erased.Load().Erasure(k, e.plan.Time))
	}
	if err := e.p.keepErasures(fact.Erasures); err != nil {
		return err
	}
	r, err := e.p.keepPrivacy(ctx, fact)
	if err != nil {
		return err
	}
	e.plan.Fact = r.Position
	return e.save(ctx)
}

// keepErasures makes erasures known: to the ledger first, then to the doors.
func (p *Pipeline) keepErasures(list []consent.Erasure) error {
	p.graphLane.mu.Lock()
	defer p.graphLane.mu.Unlock()
	if p.ledger != nil {
		if err := p.ledger.Keep(p.erased.Load().With(list...).All()); err != nil {
			return fmt.Errorf("keep the ledger of erasures: %w", err)
		}
	}
	p.erased.Add(list...)
	return nil
}

// redact takes out of the log what is not gone with the keys.
func (e *eraser) redact(ctx context.Context) error {
	if err := e.p.settle(ctx); err != nil {
		return err
	}
	if err := e.p.persist(ctx); err != nil {
		return err
	}
	removed, err := e.p.store.Log().Redact(ctx, e.changes)
	if err != nil {
		return err
	}
	e.plan.Proof.NoRoom += removed
	return nil
}

// persist makes all that is applied durable.
func (p *Pipeline) persist(ctx context.Context) error {
	for _, l := range p.lanes {
		if err := l.commit(ctx); err != nil {
			return err
		}
	}
	return p.store.State().Flush(ctx)
}

// sweep removes what the state knows.
func (e *eraser) sweep(ctx context.Context) error {
	if err := e.letters(ctx); err != nil {
		return err
	}
	if err := e.suppress(ctx); err != nil {
		return err
	}
	if err := e.inLane(ctx, e.p.graphLane, func() ([]store.Record, error) {
		touched, again, err := e.p.graph.Erase(ctx, e.idents, e.plan.Time)
		e.touched = append(e.touched, touched...)
		return again, err
	}); err != nil {
		return err
	}
	for i, w := range e.p.people {
		sweep := &sweeper{eraser: e, people: w}
		if err := e.inLane(ctx, e.p.lanes[i], func() ([]store.Record, error) { return sweep.run(ctx) }); err != nil {
			return err
		}
	}
	if err := e.p.settle(ctx); err != nil {
		return err
	}
	return e.p.persist(ctx)
}

// inLane changes the rows of a lane between two batches, with nothing waiting
// to be committed, and hands on what follows. The lane is locked until all of it
// is written: who read in between would load back what is removed.
func (e *eraser) inLane(ctx context.Context, l *lane, change func() ([]store.Record, error)) error {
	if err := l.commit(ctx); err != nil { // most of it, while others may read
		return err
	}
	l.commitMu.Lock()
	defer l.commitMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.commitLocked(ctx); err != nil {
		return err
	}
	derived, err := change()
	if err != nil {
		return fmt.Errorf("lane %s: %w", l.name, err)
	}
	l.emit(ctx, derived)
	return l.commitLocked(ctx)
}

// letters gives up the dead letters that spoke of the person and still wait.
func (e *eraser) letters(ctx context.Context) error {
	for _, at := range e.plan.Letters {
		e.touched = append(e.touched, store.RowKey{Table: store.TableDeadLetters, Bucket: id.CommonBucket, Key: positionKey(at)})
	}
	return e.p.giveUp(ctx, e.plan.Letters)
}

// purge makes the state's files forget what its rows held.
func (e *eraser) purge(ctx context.Context) error {
	e.plan.Proof.Rows = len(e.touched)
	// What the sweep changed gets its rows first, then all of them go.
	if err := e.p.persist(ctx); err != nil {
		return err
	}
	if e.p.forget != nil {
		if err := e.p.forget(); err != nil {
			return err
		}
	}
	gone, err := e.p.forgetImages()
	if err != nil {
		return err
	}
	if err := e.p.persist(ctx); err != nil {
		return err
	}
	return e.p.store.State().Purge(ctx, append(e.touched, gone...))
}

func keyText(k id.Key) string { return hex.EncodeToString(k[:]) }

func keyOfText(s string) (k id.Key) {
	b, err := hex.DecodeString(s)
	if err == nil {
		copy(k[:], b)
	}
	return k
}
