package feel

import (
	"math"

	"github.com/cockroachdb/apd/v3"
)

func isDuration(v Value) bool { return v.kind == KindDaysTime || v.kind == KindYearsMonths }

func negDuration(v Value) Value {
	if v.kind == KindYearsMonths {
		return YearsMonthsOf(-v.n)
	}
	return DaysTimeOf(-v.n, -v.x)
}

// durationNumber is the duration in months or in seconds.
func durationNumber(v Value) Value {
	if v.kind == KindYearsMonths {
		return Int(v.n)
	}
	return addNumbers(Int(v.n), Decimal(int64(v.x), 9))
}

// scaleDuration multiplies or divides; months are cut to whole ones.
func scaleDuration(d, by Value, op func(a, b Value) Value) Value {
	n := op(durationNumber(d), by)
	if n.kind != KindNumber {
		return Null
	}
	if d.kind == KindYearsMonths {
		m, ok := n.truncInt()
		if !ok {
			return Null
		}
		return YearsMonthsOf(m)
	}
	return durationOfSeconds(n)
}

// durationOfSeconds is a days and time duration, cut to nanoseconds.
func durationOfSeconds(n Value) Value {
	whole := roundNumber(n, 0, apd.RoundFloor)
	sec, ok := whole.AsInt()
	if !ok || magnitude(sec) > math.MaxInt64/2 {
		return Null
	}
	frac, _ := mulNumbers(subNumbers(n, whole), Int(nanosPerSec)).truncInt()
	return DaysTimeOf(sec, int32(frac))
}

// addTemporal adds to a temporal value; of two kinds the duration is b.
func addTemporal(a, b Value) (Value, bool) {
	switch {
	case a.kind == KindYearsMonths && b.kind == KindYearsMonths:
		s := a.n + b.n
		if (s > a.n) != (b.n > 0) && b.n != 0 {
			return Null, true
		}
		return YearsMonthsOf(s), true
	case a.kind == KindDaysTime && b.kind == KindDaysTime:
		s := a.n + b.n
		if (s > a.n) != (b.n > 0) && b.n != 0 {
			return Null, true
		}
		x := int64(a.x) + int64(b.x)
		return DaysTimeOf(s+x/nanosPerSec, int32(x%nanosPerSec)), true
	case b.kind == KindYearsMonths && (a.kind == KindDate || a.kind == KindDateTime):
		return moveMonths(a, b.n), true
	case b.kind == KindDaysTime && a.kind == KindDate:
		m := moveSeconds(a.midnight(), b)
		if m.kind == KindNull {
			return Null, true
		}
		return dateFromDays(m.days()), true
	case b.kind == KindDaysTime && a.kind == KindDateTime:
		return moveSeconds(a, b), true
	case b.kind == KindDaysTime && a.kind == KindTime:
		return moveClock(a, b), true
	default:
		return Null, false
	}
}

func moveMonths(v Value, months int64) Value {
	d, ok := addMonths(v, months)
	if !ok || v.kind == KindDate {
		return d
	}
	return dateTime(d.days()*daySeconds+v.secondOfDay(), v.x, v.zone())
}

// moveSeconds adds a days and time duration on the local clock.
func moveSeconds(v, d Value) Value {
	if magnitude(d.n) > 1<<60 {
		return Null
	}
	x := int64(v.x) + int64(d.x)
	return dateTime(v.n+d.n+x/nanosPerSec, int32(x%nanosPerSec), v.zone())
}

func moveClock(v, d Value) Value {
	n := v.n + d.n%daySeconds*nanosPerSec + int64(d.x)
	n -= floorDiv(n, nanosPerDay) * nanosPerDay
	out, _ := TimeOf(n, v.zone())
	return out
}

func subTemporal(a, b Value) (Value, bool) {
	if isDuration(b) {
		if isDuration(a) && a.kind != b.kind {
			return Null, false
		}
		return addTemporal(a, negDuration(b))
	}
	if a.kind == KindTime && b.kind == KindTime {
		return subTimes(a, b), true
	}
	dateA, dateB := a.kind == KindDate, b.kind == KindDate
	if !dateA && a.kind != KindDateTime || !dateB && b.kind != KindDateTime {
		return Null, false
	}
	if dateA {
		a = a.midnight()
	}
	if dateB {
		b = b.midnight()
	}
	if (a.zone() == nil) != (b.zone() == nil) {
		return Null, false
	}
	return DaysTimeOf(a.instant()-b.instant(), a.x-b.x), true
}

