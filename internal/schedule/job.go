// Package schedule runs background jobs: each has a kind, a state, a cursor, a
// progress and an error, kept so that a job goes on where it was after a
// restart. It never knows what a job does and never stores by itself.
package schedule

import (
	"encoding/json"

	"rapport/internal/clock"
)

// State is how far a job has come.
type State string

// The states. The last three are final.
const (
	Queued    State = "queued"    // waits for its turn
	Running   State = "running"   // at it, or going on with it after a restart
	Waiting   State = "waiting"   // failed for now; tried again at RetryAt
	Done      State = "done"      // came to its end
	Failed    State = "failed"    // gave up, for the reason in Error
	Cancelled State = "cancelled" // somebody stopped it
)

// Final tells whether nothing more becomes of a job in this state.
func (s State) Final() bool { return s == Done || s == Failed || s == Cancelled }

// Job is one job as it stands.
type Job struct {
	ID      string          `json:"id"`
	Kind    string          `json:"kind" doc:"What it does"`
	Subject string          `json:"subject,omitempty" doc:"What it does it to, such as the key of a model"`
	Author  string          `json:"author,omitempty" doc:"Id of the key that asked for it; schedule where nobody did"`
	Created clock.Instant   `json:"created_at"`
	Params  json.RawMessage `json:"params,omitempty" doc:"What was asked for; only where one job is asked for"`
	Status
}

// Status is the part of a job that changes.
type Status struct {
	State    State           `json:"state" enum:"queued,running,waiting,done,failed,cancelled"`
	Done     int64           `json:"done" doc:"How much is done"`
	Total    int64           `json:"total,omitempty" doc:"Of how much; left out while that is not known"`
	Error    string          `json:"error,omitempty" doc:"Why it failed, or waits to be tried again"`
	Started  clock.Instant   `json:"started_at,omitzero"`
	Finished clock.Instant   `json:"finished_at,omitzero"`
	Attempts int             `json:"attempts,omitempty" doc:"How often it failed and was tried again"`
	RetryAt  clock.Instant   `json:"retry_at,omitzero" doc:"When it is tried again"`
	Result   json.RawMessage `json:"result,omitempty" doc:"What came of it, or what came of it so far"`
	// Cursor is where to go on. It is the job's own and shown to nobody.
	Cursor json.RawMessage `json:"-"`
	// Version counts what was kept: of two states the larger counts.
	Version uint64 `json:"-"`
}

// Request asks for a job.
type Request struct {
	Kind    string
	Subject string
	Author  string
	Params  any // becomes JSON; read back with Task.Params
	// Key makes a job that must not run twice: a request with the key of a job
	// there was gives that job. Empty: every request makes a job.
	Key string
}

// kept is a status as it is stored.
type kept struct {
	Status
	Cursor  json.RawMessage `json:"cursor,omitempty"`
	Version uint64          `json:"version"`
}

// spec is the part of a job that never changes, as it is stored.
type spec struct {
	Kind    string          `json:"kind"`
	Subject string          `json:"subject,omitempty"`
	Author  string          `json:"author,omitempty"`
	Created clock.Instant   `json:"created_at"`
	Params  json.RawMessage `json:"params,omitempty"`
}

func (j *Job) encode(withSpec bool) (Row, error) {
	row := Row{ID: j.ID}
	var err error
	if withSpec {
		if row.Spec, err = json.Marshal(spec{j.Kind, j.Subject, j.Author, j.Created, j.Params}); err != nil {
			return row, err
		}
	}
	row.Status, err = json.Marshal(kept{j.Status, j.Cursor, j.Version})
	return row, err
}

func decode(row Row) (*Job, error) {
	var s spec
	if err := json.Unmarshal(row.Spec, &s); err != nil {
		return nil, err
	}
	var k kept
	if err := json.Unmarshal(row.Status, &k); err != nil {
		return nil, err
	}
	j := &Job{ID: row.ID, Kind: s.Kind, Subject: s.Subject, Author: s.Author, Created: s.Created, Params: s.Params, Status: k.Status}
	j.Cursor, j.Version = k.Cursor, k.Version
	return j, nil
}
