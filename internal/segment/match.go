package segment

import (
	"rapport/internal/clock"
	"rapport/internal/jsondoc"
	"rapport/internal/segment/condition"
)

// Matches tells whether a test holds for one value, given as canonical JSON;
// "" is no value. It is what Evaluate does, for an index of columns.
func Matches(t *condition.Test, canonical string, now clock.Instant) bool {
	var c Cells
	if canonical != "" && canonical != "null" {
		c.AddJSON(canonical, "")
	}
	yes, _ := holds(t, c.List, now)
	return yes
}

// MatchesTime is Matches for an instant, such as last_seen; zero is none.
func MatchesTime(t *condition.Test, at, now clock.Instant) bool {
	var c Cells
	c.AddTime(at)
	yes, _ := holds(t, c.List, now)
	return yes
}

// MatchesCount is Matches for a count.
func MatchesCount(t *condition.Test, n int64, now clock.Instant) bool {
	var c Cells
	c.AddNumber(n)
	yes, _ := holds(t, c.List, now)
	return yes
}

// Bounds are the ends of a window at an instant: events at from or later and
// before to are inside. Zero is open.
func Bounds(w *condition.Window, now clock.Instant) (from, to clock.Instant) {
	p, err := periodOf(w)
	if err != nil {
		return 0, 0
	}
	switch p.kind {
	case condition.Fixed:
		return p.from, p.to
	case condition.Sliding:
		// The event of an instant leaves at that instant and the window's length.
		if p.last != 0 {
			from = now.Add(-p.last) + 1
		}
		if p.until != 0 {
			to = now.Add(-p.until) + 1
		}
	case condition.Calendar:
		from = p.start(now, 1-p.ago-p.periods)
		if p.ago > 0 {
			to = p.start(now, 1-p.ago)
		}
	}
	return from, to
}

// ItemsOf calls visit with the ids of the items that properties are about.
func ItemsOf(properties jsondoc.Value, visit func(id string)) {
	var c Cells
	addItems(&c, properties)
	for i := range c.List {
		visit(string(c.List[i].Text))
	}
}

// MatchesAt is Matches for the values at a path of one document.
func MatchesAt(t *condition.Test, canonical, path string, now clock.Instant) bool {
	var c Cells
	if canonical != "" && canonical != "null" {
		c.AddJSON(canonical, path)
	}
	yes, _ := holds(t, c.List, now)
	return yes
}
