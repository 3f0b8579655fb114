package profile

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"

	"rapport/internal/catalog"
	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

// Entry is one event in a timeline: where it is and what a filter can decide
// without reading it.
type Entry struct {
	Short    uint64 // id.Message of the message id
	Time     clock.Instant
	Received clock.Instant
	Position uint64 // in the log
	Type     event.Type
	Class    catalog.Class
	Name     uint32 // HashName of the name, of the item action and of the channel
	Action   uint32
	Channel  uint32
}

// HashName is the short form of a name. Different names may share it; zero is
// the empty name's alone.
func HashName(s string) uint32 {
	if s == "" {
		return 0
	}
	h := uint32(2166136261) // FNV-1a
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return max(h, 1)
}

// EntryOf is the entry of an event.
func EntryOf(e *event.Event, in Input, position uint64) Entry {
	n := Entry{
		Short: in.Short, Time: e.Time, Received: e.ReceivedAt, Position: position, Type: e.Type,
		Name: HashName(e.Name), Channel: HashName(e.Channel),
	}
	if a, ok := classify(e, in.Mapping); ok {
		n.Class, n.Action = a.Class, HashName(a.Name)
	}
	return n
}

func classify(e *event.Event, m *catalog.Mapping) (catalog.Action, bool) {
	if m == nil {
		return catalog.Action{Name: e.ItemAction}, e.ItemAction != ""
	}
	return m.Classify(e)
}

const (
	entryVersion   = 1 << 4 // in the upper half of the first byte, the type in the lower
	flagAction     = 1
	flagChannel    = 2
	flagChannelAs  = 4 // the channel of the entry before
	entryClassBits = 3
)

var errEntries = errors.New("timeline chunk is damaged")

// AppendEntry appends an entry to a chunk. before is the chunk's last entry,
// nil where the chunk begins.
func AppendEntry(b []byte, before, e *Entry) []byte {
	var zero Entry
	if before == nil {
		before = &zero
	}
	flags := byte(e.Class) << entryClassBits
	if e.Action != 0 {
		flags |= flagAction
	}
	switch e.Channel {
	case 0:
	case before.Channel:
		flags |= flagChannelAs
	default:
		flags |= flagChannel
	}
	b = append(b, entryVersion|byte(e.Type), flags)
	b = binary.BigEndian.AppendUint64(b, e.Short)
	b = binary.AppendVarint(b, int64(e.Received-before.Received))
	b = binary.AppendVarint(b, int64(e.Received-e.Time))
	b = binary.AppendVarint(b, int64(e.Position-before.Position))
	b = binary.BigEndian.AppendUint32(b, e.Name)
	if e.Action != 0 {
		b = binary.BigEndian.AppendUint32(b, e.Action)
	}
	if flags&flagChannel != 0 {
		b = binary.BigEndian.AppendUint32(b, e.Channel)
	}
	return b
}

// ReadEntries visits the entries of a chunk in their order until visit says
// false. The entry is valid during the visit.
func ReadEntries(b []byte, visit func(*Entry) bool) error {
	var e Entry
	r := entryReader{b: b}
	for len(r.b) > 0 {
		head, flags := r.fixed(1), byte(r.fixed(1))
		e.Type = event.Type(head & 0x0f)
		e.Class = catalog.Class(flags >> entryClassBits)
		e.Short = r.fixed(8)
		e.Received += clock.Instant(r.varint())
		e.Time = e.Received - clock.Instant(r.varint())
		e.Position += uint64(r.varint())
		e.Name = uint32(r.fixed(4))
		e.Action = 0
		if flags&flagAction != 0 {
			e.Action = uint32(r.fixed(4))
		}
		switch {
		case flags&flagChannel != 0:
			e.Channel = uint32(r.fixed(4))
		case flags&flagChannelAs == 0:
			e.Channel = 0
		}
		if r.bad || head&0xf0 != entryVersion || e.Type.String() == "" || e.Class > catalog.ClassOrder {
			return errEntries
		}
		seen := e
		if !visit(&seen) {
			return nil
		}
	}
	return nil
}

type entryReader struct {
	b   []byte
	bad bool
}

func (r *entryReader) fixed(n int) uint64 {
	if len(r.b) < n {
		r.bad, r.b = true, nil
		return 0
	}
	var v uint64
	for _, c := range r.b[:n] {
		v = v<<8 | uint64(c)
	}
	r.b = r.b[n:]
	return v
}

