package decider

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/decision/kept"
	"rapport/internal/definition"
	"rapport/internal/feel"
	"rapport/internal/pipeline"
)

// Comparison says how two versions of a model differ on the same questions.
type Comparison struct {
	Version   int                     `json:"version" doc:"The version that was tried"`
	Compared  int64                   `json:"compared" doc:"Decisions that both made"`
	Same      int64                   `json:"same"`
	Different int64                   `json:"different"`
	Outputs   map[string]*OutputTally `json:"outputs" doc:"By the name of the output"`
	Samples   []Sample                `json:"samples" nullable:"false" doc:"The newest that differ"`
}

// OutputTally says how often one output came to something else.
type OutputTally struct {
	Different int64          `json:"different"`
	Changes   []OutputChange `json:"changes,omitempty" doc:"From what to what, the most frequent first"`
}

// OutputChange is what an output came to, and what it would come to.
type OutputChange struct {
	From  json.RawMessage `json:"from" doc:"Null also where there is no such output"`
	To    json.RawMessage `json:"to"`
	Count int64           `json:"count"`
}

// Sample is a decision that differs.
type Sample struct {
	ID      kept.ID  `json:"id" doc:"The kept decision"`
	Differs []string `json:"differs" doc:"The outputs that differ"`
}

// How much a comparison tells.
const (
	maxSamples = 50
	maxChanges = 20
	maxKnown   = 1000 // distinct changes that are counted; others are not listed
	maxShown   = 200  // bytes of a value
)

func newComparison(version int) *Comparison {
	return &Comparison{Version: version, Outputs: map[string]*OutputTally{}, Samples: []Sample{}}
}

func (c *Comparison) add(id kept.ID, differs []string) {
	c.Compared++
	if len(differs) == 0 {
		c.Same++
		return
	}
	c.Different++
	for _, name := range differs {
		c.output(name).Different++
	}
	if len(c.Samples) < maxSamples {
		c.Samples = append(c.Samples, Sample{id, differs})
	}
}

func (c *Comparison) output(name string) *OutputTally {
	o := c.Outputs[name]
	if o == nil {
		o = &OutputTally{}
		c.Outputs[name] = o
	}
	return o
}

// changes counts from what to what outputs change.
type changes map[string]map[[2]string]int64

func (c changes) add(differs []string, from, to []feel.Entry) {
	for _, name := range differs {
		pair := [2]string{shown(from, name), shown(to, name)}
		if c[name] == nil {
			c[name] = map[[2]string]int64{}
		}
		if _, known := c[name][pair]; known || len(c[name]) < maxKnown {
			c[name][pair]++
		}
	}
}

func shown(entries []feel.Entry, name string) string {
	for _, e := range entries {
		if e.Key != name {
			continue
		}
		text, err := json.Marshal(e.Value.Go())
		if err != nil || len(text) > maxShown {
			return `"…"`
		}
		return string(text)
	}
	return "null"
}

func (c changes) into(out *Comparison) {
	for name, pairs := range c {
		o := out.output(name)
		for pair, n := range pairs {
			o.Changes = append(o.Changes, OutputChange{json.RawMessage(pair[0]), json.RawMessage(pair[1]), n})
		}
		slices.SortFunc(o.Changes, func(a, b OutputChange) int {
			if a.Count != b.Count {
				return int(b.Count - a.Count)
			}
			return strings.Compare(string(a.From)+"\x00"+string(a.To), string(b.From)+"\x00"+string(b.To))
		})
		o.Changes = o.Changes[:min(len(o.Changes), maxChanges)]
	}
}

// Compare tells how a version in test differed from the live ones that it ran
// beside since an instant, from what is kept.
func (d *Decider) Compare(ctx context.Context, key string, version int, from clock.Instant) (*Comparison, error) {
	out := newComparison(version)
	q := pipeline.DecisionQuery{Model: key, Version: version, Status: definition.Test, From: from, Limit: 5000}
	for {
		page, err := d.Spine.Decisions(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			if h := &page.Items[i]; h.Beside != nil {
				out.add(h.ID, h.Differs)
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return out, nil
		}
	}
}
