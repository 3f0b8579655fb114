package sitecore

import (
	"context"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the protocol's checksum; nothing is kept secret by it
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/clock"
	"rapport/internal/disk"
	"rapport/internal/fault"
	"rapport/internal/schedule"
)

// A batch is a file of guests and orders: announced, uploaded to an address of
// its own, worked through by a background job. What is kept of it beside the
// job is in files next to the data: what was announced, the file until the job
// has done it, the log.

// JobBatch is the kind of the jobs that work through batches.
const JobBatch = "sitecore_batch"

// The limits of a batch.
const (
	MaxBatchFile  = 50 << 20 // packed
	maxUnpacked   = 8 << 30
	uploadTime    = time.Hour        // how long an upload address is good
	batchKeeping  = 30 * 24 * 3600e6 // how long it can be asked for, in microseconds
	uploadPatient = 10 * time.Minute
)

// Jobs run batches.
type Jobs interface {
	Submit(ctx context.Context, q schedule.Request) (schedule.Job, error)
	Get(ctx context.Context, id string) (schedule.Job, error)
}

// announced is what is kept of a batch.
type announced struct {
	Ref        string        `json:"ref"`
	Checksum   string        `json:"checksum"`
	Size       int64         `json:"size"`
	Created    clock.Instant `json:"created_at"`
	Modified   clock.Instant `json:"modified_at"`
	Source     string        `json:"source"`
	Historical bool          `json:"historical,omitempty"`
	Author     string        `json:"author"`
	Corrupted  bool          `json:"corrupted,omitempty"`
	Uploaded   bool          `json:"uploaded,omitempty"`
	Job        string        `json:"job,omitempty"`
}

func (d *Door) batchRoutes() {
	d.mux.Handle("PUT /v2/batches/{ref}", d.serve(true, (*call).announce))
	d.mux.Handle("GET /v2/batches/{ref}", d.serve(false, (*call).getBatch))
	d.mux.Handle("GET /v2/batches/inspect/{ref}", d.serve(false, (*call).getBatch))
	d.mux.Handle("GET /v2/batches/inspect", d.serve(false, (*call).listBatches))
	d.mux.HandleFunc("PUT /v2/batchFiles/{ref}", d.upload)
	d.mux.HandleFunc("GET /v2/batchLogs/{ref}", d.download)
}

func (d *Door) file(ref, ending string) string { return filepath.Join(d.Folder, ref+ending) }

// batch reads what is kept of a batch.
func (d *Door) batch(ref string) (announced, error) {
	var a announced
	missing := fault.Errorf(fault.NotFound, "batch_not_found", "there is no batch %.60q; announce it with PUT", ref)
	if _, ok := bytesOf(strings.ToLower(ref)); !ok {
		return a, missing
	}
	found, err := disk.ReadDocument(d.Files, d.file(strings.ToLower(ref), ".json"), &a)
	if err == nil && !found {
		err = missing
	}
	return a, err
}

func (d *Door) keepBatch(a announced) error {
	if err := d.Files.MkdirAll(d.Folder, 0o700); err != nil {
		return fmt.Errorf("making the folder of batches: %w", err)
	}
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := disk.WriteFile(d.Files, d.file(a.Ref, ".json"), text); err != nil {
		return fmt.Errorf("keeping a batch: %w", err)
	}
	return nil
}

// announce makes a batch, or gives the one that was announced the same way.
func (c *call) announce() (reply, error) {
	d, ref := c.door, strings.ToLower(c.PathValue("ref"))
	if _, ok := bytesOf(ref); !ok {
		return reply{}, fault.Errorf(fault.Invalid, "invalid_ref", "%.60q is no UUID; make one for each batch", ref)
	}
	sum := strings.ToLower(c.body.Get("checksum").Text())
	if b, err := hex.DecodeString(sum); err != nil || len(b) != md5.Size {
		return reply{}, fault.Errorf(fault.Invalid, "invalid_checksum", "checksum %.60q is no MD5 in hexadecimal; send that of the file", sum)
	}
	size, ok := c.body.Get("size").Int()
	if !ok || size <= 0 || size > MaxBatchFile {
		return reply{}, fault.Errorf(fault.Invalid, "invalid_size", "size must be that of the file in bytes, at most %d; split larger ones", MaxBatchFile)
	}
	now := d.Now.Now()
	a, err := d.batch(ref)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		d.tidy(now)
		a = announced{Ref: ref, Checksum: sum, Size: size, Created: now, Modified: now, Source: c.source.Key, Historical: c.source.Historical, Author: c.caller.ID}
		err = d.keepBatch(a)
	case err == nil && (a.Checksum != sum || a.Size != size):
		err = fault.Errorf(fault.Conflict, "batch_exists", "the batch %s was announced with another checksum or size; use a new ref for another file", ref)
	}
	if err != nil {
		return reply{}, err
	}
	return c.shownBatch(a)
}

