package segment

import (
	"bytes"
	"strings"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// maxNamespace is the longest type of an external id.
const maxNamespace = 64

// who collects the identifiers of the person and lets the rules choose.
func (s *scope) who(e *event.Event, f *fields, a *about) error {
	s.ids = s.ids[:0]
	for _, id := range [...]struct {
		v                      jsondoc.Value
		field, namespace, code string
	}{
		{f.userID, "userId", event.UserID, "invalid_user_id"},
		{f.anonymousID, "anonymousId", event.AnonymousID, "invalid_anonymous_id"},
	} {
		value, ok := text(id.v)
		if !ok {
			return wrongKind(id.v, id.field, id.code, "a string")
		}
		s.add(id.namespace, value)
	}
	if e.Type == event.Alias {
		if err := s.previous(f); err != nil {
			return err
		}
	}
	s.external(a.externalIDs)
	if e.Type == event.Identify {
		s.carried(e.Traits, nil)
	}
	s.carried(a.traits, nil)
	s.carried(e.Properties, &e.ItemAction)
	kept, dropped := s.rules.Choose(s.ids)
	if len(kept) == 0 {
		if len(dropped) > 0 {
			return fault.Errorf(fault.Invalid, "missing_identifier", "no identifier names a person: %s %.60q is %s",
				dropped[0].Identifier.Namespace, dropped[0].Identifier.Value, dropped[0].Reason)
		}
		return fault.Errorf(fault.Invalid, "missing_identifier", "userId and anonymousId are missing; send one of them")
	}
	e.Identifiers = kept
	for _, d := range dropped {
		e.Dropped = append(e.Dropped, d.Reason)
	}
	return nil
}

func (s *scope) add(namespace, value string) {
	if value != "" {
		s.ids = append(s.ids, event.Identifier{Namespace: namespace, Value: value})
	}
}

// previous adds the former id of an alias call, which may have been either
// that of a user or that of a device.
func (s *scope) previous(f *fields) error {
	value, ok := text(f.previousID)
	if !ok {
		return wrongKind(f.previousID, "previousId", "invalid_previous_id", "a string")
	}
	if value == "" {
		return fault.Errorf(fault.Invalid, "missing_previous_id", "previousId is missing; an alias call names the former id").At("/previousId")
	}
	if len(s.ids) == 0 {
		return fault.Errorf(fault.Invalid, "missing_identifier", "userId is missing; an alias call names the id that the former one belongs to").At("/userId")
	}
	s.add(event.UserID, value)
	s.add(event.AnonymousID, value)
	return nil
}

// external reads context.externalIds. Entries that are no identifiers of
// persons are none of ours.
func (s *scope) external(list jsondoc.Value) {
	list.Items(func(_ int, v jsondoc.Value) bool {
		namespace := v.Get("type").Text()
		if c := v.Get("collection").Text(); c != "" && c != "users" {
			return true
		}
		if value, ok := text(v.Get("id")); ok && namespace != "" && len(namespace) <= maxNamespace && !strings.ContainsAny(namespace, ":\x00") {
			s.add(namespace, value)
		}
		return true
	})
}

// carried finds the identifiers among traits or properties, and in the same
// walk what properties say was done to an item.
func (s *scope) carried(traits jsondoc.Value, action *string) {
	if traits.Len() == 0 {
		return
	}
	traits.EachBytes(func(key []byte, v jsondoc.Value) bool {
		switch string(key) {
		case "email":
			if v.Kind() == jsondoc.String {
				s.add(event.Email, v.Text())
			}
		case "phone":
			if value, ok := text(v); ok {
				s.add(event.Phone, value)
			}
		case "item_action", "itemAction":
			if action != nil && v.Kind() == jsondoc.String {
				*action = v.Text()
			}
		default:
			s.ownNamespace(key, v)
		}
		return true
	})
}

// ownNamespace takes a value whose key names a namespace of the operator's.
func (s *scope) ownNamespace(key []byte, v jsondoc.Value) {
	for i := range s.custom {
		c := &s.custom[i]
		if string(key) != c.snake && string(key) != c.camel {
			continue
		}
		if value, ok := text(v); ok {
			s.add(c.namespace, value)
		}
	}
}

// The channels that clients stand for.
const (
	web    = "web"
	mobile = "mobile"
	server = "server"
)

// channelOf says through what the event came: what the client says itself,
// then what its library, device or user agent stand for.
func channelOf(f *fields, a *about, env *event.Envelope) string {
	for _, v := range [...]jsondoc.Value{f.channel, a.channel} {
		if b, ok := v.StrBytes(); ok {
			switch string(b) {
			case web, mobile, server:
				return known(b)
			}
			if len(b) > 0 && len(b) <= maxNamespace {
				return string(b)
			}
		}
	}
	if b, ok := a.library.Get("name").StrBytes(); ok {
		if c := libraryChannel(b); c != "" {
			return c
		}
	}
	if b, ok := a.device.Get("type").StrBytes(); ok {
		switch string(b) {
		case "ios", "iOS", "android", "Android", "mobile", "tablet":
			return mobile
		}
	}
	if a.userAgent.Kind() == jsondoc.String || strings.HasPrefix(env.UserAgent, "Mozilla/") {
		return web
	}
	return server
}

// known spares a copy of the usual names.
func known(b []byte) string {
	switch b[0] {
	case 'w':
		return web
	case 'm':
		return mobile
	}
	return server
}

func libraryChannel(name []byte) string {
	switch string(name) {
	case "analytics.js", "RudderLabs JavaScript SDK", "analytics-next":
		return web
	case "analytics-node", "analytics-go", "analytics-python", "analytics-java", "analytics-ruby", "analytics-php", "analytics.net",
		"Analytics.NET", "@segment/analytics-node", "rudder-analytics-go", "rudder-sdk-node", "@rudderstack/rudder-sdk-node":
		return server
	}
	for _, part := range [...]string{"kotlin", "swift", "ios", "android", "react-native", "react_native", "flutter", "unity", "Android", "iOS"} {
		if bytes.Contains(name, []byte(part)) {
			return mobile
		}
	}
	return ""
}
