package responder

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"strconv"
	"strings"

	"rapport/internal/decider"
	"rapport/internal/decision/offer"
	"rapport/internal/definition"
	"rapport/internal/experience"
	"rapport/internal/fault"
	"rapport/internal/message"
	"rapport/internal/profile/shown"
)

// give fills in what a variant shows. A reason says why it cannot: then nothing
// of it stands on the page or is taken.
func (q *question) give(m *ShownDecision, v *experience.VariantDocument, held *shown.Held) (basis uint64, reused *shown.Held, reason string) {
	before := q.mark()
	if basis, reused, reason = q.fill(m, v, held); reason != "" {
		q.undo(before)
	}
	return basis, reused, reason
}

func (q *question) fill(m *ShownDecision, v *experience.VariantDocument, held *shown.Held) (basis uint64, reused *shown.Held, reason string) {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s@%d/%s", m.Experience, m.Version, v.Key) // it never fails
	basis = h.Sum64()
	html := m.Type == "html"
	var outputs map[string]any
	if v.Model != nil {
		var err error
		if outputs, err = q.ask(v.Model); err != nil {
			q.Log.Warn("decision model of an experience", "experience", m.Experience, "model", v.Model.Key, "error", err)
			return 0, nil, ContentFailed
		}
	}
	if v.Offers != "" {
		set := q.shelf.places[v.Offers]
		if set == nil {
			return 0, nil, ContentFailed
		}
		var d *offer.Decision
		if d, reused = q.offers(set, held, m); len(m.Items) == 0 {
			return 0, nil, NothingEligible
		}
		basis = d.Basis
	}
	pen := q.pen(html, m, outputs)
	var err error
	switch {
	case v.Response != "":
		m.Content, err = pen.response(v.Response)
	case len(v.Content) > 0:
		text, ok := offer.ForLanguage(v.Content, q.Language)
		if !ok {
			return 0, nil, NothingEligible
		}
		m.Content, err = pen.content(text)
	case outputs != nil && v.Offers == "":
		m.Content, err = json.Marshal(outputs)
	}
	if err != nil {
		q.Log.Warn("content of an experience cannot be written", "experience", m.Experience, "variant", v.Key, "error", err)
		return 0, nil, ContentFailed
	}
	return basis, reused, ""
}

// ask asks a decision model. A caller who only claims to be a person is treated
// by what such a caller may know.
func (q *question) ask(want *experience.AskedModel) (map[string]any, error) {
	live := q.Spine.Definitions().Get(definition.DecisionModel, want.Key).Live()
	if live == nil {
		return nil, fault.Errorf(fault.NotFound, "model_not_found", "there is no live decision model %q", want.Key)
	}
	ask := &decider.Ask{Model: want.Key, Version: live.Version, Status: definition.Live, Inputs: map[string]json.RawMessage{}, Author: "decide"}
	if q.Dry {
		ask.Status = definition.Draft // nothing is kept
	}
	for input, param := range want.Inputs {
		if text, ok := q.Params[param]; ok {
			ask.Inputs[input] = text
		}
	}
	switch {
	case q.guest.claims || q.guest.View == nil:
		ask.Known = q.guest.known
	default:
		ask.Profile = q.guest.ident.String()
	}
	out, err := q.Model.Evaluate(q.ctx, ask)
	if err != nil {
		return nil, err
	}
	return out.Outputs, nil
}

// pen writes content for the visitor.
func (q *question) pen(html bool, m *ShownDecision, outputs map[string]any) *pen {
	return &pen{templates: &q.templates, html: html, now: q.now.Time(), vars: func() map[string]any { return q.vars(m, outputs) }}
}

// vars are what templates see.
func (q *question) vars(m *ShownDecision, outputs map[string]any) map[string]any {
	if q.variables == nil {
		q.variables = q.fixedVars()
	}
	all := map[string]any{"variant": m.Variant, "experience": m.Experience, "decision_id": m.ID}
	maps.Copy(all, q.variables)
	offers := make([]any, 0, len(m.Items))
	for _, i := range m.Items {
		offers = append(offers, readVar(map[string]any{"key": i.Offer, "content": i.Content}))
	}
	all["offers"] = offers
	if outputs != nil {
		all["outputs"] = readVar(outputs)
	}
	return all
}

func (q *question) fixedVars() map[string]any {
	known := q.guest.known
	person := map[string]any{"anonymous": known.Anonymous, "traits": known.Traits, "segments": known.Segments}
	if q.shelf.computed {
		person["computed"], person["affinities"] = known.Computed, known.Affinities
	}
	params := map[string]any{}
	for name, text := range q.Params {
		params[name] = text
	}
	event := map[string]any{}
	if q.event != nil {
		event["event"] = q.event
	}
	return map[string]any{
		"event": readVar(event)["event"], "person": readVar(person), "guest": readVar(map[string]any{"traits": known.Traits})["traits"], "params": readVar(params),
		"context": readVar(map[string]any{"channel": q.Channel, "language": q.Language, "page": q.Page}),
	}
}

// readVar makes variables of what JSON can say.
func readVar(x map[string]any) map[string]any {
	text, err := json.Marshal(x)
	if err != nil {
		return map[string]any{}
	}
	vars, err := message.Vars(text)
	if err != nil {
		return map[string]any{}
	}
	return vars
}

func joinVersion(key string, version int) string { return key + "@" + strconv.Itoa(version) }

func cutVersion(text string) (key string, version int, ok bool) {
	key, number, ok := strings.Cut(text, "@")
	version, err := strconv.Atoi(number)
	return key, version, ok && err == nil
}

func errVariant(key, variant string) error {
	return fault.Errorf(fault.NotFound, "variant_not_found", "the experience %q has no variant %q", key, variant).At("variant")
}
