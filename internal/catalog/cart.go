package catalog

import "slices"

// cartLine is a line of a cart while its steps are played.
type cartLine struct {
	line
	quantity Sum
}

// contents plays the first n steps of a cart.
func (e *Entity) contents(n int) []line {
	var lines []cartLine
	for i := range n {
		o := &e.ops[i]
		said := parseLines(o.Lines)
		switch o.Verb {
		case CartReplace:
			lines = addLines(nil, said)
		case CartAdd:
			lines = addLines(lines, said)
		case CartSet:
			lines = setLines(lines, said)
		case CartRemove:
			lines = removeLines(lines, said)
		case CartClear, CartPurchase:
			lines = nil
		}
	}
	out := make([]line, len(lines))
	for i := range lines {
		out[i] = lines[i].line
		out[i].members = setMember(out[i].members, "quantity", lines[i].quantity.Text())
		if a, ok := ParseAmount(lines[i].quantity.Text()); ok {
			out[i].quantity, out[i].hasQuantity = a, true
		}
	}
	return out
}

// same tells one product in one variant; loose accepts a line that says less.
func (l *line) same(o *line, loose bool) bool {
	return l.product == o.product &&
		(l.sku == o.sku || loose && o.sku == "") &&
		(l.variant == o.variant || loose && o.variant == "")
}

// learn takes over what a newer line of the same product says.
func (l *cartLine) learn(o *line) {
	l.members = slices.Clone(l.members)
	for _, m := range o.members {
		if m.key != "quantity" {
			l.members = setMember(l.members, m.key, m.raw)
		}
	}
	if o.hasPrice {
		l.price, l.hasPrice = o.price, true
	}
}

func addLines(lines []cartLine, said []line) []cartLine {
	for i := range said {
		o := &said[i]
		at := slices.IndexFunc(lines, func(l cartLine) bool { return l.same(o, false) })
		if at < 0 {
			if len(lines) == MaxLines {
				continue
			}
			lines = append(lines, cartLine{line: *o})
			at = len(lines) - 1
		} else {
			lines[at].learn(o)
		}
		lines[at].quantity.Add(o.count())
	}
	return withoutEmpty(lines)
}

func setLines(lines []cartLine, said []line) []cartLine {
	for i := range said {
		o := &said[i]
		known := false
		for j := range lines {
			l := &lines[j]
			if !l.same(o, true) {
				continue
			}
			known = true
			l.learn(o)
			if o.hasQuantity {
				l.quantity = Sum{}
				l.quantity.Add(o.quantity)
			}
		}
		if !known {
			lines = addLines(lines, said[i:i+1])
		}
	}
	return withoutEmpty(lines)
}

func removeLines(lines []cartLine, said []line) []cartLine {
	for i := range said {
		o := &said[i]
		for j := range lines {
			l := &lines[j]
			if !l.same(o, true) {
				continue
			}
			if !o.hasQuantity {
				l.quantity = Sum{}
				continue
			}
			var taken Sum
			taken.Add(o.quantity.Abs())
			l.quantity.Sub(&taken)
		}
	}
	return withoutEmpty(lines)
}

func withoutEmpty(lines []cartLine) []cartLine {
	return slices.DeleteFunc(lines, func(l cartLine) bool { return l.quantity.Sign() <= 0 })
}

// takenBy is what the cart held when an order took it.
func (e *Entity) takenBy(order string) ([]line, bool) {
	for i, v := range slices.Backward(e.ops) {
		if v.Verb == CartPurchase && v.Order == order {
			return e.contents(i), true
		}
	}
	return nil, false
}
