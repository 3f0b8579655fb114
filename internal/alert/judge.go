package alert

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rapport/internal/clock"
	"rapport/internal/health"
)

// problem is one thing that an alert is about and that is so now.
type problem struct {
	about   string
	message string
	mend    string
}

// judge tells what a rule is about and is so now.
func (b *Book) judge(r *Rule, h *health.HealthReport) []problem {
	w := &r.When
	switch {
	case w.SourceSilent != nil:
		return silent(r, h)
	case w.VolumeAnomaly != nil:
		return b.anomalies(w.VolumeAnomaly, h)
	case w.DestinationFailing != nil:
		return failing(w.DestinationFailing, h)
	case w.DeadLetters != nil:
		return b.rising(r, h)
	case w.Disk != nil:
		return filling(r, h)
	case w.Lag != nil:
		if late := time.Duration(h.Late.Seconds * float64(time.Second)); late > r.span {
			return []problem{{"", fmt.Sprintf("Profiles are %s behind what came in; %d events wait.", text(late), h.Late.Events), "Look at what GET /api/v1/health says is stuck; else give the machine more cores."}}
		}
	case w.Certificate != nil:
		return ending(r, h)
	case w.Finding != nil:
		return found(w.Finding, h)
	}
	return nil
}

// off tells that nothing is to come from a source of a status.
func off(status string) bool {
	return status == "disabled" || status == "paused" || status == "expired"
}

func silent(r *Rule, h *health.HealthReport) (out []problem) {
	for _, s := range h.Sources {
		if off(s.Status) || s.Last == 0 || !has(r.When.SourceSilent.Sources, s.Key) {
			continue
		}
		if quiet := h.CheckedAt.Sub(s.Last); quiet > r.span {
			out = append(out, problem{"source:" + s.Key, fmt.Sprintf("Nothing came from the source %s since %s.", s.Key, s.Last), "Check whether it still sends and with which key; pause it if it never will."})
		}
	}
	return out
}

func failing(w *DestinationFailing, h *health.HealthReport) (out []problem) {
	for _, d := range h.Destinations {
		if !has(w.Destinations, d.Key) {
			continue
		}
		about, mend := "destination:"+d.Key, "Mend what it says; one that stopped is released by a person."
		switch d.State {
		case "failing":
			out = append(out, problem{about, fmt.Sprintf("The destination %s is failing: %s (%d messages wait).", d.Key, d.Problem, d.Waiting), mend})
		case "stopped":
			out = append(out, problem{about, fmt.Sprintf("The destination %s is stopped: %s (%d messages wait).", d.Key, d.Problem, d.Waiting), mend})
		}
	}
	return out
}

func filling(r *Rule, h *health.HealthReport) []problem {
	if h.Disk.Total == 0 {
		return nil
	}
	const mend = "Free space or give the disk more: what cannot be written is refused, and its senders come again."
	if free := float64(h.Disk.Free) / float64(h.Disk.Total); free < r.When.Disk.FreeBelow {
		return []problem{{"disk", fmt.Sprintf("%.1f%% of the disk under %s are free.", free*100, h.Disk.Path), mend}}
	}
	var full clock.Instant
	if h.Disk.FullAt != nil && full.UnmarshalText([]byte(*h.Disk.FullAt)) == nil && full.Sub(h.CheckedAt) < r.span {
		return []problem{{"disk", fmt.Sprintf("At this rate the disk under %s is full at %s.", h.Disk.Path, full), mend}}
	}
	return nil
}

func ending(r *Rule, h *health.HealthReport) []problem {
	c := h.Certificate
	switch {
	case c == nil:
		return nil
	case c.Error != "":
		return []problem{{"certificate", fmt.Sprintf("A newer certificate cannot be had: %s.", c.Error), "Look at the files or at what the authority says."}}
	case c.Expires.Sub(h.CheckedAt) < r.span:
		return []problem{{"certificate", fmt.Sprintf("The certificate ends at %s.", c.Expires), "Put a newer one in its place, or see why the authority gives none."}}
	}
	return nil
}

func found(w *AnyFinding, h *health.HealthReport) (out []problem) {
	for _, f := range h.Findings {
		if rank(f.Severity) >= rank(w.Severity) && has(w.Codes, f.Code) {
			about := f.Code
			if f.About != "" {
				about += " " + f.About
			}
			out = append(out, problem{about, f.Message, f.Mend})
		}
	}
	return out
}

// How volumes are judged.
const (
	hour         = clock.Instant(time.Hour / time.Microsecond)
	daysLooked   = 14
	daysNeeded   = 3
	hoursKept    = (daysLooked+1)*24 + 2
	hoursOfADay  = 24
	minute       = clock.Instant(time.Minute / time.Microsecond)
	marksPerHour = 60
	// longestSeries is for how long counts are remembered by the minute.
	longestSeries = 24 * time.Hour
)

