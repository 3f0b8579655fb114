package evergage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/access"
	"rapport/internal/dialect"
	"rapport/internal/fault"
	"rapport/internal/id"
)

// uploadPatience is how long an upload may take.
const uploadPatience = 30 * time.Minute

// bulkJobs makes and lists bulk jobs.
func (d *Door) bulkJobs(w http.ResponseWriter, r *http.Request, _ route) {
	do := (*Door).createBulk
	if r.Method == http.MethodGet {
		do = (*Door).listBulk
	}
	d.answerBulk(w, r, do)
}

// oneBulk shows, closes, aborts or deletes a bulk job.
func (d *Door) oneBulk(w http.ResponseWriter, r *http.Request, to route) {
	d.answerBulk(w, r, func(d *Door, r *http.Request, key Secret) (int, any, error) {
		j, err := d.mayBulk(key, to.rest)
		if err != nil {
			return 0, nil, err
		}
		switch r.Method {
		case http.MethodPatch:
			return d.patchBulk(r, &j)
		case http.MethodDelete:
			return http.StatusNoContent, nil, d.deleteBulk(r.Context(), &j)
		}
		shown, err := d.shownBulk(r.Context(), &j, true)
		return http.StatusOK, shown, err
	})
}

// bulkBatch takes a file of a bulk job.
func (d *Door) bulkBatch(w http.ResponseWriter, r *http.Request, to route) {
	d.answerBulk(w, r, func(d *Door, r *http.Request, key Secret) (int, any, error) {
		j, err := d.mayBulk(key, to.rest)
		if err == nil {
			err = d.takeBatch(w, r, &j)
		}
		return http.StatusAccepted, nil, err
	})
}

// answerBulk checks the key of a request about bulk jobs and answers it.
func (d *Door) answerBulk(w http.ResponseWriter, r *http.Request, do func(*Door, *http.Request, Secret) (int, any, error)) {
	key, err := d.authenticate(r, access.ScopeWrite)
	if err == nil && d.Jobs == nil {
		err = fault.Errorf(fault.NotFound, "not_found", "no such address %s", r.URL.Path)
	}
	var status int
	var doc any
	if err == nil {
		status, doc, err = do(d, r, key)
	}
	var body []byte
	if err == nil && doc != nil {
		body, err = json.Marshal(doc)
	}
	switch {
	case err != nil:
		dialect.Drain(r)
		answerFault(w, err)
	case body == nil:
		w.WriteHeader(status)
	default:
		answerJSON(w, status, body)
	}
}

// mayBulk finds a job that a key may touch.
func (d *Door) mayBulk(key Secret, ref string) (bulkJob, error) {
	j, err := d.bulk(ref)
	if err == nil {
		err = mayOperate(key, j.Operation)
	}
	return j, err
}

// mayOperate tells whether a key may do what a job does: to delete people needs
// the scope that deleting them in any other way needs.
func mayOperate(key Secret, operation string) error {
	if operation == bulkDelete && !key.May(access.ScopeAdmin) {
		return fault.Errorf(fault.Forbidden, "missing_scope", "the key %s lacks the scope %s, which jobs that delete need", key.ID, access.ScopeAdmin)
	}
	return nil
}

// createBulk makes a job: {"object","sourceName","operation"}.
func (d *Door) createBulk(r *http.Request, key Secret) (int, any, error) {
	root, err := parseBody(r)
	if err != nil {
		return 0, nil, err
	}
	now := d.Now.Now()
	j := bulkJob{
		Object: root.Get("object").Text(), Connector: root.Get("sourceName").Text(), Operation: strings.ToLower(root.Get("operation").Text()),
		Author: key.ID, Created: now,
	}
	switch {
	case j.Object == "" || len(j.Object) > maxName:
		return 0, nil, fault.Errorf(fault.Invalid, "invalid_object", "object must name what the rows are, in at most %d bytes", maxName).At("/object")
	case j.Connector == "":
		return 0, nil, fault.Errorf(fault.Invalid, "missing_source_name", "sourceName is missing; send the connector, a write key of a source").At("/sourceName")
	case j.Operation != bulkUpsert && j.Operation != bulkDelete:
		return 0, nil, fault.Errorf(fault.Invalid, "invalid_operation", "the operation %.40q is not possible; send upsert or delete", j.Operation).At("/operation")
	case j.Operation == bulkDelete && (!ofPeople(j.Object) || d.People == nil):
		return 0, nil, fault.Errorf(fault.Invalid, "invalid_operation", "rows of %.60q are events, which stay as they are; delete the people they are about: the rows of Contacts, Individuals or Users", j.Object).At("/operation")
	}
	if err := mayOperate(key, j.Operation); err != nil {
		return 0, nil, err
	}
	source, err := d.source(r, j.Connector)
	if err != nil {
		return 0, nil, err
	}
	j.Source, j.Historical = source.Key, source.Historical
	d.bulkMu.Lock()
	defer d.bulkMu.Unlock()
	if n := d.tidyBulk(r.Context(), now); n >= maxBulkOpen {
		return 0, nil, fault.Errorf(fault.Conflict, "too_many_jobs", "%d jobs are not at their end; close or abort some first", n)
	}
	var random [16]byte
	d.Random(random[:])
	j.ID = id.UUID(random)
	if err := d.keepBulk(&j); err != nil {
		return 0, nil, err
	}
	shown, err := d.shownBulk(r.Context(), &j, false)
	return http.StatusCreated, shown, err
}

