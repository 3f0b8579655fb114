package profile

import (
	"encoding/json"
	"fmt"

	"rapport/internal/clock"
)

// Lineage says where the values of a profile came from.
type Lineage struct {
	Traits map[string]TraitLineage `json:"traits"`
}

// TraitLineage is where a trait's value came from, and what else was said.
type TraitLineage struct {
	Saying
	// Others are the latest values of the other sources, the newest first.
	Others []Saying `json:"others,omitempty"`
}

// Saying is a value that a source gave.
type Saying struct {
	Value     json.RawMessage `json:"value"`
	Source    string          `json:"source"`
	Time      clock.Instant   `json:"time"`
	MessageID string          `json:"message_id"`
}

func (p *Partial) lineage(opts Options) *Lineage {
	l := &Lineage{Traits: map[string]TraitLineage{}}
	p.winners(func(t *trait, others []trait) {
		tl := TraitLineage{Saying: saying(t, opts)}
		for i := range others {
			tl.Others = append(tl.Others, saying(&others[i], opts))
		}
		l.Traits[t.name] = tl
	})
	return l
}

func saying(t *trait, opts Options) Saying {
	s := Saying{Value: json.RawMessage(t.value), Source: t.source, Time: t.stamp.Time}
	if opts.MessageID != nil {
		s.MessageID = opts.MessageID(t.stamp.Short, t.source, t.stamp.Time)
	}
	if s.MessageID == "" {
		s.MessageID = fmt.Sprintf("%016x", t.stamp.Short)
	}
	return s
}
