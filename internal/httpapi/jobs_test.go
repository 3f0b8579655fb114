package httpapi

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"rapport/internal/fault"
	"rapport/internal/schedule"
)

// fakeJobs has one job of every id; job_run is one of retention.
type fakeJobs struct{}

func (fakeJobs) List(_ context.Context, q schedule.Query) ([]schedule.Job, string, error) {
	return []schedule.Job{{ID: "job_1", Kind: q.Kind, Subject: q.Subject, Status: schedule.Status{State: schedule.Running, Done: 3, Total: 7}}}, "job_1", nil
}

func (fakeJobs) Get(_ context.Context, id string) (schedule.Job, error) {
	if id == "job_run" {
		return schedule.Job{ID: id, Kind: JobRetention, Status: schedule.Status{State: schedule.Failed, Error: "an error of the server: the log says which"}}, nil
	}
	return schedule.Job{ID: id, Kind: "decision_batch", Subject: "default", Params: json.RawMessage(`{"version":2}`), Status: schedule.Status{State: schedule.Done}}, nil
}

func (fakeJobs) Cancel(_ context.Context, id string) (schedule.Job, error) {
	if id == "job_ended" {
		return schedule.Job{}, fault.Errorf(fault.Conflict, "job_ended", "the job is done")
	}
	return schedule.Job{ID: id, Status: schedule.Status{State: schedule.Cancelled}}, nil
}

func (fakeJobs) Submit(_ context.Context, q schedule.Request) (schedule.Job, error) {
	return schedule.Job{ID: "job_2", Kind: q.Kind, Subject: q.Subject, Author: q.Author, Status: schedule.Status{State: schedule.Queued}}, nil
}

func TestJobs_AreListedReadAndCancelled(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/api/v1/jobs?kind=batch&subject=menu&limit=1", 200, `"kind":"batch","subject":"menu","created_at":"","state":"running","done":3,"total":7}],"next":"job_1"`},
		{"GET", "/api/v1/jobs?state=lost", 400, `"code"`},
		{"GET", "/api/v1/jobs/job_9", 200, `"params":{"version":2}`},
		{"POST", "/api/v1/jobs/job_9/cancel", 200, `"state":"cancelled"`},
		{"GET", "/api/v1/jobs/job_run", 200, "Ein Fehler des Servers: Im Log steht, welcher."},
		{"POST", "/api/v1/retention/runs/job_9/cancel", 404, `"code":"job_not_found"`},
		{"POST", "/api/v1/retention/runs/job_run/cancel", 200, `"state":"cancelled"`},
		{"POST", "/api/v1/jobs/job_ended/cancel", 409, `"code":"job_ended"`},
	} {
		res, text := d.ask(t, c.method, c.path, "", "Accept-Language", "de")
		if res.StatusCode != c.status || !strings.Contains(text, c.want) {
			t.Errorf("%s %s: %d %s", c.method, c.path, res.StatusCode, text)
		}
	}
}
