package effect

import (
	"cmp"
	"maps"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/event"
)

// Book is all destinations with when which version counted. It is immutable:
// Learn gives another one.
type Book struct {
	versions map[string][]Edition
	list     []listed
}

// Edition is a version of a destination and its time: from included, to
// excluded; zero: it counts still.
type Edition struct {
	Version  int
	From, To clock.Instant
	*Target
}

type listed struct {
	key      string
	editions []Edition
}

// Learn takes a change of a definition. What cannot be read counts for nothing:
// it was refused when it was defined. What was learnt before changes nothing.
func (b *Book) Learn(f *definition.Fact) *Book {
	if f.Kind != definition.Destination {
		return b
	}
	out := &Book{versions: map[string][]Edition{}}
	if b != nil {
		out.versions = maps.Clone(b.versions)
	}
	list := slices.Clone(out.versions[f.Key])
	at := slices.IndexFunc(list, func(e Edition) bool { return e.Version == f.Version })
	if at < 0 {
		t, err := Read(f.Document)
		if err != nil {
			return b
		}
		list = append(list, Edition{Version: f.Version, Target: t})
		at = len(list) - 1
	}
	switch {
	case f.Status == definition.Live && list[at].From == 0:
		for i := range list {
			if i != at && list[i].From != 0 && list[i].To == 0 {
				list[i].To = f.Time
			}
		}
		list[at].From = f.Time
	case f.Status == definition.Archived && list[at].From != 0 && list[at].To == 0:
		list[at].To = f.Time
	}
	out.versions[f.Key] = list
	for _, key := range slices.Sorted(maps.Keys(out.versions)) {
		editions := slices.DeleteFunc(slices.Clone(out.versions[key]), func(e Edition) bool { return e.From == 0 })
		slices.SortFunc(editions, func(x, y Edition) int { return cmp.Compare(x.From, y.From) })
		if len(editions) > 0 {
			out.list = append(out.list, listed{key, editions})
		}
	}
	return out
}

// Any tells whether something may have to be planned.
func (b *Book) Any() bool { return b != nil && len(b.list) > 0 }

// At gives the version of a destination that counted at an instant; nil where
// none did.
func (b *Book) At(key string, at clock.Instant) *Edition {
	if b == nil {
		return nil
	}
	i := slices.IndexFunc(b.list, func(l listed) bool { return l.key == key })
	if i < 0 {
		return nil
	}
	return b.list[i].at(at)
}

func (l *listed) at(now clock.Instant) *Edition {
	for i := len(l.editions) - 1; i >= 0; i-- {
		e := &l.editions[i]
		if e.From <= now && (e.To == 0 || now < e.To) {
			return e
		}
	}
	return nil
}

// Moment is when a record came in and what led to it.
type Moment struct {
	Received clock.Instant
	// Historical says that the record loads the past.
	Historical bool
}

// Planned hears what is planned for a destination, or why it is not: then kind
// is what was asked for and reason is not empty.
type Planned func(key string, kind Kind, segment, reason string)

// OnEvent plans for an event that was folded.
func (b *Book) OnEvent(e *event.Event, tell Planned) {
	var read *feelEvent
	for i := range b.list {
		l := &b.list[i]
		t := l.at(e.ReceivedAt)
		if t == nil {
			continue
		}
		reason := ""
		switch {
		case e.Historical:
			reason = Historical
		case t.Late(e.Time, e.ReceivedAt):
			reason = Stale
		}
		if t.Matches(e) {
			if t.filter != nil && read == nil {
				read = readEvent(e)
			}
			if t.filter == nil || read.passes(t.filter) {
				tell(l.key, Event, "", reason)
			}
		}
		if t.Profile != nil && speaks(e) {
			tell(l.key, Profile, "", reason)
		}
	}
}

// speaks tells whether an event may change what is known of a person beside
// what is counted.
func speaks(e *event.Event) bool { return e.Traits.Exists() || e.Type == event.Alias }

// Cause is what led to a passage.
type Cause uint8

// The causes of passages.
const (
	ByEvent      Cause = iota // an event of the person, or time
	ByJoining                 // the person became one with another
	ByDefinition              // the segment itself was changed
)

// Passed is an entry into a segment or an exit from it.
type Passed struct {
	Segment string
	Entered bool
	Cause   Cause
	// Moved says that the person's home went elsewhere: who left here may be in
	// the segment there.
	Moved    bool
	At       clock.Instant // of the passage
	Happened clock.Instant // what led to it, zero where that is the passage itself
	Moment
}

// OnPassage plans for an entry or an exit.
func (b *Book) OnPassage(x *Passed, tell Planned) {
	for i := range b.list {
		l := &b.list[i]
		t := l.at(max(x.Received, x.At))
		if t == nil {
			continue
		}
		if t.Audience != nil && t.Audience.Segment == x.Segment {
			// An audience is what the segment is, whatever led to it.
			tell(l.key, Member, x.Segment, "")
		}
		kind := Left
		if x.Entered {
			kind = Entered
		}
		if !t.wants(x.Segment, kind) {
			continue
		}
		if x.Moved {
			if t.wants(x.Segment, Left) {
				tell(l.key, Check, x.Segment, "")
			}
			continue
		}
		tell(l.key, kind, x.Segment, x.Reason(t.Target))
	}
}

// Reason says why nobody is told of the passage; empty: somebody is.
func (x *Passed) Reason(t *Target) string {
	switch {
	case x.Cause == ByDefinition:
		return Definition
	case x.Historical:
		return Historical
	case t.Late(x.At, x.Received) || x.Happened != 0 && t.Late(x.Happened, x.Received):
		return Stale
	}
	return ""
}

func (t *Target) wants(segment string, kind Kind) bool {
	return slices.ContainsFunc(t.Segments, func(p SegmentChoice) bool {
		return p.Key == segment && slices.Contains(p.On, string(kind))
	})
}
