package httpapi

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/schedule"
)

// The kinds of the background jobs that copy the data, and look copies over.
const (
	JobBackup       = "backup"
	JobBackupVerify = "backup_verify"
)

// Backups tells which backups there are.
type Backups interface {
	Plan() BackupPlan
	List() ([]BackupView, error) // in the order of their keys, the newest first
}

// BackupPlan is where backups go, how often and for how long.
type BackupPlan struct {
	Possible bool   `json:"possible" doc:"false: the data is in a database, which is backed up with its own means"`
	Place    string `json:"place" doc:"The setting backup.url; empty: nowhere"`
	Every    string `json:"every,omitempty" doc:"The setting backup.every; left out: by hand only"`
	Keep     string `json:"keep,omitempty" doc:"The setting backup.keep; left out: for ever"`
}

// BackupView is a backup that is known to be there.
type BackupView struct {
	ID          string        `json:"id"`
	Place       string        `json:"place"`
	Made        clock.Instant `json:"made_at"`
	Expires     clock.Instant `json:"expires_at,omitzero" doc:"From then on the next backup removes it; left out: never"`
	Version     string        `json:"version" doc:"Of the program that made it"`
	Bytes       int64         `json:"bytes"`
	Fresh       int64         `json:"fresh_bytes" doc:"What of it was new"`
	Sum         string        `json:"sum"`
	ErasedSince int           `json:"erased_since" doc:"Identifiers of people that were erased after it was made: they are in it until it ends, and erased again when it is brought back"`
}

// Key orders backups, the newest last.
func (v BackupView) Key() string { return fmt.Sprintf("%019d %s %s", int64(v.Made), v.ID, v.Place) }

// VerifyParams name the backup that is looked over.
type VerifyParams struct {
	ID    string `json:"id"`
	Place string `json:"place"`
}

// BackupBody is where a backup goes.
type BackupBody struct {
	To string `json:"to,omitempty" maxLength:"1000" doc:"Left out: where the setting backup.url says. Another place is taken from commands on the machine only"`
}

func (a *API) backupRoutes() {
	at := func(id, method, path, summary, scope string, status int) spec {
		return spec{id: id, method: method, path: "/backups" + path, tag: "process", scope: scope, status: status, summary: summary}
	}
	register(a, at("create-backup", http.MethodPost, "", "Copy the data while it is in use, in the background: only what changed since the last backup", access.ScopeAdmin, http.StatusAccepted), a.createBackup)
	register(a, at("list-backups", http.MethodGet, "", "The backups that are known to be there, newest first", access.ScopeRead, http.StatusOK), a.listBackups)
	register(a, at("get-backup-plan", http.MethodGet, "/plan", "Where backups go, how often and for how long", access.ScopeRead, http.StatusOK),
		func(context.Context, *struct{}) (*body[BackupPlan], error) {
			return &body[BackupPlan]{a.Backups.Plan()}, nil
		})
	register(a, at("verify-backup", http.MethodPost, "/{id}/verify", "Read every byte of a backup and compare it, in the background", access.ScopeAdmin, http.StatusAccepted), a.verifyBackup)
}

func (a *API) createBackup(ctx context.Context, in *struct{ Body BackupBody }) (*startedJob, error) {
	to := cmp.Or(in.Body.To, a.BackupURL)
	p := principal(ctx)
	switch {
	case to == "":
		return nil, fault.Errorf(fault.Invalid, "no_backup_target", "there is no place for backups: set backup.url, to a folder or s3://BUCKET/PREFIX").At("/to")
	case to != a.BackupURL && (p.Key == nil || !p.Key.May(access.ScopeMachine)):
		return nil, fault.Errorf(fault.Forbidden, "foreign_backup_target", "backups go to where backup.url says: leave to out, or use rapport backup --to on the machine").At("/to")
	}
	j, err := a.Jobs.Submit(ctx, schedule.Request{Kind: JobBackup, Subject: to, Author: author(ctx), Params: map[string]string{"to": to}})
	if err != nil {
		return nil, err
	}
	return started(j), nil
}

func (a *API) listBackups(_ context.Context, in *Paging) (*body[List[BackupView]], error) {
	all, err := a.Backups.List()
	if err != nil {
		return nil, err
	}
	page, err := pageOf(all, func(v BackupView) string { return fmt.Sprintf("%019d %s", math.MaxInt64-int64(v.Made), v.ID) }, *in)
	return &body[List[BackupView]]{listOf(page)}, err
}

// verifyBackup looks over one that is known: no other place is read.
func (a *API) verifyBackup(ctx context.Context, in *struct {
	ID string `path:"id" maxLength:"64" doc:"As the list gives it"`
},
) (*startedJob, error) {
	all, err := a.Backups.List()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(v BackupView) bool { return v.ID == in.ID })
	if i < 0 {
		return nil, fault.Errorf(fault.NotFound, "backup_not_found", "no backup %q is known: GET %sbackups lists them", in.ID, prefix)
	}
	j, err := a.Jobs.Submit(ctx, schedule.Request{Kind: JobBackupVerify, Subject: in.ID, Author: author(ctx), Params: VerifyParams{in.ID, all[i].Place}})
	if err != nil {
		return nil, err
	}
	return started(j), nil
}
