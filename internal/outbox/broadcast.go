package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rapport/internal/broadcast"
	"rapport/internal/definition"
	"rapport/internal/effect"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
)

// A broadcast is told through a line of its own, under a key that no destination
// has: so it has its own pace, is paused and stopped by itself, and has its own
// deliveries and counts.

// campaign is a broadcast as it stands.
type campaign struct {
	key      string
	version  *definition.Version // of the broadcast
	document *broadcast.Broadcast
	progress broadcast.Progress
	tag      string // of the progress, for a change on what was read
	target   *effect.Target
	through  int // the version of the destination
}

func (c *campaign) line() string { return effect.BroadcastKey(c.key) }

// progressOf reads how far a broadcast has come.
func (o *Outbox) progressOf(ctx context.Context, key string) (p broadcast.Progress, tag string, err error) {
	v := o.Spine.Definitions().Get(definition.BroadcastProgress, key).Newest()
	if v == nil {
		p, err = broadcast.ReadProgress(nil)
		return p, "", err
	}
	d, err := o.Spine.Definition(ctx, v.Kind, key, v.Version)
	if err != nil {
		return p, "", err
	}
	p, err = broadcast.ReadProgress(d.Document)
	return p, v.ETag(), err
}

// campaignOf reads a broadcast: the version that is sent, else the one asked
// for; 0 is the newest.
func (o *Outbox) campaignOf(ctx context.Context, key string, version int) (*campaign, error) {
	s := o.Spine.Definitions().Get(definition.Broadcast, key)
	if s.Newest() == nil {
		return nil, fault.Errorf(fault.NotFound, "broadcast_not_found", "there is no broadcast %q: PUT /api/v1/broadcasts/%s makes one", key, key)
	}
	c := &campaign{key: key}
	var err error
	if c.progress, c.tag, err = o.progressOf(ctx, key); err != nil {
		return nil, err
	}
	if version == 0 {
		version = c.progress.Version
	}
	if c.version, err = s.Pick(version); err != nil {
		return nil, err
	}
	d, err := o.Spine.Definition(ctx, definition.Broadcast, key, c.version.Version)
	if err != nil {
		return nil, err
	}
	return c, o.aim(ctx, c, d.Document)
}

// aim reads a broadcast's document and puts it together with its destination.
func (o *Outbox) aim(ctx context.Context, c *campaign, document []byte) error {
	b, err := broadcast.Read(document)
	if err != nil {
		return err
	}
	rules, err := o.BroadcastRules(ctx)
	if err != nil {
		return err
	}
	c.document = b.With(rules)
	v := o.Spine.Definitions().Get(definition.Destination, b.Destination).Live()
	if v == nil {
		return fault.Errorf(fault.Invalid, "unknown_destination", "there is no live destination %q: define it, with broadcasts true", b.Destination).At("/destination")
	}
	d, err := o.Spine.Definition(ctx, v.Kind, v.Key, v.Version)
	if err != nil {
		return err
	}
	t, err := effect.Read(d.Document)
	if err != nil {
		return err
	}
	kind, err := o.kind(t.Type)
	if err != nil {
		return err
	}
	c.through = v.Version
	c.target, err = t.Through(&effect.Through{
		Content: b.Content, Traits: b.Traits, Decision: b.Decision, Items: b.Items, Mapping: b.Mapping, Consent: b.Consent, PerSecond: b.PerSecond,
	}, kind.Content)
	return err
}

// BroadcastRules are what holds for all broadcasts.
func (o *Outbox) BroadcastRules(ctx context.Context) (*broadcast.Rules, error) {
	v := o.Spine.Definitions().Get(definition.BroadcastRules, definition.DefaultKey).Live()
	if v == nil {
		return &broadcast.Rules{}, nil
	}
	d, err := o.Spine.Definition(ctx, v.Kind, v.Key, v.Version)
	if err != nil {
		return nil, err
	}
	return broadcast.ReadRules(d.Document)
}

// CheckBroadcast refuses a document that cannot be sent as it is, or that may
// not be changed any more.
func (o *Outbox) CheckBroadcast(ctx context.Context, key string, document []byte) error {
	p, _, err := o.progressOf(ctx, key)
	if err != nil {
		return err
	}
	if err := p.Changeable(); err != nil {
		return err
	}
	c := &campaign{key: key}
	if err := o.aim(ctx, c, document); err != nil {
		return err
	}
	index := o.Spine.Definitions()
	if index.Get(definition.Segment, c.document.Segment).Live() == nil {
		return fault.Errorf(fault.Invalid, "unknown_segment", "there is no live segment %q: define it first", c.document.Segment).At("/segment")
	}
	if m := c.target.Decision; m != "" && index.Get(definition.DecisionModel, m).Live() == nil {
		return fault.Errorf(fault.Invalid, "unknown_model", "there is no live decision model %q: define it first", m).At("/decision")
	}
	s, err := o.openCampaign(ctx, c)
	if err != nil {
		return err
	}
	return s.Close()
}

// openCampaign opens the sink of a broadcast beside its line.
func (o *Outbox) openCampaign(ctx context.Context, c *campaign) (*opened, error) {
	kind, err := o.kind(c.target.Type)
	if err != nil {
		return nil, err
	}
	return o.opened(ctx, kind, c.line(), &c.target.Destination)
}

