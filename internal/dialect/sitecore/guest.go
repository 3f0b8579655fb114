package sitecore

import (
	"bytes"
	"encoding/json"
	"strings"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// A guest that the Interactive or Batch API brings becomes an identify event:
// its body is the guest as received, and what the door knows beside it stands
// in what the request says for its event.
const (
	opMember = "op"
	opGuest  = "guest"
)

// guestNamespace names guests that came without any identifier.
const guestNamespace = "sitecore_guest"

// The limits of a guest.
const (
	MaxExtensions      = 6
	MaxExtensionValues = 100
	maxIdentifiers     = 20
)

// guestNames are the members of a guest that are traits of the same name.
var guestNames = func() map[string]string {
	m := map[string]string{}
	for _, name := range [...]string{
		"title", "firstName", "lastName", "gender", "dateOfBirth", "language", "nationality", "passportNumber", "passportExpiry",
		"email", "emails", "phone", "phoneNumbers", "mobile", "street", "city", "state", "country", "postCode", "subscriptions",
	} {
		m[name] = name
	}
	return m
}()

// guestShared is what the door knows of a guest beside its body.
type guestShared struct {
	Op string `json:"op"`
	// Who is the person that a ref in the address leads to, or the guest itself
	// where it came without an identifier.
	Who []event.Identifier `json:"who,omitempty"`
	// Clear are traits that the request takes away.
	Clear []string `json:"clear,omitempty"`
}

func (g *guestShared) encode() []byte {
	g.Op = opGuest
	b, err := json.Marshal(g)
	if err != nil {
		panic(err) // texts
	}
	return b
}

// guest maps a guest.
func (m *mapper) guest(e *event.Event, body jsondoc.Value) error {
	shared := e.Shared
	e.Shared = jsondoc.Value{}
	e.Type, e.Channel, e.Time = event.Identify, "server", e.ReceivedAt
	w := writer{make([]byte, 0, len(body.Raw())+128)}
	w.b = append(w.b, '{')
	var failed error
	w.object("t", func() {
		at := len(w.b)
		failed = writeGuest(&w, body)
		shared.Get("clear").Items(func(_ int, v jsondoc.Value) bool {
			if name := v.Text(); !named(w.b[at:], []byte(name)) {
				w.member(name, []byte("null"))
			}
			return true
		})
	})
	if failed != nil {
		return failed
	}
	if err := w.attach(e); err != nil {
		return err
	}
	ids := identifiersOf(body, e)
	shared.Get("who").Items(func(_ int, v jsondoc.Value) bool {
		ids = append(ids, event.Identifier{Namespace: v.Get("namespace").Text(), Value: v.Get("value").Text()})
		return true
	})
	return m.choose(e, ids)
}

// identifiersOf are the identifiers that a guest says itself.
func identifiersOf(body jsondoc.Value, e *event.Event) []event.Identifier {
	ids := contacts(nil, body.Get("email"), body.Get("phone"))
	return provided(ids, body.Get("identifiers"), e.Time)
}

// writeGuest writes the traits of a guest: its own members, then those of its
// extensions.
func writeGuest(w *writer, body jsondoc.Value) error {
	for _, name := range [...]string{"email", "firstName", "lastName", "dateOfBirth", "phone"} {
		if v := body.Get(name); v.Exists() && !v.IsNull() && v.Kind() != jsondoc.String {
			return fault.Errorf(fault.Invalid, "invalid_guest", "%s is of the kind %s; send a string", name, v.Kind()).At("/" + name)
		}
	}
	if list := body.Get("identifiers"); list.Exists() && !list.IsNull() {
		if list.Kind() != jsondoc.Array || list.Len() > maxIdentifiers {
			return fault.Errorf(fault.Invalid, "invalid_identifiers", "identifiers must be an array of at most %d of {provider, id}", maxIdentifiers).At("/identifiers")
		}
	}
	guestTraits(w, body, guestNames)
	list := body.Get("extensions")
	if !list.Exists() || list.IsNull() {
		return nil
	}
	if list.Kind() != jsondoc.Array || list.Len() > MaxExtensions {
		return fault.Errorf(fault.Invalid, "invalid_extensions", "extensions must be an array of at most %d objects", MaxExtensions).At("/extensions")
	}
	var failed error
	list.Items(func(_ int, x jsondoc.Value) bool {
		failed = writeExtension(w, x.Get("name").Text(), x)
		return failed == nil
	})
	return failed
}

// extensionPrefix begins the names of the traits of an extension; false where
// the name is none. A key other than the usual one has extensions of its own.
func extensionPrefix(name, key string) (string, bool) {
	if !strings.HasPrefix(name, "ext") || len(name) > maxNamespace || len(key) > maxNamespace || !letters(name) || !letters(key) {
		return "", false
	}
	if key != "" && key != defaultKey {
		name += "." + key
	}
	return name + "_", true
}

const defaultKey = "default"

func letters(s string) bool {
	for _, c := range []byte(s) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// writeExtension writes the values of an extension.
func writeExtension(w *writer, name string, x jsondoc.Value) error {
	prefix, ok := extensionPrefix(name, x.Get("key").Text())
	if !ok || x.Kind() != jsondoc.Object {
		return fault.Errorf(fault.Invalid, "invalid_extension", "extension %.40q: the name must begin with ext, and it and the key have letters and digits only", name).At("/extensions")
	}
	var failed error
	n := 0
	eachValue(x, func(key []byte, v jsondoc.Value) bool {
		if n++; n > MaxExtensionValues {
			failed = tooManyValues(name)
			return false
		}
		if v.Kind() >= jsondoc.Array || bytes.IndexByte(key, '_') == 0 || len(key) == 0 {
			failed = fault.Errorf(fault.Invalid, "invalid_extension", "%s of the extension %s is of the kind %s; send a string, number or boolean", key, name, v.Kind()).At("/extensions")
			return false
		}
		w.key(append([]byte(prefix), key...))
		w.b = append(w.b, v.Raw()...)
		return true
	})
	return failed
}

// eachValue visits the values of an extension, as it is written in a guest.
func eachValue(x jsondoc.Value, visit func(key []byte, v jsondoc.Value) bool) {
	values := x
	if inner := x.Get("values"); inner.Kind() == jsondoc.Object {
		values = inner
	}
	values.EachBytes(func(key []byte, v jsondoc.Value) bool {
		switch string(key) {
		case "name", "key", "ref", "href", "createdAt", "modifiedAt":
			return true
		}
		return visit(key, v)
	})
}

func tooManyValues(name string) error {
	return fault.Errorf(fault.Invalid, "invalid_extension", "extension %s has more than %d values", name, MaxExtensionValues).At("/extensions")
}

// overfull tells why a guest cannot have the extensions that a body brings beside
// those that it has; nil where it can. What is cleared makes room.
func overfull(has map[string]json.RawMessage, clear []string, body jsondoc.Value) error {
	list := body.Get("extensions")
	if list.Kind() != jsondoc.Array || list.Len() == 0 {
		return nil
	}
	names := map[string]bool{}
	for trait := range has {
		if strings.HasPrefix(trait, "ext") {
			names[trait] = true
		}
	}
	for _, trait := range clear {
		delete(names, trait)
	}
	list.Items(func(_ int, x jsondoc.Value) bool {
		prefix, _ := extensionPrefix(x.Get("name").Text(), x.Get("key").Text())
		eachValue(x, func(key []byte, v jsondoc.Value) bool {
			if name := prefix + string(key); v.IsNull() {
				delete(names, name)
			} else {
				names[name] = true
			}
			return true
		})
		return true
	})
	values := map[string]int{}
	for trait := range names {
		if head, _, ok := strings.Cut(trait, "_"); ok {
			if values[head]++; values[head] > MaxExtensionValues {
				return tooManyValues(head)
			}
		}
	}
	if len(values) > MaxExtensions {
		return fault.Errorf(fault.Invalid, "too_many_extensions", "the guest would have %d extensions; at most %d are possible", len(values), MaxExtensions).At("/extensions")
	}
	return nil
}
