package feel

import (
	"math"
	"time"
	"unsafe"
)

const (
	maxYear     = 999_999_999
	daySeconds  = 86400
	nanosPerSec = 1_000_000_000
	nanosPerDay = daySeconds * nanosPerSec
)

// DateOf is a date, and whether there is such a day.
func DateOf(year, month, day int64) (Value, bool) {
	if year < -maxYear || year > maxYear || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return Null, false
	}
	return Value{kind: KindDate, n: year<<9 | month<<5 | day}, true
}

// TimeOf is a time of day, and whether there is such a time. A nil zone makes a
// local time.
func TimeOf(nanosOfDay int64, zone *Zone) (Value, bool) {
	if nanosOfDay < 0 || nanosOfDay >= nanosPerDay {
		return Null, false
	}
	return Value{kind: KindTime, n: nanosOfDay, p: unsafe.Pointer(zone)}, true
}

// DateTimeOf joins a date and a time.
func DateTimeOf(date, timeOfDay Value) (Value, bool) {
	if date.kind != KindDate || timeOfDay.kind != KindTime {
		return Null, false
	}
	sec := date.days()*daySeconds + timeOfDay.n/nanosPerSec
	return dateTime(sec, int32(timeOfDay.n%nanosPerSec), timeOfDay.zone()), true
}

// DaysTimeOf is a days and time duration. Nanos beyond a second are carried.
func DaysTimeOf(seconds int64, nanos int32) Value {
	if nanos < 0 || nanos >= nanosPerSec {
		q := floorDiv(int64(nanos), nanosPerSec)
		seconds += q
		nanos -= int32(q * nanosPerSec)
	}
	return Value{kind: KindDaysTime, n: seconds, x: nanos}
}

// YearsMonthsOf is a years and months duration.
func YearsMonthsOf(months int64) Value { return Value{kind: KindYearsMonths, n: months} }

// FromTime is the date and time of t with its zone.
func FromTime(t time.Time) Value {
	name, off := t.Zone()
	zone := UTC
	if loc := t.Location().String(); loc != "UTC" && loc != "" && loc != "Local" && loc != name {
		if z, ok := NamedZone(loc); ok {
			zone = z
		}
	}
	if zone == UTC && off != 0 {
		zone = OffsetZone(off)
	}
	return dateTime(t.Unix()+int64(off), int32(t.Nanosecond()), zone)
}

// AsTime is the instant of a date (midnight UTC) or of a date and time (UTC when
// it has no zone), and whether the value is one Go can hold.
func (v Value) AsTime() (time.Time, bool) {
	switch v.kind {
	case KindDate:
		v = v.midnight()
	case KindDateTime:
	default:
		return time.Time{}, false
	}
	loc := time.UTC
	if z := v.zone(); z != nil {
		if loc = z.loc; loc == nil {
			loc = time.FixedZone("", int(z.offset))
		}
	}
	return time.Unix(v.instant(), int64(v.x)).In(loc), true
}

// AsDuration is a days and time duration as Go duration and whether it fits.
func (v Value) AsDuration() (time.Duration, bool) {
	if v.kind != KindDaysTime || v.n > math.MaxInt64/nanosPerSec-1 || v.n < math.MinInt64/nanosPerSec+1 {
		return 0, false
	}
	return time.Duration(v.n*nanosPerSec + int64(v.x)), true
}

// AsMonths is a years and months duration in months.
func (v Value) AsMonths() (int64, bool) { return v.n, v.kind == KindYearsMonths }

// dateTime is a date and time by local seconds since 1970, or null outside the
// range of years.
func dateTime(sec int64, nanos int32, zone *Zone) Value {
	if sec < minSecond || sec > maxSecond {
		return Null
	}
	return Value{kind: KindDateTime, n: sec, x: nanos, p: unsafe.Pointer(zone)}
}

var (
	minSecond = daysFromCivil(-maxYear, 1, 1) * daySeconds
	maxSecond = daysFromCivil(maxYear, 12, 31)*daySeconds + daySeconds - 1
)

func (v Value) zone() *Zone { return (*Zone)(v.p) }

// ymd are year, month and day of a date or of a date and time.
func (v Value) ymd() (year, month, day int64) {
	if v.kind == KindDateTime {
		return civilFromDays(floorDiv(v.n, daySeconds))
	}
	return v.n >> 9, v.n >> 5 & 15, v.n & 31
}

// days are the days since 1970 of a date or of a date and time.
func (v Value) days() int64 {
	if v.kind == KindDateTime {
		return floorDiv(v.n, daySeconds)
	}
	y, m, d := v.ymd()
	return daysFromCivil(y, m, d)
}

// secondOfDay is the whole second of a time or of a date and time.
func (v Value) secondOfDay() int64 {
	if v.kind == KindDateTime {
		return v.n - floorDiv(v.n, daySeconds)*daySeconds
	}
	return v.n / nanosPerSec
}

func dateFromDays(days int64) Value {
	v, _ := DateOf(civilFromDays(days))
	return v
}

// midnight is the date and time at the start of a date, UTC, which is how FEEL
// reads a date where a date and time is needed.
func (v Value) midnight() Value { return dateTime(v.days()*daySeconds, 0, UTC) }

// instant is a date and time in seconds since 1970 UTC; local ones as UTC.
func (v Value) instant() int64 {
	if z := v.zone(); z != nil {
		return v.n - z.offsetOf(v.n)
	}
	return v.n
}

// timeOffset is the offset of a time. A time in an IANA zone has no date to
// tell the offset, so the one of 1970 is taken.
func (v Value) timeOffset() int64 {
	if z := v.zone(); z != nil {
		return z.offsetAt(0)
	}
	return 0
}

// timeOfDay is the time part of a date and time.
func (v Value) timeOfDay() Value {
	return Value{kind: KindTime, n: v.secondOfDay()*nanosPerSec + int64(v.x), p: v.p}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// daysFromCivil counts days since 1970-01-01 in the proleptic Gregorian
// calendar; years are shifted to start in March so that leap days come last.
func daysFromCivil(y, m, d int64) int64 {
	if m <= 2 {
		y--
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	doy := (153*((m+9)%12)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468
}

func civilFromDays(z int64) (y, m, d int64) {
	z += 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + era*400
	if m <= 2 {
		y++
	}
	return y, m, d
}

func isLeap(y int64) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

func daysIn(y, m int64) int64 {
	switch m {
	case 2:
		if isLeap(y) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	default:
		return 31
	}
}

// weekday is 1 for Monday to 7 for Sunday.
func weekday(days int64) int64 { return (days+3)%7 + 1 + weekAdjust(days) }

// weekAdjust makes the remainder of negative days positive.
func weekAdjust(days int64) int64 {
	if (days+3)%7 < 0 {
		return 7
	}
	return 0
}

// addMonths moves a date by months; a day the month lacks becomes its last.
func addMonths(date Value, months int64) (Value, bool) {
	if magnitude(months) > 12*(2*maxYear+2) {
		return Null, false
	}
	y, m, d := date.ymd()
	total := y*12 + m - 1 + months
	y = floorDiv(total, 12)
	m = total - y*12 + 1
	return DateOf(y, m, min(d, daysIn(y, m)))
}
