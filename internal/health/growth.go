package health

import (
	"encoding/json"
	"time"

	"rapport/internal/clock"
)

// How the growth of the disk is known: from points at most this old, at least
// this far apart, over at least this long.
const (
	growthSpan  = 7 * 24 * time.Hour
	growthStep  = 10 * time.Minute
	growthLeast = time.Hour
	farOff      = 10 * 365 * 24 * time.Hour
)

// point is how full a disk was.
type point struct {
	At   clock.Instant `json:"at"`
	Used uint64        `json:"used"`
}

// growth remembers how full the disk was. What is kept is a JSON list.
type growth struct{ points []point }

// note remembers a measurement and tells whether it became a point.
func (g *growth) note(at clock.Instant, used uint64) bool {
	if n := len(g.points); n > 0 && at.Sub(g.points[n-1].At) < growthStep {
		if at >= g.points[n-1].At {
			return false
		}
		g.points = nil // the clock went back: what is remembered is of another time
	}
	g.points = append(g.points, point{at, used})
	first := 0
	for first < len(g.points) && at.Sub(g.points[first].At) > growthSpan {
		first++
	}
	g.points = append([]point(nil), g.points[first:]...)
	return true
}

// perDay is by how many bytes a day the disk fills; false where too little was
// seen. A disk that empties gives a negative number.
func (g *growth) perDay(at clock.Instant, used uint64) (float64, bool) {
	if len(g.points) == 0 {
		return 0, false
	}
	span := at.Sub(g.points[0].At)
	if span < growthLeast {
		return 0, false
	}
	return (float64(used) - float64(g.points[0].Used)) / span.Hours() * 24, true
}

// Remembered is what a restarted instance goes on with.
func (w *Watch) Remembered() []byte {
	text, err := json.Marshal(w.growth.points)
	if err != nil {
		panic(err) // numbers
	}
	return text
}

// Remember takes over what Remembered gave.
func (w *Watch) Remember(text []byte) error { return json.Unmarshal(text, &w.growth.points) }

// disk reports on the disk and the data on it.
func (w *Watch) disk(m *Measured) (out DiskReport, fresh bool) {
	out.Log, out.State = m.LogBytes, m.StateBytes
	if m.Stored >= 10_000 {
		per := float64(m.LogBytes+m.StateBytes) / float64(m.Stored) * 1e6
		out.PerMillion = &per
	}
	if m.Disk == nil {
		return out, false
	}
	out.Path, out.Total, out.Free = m.Disk.Path, m.Disk.Total, m.Disk.Free
	if m.Elsewhere {
		return out, false
	}
	used := m.Disk.Total - m.Disk.Free
	fresh = w.growth.note(m.At, used)
	if day, known := w.growth.perDay(m.At, used); known {
		out.PerDay = &day
		if left := float64(m.Disk.Free) / day * 24 * float64(time.Hour); day > 0 && left < float64(farOff) {
			at := m.At.Add(time.Duration(left)).String()
			out.FullAt = &at
		}
	}
	return out, fresh
}
