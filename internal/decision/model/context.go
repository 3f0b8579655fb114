package model

import (
	"encoding/json"
	"net/url"

	"rapport/internal/fault"
	"rapport/internal/feel"
)

// context is the input data "request": what the caller says of the request that
// it decides for, the time, and the parts of the address where there is one.
func (q *Question) context() (feel.Value, error) {
	members := map[string]json.RawMessage{}
	if len(q.Context) > 0 {
		if err := json.Unmarshal(q.Context, &members); err != nil {
			return feel.Null, fault.Errorf(fault.Invalid, "invalid_context", "context: give an object, such as {\"locale\":\"de-DE\",\"url\":\"https://…\",\"device\":{…}}").At("/context")
		}
	}
	b := feel.NewContextBuilder(len(members) + 5)
	b.Put("time", feel.FromTime(q.Now.Time()))
	var address string
	if err := json.Unmarshal(members["url"], &address); err == nil {
		if u, err := url.Parse(address); err == nil {
			putAddress(b, u)
		}
	}
	for _, name := range sortedNames(members) {
		v, err := valueOf(members[name])
		if err != nil {
			return feel.Null, fault.Errorf(fault.Invalid, "invalid_context", "context: %q cannot be read: %v", name, err).At("/context/" + name)
		}
		b.Put(name, v)
	}
	return b.Value(), nil
}

// putAddress adds what rules ask of an address: host, path and query, of which
// a name that comes twice has its first value.
func putAddress(b *feel.ContextBuilder, u *url.URL) {
	b.Put("host", feel.String(u.Hostname()))
	b.Put("path", feel.String(u.Path))
	values := u.Query()
	query := feel.NewContextBuilder(len(values))
	for _, name := range sortedNames(values) {
		query.Put(name, feel.String(values.Get(name)))
	}
	b.Put("query", query.Value())
}
