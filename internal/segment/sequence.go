package segment

import (
	"slices"
	"time"

	"rapport/internal/clock"
)

// chainMemory is what a sequence is looked at with.
type chainMemory struct {
	times [][]clock.Instant // of each step
	runs  []run
}

// run is one way in which a sequence came about: the window has to hold its
// start and its end, and before ripe it does not count.
type run struct {
	start, end, ripe clock.Instant
}

// sequence answers for one event after the other.
func (e *Evaluator) sequence(l *leaf, now clock.Instant) (bool, clock.Instant) {
	m, c := &e.chain, l.node.Sequence
	m.times = slices.Grow(m.times[:0], len(l.sources))[:len(l.sources)]
	for i, src := range l.sources {
		m.times[i] = m.times[i][:0]
		if s := e.source(src); s != nil {
			for k := range s.entries {
				if n := len(m.times[i]); n == 0 || m.times[i][n-1] != s.entries[k].at {
					m.times[i] = append(m.times[i], s.entries[k].at)
				}
			}
		}
	}
	if c.Absent {
		m.absent(c.Within)
	} else {
		m.present(c.Within)
	}
	runs, p := m.runs, &l.period
	at := func(now clock.Instant) (bool, clock.Instant) {
		some, next := false, never
		for i := range runs {
			yes, change := runs[i].counts(p, now)
			some, next = some || yes, sooner(next, change)
		}
		return some, next
	}
	was, next := at(now)
	return was, exactly(next, was, at)
}

func (r *run) counts(p *period, now clock.Instant) (bool, clock.Instant) {
	from := max(p.enters(r.end), r.ripe)
	to := p.leaves(r.start)
	switch {
	case to != never && (now >= to || from >= to):
		return false, never
	case now < from:
		return false, from
	}
	return true, to
}

// present finds for every end the latest start, in the order of time. Of runs
// the later start and end are as good as any before, where nothing enters late.
func (m *chainMemory) present(within time.Duration) {
	m.runs = m.runs[:0]
	starts := m.times[0]
	best := make([]clock.Instant, len(m.times)) // the latest start that leads to each step
	at := make([]int, len(m.times))
	for {
		now, some := never, false
		for i := range m.times {
			if at[i] < len(m.times[i]) && (!some || m.times[i][at[i]] < now) {
				now, some = m.times[i][at[i]], true
			}
		}
		if !some {
			return
		}
		// From the last step to the first: events of one instant do not follow
		// one another.
		for i := len(m.times) - 1; i >= 0; i-- {
			if at[i] == len(m.times[i]) || m.times[i][at[i]] != now {
				continue
			}
			at[i]++
			switch {
			case i == 0:
				best[0] = starts[at[0]-1]
			case best[i-1] == never:
			case i < len(m.times)-1:
				best[i] = best[i-1]
			case within == 0 || now.Sub(best[i-1]) <= within:
				m.runs = append(m.runs, run{start: best[i-1], end: now})
			}
		}
	}
}

// absent finds the first events that no second one followed in time.
func (m *chainMemory) absent(within time.Duration) {
	m.runs = m.runs[:0]
	first, second := m.times[0], m.times[1]
	k := 0
	for _, a := range first {
		for k < len(second) && second[k] <= a {
			k++
		}
		switch {
		case within == 0:
			if k == len(second) {
				m.runs = append(m.runs, run{start: a, end: a})
			}
		case k == len(second) || second[k].Sub(a) > within:
			m.runs = append(m.runs, run{start: a, end: a, ripe: a.Add(within) + 1})
		}
	}
}
