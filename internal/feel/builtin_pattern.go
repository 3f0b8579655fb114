package feel

import (
	"errors"
	"strings"
)

func patternFunctions() []*builtin {
	return []*builtin{
		def("matches", sig(BooleanType, matches, str("input"), str("pattern"), optional(str("flags")))),
		def("replace", sig(StringType, replace, str("input"), str("pattern"), str("replacement"), optional(str("flags")))),
		def("split", sig(ListType(StringType), split, str("string"), str("delimiter"))),
	}
}

var errSteps = errors.New("the pattern took more steps than its budget")

// pattern compiles a pattern, keeping the last ones of this evaluation.
func (ev *Evaluator) pattern(src, flags Value) (*pattern, error) {
	key := src.str()
	f := ""
	if flags.kind == KindString {
		f = flags.str()
	}
	key = f + "/" + key
	if p, ok := ev.patterns[key]; ok {
		return p, nil
	}
	if !ev.spend(5_000) {
		return nil, errSteps
	}
	p, err := compilePattern(src.str(), f)
	if err != nil {
		return nil, err
	}
	if ev.patterns == nil || len(ev.patterns) >= maxPatterns {
		ev.patterns = map[string]*pattern{}
	}
	ev.patterns[key] = p
	return p, nil
}

const maxPatterns = 64

func matches(ev *Evaluator, w *where, a []Value) Value {
	p, err := ev.pattern(a[1], a[2])
	if err != nil {
		return ev.fault(w, CodeValue, "matches: "+err.Error())
	}
	return ev.matches(w, p, a[0].str())
}

func (ev *Evaluator) matches(w *where, p *pattern, s string) Value {
	if !ev.spend(int64(len(s) >> 4)) {
		return Null
	}
	if p.re != nil {
		return Bool(p.re.MatchString(s))
	}
	loc, ok := p.find(s, 0)
	if !ok {
		return ev.fault(w, CodeBudget, "matches: "+errSteps.Error())
	}
	return Bool(loc != nil)
}

func replace(ev *Evaluator, w *where, a []Value) Value {
	p, err := ev.pattern(a[1], a[3])
	if err != nil {
		return ev.fault(w, CodeValue, "replace: "+err.Error())
	}
	return ev.replace(w, p, a[0].str(), a[2].str())
}

func (ev *Evaluator) replace(w *where, p *pattern, s, replacement string) Value {
	if !ev.spend(int64(len(s) >> 3)) {
		return Null
	}
	parts := []replacementPart{{text: replacement, group: -1}}
	if !p.literal {
		var ok bool
		if parts, ok = parseReplacement(replacement, p.groups); !ok {
			return ev.fault(w, CodeValue, "replace: the replacement is not valid")
		}
	}
	if empty, _ := p.find("", 0); empty != nil {
		return ev.fault(w, CodeValue, "replace: the pattern matches the empty string")
	}
	locs, ok := p.all(s)
	if !ok {
		return ev.fault(w, CodeBudget, "replace: "+errSteps.Error())
	}
	var b strings.Builder
	last := 0
	for _, loc := range locs {
		b.WriteString(s[last:loc[0]])
		for _, part := range parts {
			if part.group < 0 {
				b.WriteString(part.text)
			} else if from := loc[2*part.group]; from >= 0 {
				b.WriteString(s[from:loc[2*part.group+1]])
			}
		}
		last = loc[1]
		if b.Len() > ev.opts.Limits.StringLen {
			break // newString reports it
		}
	}
	b.WriteString(s[last:])
	return ev.newString(w, b.String())
}

// replacementPart is text, or the number of a group.
type replacementPart struct {
	text  string
	group int
}

// parseReplacement reads $N, \$ and \\. A number takes as many digits as there
// are groups for; a group that does not exist is empty.
func parseReplacement(s string, groups int) ([]replacementPart, bool) {
	var parts []replacementPart
	var text strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i >= len(s) || s[i] != '\\' && s[i] != '$' {
				return nil, false
			}
			text.WriteByte(s[i])
		case '$':
			if i+1 >= len(s) || !isDigit(s[i+1]) {
				return nil, false
			}
			i++
			n := int(s[i] - '0')
			for i+1 < len(s) && isDigit(s[i+1]) && n*10+int(s[i+1]-'0') <= groups {
				i++
				n = n*10 + int(s[i]-'0')
			}
			parts = append(parts, replacementPart{text: text.String(), group: -1})
			text.Reset()
			if n <= groups {
				parts = append(parts, replacementPart{group: n})
			}
		default:
			text.WriteByte(s[i])
		}
	}
	return append(parts, replacementPart{text: text.String(), group: -1}), true
}

func split(ev *Evaluator, w *where, a []Value) Value {
	p, err := ev.pattern(a[1], Null)
	if err != nil {
		return ev.fault(w, CodeValue, "split: "+err.Error())
	}
	s := a[0].str()
	locs, ok := p.all(s)
	if !ok {
		return ev.fault(w, CodeBudget, "split: "+errSteps.Error())
	}
	out := []Value{}
	last := 0
	for _, loc := range locs {
		if loc[0] == loc[1] { // an empty match splits between characters only
			if loc[0] == 0 || loc[0] == len(s) {
				continue
			}
		}
		out = append(out, String(s[last:loc[0]]))
		last = loc[1]
	}
	return ev.newList(w, append(out, String(s[last:])))
}

// patternCall compiles matches and replace with a constant pattern, which is
// then compiled once; nil for other calls.
func patternCall(bi *builtin, sig *signature, e *expr, args []node, w *where) node {
	if bi.name != "matches" && bi.name != "replace" || e.kids[1].op != opConst || e.kids[1].val.kind != KindString {
		return nil
	}
	fi := len(sig.params) - 1
	flags := ""
	if k := e.kids[fi]; k.op != opConst || k.val.kind != KindString && k.val.kind != KindNull {
		return nil
	} else if k.val.kind == KindString {
		flags = k.val.str()
	}
	p, err := compilePattern(e.kids[1].val.str(), flags)
	if err != nil {
		return nil // reported each time it runs
	}
	slow := func(ev *Evaluator, vals []Value) Value { return ev.apply(w, bi, sig, vals) }
	return func(ev *Evaluator) Value {
		s := args[0](ev)
		if bi.name == "matches" && s.kind == KindString {
			return ev.matches(w, p, s.str())
		}
		r := Null
		if bi.name == "replace" {
			if r = args[2](ev); s.kind == KindString && r.kind == KindString {
				return ev.replace(w, p, s.str(), r.str())
			}
		}
		vals := ev.take(len(args))
		vals[0], vals[1] = s, e.kids[1].val
		if bi.name == "replace" {
			vals[2] = r
		}
		vals[fi] = e.kids[fi].val
		out := slow(ev, vals)
		ev.give(vals)
		return out
	}
}