func subTimes(a, b Value) Value {
	if (a.zone() == nil) != (b.zone() == nil) {
		return Null
	}
	n := a.n - b.n
	if !a.zone().same(b.zone()) {
		n -= (a.timeOffset() - b.timeOffset()) * nanosPerSec
	}
	return DaysTimeOf(floorDiv(n, nanosPerSec), int32(n-floorDiv(n, nanosPerSec)*nanosPerSec))
}

// property reads a part of a temporal value or of a range.
type property func(v Value) (Value, bool)

var properties = map[string]property{
	"year":           dateProperty(func(y, _, _ int64) int64 { return y }),
	"month":          dateProperty(func(_, m, _ int64) int64 { return m }),
	"day":            dateProperty(func(_, _, d int64) int64 { return d }),
	"weekday":        weekdayProperty,
	"hour":           clockProperty(func(s int64) int64 { return s / 3600 }),
	"minute":         clockProperty(func(s int64) int64 { return s / 60 % 60 }),
	"second":         clockProperty(func(s int64) int64 { return s % 60 }),
	"time offset":    offsetProperty,
	"timezone":       zoneProperty,
	"years":          durationProperty(KindYearsMonths, 12, 0),
	"months":         durationProperty(KindYearsMonths, 1, 12),
	"days":           durationProperty(KindDaysTime, daySeconds, 0),
	"hours":          durationProperty(KindDaysTime, 3600, 24),
	"minutes":        durationProperty(KindDaysTime, 60, 60),
	"seconds":        durationProperty(KindDaysTime, 1, 60),
	"start":          rangeProperty(func(r *Range) Value { return r.Low }),
	"end":            rangeProperty(func(r *Range) Value { return r.High }),
	"start included": rangeProperty(func(r *Range) Value { return Bool(r.LowClosed) }),
	"end included":   rangeProperty(func(r *Range) Value { return Bool(r.HighClosed) }),
}

func dateProperty(part func(y, m, d int64) int64) property {
	return func(v Value) (Value, bool) {
		if v.kind != KindDate && v.kind != KindDateTime {
			return Null, false
		}
		return Int(part(v.ymd())), true
	}
}

func weekdayProperty(v Value) (Value, bool) {
	if v.kind != KindDate && v.kind != KindDateTime {
		return Null, false
	}
	return Int(weekday(v.days())), true
}

// clockProperty reads times and dates and times.
func clockProperty(part func(second int64) int64) property {
	return func(v Value) (Value, bool) {
		if v.kind != KindTime && v.kind != KindDateTime {
			return Null, false
		}
		return Int(part(v.secondOfDay())), true
	}
}

func offsetProperty(v Value) (Value, bool) {
	if v.kind != KindTime && v.kind != KindDateTime {
		return Null, false
	}
	z := v.zone()
	switch {
	case z == nil:
		return Null, true
	case v.kind == KindDateTime:
		return DaysTimeOf(z.offsetOf(v.n), 0), true
	default:
		return DaysTimeOf(v.timeOffset(), 0), true
	}
}

func zoneProperty(v Value) (Value, bool) {
	if v.kind != KindTime && v.kind != KindDateTime {
		return Null, false
	}
	if z := v.zone(); z != nil && z.name != "" {
		return String(z.name), true
	}
	return Null, true
}

// durationProperty is the count of a unit beyond the next larger one.
func durationProperty(k Kind, unit, of int64) property {
	return func(v Value) (Value, bool) {
		if v.kind != k {
			return Null, false
		}
		n := v.n
		if n < 0 && v.x > 0 {
			n++ // seconds are rounded down, parts are cut
		}
		n /= unit
		if of > 0 {
			n %= of
		}
		return Int(n), true
	}
}

func rangeProperty(part func(*Range) Value) property {
	return func(v Value) (Value, bool) {
		if v.kind != KindRange {
			return Null, false
		}
		return part(v.rng()), true
	}
}
