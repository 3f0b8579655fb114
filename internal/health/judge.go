package health

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rapport/internal/clock"
)

// When something is worth a finding.
const (
	stuckAfter    = time.Minute
	lateWarning   = time.Minute
	lateCritical  = 10 * time.Minute
	diskWarning   = 0.10 // share that is free
	diskCritical  = 0.03
	fullWarning   = 14 * 24 * time.Hour
	fullCritical  = 2 * 24 * time.Hour
	certWarning   = 14 * 24 * time.Hour
	certCritical  = 3 * 24 * time.Hour
	lakeLate      = 5 * time.Minute
	backupGrace   = time.Hour
	deadPerWindow = 100 // dead letters in an hour
	deadWindow    = time.Hour
)

// Watch remembers what it needs to judge: since when troubles last, where lanes
// were, how the disk grew. It is used by one goroutine at a time.
type Watch struct {
	since  map[string]clock.Instant // of findings, by code and subject
	lanes  map[string]laneMark
	growth growth
	dead   []deadMark
}

type laneMark struct {
	applied uint64
	at      clock.Instant
}

type deadMark struct {
	at clock.Instant
	n  uint64
}

// New makes a watch that remembers nothing.
func New() *Watch { return &Watch{since: map[string]clock.Instant{}, lanes: map[string]laneMark{}} }

// Look judges what was measured. fresh tells that what is remembered of the disk
// changed and is worth keeping.
func (w *Watch) Look(m *Measured) (r HealthReport, fresh bool) {
	r = HealthReport{
		CheckedAt: m.At, ReadOnly: m.ReadOnly, DeadLetters: m.DeadLettered, Backup: m.Backup, Certificate: m.Certificate, Lake: m.Lake, Tables: m.Tables,
		Sources: filled(m.Sources), Destinations: filled(m.Destinations), FailedJobs: filled(m.FailedJobs), Nodes: filled(m.Nodes), Columns: m.Columns,
	}
	r.Disk, fresh = w.disk(m)
	r.Late = w.late(m)
	j := judgement{watch: w, at: m.At, seen: map[string]bool{}}
	j.process(m)
	j.late(&r.Late)
	j.disk(m, &r.Disk)
	j.outside(m)
	r.Backup.Overdue = j.backup(m)
	for key := range w.since {
		if !j.seen[key] {
			delete(w.since, key)
		}
	}
	slices.SortStableFunc(j.found, func(a, b Finding) int {
		return rank(b.Severity) - rank(a.Severity)
	})
	r.Findings = filled(j.found)
	r.Status, r.Summary = sum(r.Findings)
	return r, fresh
}

func filled[T any](of []T) []T {
	if of == nil {
		return []T{}
	}
	return of
}

func rank(s Severity) int { return slices.Index([]Severity{Notice, Warning, Critical}, s) }

func sum(found []Finding) (Status, string) {
	worst := 0
	for _, f := range found {
		worst = max(worst, rank(f.Severity))
	}
	switch {
	case worst == 0:
		return Healthy, "All is well."
	case worst == rank(Critical):
		return Failing, found[0].Message
	}
	return Attention, found[0].Message
}

// late sums up what waits, and marks lanes that do not move.
func (w *Watch) late(m *Measured) Late {
	out := Late{Events: m.Pending, Lanes: []Worker{}}
	for _, l := range m.Lanes {
		mark, known := w.lanes[l.Name]
		if !known || l.Waiting == 0 || l.Applied != mark.applied || m.At < mark.at {
			w.lanes[l.Name] = laneMark{l.Applied, m.At}
			mark = w.lanes[l.Name]
		}
		if l.Waiting == 0 && l.Problem == "" {
			continue
		}
		if m.At.Sub(mark.at) >= stuckAfter {
			l.Stuck = mark.at
		}
		if l.Oldest != 0 {
			out.Seconds = max(out.Seconds, m.At.Sub(l.Oldest).Seconds())
		}
		out.Lanes = append(out.Lanes, l)
	}
	return out
}

// judgement is one look.
type judgement struct {
	watch *Watch
	at    clock.Instant
	seen  map[string]bool
	found []Finding
}

// find notes a trouble. Its sentences are in german, too.
func (j *judgement) find(severity Severity, code, about, mend, format string, args ...any) {
	key := code + " " + about
	j.seen[key] = true
	if _, known := j.watch.since[key]; !known {
		j.watch.since[key] = j.at
	}
	j.found = append(j.found, Finding{code, severity, about, fmt.Sprintf(format, args...), mend, j.watch.since[key]})
}

