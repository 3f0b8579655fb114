package sitecore

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/identity"
	"rapport/internal/jsondoc"
)

const (
	// ahead is how far an event may lie in the future of its receipt.
	ahead = 5 * time.Minute
	// The longest type and page, in characters.
	maxType = 100
	maxPage = 1_000
	// maxChannel is in bytes.
	maxChannel = 64
)

// The event types that mean something here. All others are the client's own.
const (
	typeView          = "VIEW"
	typeIdentity      = "IDENTITY"
	typeSearch        = "SEARCH"
	typeAdd           = "ADD"
	typeConfirm       = "CONFIRM"
	typeCheckout      = "CHECKOUT"
	typeClearCart     = "CLEAR_CART"
	typeOrderCheckout = "ORDER_CHECKOUT"
	typeForceClose    = "FORCE_CLOSE"
	typeSessionClose  = "SESSION_CLOSE" // made here; a client that brings its history has it too
)

// mapper turns bodies into events. It never changes once it is made.
type mapper struct{ rules *identity.Rules }

// NewMapper makes the mapper of this dialect under the instance's rules on
// identifiers.
func NewMapper(rules identity.Rules) event.Mapper {
	m := &mapper{&rules}
	return func(env *event.Envelope, body jsondoc.Value) (*event.Event, error) {
		e := new(event.Event)
		if err := m.fill(e, env, body); err != nil {
			return nil, err
		}
		return e, nil
	}
}

// fill maps one body. A fault says why the body is no event.
func (m *mapper) fill(e *event.Event, env *event.Envelope, body jsondoc.Value) error {
	if body.Kind() != jsondoc.Object {
		return fault.Errorf(fault.Invalid, "invalid_event", "the event is of the kind %s; send an object", body.Kind())
	}
	if flaw, ok := body.Flaw(); ok {
		return fault.Errorf(fault.Invalid, flaw.Kind.String(), "byte %d of the event: %s", flaw.Offset-body.Offset(), flaw.Msg)
	}
	e.Body, e.MessageID = body, env.MessageID
	e.Source, e.ReceivedAt, e.Verified, e.Historical = env.Source, env.Received, env.Verified, env.Historical
	if len(env.Shared) > 0 {
		doc, err := jsondoc.Parse(env.Shared, jsondoc.DefaultLimits())
		if err != nil {
			return fault.Errorf(fault.Invalid, "invalid_context", "what the request said for its event is damaged: %w", err)
		}
		e.Shared = doc.Root()
	}
	if op := e.Shared.Get(opMember); op.Exists() {
		return m.guest(e, body)
	}
	return m.stream(e, env, body)
}

// fields are the members of an event that mean something, found in one walk.
// What is null is not there.
type fields struct {
	body                                                                jsondoc.Value
	typ, browser, channel, language, currency, page, requested, ext     jsondoc.Value
	identifiers, product, order, reference, status, email, phone, cross jsondoc.Value
	utm                                                                 bool // there is a campaign
}

func (f *fields) read(body jsondoc.Value) {
	f.body = body
	body.EachBytes(func(key []byte, v jsondoc.Value) bool {
		if v.IsNull() {
			return true
		}
		if at := f.at(key); at != nil {
			*at = v
		} else if bytes.HasPrefix(key, utmPrefix) {
			f.utm = true
		}
		return true
	})
}

// at is where a member goes that means something; nil for all others.
func (f *fields) at(key []byte) *jsondoc.Value {
	switch string(key) {
	case "type":
		return &f.typ
	case "browser_id":
		return &f.browser
	case "channel":
		return &f.channel
	case "language":
		return &f.language
	case "currency":
		return &f.currency
	case "page":
		return &f.page
	case "requested_at":
		return &f.requested
	case "ext":
		return &f.ext
	case "identifiers":
		return &f.identifiers
	case "product":
		return &f.product
	case "order":
		return &f.order
	case "reference_id":
		return &f.reference
	case "status":
		return &f.status
	case "email":
		return &f.email
	case "phone":
		return &f.phone
	case "referrer":
		return &f.cross
	}
	return nil
}

var utmPrefix = []byte("utm_")

// silent tells the members that say who asks and how, and are no properties of
// what happened.
func silent(key []byte) bool {
	switch string(key) {
	case "type", "browser_id", "channel", "language", "requested_at", "ext", "client_key", "api_token", "_bx_extended_message":
		return true
	}
	return bytes.HasPrefix(key, utmPrefix)
}

// appendMember appends a member to an object that has no end yet; nil is one
// that has not begun.
func appendMember(b []byte, key string, raw []byte) []byte {
	if b == nil {
		b = append(make([]byte, 0, 256), '{')
	} else {
		b = append(b, ',')
	}
	b = jsondoc.AppendString(b, key)
	return append(append(b, ':'), raw...)
}

func closed(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append(b, '}')
}