// followBroadcast brings the line of a broadcast in step with what was said of
// it and with the destination that it goes through.
func (o *Outbox) followBroadcast(s *definition.Series) error {
	key := effect.BroadcastKey(s.Key)
	d, err := o.Spine.Definition(o.ctx, s.Kind, s.Key, s.Newest().Version)
	if err != nil {
		return err
	}
	p, err := broadcast.ReadProgress(d.Document)
	if err != nil || p.Position == 0 {
		return err
	}
	l := o.lines[key]
	if l == nil {
		d, err := o.Spine.Definition(o.ctx, definition.Broadcast, s.Key, p.Version)
		if err != nil {
			return err
		}
		b, err := broadcast.Read(d.Document)
		if err != nil {
			return err
		}
		l = newLine(o, key)
		l.base = b.Destination
		o.lines[key] = l
		l.start()
	}
	if p.State == broadcast.Ended {
		l.end(broadcast.Stopped)
		return nil
	}
	l.mu.Lock()
	l.control = Control{State: Active, Since: p.Since}
	if p.State == broadcast.Paused {
		l.control.State, l.control.Reason = Paused, "paused by a person"
	}
	l.mu.Unlock()
	defer l.nudge()
	c, err := o.campaignOf(o.ctx, s.Key, p.Version)
	if err != nil {
		if isPermanent(err) {
			l.lack(err.Error())
			return nil
		}
		return err
	}
	if stamp := fmt.Sprint(p.Version, " ", c.through); stamp != l.stamp {
		l.stamp = stamp
		l.become(c.version.Version, c.target)
	}
	return nil
}

// lack lets a line wait because what it is made of is not there.
func (l *line) lack(problem string) {
	l.stamp = ""
	l.become(0, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problem = problem
}

// TellBroadcast hears what a person says of a broadcast. Where the job that sends
// it changed it at that moment, it is said again of what it is then.
func (o *Outbox) TellBroadcast(ctx context.Context, key string, version int, what, who string) (err error) {
	for range triesOfWord {
		if err = o.tellBroadcast(ctx, key, version, what, who); fault.KindOf(err) != fault.Precondition {
			break
		}
	}
	return err
}

// triesOfWord is how often a person's word is said again: a job changes a
// broadcast only a few times.
const triesOfWord = 5

func (o *Outbox) tellBroadcast(ctx context.Context, key string, version int, what, who string) error {
	c, err := o.campaignOf(ctx, key, version)
	if err != nil {
		return err
	}
	if what == "send" {
		d, err := o.Spine.Definition(ctx, definition.Broadcast, key, c.version.Version)
		if err != nil {
			return err
		}
		if err := o.CheckBroadcast(ctx, key, d.Document); err != nil {
			return err
		}
	}
	rules, err := o.BroadcastRules(ctx)
	if err != nil {
		return err
	}
	if o.sent(key, &c.progress) {
		c.progress.State = broadcast.Sent
	}
	next, err := c.progress.Hear(broadcast.Word{
		What: what, Who: who, Person: o.Person(who), When: o.now(), Author: o.Person(c.version.Made().Author), About: c.version.Version, Rules: rules, At: c.document.At,
	})
	if err != nil {
		return err
	}
	if err := o.advance(ctx, c, next, who); err != nil {
		return err
	}
	o.look()
	return nil
}

// advance keeps how far a broadcast has come, unless somebody else changed that
// meanwhile.
func (o *Outbox) advance(ctx context.Context, c *campaign, p broadcast.Progress, who string) error {
	text, err := p.Bytes()
	if err != nil {
		return err
	}
	cmd := definition.Command{
		Kind: definition.BroadcastProgress, Key: c.key, Status: definition.Live, Document: text, ContentType: "application/json", Author: who,
		Note: string(p.State), Time: o.now(), IfMatch: c.tag,
	}
	if c.tag == "" {
		cmd.IfNoneMatch = "*"
	}
	d, err := o.Spine.Define(ctx, cmd)
	if err != nil {
		return err
	}
	c.progress, c.tag = p, d.ETag()
	return nil
}

// DueBroadcast is the job that begins a broadcast or goes on with it; ok is
// false where there is nothing to do.
func (o *Outbox) DueBroadcast(ctx context.Context, key string) (q schedule.Request, ok bool, err error) {
	p, _, err := o.progressOf(ctx, key)
	now := o.now()
	if err != nil || !p.Due(now) || o.walks.has(key) {
		return q, false, err
	}
	// One that failed is tried again a minute later.
	minute := now.Time().Truncate(time.Minute).Format(time.RFC3339)
	return schedule.Request{Kind: JobBroadcast, Subject: key, Author: "broadcast", Key: key + "\x00" + minute}, true, nil
}

// dueBroadcasts gives the jobs of all broadcasts that are due.
func (o *Outbox) dueBroadcasts(ctx context.Context, _ time.Time) (out []schedule.Request) {
	for _, s := range o.Spine.Definitions().List(definition.BroadcastProgress) {
		q, ok, err := o.DueBroadcast(ctx, s.Key)
		if err != nil {
			o.Log.Error("broadcast cannot be read", "broadcast", s.Key, "error", err)
		}
		if ok {
			out = append(out, q)
		}
	}
	return out
}

// Uses are the purposes and channels for which destinations and broadcasts ask
// for consent.
func (o *Outbox) Uses(ctx context.Context) (out []pipeline.Use, err error) {
	add := func(c *effect.ConsentAsked) {
		if c != nil {
			out = append(out, pipeline.Use{Purpose: c.Purpose, Channel: c.Channel})
		}
	}
	for _, kind := range [...]definition.Kind{definition.Destination, definition.Broadcast} {
		for _, s := range o.Spine.Definitions().List(kind) {
			v := s.Live()
			if v == nil {
				continue
			}
			d, err := o.Spine.Definition(ctx, kind, s.Key, v.Version)
			if err != nil {
				return nil, err
			}
			var asked struct {
				Consent *effect.ConsentAsked `json:"consent"`
			}
			if err := json.Unmarshal(d.Document, &asked); err != nil {
				return nil, fmt.Errorf("%s %q: %w", kind, s.Key, err)
			}
			add(asked.Consent)
		}
	}
	return out, nil
}
