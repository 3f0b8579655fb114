package feel

import (
	"math"
	"strings"
)

func conversionFunctions() []*builtin {
	return []*builtin{
		def("date", sig(DateType, dateFrom, any1("from")),
			sig(DateType, dateParts, num("year"), num("month"), num("day"))),
		def("time", sig(TimeType, timeFrom, any1("from")),
			sig(TimeType, timeParts, num("hour"), num("minute"), num("second"), optional(Param{Name: "offset", Type: DaysTimeType}))),
		def("date and time", sig(DateTimeType, dateTimeFrom, any1("from")),
			sig(DateTimeType, dateTimeJoin, any1("date"), Param{Name: "time", Type: TimeType}),
			sig(DateTimeType, dateTimeParts, num("year"), num("month"), num("day"), num("hour"), num("minute"), num("second")),
			sig(DateTimeType, dateTimeParts, num("year"), num("month"), num("day"), num("hour"), num("minute"), num("second"), any1("hour offset")),
			sig(DateTimeType, dateTimeParts, num("year"), num("month"), num("day"), num("hour"), num("minute"), num("second"), str("timezone"))),
		def("number", sig(NumberType, numberFrom, any1("from")),
			sig(NumberType, numberSeparated, str("from"), any1("grouping separator"), any1("decimal separator"))),
		def("string", sig(StringType, stringFrom, any1("from"))),
		def("duration", sig(nil, durationFrom, any1("from"))),
		def("years and months duration", sig(YearsMonthsType, monthsBetween, any1("from"), any1("to"))),
		def("range", sig(AnyRangeType, rangeFrom, str("from"))),
		def("not", sig(BooleanType, func(ev *Evaluator, w *where, a []Value) Value {
			if a[0].kind != KindBoolean && a[0].kind != KindNull {
				ev.fault(w, CodeType, "not of "+a[0].kind.String())
			}
			return notTri(a[0].tri()).value()
		}, any1("negand"))),
	}
}

// single opens a list of one item, the implicit conversion for arguments whose
// type is open.
func single(v Value) Value {
	if v.kind == KindList && len(v.items()) == 1 {
		return v.items()[0]
	}
	return v
}

func dateFrom(ev *Evaluator, w *where, a []Value) Value {
	switch v := single(a[0]); v.kind {
	case KindDate:
		return v
	case KindDateTime:
		return dateFromDays(v.days())
	case KindString:
		if d, ok := parseDate(v.str()); ok {
			return d
		}
		return ev.fault(w, CodeValue, "the text is no date, expected YYYY-MM-DD")
	default:
		return ev.fault(w, CodeType, "date of "+v.kind.String())
	}
}

func dateParts(ev *Evaluator, w *where, a []Value) Value {
	y, ok1 := wholeNumber(a[0])
	m, ok2 := wholeNumber(a[1])
	d, ok3 := wholeNumber(a[2])
	if v, ok := DateOf(y, m, d); ok && ok1 && ok2 && ok3 {
		return v
	}
	return ev.fault(w, CodeValue, "there is no such date")
}

func wholeNumber(v Value) (int64, bool) {
	n, ok := v.truncInt()
	return n, ok && magnitude(n) <= math.MaxInt32
}

func timeFrom(ev *Evaluator, w *where, a []Value) Value {
	switch v := single(a[0]); v.kind {
	case KindTime:
		return v
	case KindDateTime:
		return v.timeOfDay()
	case KindDate:
		return v.midnight().timeOfDay()
	case KindString:
		if t, ok := parseTime(v.str()); ok {
			return t
		}
		return ev.fault(w, CodeValue, "the text is no time, expected HH:MM:SS with an optional zone")
	default:
		return ev.fault(w, CodeType, "time of "+v.kind.String())
	}
}

func clockParts(h, m, s Value) (nanos int64, ok bool) {
	hour, ok1 := wholeNumber(h)
	minute, ok2 := wholeNumber(m)
	sec, ok3 := mulNumbers(s, Int(nanosPerSec)).truncInt()
	if !ok1 || !ok2 || !ok3 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || sec < 0 || sec >= 60*nanosPerSec {
		return 0, false
	}
	return (hour*3600+minute*60)*nanosPerSec + sec, true
}

func timeParts(ev *Evaluator, w *where, a []Value) Value {
	nanos, ok := clockParts(a[0], a[1], a[2])
	var zone *Zone
	if ok && a[3].kind == KindDaysTime {
		if magnitude(a[3].n) > maxOffset {
			ok = false
		} else {
			zone = OffsetZone(int(a[3].n))
		}
	}
	if !ok {
		return ev.fault(w, CodeValue, "there is no such time")
	}
	v, _ := TimeOf(nanos, zone)
	return v
}

func dateTimeFrom(ev *Evaluator, w *where, a []Value) Value {
	switch v := single(a[0]); v.kind {
	case KindDateTime:
		return v
	case KindDate:
		return v.midnight()
	case KindString:
		if d, ok := parseDateTime(v.str()); ok {
			return d
		}
		return ev.fault(w, CodeValue, "the text is no date and time, expected YYYY-MM-DDTHH:MM:SS with an optional zone")
	default:
		return ev.fault(w, CodeType, "date and time of "+v.kind.String())
	}
}

