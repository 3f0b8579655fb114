package evergage

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/disk"
	"rapport/internal/fault"
	"rapport/internal/schedule"
)

// A bulk job of Data Cloud's ingestion is a set of CSV files of one object:
// made, filled with files, closed, and then worked through by a background job.
// What is kept of it is in files next to the data: what was asked for and what
// came of it, and the uploaded files until they are worked through.

// JobBulk is the kind of the background jobs that work through bulk jobs.
const JobBulk = "salesforce_bulk"

// The limits of bulk jobs. Files, their size and the days are those that Data
// Cloud documents; how many may be unfinished, or are kept when they are at their
// end, is our own choice.
const (
	MaxBulkFile  = 150 << 20 // bytes
	MaxBulkFiles = 100       // of one job
	maxBulkOpen  = 100       // jobs that are neither at their end nor aborted
	maxBulkEnded = 1_000     // jobs that are
	bulkOpenFor  = clock.Instant(7 * 24 * 3600e6)
	bulkKeptFor  = clock.Instant(30 * 24 * 3600e6) // after its last change
)

// Jobs run what takes longer than a request.
type Jobs interface {
	Once(ctx context.Context, q schedule.Request, day clock.Instant) (schedule.Job, error)
	Get(ctx context.Context, id string) (schedule.Job, error)
	Cancel(ctx context.Context, id string) (schedule.Job, error)
}

// The operations and the states of a bulk job, as clients know them.
const (
	bulkUpsert = "upsert"
	bulkDelete = "delete"

	bulkOpen       = "Open"
	bulkUploaded   = "UploadComplete"
	bulkInProgress = "InProgress"
	bulkComplete   = "JobComplete"
	bulkFailed     = "Failed"
	bulkAborted    = "Aborted"
)

// bulkJob is what is kept of a bulk job.
type bulkJob struct {
	ID         string        `json:"id"`
	Operation  string        `json:"operation"`
	Object     string        `json:"object"`
	Connector  string        `json:"connector"` // the write key that it names
	Source     string        `json:"source"`
	Historical bool          `json:"historical,omitempty"`
	Author     string        `json:"author"`
	Created    clock.Instant `json:"created_at"`
	Modified   clock.Instant `json:"modified_at"`
	Files      []string      `json:"files,omitempty"` // their SHA-256, in the order in which they came
	Closed     bool          `json:"closed,omitempty"`
	// End is the state it ended in, Error why it failed, and Sums what came of it;
	// empty before.
	End   string    `json:"end,omitempty"`
	Error string    `json:"error,omitempty"`
	Sums  *bulkSums `json:"sums,omitempty"`
	Took  int64     `json:"took,omitempty"` // milliseconds
}

// bulkSums say what became of the rows.
type bulkSums struct {
	Rows   int64       `json:"rows"`
	Failed int64       `json:"failed"`
	Flaws  []bulkFlaw  `json:"flaws,omitempty"` // the first of them
	Erased bulkErasure `json:"erased,omitzero"`
}

// bulkErasure is what came of the keys of a job that deletes.
type bulkErasure struct {
	People   int64    `json:"people"`
	Requests []string `json:"requests"` // the first of them
}

