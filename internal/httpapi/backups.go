package httpapi

import (
	"cmp"
	"context"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/fault"
	"rapport/internal/schedule"
)

// JobBackup is the kind of the background jobs that copy the data.
const JobBackup = "backup"

// BackupBody is where a backup goes.
type BackupBody struct {
	To string `json:"to,omitempty" maxLength:"1000" doc:"Left out: where the setting backup.url says. Another place is taken from commands on the machine only"`
}

func (a *API) backupRoutes() {
	s := spec{
		id: "create-backup", method: http.MethodPost, path: "/backups", tag: "process", scope: access.ScopeAdmin, status: http.StatusAccepted,
		summary: "Copy the data while it is in use, in the background: only what changed since the last backup",
	}
	register(a, s, a.createBackup)
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
