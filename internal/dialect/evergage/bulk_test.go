package evergage_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/evergage"
	"rapport/internal/jsondoc"
	"rapport/internal/schedule"
	"rapport/internal/tablefile"
)

// written gives the rows of a CSV as JSON.
func written(text string) (out []string, columns int, err error) {
	table, err := tablefile.Open(bytes.NewReader([]byte(text)), int64(len(text)), tablefile.Options{Format: tablefile.CSV, Delimiter: ','})
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = table.Close() }()
	for {
		var row tablefile.Row
		err := table.Next(&row)
		bad := new(tablefile.RowError)
		switch {
		case err == nil:
			columns = len(row.Columns)
			out = append(out, string(evergage.AppendRow(nil, &row)))
		case !errors.As(err, &bad):
			return out, columns, nil
		}
	}
}

func TestBulkRow_CellsAreWhatTheyAreWrittenAs(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"": `null`, "0": `0`, "-0.5": `-0.5`, "12": `12`, "1.10": `1.10`, "true": `true`, "false": `false`, "123456789012345": `123456789012345`,
		"007": `"007"`, "00.5": `"00.5"`, "1e5": `"1e5"`, "+43": `"+43"`, "-": `"-"`, ".5": `".5"`, "-.5": `"-.5"`, "5.": `"5."`, "1.2.3": `"1.2.3"`, "1234567890123456": `"1234567890123456"`,
		"True": `"True"`, "null": `"null"`, " 1": `" 1"`, `"a ""b"", c"`: `"a \"b\", c"`, "2026-01-05": `"2026-01-05"`, "\"a\nb\"": `"a\nb"`,
	} {
		rows, _, err := written("x,Email Address,phone\n" + cell + ",12,3\n")
		if want = `{"x":` + want + `,"Email Address":"12","phone":"3"}`; err != nil || len(rows) != 1 || rows[0] != want {
			t.Errorf("%q: %q %v, want %s", cell, rows, err, want)
		}
	}
}

