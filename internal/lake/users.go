package lake

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/id"
	"rapport/internal/profile"
	"rapport/internal/store"
)

// contactKeyNamespace and contactKeyTrait are where a Marketing Cloud contact
// key is looked for.
const (
	contactKeyNamespace = "sfmc_contact_key"
	contactKeyTrait     = "sfmcContactKey"
)

// peopleAtOnce is how many people are written in one go.
const peopleAtOnce = 2_000

// maxTraitColumns bounds the columns of attributes. The values of others stand
// in the column of all attributes.
const maxTraitColumns = 1_000

// person is a users row that is being made.
type person struct {
	key  id.Key
	stir stir
	view *profile.View
}

// writePeople writes a row of each person who has been still for long enough,
// with all that is known, and the links to their devices.
func (l *Lake) writePeople(ctx context.Context) error {
	if !l.people.ready {
		return nil
	}
	for {
		now := l.Now.Now()
		still := l.people.still(now, peopleAtOnce)
		if len(still) == 0 {
			return nil
		}
		var list []person
		for _, k := range still {
			s := l.people.stirs[k]
			v, err := l.spine.Whole(ctx, k)
			if err != nil {
				return err
			}
			if v != nil {
				list = append(list, person{k, s, v})
				continue
			}
			l.people.settle(k, s.cause) // the home is another, which heard of it, or nobody is known
		}
		if err := l.writeUsers(ctx, list, now); err != nil {
			return err
		}
		for i := range list {
			l.people.settle(list[i].key, list[i].stir.cause)
		}
		l.stats.people.Add(uint64(len(list)))
	}
}

func (l *Lake) writeUsers(ctx context.Context, list []person, now clock.Instant) error {
	if len(list) == 0 {
		return nil
	}
	m := l.current()
	columns, edition := m.Users, m.Edition
	for i := range list {
		columns, edition = widen(columns, edition, list[i].view.Traits)
	}
	o := newObject(usersName, columns...)
	d, c, links := newDraft(o), newChunk(o), newChunk(l.objects[linksName])
	for i := range list {
		l.userRow(d, &list[i])
		c.add(d, list[i].stir.cause, now)
		l.linkRows(links, &list[i], now)
	}
	w := newRawWriter(o)
	w.begin()
	if err := w.chunk(c, 0, len(c.marks)); err != nil {
		return err
	}
	day := dayText(dayOf(now))
	users, err := l.ended(w, day, 0)
	if err != nil {
		return err
	}
	users.Edition = edition
	lw := l.writer(l.objects[linksName])
	if err := lw.chunk(links, 0, len(links.marks)); err != nil {
		return err
	}
	linked, err := l.ended(lw, day, 0)
	if err != nil {
		return err
	}
	files := []made{users, linked}
	var old []File
	if len(columns) != len(m.Users) || edition != m.Edition {
		schema, err := l.schemaFile(o, edition)
		if err != nil {
			return err
		}
		files, old = append(files, schema), schemaOf(m, usersName)
	}
	if err := l.put(ctx, files); err != nil {
		return err
	}
	err = l.commit(ctx, func(m *Manifest) {
		m.replace(old, filesOf(files)...)
		m.Users, m.Edition = columns, edition
	})
	if err != nil {
		return err // the manifest names the old one still
	}
	l.retire(old)
	return nil
}

// userRow fills the row of a person.
func (l *Lake) userRow(d *draft, p *person) {
	d.clear()
	o, v := d.of, p.view
	d.text(o.at("profileId"), v.ID)
	d.text(o.at("homeId"), l.spine.OwnID(p.key))
	found := map[string]string{}
	for i := range v.Identifiers {
		x := &v.Identifiers[i]
		if _, known := found[x.Namespace]; !known {
			found[x.Namespace] = x.Value
		}
	}
	or := func(namespace string, traits ...string) string {
		if s := found[namespace]; s != "" {
			return s
		}
		for _, t := range traits {
			if s := plain(v.Traits[t]); s != "" {
				return s
			}
		}
		return ""
	}
	d.text(o.at("emailAddress"), or(event.Email, "email", "emailAddress"))
	d.text(o.at("customerId"), or(customerNamespace, "customerId", "customer_id"))
	if !d.cells[o.at("customerId")].set {
		d.text(o.at("customerId"), found[event.UserID])
	}
	d.text(o.at("sfmcContactKey"), or(contactKeyNamespace, contactKeyTrait))
	d.int(o.at("isAnonymous"), int64(boolInt(v.Anonymous)))
	d.time(o.at("lastModified"), p.stir.last)
	d.int(o.at(position), int64(p.stir.cause))
	all, err := json.Marshal(v.Traits)
	if err == nil {
		d.text(o.at("attributes"), string(all))
	}
	traitCells(d, v.Traits)
}

// traitCells fills the columns of attributes.
func traitCells(d *draft, traits map[string]json.RawMessage) {
	for i := range d.of.columns {
		c := &d.of.columns[i]
		if c.Trait == "" {
			continue
		}
		if raw, ok := traits[c.Trait]; ok {
			d.cells[i] = traitCell(c.Type, raw)
		}
	}
}

