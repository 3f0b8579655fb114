package observed

import "rapport/internal/clock"

// Merge adds what another has seen of the same source. The order of merges does
// not matter but for what has no room.
func (s *Source) Merge(o *Source) {
	s.Received += o.Received
	s.Beyond += o.Beyond
	s.First, s.Last = earlier(s.First, o.First), max(s.Last, o.Last)
	s.LastGood, s.LastBad = max(s.LastGood, o.LastGood), max(s.LastBad, o.LastBad)
	s.Rejected, s.Dead = sum(s.Rejected, o.Rejected), sum(s.Dead, o.Dead)
	for _, e := range o.Events {
		if e == nil {
			continue
		}
		if mine := s.Named(e.Name); mine != nil {
			mine.Merge(e)
		} else {
			s.Beyond += e.Count
		}
	}
	for key, v := range o.Violations {
		if v == nil {
			continue
		}
		s.violation(key, v.Name).merge(v)
	}
}

func earlier(a, b clock.Instant) clock.Instant {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func sum(a, b map[string]uint64) map[string]uint64 {
	if a == nil && len(b) > 0 {
		a = map[string]uint64{}
	}
	for k, n := range b {
		a[k] += n
	}
	return a
}

// Merge adds what another has seen of the same kind of event.
func (e *Event) Merge(o *Event) {
	e.Count += o.Count
	e.Looked += o.Looked
	e.First, e.Last = earlier(e.First, o.First), max(e.Last, o.Last)
	e.Beyond = e.Beyond || o.Beyond
	e.People.merge(&o.People)
	for name, f := range o.Fields {
		if f == nil {
			continue
		}
		mine := e.Fields[name]
		if mine == nil {
			if len(e.Fields) >= MaxFields {
				e.Beyond = true
				continue
			}
			mine = &Field{}
			e.Fields[name] = mine
		}
		mine.merge(f)
	}
}

func (f *Field) merge(o *Field) {
	f.Count += o.Count
	f.Whole += o.Whole
	for i := range f.Kinds {
		f.Kinds[i] += o.Kinds[i]
	}
	for i := range f.Formats {
		f.Formats[i] += o.Formats[i]
	}
	f.Distinct.merge(&o.Distinct)
}

func (s *Sketch) merge(o *Sketch) {
	for i := range s {
		s[i] = max(s[i], o[i])
	}
}

func (v *Violation) merge(o *Violation) {
	v.Planned = v.Planned || o.Planned
	v.Count += o.Count
	v.Blocked += o.Blocked
	v.Last = max(v.Last, o.Last)
	for rule, n := range o.Rules {
		v.rule(rule, n)
	}
}

func (v *Violation) rule(rule string, n uint64) {
	if v.Rules == nil {
		v.Rules = map[string]uint64{}
	}
	if _, known := v.Rules[rule]; !known && len(v.Rules) >= MaxRules {
		rule = "other"
	}
	v.Rules[rule] += n
}

func (s *Source) violation(key string, n Name) *Violation {
	if s.Violations == nil {
		s.Violations = map[string]*Violation{}
	}
	v := s.Violations[key]
	if v == nil {
		if len(s.Violations) >= MaxTypes {
			n, key = Name{Type: "other"}, "other"
			if v = s.Violations[key]; v != nil {
				return v
			}
		}
		v = &Violation{Name: n}
		s.Violations[key] = v
	}
	return v
}

// Violate counts an event that does not fit the plan, with the rules that it
// breaks; an event without any is not in the plan.
func (s *Source) Violate(n Name, rules []string, blocked bool, at clock.Instant) {
	if len(n.Name) > maxName {
		n.Name = n.Name[:maxName]
	}
	v := s.violation(n.Key(), n)
	v.Planned = v.Planned || len(rules) > 0
	v.Count++
	if blocked {
		v.Blocked++
	}
	v.Last = max(v.Last, at)
	for _, r := range rules {
		v.rule(r, 1)
	}
}

// Take counts a body that came.
func (s *Source) Take(at clock.Instant) {
	s.Received++
	if s.First == 0 {
		s.First = at
	}
	s.Last = max(s.Last, at)
}

// Reject counts events that were not taken, by reason.
func (s *Source) Reject(reason string, n uint64) {
	if s.Rejected == nil {
		s.Rejected = map[string]uint64{}
	}
	s.Rejected[reason] += n
}

// Bury counts bodies that were not understood, by reason.
func (s *Source) Bury(reason string) {
	if s.Dead == nil {
		s.Dead = map[string]uint64{}
	}
	s.Dead[reason]++
}

// Kept is a copy without the kinds of events that few people had: their names
// may be about these people, and are kept nowhere.
func (s *Source) Kept() *Source {
	out := &Source{}
	out.Merge(s)
	for key, e := range out.Events {
		if e.People.Estimate() < Common {
			delete(out.Events, key)
			out.Beyond += e.Count
		}
	}
	for key, v := range out.Violations {
		if !v.Planned && out.Events[key] == nil {
			delete(out.Violations, key)
		}
	}
	out.index = nil
	return out
}
