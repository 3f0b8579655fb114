package sitecore

import (
	"strings"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// maxNamespace is the longest name of a namespace.
const maxNamespace = 64

// who collects the identifiers of the person and lets the rules choose. Only an
// identity event says who somebody is: an address in another event is data.
func (m *mapper) who(e *event.Event, f *fields) error {
	var buf [6]event.Identifier
	ids := buf[:0]
	browser, err := short(f.browser, "browser_id", maxType)
	if err != nil {
		return err
	}
	if browser == "" {
		return fault.Errorf(fault.Invalid, "missing_browser_id", "browser_id is missing; ask for one at browser/create.json").At("/browser_id")
	}
	ids = append(ids, event.Identifier{Namespace: event.AnonymousID, Value: browser})
	if e.Type == event.Identify {
		ids = contacts(ids, f.email, f.phone)
		ids = provided(ids, f.identifiers, e.Time)
	}
	return m.choose(e, ids)
}

// choose lets the rules choose from identifiers; one must be left.
func (m *mapper) choose(e *event.Event, ids []event.Identifier) error {
	kept, dropped := m.rules.Choose(ids)
	if len(kept) == 0 {
		why := "there is none"
		if len(dropped) > 0 {
			why = dropped[0].Identifier.Namespace + " is " + dropped[0].Reason
		}
		return fault.Errorf(fault.Invalid, "missing_identifier", "no identifier names a person: %s", why)
	}
	e.Identifiers = kept
	for _, d := range dropped {
		e.Dropped = append(e.Dropped, d.Reason)
	}
	return nil
}

func contacts(ids []event.Identifier, email, phone jsondoc.Value) []event.Identifier {
	if s, ok := email.Str(); ok && s != "" {
		ids = append(ids, event.Identifier{Namespace: event.Email, Value: s})
	}
	if s := textOf(phone); s != "" {
		ids = append(ids, event.Identifier{Namespace: event.Phone, Value: s})
	}
	return ids
}

// provided reads identifiers: one or several of {provider, id}. One that had
// expired when the event happened says nothing.
func provided(ids []event.Identifier, v jsondoc.Value, at clock.Instant) []event.Identifier {
	one := func(_ int, v jsondoc.Value) bool {
		provider, value := v.Get("provider").Text(), textOf(v.Get("id"))
		if provider == "" || value == "" {
			return true
		}
		for _, name := range [...]string{"expiry_date", "expiryDate"} {
			if end, ok := instant(v.Get(name).Text()); ok && end <= at {
				return true
			}
		}
		ids = append(ids, event.Identifier{Namespace: namespaceOf(provider), Value: value})
		return true
	}
	if v.Kind() == jsondoc.Object {
		one(0, v)
	} else {
		v.Items(one)
	}
	return ids
}

// textOf reads an identifier; a number counts as its exact decimal text.
func textOf(v jsondoc.Value) string {
	switch v.Kind() {
	case jsondoc.String:
		return v.Text()
	case jsondoc.Number:
		return string(jsondoc.AppendCanonical(nil, v))
	}
	return ""
}

// namespaceOf is the namespace of a provider's ids: its name in lower case,
// with _ for what a namespace cannot have.
func namespaceOf(provider string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		}
		return '_'
	}, strings.ToLower(strings.TrimSpace(provider)))
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		name = "p" + name
	}
	return name[:min(len(name), maxNamespace)]
}
