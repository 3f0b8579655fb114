package pipeline

import (
	"bytes"
	"context"

	"rapport/internal/effect"
	"rapport/internal/id"
	"rapport/internal/store"
)

// While a person is erased others still make messages and decisions of what the
// state said a moment ago, and append them sealed under new keys, behind what
// was scanned. hush runs when the state says nothing any more: it waits for
// those who read before, and takes what they made out of the log, whoever came
// back meanwhile included: what was made of both cannot be told apart.
func (e *eraser) hush(ctx context.Context) error {
	// A message that was made late may have been on its way in the first turn.
	for range 2 {
		if e.p.silence != nil {
			if err := e.p.silence(ctx); err != nil {
				return err
			}
		}
		if err := e.takeLate(ctx); err != nil {
			return err
		}
	}
	if err := e.leftovers(ctx); err != nil {
		return err
	}
	return e.p.persist(ctx)
}

// made tells whether records of a kind are made of what the state says of
// people, by those who are not of the pipeline.
func made(k store.Kind) bool { return k == store.KindEffect || k == store.KindDecision }

// takeLate takes out of the log what was made of the person behind the fact.
func (e *eraser) takeLate(ctx context.Context) error {
	if err := e.p.settle(ctx); err != nil {
		return err
	}
	if err := e.p.persist(ctx); err != nil {
		return err
	}
	var late []store.Redaction
	end := e.p.store.Log().End()
	err := e.p.store.Log().Read(ctx, e.plan.Fact, func(r *store.Record) error {
		if r.Position > end || r.Payload == nil || !made(r.Kind) || !e.keys[r.Anchor] && !e.mentions.In(r.Payload) {
			return nil
		}
		late = append(late, store.Redaction{At: r.Position})
		return nil
	})
	if err != nil {
		return err
	}
	e.plan.Proof.Late += len(late)
	e.plan.Hushed = end
	removed, err := e.p.store.Log().Redact(ctx, late)
	e.plan.Proof.NoRoom += removed
	return err
}

// leftovers removes rows of tables that lie beside the person's: kept decisions,
// and what destinations know.
func (e *eraser) leftovers(ctx context.Context) error {
	byLane, ids := map[int][]store.Change{}, e.gone().IDs
	err := e.eachRow(ctx, []store.Table{store.TableDecisions, store.TableOutbox}, func(t store.Table, b id.Bucket, key []byte, parts [][]byte) {
		if t == store.TableOutbox {
			if person, told := effect.ToldPerson(key); !told || !ids[person] {
				return
			}
		} else if !e.inRow(t, key, parts) {
			return
		}
		k := store.RowKey{Table: t, Bucket: b, Key: bytes.Clone(key)}
		e.touched = append(e.touched, k)
		byLane[e.p.laneIndex(b)] = append(byLane[e.p.laneIndex(b)], store.Change{RowKey: k, Op: store.Delete})
	})
	if err != nil {
		return err
	}
	for i, changes := range byLane {
		err := e.inLane(ctx, e.p.lanes[i], func() ([]store.Record, error) {
			if i < len(e.p.people) {
				e.p.people[i].rows = append(e.p.people[i].rows, changes...)
			} else {
				e.p.common.rows = append(e.p.common.rows, changes...)
			}
			return nil, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
