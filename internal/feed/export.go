package feed

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"rapport/internal/jsondoc"
	"rapport/internal/tablefile"
)

// An export is a table whose rows are whole events, as another product wrote
// them down. Its mapping names no columns: what they are is known.

// exported tells whether the rows of a kind are whole events of another product.
func (k Kind) exported() bool { return k == Tracking || k == PostHog }

// callMembers are the members of a call that say something of it. Those about
// its journey are left out: sentAt beside a corrected timestamp would correct it
// once more, by the years since.
var callMembers = []string{
	"type", "event", "name", "category", "userId", "anonymousId", "groupId", "previousId", "messageId", "timestamp", "channel", "properties", "traits", "context",
}

// export makes an event of a row.
func (p *Plan) export(row *tablefile.Row) (*Record, *tablefile.RowError) {
	cell := func(names ...string) []byte {
		for _, name := range names {
			i := slices.Index(row.Columns, name)
			if i < 0 || i >= len(row.Cells) {
				continue
			}
			if c := row.Cells[i]; c.Kind == tablefile.JSON && string(c.Text) != "null" {
				return c.Text
			} else if c.Kind == tablefile.Text && len(c.Text) > 0 {
				return jsondoc.AppendString(nil, string(c.Text))
			}
		}
		return nil
	}
	r := &Record{Line: row.Number, Rows: 1}
	if p.m.Kind == PostHog {
		return p.postHog(r, cell)
	}
	out := make([]byte, 0, 512)
	out = append(out, '{')
	for _, name := range callMembers {
		value := cell(name)
		switch name {
		case "timestamp":
			if value == nil {
				value = cell("originalTimestamp", "original_timestamp", "receivedAt", "received_at", "sentAt")
			}
			r.Timed = value != nil
		case "messageId":
			r.Said = value != nil
		case "properties", "traits", "context":
			value = object(value)
		}
		out = member(out, name, value)
	}
	r.Body = append(out, '}')
	if cell("type") == nil {
		return nil, &tablefile.RowError{
			Line: row.Number, Column: "type", Code: "missing_value", Reason: "it has no type",
			Mend: "each row has to be a call: track, identify, page, screen, group or alias; for other tables name another kind",
		}
	}
	return r, nil
}

// object is a value that is an object, also where it was written as a text.
func object(value []byte) []byte {
	if len(value) > 0 && value[0] == '"' {
		var text string
		if json.Unmarshal(value, &text) == nil {
			value = bytes.TrimSpace([]byte(text))
		}
	}
	if len(value) == 0 || value[0] != '{' || !json.Valid(value) {
		return nil
	}
	return value
}

// postHogEvent is what an event of PostHog says in its properties that the
// tracking protocol says elsewhere.
type postHogEvent struct {
	Before     string          `json:"$anon_distinct_id"`
	Device     string          `json:"$device_id"`
	Identified *bool           `json:"$is_identified"`
	Profile    *bool           `json:"$process_person_profile"`
	Lib        string          `json:"$lib"`
	Set        json.RawMessage `json:"$set"`
	Once       json.RawMessage `json:"$set_once"`
	Alias      string          `json:"alias"`
	Group      string          `json:"$group_key"`
	GroupType  string          `json:"$group_type"`
	GroupSet   json.RawMessage `json:"$group_set"`
	URL        string          `json:"$current_url"`
	Path       string          `json:"$pathname"`
	Referrer   string          `json:"$referrer"`
	Title      string          `json:"title"`
	Screen     string          `json:"$screen_name"`
	IP         string          `json:"$ip"`
	Agent      string          `json:"$raw_user_agent"`
	Session    string          `json:"$session_id"`
}

