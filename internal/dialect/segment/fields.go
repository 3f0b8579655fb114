package segment

import (
	"unicode/utf8"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// fields are the members of an event that mean something, found in one walk.
// What is null is not there.
type fields struct {
	typ, event, name, messageID              jsondoc.Value
	userID, anonymousID, previousID, groupID jsondoc.Value
	channel, timestamp, original, sentAt     jsondoc.Value
	context, properties, traits, writeKey    jsondoc.Value
}

func (f *fields) read(body jsondoc.Value) {
	body.EachBytes(func(key []byte, v jsondoc.Value) bool {
		if v.IsNull() {
			return true
		}
		switch string(key) {
		case "type":
			f.typ = v
		case "event":
			f.event = v
		case "name":
			f.name = v
		case "messageId":
			f.messageID = v
		case "userId":
			f.userID = v
		case "anonymousId":
			f.anonymousID = v
		case "previousId":
			f.previousID = v
		case "groupId":
			f.groupID = v
		case "channel":
			f.channel = v
		case "timestamp":
			f.timestamp = v
		case "originalTimestamp":
			f.original = v
		case "sentAt":
			f.sentAt = v
		case "context":
			f.context = v
		case "properties":
			f.properties = v
		case "traits":
			f.traits = v
		case "writeKey":
			f.writeKey = v
		}
		return true
	})
}

// about are the members of a context that mean something to the mapper.
type about struct {
	traits, externalIDs, groupID, library, channel, device, userAgent, direct jsondoc.Value
}

func (a *about) read(context jsondoc.Value) {
	context.EachBytes(func(key []byte, v jsondoc.Value) bool {
		if v.IsNull() {
			return true
		}
		switch string(key) {
		case "traits":
			a.traits = v
		case "externalIds":
			a.externalIDs = v
		case "groupId":
			a.groupID = v
		case "library":
			a.library = v
		case "channel":
			a.channel = v
		case "device":
			a.device = v
		case "userAgent":
			a.userAgent = v
		case "direct":
			a.direct = v
		}
		return true
	})
}

// or takes from the context of the whole request where the event's own is silent.
func (a *about) or(b *about) {
	for _, p := range [...]struct{ own, shared *jsondoc.Value }{
		{&a.traits, &b.traits},
		{&a.externalIDs, &b.externalIDs},
		{&a.groupID, &b.groupID},
		{&a.library, &b.library},
		{&a.channel, &b.channel},
		{&a.device, &b.device},
		{&a.userAgent, &b.userAgent},
		{&a.direct, &b.direct},
	} {
		if !p.own.Exists() {
			*p.own = *p.shared
		}
	}
}

// object lets an object through and nothing but it.
func object(v jsondoc.Value, field, code string) (jsondoc.Value, error) {
	if v.Exists() && v.Kind() != jsondoc.Object {
		return jsondoc.Value{}, wrongKind(v, field, code, "an object")
	}
	return v, nil
}

func wrongKind(v jsondoc.Value, field, code, want string) error {
	return fault.Errorf(fault.Invalid, code, "%s is of the kind %s; send %s", field, v.Kind(), want).At("/" + field)
}

// text reads an identifier or name. Numbers count as their exact decimal text,
// because clients send database ids as numbers.
func text(v jsondoc.Value) (string, bool) {
	switch v.Kind() {
	case jsondoc.None, jsondoc.Null:
		return "", true
	case jsondoc.String:
		return v.Text(), true
	case jsondoc.Number:
		var buf [32]byte
		return string(jsondoc.AppendCanonical(buf[:0], v)), true
	}
	return "", false
}

// limited reads a text of at most so many characters.
func limited(v jsondoc.Value, field, code string, most int) (string, error) {
	s, ok := text(v)
	if !ok {
		return "", wrongKind(v, field, code, "a string")
	}
	if len(s) > most && utf8.RuneCountInString(s) > most {
		return "", fault.Errorf(fault.Invalid, code, "%s is longer than %d characters", field, most).At("/" + field)
	}
	return s, nil
}
