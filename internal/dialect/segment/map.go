package segment

import (
	"bytes"
	"unicode"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
)

// The longest texts of the protocol, in characters.
const (
	maxMessageID = 100
	maxGroupID   = 500
	maxName      = 1_000
)

// mapper turns bodies into events. It never changes once it is made.
type mapper struct {
	rules  identity.Rules
	custom []customID
}

// customID is a namespace of this instance's own and the traits that carry it.
type customID struct{ namespace, snake, camel string }

// NewMapper makes the mapper of this dialect under the instance's rules on
// identifiers.
func NewMapper(rules identity.Rules) event.Mapper {
	m := newMapper(rules)
	return func(env *event.Envelope, body jsondoc.Value) (*event.Event, error) {
		e := new(event.Event)
		s := m.scope(env.Shared)
		if err := s.fill(e, env, body); err != nil {
			return nil, err
		}
		return e, nil
	}
}

func newMapper(rules identity.Rules) *mapper {
	m := &mapper{rules: rules}
	for _, n := range rules.Namespaces {
		switch n.Name {
		case event.UserID, event.AnonymousID, event.Email, event.Phone:
		default:
			m.custom = append(m.custom, customID{namespace: n.Name, snake: n.Name, camel: camel(n.Name)})
		}
	}
	return m
}

