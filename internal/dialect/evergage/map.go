package evergage

import (
	"bytes"
	"strings"
	"sync"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
)

// The longest texts of the protocol, in characters.
const (
	maxMessageID = 100
	maxName      = 1_000
	maxGroupID   = 500
)

// The ways in which a body can come. The name stands in what the envelope says
// for the whole request; the Event API is the usual one and has none.
const (
	viaEvent  = ""
	viaBeacon = "beacon"
	viaWeb    = "web_events"
	viaIngest = "ingest"
	viaStat   = "campaign_stat"
)

// webAlone is what the envelope says of most web events: nothing but the way.
const webAlone = `{"via":"` + viaWeb + `"}`

// mapper turns bodies into events. It never changes once it is made.
type mapper struct {
	rules identity.Rules
	vault *vault
}

// NewMapper makes the mapper of this dialect under the instance's rules on
// identifiers. The key is the one that the door has.
func NewMapper(rules identity.Rules, key Key) event.Mapper {
	m := &mapper{rules: rules, vault: newVault(key)}
	return func(env *event.Envelope, body jsondoc.Value) (*event.Event, error) {
		e := new(event.Event)
		if _, err := m.fill(e, env, body); err != nil {
			return nil, err
		}
		return e, nil
	}
}

// shared is what an envelope says for the whole request.
type shared struct {
	via     string
	object  string        // ingest: the object the rows are of
	items   jsondoc.Value // web events: the lines that belong to a cart or an order
	context jsondoc.Value // signals of the browser, and what they mean
}

func readShared(b []byte) (shared, error) {
	var s shared
	if len(b) == 0 {
		return s, nil
	}
	if string(b) == webAlone { // as nearly all of them
		s.via = viaWeb
		return s, nil
	}
	doc, err := jsondoc.Parse(b, jsondoc.Limits{})
	if err != nil {
		return s, fault.Errorf(fault.Invalid, "invalid_context", "what was kept of the request is damaged: %w", err)
	}
	root := doc.Root()
	s.via, s.object, s.items = root.Get("via").Text(), root.Get("object").Text(), root.Get("items")
	s.context = root.Get("context")
	return s, nil
}

// mapping is one body on its way to an event.
type mapping struct {
	*mapper
	e      *event.Event
	env    *event.Envelope
	body   jsondoc.Value
	shared shared
	ids    []event.Identifier
	out    writer           // {"p":properties,"c":context,"t":traits}
	again  event.Identifier // what the enciphered user id says
	forged bool             // the enciphered user id is not ours; the event counts all the same
}

// fill maps one body. A fault says why the body is no event.
func (m *mapper) fill(e *event.Event, env *event.Envelope, body jsondoc.Value) (*mapping, error) {
	g := &mapping{mapper: m, e: e, env: env, body: body}
	var err error
	if g.shared, err = readShared(env.Shared); err != nil {
		return g, err
	}
	if body.Kind() != jsondoc.Object {
		return g, fault.Errorf(fault.Invalid, "invalid_event", "the event is of the kind %s; send an object", body.Kind())
	}
	if flaw, ok := body.Flaw(); ok {
		return g, fault.Errorf(fault.Invalid, flaw.Kind.String(), "byte %d of the event: %s", flaw.Offset-body.Offset(), flaw.Msg)
	}
	e.Body, e.Shared, e.NameOnly, e.MessageID = body, g.shared.context, true, env.MessageID
	e.Source, e.ReceivedAt, e.Verified, e.Historical = env.Source, env.Received, env.Verified, env.Historical
	scratch, _ := scratches.Get().(*[]byte)
	defer scratches.Put(scratch)
	g.out.b = append((*scratch)[:0], '{')
	switch g.shared.via {
	case viaEvent:
		err = g.event()
	case viaBeacon:
		err = g.beacon()
	case viaWeb:
		err = g.webEvent()
	case viaIngest:
		err = g.row()
	case viaStat:
		err = g.campaignStat()
	default:
		err = fault.Errorf(fault.Invalid, "invalid_event", "the event came in the way %.40q, which this version does not know", g.shared.via)
	}
	if err != nil {
		return g, err
	}
	if *scratch = append(g.out.b, '}'); cap(*scratch) > maxScratch {
		*scratch = make([]byte, 0, maxScratch)
	}
	g.out.b = nil
	if err := g.finish(bytes.Clone(*scratch)); err != nil {
		return g, err
	}
	return g, g.choose()
}

// scratches are what documents are put together in, of at most maxScratch bytes.
var scratches = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

const maxScratch = 64 << 10

// finish reads the document that was put together.
func (g *mapping) finish(text []byte) error {
	doc, err := jsondoc.Parse(text, jsondoc.Limits{Depth: jsondoc.DefaultLimits().Depth + 4})
	if err != nil {
		return fault.Errorf(fault.Invalid, "invalid_event", "the event cannot be written in one form: %w", err)
	}
	root := doc.Root()
	if !g.e.Properties.Exists() {
		g.e.Properties = root.Get("p")
	}
	g.e.Context = root.Get("c")
	if t := root.Get("t"); t.Exists() {
		g.e.Traits = t
	}
	if g.e.Name, err = limited(g.e.Name, "action", "invalid_action", maxName); err != nil {
		return err
	}
	if len(g.e.ItemAction) > maxName {
		return fault.Errorf(fault.Invalid, "invalid_item_action", "itemAction is longer than %d bytes", maxName).At("/itemAction")
	}
	return nil
}

// choose lets the rules choose among the identifiers.
func (g *mapping) choose() error {
	kept, dropped := g.rules.Choose(g.ids)
	for _, d := range dropped {
		g.e.Dropped = append(g.e.Dropped, d.Reason)
	}
	if len(kept) == 0 {
		if len(dropped) > 0 {
			return fault.Errorf(fault.Invalid, "missing_identifier", "no identifier names a person: %s %.60q is %s",
				dropped[0].Identifier.Namespace, dropped[0].Identifier.Value, dropped[0].Reason)
		}
		return fault.Errorf(fault.Invalid, "missing_identifier", "the event names nobody; send user.id, user.anonId or one of user.identities")
	}
	g.e.Identifiers = kept
	return nil
}

// agent writes what the browser calls itself.
func (g *mapping) agent() {
	g.out.text("userAgent", g.env.UserAgent)
}

// The channels that sources stand for.
const (
	web    = "web"
	mobile = "mobile"
	server = "server"
)

// channelOf gives a channel the name under which the other dialects know it.
func channelOf(said string) string {
	if said == "Web" { // as nearly all write it
		return web
	}
	switch name := folded(said); name {
	case "mobileapp", "mobile", "app":
		return mobile
	case "callcenter", "callcentre":
		return "call_centre"
	default:
		return strings.ToLower(name)
	}
}
