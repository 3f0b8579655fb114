package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"rapport/internal/consent"
	"rapport/internal/definition"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/policy"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// The consent policy is enforced before an event gets into the log, once, and
// what came of it is what the log keeps: the event, its anonymous form, or a
// count. So a rebuild finds the same, and what may not be kept is in no file.
// docs/decisions/0008 says what that makes exact.

// maxConsentWait is how long a request waits until what was acknowledged before
// it is known.
const maxConsentWait = 5 * time.Second

// ConsentPolicy is the consent policy that is live, nil where there is none.
// Reading it again costs nothing until another version is.
func (p *Pipeline) ConsentPolicy(ctx context.Context) (*policy.Policy, error) {
	v := p.Definitions().Get(definition.ConsentPolicy, definition.DefaultKey).Live()
	if v == nil {
		return nil, nil
	}
	if held := p.policy.Load(); held != nil && held.Version == v.Version {
		return held, nil
	}
	d, err := p.Definition(ctx, definition.ConsentPolicy, definition.DefaultKey, v.Version)
	if err != nil {
		return nil, fmt.Errorf("load the consent policy: %w", err)
	}
	now, err := policy.Parse(d.Document)
	if err != nil {
		return nil, fmt.Errorf("version %d of the consent policy: %w", v.Version, err)
	}
	now.Version = v.Version
	p.policy.Store(now)
	return now, nil
}

// admit lets the consent policy decide on each event of a submission. Events
// that may not be kept are counted, or changed into their anonymous form.
func (p *Pipeline) admit(ctx context.Context, s *Submission) error {
	if len(s.Events) == 0 {
		return nil
	}
	rules, err := p.ConsentPolicy(ctx)
	if err != nil {
		return fault.Errorf(fault.Unavailable, "policy_unknown", "the consent policy cannot be read, nothing of this request was kept: %w", err)
	}
	if rules == nil {
		return nil
	}
	g := &gate{Pipeline: p, policy: rules, submission: s, words: make([][]consent.Entry, len(s.Events)), known: map[id.Key]consent.State{}, met: map[id.Key]bool{}}
	return g.run(ctx)
}

// gate is one call of admit.
type gate struct {
	*Pipeline
	policy     *policy.Policy
	submission *Submission
	words      [][]consent.Entry // what each event says of consent
	known      map[id.Key]consent.State
	met        map[id.Key]bool // whom something is known of
	current    bool            // what was acknowledged before is applied
	refused    uint64
	news       []Arrival
}

func (g *gate) run(ctx context.Context) error {
	s := g.submission
	judged := false
	for i := range s.Events {
		a := &s.Events[i]
		v, shared, err := g.policy.Resolve(a.Event, a.Envelope.Shared)
		if err != nil {
			g.log.Warn("a signal of a browser keeps its usual meaning", "error", err)
		}
		if v != nil {
			a.Event, a.Envelope.Shared = v, shared
		}
		if g.rule(a) != nil {
			judged = true
		}
	}
	if !judged {
		return nil
	}
	for i := range s.Events {
		g.words[i] = consent.Read(s.Events[i].Event)
	}
	kept := make([]Arrival, 0, len(s.Events))
	for i := range s.Events {
		a, err := g.take(ctx, i)
		if err != nil {
			return err
		}
		if a != nil {
			kept = append(kept, *a)
		}
	}
	if g.refused > 0 {
		s.Rejected = append(s.Rejected, store.Count{Reason: policy.ReasonNoConsent, N: g.refused})
	}
	s.Events = append(kept, g.news...)
	return nil
}

// rule is what the source of an event asks; nil: nothing. A word on consent
// itself needs none.
func (g *gate) rule(a *Arrival) *policy.SourceRule {
	if a.Envelope.Dialect == consent.Dialect || a.Envelope.Dialect == policy.Dialect {
		return nil
	}
	return g.policy.Of(a.Envelope.Source)
}

// take gives what is kept of an event, nil where nothing is.
func (g *gate) take(ctx context.Context, i int) (*Arrival, error) {
	a := &g.submission.Events[i]
	rule := g.rule(a)
	if rule == nil {
		return a, nil
	}
	verdict := rule.Judge(g.words[i])
	if verdict == policy.Silent {
		state, err := g.state(ctx, a.Event, rule)
		if err != nil {
			return nil, err
		}
		if g.policy.Known(rule, state, a.Event.Time) {
			verdict = policy.Granted
		}
	}
	if verdict == policy.Granted {
		return a, nil
	}
	if err := g.hear(ctx, a, g.words[i]); err != nil {
		return nil, err
	}
	if rule.Mode == policy.Anonymous {
		return g.strip(a)
	}
	g.refused++
	return nil, nil
}

// strip gives the anonymous form of an event. A call that is about the person
// alone has none and is refused.
func (g *gate) strip(a *Arrival) (*Arrival, error) {
	env, body, ok := g.policy.Strip(g.pseudonyms, a.Event)
	if !ok {
		g.refused++
		return nil, nil
	}
	return arrival(env, body, policy.NewMapper())
}

func arrival(env event.Envelope, body []byte, mapper event.Mapper) (*Arrival, error) {
	doc, err := jsondoc.Parse(body, jsondoc.Limits{Depth: bodyDepth})
	if err != nil {
		return nil, fmt.Errorf("event made at the door: %w", err)
	}
	e, err := mapper(&env, doc.Root())
	if err != nil {
		return nil, fmt.Errorf("event made at the door: %w", err)
	}
	return &Arrival{Envelope: env, Event: e}, nil
}

