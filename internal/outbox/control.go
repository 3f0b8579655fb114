package outbox

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/destination"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// ControlState says whether a destination is told anything.
type ControlState string

// The states.
const (
	Active   ControlState = "active"
	Paused   ControlState = "paused"   // messages wait
	Draining ControlState = "draining" // nothing new is taken, what waits is sent
	Stopped  ControlState = "stopped"  // by the brake: a person has to release it
)

// Control is what was said of a destination beside its definition. It is kept as
// a definition of its own, so that it says who said it and when.
type Control struct {
	State    ControlState  `json:"state"`
	Since    clock.Instant `json:"since"`
	Reason   string        `json:"reason,omitempty"`
	Released clock.Instant `json:"released_until,omitzero"` // no brake until then
}

// sends tells whether messages leave.
func (c *Control) sends(time.Time) bool { return c.State != Paused && c.State != Stopped }

func (c *Control) released(now time.Time) bool { return now.Before(c.Released.Time()) }

// obey takes the newest word on a destination: for its line, and for those of
// broadcasts that go through it.
func (o *Outbox) obey(s *definition.Series) error {
	var lines []*line
	for _, l := range o.lines {
		if l.key == s.Key || l.base == s.Key {
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	v := s.Newest()
	d, err := o.Spine.Definition(o.ctx, v.Kind, v.Key, v.Version)
	if err != nil {
		return err
	}
	var c Control
	if err := json.Unmarshal(d.Document, &c); err != nil {
		return err
	}
	for _, l := range lines {
		l.mu.Lock()
		at := &l.control
		if l.base != "" {
			at = &l.above
		}
		if c.Since >= at.Since {
			*at = c
		}
		l.mu.Unlock()
		l.nudge()
	}
	return nil
}

// Command changes whether a destination is told anything: pause, resume, drain,
// or release, which lets it send past its brake for a while.
func (o *Outbox) Command(ctx context.Context, key, what, author string, release time.Duration) error {
	c := Control{Since: o.now()}
	switch what {
	case "pause":
		c.State, c.Reason = Paused, "paused by a person"
	case "resume":
		c.State = Active
	case "drain":
		c.State, c.Reason = Draining, "what waits is sent, nothing new is taken"
	case "release":
		c.State, c.Released = Active, c.Since.Add(release)
	default:
		return fault.Errorf(fault.Invalid, "unknown_command", "%q is none of pause, resume, drain and release", what)
	}
	if l := o.today(key); l != nil {
		l.mu.Lock()
		// Resuming does not let go of the brake.
		if what == "resume" && l.control.State == Stopped {
			l.mu.Unlock()
			return fault.Errorf(fault.Conflict, "destination_stopped", "the destination %q was told more in a minute than its stop_at allows: release it, or raise stop_at first", key)
		}
		if what == "release" {
			l.brake = brake{}
		}
		l.mu.Unlock()
	}
	if err := o.control(ctx, key, c, author); err != nil {
		return err
	}
	o.look()
	return nil
}

func (o *Outbox) control(ctx context.Context, key string, c Control, author string) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, err = o.Spine.Define(ctx, definition.Command{
		Kind: definition.DestinationControl, Key: key, Status: definition.Live, Document: text, ContentType: "application/json", Author: author,
		Note: c.Reason,
	})
	return err
}

// halt stops a line that was told too much. The caller holds its lock.
func (l *line) halt() {
	l.control = Control{State: Stopped, Since: l.now(), Reason: "more was sent in a minute than stop_at allows: look at what is waiting, then release it"}
	l.brake = brake{}
	c := l.control
	l.Log.Warn("destination stopped: it was told too much in a minute", "destination", l.key, "stop_at", l.target.StopAt)
	l.work.Go(func() {
		for l.keepControl(c) != nil && pause(l.ctx, l.Pace.First) {
			continue
		}
	})
}

func (l *line) keepControl(c Control) error {
	err := l.Outbox.control(l.ctx, l.key, c, "rapport")
	if err != nil {
		l.Log.Error("stop of a destination cannot be kept yet", "destination", l.key, "error", err)
	}
	return err
}

// Kinds are the types of destination.
func (o *Outbox) Kinds() []destination.Type { return slices.Collect(maps.Values(o.Types)) }

// Deliveries lists what a destination was told and what not.
func (o *Outbox) Deliveries(ctx context.Context, q pipeline.DeliveryQuery) (pipeline.Page[pipeline.Delivery], error) {
	return o.Spine.Deliveries(ctx, q)
}

// State tells how a destination is.
func (o *Outbox) State(key string) DestinationState {
	counts := o.Spine.EffectCounts()[key]
	if l := o.today(key); l != nil {
		return l.state(counts)
	}
	return DestinationState{State: "inactive", Counts: map[string]int64{}}
}
