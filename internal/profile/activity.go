package profile

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Activity is how many events fell on each day of the week and each hour of
// the day, on the clock of the person's zone. It covers as much of the past as
// the sessions do, and nothing that was sent to the person.
type Activity struct {
	Zone  string            `json:"zone" doc:"Of the person's latest device or its traits; UTC where nobody said"`
	Days  map[string]uint64 `json:"days" doc:"Events by day of the week"`
	Hours []uint64          `json:"hours" nullable:"false" doc:"Events by hour of the day, from 0 to 23"`
	days  [7]uint64
}

var dayNames = [7]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// activity cuts the half hours by the zone's clock. Where a zone is off by a
// quarter of an hour, the first event of a half hour stands for all in it.
func (p *Partial) activity(name string, zone *time.Location) Activity {
	a := Activity{Zone: name, Days: map[string]uint64{}, Hours: make([]uint64, 24)}
	const (
		perHour, perDay = 3600, 86400
		thursday        = 4 // 1970-01-01
	)
	var offset, until int64
	for i := range p.halves {
		h := &p.halves[i]
		unix := int64(h.start()) / 1_000_000
		if i == 0 || unix >= until {
			offset, until = offsetAt(zone, unix)
		}
		local := unix + offset + perDay // a day more, so that nothing is negative
		a.days[(local/perDay+thursday-1)%7] += uint64(h.count)
		a.Hours[local%perDay/perHour] += uint64(h.count)
	}
	for i, n := range a.days {
		if n > 0 {
			a.Days[dayNames[i]] = n
		}
	}
	return a
}

// offsetAt is the offset of a zone at an instant in seconds since 1970, in
// seconds east of UTC, and the instant from which another one holds.
func offsetAt(zone *time.Location, unix int64) (seconds, until int64) {
	t := time.Unix(unix, 0).In(zone)
	_, offset := t.Zone()
	if _, end := t.ZoneBounds(); !end.IsZero() {
		return int64(offset), end.Unix()
	}
	return int64(offset), math.MaxInt64
}

// maxMost is how many days or hours are called the most active.
const maxMost = 3

func (a *Activity) most() (days []string, hours []int) {
	days = []string{}
	for _, i := range most(a.days[:]) {
		days = append(days, dayNames[i])
	}
	return days, most(a.Hours)
}

// most gives the places with more than an equal share of all, the largest
// first and at most three.
func most(counts []uint64) []int {
	total := uint64(0)
	for _, n := range counts {
		total += n
	}
	out := []int{}
	for i, n := range counts {
		if n*uint64(len(counts)) > total {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(a, b int) int { return cmp.Compare(counts[b], counts[a]) })
	return out[:min(len(out), maxMost)]
}
