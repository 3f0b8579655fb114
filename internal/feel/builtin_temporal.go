package feel

func temporalFunctions() []*builtin {
	part := func(name string, t *Type, f func(v Value) Value) *builtin {
		return def(name, sig(t, func(ev *Evaluator, w *where, a []Value) Value {
			v := single(a[0])
			if v.kind != KindDate && v.kind != KindDateTime {
				return ev.fault(w, CodeType, name+" of "+v.kind.String())
			}
			return f(v)
		}, any1("date")))
	}
	now := def("now", sig(DateTimeType, func(ev *Evaluator, w *where, _ []Value) Value { return ev.clock(w) }))
	today := def("today", sig(DateType, func(ev *Evaluator, w *where, _ []Value) Value {
		if n := ev.clock(w); n.kind == KindDateTime {
			return dateFromDays(n.days())
		}
		return Null
	}))
	now.impure, today.impure = true, true
	return []*builtin{
		now, today,
		def("is", sig(BooleanType, func(ev *Evaluator, _ *where, a []Value) Value {
			if !ev.weigh(a[0]) {
				return Null
			}
			return Bool(Same(a[0], a[1]))
		}, optional(any1("value1")), optional(any1("value2")))),
		part("day of year", NumberType, func(v Value) Value {
			y, _, _ := v.ymd()
			return Int(v.days() - daysFromCivil(y, 1, 1) + 1)
		}),
		part("day of week", StringType, func(v Value) Value { return String(dayNames[weekday(v.days())-1]) }),
		part("month of year", StringType, func(v Value) Value {
			_, m, _ := v.ymd()
			return String(monthNames[m-1])
		}),
		part("week of year", NumberType, func(v Value) Value { return Int(isoWeek(v.days())) }),
	}
}

func (ev *Evaluator) clock(w *where) Value {
	if ev.opts.Now.kind != KindDateTime {
		return ev.fault(w, CodeValue, "the evaluation has no clock")
	}
	return ev.opts.Now
}

var dayNames = [...]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

var monthNames = [...]string{
	"January", "February", "March", "April", "May", "June",
	"July", "August", "September", "October", "November", "December",
}

// isoWeek is the week by ISO 8601: the one that holds the Thursday.
func isoWeek(days int64) int64 {
	thursday := days - weekday(days) + 4
	y, _, _ := civilFromDays(thursday)
	return (thursday-daysFromCivil(y, 1, 1))/7 + 1
}
