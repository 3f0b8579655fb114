package decider

import (
	"context"
	"time"

	"rapport/internal/decision/kept"
	"rapport/internal/decision/model"
	"rapport/internal/definition"
	"rapport/internal/id"
)

// beside runs versions in test on the questions of live ones. Their results are
// kept and compared, and given to nobody.
type beside struct {
	queue chan besideWork
	ended chan struct{}
}

// besideWork is a live decision to repeat, or a question whether those before
// it were.
type besideWork struct {
	ask      *Ask
	question *model.Question
	live     *kept.Decision
	anchor   id.Key
	tests    []int
	flush    chan struct{}
}

// maxBeside is how many questions wait at most for test versions. They hold
// the profiles they are about, so there are few.
const maxBeside = 512

func (b *beside) init() {
	b.queue, b.ended = make(chan besideWork, maxBeside), make(chan struct{})
}

func (b *beside) offer(w besideWork) bool {
	select {
	case b.queue <- w:
		return true
	default:
		return false
	}
}

func (d *Decider) runBeside() {
	defer close(d.beside.ended)
	for w := range d.beside.queue {
		if w.flush != nil {
			close(w.flush)
			continue
		}
		for _, version := range w.tests {
			d.try(w, version)
		}
	}
}

// try repeats a live decision with a version in test.
func (d *Decider) try(w besideWork, version int) {
	ctx, cancel := context.WithTimeout(context.Background(), besideTimeout)
	defer cancel()
	r, err := d.models.get(ctx, w.ask.Model, version)
	if err != nil {
		d.Log.Warn("a version in test cannot run", "model", w.ask.Model, "version", version, "error", err)
		d.recorder.counts.left("test_failed")
		return
	}
	// What connections answered the live version serves the test version too.
	q := *w.question
	start := time.Now()
	var failed []model.Diagnostic
	if len(r.inputs) > 0 {
		_, failed = d.contact(ctx, r, &q)
	}
	out := &Outcome{Profile: w.live.Profile, Took: kept.Took{TookElsewhere: kept.TookElsewhere{ForConnections: micros(time.Since(start))}}}
	start = time.Now()
	if out.Answer, err = r.answer(&q); err != nil {
		// The question names what this version does not have: that differs.
		out.Answer = &model.Answer{Diagnostics: []model.Diagnostic{{Code: "not_answered", Message: err.Error()}}}
	}
	out.Took.Own = micros(time.Since(start))
	out.Diagnostics = append(out.Diagnostics, failed...)
	k := r.keepsake(w.ask, &q, out, kept.ID{Bucket: w.anchor.Bucket(), Time: q.Now, Tail: d.chance()})
	k.Status, k.Beside, k.Differs = definition.Test, &w.live.ID, kept.Differs(w.live.Values, k.Values)
	if !d.recorder.offer(pending{decision: k, anchor: w.anchor}) {
		d.recorder.counts.left("test_" + overfull)
	}
}

// besideTimeout bounds a run of a test version, connections included.
const besideTimeout = 10 * time.Second
