package condition

import (
	"slices"

	"rapport/internal/jsondoc"
)

// followed reads the short form of a sequence of two.
func (p *parser) followed(r *raw) (*Node, error) {
	if err := r.known(matchKeys, chainKeys, []string{"within", "window"}); err != nil {
		return nil, err
	}
	next, absent := r.get("followed_by"), r.has("not_followed_by")
	if absent {
		if next != nil {
			return nil, bad(next.at, "invalid_condition", "followed_by and not_followed_by are two sequences: write two conditions")
		}
		next = r.get("not_followed_by")
	}
	c := &Chain{Absent: absent}
	first, err := r.match()
	if err != nil {
		return nil, err
	}
	second, err := next.step([]string(nil))
	if err != nil {
		return nil, err
	}
	c.Steps = []Match{first, second}
	return &Node{Kind: Sequence, At: r.at, Sequence: c}, c.times(r)
}

func (r *raw) step(more []string) (Match, error) {
	if r.kind != jsondoc.Object {
		return Match{}, bad(r.at, "invalid_condition", "a step is an event such as {\"event\": \"Order Completed\"}, not %s", r.describe())
	}
	if err := r.known(matchKeys, more); err != nil {
		return Match{}, err
	}
	if !slices.ContainsFunc(matchKeys[:4], r.has) {
		return Match{}, bad(r.at, "invalid_condition", "a step names an event, page, screen or action")
	}
	return r.match()
}

func (p *parser) sequence(r *raw) (*Node, error) {
	if err := r.known([]string{"sequence", "within", "window"}); err != nil {
		return nil, err
	}
	v := r.get("sequence")
	if v.kind != jsondoc.Array || len(v.kids) < 2 || len(v.kids) > MaxSteps {
		return nil, bad(v.at, "invalid_condition", "a sequence is a list of 2 to %d events, not %s", MaxSteps, v.describe())
	}
	c := &Chain{}
	for i, k := range v.kids {
		m, err := k.step([]string{"absent"})
		if err != nil {
			return nil, err
		}
		c.Steps = append(c.Steps, m)
		if !k.flag("absent") {
			continue
		}
		if i != 1 || len(v.kids) != 2 {
			return nil, bad(k.at, "invalid_condition", "only the last of two events can be absent: split the sequence")
		}
		c.Absent = true
	}
	return &Node{Kind: Sequence, At: r.at, Sequence: c}, c.times(r)
}

func (c *Chain) times(r *raw) error {
	var err error
	if w := r.get("within"); w != nil {
		if c.Within, err = w.duration(); err != nil {
			return err
		}
	}
	c.Window, err = r.window(false)
	return err
}
