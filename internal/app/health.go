package app

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/clock"
	"rapport/internal/columns"
	"rapport/internal/config"
	"rapport/internal/definition"
	"rapport/internal/disk"
	"rapport/internal/effect"
	"rapport/internal/health"
	"rapport/internal/httpapi"
	"rapport/internal/schedule"
	"rapport/internal/telemetry"
)

const (
	// healthFile keeps how the disk grew.
	healthFile   = "health.json"
	healthEvery  = 10 * time.Second
	healthFresh  = time.Second // a report this young is given again
	jobsFresh    = time.Minute
	failedWithin = 24 * time.Hour
	jobsLooked   = 200
)

// physician measures the instance and has it judged.
type physician struct {
	app *App
	mu  sync.Mutex
	// watch judges; report is its last word, jobs what was last found of them.
	watch    *health.Watch
	report   health.HealthReport
	jobs     []health.FailedJob
	jobsSeen clock.Instant
	began    bool
}

func (a *App) openHealth() {
	a.openAlarms()
	a.physician = &physician{app: a, watch: health.New()}
	text, err := disk.ReadFile(a.config.Files, a.config.Path(healthFile))
	if err == nil {
		err = a.physician.watch.Remember(text)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.parts.Log.Warn("how the disk grew is watched anew", "error", err)
	}
}

// keepHealth looks every few seconds, so that what is stuck is noticed though
// nobody asks, and whom alerts name hears of it.
func (a *App) keepHealth() {
	a.background.Go(a.alarms.tell)
	every := time.NewTicker(healthEvery)
	defer every.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-every.C:
			r := a.physician.Report(context.Background())
			a.alarms.look(&r)
		}
	}
}

// Report is how the instance is.
func (p *physician) Report(ctx context.Context) health.HealthReport {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.app.parts.Clock.Now()
	if age := now.Sub(p.report.CheckedAt); p.began && age >= 0 && age < healthFresh {
		return p.report
	}
	m := p.measure(ctx, now)
	var fresh bool
	p.report, fresh = p.watch.Look(&m)
	p.began = true
	if fresh {
		if err := disk.WriteFile(p.app.config.Files, p.app.config.Path(healthFile), p.watch.Remembered()); err != nil {
			p.app.parts.Log.Warn("how the disk grew is not written down", "error", err)
		}
	}
	return p.report
}

func (p *physician) measure(ctx context.Context, now clock.Instant) health.Measured {
	a := p.app
	m := health.Measured{At: now, LogFailing: a.pipeline.Failing(), Elsewhere: a.config.Postgres()}
	if err := a.ready(); err != nil {
		m.NotReady = err.Error()
	}
	if sums, err := a.pipeline.Accounting(ctx); err == nil {
		m.Received, m.Pending, m.Stored, m.DeadLettered = sums.Received, sums.Pending, sums.Stored, sums.DeadLettered
	}
	for _, l := range a.pipeline.Lanes() {
		m.Lanes = append(m.Lanes, health.Worker{Name: l.Name, Waiting: l.Waiting, Applied: uint64(l.Applied), Oldest: l.Oldest, Problem: l.Problem})
	}
	m.LogBytes, m.StateBytes = uint64(a.store.Log().Size()), uint64(a.store.State().Size())
	m.Disk = diskOf(a.config.Data)
	for i := range a.access.Index().Document().Sources {
		s := &a.access.Index().Document().Sources[i]
		o := a.intake.Seen(s.Key)
		seen := health.SeenSource{Key: s.Key, Status: httpapi.SourceStatus(s, o, now)}
		if o != nil {
			seen.Last, seen.Received = o.Last, o.Received
		}
		m.Sources = append(m.Sources, seen)
	}
	for _, s := range a.pipeline.Definitions().List(definition.Destination) {
		if s.Live() == nil {
			continue
		}
		d := a.outbox.State(s.Key)
		m.Destinations = append(m.Destinations, health.ToldDestination{
			Key: s.Key, State: d.State, Since: d.Since, Problem: d.Problem, Waiting: d.Waiting, Dead: d.Counts[string(effect.Dead)],
		})
	}
	if a.lake != nil {
		l := a.lake.State()
		m.Lake = &health.LakeDelay{Lag: l.Lag, Error: l.Error}
	}
	if a.tables != nil {
		s := a.tables.State()
		m.Tables = &health.LakeDelay{Lag: s.Lag, Error: s.Error}
	}
	m.Backup, m.Certificate, m.ReadOnly = p.backup(), a.certificate(), a.config.ReadOnly
	m.FailedJobs, m.Nodes = p.failedJobs(ctx, now), a.nodes()
	m.Columns = leftOut(a.pipeline.ColumnStats())
	return m
}

