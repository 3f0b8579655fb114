package health

import (
	"fmt"
	"slices"
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
		CheckedAt: m.At, ReadOnly: m.ReadOnly, DeadLetters: m.DeadLettered, Backup: m.Backup, Certificate: m.Certificate, Lake: m.Lake,
		Sources: filled(m.Sources), Destinations: filled(m.Destinations), FailedJobs: filled(m.FailedJobs), Nodes: filled(m.Nodes),
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

func (j *judgement) find(severity Severity, code, about, message, mend string) {
	key := code + " " + about
	j.seen[key] = true
	if _, known := j.watch.since[key]; !known {
		j.watch.since[key] = j.at
	}
	j.found = append(j.found, Finding{code, severity, about, message, mend, j.watch.since[key]})
}

func (j *judgement) process(m *Measured) {
	if m.NotReady != "" {
		j.find(Critical, "not_ready", "", "The instance does not serve: "+m.NotReady+".", "Wait where it says how far it is; else read the log of the process.")
	}
	if m.LogFailing != "" {
		j.find(Critical, "log_failing", "", "Events cannot be written: "+m.LogFailing+".", "Free space on the disk, or mend it: senders hear that they shall come again, and it goes on by itself.")
	}
	if m.ReadOnly {
		j.find(Notice, "read_only", "", "The instance is read-only: nothing is taken in and nothing changed.", "Take the setting read_only away and start again.")
	}
	if rose, span := j.watch.deadRise(m); rose >= deadPerWindow {
		j.find(Warning, "dead_letters", "", fmt.Sprintf("%d events within %s were not understood.", rose, span.Round(time.Minute)),
			"Look at GET /api/v1/dead-letters or the console's dead letters: mend the sender or the mapping, then replay them.")
	}
	for _, n := range m.Nodes {
		if n.Role == Silent {
			j.find(Warning, "node_silent", "node:"+n.ID, fmt.Sprintf("The node %s was not heard of for %.0f s.", n.ID, n.Silent),
				"Start it again, or see whether it reaches the database. A node that is gone for good leaves the list after a day.")
		}
	}
	for _, k := range m.FailedJobs {
		j.find(Warning, "job_failed", "job:"+k.ID, fmt.Sprintf("The background job %s failed: %s.", strings.TrimSpace(k.Kind+" "+k.About), strings.TrimSuffix(k.Error, ".")), "Mend what it says, then ask for it again.")
	}
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
			j.find(Critical, "lane_failing", "lane:"+lane.Name, "What follows from events of "+lane.Name+" cannot be kept: "+lane.Problem+".", "Free space or mend the database, then start again: nothing is lost, the log has it.")
		case lane.Stuck != 0:
			j.find(Critical, "stuck", "lane:"+lane.Name, fmt.Sprintf("%d records of %s wait and none is folded.", lane.Waiting, lane.Name), "Read the log for the reason; rapport doctor looks at the disk and the store.")
		}
	}
	severity := Warning
	if l.Seconds >= lateCritical.Seconds() {
		severity = Critical
	}
	if l.Seconds >= lateWarning.Seconds() {
		j.find(severity, "late", "", fmt.Sprintf("Profiles are %s behind what came in.", span(l.Seconds)), "Wait where a rebuild or an import runs; else give the machine more cores, or look at what is stuck.")
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
	message := fmt.Sprintf("%.1f%% of the disk under %s are free.", free*100, d.Path)
	if left < fullWarning {
		message = strings.TrimSuffix(message, ".") + fmt.Sprintf("; at this rate it is full in %.1f days.", left.Hours()/24)
	}
	switch {
	case free < diskCritical || left < fullCritical:
		j.find(Critical, "disk", "", message, mend)
	case free < diskWarning || left < fullWarning:
		j.find(Warning, "disk", "", message, mend)
	}
}

// outside judges sources, destinations, the lake and the certificate.
func (j *judgement) outside(m *Measured) {
	for _, s := range m.Sources {
		switch s.Status {
		case "failing":
			j.find(Warning, "source_failing", "source:"+s.Key, "What the source "+s.Key+" sent last was not understood.", "Look at its dead letters.")
		case "quiet":
			j.find(Notice, "source_quiet", "source:"+s.Key, "Nothing came from the source "+s.Key+" for a day.", "Check whether it still sends; pause or remove it if it never will.")
		case "expired":
			j.find(Warning, "source_expired", "source:"+s.Key, "The licence of the source "+s.Key+" is over: its events are refused.", "Renew the licence and set its new end, or remove the source.")
		}
	}
	for _, d := range m.Destinations {
		about := "destination:" + d.Key
		switch d.State {
		case "failing":
			j.find(Critical, "destination_failing", about, fmt.Sprintf("The destination %s does not take what it is told: %s. %d messages wait.", d.Key, strings.TrimSuffix(d.Problem, "."), d.Waiting), "Mend what it says; it is tried again by itself.")
		case "stopped":
			j.find(Critical, "destination_stopped", about, "The destination "+d.Key+" stopped: "+strings.TrimSuffix(d.Problem, ".")+".", "See whether so many messages are right, then release it.")
		}
		if d.Dead > 0 {
			j.find(Warning, "destination_dead_letters", about, fmt.Sprintf("%d messages to %s were given up.", d.Dead, d.Key), "Look at its deliveries with the outcome dead, then replay or discard them.")
		}
	}
	if l := m.Lake; l != nil && (l.Error != "" || l.Lag > lakeLate.Seconds()) {
		why := "rows have waited for " + span(l.Lag)
		if l.Error != "" {
			why = strings.TrimSuffix(l.Error, ".")
		}
		j.find(Warning, "lake", "", "The data lake is behind: "+why+".", "Look whether the folder or bucket can be written; nothing is lost, the log has it.")
	}
	j.certificate(m.Certificate)
}

func (j *judgement) certificate(c *Certificate) {
	if c == nil {
		return
	}
	const mend = "Put a newer certificate in the place of the file, or look why the authority refuses one."
	left := c.Expires.Sub(j.at)
	message := fmt.Sprintf("The certificate ends at %s.", c.Expires)
	if c.Error != "" {
		message = strings.TrimSuffix(message, ".") + ", and a newer one cannot be had: " + strings.TrimSuffix(c.Error, ".") + "."
	}
	switch {
	case left < certCritical:
		j.find(Critical, "certificate", "", message, mend)
	case left < certWarning || c.Error != "":
		j.find(Warning, "certificate", "", message, mend)
	}
}

func (j *judgement) backup(m *Measured) (overdue bool) {
	b := m.Backup
	switch {
	case m.Elsewhere:
	case b.URL == "":
		j.find(Notice, "no_backup", "", "No backups are made.", "Set backup.url to a folder on another disk or to a bucket.")
	case b.Every == 0:
	case b.Last == 0 || j.at.Sub(b.Last) > time.Duration(b.Every)*time.Second+backupGrace:
		if b.Last == 0 && m.Stored == 0 {
			return false // an instance that has nothing yet
		}
		when := "none was made yet"
		if b.Last != 0 {
			when = "the newest is of " + b.Last.String()
		}
		j.find(Warning, "backup_overdue", "", "A backup is due: "+when+".", "Look at the jobs of the kind backup for the reason, or run rapport backup.")
		return true
	}
	return false
}
