package assigner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"sync"
	"time"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/experiment"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

// recorder writes exposures into the log, many at a time. An exposure that is
// lost with the process comes again with the next question: what somebody gets
// follows from who it is.
type recorder struct {
	*Assigner
	mu      sync.Mutex
	waiting []note
	begun   chan struct{} // something waits
	many    chan struct{} // so much waits that it is written at once
	// lately are exposures that may not be applied yet, by whom: who asks again
	// at once gets the same, also of a bandit that learned meanwhile.
	lately, before map[event.Identifier]experiment.Register
	turned         clock.Instant // when before was lately
	flushing       sync.Mutex
	last           pipeline.Receipt // of what was written last; guarded by flushing
	mapper         event.Mapper
	rules          *identity.Rules
}

// note is one exposure on its way.
type note struct {
	anchor  event.Identifier
	trusted bool
	at      clock.Instant
	experiment.Assignment
}

const (
	// gatherFor is how long the first exposure waits for others: a frame costs the
	// same for one as for many.
	gatherFor  = 100 * time.Millisecond
	gatherMany = 512
	maxWaiting = 1 << 17
	maxLately  = 1 << 15
	// forget is how long an exposure is remembered at least: longer than it takes
	// to be applied. After that what is known of the person is what counts.
	forget = 15 * time.Second
)

func (r *recorder) init(a *Assigner) {
	r.Assigner, r.begun, r.many = a, make(chan struct{}, 1), make(chan struct{}, 1)
	r.lately, r.before = map[event.Identifier]experiment.Register{}, map[event.Identifier]experiment.Register{}
}

// note takes in an exposure that is not known yet.
func (r *recorder) note(who event.Identifier, trusted bool, x *experiment.Assignment) {
	now := r.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) >= maxWaiting {
		return // the log has not taken any for a while; it comes again
	}
	r.age(now)
	r.lately[who] = append(r.lately[who], experiment.Exposure{Experiment: x.Experiment, Phase: x.Phase, Variant: x.Variant, First: now})
	r.waiting = append(r.waiting, note{who, trusted, now, *x})
	switch len(r.waiting) {
	case 1:
		rouse(r.begun)
	case gatherMany:
		rouse(r.many)
	}
}