// traitCell is a value in a column of a type that is wide enough for it.
func traitCell(t Type, raw json.RawMessage) cell {
	if len(raw) == 0 || string(raw) == "null" {
		return cell{}
	}
	switch t {
	case Boolean:
		if string(raw) == "true" {
			return cell{n: 1, set: true}
		}
		return cell{set: string(raw) == "false"}
	case Integer:
		n, err := strconv.ParseInt(string(raw), 10, 64)
		return cell{n: n, set: err == nil}
	case Number:
		f, err := strconv.ParseFloat(string(raw), 64)
		return cell{n: int64(math.Float64bits(f)), set: err == nil}
	}
	return cell{text: plain(raw), set: true}
}

// plain is a text as it is, and all else as JSON.
func plain(raw json.RawMessage) string {
	if len(raw) > 0 && raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) == nil {
			return s
		}
	}
	return string(raw)
}

// typeOf is the narrowest type for a value; empty for none.
func typeOf(raw json.RawMessage) Type {
	if len(raw) == 0 {
		return ""
	}
	switch c := raw[0]; {
	case c == 'n':
		return ""
	case c == 't' || c == 'f':
		return Boolean
	case c == '-' || c >= '0' && c <= '9':
		if _, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			return Integer
		}
		if bytes.ContainsAny(raw, ".eE") {
			return Number
		}
	}
	return Text
}

// wider is the narrowest type that holds the values of two.
func wider(a, b Type) Type {
	switch {
	case a == b || b == "":
		return a
	case a == Integer && b == Number || a == Number && b == Integer:
		return Number
	}
	return Text
}

// widen adds columns for traits that have none and makes those wider that do not
// hold a value. The columns that were given stay as they are.
func widen(columns []Column, edition int, traits map[string]json.RawMessage) ([]Column, int) {
	changed := false
	change := func() {
		if !changed {
			columns, changed = slices.Clone(columns), true
		}
	}
	grown := false
	for _, name := range slices.Sorted(maps.Keys(traits)) {
		t := typeOf(traits[name])
		if t == "" {
			continue
		}
		i := slices.IndexFunc(columns, func(c Column) bool { return c.Trait == name })
		switch {
		case i < 0 && len(columns) < maxTraitColumns:
			change()
			columns = append(columns, Column{Name: columnName(columns, name), Type: t, Trait: name, free: true})
		case i >= 0 && wider(columns[i].Type, t) != columns[i].Type:
			change()
			columns[i].Type, grown = wider(columns[i].Type, t), true
		}
	}
	if grown {
		edition++
	}
	return columns, edition
}

// columnName is the name of a trait's column. Who reads the lake makes no
// difference between small and large letters, so a name that differs in nothing
// else gets a number.
func columnName(columns []Column, trait string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return '_'
		}
		return r
	}, trait)
	const longest = 120
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "")
	}
	if name == "" || name == "day" {
		name = "_" + name // the folders have a column of this name
	}
	taken := func(n string) bool {
		return slices.ContainsFunc(columns, func(c Column) bool { return strings.EqualFold(c.Name, n) })
	}
	if !taken(name) {
		return name
	}
	for n := 2; ; n++ {
		if other := name + "_" + strconv.Itoa(n); !taken(other) {
			return other
		}
	}
}

// linkRows adds a row for each identifier of a person: events of that device are
// the person's.
func (l *Lake) linkRows(c *chunk, p *person, now clock.Instant) {
	o := l.objects[linksName]
	d := newDraft(o)
	for i := range p.view.Identifiers {
		x := &p.view.Identifiers[i]
		d.clear()
		d.text(o.at("deviceId"), l.spine.OwnID(x.Key()))
		d.text(o.at("profileId"), p.view.ID)
		d.text(o.at("identityType"), x.Namespace)
		d.text(o.at("identityValue"), x.Value)
		d.time(o.at("firstSeen"), x.FirstSeen)
		d.time(o.at("lastSeen"), x.LastSeen)
		d.int(o.at(position), int64(p.stir.cause))
		c.add(d, p.stir.cause, now)
	}
}

// takeOutWritten takes the people out whose rows are written.
func (l *Lake) takeOutWritten(ctx context.Context, m *Manifest, after store.Position) error {
	for i := range m.Files {
		f := &m.Files[i]
		if f.Object != usersName || f.Rows == 0 || f.High <= after {
			continue
		}
		err := l.eachCell(ctx, f, func(get func(column string) parquet.Value) {
			if k, ok := l.spine.KeyOf(get("homeId").String()); ok {
				l.people.settle(k, store.Position(get(position).Int64()))
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachCell visits the rows of a file with a way to get at their columns.
func (l *Lake) eachCell(ctx context.Context, f *File, visit func(get func(column string) parquet.Value)) error {
	content, err := l.Target.Get(ctx, f.Path)
	if err != nil {
		return err
	}
	files, err := open(content)
	if err != nil {
		return err
	}
	at := columnsOf(files[0])
	for _, g := range groupsOf(files) {
		err := eachRow(g, func(rows []parquet.Row) error {
			for _, r := range rows {
				visit(func(column string) parquet.Value {
					if i, ok := at[column]; ok {
						return r[i]
					}
					return parquet.NullValue()
				})
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	return nil
}