// takeBatch keeps a file. One that came before in the same job is the answer
// that got lost: it is taken once.
func (d *Door) takeBatch(w http.ResponseWriter, r *http.Request, j *bulkJob) error {
	if err := openBulk(j); err != nil {
		return err
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return fault.Errorf(fault.Invalid, "unsupported_encoding", "Content-Encoding %.40q is not understood; send the file as it is", e)
	}
	if r.ContentLength > MaxBulkFile {
		return tooLong(MaxBulkFile)
	}
	var random [16]byte
	end := time.Now().Add(uploadPatience) // the network knows no other clock
	control := http.NewResponseController(w)
	_, _ = control.SetReadDeadline(end), control.SetWriteDeadline(end) // else the usual ones hold
	d.Random(random[:])
	part := d.bulkPath(j.ID, "."+id.UUID(random)+".part")
	f, err := d.Files.Create(part, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("keeping a file of a bulk job: %w", err)
	}
	defer d.Files.Remove(part) //nolint:errcheck // where it was kept it has another name
	h := sha256.New()
	size, err := io.Copy(io.MultiWriter(h, f), io.LimitReader(r.Body, MaxBulkFile+1))
	if err != nil {
		err = dialect.Broken(err)
	} else if err = f.Sync(); err != nil {
		err = fault.Errorf(fault.Unavailable, "disk_full", "the file could not be kept: %w", err)
	}
	switch err = errors.Join(err, f.Close()); {
	case err != nil:
		return err
	case size > MaxBulkFile:
		return tooLong(MaxBulkFile)
	case size == 0:
		return fault.Errorf(fault.Invalid, "empty_body", "the body is empty; send the rows as CSV")
	}
	sum := hex.EncodeToString(h.Sum(nil))
	_, err = d.changeBulk(j.ID, func(j *bulkJob) error {
		if err := openBulk(j); err != nil || slices.Contains(j.Files, sum) {
			return err
		}
		if len(j.Files) >= MaxBulkFiles {
			return fault.Errorf(fault.Conflict, "too_many_files", "the job has %d files already; make another job for more", MaxBulkFiles)
		}
		j.Files = append(j.Files, sum)
		return d.Files.Rename(part, d.bulkFile(j.ID, len(j.Files)))
	})
	return err
}

func openBulk(j *bulkJob) error {
	if j.Closed || j.End != "" {
		return fault.Errorf(fault.Conflict, "job_closed", "the job takes no more files: it was closed or aborted; make another one")
	}
	return nil
}

// patchBulk closes or aborts a job: {"state"}.
func (d *Door) patchBulk(r *http.Request, j *bulkJob) (int, any, error) {
	root, err := parseBody(r)
	if err != nil {
		return 0, nil, err
	}
	var now bulkJob
	switch state := root.Get("state").Text(); state {
	case bulkUploaded:
		now, err = d.closeBulk(r.Context(), j)
	case bulkAborted:
		now, err = d.abortBulk(r.Context(), j)
	default:
		err = fault.Errorf(fault.Invalid, "invalid_state", "the state %.40q is none that a job can be given; send UploadComplete or Aborted", state).At("/state")
	}
	if err != nil {
		return 0, nil, err
	}
	shown, err := d.shownBulk(r.Context(), &now, true)
	return http.StatusOK, shown, err
}

// closeBulk lets a job be worked through. Closing it again changes nothing.
func (d *Door) closeBulk(ctx context.Context, j *bulkJob) (bulkJob, error) {
	now, err := d.changeBulk(j.ID, func(j *bulkJob) error {
		switch {
		case j.End == bulkAborted:
			return fault.Errorf(fault.Conflict, "job_aborted", "the job was aborted; make another one")
		case len(j.Files) == 0:
			return fault.Errorf(fault.Invalid, "missing_data", "the job has no files; PUT them to its contentUrl first")
		}
		j.Closed = true
		return nil
	})
	if err == nil && now.End == "" {
		_, err = d.beginBulk(ctx, &now)
	}
	return now, err
}

// abortBulk ends a job before its time. Rows that were taken already stay.
func (d *Door) abortBulk(ctx context.Context, j *bulkJob) (bulkJob, error) {
	state, at, err := d.bulkState(ctx, j)
	if err != nil {
		return *j, err
	}
	if state == bulkUploaded || state == bulkInProgress {
		if _, err := d.Jobs.Cancel(ctx, at.ID); err != nil && fault.KindOf(err) != fault.Conflict {
			return *j, err
		}
		if at, err = d.Jobs.Get(ctx, at.ID); err != nil {
			return *j, err
		}
	}
	return d.changeBulk(j.ID, func(j *bulkJob) error {
		if j.End == bulkAborted {
			return nil
		}
		if j.End != "" {
			return fault.Errorf(fault.Conflict, "job_ended", "the job is at its end: there is nothing to abort")
		}
		j.End, j.Sums = bulkAborted, sumsOf(at.Result)
		d.dropFiles(j)
		return nil
	})
}

// sumsOf reads what a background job says of itself.
func sumsOf(result json.RawMessage) *bulkSums {
	var s bulkSums
	if len(result) == 0 || json.Unmarshal(result, &s) != nil {
		return nil
	}
	return &s
}

// deleteBulk forgets a job. What was made of its rows stays.
func (d *Door) deleteBulk(ctx context.Context, j *bulkJob) error {
	state, at, err := d.bulkState(ctx, j)
	switch {
	case err != nil:
		return err
	case state == bulkOpen, state == bulkInProgress:
		return fault.Errorf(fault.Conflict, "job_not_ended", "the job is %s; abort it first, or wait for its end", state)
	case state == bulkUploaded:
		if _, err := d.Jobs.Cancel(ctx, at.ID); err != nil {
			return err
		}
	}
	d.bulkMu.Lock()
	defer d.bulkMu.Unlock()
	d.forgetBulk(j)
	return nil
}
