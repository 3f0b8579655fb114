package experience

import (
	"maps"
	"slices"

	"rapport/internal/clock"
	"rapport/internal/definition"
)

// Book is all experiences with when which version counted. It is immutable:
// Learn gives another one.
type Book struct {
	versions map[string][]edition
	live     []*edition // triggered ones that ever counted, by key and time
}

type edition struct {
	*Ready
	from, to clock.Instant // from: zero, it never counted; to: zero, it counts still
}

// Learn takes a change of a definition. What cannot be read counts for nothing.
func (b *Book) Learn(f *definition.Fact) *Book {
	if f.Kind != definition.Experience {
		return b
	}
	out := &Book{versions: map[string][]edition{}}
	if b != nil {
		out.versions = maps.Clone(b.versions)
	}
	list := slices.Clone(out.versions[f.Key])
	at := slices.IndexFunc(list, func(e edition) bool { return e.Version == f.Version })
	if at < 0 {
		r, err := Read(f.Key, f.Version, f.Document)
		if err != nil {
			return b
		}
		list = append(list, edition{Ready: r})
		at = len(list) - 1
	}
	switch {
	case f.Status == definition.Live && list[at].from == 0:
		for i := range list {
			if i != at && list[i].from != 0 && list[i].to == 0 {
				list[i].to = f.Time
			}
		}
		list[at].from = f.Time
	case f.Status == definition.Archived && list[at].from != 0 && list[at].to == 0:
		list[at].to = f.Time
	}
	out.versions[f.Key] = list
	for _, key := range sortedKeys(out.versions) {
		for i := range out.versions[key] {
			if e := &out.versions[key][i]; e.Type == Triggered && e.from != 0 {
				out.live = append(out.live, e)
			}
		}
	}
	return out
}

// Version gives a version of an experience; nil: it is not known.
func (b *Book) Version(key string, version int) *Ready {
	if b == nil {
		return nil
	}
	list := b.versions[key]
	i := slices.IndexFunc(list, func(e edition) bool { return e.Version == version })
	if i < 0 {
		return nil
	}
	return list[i].Ready
}

// Triggers tells whether anything may be set off at all, or ever could.
func (b *Book) Triggers() bool { return b != nil && len(b.live) > 0 }

// Triggered gives the version of a triggered experience that counted at a
// moment; nil: none did.
func (b *Book) Triggered(key string, now clock.Instant) (found *Ready) {
	b.EachTriggered(now, func(r *Ready) {
		if r.Key == key {
			found = r
		}
	})
	return found
}

// EachTriggered visits the triggered experiences that counted at a moment.
func (b *Book) EachTriggered(now clock.Instant, visit func(r *Ready)) {
	if b == nil {
		return
	}
	for _, e := range b.live {
		if e.from <= now && (e.to == 0 || now < e.to) {
			visit(e.Ready)
		}
	}
}
