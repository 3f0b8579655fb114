package condition

import (
	"strconv"
	"strings"
)

// Sentence says the condition in plain English. Different conditions may share
// a sentence only where they ask the same.
func (n *Node) Sentence() string {
	var b strings.Builder
	n.say(&b, false)
	return b.String()
}

// ValueSentence says what a node stands for as the value of a computed trait.
func (n *Node) ValueSentence() string {
	switch n.Kind {
	case Expression:
		return "the value of " + strings.Join(strings.Fields(n.Ref), " ")
	case Events:
		return n.Events.value()
	}
	return n.Sentence()
}

func (n *Node) say(b *strings.Builder, inside bool) {
	switch n.Kind {
	case All:
		n.join(b, " and ", inside)
	case Any:
		n.join(b, " or ", inside)
	case Not:
		b.WriteString("not (")
		n.Nodes[0].say(b, false)
		b.WriteByte(')')
	case Always:
		b.WriteString("everybody")
	case Segment:
		b.WriteString("is in the segment " + strconv.Quote(n.Ref))
	case Expression:
		b.WriteString("the expression " + strings.Join(strings.Fields(n.Ref), " ") + " holds")
	case Events:
		b.WriteString(n.Events.Sentence())
	case Sequence:
		b.WriteString(n.Sequence.sentence())
	case Affinity:
		b.WriteString(n.Affinity.sentence())
	default:
		b.WriteString(n.Field.subject(n.Kind) + " " + n.Field.Test.sentence())
	}
}

func (n *Node) join(b *strings.Builder, word string, inside bool) {
	brackets := inside && len(n.Nodes) > 1
	if brackets {
		b.WriteByte('(')
	}
	for i, k := range n.Nodes {
		if i > 0 {
			b.WriteString(word)
		}
		k.say(b, true)
	}
	if brackets {
		b.WriteByte(')')
	}
}

func (f *Field) subject(k Kind) string {
	switch k {
	case Trait:
		return "the trait " + f.Name
	case Identifier:
		return "an identifier " + f.Name
	case Consent:
		return "the consent to " + f.Name
	case Computed:
		return "the computed trait " + f.Name
	case Profile:
		if kind, field, ok := EntityField(f.Name); ok {
			return "the " + field + " of a " + kind
		}
		return strings.ReplaceAll(f.Name, "_", " ")
	}
	name := strings.ReplaceAll(f.Name, ".", " ")
	if f.First {
		return "the first " + name
	}
	return "the " + name
}

func (t *Test) sentence() string {
	is, not := "is ", ""
	if t.Not {
		is, not = "is not ", "not "
	}
	switch t.Op {
	case Exists:
		return is + "known"
	case Like:
		return t.Values[0].pattern(not)
	case In:
		if len(t.Values) == 1 {
			return is + t.Values[0].quoted()
		}
		const few = 10
		var list []string
		for i, v := range t.Values {
			if i == few {
				list = append(list, strconv.Itoa(len(t.Values)-few)+" more")
				break
			}
			list = append(list, v.quoted())
		}
		return is + "one of " + strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
	}
	return is + t.rangeText()
}

// pattern says like in the words of contains, begins and ends where it is that.
func (v Value) pattern(not string) string {
	does := ""
	if not != "" {
		does = "does not "
	}
	verb := func(s string) string {
		if does != "" {
			return does + s
		}
		return s + "s"
	}
	text := v.Text
	inner := strings.TrimPrefix(strings.TrimSuffix(text, "%"), "%")
	if escaped := strings.HasSuffix(text, `\%`); !escaped && !strings.ContainsAny(inner, `%_\`) && inner != "" {
		q := strconv.Quote(inner)
		switch pre, post := strings.HasPrefix(text, "%"), strings.HasSuffix(text, "%"); {
		case pre && post:
			return verb("contain") + " " + q
		case post:
			return verb("begin") + " with " + q
		case pre:
			return verb("end") + " with " + q
		}
	}
	return is(not) + "like " + strconv.Quote(text)
}

func is(not string) string { return "is " + not }

func (v Value) quoted() string {
	if v.Kind == String {
		return strconv.Quote(v.Text)
	}
	return v.text()
}

func (t *Test) rangeText() string {
	low, high := t.Low, t.High
	if low != nil && high != nil {
		if s, ok := nearText(low, high); ok {
			return s
		}
		return "between " + low.text() + " and " + high.text()
	}
	if low != nil {
		if v := low.Value; v.Kind == Date && v.Relative && low.Open && v.Offset < 0 {
			return "in the last " + DurationWords(-v.Offset)
		}
		return boundText(low, "more than ", "at least ", "after ", "not before ")
	}
	return boundText(high, "less than ", "at most ", "before ", "not after ")
}

func (b *Bound) text() string {
	if b.Open {
		return b.Value.moment() + " (not included)"
	}
	return b.Value.moment()
}

func boundText(b *Bound, open, closed, openTime, closedTime string) string {
	words := [...]string{open, closed, openTime, closedTime}
	i := 0
	if b.Value.Kind == Date {
		i = 2
	}
	if !b.Open {
		i++
	}
	return words[i] + b.Value.moment()
}

// moment is a value in words.
func (v Value) moment() string {
	switch {
	case v.Kind != Date || !v.Relative:
		return v.quoted()
	case v.Offset == 0:
		return "now"
	case v.Offset < 0:
		return DurationWords(-v.Offset) + " ago"
	}
	return DurationWords(v.Offset) + " from now"
}

// nearText is the last or the next so long.
func nearText(low, high *Bound) (string, bool) {
	l, h := low.Value, high.Value
	switch {
	case l.Kind != Date || !l.Relative || !h.Relative || !low.Open || high.Open:
		return "", false
	case h.Offset == 0 && l.Offset < 0:
		return "in the last " + DurationWords(-l.Offset), true
	case l.Offset == 0 && h.Offset > 0:
		return "in the next " + DurationWords(h.Offset), true
	}
	return "", false
}
