package condition

import (
	"strconv"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/feel"
	"rapport/internal/jsondoc"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// units are the units of a duration, the longest first.
var units = []struct {
	text string
	long string
	d    time.Duration
}{
	{"w", "week", week}, {"d", "day", day}, {"h", "hour", time.Hour}, {"m", "minute", time.Minute}, {"s", "second", time.Second},
}

// duration reads "30d", "12 hours", "1d12h".
func (r *raw) duration() (time.Duration, error) {
	d, ok := parseDuration(r.text)
	switch {
	case r.kind != jsondoc.String || !ok:
		return 0, bad(r.at, "invalid_window", "this is a duration such as \"30d\", \"12h\" or \"90 minutes\", not %s%s", r.describe(), monthHint(r.text))
	case d > MaxWindow:
		return 0, bad(r.at, "window_too_long", "%s is longer than the %d days that a window may have: leave the window out to count everything", clip(r.text), MaxWindow/day)
	case d <= 0:
		return 0, bad(r.at, "invalid_window", "a duration is longer than nothing")
	}
	return d, nil
}

func monthHint(s string) string {
	s = strings.ToLower(s)
	if strings.Contains(s, "mo") || strings.Contains(s, "y") {
		return ": months and years have no one length; write days, or a calendar window such as {\"this\": \"month\"}"
	}
	return ""
}

func parseDuration(s string) (time.Duration, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "" {
		return 0, false
	}
	var total time.Duration
	for s != "" {
		i := 0
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		n, err := strconv.ParseInt(s[:i], 10, 64)
		if err != nil {
			return 0, false
		}
		s = strings.TrimLeft(s[i:], " ")
		k := 0
		for k < len(s) && s[k] >= 'a' && s[k] <= 'z' {
			k++
		}
		unit, ok := unitOf(s[:k])
		if !ok {
			return 0, false
		}
		total += time.Duration(min(n, int64(10*MaxWindow/unit)+1)) * unit
		if s = strings.TrimLeft(s[k:], " "); total > 10*MaxWindow {
			return total, s == ""
		}
	}
	return total, true
}

func unitOf(s string) (time.Duration, bool) {
	for _, u := range units {
		if s == u.text || s == u.long || s == u.long+"s" {
			return u.d, true
		}
	}
	switch s {
	case "min", "mins":
		return time.Minute, true
	case "sec", "secs":
		return time.Second, true
	case "hr", "hrs":
		return time.Hour, true
	}
	return 0, false
}

// DurationText is the canonical form: the fewest units.
func DurationText(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	if d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	var b strings.Builder
	for _, u := range units[1:] {
		if n := d / u.d; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + u.text)
			d -= n * u.d
		}
	}
	return b.String()
}

// ParseTime reads a time as traits and properties say it: RFC 3339, or without
// a zone (then UTC), or a day (its midnight UTC). dayOnly tells the last.
func ParseTime(s string) (at clock.Instant, dayOnly, ok bool) {
	const shortest = len("2006-01-02")
	if len(s) < shortest || len(s) > 40 || s[4] != '-' || s[7] != '-' {
		return 0, false, false
	}
	if len(s) == shortest {
		t, err := time.Parse(time.DateOnly, s)
		return clock.From(t), true, err == nil
	}
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return clock.From(t), false, true
		}
	}
	return 0, false, false
}

// date reads a time that is fixed, or so far from now: "now-30d", "-30d".
func (r *raw) date() (Value, error) {
	s := strings.ReplaceAll(strings.TrimSpace(r.text), " ", "")
	rest, now := strings.CutPrefix(strings.ToLower(s), "now")
	switch {
	case r.kind != jsondoc.String:
	case now && rest == "":
		return Value{Kind: Date, Relative: true}, nil
	case (now || s != "") && rest != "" && (rest[0] == '-' || rest[0] == '+'):
		d, ok := parseDuration(rest[1:])
		if !ok {
			break
		}
		if d > 10*MaxWindow-day {
			return Value{}, bad(r.at, "window_too_long", "%s is more than %d days away: give a fixed date", clip(r.text), 10*MaxWindow/day)
		}
		if rest[0] == '-' {
			d = -d
		}
		return Value{Kind: Date, Relative: true, Offset: d}, nil
	default:
		if at, dayOnly, ok := ParseTime(strings.TrimSpace(r.text)); ok {
			return Value{Kind: Date, Time: at, DayOnly: dayOnly}, nil
		}
	}
	return Value{}, bad(r.at, "type_mismatch", "a range compares numbers and times; %s is neither: write \"2026-01-31\", \"2026-01-31T12:00:00Z\" or \"now-30d\"%s", r.describe(), monthHint(r.text))
}

var unitNames = map[string]Unit{"day": Day, "week": Week, "month": Month, "quarter": Quarter, "year": Year}

// String is the unit's name.
func (u Unit) String() string {
	return [...]string{"", "day", "week", "month", "quarter", "year"}[u]
}

// maxPeriods is how many periods make the longest window.
var maxPeriods = map[Unit]int{Day: 3660, Week: 520, Month: 120, Quarter: 40, Year: 10}