// Mark is a count at an instant.
type Mark struct {
	At clock.Instant `json:"at"`
	N  uint64        `json:"n"`
}

// remember notes counts: of sources at the first look of each hour, of what is
// not understood each minute. Those of what is not there any more are forgotten.
func (b *Book) remember(h *health.HealthReport) {
	now, dead, there := h.CheckedAt, deadOf(h), map[string]bool{}
	for _, s := range h.Sources {
		there[s.Key] = true
		marks := b.kept.Hours[s.Key]
		if n := len(marks); n == 0 || now/hour != marks[n-1].At/hour {
			marks = append(marks, Mark{now, s.Received})
			b.kept.Hours[s.Key] = marks[max(0, len(marks)-hoursKept):]
			b.changed = true
		}
	}
	for about, n := range dead {
		marks := b.dead[about]
		if last := len(marks); last == 0 || now/minute != marks[last-1].At/minute {
			marks = append(marks, Mark{now, n})
			b.dead[about] = marks[max(0, len(marks)-hoursOfADay*marksPerHour-1):]
		}
	}
	maps.DeleteFunc(b.kept.Hours, func(source string, _ []Mark) bool {
		b.changed = b.changed || !there[source]
		return !there[source]
	})
	maps.DeleteFunc(b.dead, func(about string, _ []Mark) bool {
		_, is := dead[about]
		return !is
	})
}

func deadOf(h *health.HealthReport) map[string]uint64 {
	out := map[string]uint64{"events": h.DeadLetters}
	for _, d := range h.Destinations {
		out["destination:"+d.Key] = uint64(max(d.Dead, 0))
	}
	return out
}

// rising tells where there are more dead letters than there were.
func (b *Book) rising(r *Rule, h *health.HealthReport) (out []problem) {
	now := deadOf(h)
	for about, n := range now {
		marks := b.dead[about]
		from := slices.IndexFunc(marks, func(m Mark) bool { return h.CheckedAt.Sub(m.At) <= r.span })
		if from < 0 {
			continue
		}
		least := n
		for _, m := range marks[from:] {
			least = min(least, m.N) // some were discarded meanwhile
		}
		if rose := n - least; rose >= uint64(r.When.DeadLetters.Rise) {
			if about == "events" {
				out = append(out, problem{about, fmt.Sprintf("%d events were not understood within %s.", rose, text(r.span)), "Look at the dead letters: mend the sender or the mapping, then replay them."})
			} else {
				out = append(out, problem{about, fmt.Sprintf("%d messages were given up within %s.", rose, text(r.span)), "Look at its deliveries with the outcome dead, then replay or discard them."})
			}
		}
	}
	slices.SortFunc(out, func(a, b problem) int { return strings.Compare(a.about, b.about) })
	return out
}

// anomalies tells of which sources the last whole hour was not as usual.
func (b *Book) anomalies(w *VolumeAnomaly, h *health.HealthReport) (out []problem) {
	for _, s := range h.Sources {
		if off(s.Status) || !has(w.Sources, s.Key) {
			continue
		}
		last, usual, ok := volumes(b.kept.Hours[s.Key], h.CheckedAt)
		if !ok || usual < float64(w.AtLeast) {
			continue
		}
		about, mend := "source:"+s.Key, "See what changed at the sender: a release, a campaign, a broken tag, a loop."
		share := float64(last) / usual
		switch {
		case *w.Below > 0 && share < *w.Below:
			out = append(out, problem{about, fmt.Sprintf("In the last whole hour only %d events came from the source %s; usual at this time are %.0f.", last, s.Key, usual), mend})
		case *w.Above > 0 && share > *w.Above:
			out = append(out, problem{about, fmt.Sprintf("In the last whole hour %d events came from the source %s; usual at this time are %.0f.", last, s.Key, usual), mend})
		}
	}
	return out
}

// volumes gives what came in the last whole hour, and the median of that hour of
// the days before; false where too few are known.
func volumes(marks []Mark, now clock.Instant) (last uint64, usual float64, ok bool) {
	at := map[clock.Instant]uint64{}
	for _, m := range marks {
		at[m.At/hour] = m.N
	}
	came := func(h clock.Instant) (uint64, bool) {
		from, ok := at[h]
		to, then := at[h+1]
		return to - from, ok && then && to >= from
	}
	of := now/hour - 1
	if last, ok = came(of); !ok {
		return 0, 0, false
	}
	var before []uint64
	for d := range clock.Instant(daysLooked) {
		if n, ok := came(of - (d+1)*hoursOfADay); ok {
			before = append(before, n)
		}
	}
	if len(before) < daysNeeded {
		return last, 0, false
	}
	slices.Sort(before)
	mid := len(before) / 2
	usual = float64(before[mid])
	if len(before)%2 == 0 {
		usual = (usual + float64(before[mid-1])) / 2
	}
	return last, usual, true
}
