package pipeline

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/store"
)

// byLedger is the author of erasures that a start does because the ledger names
// them and the store does not: it is from a backup.
const byLedger = "ledger"

// applyLedger erases, before anything is served, whom the ledger names and the
// store still knows: a copy that was made before an erasure brings nobody back.
func (p *Pipeline) applyLedger(ctx context.Context) error {
	if p.ledger == nil || p.erased.Load().Empty() {
		return nil
	}
	// Almost every start ends here. Where one is missing it may still be among
	// the records that the start folds again.
	missing, err := p.unknownErasures(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	if err := p.graphLane.commit(ctx); err != nil {
		return err
	}
	if missing, err = p.unknownErasures(ctx); err != nil || len(missing) == 0 {
		return err
	}
	found, err := p.subjectsIn(ctx, missing)
	if err != nil {
		return err
	}
	byTime := map[clock.Instant][]consent.Erasure{}
	for _, e := range missing {
		byTime[e.Time] = append(byTime[e.Time], e)
	}
	p.log.Warn("the store is older than the ledger of erasures; erasing whom it names", "identifiers", len(missing), "found", len(found))
	for _, at := range slices.Sorted(maps.Keys(byTime)) {
		if err := p.eraseAgain(ctx, at, byTime[at], found); err != nil {
			return fmt.Errorf("erase by the ledger: %w", err)
		}
	}
	return nil
}

// unknownErasures are those that the ledger has and the state has not.
func (p *Pipeline) unknownErasures(ctx context.Context) ([]consent.Erasure, error) {
	all := p.erased.Load().All()
	keys := make([]store.RowKey, len(all))
	for i, e := range all {
		keys[i] = store.RowKey{Table: store.TableErased, Bucket: id.CommonBucket, Key: erasedKey(e)}
	}
	rows, err := p.store.State().Load(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("load erasures: %w", err)
	}
	var out []consent.Erasure
	for i, parts := range rows {
		if parts == nil {
			out = append(out, all[i])
		}
	}
	return out, nil
}

// subjectsIn finds the identifiers of subjects among all that the store knows.
func (p *Pipeline) subjectsIn(ctx context.Context, list []consent.Erasure) (map[consent.Subject]event.Identifier, error) {
	want := map[consent.Subject]bool{}
	for _, e := range list {
		want[e.Subject] = true
	}
	keys := map[id.Key]bool{}
	note := func(_ id.Bucket, key []byte, _ [][]byte) store.Step {
		if len(key) == len(id.Key{}) && want[p.erased.Load().Erasure(id.Key(key), 0).Subject] {
			keys[id.Key(key)] = true
		}
		return store.NextRow
	}
	for _, t := range [...]store.Table{store.TableAnchors, store.TableNodes} {
		if err := p.store.State().ScanSpan(ctx, store.SpanRange{Table: t, Span: store.AllBuckets()}, note); err != nil {
			return nil, fmt.Errorf("look for erased people: %w", err)
		}
	}
	out := map[consent.Subject]event.Identifier{}
	for k := range keys {
		ident, err := p.identifierAt(ctx, k)
		if err != nil {
			return nil, err
		}
		if ident.Value != "" {
			out[p.erased.Load().Erasure(k, 0).Subject] = ident
		}
	}
	return out, nil
}

// identifierAt is the identifier of a key, as the graph or its anchor knows it.
func (p *Pipeline) identifierAt(ctx context.Context, k id.Key) (event.Identifier, error) {
	p.graphLane.mu.Lock()
	ident, err := p.graph.Identifier(ctx, k)
	p.graphLane.mu.Unlock()
	if err != nil || ident.Value != "" {
		return ident, err
	}
	a, err := p.copyAnchor(ctx, k)
	if err != nil || a == nil {
		return event.Identifier{}, err
	}
	return a.ident, nil
}

// eraseAgain erases the people of one instant, up to that instant. Those of
// whom the store knows nothing are noted, so that no later start looks again.
func (p *Pipeline) eraseAgain(ctx context.Context, at clock.Instant, list []consent.Erasure, found map[consent.Subject]event.Identifier) error {
	var random [16]byte
	p.random(random[:])
	r := PrivacyRequest{
		ID: "pr_" + hex.EncodeToString(random[:8]), Type: ErasureRequest, State: requestQueued, Author: byLedger, Created: p.clock.Now(), Total: steps(ErasureRequest),
	}
	var idents []event.Identifier
	for _, e := range list {
		if ident, ok := found[e.Subject]; ok && !slices.Contains(idents, ident) {
			idents = append(idents, ident)
		}
	}
	r.Identifiers = len(idents)
	if len(idents) > 0 {
		// Exactly these are erased: who belonged together may have changed since.
		if _, err := p.keepPrivacy(ctx, privacyFact{Op: opResolved, Request: r, Identifiers: idents}); err != nil {
			return err
		}
		if err := p.RunPrivacy(ctx, r.ID, ErasePlan{Time: at, Restored: true}, nil); err != nil {
			return err
		}
		done, err := p.Privacy(ctx, r.ID)
		if err != nil {
			return err
		}
		r = done
	} else {
		now := p.clock.Now()
		r.State, r.Finished, r.Done = requestDone, &now, r.Total
	}
	_, err := p.keepPrivacy(ctx, privacyFact{Op: opErased, Request: r, Erasures: list})
	return err
}