// window reads the member window, or the short within.
func (r *raw) window(short bool) (Window, error) {
	w := r.get("window")
	if short && r.has("within") {
		if w != nil {
			return Window{}, bad(w.at, "invalid_window", "within and window are two windows: write one")
		}
		d, err := r.get("within").duration()
		return Window{Kind: Sliding, Last: d}, err
	}
	if w == nil {
		return Window{}, nil
	}
	if w.kind == jsondoc.String {
		if w.text == "ever" {
			return Window{}, nil
		}
		d, err := w.duration()
		return Window{Kind: Sliding, Last: d}, err
	}
	if w.kind != jsondoc.Object {
		return Window{}, bad(w.at, "invalid_window", "a window is \"30d\", {\"last\": \"30d\"}, {\"this\": \"month\"} or {\"from\": …, \"to\": …}, not %s", w.describe())
	}
	switch {
	case w.has("last"):
		if err := w.known([]string{"last"}); err != nil {
			return Window{}, err
		}
		d, err := w.get("last").duration()
		return Window{Kind: Sliding, Last: d}, err
	case w.has("this"), w.has("previous"), w.has("calendar"):
		return w.calendar()
	case w.has("from"), w.has("to"):
		return w.fixed()
	}
	if err := w.known([]string{"last", "this", "previous", "calendar", "periods", "ago", "zone", "from", "to"}); err != nil {
		return Window{}, err
	}
	return Window{}, bad(w.at, "invalid_window", "the window says nothing: use last, this, previous, calendar, or from and to")
}

func (r *raw) calendar() (Window, error) {
	w := Window{Kind: Calendar, Periods: 1}
	var key string
	for _, k := range [...]string{"this", "previous", "calendar"} {
		if r.has(k) {
			key = k
			break
		}
	}
	if err := r.known([]string{key, "periods", "ago", "zone"}); err != nil {
		return w, err
	}
	unit := r.get(key)
	var ok bool
	if w.Unit, ok = unitNames[strings.TrimSuffix(unit.text, "s")]; !ok {
		return w, bad(unit.at, "invalid_window", "the calendar has day, week, month, quarter and year, not %s", unit.describe())
	}
	if key == "previous" {
		w.Ago = 1
	}
	var err error
	if p := r.get("periods"); p != nil {
		if w.Periods, err = p.whole(1, maxPeriods[w.Unit]); err != nil {
			return w, err
		}
	}
	if p := r.get("ago"); p != nil {
		if w.Ago, err = p.whole(0, maxPeriods[w.Unit]); err != nil {
			return w, err
		}
	}
	if w.Periods+w.Ago > maxPeriods[w.Unit] {
		return w, bad(r.at, "window_too_long", "the window begins %d %ss ago: at most %d are kept", w.Periods+w.Ago, w.Unit, maxPeriods[w.Unit])
	}
	if z := r.get("zone"); z != nil && z.text != "UTC" {
		if _, ok := feel.NamedZone(z.text); z.kind != jsondoc.String || !ok {
			return w, bad(z.at, "invalid_window", "%s is no time zone: give an IANA name such as \"Europe/Berlin\"", z.describe())
		}
		w.Zone = z.text
	}
	return w, nil
}

func (r *raw) fixed() (Window, error) {
	if err := r.known([]string{"from", "to"}); err != nil {
		return Window{}, err
	}
	var ends [2]Value
	var has [2]bool
	for i, k := range [...]string{"from", "to"} {
		v := r.get(k)
		if v == nil {
			continue
		}
		var err error
		if ends[i], err = v.date(); err != nil {
			return Window{}, err
		}
		has[i] = true
	}
	from, to := ends[0], ends[1]
	if has[0] && has[1] && from.Relative != to.Relative {
		return Window{}, bad(r.at, "invalid_window", "one end is a fixed time and the other moves with now: make both of one kind, or two conditions")
	}
	if from.Relative || to.Relative {
		return relativeWindow(r, from, to, has)
	}
	if has[0] && has[1] && from.Time >= to.Time {
		return Window{}, bad(r.at, "invalid_window", "the window ends before it begins: swap its ends")
	}
	return Window{Kind: Fixed, From: from.Time, To: to.Time}, nil
}

func relativeWindow(r *raw, from, to Value, has [2]bool) (Window, error) {
	w := Window{Kind: Sliding, Last: -from.Offset, Until: -to.Offset}
	switch {
	case w.Last < 0 || w.Until < 0 || has[0] && w.Last == 0:
		return w, bad(r.at, "invalid_window", "the window lies in the future, where nothing has happened: use now-…")
	case has[0] && w.Last > MaxWindow || w.Until > MaxWindow:
		return w, bad(r.at, "window_too_long", "the window begins more than %d days ago: leave that end out or give a date", MaxWindow/day)
	case has[0] && has[1] && w.Until >= w.Last:
		return w, bad(r.at, "invalid_window", "the window ends before it begins: swap its ends")
	case !has[0] && w.Until == 0:
		return Window{}, nil
	}
	return w, nil
}
