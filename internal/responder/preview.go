package responder

import (
	"context"

	"rapport/internal/experience"
	"rapport/internal/experiment"
)

// readPreview reads the token of a preview: with one nothing at all is written
// down or taken. One that is no good is as none.
func (q *question) readPreview() error {
	if q.Preview == "" {
		return nil
	}
	link, err := experiment.ReadLink(q.Preview, q.Key, q.now)
	if err != nil {
		return nil //nolint:nilerr // who shows a bad token sees what everybody sees
	}
	key, version, ok := cutVersion(link.Experiment)
	if !ok {
		return nil
	}
	q.forced = link.Variant
	q.preview, err = q.Responder.shelf.version(q.ctx, key, version)
	q.Dry = q.Dry || q.preview != nil
	return err
}

// PreviewToken lets whoever has it see a variant of a version.
func (r *Responder) PreviewToken(ctx context.Context, key string, version int, variant string, until instant) (string, error) {
	x, err := r.shelf.version(ctx, key, version)
	if err != nil {
		return "", err
	}
	if x.Variant(variant) == nil {
		return "", errVariant(key, variant)
	}
	return (&experiment.Link{Experiment: joinVersion(key, version), Variant: variant, Until: until}).Token(r.Key), nil
}

// previewed gives a variant that a token forces: to whoever has it, with nothing
// written down.
func (q *question) previewed(m ShownDecision, x *experience.Ready) ShownDecision {
	v := x.Variant(q.forced)
	if v == nil {
		return q.fallback(m, x.Fallback, UnknownExperience)
	}
	m.Experience, m.Version, m.Variant, m.Control, m.Display, m.Preview = x.Key, x.Version, v.Key, v.Control, x.Display, true
	if _, _, reason := q.give(&m, v, nil); reason != "" {
		return q.fallback(m, x.Fallback, reason)
	}
	m.ID = ""
	return m
}