func dateTimeJoin(ev *Evaluator, w *where, a []Value) Value {
	d := single(a[0])
	if d.kind == KindDateTime {
		d = dateFromDays(d.days())
	}
	if v, ok := DateTimeOf(d, a[1]); ok {
		return v
	}
	return ev.fault(w, CodeType, "date and time of "+d.kind.String())
}

func dateTimeParts(ev *Evaluator, w *where, a []Value) Value {
	d := dateParts(ev, w, a[:3])
	nanos, ok := clockParts(a[3], a[4], a[5])
	var zone *Zone
	if len(a) == 7 && ok {
		zone, ok = zoneArgument(a[6])
	}
	if d.kind == KindNull || !ok {
		return ev.fault(w, CodeValue, "there is no such date and time")
	}
	t, _ := TimeOf(nanos, zone)
	v, _ := DateTimeOf(d, t)
	return v
}

// zoneArgument is an offset in hours, or the name of a zone.
func zoneArgument(v Value) (*Zone, bool) {
	switch v.kind {
	case KindNull:
		return nil, true
	case KindString:
		return NamedZone(v.str())
	case KindDaysTime:
		if magnitude(v.n) <= maxOffset {
			return OffsetZone(int(v.n)), true
		}
	case KindNumber:
		if s, ok := mulNumbers(v, Int(3600)).truncInt(); ok && magnitude(s) <= maxOffset {
			return OffsetZone(int(s)), true
		}
	}
	return nil, false
}

func numberFrom(ev *Evaluator, w *where, a []Value) Value {
	switch v := single(a[0]); v.kind {
	case KindNumber:
		return v
	case KindString:
		if n, ok := ParseNumber(v.str()); ok {
			return n
		}
		return ev.fault(w, CodeValue, "the text is no number")
	default:
		return ev.fault(w, CodeType, "number of "+v.kind.String())
	}
}

func numberSeparated(ev *Evaluator, w *where, a []Value) Value {
	group, okGroup := separator(a[1], "")
	point, okPoint := separator(a[2], ".")
	okGroup = okGroup && (a[1].kind == KindNull || group == " " || group == "." || group == ",")
	if !okGroup || !okPoint || point != "." && point != "," || group == point {
		return ev.fault(w, CodeValue, "number: the separators are not allowed")
	}
	s := a[0].str()
	if group != "" {
		s = strings.ReplaceAll(s, group, "")
	}
	if point == "," {
		if strings.Contains(s, ".") {
			return ev.fault(w, CodeValue, "the text is no number")
		}
		s = strings.Replace(s, ",", ".", 1)
	}
	if n, ok := ParseNumber(s); ok {
		return n
	}
	return ev.fault(w, CodeValue, "the text is no number")
}

// separator is the text of an argument that may be null.
func separator(v Value, absent string) (string, bool) {
	switch v = single(v); v.kind {
	case KindNull:
		return absent, true
	case KindString:
		return v.str(), true
	default:
		return "", false
	}
}

func stringFrom(ev *Evaluator, w *where, a []Value) Value {
	if a[0].kind == KindNull || !ev.weigh(a[0]) {
		return Null
	}
	return ev.newString(w, a[0].String())
}

func durationFrom(ev *Evaluator, w *where, a []Value) Value {
	switch v := single(a[0]); v.kind {
	case KindDaysTime, KindYearsMonths:
		return v
	case KindString:
		if d, ok := parseDuration(v.str()); ok {
			return d
		}
		return ev.fault(w, CodeValue, "the text is no duration, expected PnYnM or PnDTnHnMnS")
	default:
		return ev.fault(w, CodeType, "duration of "+v.kind.String())
	}
}

// monthsBetween counts whole months between two days.
func monthsBetween(ev *Evaluator, w *where, a []Value) Value {
	from, to := single(a[0]), single(a[1])
	for _, v := range []Value{from, to} {
		if v.kind != KindDate && v.kind != KindDateTime {
			return ev.fault(w, CodeType, "years and months duration of "+v.kind.String())
		}
	}
	y1, m1, d1 := from.ymd()
	y2, m2, d2 := to.ymd()
	months := (y2*12 + m2) - (y1*12 + m1)
	if months > 0 && d2 < d1 {
		months--
	} else if months < 0 && d2 > d1 {
		months++
	}
	return YearsMonthsOf(months)
}

// rangeFrom reads a range of literals.
func rangeFrom(ev *Evaluator, w *where, a []Value) Value {
	p := newParser(a[0].str(), NewScope(), CompileOptions{MaxSource: 10_000})
	if p.tok == tokLBracket || p.tok == tokLParen || p.tok == tokRBracket {
		e := p.primary()
		if p.err == nil && p.tok == tokEOF && e.op == opRange && literalBound(e.kids[0]) && literalBound(e.kids[1]) {
			c := &compiler{src: p.src, fn: &fnScope{}, reads: map[int]bool{}, minSlots: new(int), impure: new(bool)}
			if v := c.compile(e)(ev); v.kind == KindRange {
				return v
			}
		}
	}
	return ev.fault(w, CodeValue, "the text is no range of literals")
}

// literalBound allows literals and the functions that make temporal values of
// a literal text.
func literalBound(e *expr) bool {
	switch e.op {
	case opConst:
		return e.val.kind != KindNull
	case opNeg:
		return literalBound(e.kids[0])
	case opCall:
		switch e.bi.name {
		case "date", "time", "date and time", "duration":
			for _, k := range e.kids {
				if k.op != opConst {
					return false
				}
			}
			return true
		}
	}
	return false
}
