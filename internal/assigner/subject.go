package assigner

import (
	"bytes"
	"context"
	"encoding/json"

	"rapport/internal/event"
	"rapport/internal/experiment"
	"rapport/internal/fault"
	"rapport/internal/feel"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

// subject is who asks, with what is found out where it is needed.
type subject struct {
	experiment.Subject
	anchor  event.Identifier
	assign  *Assigner
	ctx     context.Context //nolint:containedctx // of the request, for callbacks of the domain that hand none on
	context json.RawMessage
	view    *profile.View
	looked  bool
	trusted bool
	badLink string
	known   *experiment.Person
	open    *experiment.Person
}

func (a *Assigner) subject(ctx context.Context, q *Request) (*subject, error) {
	idents, _ := a.Spine.Rules().Choose(q.Identifiers)
	who := &subject{assign: a, ctx: ctx, context: q.Context, trusted: q.Trusted}
	if len(idents) > 0 {
		who.anchor = idents[0]
		who.Unit = idents[0].String()
		var err error
		if who.Seen, err = a.Spine.Shown(ctx, idents); err != nil {
			return nil, err
		}
		who.Seen = a.recorder.add(who.Seen, who.anchor)
	}
	who.Features = who.features
	for _, token := range q.Links {
		l, err := experiment.ReadLink(token, a.LinkKey, a.Clock.Now())
		if err != nil {
			// It stays in addresses that people keep: they get what all get.
			who.badLink = fault.Of(err).Code
			continue
		}
		if who.Forced == nil {
			who.Forced = map[string]string{}
		}
		who.Forced[l.Experiment] = l.Variant
	}
	return who, nil
}

// person is what an audience may ask of who asks: all that is known, or only
// what the request says.
func (s *subject) person(known bool) *experiment.Person {
	p := &s.open
	if known {
		p = &s.known
	}
	if *p != nil {
		return *p
	}
	*p = &experiment.Person{Context: s.contextValue, Now: feel.FromTime(s.assign.Clock.Now().Time())}
	if known {
		(*p).Segments = func() []string {
			if v := s.look(); v != nil {
				return v.Segments
			}
			return nil
		}
		(*p).Profile = func() feel.Value {
			v := s.look()
			if v == nil {
				return feel.Null
			}
			text, err := json.Marshal(v)
			if err != nil {
				return feel.Null
			}
			return valueOf(text)
		}
	}
	return *p
}

// look reads the profile, once; nil where nobody is known.
func (s *subject) look() *profile.View {
	if s.looked || s.anchor.Value == "" {
		return s.view
	}
	s.looked = true
	v, err := s.assign.Spine.Profile(s.ctx, s.anchor.String(), pipeline.ProfileOptions{})
	if err != nil {
		if k := fault.KindOf(err); k != fault.NotFound && k != fault.Gone {
			s.assign.Log.Warn("an audience is answered as if nobody was known", "error", err)
		}
		return nil
	}
	s.view = v
	return v
}

func (s *subject) contextValue() feel.Value { return valueOf(s.context) }

// valueOf is JSON as FEEL sees it; null where it is none.
func valueOf(text json.RawMessage) feel.Value {
	if len(text) == 0 {
		return feel.Null
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var x any
	if d.Decode(&x) != nil {
		return feel.Null
	}
	v, err := feel.FromGo(x)
	if err != nil {
		return feel.Null
	}
	return v
}