// leftOut says what of the index of people does not fit into memory; nil where all
// does.
func leftOut(s columns.Stats) *health.ColumnsReport {
	if len(s.Dropped) == 0 {
		return nil
	}
	r := &health.ColumnsReport{Memory: config.MemoryFor(config.Size(s.Wanted)).String()}
	for _, d := range s.Dropped {
		r.LeftOut = append(r.LeftOut, health.LeftColumn{Column: d.Column, Bytes: uint64(d.Bytes)})
		r.Bytes += uint64(d.Bytes)
	}
	return r
}

// diskOf asks the disk under a folder; nil where it does not tell.
func diskOf(folder string) *health.Disk {
	usage, err := vfs.Default.GetDiskUsage(folder)
	if err != nil {
		return nil
	}
	if path, err := filepath.Abs(folder); err == nil {
		folder = path
	}
	return &health.Disk{Path: folder, Total: usage.TotalBytes, Free: usage.AvailBytes}
}

func (p *physician) backup() health.BackupState {
	c := &p.app.config
	out := health.BackupState{URL: c.Backup.URL, Every: c.Backup.Every.Seconds()}
	known, err := knownBackups(c)
	if err != nil {
		return out // what is not known was not made, as far as anybody can rely on it
	}
	for _, made := range known {
		for i := range made {
			out.Last = max(out.Last, made[i].Made)
		}
	}
	return out
}

// failedJobs are those of the last day that nothing of the same kind made good.
func (p *physician) failedJobs(ctx context.Context, now clock.Instant) []health.FailedJob {
	if age := now.Sub(p.jobsSeen); p.jobsSeen != 0 && age >= 0 && age < jobsFresh {
		return p.jobs
	}
	list, _, err := p.app.jobs.List(ctx, schedule.Query{Limit: jobsLooked})
	if err != nil {
		return p.jobs
	}
	p.jobsSeen, p.jobs = now, nil
	known := map[string]bool{}
	for i := range list {
		j := &list[i]
		about := j.Kind + " " + j.Subject
		if !j.State.Final() || known[about] {
			continue
		}
		known[about] = true
		if j.State == schedule.Failed && now.Sub(j.Finished) < failedWithin {
			p.jobs = append(p.jobs, health.FailedJob{ID: j.ID, Kind: j.Kind, About: j.Subject, Error: j.Error, Time: j.Finished})
		}
	}
	return p.jobs
}

// observeHealth registers what rules of alerting ask for.
func (a *App) observeHealth() {
	gauge := func(name, help string, value func(r *health.HealthReport) float64) {
		a.metrics.Gauge(name, help, nil, func() float64 {
			if a.physician == nil {
				return 0
			}
			r := a.physician.Report(context.Background())
			return value(&r)
		})
	}
	for _, severity := range []health.Severity{health.Warning, health.Critical} {
		a.metrics.Gauge("rapport_findings", "What GET /api/v1/health finds to be mended.", telemetry.Labels{"severity": string(severity)}, func() float64 {
			if a.physician == nil {
				return 0
			}
			n := 0.0
			for _, f := range a.physician.Report(context.Background()).Findings {
				if f.Severity == severity {
					n++
				}
			}
			return n
		})
	}
	gauge("rapport_late_seconds", "How long ago the oldest record was received that waits to be folded.", func(r *health.HealthReport) float64 { return r.Late.Seconds })
	gauge("rapport_lanes_stuck", "Workers for whom records wait and that fold none.", func(r *health.HealthReport) float64 {
		n := 0.0
		for _, l := range r.Late.Lanes {
			if l.Stuck != 0 {
				n++
			}
		}
		return n
	})
	gauge("rapport_disk_total_bytes", "Size of the disk under the data folder.", func(r *health.HealthReport) float64 { return float64(r.Disk.Total) })
	gauge("rapport_disk_free_bytes", "What is free of it.", func(r *health.HealthReport) float64 { return float64(r.Disk.Free) })
	gauge("rapport_destinations_failing", "Destinations that do not take what they are told, or stopped.", func(r *health.HealthReport) float64 {
		n := 0.0
		for _, d := range r.Destinations {
			if d.State == "failing" || d.State == "stopped" {
				n++
			}
		}
		return n
	})
	gauge("rapport_messages_dead", "Messages to destinations that were given up and can be replayed.", func(r *health.HealthReport) float64 {
		n := 0.0
		for _, d := range r.Destinations {
			n += float64(d.Dead)
		}
		return n
	})
	gauge("rapport_backup_last_timestamp_seconds", "When the newest backup was made; 0: none was.", func(r *health.HealthReport) float64 {
		if r.Backup.Last == 0 {
			return 0
		}
		return float64(r.Backup.Last.Time().Unix())
	})
	gauge("rapport_certificate_expires_timestamp_seconds", "When the certificate ends that the instance answers with; 0: it has none.", func(r *health.HealthReport) float64 {
		if r.Certificate == nil {
			return 0
		}
		return float64(r.Certificate.Expires.Time().Unix())
	})
}
