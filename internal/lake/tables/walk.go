package tables

import (
	"context"
	"encoding/hex"
	"time"

	"rapport/internal/id"
)

// What is computed follows from time, too, and what comes into force changes people
// of whom nothing comes in. So everybody is written anew once a day, when something
// came into force, and when it is not known who changed.
const walkEvery = 24 * time.Hour

// walkShare is the part of the time between two rests that a walk takes, but the
// first one, for which people wait.
const walkShare = 3

// startWalk lets everybody be written, from the first on.
func (t *Tables) startWalk(ctx context.Context) error {
	next := *t.at
	next.walked, next.force = hex.EncodeToString(make([]byte, len(id.Key{}))), t.spine.Force()
	return t.writeEvents(ctx, nil, &next)
}

// walk writes the next people of a walk, for a part of the time that is left.
func (t *Tables) walk(ctx context.Context) error {
	if t.at.walked == "" {
		if t.spine.Force() == t.at.force && time.Since(t.at.whole) < walkEvery {
			return nil
		}
		if err := t.startWalk(ctx); err != nil {
			return err
		}
	}
	span := t.Flush
	if !t.at.whole.IsZero() {
		span /= walkShare
	}
	limit := time.Now().Add(span)
	for t.at.walked != "" && time.Now().Before(limit) {
		if err := t.walkOn(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tables) walkOn(ctx context.Context) error {
	var from id.Key
	if b, err := hex.DecodeString(t.at.walked); err == nil {
		copy(from[:], b)
	}
	keys, err := t.spine.Anchors(ctx, from, peopleAtOnce)
	if err != nil {
		return err
	}
	g, err := t.gather(ctx, keys, true)
	if err != nil {
		return err
	}
	next := *t.at
	if next.walked, next.whole = "", time.Now(); len(keys) == peopleAtOnce {
		next.walked, next.whole = keys[len(keys)-1].String(), t.at.whole
	}
	lost, err := t.writePeople(ctx, g, next)
	if refused(err) {
		lost = keys // one by one, then
		err = t.writeEvents(ctx, nil, &next)
	}
	for _, k := range lost {
		t.waiting[k] = true
	}
	return err
}