// bodyDepth is that of an event as doors take it, and one more.
const bodyDepth = 33

// hear keeps the words of an event that is not kept whole, where they change
// what may be done: as an event of their own, which counts as one.
func (g *gate) hear(ctx context.Context, a *Arrival, words []consent.Entry) error {
	if len(words) == 0 {
		return nil
	}
	k := a.Event.Anchor().Key()
	state, err := g.person(ctx, k)
	if err != nil {
		return err
	}
	news := g.policy.News(g.said(slices.Clone(state), k, a), g.met[k], words, a.Event.Time)
	if len(news) == 0 {
		return nil
	}
	purposes := make([]ConsentWord, len(news))
	for i := range news {
		w := &news[i]
		purposes[i] = ConsentWord{Purpose: w.Purpose, Channel: w.Channel, Status: w.Status, Proof: w.Proof, Version: w.Version}
	}
	body, err := json.Marshal(map[string]any{
		"identifier": a.Event.Anchor(), "time": a.Event.Time, "context": map[string]any{"consent": map[string]any{"purposes": purposes}},
	})
	if err != nil {
		return fmt.Errorf("words on consent: %w", err)
	}
	sum := sha256.Sum256([]byte("consent\x00" + a.Event.MessageID))
	rules := g.book.At(a.Envelope.Rules)
	word, err := arrival(event.Envelope{
		Dialect: consent.Dialect, Source: a.Envelope.Source, MessageID: id.UUID([16]byte(sum[:16])), Received: a.Event.ReceivedAt,
		Verified: a.Envelope.Verified, Rules: rules.Version,
	}, body, consent.NewMapper(*rules))
	if err != nil {
		return err
	}
	g.news = append(g.news, *word)
	return nil
}

// state is what is known of the person's consents beside the event: of the
// person of its strongest identifier, and where nothing was said there of the
// purpose, what was said under the others.
func (g *gate) state(ctx context.Context, e *event.Event, rule *policy.SourceRule) (consent.State, error) {
	for i := range e.Identifiers {
		k := e.Identifiers[i].Key()
		read := g.person
		if i > 0 {
			read = g.device
		}
		known, err := read(ctx, k)
		if err != nil {
			return nil, err
		}
		known = g.said(slices.Clone(known), k, nil)
		if slices.ContainsFunc(known, func(w consent.Said) bool { return w.Purpose == rule.Purpose }) {
			return known, nil
		}
	}
	return nil, nil
}

// said adds what the events of this request say under an identifier, but for
// one of them.
func (g *gate) said(state consent.State, k id.Key, but *Arrival) consent.State {
	for i := range g.submission.Events {
		a := &g.submission.Events[i]
		if a == but || len(g.words[i]) == 0 || !slices.ContainsFunc(a.Event.Identifiers, func(x event.Identifier) bool { return x.Key() == k }) {
			continue
		}
		for _, w := range g.words[i] {
			said := consent.Said{Entry: w, Source: a.Event.Source, Time: a.Event.Time}
			if old := state.Find(w.Purpose, w.Channel); old == nil {
				state = append(state, said)
			} else if said.Time > old.Time || said.Time == old.Time && said.Status != consent.Granted {
				*old = said
			}
		}
	}
	return state
}

// person is what was said by the person that an identifier belongs to.
func (g *gate) person(ctx context.Context, k id.Key) (consent.State, error) {
	return g.read(ctx, k, func() ([]*profile.Partial, error) {
		who, err := g.gatherKey(ctx, k)
		if err != nil || who == nil {
			return nil, err
		}
		return who.partials(), nil
	})
}

// device is what was said under an identifier itself: a shared device's word is
// not that of everybody who was ever seen on it.
func (g *gate) device(ctx context.Context, k id.Key) (consent.State, error) {
	other := k
	other[0] ^= 0xff // apart from the person of the same identifier
	return g.read(ctx, other, func() ([]*profile.Partial, error) {
		a, err := g.copyAnchor(ctx, k)
		if err != nil || a == nil {
			return nil, err
		}
		return []*profile.Partial{a.partial}, nil
	})
}

func (g *gate) read(ctx context.Context, as id.Key, partials func() ([]*profile.Partial, error)) (consent.State, error) {
	if state, ok := g.known[as]; ok {
		return state, nil
	}
	if err := g.catchUp(ctx); err != nil {
		return nil, err
	}
	list, err := partials()
	if err != nil {
		return nil, fault.Errorf(fault.Unavailable, "consent_unknown", "what the person agreed to cannot be read, nothing of this request was kept: %w", err)
	}
	var state consent.State
	if len(list) > 0 {
		g.met[as] = true
		state = profile.ConsentsOf(list)
	}
	g.known[as] = state
	return state, nil
}

// catchUp waits until what was acknowledged before this request is applied: a
// person who has just said yes is believed.
func (g *gate) catchUp(ctx context.Context) error {
	if g.current {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, maxConsentWait)
	defer cancel()
	if err := g.waitRecords(ctx, Receipt{Position: g.store.Log().End()}); err != nil {
		return fault.Errorf(fault.Unavailable, "consent_unknown", "what people agreed to is not known yet, nothing of this request was kept; send it again after a second: %w", err)
	}
	g.current = true
	return nil
}
