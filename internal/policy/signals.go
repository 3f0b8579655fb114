package policy

import (
	"encoding/json"
	"fmt"

	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// Resolve writes what the browser's signals mean by the policy beside an event
// that carries one, so that it means the same whenever the event is read. It
// gives the event and what its envelope shall share; nil where there is nothing
// to say.
func (p *Policy) Resolve(v *event.Event, shared []byte) (out *event.Event, stored []byte, err error) {
	if p == nil || p.document.Signals == nil {
		return nil, nil, nil
	}
	if gpc, dnt := said(v, "gpc"), said(v, "dnt"); !gpc && !dnt {
		return nil, nil, nil
	}
	meaning := map[string][]string{"gpc": p.document.Signals.GPC, "dnt": p.document.Signals.DNT}
	for name, list := range meaning {
		if list == nil {
			meaning[name] = []string{}
		}
	}
	whole, context := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if len(shared) > 0 {
		if err := json.Unmarshal(shared, &whole); err != nil {
			return nil, nil, fmt.Errorf("shared context: %w", err)
		}
	}
	if raw, ok := whole["context"]; ok {
		if err := json.Unmarshal(raw, &context); err != nil {
			return nil, nil, fmt.Errorf("shared context: %w", err)
		}
	}
	if context == nil { // the client sent null
		context = map[string]json.RawMessage{}
	}
	if context[consent.SignalsMember], err = json.Marshal(meaning); err != nil {
		return nil, nil, fmt.Errorf("meaning of signals: %w", err)
	}
	if whole["context"], err = json.Marshal(context); err != nil {
		return nil, nil, fmt.Errorf("meaning of signals: %w", err)
	}
	if stored, err = json.Marshal(whole); err != nil {
		return nil, nil, fmt.Errorf("meaning of signals: %w", err)
	}
	doc, err := jsondoc.Parse(stored, jsondoc.Limits{Depth: sharedDepth})
	if err != nil {
		return nil, nil, fmt.Errorf("shared context: %w", err)
	}
	again := *v
	again.Shared = doc.Root().Get("context")
	return &again, stored, nil
}

func said(v *event.Event, name string) bool {
	on, _ := v.About(name).Bool()
	return on
}

// sharedDepth is how deep a shared context may go, as doors take it.
const sharedDepth = 34
