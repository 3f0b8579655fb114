package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"rapport/internal/columns"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// ProfileSummary is a line of a search.
type ProfileSummary struct {
	ID          string                   `json:"id"`
	FullName    string                   `json:"full_name,omitempty" doc:"What the person is called, by the traits name, first_name and the like; found by a search alone"`
	Identifiers []profile.IdentifierSeen `json:"identifiers" nullable:"false"`
}

// calledBy are the traits that say what a person is called.
var calledBy = []string{"name", "full_name", "fullName", "first_name", "firstName", "last_name", "lastName", "email", "emailAddress"}

const (
	// findLetters is how many letters a part of a name has at least.
	findLetters = 2
	// findDoubtful is of how many people, whom the columns do not tell, the names
	// are read.
	findDoubtful = 200
	// findGlances is how many people a search brings up to date in the columns: as
	// many as a second of lively traffic leaves behind. Where more are, they are left
	// to the upkeep: looking at some would wait for the lanes, each search anew, and
	// still tell of nobody in particular.
	findGlances = 1024
)

// namedCursor is how a cursor begins among people that are found by name: no row
// of the other list does.
var namedCursor = []byte{0}

var namespaced = regexp.MustCompile(`^[a-z][a-z0-9_]*:`)

// SearchQuery asks for people.
type SearchQuery struct {
	Query, Cursor string
	Limit         int
	Hidden        []string // traits that whoever asks may not see
}

// Found is a page of what a search finds.
type Found struct {
	Page[ProfileSummary]
	// Coverage is the part of the people who are found by what they are called; below 1
	// while their columns are made. By identifiers everybody is found.
	Coverage float64
}

// Search lists the people that a query may mean: first those one of whose
// identifiers begins with it, then those whose name or e-mail address contains
// each of its words, with or without the marks on letters; case never matters. Devices are found by their whole
// identifier only.
func (p *Pipeline) Search(ctx context.Context, q SearchQuery) (Found, error) {
	page, err := p.search(ctx, q)
	return Found{page, p.found()}, err
}

// found is the part of the people whom a search by what they are called finds. Few
// who are behind are looked at one by one.
func (p *Pipeline) found() float64 {
	if p.index == nil {
		return 1
	}
	x, _ := p.columnsNow()
	share, behind := x.Coverage()
	if behind > 0 && behind <= findGlances {
		return 1
	}
	return share
}

func (p *Pipeline) search(ctx context.Context, q SearchQuery) (Page[ProfileSummary], error) {
	f := search{Pipeline: p, query: strings.ToLower(q.Query), limit: q.Limit}
	f.names = slices.DeleteFunc(slices.Clone(calledBy), func(n string) bool { return slices.Contains(q.Hidden, n) })
	after, err := readCursor(q.Cursor)
	if err != nil {
		return f.page, err
	}
	named, second := bytes.CutPrefix(after, namedCursor)
	if !second {
		if err := f.byIdentifier(ctx, after); err != nil || f.page.Next != "" {
			return f.page, err
		}
		named = nil
	}
	return f.page, f.byName(ctx, named)
}

// search is one call of Search.
type search struct {
	*Pipeline
	query string
	limit int
	names []string // traits that say what people are called
	page  Page[ProfileSummary]
}

// byIdentifier finds people by the beginning of an identifier.
func (f *search) byIdentifier(ctx context.Context, after []byte) error {
	rows, keys, err := f.lookUp(ctx, f.query, "", after)
	if n := len(namespaced.FindString(f.query)); err == nil && len(rows) == 0 && n > 0 {
		rows, keys, err = f.lookUp(ctx, f.query[n:], f.query[:n-1], after)
	}
	if err != nil {
		return err
	}
	if len(rows) > f.limit {
		rows, keys = rows[:f.limit], keys[:f.limit]
		f.page.Next = writeCursor(rows[f.limit-1])
	}
	for _, k := range keys {
		if err := f.list(ctx, k, nil); err != nil {
			return err
		}
	}
	return nil
}

// lookUp gives identifiers that begin with a text, in a namespace or in any, by
// their rows: one more than fit where there are more.
func (f *search) lookUp(ctx context.Context, text, namespace string, after []byte) (rows [][]byte, keys []id.Key, err error) {
	at := store.Range{Table: store.TableLookup, Prefix: []byte(text), After: after}
	err = f.unsavedLookups(text).Scan(ctx, f.store.State(), at, func(row, value []byte) bool {
		in := namespace == "" || bytes.HasSuffix(row, append([]byte{0}, namespace...))
		if in && len(value) == len(id.Key{}) {
			rows, keys = append(rows, bytes.Clone(row)), append(keys, id.Key(value))
		}
		return len(rows) <= f.limit
	})
	return rows, keys, err
}

