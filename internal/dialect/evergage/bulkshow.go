package evergage

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"rapport/internal/clock"
	"rapport/internal/fault"
)

// The pages of a list of jobs, as documented.
const (
	defaultJobs = 20
	mostJobs    = 100
)

// shownJob is a job as clients know it. What is behind contentUrl in a job that
// is asked for is ours, but for retries and totalProcessingTime.
type shownJob struct {
	ID         string        `json:"id"`
	Operation  string        `json:"operation"`
	Object     string        `json:"object"`
	SourceName string        `json:"sourceName"`
	Author     string        `json:"createdById"`
	Created    clock.Instant `json:"createdDate"`
	Modified   clock.Instant `json:"systemModstamp"`
	State      string        `json:"state"`
	Content    string        `json:"contentType"`
	Version    string        `json:"apiVersion"`
	URL        string        `json:"contentUrl"`
	*jobInfo
}

type jobInfo struct {
	Retries   int        `json:"retries"`
	Took      int64      `json:"totalProcessingTime"` // milliseconds
	Files     int        `json:"numberFiles"`
	Processed int64      `json:"numberRecordsProcessed"`
	Failed    int64      `json:"numberRecordsFailed"`
	Error     string     `json:"errorMessage,omitempty"`
	Flaws     []bulkFlaw `json:"errors"`
	People    int64      `json:"numberPeopleErased,omitempty"`
	Requests  []string   `json:"privacyRequests,omitempty"`
}

func (d *Door) shownBulk(ctx context.Context, j *bulkJob, whole bool) (shownJob, error) {
	state, at, err := d.bulkState(ctx, j)
	s := shownJob{
		ID: j.ID, Operation: j.Operation, Object: j.Object, SourceName: j.Connector, Author: j.Author, Created: j.Created, Modified: j.Modified,
		State: state, Content: "CSV", Version: "v1", URL: "api/v1/ingest/jobs/" + j.ID + "/batches",
	}
	if err != nil || !whole {
		return s, err
	}
	s.jobInfo = &jobInfo{Retries: at.Attempts, Took: j.Took, Files: len(j.Files), Flaws: []bulkFlaw{}}
	sums := j.Sums
	if sums == nil {
		sums = sumsOf(at.Result)
	}
	if sums != nil {
		s.Processed, s.Failed, s.People, s.Requests = sums.Rows, sums.Failed, sums.Erased.People, sums.Erased.Requests
		s.Flaws = append(s.Flaws, sums.Flaws...)
	}
	s.Error = cmp.Or(j.Error, at.Error)
	return s, nil
}

// listBulk lists jobs, those that changed last first.
func (d *Door) listBulk(r *http.Request, _ Secret) (int, any, error) {
	q := r.URL.Query()
	limit, offset := number(q.Get("limit"), defaultJobs, mostJobs), number(q.Get("offset"), 0, 1<<30)
	if limit < 1 || offset < 0 {
		return 0, nil, fault.Errorf(fault.Invalid, "invalid_query", "limit must be 1 to %d, and offset not below 0", mostJobs)
	}
	jobs := d.bulks()
	switch by := cmp.Or(q.Get("orderBy"), q.Get("orderby"), "systemModstamp"); by {
	case "systemModstamp":
	case "createdDate":
		slices.SortStableFunc(jobs, func(a, b bulkJob) int { return cmp.Compare(b.Created, a.Created) })
	default:
		return 0, nil, fault.Errorf(fault.Invalid, "invalid_query", "jobs are not ordered by %.40q; send systemModstamp or createdDate", by)
	}
	var want []string
	if text := cmp.Or(q.Get("states"), q.Get("state")); text != "" {
		want = strings.Split(text, ",")
	}
	data := []shownJob{}
	for i := range jobs {
		s, err := d.shownBulk(r.Context(), &jobs[i], false)
		if fault.KindOf(err) == fault.NotFound { // it was deleted meanwhile
			continue
		}
		if err != nil {
			return 0, nil, err
		}
		if want != nil && !slices.Contains(want, s.State) {
			continue
		}
		if offset--; offset >= 0 {
			continue
		}
		if data = append(data, s); len(data) == limit {
			break
		}
	}
	return http.StatusOK, map[string]any{"data": data}, nil
}