// tidy forgets batches that are too old to be asked for.
func (d *Door) tidy(now clock.Instant) {
	for _, a := range d.batches() {
		if now-a.Created > batchKeeping {
			for _, ending := range [...]string{".gz", ".log.gz", ".json"} {
				_ = d.Files.Remove(d.file(a.Ref, ending)) // the next one tries again
			}
		}
	}
}

// batches are all that are kept, newest first.
func (d *Door) batches() []announced {
	names, err := filepath.Glob(filepath.Join(d.Folder, "*.json"))
	if err != nil {
		return nil // the pattern is ours
	}
	var out []announced
	for _, name := range names {
		if a, err := d.batch(strings.TrimSuffix(filepath.Base(name), ".json")); err == nil {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b announced) int {
		if a.Created != b.Created {
			return int(min(max(b.Created-a.Created, -1), 1))
		}
		return strings.Compare(a.Ref, b.Ref)
	})
	return out
}

func (c *call) getBatch() (reply, error) {
	a, err := c.door.batch(c.PathValue("ref"))
	if err != nil {
		return reply{}, err
	}
	return c.shownBatch(a)
}

func (c *call) shownBatch(a announced) (reply, error) {
	out, err := c.batchOf(a)
	return reply{http.StatusOK, out}, err
}

// batchOf shows a batch.
func (c *call) batchOf(a announced) (item, error) {
	status, result, err := c.door.statusOfBatch(c.Context(), a)
	if err != nil {
		return nil, err
	}
	out := item{"href": c.href("/v2/batches/" + a.Ref), "ref": a.Ref, "checksum": a.Checksum, "size": a.Size, "createdAt": a.Created, "modifiedAt": a.Modified}
	end := c.door.Now.Now().Add(uploadTime)
	if status == batchUploading {
		out["location"] = item{"href": c.href(c.door.signed("/v2/batchFiles/"+a.Ref, end)), "expiry": end}
	}
	shown := item{"code": status}
	if status == batchSuccess || status == batchError {
		shown["log"] = c.href(c.door.signed("/v2/batchLogs/"+a.Ref, end))
	}
	out["status"] = shown
	if result != nil {
		out["result"] = result
	}
	return out, nil
}

// The statuses of a batch.
const (
	batchUploading  = "uploading"
	batchProcessing = "processing"
	batchSuccess    = "success"
	batchError      = "error"
	batchCorrupted  = "corrupted"
)

// statusOfBatch asks the job. A batch whose job got lost between the two is
// given one.
func (d *Door) statusOfBatch(ctx context.Context, a announced) (status string, result json.RawMessage, err error) {
	switch {
	case a.Corrupted:
		return batchCorrupted, nil, nil
	case !a.Uploaded:
		return batchUploading, nil, nil
	case a.Job == "":
		if a, err = d.begin(ctx, a); err != nil {
			return "", nil, err
		}
	}
	job, err := d.Jobs.Get(ctx, a.Job)
	if err != nil {
		return "", nil, err
	}
	switch job.State {
	case schedule.Done:
		return batchSuccess, job.Result, nil
	case schedule.Failed, schedule.Cancelled:
		return batchError, job.Result, nil
	}
	return batchProcessing, job.Result, nil
}

// begin makes the job of a batch. Asked again it is the same job.
func (d *Door) begin(ctx context.Context, a announced) (announced, error) {
	job, err := d.Jobs.Submit(ctx, schedule.Request{Kind: JobBatch, Subject: a.Ref, Author: a.Author, Params: batchParams{a.Ref}})
	if err != nil {
		return a, err
	}
	a.Job, a.Modified = job.ID, d.Now.Now()
	return a, d.keepBatch(a)
}

// listBatches lists batches, newest first.
func (c *call) listBatches() (reply, error) {
	p, err := c.paging()
	if err != nil {
		return reply{}, err
	}
	var want []string
	if text := c.query.Get("status"); text != "" {
		want = strings.Split(text, ",")
	}
	before := clock.Instant(1<<63 - 1)
	if text := c.query.Get("createdBefore"); text != "" {
		var ok bool
		if before, ok = instant(text); !ok {
			return reply{}, fault.Errorf(fault.Invalid, "invalid_created_before", "createdBefore %.40q is no time; send ISO 8601", text)
		}
	}
	items := []item{}
	for _, a := range c.door.batches() {
		status, _, err := c.door.statusOfBatch(c.Context(), a)
		if err != nil {
			return reply{}, err
		}
		if a.Created >= before || want != nil && !slices.Contains(want, status) {
			continue
		}
		shown, err := c.batchOf(a)
		if err != nil {
			return reply{}, err
		}
		items = append(items, shown)
	}
	total := len(items)
	items = items[min(p.offset, total):min(p.offset+p.limit, total)]
	return reply{http.StatusOK, item{"totalCount": total, "offset": p.offset, "limit": p.limit, "items": items}}, nil
}