func (j *judgement) process(m *Measured) {
	if m.NotReady != "" {
		j.find(Critical, "not_ready", "", "Wait where it says how far it is; else read the log of the process.", "The instance does not serve: %s.", m.NotReady)
	}
	if m.LogFailing != "" {
		j.find(Critical, "log_failing", "", "Free space on the disk, or mend it: senders hear that they shall come again, and it goes on by itself.",
			"Events cannot be written: %s.", m.LogFailing)
	}
	if m.ReadOnly {
		j.find(Notice, "read_only", "", "Take the setting read_only away and start again.", "The instance is read-only: nothing is taken in and nothing changed.")
	}
	if rose, span := j.watch.deadRise(m); rose >= deadPerWindow {
		j.find(Warning, "dead_letters", "", "Look at GET /api/v1/dead-letters or the console's dead letters: mend the sender or the mapping, then replay them.",
			"%d events within %s were not understood.", rose, span.Round(time.Minute))
	}
	j.columns(m.Columns)
	for _, n := range m.Nodes {
		if n.Role == Silent {
			j.find(Warning, "node_silent", "node:"+n.ID, "Start it again, or see whether it reaches the database. A node that is gone for good leaves the list after a day.",
				"The node %s was not heard of for %.0f s.", n.ID, n.Silent)
		}
	}
	for _, k := range m.FailedJobs {
		j.find(Warning, "job_failed", "job:"+k.ID, "Mend what it says, then ask for it again.",
			"The background job %s failed: %s.", strings.TrimSpace(k.Kind+" "+k.About), strings.TrimSuffix(k.Error, "."))
	}
}

// columns names what people cannot be searched by as they should.
func (j *judgement) columns(c *ColumnsReport) {
	if c == nil {
		return
	}
	const named = 5
	var names []string
	for _, l := range c.LeftOut[:min(len(c.LeftOut), named)] {
		names = append(names, l.Column+" ("+strconv.FormatUint(1+l.Bytes>>20, 10)+" MiB)")
	}
	if len(c.LeftOut) > named {
		names = append(names, "…")
	}
	j.find(Warning, "columns_left_out", "", fmt.Sprintf("Set memory to %s or more and start again, or send less that is different for everybody.", c.Memory),
		"Of the index of people %d columns do not fit into memory: %s. Searches for these find fewer people, and counts by them are estimates.", len(c.LeftOut), strings.Join(names, ", "))
}

// deadRise is by how many dead letters there are more than up to an hour ago.
func (w *Watch) deadRise(m *Measured) (uint64, time.Duration) {
	if n := len(w.dead); n > 0 && m.At < w.dead[n-1].at {
		w.dead = nil
	}
	if n := len(w.dead); n == 0 || m.At.Sub(w.dead[n-1].at) >= time.Minute {
		w.dead = append(w.dead, deadMark{m.At, m.DeadLettered})
	}
	for m.At.Sub(w.dead[0].at) > deadWindow {
		w.dead = w.dead[1:]
	}
	if m.DeadLettered <= w.dead[0].n {
		return 0, 0
	}
	return m.DeadLettered - w.dead[0].n, m.At.Sub(w.dead[0].at)
}

func (j *judgement) late(l *Late) {
	for _, lane := range l.Lanes {
		switch {
		case lane.Problem != "":
			j.find(Critical, "lane_failing", "lane:"+lane.Name, "Free space or mend the database, then start again: nothing is lost, the log has it.",
				"What follows from events of %s cannot be kept: %s.", lane.Name, lane.Problem)
		case lane.Stuck != 0:
			j.find(Critical, "stuck", "lane:"+lane.Name, "Read the log for the reason; rapport doctor looks at the disk and the store.",
				"%d records of %s wait and none is folded.", lane.Waiting, lane.Name)
		}
	}
	severity := Warning
	if l.Seconds >= lateCritical.Seconds() {
		severity = Critical
	}
	if l.Seconds >= lateWarning.Seconds() {
		j.find(severity, "late", "", "Wait where a rebuild or an import runs; else give the machine more cores, or look at what is stuck.",
			"Profiles are %s behind what came in.", span(l.Seconds))
	}
}

func span(seconds float64) string {
	return (time.Duration(seconds) * time.Second).String()
}

func (j *judgement) disk(m *Measured, d *DiskReport) {
	const mend = "Free space or give the disk more: what cannot be written is refused, and its senders come again."
	if d.Total == 0 {
		return
	}
	free := float64(d.Free) / float64(d.Total)
	left := time.Duration(farOff)
	var at clock.Instant
	if d.FullAt != nil && at.UnmarshalText([]byte(*d.FullAt)) == nil {
		left = at.Sub(m.At)
	}
	severity := Warning
	if free < diskCritical || left < fullCritical {
		severity = Critical
	}
	switch {
	case left < fullWarning:
		j.find(severity, "disk", "", mend, "%.1f%% of the disk under %s are free; at this rate it is full in %.1f days.", free*100, d.Path, left.Hours()/24)
	case free < diskWarning:
		j.find(severity, "disk", "", mend, "%.1f%% of the disk under %s are free.", free*100, d.Path)
	}
}