// stream maps an event of the Stream API.
func (m *mapper) stream(e *event.Event, env *event.Envelope, body jsondoc.Value) error {
	var f fields
	f.read(body)
	typ, err := short(f.typ, "type", maxType)
	if err != nil {
		return err
	}
	page, err := short(f.page, "page", maxPage)
	if err != nil {
		return err
	}
	if typ == "" {
		return fault.Errorf(fault.Invalid, "missing_type", "type is missing; send VIEW, IDENTITY or another").At("/type")
	}
	e.Type, e.Name = event.Track, typ
	w := writer{b: make([]byte, 0, len(body.Raw())+len(env.UserAgent)+256)}
	w.b = append(w.b, '{')
	switch typ {
	case typeView:
		e.Type, e.Name = event.Page, page
		w.object("p", func() { f.properties(&w, true) })
	case typeIdentity:
		e.Type, e.Name = event.Identify, ""
		w.object("t", func() { guestTraits(&w, body, streamNames) })
		w.object("p", func() { f.ofIdentity(&w) })
	default:
		e.ItemAction = actionOf(typ, &f)
		w.object("p", func() { f.properties(&w, typ != typeAdd && typ != typeConfirm) })
	}
	w.object("c", func() { f.context(&w, env) })
	e.Channel = channelOf(&f, env)
	if e.Time, err = f.when(env.Received); err != nil {
		return err
	}
	if err := w.attach(e); err != nil {
		return err
	}
	return m.who(e, &f)
}

// writer writes the documents that the body does not have in our shape, as the
// members of one: p properties, t traits, c context.
type writer struct{ b []byte }

// key begins a member.
func (w *writer) key(name []byte) {
	if w.b[len(w.b)-1] != '{' {
		w.b = append(w.b, ',')
	}
	if plain(name) {
		w.b = append(append(append(w.b, '"'), name...), '"', ':')
		return
	}
	w.b = append(jsondoc.AppendString(w.b, string(name)), ':')
}

// plain tells a name that JSON writes as it is.
func plain(name []byte) bool {
	for _, c := range name {
		if c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

func (w *writer) member(name string, raw []byte) {
	w.key([]byte(name))
	w.b = append(w.b, raw...)
}

func (w *writer) text(name, value string) {
	w.key([]byte(name))
	w.b = jsondoc.AppendString(w.b, value)
}

func (w *writer) object(name string, fill func()) {
	w.key([]byte(name))
	w.b = append(w.b, '{')
	fill()
	w.b = append(w.b, '}')
}

// attach hangs what was written on the event.
func (w *writer) attach(e *event.Event) error {
	doc, err := jsondoc.Parse(append(w.b, '}'), jsondoc.Limits{Depth: 36, Keys: 4_000})
	if err != nil {
		return fault.Errorf(fault.Invalid, "invalid_event", "the event cannot be understood: %w", err)
	}
	doc.Root().EachBytes(func(key []byte, v jsondoc.Value) bool {
		switch {
		case key[0] == 't':
			e.Traits = v
		case key[0] == 'c' && v.Len() > 0:
			e.Context = v
		case key[0] == 'p':
			e.Properties = v
		}
		return true
	})
	return nil
}

// short reads a text of at most so many characters.
func short(v jsondoc.Value, field string, most int) (string, error) {
	switch v.Kind() {
	case jsondoc.None, jsondoc.Null:
		return "", nil
	case jsondoc.String:
		s := v.Text()
		if len(s) > most && utf8.RuneCountInString(s) > most {
			return "", fault.Errorf(fault.Invalid, "invalid_"+field, "%s is longer than %d characters", field, most).At("/" + field)
		}
		return s, nil
	}
	return "", fault.Errorf(fault.Invalid, "invalid_"+field, "%s is of the kind %s; send a string", field, v.Kind()).At("/" + field)
}

// when is the time that the client gives, by its own clock: the request does
// not say when it was sent. What cannot be right takes the time of receipt.
func (f *fields) when(received clock.Instant) (clock.Instant, error) {
	text, err := short(f.requested, "requested_at", maxType)
	if err != nil || text == "" {
		return received, err
	}
	at, ok := instant(text)
	if !ok {
		return 0, fault.Errorf(fault.Invalid, "invalid_requested_at", "requested_at %.40q is no time; send ISO 8601", text).At("/requested_at")
	}
	if at <= 0 || at > received.Add(ahead) {
		return received, nil
	}
	return at, nil
}

// instant reads ISO 8601 as the clients write it; a time without a zone is UTC.
func instant(text string) (clock.Instant, bool) {
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", time.DateOnly, "2006-01-02T15:04:05Z0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return clock.From(t), true
		}
	}
	return 0, false
}

// channelOf says through what the event came, in lower case as everywhere.
// Later events of a session may leave it out.
func channelOf(f *fields, env *event.Envelope) string {
	if b, ok := f.channel.StrBytes(); ok && len(b) > 0 && len(b) <= maxChannel {
		if string(b) == "WEB" {
			return "web"
		}
		return strings.ToLower(string(b))
	}
	if strings.HasPrefix(env.UserAgent, "Mozilla/") {
		return "web"
	}
	return "server"
}

// context is what the event says of its surroundings, under the usual names.
func (f *fields) context(w *writer, env *event.Envelope) {
	if lang := f.language.Text(); lang != "" {
		w.text("locale", strings.ToLower(lang))
	}
	if f.utm {
		w.object("campaign", func() {
			f.body.EachBytes(func(key []byte, v jsondoc.Value) bool {
				if name, ok := bytes.CutPrefix(key, utmPrefix); ok && v.Kind() == jsondoc.String {
					if string(name) == "campaign" {
						name = []byte("name")
					}
					w.key(name)
					w.b = append(w.b, v.Raw()...)
				}
				return true
			})
		})
	}
	if strings.HasPrefix(env.UserAgent, "Mozilla/") {
		w.text("userAgent", env.UserAgent)
	}
	if f.cross.Exists() {
		w.member("referrer", f.cross.Raw())
	}
	if f.browser.Exists() {
		w.member("browser_id", f.browser.Raw())
	}
}