// signed makes an address that needs no key until its end.
func (d *Door) signed(path string, end clock.Instant) string {
	at := strconv.FormatInt(int64(end), 10)
	return path + "?expires=" + at + "&signature=" + hex.EncodeToString(d.signature(path, at))
}

func (d *Door) signature(path, at string) []byte {
	h := hmac.New(sha256.New, d.seal)
	_, _ = h.Write([]byte("address\x00" + path + "\x00" + at)) // it never fails
	return h.Sum(nil)[:16]
}

// pass checks a signed address.
func (d *Door) pass(r *http.Request) error {
	q := r.URL.Query()
	at := q.Get("expires")
	sum, err := hex.DecodeString(q.Get("signature"))
	end, bad := strconv.ParseInt(at, 10, 64)
	if err != nil || bad != nil || !hmac.Equal(sum, d.signature(r.URL.Path, at)) {
		return fault.Errorf(fault.Forbidden, "invalid_signature", "the address is not one that this server gave; take it from the batch")
	}
	if d.Now.Now() > clock.Instant(end) {
		return fault.Errorf(fault.Forbidden, "address_expired", "the address is no longer good; ask for the batch again to get another")
	}
	return nil
}

// upload takes the file of a batch.
func (d *Door) upload(w http.ResponseWriter, r *http.Request) {
	err := d.pass(r)
	if err == nil {
		err = d.receive(w, r)
	}
	if err != nil {
		answerError(w, err, statusOf(err))
	}
}

func (d *Door) receive(w http.ResponseWriter, r *http.Request) error {
	a, err := d.batch(r.PathValue("ref"))
	switch {
	case err != nil:
		return err
	case a.Uploaded:
		return nil // it came before, and the answer got lost
	}
	_ = http.NewResponseController(w).SetReadDeadline(d.Now().Add(uploadPatient)) // else the usual one holds
	sum, size, err := d.store(a.Ref, r.Body)
	if err != nil {
		return err
	}
	if said := r.Header.Get("Content-Md5"); said != "" && said != base64.StdEncoding.EncodeToString(sum) {
		_ = d.Files.Remove(d.file(a.Ref, ".part"))
		return fault.Errorf(fault.Invalid, "invalid_digest", "Content-MD5 is not that of the body: it was damaged on its way; send it again")
	}
	a.Modified = d.Now.Now()
	if a.Corrupted = size != a.Size || hex.EncodeToString(sum) != a.Checksum; a.Corrupted {
		_ = d.Files.Remove(d.file(a.Ref, ".part"))
		return d.keepBatch(a)
	}
	if err := d.Files.Rename(d.file(a.Ref, ".part"), d.file(a.Ref, ".gz")); err != nil {
		return fmt.Errorf("keeping a batch: %w", err)
	}
	a.Uploaded = true
	if err := d.keepBatch(a); err != nil {
		return err
	}
	_, err = d.begin(r.Context(), a)
	return err
}

// store writes a body beside the data.
func (d *Door) store(ref string, body io.Reader) (sum []byte, size int64, err error) {
	f, err := d.Files.Create(d.file(ref, ".part"), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, 0, fmt.Errorf("keeping a batch: %w", err)
	}
	h := md5.New() //nolint:gosec // the protocol's checksum
	size, err = io.Copy(io.MultiWriter(h, f), io.LimitReader(body, MaxBatchFile+1))
	if err != nil {
		err = fault.Errorf(fault.Unavailable, "body_incomplete", "the file could not be taken whole; send it again: %w", err)
	} else if err = f.Sync(); err != nil {
		err = fault.Errorf(fault.Unavailable, "disk_full", "the file could not be kept; send it again later: %w", err)
	}
	return h.Sum(nil), size, errors.Join(err, f.Close())
}

// download gives the log of a batch.
func (d *Door) download(w http.ResponseWriter, r *http.Request) {
	err := d.pass(r)
	if err == nil {
		if _, err = d.batch(r.PathValue("ref")); err == nil {
			d.serveLog(w, r)
			return
		}
	}
	answerError(w, err, statusOf(err))
}

// serveLog answers with what was said of the lines of a batch.
func (d *Door) serveLog(w http.ResponseWriter, r *http.Request) {
	f, err := d.Files.Open(d.file(strings.ToLower(r.PathValue("ref")), ".log.gz"))
	if err != nil {
		http.NotFound(w, r) // it is not worked through yet
		return
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/gzip")
	http.ServeContent(w, r, "", info.ModTime(), io.NewSectionReader(f, 0, info.Size()))
}
