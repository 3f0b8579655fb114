package imports

import (
	"bytes"
	"strconv"

	"rapport/internal/catalog"
	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
)

// meetItems asks which of the items are there.
func (w *work) meetItems(records []*record) error {
	var ids []string
	var of []*record
	for _, r := range records {
		if r.delta == undecided {
			ids, of = append(ids, r.Item), append(of, r)
		}
	}
	found, err := w.Spine.Items(w.ctx, ids)
	if err != nil {
		return err
	}
	for i, r := range of {
		r.item = found[i]
	}
	return nil
}

// decideItem compares an item with what is known.
func (w *work) decideItem(r *record) error {
	r.delta = w.changes(r)
	return nil
}

// changes tells what a record changes of its item.
func (w *work) changes(r *record) delta {
	switch {
	case r.item == nil || !r.item.Exists():
		return inserted
	case w.of.Again || sameItem(r):
		return unchanged
	}
	return updated
}

// writeItems writes the items that change something. The keys make rows that are
// done again give the answer of the first time.
func (w *work) writeItems(records []*record, about map[id.Key]bool) error {
	var commands []pipeline.Command
	var of []*record
	for _, r := range records {
		if r.delta == updated || r.delta == inserted {
			commands, of = append(commands, w.command(r)), append(of, r)
		}
	}
	if len(commands) == 0 {
		return nil
	}
	var refused []error
	if err := w.feeder.HandBy(w.ctx, about, func() (receipt pipeline.Receipt, err error) {
		refused, receipt, err = w.Spine.ChangeMany(w.ctx, commands)
		return receipt, err
	}); err != nil {
		return err
	}
	for i, why := range refused {
		switch fault.KindOf(why) {
		case fault.Invalid, fault.Conflict, fault.TooLarge:
			of[i].failBy(why)
			continue
		}
		if why != nil {
			return why
		}
	}
	return nil
}

// command is what the catalog is told of a record that changes something.
func (w *work) command(r *record) pipeline.Command {
	c := pipeline.Command{
		Kind: catalog.Item, ID: r.Item, Op: catalog.Merge, Body: r.Body, Source: w.of.Source, Received: w.Now.Now(),
		IdempotencyKey: "import-" + w.of.ID + "-" + strconv.FormatInt(r.Line, 10), First: !r.redone,
	}
	if r.delta == inserted {
		c.Op, c.Body = catalog.Put, withoutNulls(r)
	}
	return c
}

// groups are the members of an item.
var groups = [...]string{"attributes", "dimensions"}

// sameItem tells that a patch says nothing of an item that is not so already.
func sameItem(r *record) bool {
	return r.doc.Reset(r.Body, jsondoc.DefaultLimits()) == nil && r.item.Knows(r.doc.Root())
}

// withoutNulls is the patch of an item that is not there yet.
func withoutNulls(r *record) []byte {
	if !bytes.Contains(r.Body, []byte("null")) || r.doc.Reset(r.Body, jsondoc.DefaultLimits()) != nil {
		return r.Body
	}
	out := []byte("{")
	for i, group := range groups {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), group...), `":{`...)
		r.doc.Root().Get(group).Each(func(name string, v jsondoc.Value) bool {
			if v.IsNull() {
				return true
			}
			if out[len(out)-1] != '{' {
				out = append(out, ',')
			}
			out = append(jsondoc.AppendString(out, name), ':')
			out = append(out, catalog.MergePatch("", v)...)
			return true
		})
		out = append(out, '}')
	}
	return append(out, '}')
}
