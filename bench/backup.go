package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"rapport/bench/load"
)

// backupShare is which part of the peak rate comes in while a backup is made.
const backupShare = 2

// backupJob is a backup as the API shows it.
type backupJob struct {
	ID       string    `json:"id"`
	State    string    `json:"state"`
	Error    string    `json:"error"`
	Started  time.Time `json:"started_at"`
	Finished time.Time `json:"finished_at"`
	Result   struct {
		Bytes int64 `json:"bytes"`
		Fresh int64 `json:"fresh_bytes"`
	} `json:"result"`
}

// backup loads the events of a run, and then lets more come in at a steady rate:
// in turns without and with a backup of everything beside it. What the backup
// costs is what the server used more for as many events.
func (b *bench) backup(ctx context.Context) error {
	defer b.scrap("backup")
	s, err := b.product(ctx, "backup", "", "RAPPORT_BACKUP_URL="+filepath.Join(b.dir, "backups"), "RAPPORT_BACKUP_EVERY=0")
	if err != nil {
		return err
	}
	defer s.kill()
	m, err := b.send(ctx, s, b.job(s))
	if err != nil {
		return err
	}
	b.say("loaded  %v", m)
	var plain, beside []measure
	var took time.Duration
	for range b.rounds {
		job := b.job(s)
		job.Rate = m.perSecond() / backupShare
		job.Events = int(job.Rate*float64(b.backupSecs)) / job.Batch * job.Batch
		without, err := b.send(ctx, s, job)
		if err != nil {
			return err
		}
		plain = append(plain, without)
		b.say("without %v", without)
		b.rungs++
		job.Run = b.rungs
		with, made, err := b.besideBackup(ctx, s, job)
		if err != nil {
			return err
		}
		beside = append(beside, with)
		b.say("with    %v", with)
		lasted := made.Finished.Sub(made.Started)
		took += lasted
		b.say("the backup: %.0f MB in %v, %.0f MB/s", float64(made.Result.Fresh)/1e6, short(lasted), float64(made.Result.Fresh)/1e6/lasted.Seconds())
		b.scrap("backups") // the next is one of everything again
	}
	one, other := merge(plain), merge(beside)
	more := (other.cpuPerEvent() - one.cpuPerEvent()) * float64(other.Events) / 1e6 // seconds
	ingest := one.cpu.Seconds() / one.applied.Seconds() * took.Seconds()
	b.say("backups used %.2f CPU s in %v; events that came meanwhile %.2f CPU s; p99 of requests %v, without a backup %v",
		more, short(took), ingest, short(other.Latency.Quantile(0.99)), short(one.Latency.Quantile(0.99)))
	b.atMost("processor time of a backup, of that of the events beside it", 100*more/ingest, 20, " %")
	b.atMost("processor time of a backup, of what the machine has", 100*more/took.Seconds()/float64(runtime.NumCPU()), 20, " %")
	return nil
}

// besideBackup sends a job and makes a backup meanwhile.
func (b *bench) besideBackup(ctx context.Context, s *server, job load.Job) (m measure, made backupJob, err error) {
	m, err = b.measured(ctx, s, func() (r load.Result, err error) {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() (err error) {
			r, err = load.Run(ctx, job)
			return err
		})
		group.Go(func() error { return s.backUp(ctx, &made) })
		return r, group.Wait()
	})
	if err == nil && made.Finished.Sub(made.Started) > m.applied {
		err = errors.New("events ended before the backup: raise -backup-seconds")
	}
	return m, made, err
}

// backUp asks for a backup and waits for it.
func (s *server) backUp(ctx context.Context, made *backupJob) error {
	if err := s.call(ctx, http.MethodPost, "/api/v1/backups", []byte("{}"), made); err != nil {
		return err
	}
	for made.State != "done" {
		if made.State == "failed" {
			return fmt.Errorf("the backup failed: %s", made.Error)
		}
		if err := s.pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
		if err := s.call(ctx, http.MethodGet, "/api/v1/jobs/"+made.ID, nil, made); err != nil {
			return err
		}
	}
	return nil
}
