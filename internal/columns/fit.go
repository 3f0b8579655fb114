package columns

// kindNames name the kinds of column for people.
var kindNames = [kinds]string{
	Trait: "trait", Computed: "computed", Latest: "latest", First: "first", Consent: "consent", Own: "own", Affinity: "affinity",
}

func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return ""
}

// column names the column of a field.
func (f Field) column() string { return f.Kind.String() + ":" + f.Name }

func identifierColumn(namespace string) string { return "identifier:" + namespace }
func eventColumn(name string) string           { return "event:" + name }

// fit drops the largest columns until the part is within its budget. What is
// asked of a dropped column is unknown from then on, never wrong.
func (c *columns) fit() {
	for size := c.size(); size > c.budget; {
		name, bytes, drop := c.largest()
		if drop == nil {
			return // the people alone are too many
		}
		drop()
		c.dropped[name] = dropped{bytes, c.ordinals.people()}
		c.recount()
		size -= bytes
	}
}

// dropped is what a column took when there was no room for it any more, and how
// many people there were.
type dropped struct{ bytes, people int }

func (c *columns) lacks(column string) bool {
	_, is := c.dropped[column]
	return is
}

// among is about what the column takes among so many people.
func (d dropped) among(people int) int {
	return d.bytes * max(people, 1) / max(d.people, 1)
}

// largest finds the column that takes most. Memberships stay: they are few
// bytes, and what segments are for.
func (c *columns) largest() (name string, bytes int, drop func()) {
	for f, s := range c.values {
		if n := s.size(); n > bytes {
			name, bytes, drop = f.column(), n, func() { delete(c.values, f) }
		}
	}
	for ns, l := range c.idents {
		if n := l.size(); n > bytes {
			name, bytes, drop = identifierColumn(ns), n, func() { delete(c.idents, ns) }
		}
	}
	for event, l := range c.events {
		if n := l.size(); n > bytes {
			name, bytes, drop = eventColumn(event), n, func() { delete(c.events, event) }
		}
	}
	return name, bytes, drop
}

// recount counts anew in how many columns everybody has a value.
func (c *columns) recount() {
	clear(c.counts)
	for _, s := range c.values {
		for n, b := range s.blocks {
			for row := range uint16(blockRows) {
				if b != nil && b.get(row) != noCell {
					c.counts[n*blockRows+int(row)].values++
				}
			}
		}
	}
	for _, l := range c.events {
		for n, b := range l.blocks {
			if b == nil {
				continue
			}
			for _, row := range b.rows {
				c.counts[n*blockRows+int(row)].events++
			}
		}
	}
}

// size is about how many bytes the columns take.
func (c *columns) size() int {
	n := c.ordinals.size() + 8*words*(cap(c.live)+cap(c.stale)+cap(c.incomplete)) + 8*cap(c.marks) + 4*cap(c.counts)
	for _, s := range c.values {
		n += s.size()
	}
	for _, l := range c.idents {
		n += l.size()
	}
	for _, l := range c.events {
		n += l.size()
	}
	for _, m := range c.members {
		n += int(m.GetSizeInBytes())
	}
	return n
}

// Excess is how many bytes the index takes beyond its budget, for there are more
// people than it has room for; zero where it keeps within, or has no bound.
func (x *Index) Excess() int {
	n := 0
	for _, p := range x.parts {
		p.read(func(c *columns) {
			if c.budget > 0 {
				n += max(0, c.size()-c.budget)
			}
		})
	}
	return n
}