// outside judges sources, destinations, the lake and the certificate.
func (j *judgement) outside(m *Measured) {
	for _, s := range m.Sources {
		switch s.Status {
		case "failing":
			j.find(Warning, "source_failing", "source:"+s.Key, "Look at its dead letters.", "What the source %s sent last was not understood.", s.Key)
		case "quiet":
			j.find(Notice, "source_quiet", "source:"+s.Key, "Check whether it still sends; pause or remove it if it never will.", "Nothing came from the source %s for a day.", s.Key)
		case "expired":
			j.find(Warning, "source_expired", "source:"+s.Key, "Renew the licence and set its new end, or remove the source.", "The licence of the source %s is over: its events are refused.", s.Key)
		}
	}
	for _, d := range m.Destinations {
		about := "destination:" + d.Key
		switch d.State {
		case "failing":
			j.find(Critical, "destination_failing", about, "Mend what it says; it is tried again by itself.",
				"The destination %s does not take what it is told: %s. %d messages wait.", d.Key, strings.TrimSuffix(d.Problem, "."), d.Waiting)
		case "stopped":
			j.find(Critical, "destination_stopped", about, "See whether so many messages are right, then release it.", "The destination %s stopped: %s.", d.Key, strings.TrimSuffix(d.Problem, "."))
		}
		if d.Dead > 0 {
			j.find(Warning, "destination_dead_letters", about, "Look at its deliveries with the outcome dead, then replay or discard them.", "%d messages to %s were given up.", d.Dead, d.Key)
		}
	}
	j.behind(m)
	j.certificate(m.Certificate)
}

// behind judges what is written of the log beside it.
func (j *judgement) behind(m *Measured) {
	if l := m.Lake; l != nil && (l.Error != "" || l.Lag > lakeLate.Seconds()) {
		const mend = "Look whether the folder or bucket can be written; nothing is lost, the log has it."
		if l.Error != "" {
			j.find(Warning, "lake", "", mend, "The data lake is behind: %s.", strings.TrimSuffix(l.Error, "."))
		} else {
			j.find(Warning, "lake", "", mend, "The data lake is behind: rows have waited for %s.", span(l.Lag))
		}
	}
	if l := m.Tables; l != nil && (l.Error != "" || l.Lag > lakeLate.Seconds()) {
		const mend = "Look whether the database of tables.url takes them; nothing is lost, the log has it."
		if l.Error != "" {
			j.find(Warning, "tables", "", mend, "The tables for analysts are behind: %s.", strings.TrimSuffix(l.Error, "."))
		} else {
			j.find(Warning, "tables", "", mend, "The tables for analysts are behind: rows have waited for %s.", span(l.Lag))
		}
	}
}

func (j *judgement) certificate(c *Certificate) {
	if c == nil {
		return
	}
	const mend = "Put a newer certificate in the place of the file, or look why the authority refuses one."
	left := c.Expires.Sub(j.at)
	severity := Warning
	if left < certCritical {
		severity = Critical
	}
	switch {
	case c.Error != "":
		j.find(severity, "certificate", "", mend, "The certificate ends at %s, and a newer one cannot be had: %s.", c.Expires, strings.TrimSuffix(c.Error, "."))
	case left < certWarning:
		j.find(severity, "certificate", "", mend, "The certificate ends at %s.", c.Expires)
	}
}

func (j *judgement) backup(m *Measured) (overdue bool) {
	b := m.Backup
	switch {
	case m.Elsewhere:
	case b.URL == "":
		j.find(Notice, "no_backup", "", "Set backup.url to a folder on another disk or to a bucket.", "No backups are made.")
	case b.Every == 0:
	case b.Last == 0 || j.at.Sub(b.Last) > time.Duration(b.Every)*time.Second+backupGrace:
		if b.Last == 0 && m.Stored == 0 {
			return false // an instance that has nothing yet
		}
		const mend = "Look at the jobs of the kind backup for the reason, or run rapport backup."
		if b.Last == 0 {
			j.find(Warning, "backup_overdue", "", mend, "A backup is due: none was made yet.")
		} else {
			j.find(Warning, "backup_overdue", "", mend, "A backup is due: the newest is of %s.", b.Last)
		}
		return true
	}
	return false
}