func (r *entryReader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// Filter says which items of a timeline are asked for. Of several values of
// one kind any may fit; an empty list asks for all.
type Filter struct {
	Types, Names, ItemActions, Channels []string
	From, To                            clock.Instant // event time; To is not included, zero asks for all
}

// Match decides on what an entry holds. It may let an entry pass whose names
// share a hash with those asked for, and never withholds one that fits:
// MatchItem has the last word.
func (f *Filter) Match(e *Entry) bool {
	hashed := func(have uint32, want []string) bool {
		return len(want) == 0 || slices.ContainsFunc(want, func(w string) bool { return HashName(w) == have })
	}
	return f.during(e.Time) && (len(f.Types) == 0 || slices.Contains(f.Types, e.Type.String())) &&
		hashed(e.Name, f.Names) && hashed(e.Action, f.ItemActions) && hashed(e.Channel, f.Channels)
}

// MatchItem decides on the item itself.
func (f *Filter) MatchItem(i *Item) bool {
	in := func(have string, want []string) bool { return len(want) == 0 || slices.Contains(want, have) }
	return f.during(i.Time) && in(i.Type, f.Types) && in(i.Name, f.Names) &&
		in(i.ItemAction, f.ItemActions) && in(i.Channel, f.Channels)
}

func (f *Filter) during(at clock.Instant) bool {
	return (f.From == 0 || at >= f.From) && (f.To == 0 || at < f.To)
}

// Item is one event as a timeline shows it.
type Item struct {
	MessageID  string          `json:"message_id"`
	Type       string          `json:"type"`
	Name       string          `json:"name,omitempty"`
	Time       clock.Instant   `json:"time"`
	ReceivedAt clock.Instant   `json:"received_at"`
	Source     string          `json:"source"`
	Channel    string          `json:"channel,omitempty"`
	ItemAction string          `json:"item_action,omitempty"`
	Class      string          `json:"class,omitempty" doc:"What the item action is about: catalog, cart, order or base"`
	GroupID    string          `json:"group_id,omitempty"`
	Properties json.RawMessage `json:"properties"`
	Traits     json.RawMessage `json:"traits,omitempty" doc:"Of identify and group"`
	Context    json.RawMessage `json:"context,omitempty"`
}

// ItemOf is the item of an event. It keeps nothing of the event.
func ItemOf(e *event.Event, m *catalog.Mapping) Item {
	i := Item{
		MessageID: e.MessageID, Type: e.Type.String(), Name: e.Name, Time: e.Time, ReceivedAt: e.ReceivedAt,
		Source: e.Source, Channel: e.Channel, GroupID: e.GroupID, Properties: json.RawMessage("{}"),
	}
	if a, ok := classify(e, m); ok {
		i.ItemAction, i.Class = a.Name, a.Class.String()
	}
	if e.Properties.Kind() == jsondoc.Object {
		i.Properties = jsondoc.AppendCanonical(nil, e.Properties)
	}
	if (e.Type == event.Identify || e.Type == event.Group) && e.Traits.Len() > 0 {
		i.Traits = jsondoc.AppendCanonical(nil, e.Traits)
	}
	if e.Context.Len() > 0 || e.Shared.Len() > 0 || e.Derived.Len() > 0 {
		i.Context = appendAbout(nil, e.Context, e.Shared, e.Derived)
	}
	return i
}

// appendAbout appends what is known about an event as event.About finds it:
// its own context and, where that is silent, the one of its whole request, and
// then what was derived.
func appendAbout(dst []byte, layers ...jsondoc.Value) []byte {
	layers = slices.DeleteFunc(layers, func(v jsondoc.Value) bool { return !v.Exists() })
	if len(layers) == 0 {
		return append(dst, null...)
	}
	// What lies behind something that is no object is not seen.
	n := slices.IndexFunc(layers, func(v jsondoc.Value) bool { return v.Kind() != jsondoc.Object })
	switch {
	case n == 0 || len(layers) == 1:
		return jsondoc.AppendCanonical(dst, layers[0])
	case n > 0:
		layers = layers[:n]
	}
	var keys []string
	for _, v := range layers {
		for key := range v.Members() {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, key := range slices.Compact(keys) {
		if i > 0 {
			dst = append(dst, ',')
		}
		of := make([]jsondoc.Value, len(layers))
		for j := range layers {
			of[j] = layers[j].Get(key)
		}
		dst = append(jsondoc.AppendString(dst, key), ':')
		dst = appendAbout(dst, of...)
	}
	return append(dst, '}')
}