// bulkFlaw says what is wrong with a row. It holds nothing of the row itself:
// what people gave is kept where it can be erased.
type bulkFlaw struct {
	File    int    `json:"file"`
	Line    int64  `json:"line,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// What is kept of what can be many.
const (
	maxBulkFlaws    = 100
	maxBulkRequests = 1_000
)

func (d *Door) bulkPath(id, ending string) string { return filepath.Join(d.Folder, id+ending) }

// bulkFile is where the nth file of a job is, counted from 1.
func (d *Door) bulkFile(id string, n int) string {
	return d.bulkPath(id, "."+strconv.Itoa(n)+".csv")
}

// bulk reads what is kept of a job.
func (d *Door) bulk(ref string) (bulkJob, error) {
	var j bulkJob
	missing := fault.Errorf(fault.NotFound, "unknown_job", "there is no job %.60q; POST /api/v1/ingest/jobs makes one", ref)
	if len(ref) != 36 || strings.Trim(ref, "0123456789abcdef-") != "" { // ids are those of createBulk
		return j, missing
	}
	found, err := disk.ReadDocument(d.Files, d.bulkPath(ref, ".json"), &j)
	if err == nil && !found {
		err = missing
	}
	return j, err
}

func (d *Door) keepBulk(j *bulkJob) error {
	j.Modified = d.Now.Now()
	if err := d.Files.MkdirAll(d.Folder, 0o700); err != nil {
		return fmt.Errorf("making the folder of bulk jobs: %w", err)
	}
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := disk.WriteFile(d.Files, d.bulkPath(j.ID, ".json"), text); err != nil {
		return fmt.Errorf("keeping a bulk job: %w", err)
	}
	return nil
}

// changeBulk changes what is kept of a job; requests for it and its worker do so
// one after the other.
func (d *Door) changeBulk(ref string, change func(*bulkJob) error) (bulkJob, error) {
	d.bulkMu.Lock()
	defer d.bulkMu.Unlock()
	j, err := d.bulk(ref)
	if err == nil {
		err = change(&j)
	}
	if err == nil {
		err = d.keepBulk(&j)
	}
	return j, err
}

// bulks are all jobs, those that changed last first.
func (d *Door) bulks() []bulkJob {
	names, err := filepath.Glob(filepath.Join(d.Folder, "*.json"))
	if err != nil {
		return nil // the pattern is ours
	}
	var out []bulkJob
	for _, name := range names {
		// One that is being deleted is gone.
		if j, err := d.bulk(strings.TrimSuffix(filepath.Base(name), ".json")); err == nil {
			out = append(out, j)
		}
	}
	slices.SortFunc(out, func(a, b bulkJob) int {
		return cmp.Or(cmp.Compare(b.Modified, a.Modified), strings.Compare(a.ID, b.ID))
	})
	return out
}

// tidyBulk forgets jobs that nobody closed and those that are long at their end,
// or of which there are too many, and tells how many are left that are not at it.
// The caller holds bulkMu.
func (d *Door) tidyBulk(ctx context.Context, now clock.Instant) (unfinished int) {
	ended := 0
	for _, j := range d.bulks() {
		if j.Closed && j.End == "" {
			if at, err := d.beginBulk(ctx, &j); err == nil {
				_ = d.settleBulk(&j, &at) // the next tidying tries again
			}
		}
		switch {
		case !j.Closed && now-j.Created > bulkOpenFor, now-j.Modified > bulkKeptFor:
			d.forgetBulk(&j)
		case j.End == "":
			unfinished++
		default:
			if ended++; ended > maxBulkEnded {
				d.forgetBulk(&j)
			}
		}
	}
	return unfinished
}

// dropFiles deletes what was uploaded to a job. What stays is deleted with the
// job.
func (d *Door) dropFiles(j *bulkJob) {
	for _, ending := range [...]string{".*.csv", ".*.part"} {
		names, _ := filepath.Glob(d.bulkPath(j.ID, ending)) // the pattern is ours
		for _, name := range names {
			_ = d.Files.Remove(name)
		}
	}
}

func (d *Door) forgetBulk(j *bulkJob) {
	d.dropFiles(j)
	_ = d.Files.Remove(d.bulkPath(j.ID, ".json")) // the next tidying tries again
}

// beginBulk makes the background job of a closed job. Asked again it is the same
// one.
func (d *Door) beginBulk(ctx context.Context, j *bulkJob) (schedule.Job, error) {
	return d.Jobs.Once(ctx, schedule.Request{Kind: JobBulk, Subject: j.ID, Author: j.Author, Params: bulkParams{j.ID}, Key: j.ID}, j.Created)
}

// bulkState tells how far a job is. One whose background job got lost when it
// was closed is given one.
func (d *Door) bulkState(ctx context.Context, j *bulkJob) (state string, at schedule.Job, err error) {
	switch {
	case j.End != "":
		return j.End, at, nil
	case !j.Closed:
		return bulkOpen, at, nil
	}
	if at, err = d.beginBulk(ctx, j); err != nil {
		return "", at, err
	}
	if at.State == schedule.Queued {
		return bulkUploaded, at, nil
	}
	d.bulkMu.Lock()
	err = d.settleBulk(j, &at)
	d.bulkMu.Unlock()
	if err != nil || j.End != "" {
		return j.End, schedule.Job{}, err
	}
	return bulkInProgress, at, nil
}

// settleBulk gives a job the end of its background job where that could not do so
// itself: it was cancelled before its turn, or given up after its tries. The
// caller holds bulkMu.
func (d *Door) settleBulk(j *bulkJob, at *schedule.Job) error {
	end := map[schedule.State]string{schedule.Failed: bulkFailed, schedule.Cancelled: bulkAborted}[at.State]
	if end == "" {
		return nil
	}
	now, err := d.bulk(j.ID) // its worker may have said so since
	if err != nil {
		return err
	}
	if now.End == "" {
		now.End, now.Error, now.Sums = end, at.Error, sumsOf(at.Result)
		if err := d.keepBulk(&now); err != nil {
			return err
		}
		d.dropFiles(&now)
	}
	*j = now
	return nil
}