func camel(snake string) string {
	var b bytes.Buffer
	up := false
	for _, r := range snake {
		switch {
		case r == '_' || r == '.':
			up = true
		case up:
			b.WriteRune(unicode.ToUpper(r))
			up = false
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// scope is what the events of one request share while they are mapped.
type scope struct {
	*mapper
	context jsondoc.Value // of the whole request
	about   about
	err     error              // why no event of the request can be mapped
	ids     []event.Identifier // scratch
}

// scope reads what an envelope says for all events of its request.
func (m *mapper) scope(shared []byte) *scope {
	if len(shared) == 0 {
		return &scope{mapper: m}
	}
	doc, err := jsondoc.Parse(shared, jsondoc.Limits{Depth: batchDepth})
	if err != nil {
		return &scope{mapper: m, err: fault.Errorf(fault.Invalid, "invalid_context", "the shared context is damaged: %w", err)}
	}
	return m.scopeOf(doc.Root().Get("context"))
}

// scopeOf takes the shared context itself.
func (m *mapper) scopeOf(context jsondoc.Value) *scope {
	s := &scope{mapper: m}
	if context.IsNull() {
		return s
	}
	if s.context, s.err = object(context, "context", "invalid_context"); s.err != nil {
		return s
	}
	if flaw, ok := context.Flaw(); ok {
		s.err = fault.Errorf(fault.Invalid, flaw.Kind.String(), "the shared context, byte %d: %s", flaw.Offset, flaw.Msg)
		return s
	}
	s.about.read(context)
	return s
}

// fill maps one body. A fault says why the body is no event.
func (s *scope) fill(e *event.Event, env *event.Envelope, body jsondoc.Value) error {
	if s.err != nil {
		return s.err
	}
	if body.Kind() != jsondoc.Object {
		return fault.Errorf(fault.Invalid, "invalid_event", "the event is of the kind %s; send an object", body.Kind())
	}
	if flaw, ok := body.Flaw(); ok {
		return fault.Errorf(fault.Invalid, flaw.Kind.String(), "byte %d of the event: %s", flaw.Offset-body.Offset(), flaw.Msg)
	}
	var f fields
	f.read(body)
	e.Body, e.Shared = body, s.context
	e.Source, e.ReceivedAt, e.Verified, e.Historical = env.Source, env.Received, env.Verified, env.Historical
	if err := s.what(e, env, &f); err != nil {
		return err
	}
	var a about
	a.read(e.Context)
	a.or(&s.about)
	if err := s.when(e, env, &f); err != nil {
		return err
	}
	if err := s.details(e, &f, &a); err != nil {
		return err
	}
	e.Channel = channelOf(&f, &a, env)
	return s.who(e, &f, &a)
}

// what reads the type, the objects and the message id.
func (s *scope) what(e *event.Event, env *event.Envelope, f *fields) (err error) {
	if e.Type, err = typeOf(env.Type, f.typ); err != nil {
		return err
	}
	if e.Context, err = object(f.context, "context", "invalid_context"); err != nil {
		return err
	}
	if e.Properties, err = object(f.properties, "properties", "invalid_properties"); err != nil {
		return err
	}
	if e.Traits, err = object(f.traits, "traits", "invalid_traits"); err != nil {
		return err
	}
	if e.MessageID, err = limited(f.messageID, "messageId", "invalid_message_id", maxMessageID); err != nil {
		return err
	}
	if e.MessageID == "" {
		e.MessageID = env.MessageID
	}
	return nil
}

func typeOf(path event.Type, v jsondoc.Value) (event.Type, error) {
	if path != 0 {
		return path, nil
	}
	if !v.Exists() {
		return 0, fault.Errorf(fault.Invalid, "missing_type", "type is missing; send track, identify, page, screen, group or alias").At("/type")
	}
	b, ok := v.StrBytes()
	if !ok {
		return 0, wrongKind(v, "type", "invalid_type", "a string")
	}
	if len(b) > 0 {
		if typ := event.TypeOf(string(b)); typ != 0 {
			return typ, nil
		}
	}
	return 0, fault.Errorf(fault.Invalid, "unknown_type",
		"type %.40q is not known; send track, identify, page, screen, group or alias", b).At("/type")
}

// when finds the time of the event. The request's own time of sending counts
// before the event's, which is older where the client had to send again.
func (s *scope) when(e *event.Event, env *event.Envelope, f *fields) error {
	field, v := "originalTimestamp", f.original
	if !v.Exists() {
		field, v = "timestamp", f.timestamp
	}
	original, ok := instantOf(v)
	if !ok {
		return fault.Errorf(fault.Invalid, "invalid_timestamp", "%s %.40s is no time; send ISO 8601", field, v.Raw()).At("/" + field)
	}
	sent := env.SentAt
	if sent == 0 {
		sent, _ = instantOf(f.sentAt)
	}
	e.Time, _ = corrected(env.Received, sent, original)
	return nil
}

// Skewed tells whether the event's own time could not be right, so that it
// took the time of its receipt.
func Skewed(env *event.Envelope, body jsondoc.Value) bool {
	var f fields
	f.read(body)
	original, _ := instantOf(f.original)
	if !f.original.Exists() {
		original, _ = instantOf(f.timestamp)
	}
	sent := env.SentAt
	if sent == 0 {
		sent, _ = instantOf(f.sentAt)
	}
	_, skewed := corrected(env.Received, sent, original)
	return skewed
}

// details reads what belongs to one type only.
func (s *scope) details(e *event.Event, f *fields, a *about) (err error) {
	switch e.Type {
	case event.Track:
		if e.Name, err = limited(f.event, "event", "invalid_event_name", maxName); err == nil && e.Name == "" {
			err = fault.Errorf(fault.Invalid, "missing_event_name", "event is missing; a track call names what happened").At("/event")
		}
	case event.Page, event.Screen:
		e.Name, err = limited(f.name, "name", "invalid_name", maxName)
	case event.Group:
		if e.GroupID, err = limited(f.groupID, "groupId", "invalid_group_id", maxGroupID); err == nil && e.GroupID == "" {
			err = fault.Errorf(fault.Invalid, "missing_group_id", "groupId is missing; a group call names the group").At("/groupId")
		}
	}
	if err != nil {
		return err
	}
	if e.Type != event.Group {
		if g, ok := text(a.groupID); ok && len(g) <= maxGroupID {
			e.GroupID = g
		}
		if !e.Traits.Exists() || e.Type != event.Identify {
			e.Traits = jsondoc.Value{}
			if a.traits.Kind() == jsondoc.Object {
				e.Traits = a.traits
			}
		}
	}
	return nil
}

// direct tells whether an event says that it comes from the person's own
// device, so that the caller's address is theirs.
func (s *scope) direct(body jsondoc.Value) bool {
	v := body.Get("context").Get("direct")
	if !v.Exists() {
		v = s.about.direct
	}
	yes, _ := v.Bool()
	return yes
}

// sentAt reads a time of sending; one that is none is not known.
func sentAt(v jsondoc.Value) clock.Instant {
	at, _ := instantOf(v)
	return at
}
