package condition

import (
	"strconv"
	"strings"

	"rapport/internal/wording"
)

// Sentence says the condition in plain English. Different conditions may share
// a sentence only where they ask the same.
func (n *Node) Sentence() string { return n.SentenceIn(wording.English) }

// SentenceIn says the condition in a language.
func (n *Node) SentenceIn(l wording.Language) string {
	var b strings.Builder
	n.say(&b, voice{l}, false)
	return b.String()
}

// ValueSentenceIn says what a node stands for as the value of a computed trait.
func (n *Node) ValueSentenceIn(l wording.Language) string {
	switch n.Kind {
	case Expression:
		return voice{l}.say("the value of %s", strings.Join(strings.Fields(n.Ref), " "))
	case Events:
		return n.Events.value(voice{l})
	}
	return n.SentenceIn(l)
}

func (n *Node) say(b *strings.Builder, v voice, inside bool) {
	switch n.Kind {
	case All:
		n.join(b, v, "and", inside)
	case Any:
		n.join(b, v, "or", inside)
	case Not:
		b.WriteString(v.say("not") + " (")
		n.Nodes[0].say(b, v, false)
		b.WriteByte(')')
	case Always:
		b.WriteString(v.say("everybody"))
	case Segment:
		b.WriteString(v.say("is in the segment %q", n.Ref))
	case Expression:
		b.WriteString(v.say("the expression %s holds", strings.Join(strings.Fields(n.Ref), " ")))
	case Events:
		b.WriteString(n.Events.sentence(v))
	case Sequence:
		b.WriteString(n.Sequence.sentence(v))
	case Affinity:
		b.WriteString(n.Affinity.sentence(v))
	default:
		b.WriteString(n.Field.subject(v, n.Kind) + " " + n.Field.Test.sentence(v))
	}
}

func (n *Node) join(b *strings.Builder, v voice, word string, inside bool) {
	brackets := inside && len(n.Nodes) > 1
	if brackets {
		b.WriteByte('(')
	}
	for i, k := range n.Nodes {
		if i > 0 {
			b.WriteString(" " + v.say(word) + " ")
		}
		k.say(b, v, true)
	}
	if brackets {
		b.WriteByte(')')
	}
}

func (f *Field) subject(v voice, k Kind) string {
	switch k {
	case Trait:
		return v.say("the trait %s", f.Name)
	case Identifier:
		return v.say("an identifier %s", f.Name)
	case Consent:
		return v.say("the consent to %s", f.Name)
	case Computed:
		return v.say("the computed trait %s", f.Name)
	case Profile:
		if kind, field, ok := EntityField(f.Name); ok {
			return v.say("the %s of a %s", field, kind)
		}
		return v.say(strings.ReplaceAll(f.Name, "_", " "))
	}
	name := strings.ReplaceAll(f.Name, ".", " ")
	if f.First {
		return v.say("the first %s", name)
	}
	return v.say("the %s", name)
}

func (t *Test) sentence(v voice) string {
	is := v.say("is")
	if t.Not {
		is = v.say("is not")
	}
	switch t.Op {
	case Exists:
		return is + " " + v.say("known")
	case Like:
		return v.pattern(t.Values[0].Text, t.Not)
	case In:
		if len(t.Values) == 1 {
			return is + " " + t.Values[0].quoted()
		}
		const few = 10
		var list []string
		for i, value := range t.Values {
			if i == few {
				list = append(list, v.say("%d more", len(t.Values)-few))
				break
			}
			list = append(list, value.quoted())
		}
		return is + " " + v.say("one of %s or %s", strings.Join(list[:len(list)-1], ", "), list[len(list)-1])
	}
	return is + " " + t.rangeText(v)
}

// pattern says like in the words of contains, begins and ends where it is that.
func (v voice) pattern(text string, not bool) string {
	inner := strings.TrimPrefix(strings.TrimSuffix(text, "%"), "%")
	format := "is like %q"
	if escaped := strings.HasSuffix(text, `\%`); !escaped && !strings.ContainsAny(inner, `%_\`) && inner != "" {
		switch pre, post := strings.HasPrefix(text, "%"), strings.HasSuffix(text, "%"); {
		case pre && post:
			format, text = "contains %q", inner
		case post:
			format, text = "begins with %q", inner
		case pre:
			format, text = "ends with %q", inner
		}
	}
	if not {
		format = map[string]string{
			"is like %q": "is not like %q", "contains %q": "does not contain %q", "begins with %q": "does not begin with %q", "ends with %q": "does not end with %q",
		}[format]
	}
	return v.say(format, text)
}

func (v Value) quoted() string {
	if v.Kind == String {
		return strconv.Quote(v.Text)
	}
	return v.text()
}

func (t *Test) rangeText(v voice) string {
	low, high := t.Low, t.High
	if low != nil && high != nil {
		if s, ok := v.near(low, high); ok {
			return s
		}
		return v.say("between %s and %s", v.bound(low), v.bound(high))
	}
	if low != nil {
		if x := low.Value; x.Kind == Date && x.Relative && low.Open && x.Offset < 0 {
			return v.say("in the last %s", v.span(-x.Offset))
		}
		return v.limit(low, "more than %s", "at least %s", "after %s", "not before %s")
	}
	return v.limit(high, "less than %s", "at most %s", "before %s", "not after %s")
}

func (v voice) bound(b *Bound) string {
	if b.Open {
		return v.say("%s (not included)", v.moment(b.Value))
	}
	return v.moment(b.Value)
}

func (v voice) limit(b *Bound, open, closed, openTime, closedTime string) string {
	words := [...]string{open, closed, openTime, closedTime}
	i := 0
	if b.Value.Kind == Date {
		i = 2
	}
	if !b.Open {
		i++
	}
	return v.say(words[i], v.moment(b.Value))
}

// moment is a value in words.
func (v voice) moment(x Value) string {
	switch {
	case x.Kind != Date || !x.Relative:
		return x.quoted()
	case x.Offset == 0:
		return v.say("now")
	case x.Offset < 0:
		return v.say("%s ago", v.span(-x.Offset))
	}
	return v.say("%s from now", v.span(x.Offset))
}

// near is the last or the next so long.
func (v voice) near(low, high *Bound) (string, bool) {
	l, h := low.Value, high.Value
	switch {
	case l.Kind != Date || !l.Relative || !h.Relative || !low.Open || high.Open:
		return "", false
	case h.Offset == 0 && l.Offset < 0:
		return v.say("in the last %s", v.span(-l.Offset)), true
	case l.Offset == 0 && h.Offset > 0:
		return v.say("in the next %s", v.span(h.Offset)), true
	}
	return "", false
}