// drawn are ids that PostHog's clients draw for who is not known.
var drawn = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$|^[0-9a-f]{12,16}-[0-9a-f]{10,16}-[0-9a-f]{6,8}-[0-9a-f]{4,8}-[0-9a-f]{10,16}$`)

// clients are the libraries that draw an id for who is not known. Those of
// servers never do: an id in this form is a user's there.
var clients = []string{"web", "js", "posthog-ios", "posthog-android", "posthog-react-native", "posthog-flutter", "posthog-js-lite"}

// unknown tells whether an id stands for somebody who was not identified.
func (e *postHogEvent) unknown(who string) bool {
	if e.Identified != nil {
		return !*e.Identified
	}
	return e.Profile != nil && !*e.Profile || who == e.Device || slices.Contains(clients, e.Lib) && drawn.MatchString(who)
}

// postHog makes an event of a row of a batch export of PostHog.
func (p *Plan) postHog(r *Record, cell func(...string) []byte) (*Record, *tablefile.RowError) {
	var name, who string
	_ = json.Unmarshal(cell("event"), &name) // what is no text is missing
	if err := json.Unmarshal(cell("distinct_id"), &who); err != nil {
		who = string(cell("distinct_id")) // a number
	}
	if name == "" || who == "" {
		return nil, &tablefile.RowError{
			Line: r.Line, Column: "distinct_id", Code: "missing_value", Reason: "it has no event or no distinct_id",
			Mend: "export the events of PostHog as they are, with event, distinct_id, properties and timestamp",
		}
	}
	properties := object(cell("properties"))
	var e postHogEvent
	_ = json.Unmarshal(properties, &e) // a member of another type is left out, and stays among the properties
	at := cell("timestamp")
	r.Timed = at != nil
	out := append(make([]byte, 0, len(properties)+512), '{')
	quoted := func(text string) []byte {
		if text == "" {
			return nil
		}
		return jsondoc.AppendString(nil, text)
	}
	if id := cell("uuid"); id != nil {
		out, r.Said = member(out, "messageId", id), true
	}
	out = member(out, "timestamp", postHogTime(at))
	id := "userId"
	if e.unknown(who) {
		id = "anonymousId"
	}
	traits := merged(object(e.Once), object(e.Set))
	call := "track"
	switch name {
	case "$identify":
		out = member(out, "userId", quoted(who))
		out = member(out, "anonymousId", quoted(e.Before))
		r.Body = append(member(member(out, "traits", traits), "type", quoted("identify")), '}')
		return r, nil
	case "$create_alias", "$merge_dangerously":
		out = member(out, "userId", quoted(who))
		r.Body = append(member(member(out, "previousId", quoted(e.Alias)), "type", quoted("alias")), '}')
		return r, nil
	case "$set":
		out = member(out, id, quoted(who))
		r.Body = append(member(member(out, "traits", traits), "type", quoted("identify")), '}')
		return r, nil
	case "$groupidentify":
		out = member(member(out, id, quoted(who)), "groupId", quoted(e.Group))
		r.Body = append(member(member(out, "traits", object(e.GroupSet)), "type", quoted("group")), '}')
		return r, nil
	case "$pageview":
		call, name = "page", e.Title
	case "$screen":
		call, name = "screen", e.Screen
	}
	out = member(member(out, "type", quoted(call)), id, quoted(who))
	if call == "track" {
		out = member(out, "event", quoted(name))
	} else {
		out = member(out, "name", quoted(name))
	}
	out = member(out, "properties", pageOf(properties, &e, call))
	out = append(out, `,"context":{`...)
	out = member(member(member(out, "ip", quoted(e.IP)), "userAgent", quoted(e.Agent)), "traits", traits)
	if e.URL != "" {
		out = append(out, ',')
		if out[len(out)-2] == '{' {
			out = out[:len(out)-1]
		}
		out = append(out, `"page":{`...)
		out = member(member(member(member(out, "url", quoted(e.URL)), "path", quoted(e.Path)), "referrer", quoted(e.Referrer)), "title", quoted(e.Title))
		out = append(out, '}')
	}
	r.Body = append(out, "}}"...)
	return r, nil
}

// pageOf are the properties of an event, with those that a page has by name.
func pageOf(properties []byte, e *postHogEvent, call string) []byte {
	if call != "page" || e.URL == "" {
		return properties
	}
	page, err := json.Marshal(map[string]string{"url": e.URL, "path": e.Path, "referrer": e.Referrer})
	if err != nil {
		return properties
	}
	return merged(properties, page)
}

// merged is two objects in one; what both say is as the second has it.
func merged(first, second []byte) []byte {
	if first == nil || second == nil {
		return append(first[:len(first):len(first)], second...)
	}
	all := map[string]json.RawMessage{}
	if json.Unmarshal(first, &all) != nil || json.Unmarshal(second, &all) != nil {
		return second
	}
	out, err := json.Marshal(all)
	if err != nil {
		return second
	}
	return out
}

// postHogTime is a time as the protocol has it: exports write it with a space
// and, where it has no zone, in UTC.
func postHogTime(at []byte) []byte {
	var text string
	if json.Unmarshal(at, &text) != nil || len(text) < len("2006-01-02 15:04:05") {
		return at
	}
	text = text[:10] + "T" + strings.TrimSuffix(text[11:], " UTC")
	if clock := text[11:]; !strings.ContainsAny(clock, "Zz+-") {
		text += "Z"
	}
	return jsondoc.AppendString(nil, text)
}