// unsavedLookups are the rows of identifiers with a prefix that the store does not
// have yet. A commit that is under way is waited for; none is made for a search.
func (f *search) unsavedLookups(prefix string) *rows.Overlay {
	l, o := f.graphLane, &rows.Overlay{}
	note := func(c store.Change) {
		switch {
		case c.Table != store.TableLookup || !bytes.HasPrefix(c.Key, []byte(prefix)):
		case c.Op == store.Delete:
			o.Remove(c.Table, c.Key)
		default:
			o.Put(c.Table, c.Key, c.Value)
		}
	}
	l.commitMu.Lock()
	defer l.commitMu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.unsaved {
		note(c)
	}
	f.graph.Unsaved(note)
	return o
}

// list adds the person of a key, once. Words are what they must be called then.
func (f *search) list(ctx context.Context, k id.Key, words []string) error {
	who, err := f.gatherSurface(ctx, k)
	if err != nil || who == nil || len(who.members) == 0 {
		return err // a name that no event was about yet
	}
	if slices.ContainsFunc(f.page.Items, func(x ProfileSummary) bool { return x.ID == who.id }) {
		return nil
	}
	opts, err := f.showing(ctx, who, false)
	if err != nil {
		return err
	}
	opts.Bare = true
	texts := map[string]string{}
	for name, raw := range profile.Assemble(who.members, who.partials(), opts).Traits {
		if slices.Contains(f.names, name) {
			texts[name] = textOf(raw)
		}
	}
	if words != nil && (f.begins(who.members) || !areIn(words, texts)) {
		return nil // listed before, or called otherwise by now
	}
	f.page.Items = append(f.page.Items, ProfileSummary{ID: who.id, FullName: fullName(texts), Identifiers: who.members})
	return nil
}

// byName finds people by parts of what they are called, in the order of their
// keys. The columns say who it can be; of whom they do not tell the names are read,
// as far as those are few.
func (f *search) byName(ctx context.Context, after []byte) error {
	words := strings.Fields(plain(f.query))
	if f.index == nil || !slices.ContainsFunc(words, func(w string) bool { return utf8.RuneCountInString(w) >= findLetters }) {
		return nil
	}
	x, _ := f.columnsNow()
	doubtful, first := 0, 0
	if behind := x.Suspects(findGlances + 1); len(behind) <= findGlances {
		f.glance(behind)
	} else {
		doubtful = len(behind) // too many to be read one by one as well
	}
	if len(after) == len(id.Key{}) {
		first = columns.PartOf(id.Key(after))
	}
	err := x.MatchesFrom(ctx, first, f.node(words), func(yes, unknown []id.Key) error {
		if doubtful += len(unknown); doubtful > findDoubtful {
			unknown = nil
		}
		list := append(yes, unknown...)
		slices.SortFunc(list, func(a, b id.Key) int { return bytes.Compare(a[:], b[:]) })
		for _, k := range list { // parts come in the order of their keys
			if bytes.Compare(k[:], after) <= 0 {
				continue
			}
			if len(f.page.Items) >= f.limit {
				f.page.Next = writeCursor(append(slices.Clone(namedCursor), after...))
				return errEnough
			}
			if err := f.list(ctx, k, words); err != nil {
				return err
			}
			after = slices.Clone(k[:])
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

var errEnough = errors.New("enough")

// node asks the columns who has each word in some trait that names people: for the
// longest first, which most people lack.
func (f *search) node(words []string) columns.Node {
	var all columns.All
	var folded folding
	for _, w := range slices.SortedFunc(slices.Values(words), func(a, b string) int { return len(b) - len(a) }) {
		quoted := jsondoc.AppendString(nil, w)
		part := quoted[1 : len(quoted)-1]
		test := columns.Test{Text: func(json string) columns.Verdict {
			if bytes.Contains(folded.plain(json), part) {
				return columns.Yes
			}
			return columns.No
		}, Some: func(texts string) bool {
			all, common := folded.small(texts)
			return !common || bytes.Contains(all, part)
		}}
		var one columns.Any
		for _, trait := range f.names {
			one = append(one, columns.Scalar{Field: columns.Field{Kind: columns.Trait, Name: trait}, Test: test})
		}
		all = append(all, one)
	}
	return all
}

// begins tells whether the search by identifiers finds somebody.
func (f *search) begins(ids []profile.IdentifierSeen) bool {
	return slices.ContainsFunc(ids, func(i profile.IdentifierSeen) bool {
		value := strings.ToLower(i.Value)
		return strings.HasPrefix(value, f.query) || strings.HasPrefix(i.Namespace+":"+value, f.query)
	})
}

// areIn tells whether each plain word is in some text.
func areIn(words []string, texts map[string]string) bool {
	for _, w := range words {
		found := false
		for _, text := range texts {
			found = found || strings.Contains(plain(text), w)
		}
		if !found {
			return false
		}
	}
	return true
}

// fullName is what texts of traits say that a person is called; empty where they
// do not.
func fullName(texts map[string]string) string {
	first := func(names ...string) string {
		for _, n := range names {
			if s := strings.TrimSpace(texts[n]); s != "" {
				return s
			}
		}
		return ""
	}
	parts := first("first_name", "firstName") + " " + first("last_name", "lastName")
	return cmp.Or(first("name", "full_name", "fullName"), strings.TrimSpace(parts))
}

// textOf is a value of a trait that is a text; empty otherwise.
func textOf(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