func rouse(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// age forgets what was noted long ago. The recorder is locked.
func (r *recorder) age(now clock.Instant) {
	past := now.Sub(r.turned)
	if past <= forget && len(r.lately) < maxLately {
		return
	}
	r.before, r.lately, r.turned = r.lately, map[event.Identifier]experiment.Register{}, now
	if past > 2*forget {
		r.before = nil
	}
}

// add adds to a register what may not be applied yet.
func (r *recorder) add(to experiment.Register, who event.Identifier) experiment.Register {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.age(r.Clock.Now())
	for _, m := range [...]map[event.Identifier]experiment.Register{r.lately, r.before} {
		for _, e := range m[who] {
			if first, _ := to.First(e.Experiment); first == nil {
				to = append(to, e)
			}
		}
	}
	return to
}

func (r *recorder) run() {
	gather := time.NewTimer(gatherFor)
	defer gather.Stop()
	for more := true; more; {
		more = r.gather(gather)
		// What the log does not take comes again after the end.
		if _, err := r.Flush(context.Background()); err != nil && more {
			r.Log.Warn("exposures wait: the log does not take them", "error", err)
			rouse(r.begun)
		}
	}
}

// gather waits until there is something to write, and for others to come; false
// at the end.
func (r *recorder) gather(timer *time.Timer) bool {
	select {
	case <-r.stop:
		return false
	case <-r.begun:
	}
	timer.Reset(gatherFor)
	select {
	case <-r.stop:
		return false
	case <-timer.C:
	case <-r.many:
	}
	return true
}

// Flush writes what waits into the log and tells where it stands there, also of
// what another flush has just written.
func (r *recorder) Flush(ctx context.Context) (pipeline.Receipt, error) {
	r.flushing.Lock()
	defer r.flushing.Unlock()
	for {
		r.mu.Lock()
		n := min(len(r.waiting), gatherMany)
		batch := append([]note(nil), r.waiting[:n]...)
		r.mu.Unlock()
		if n == 0 {
			return r.last, nil
		}
		switch receipt, err := r.Spine.Accept(ctx, r.submission(batch)); {
		case err == nil:
			r.last = receipt
		case ctx.Err() != nil || fault.KindOf(err) == fault.Limited || fault.KindOf(err) == fault.Unavailable:
			return r.last, err // they wait
		default:
			r.Log.Error("exposures are lost", "number", n, "error", err)
		}
		r.mu.Lock()
		r.waiting = append(r.waiting[:0], r.waiting[n:]...)
		r.mu.Unlock()
	}
}

// Flush writes exposures that wait into the log, and tells up to where it has to
// be applied for them to count.
func (a *Assigner) Flush(ctx context.Context) (pipeline.Receipt, error) { return a.recorder.Flush(ctx) }

func (r *recorder) submission(batch []note) *pipeline.Submission {
	rules := r.Spine.Rules()
	if r.rules != rules {
		r.rules, r.mapper = rules, r.Mapper(*rules)
	}
	s := &pipeline.Submission{Received: r.Clock.Now()}
	var b []byte
	for i := range batch {
		n := &batch[i]
		at, message := len(b), n.message()
		b = n.body(b, message)
		body := b[at:len(b):len(b)]
		doc, err := jsondoc.Parse(body, jsondoc.Limits{})
		if err != nil {
			r.Log.Error("exposure cannot be written", "error", err)
			continue
		}
		env := event.Envelope{
			Dialect: r.Dialect, Source: event.ExposureSource, MessageID: message, Received: n.at, Verified: n.trusted, Rules: rules.Version,
		}
		e, err := r.mapper(&env, doc.Root())
		if err != nil {
			r.Log.Error("exposure cannot be written", "error", err)
			continue
		}
		s.Events = append(s.Events, pipeline.Arrival{Envelope: env, Event: e})
	}
	return s
}

// message is the same for every exposure of somebody to a variant in a phase:
// two servers that ask at once write down one.
func (n *note) message() string {
	sum := sha256.Sum256([]byte(n.Experiment + "\x00" + strconv.Itoa(n.Phase) + "\x00" + n.Variant + "\x00" + n.anchor.Namespace + "\x00" + n.anchor.Value))
	return "exposure-" + hex.EncodeToString(sum[:16])
}

// body writes the track call.
func (n *note) body(b []byte, message string) []byte {
	text := func(key, value string) {
		b = append(append(b, '"'), key...)
		b = append(b, `":`...)
		b = appendJSON(b, value)
	}
	b = append(b, `{"type":"track","channel":"server",`...)
	text("event", event.ExposureName)
	b = append(b, ',')
	text("messageId", message)
	b = append(b, ',')
	switch n.anchor.Namespace {
	case event.UserID:
		text("userId", n.anchor.Value)
	case event.AnonymousID:
		text("anonymousId", n.anchor.Value)
	default:
		b = append(b, `"context":{"externalIds":[{"collection":"users",`...)
		text("type", n.anchor.Namespace)
		b = append(b, ',')
		text("id", n.anchor.Value)
		b = append(b, `}]}`...)
	}
	b = append(b, `,"properties":{`...)
	text(event.ExposureExperiment, n.Experiment)
	b = append(b, ',')
	text(event.ExposureVariant, n.Variant)
	b = append(append(b, `,"`...), event.ExposurePhase...)
	b = strconv.AppendInt(append(b, `":`...), int64(n.Phase), 10)
	b = append(append(b, `,"`...), event.ExposurePropensity...)
	b = strconv.AppendInt(append(b, `":`...), int64(n.Propensity), 10)
	if n.Policy != "" {
		b = append(b, ',')
		text(event.ExposurePolicy, n.Policy)
	}
	if len(n.Features) > 0 {
		b = append(append(append(b, `,"`...), event.ExposureFeatures...), `":[`...)
		for i, f := range n.Features {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, f, 10)
		}
		b = append(b, ']')
	}
	return append(b, `}}`...)
}

func appendJSON(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...) // a string always marshals
	}
	return append(b, text...)
}
