package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"rapport/internal/id"
	"rapport/internal/rows"
	"rapport/internal/store"
)

// A job is two rows of the common bucket: what was asked for, which may be
// long, and how far it is, which is written again and again.
const (
	jobSpec   = 0
	jobStatus = 1
)

// JobRow is a background job as it is kept: bytes that the scheduler understands.
// In a write a nil Spec is one that has not changed, and a nil Status forgets
// the job; in a read a nil Spec says that there is none.
type JobRow struct {
	ID     string `json:"id"`
	Spec   []byte `json:"spec,omitempty"`
	Status []byte `json:"status,omitempty"`
}

// KeepJob appends what became of a job, and returns once it can be read.
func (p *Pipeline) KeepJob(ctx context.Context, row JobRow) error {
	receipt, err := p.noteJob(ctx, row)
	if err != nil {
		return err
	}
	return p.waitRecords(ctx, receipt)
}

// NoteJob appends how far a job is. It can be read after all that came into the log
// before it: whoever loads a table need not wait for that.
func (p *Pipeline) NoteJob(ctx context.Context, row JobRow) error {
	_, err := p.noteJob(ctx, row)
	return err
}

func (p *Pipeline) noteJob(ctx context.Context, row JobRow) (Receipt, error) {
	payload, err := json.Marshal(row)
	if err != nil {
		return Receipt{}, fmt.Errorf("encode job %s: %w", row.ID, err)
	}
	return p.append(ctx, &store.Frame{Records: []store.Record{{
		Kind: store.KindJob, Bucket: id.CommonBucket, Anchor: id.KeyOf("job", row.ID), Received: p.clock.Now(), Payload: payload,
	}}})
}

// keepJob applies what became of a job.
func (c *common) keepJob(r *store.Record) {
	if r.Payload == nil {
		return // erased
	}
	var row JobRow
	if err := json.Unmarshal(r.Payload, &row); err != nil || row.ID == "" {
		c.log.Error("job cannot be read", "position", r.Position, "error", err)
		return
	}
	if row.Status == nil {
		c.rows = append(c.rows,
			rows.Common(store.TableJobs, jobKey(row.ID, jobSpec), store.Delete, nil),
			rows.Common(store.TableJobs, jobKey(row.ID, jobStatus), store.Delete, nil))
		return
	}
	if row.Spec != nil {
		c.rows = append(c.rows, rows.Common(store.TableJobs, jobKey(row.ID, jobSpec), store.Put, row.Spec))
	}
	c.rows = append(c.rows, rows.Common(store.TableJobs, jobKey(row.ID, jobStatus), store.Put, row.Status))
}

func jobKey(jobID string, part byte) []byte { return append([]byte(jobID), 0, part) }

// Job gives what is kept of a job.
func (p *Pipeline) Job(ctx context.Context, jobID string) (JobRow, error) {
	row := JobRow{ID: jobID}
	if jobID == "" || len(jobID) > store.MaxKey-2 {
		return row, nil
	}
	if err := p.graphLane.commit(ctx); err != nil {
		return row, err
	}
	rows, err := p.store.State().Load(ctx, []store.RowKey{
		{Table: store.TableJobs, Bucket: id.CommonBucket, Key: jobKey(jobID, jobSpec)},
		{Table: store.TableJobs, Bucket: id.CommonBucket, Key: jobKey(jobID, jobStatus)},
	})
	if err != nil || rows[0] == nil || rows[1] == nil {
		return row, err
	}
	row.Spec, row.Status = rows[0][0], rows[1][0]
	return row, nil
}

// Jobs lists what is kept of the jobs after one, in the order of their ids.
func (p *Pipeline) Jobs(ctx context.Context, after string, limit int) ([]JobRow, error) {
	if err := p.graphLane.commit(ctx); err != nil {
		return nil, err
	}
	at := store.Range{Table: store.TableJobs, Bucket: id.CommonBucket}
	if after != "" {
		at.After = jobKey(after, jobStatus)
	}
	var out []JobRow
	err := p.store.State().Scan(ctx, at, func(key []byte, parts [][]byte) bool {
		jobID, part := string(key[:len(key)-2]), key[len(key)-1]
		switch {
		case part == jobSpec && len(out) == limit:
			return false
		case part == jobSpec:
			out = append(out, JobRow{ID: jobID, Spec: bytes.Clone(parts[0])})
		case len(out) > 0 && out[len(out)-1].ID == jobID:
			out[len(out)-1].Status = bytes.Clone(parts[0])
		}
		return true
	})
	return out, err
}