func TestBulk_IsNotThereWithoutJobs(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: evergage.Dialect}
	w := send(evergage.New(config(l)), call{path: "/api/v1/ingest/jobs", body: `{}`, header: basic("", "sk_write")})
	if w.Code != 404 || !strings.Contains(w.Body.String(), `"not_found"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// queue is where background jobs wait: none of them ever runs.
type queue struct{ state map[string]schedule.Status }

func (q queue) Once(_ context.Context, r schedule.Request, _ clock.Instant) (schedule.Job, error) {
	return q.Get(context.Background(), r.Subject)
}

func (q queue) Get(_ context.Context, id string) (schedule.Job, error) {
	s, ok := q.state[id]
	if !ok {
		s.State = schedule.Queued
	}
	return schedule.Job{ID: id, Status: s}, nil
}

func (q queue) Cancel(_ context.Context, id string) (schedule.Job, error) {
	q.state[id] = schedule.Status{State: schedule.Cancelled}
	return q.Get(context.Background(), id)
}

// bulkDoor is a door whose background jobs stand where the test puts them.
func bulkDoor(t *testing.T) (evergage.Config, queue) {
	t.Helper()
	conf, q := config(&dialecttest.Ledger{Dialect: evergage.Dialect}), queue{map[string]schedule.Status{}}
	conf.Jobs, conf.Folder, conf.Random = q, t.TempDir(), func(b []byte) { _, _ = rand.Read(b) }
	return conf, q
}

// bulkCall asks about bulk jobs: what says the method and the path behind jobs.
func bulkCall(t *testing.T, d *evergage.Door, what, body string, want int) map[string]any {
	t.Helper()
	method, path, _ := strings.Cut(what, " ")
	w := send(d, call{method: method, path: "/api/v1/ingest/jobs" + path, body: body, header: basic("", "sk_admin")})
	if w.Code != want {
		t.Fatalf("%s: %d, want %d: %s", what, w.Code, want, w.Body)
	}
	out := map[string]any{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

const bulkOrders = `{"object":"Orders","sourceName":"crm","operation":"upsert"}`

// A background job that was cancelled before its turn, or given up after its
// tries, cannot say so: whoever looks next gives the job its end.
func TestBulk_EndsWithItsBackgroundJob(t *testing.T) {
	t.Parallel()
	conf, q := bulkDoor(t)
	d := evergage.New(conf)
	closed := func() string {
		job := bulkCall(t, d, "POST ", bulkOrders, 201)["id"].(string)
		bulkCall(t, d, "PUT /"+job+"/batches", "customer_id\nC1\n", 202)
		bulkCall(t, d, "PATCH /"+job, `{"state":"UploadComplete"}`, 200)
		return job
	}
	files := func() int {
		left, err := filepath.Glob(filepath.Join(conf.Folder, "*.csv"))
		if err != nil {
			t.Fatal(err)
		}
		return len(left)
	}
	cancelled, failed := closed(), closed()
	q.state[cancelled] = schedule.Status{State: schedule.Cancelled}
	q.state[failed] = schedule.Status{State: schedule.Failed, Error: "the store is away", Attempts: 8, Result: []byte(`{"rows":7,"failed":2}`)}
	for job, want := range map[string]string{cancelled: "Aborted 0 <nil>", failed: "Failed 7 the store is away"} {
		for range 2 {
			got := bulkCall(t, d, "GET /"+job, "", 200)
			if text := fmt.Sprint(got["state"], " ", got["numberRecordsProcessed"], " ", got["errorMessage"]); text != want {
				t.Errorf("%s, want %s", text, want)
			}
		}
		delete(q.state, job) // it is known without asking
	}
	if n := files(); n != 0 {
		t.Errorf("%d files are left", n)
	}
	bulkCall(t, d, "PATCH /"+cancelled, `{"state":"Aborted"}`, 200)
	bulkCall(t, d, "PATCH /"+failed, `{"state":"Aborted"}`, 409)
	// Nor do they count among those that are not at their end.
	for range 100 {
		q.state[closed()] = schedule.Status{State: schedule.Cancelled}
	}
	closed()
	if n := files(); n != 1 {
		t.Errorf("%d files are left", n)
	}
}

// Of jobs that are at their end the last thousand are kept.
func TestBulk_KeepsAThousandThatEnded(t *testing.T) {
	t.Parallel()
	conf, _ := bulkDoor(t)
	for i := range 1_002 {
		id := fmt.Sprintf("11111111-1111-4111-8111-%012d", i)
		at := dialecttest.At(now).Add(time.Duration(i-2000) * time.Second)
		text := fmt.Sprintf(`{"id":%q,"operation":"upsert","object":"Orders","source":"crm","created_at":%q,"modified_at":%q,"closed":true,"end":"JobComplete"}`, id, at, at)
		if err := os.WriteFile(filepath.Join(conf.Folder, id+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := evergage.New(conf)
	for range 2 {
		bulkCall(t, d, "POST ", bulkOrders, 201)
	}
	left, err := os.ReadDir(conf.Folder)
	if err != nil || len(left) != 1_002 {
		t.Errorf("%d are left: %v", len(left), err)
	}
	for i, want := range map[int]int{0: 404, 1: 404, 2: 200, 1_001: 200} {
		bulkCall(t, d, fmt.Sprintf("GET /11111111-1111-4111-8111-%012d", i), "", want)
	}
}

// FuzzBulkRow makes JSON of any CSV: each row has the members of the header, and
// the door can read it.
func FuzzBulkRow(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a,a\n-,1.5\n\"x\n", "\n", "a,\"b\n\"\n,\x00\n", "e,email\n\xff,1\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows, columns, _ := written(text)
		for _, row := range rows {
			if _, err := jsondoc.Parse([]byte(row), jsondoc.Limits{Keys: 1 << 20}); err != nil {
				t.Fatalf("%q became %s: %v", text, row, err)
			}
			var members map[string]any
			if err := json.Unmarshal([]byte(row), &members); err != nil || len(members) != columns {
				t.Fatalf("%q became %s, %d columns: %v", text, row, columns, err)
			}
		}
	})
}
