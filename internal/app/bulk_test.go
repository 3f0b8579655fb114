package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rapport/internal/app"
)

// bulkAPI asks the bulk ingestion of an instance.
type bulkAPI struct {
	*testing.T
	*app.App
}

func (b bulkAPI) ask(method, path, body string, want int, key ...string) map[string]any {
	b.Helper()
	if key == nil {
		key = bearer()
	}
	status, _, text := call(b.T, method, b.URL()+"/api/v1/ingest/jobs"+path, body, key...)
	if status != want {
		b.Fatalf("%s %s: %d, want %d: %s", method, path, status, want, text)
	}
	out := map[string]any{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			b.Fatalf("%s %s: %v: %s", method, path, err, text)
		}
	}
	if status >= 400 && (out["error"] == "" || out["message"] == "") {
		b.Errorf("%s %s: no error as documented: %s", method, path, text)
	}
	return out
}

func (b bulkAPI) has(got map[string]any, want string) {
	b.Helper()
	guestAPI{b.T, b.App}.has(got, want)
}

// made makes a job and gives its path.
func (b bulkAPI) made(object, operation string) string {
	b.Helper()
	return "/" + b.ask("POST", "", fmt.Sprintf(`{"object":%q,"sourceName":%q,"operation":%q}`, object, writeKey, operation), 201)["id"].(string)
}

func (b bulkAPI) ended(job string) map[string]any {
	b.Helper()
	var got map[string]any
	waitFor(b.T, func() bool {
		got = b.ask("GET", job, "", 200)
		return got["state"] != "UploadComplete" && got["state"] != "InProgress"
	})
	return got
}

// done fills a job, closes it and waits for its end.
func (b bulkAPI) done(object, operation string, files ...string) map[string]any {
	b.Helper()
	job := b.made(object, operation)
	for _, f := range files {
		b.ask("PUT", job+"/batches", f, 202)
	}
	b.ask("PATCH", job, `{"state":"UploadComplete"}`, 200)
	return b.ended(job)
}

// flaws are the errors of a job, each in one line.
func flaws(job map[string]any) string {
	var out []string
	for _, f := range job["errors"].([]any) {
		m := f.(map[string]any)
		line, _ := m["line"].(float64)
		out = append(out, fmt.Sprintf("%v:%v %v", m["file"], line, m["code"]))
	}
	return strings.Join(out, ", ")
}

func TestBulk_TakesGoodRowsAndReportsWrongOnes(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	b := bulkAPI{t, open(t, c)}
	people := "customerId,email,first_name,visits,zip,vip,city\r\n" +
		"C1,ann@x.example,\"Ann, the first\",12,01010,true,Graz\r\n" +
		",,Nobody,1,,,\r\n" + // names nobody
		"C2,ben@x.example,Ben\r\n" + // too few cells
		"C1,ann@x.example,Ann,13,01010,true,\r\n" + // of two rows on one person the later counts; empty is null
		"C3,\"cid@x.example,Cid,1,,,\r\n" + // a quote that does not end
		"4711,dan@x.example,Dan,-1.50,1e5,maybe,Wien"
	job := b.made("Contacts", "upsert")
	b.has(b.ask("GET", job, "", 200), `{"operation":"upsert","object":"Contacts","sourceName":"`+writeKey+`","state":"Open","contentType":"CSV","apiVersion":"v1","retries":0,
		"contentUrl":"api/v1/ingest/jobs`+job+`/batches"}`)
	b.ask("PUT", job+"/batches", people, 202)
	b.ask("PUT", job+"/batches", people, 202) // the answer got lost
	b.ask("PUT", job+"/batches", "\n\n", 202)
	b.has(b.ask("PATCH", job, `{"state":"UploadComplete"}`, 200), `{"id":"`+job[1:]+`","object":"Contacts"}`)
	got := b.ended(job)
	b.has(got, `{"state":"JobComplete","numberFiles":2,"numberRecordsProcessed":6,"numberRecordsFailed":3,"errorMessage":null}`)
	if got := flaws(got); got != "1:3 missing_identifier, 1:4 ragged_row, 1:6 unclosed_quote, 2:0 empty_file" {
		t.Errorf("errors %s", got)
	}
	if text := fmt.Sprint(got["errors"]); strings.Contains(text, "example") || strings.Contains(text, "Nobody") {
		t.Errorf("the errors say what people gave: %s", text)
	}
	for who, want := range map[string]string{
		"user_id:C1":   `{"first_name":"Ann","visits":13,"zip":"01010","vip":true,"city":null,"email":"ann@x.example"}`,
		"user_id:4711": `{"first_name":"Dan","visits":-1.5,"zip":"1e5","vip":"maybe","city":"Wien","customerId":"4711"}`,
	} {
		v, _ := asker{t, b.App}.api("GET", "/profiles/"+who, "", 200)
		b.has(v["traits"].(map[string]any), want)
	}
	letters, _ := asker{t, b.App}.api("GET", "/dead-letters", "", 200)
	if items := letters["items"].([]any); len(items) != 1 || items[0].(map[string]any)["reason"] != "missing_identifier" {
		t.Errorf("dead letters %v", items)
	}
	if got := sums(t, b.App); got["stored"] != 3 || got["dead_lettered"] != 1 || got["rejected"] != 2 {
		t.Errorf("the sums are %v", got)
	}
	waitFor(t, func() bool { // a job says that it is at its end before it deletes what it was made of
		left, err := filepath.Glob(filepath.Join(c.Path("bulk-jobs"), "*"))
		return err == nil && len(left) == 1 && strings.HasSuffix(left[0], ".json")
	})

	// Rows of another object are events of its name, each stored once however often it is sent.
	orders := "event_id,customer_id,amount,created_at\no1,C1,12.5,2026-01-05T10:00:00.000Z\no2,C1,0.5,soon\no1,C1,12.5,2026-01-05T10:00:00.000Z\n"
	b.has(b.done("Orders", "upsert", orders), `{"state":"JobComplete","numberRecordsProcessed":3,"numberRecordsFailed":1}`)
	b.has(b.done("Orders", "upsert", orders), `{"state":"JobComplete","numberRecordsProcessed":3,"numberRecordsFailed":1}`)
	if got := sums(t, b.App); got["stored"] != 4 || got["deduplicated"] != 3 || got["dead_lettered"] != 3 {
		t.Errorf("the sums are %v", got)
	}
	timeline, _ := asker{t, b.App}.api("GET", "/profiles/user_id:C1/timeline", "", 200)
	if text := fmt.Sprint(timeline["items"]); !strings.Contains(text, "amount:12.5") || !strings.Contains(text, "2026-01-05T10:00:00") {
		t.Errorf("timeline %s", text)
	}
	if list := b.ask("GET", "?states=JobComplete,Failed&limit=2", "", 200)["data"].([]any); len(list) != 2 || list[0].(map[string]any)["object"] != "Orders" {
		t.Errorf("jobs %v", list)
	}
	if list := b.ask("GET", "/?offset=2&orderBy=createdDate", "", 200)["data"].([]any); len(list) != 1 || list[0].(map[string]any)["object"] != "Contacts" {
		t.Errorf("jobs %v", list)
	}
	b.ask("DELETE", job, "", 204)
	b.ask("GET", job, "", 404)

	// Files of which none can be read.
	failed := b.done("Contacts", "upsert", "\n", "PAR1 is no table")
	b.has(failed, `{"state":"Failed","numberRecordsProcessed":0}`)
	if failed["errorMessage"] == nil || len(failed["errors"].([]any)) != 2 {
		t.Errorf("failed: %v", failed)
	}
}

func TestBulk_RefusesAsDocumented(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	b := bulkAPI{t, open(t, c)}
	open, aborted := b.made("Orders", "upsert"), b.made("Orders", "upsert")
	b.ask("PUT", aborted+"/batches", "customer_id\nC1\n", 202)
	b.has(b.ask("PATCH", aborted, `{"state":"Aborted"}`, 200), `{"state":"Aborted","numberRecordsProcessed":0}`)
	b.ask("PATCH", aborted, `{"state":"Aborted"}`, 200)
	if left, _ := filepath.Glob(filepath.Join(c.Path("bulk-jobs"), "*.csv")); len(left) > 0 {
		t.Errorf("files of an aborted job: %v", left)
	}
	for _, x := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"POST", "", `{`, 400, "invalid_json"},
		{"POST", "", `{}`, 400, "invalid_object"},
		{"POST", "", `{"object":"Orders"}`, 400, "missing_source_name"},
		{"POST", "", `{"object":"Orders","sourceName":"` + writeKey + `"}`, 400, "invalid_operation"},
		{"POST", "", `{"object":"Orders","sourceName":"` + writeKey + `","operation":"insert"}`, 400, "invalid_operation"},
		{"POST", "", `{"object":"Orders","sourceName":"` + writeKey + `","operation":"delete"}`, 400, "invalid_operation"},
		{"POST", "", `{"object":"Orders","sourceName":"nobody","operation":"upsert"}`, 404, "unknown_dataset"},
		{"GET", "/nothing", "", 404, "unknown_job"},
		{"GET", "/..%2f..%2finstance", "", 404, "unknown_job"},
		{"GET", "/11111111-1111-4111-8111-111111111111", "", 404, "unknown_job"},
		{"PUT", "/11111111-1111-4111-8111-111111111111/batches", "a\n", 404, "unknown_job"},
		{"GET", open + "/batches", "", 405, "method_not_allowed"},
		{"POST", open, "", 405, "method_not_allowed"},
		{"PUT", open + "/batches", "", 400, "empty_body"},
		{"PATCH", open, `{"state":"JobComplete"}`, 400, "invalid_state"},
		{"PATCH", open, `{"state":"UploadComplete"}`, 400, "missing_data"},
		{"DELETE", open, "", 409, "job_not_ended"},
		{"PUT", aborted + "/batches", "customer_id\nC1\n", 409, "job_closed"},
		{"PATCH", aborted, `{"state":"UploadComplete"}`, 409, "job_aborted"},
		{"DELETE", aborted, "", 204, ""},
		{"GET", "?limit=101", "", 400, "invalid_query"},
		{"GET", "?offset=-1", "", 400, "invalid_query"},
		{"GET", "?orderBy=object", "", 400, "invalid_query"},
	} {
		if got := b.ask(x.method, x.path, x.body, x.status); x.code != "" && got["error"] != x.code {
			t.Errorf("%s %s %s: %v", x.method, x.path, x.body, got)
		}
	}
	for _, key := range [][]string{{"X", "y"}, {"Authorization", "Bearer " + writeKey}} {
		b.ask("GET", "", "", 401, key...)
		b.ask("PUT", open+"/batches", "customer_id\nC1\n", 401, key...)
	}
	reads := keyed(t, b.App, `"read"`)
	b.ask("GET", "", "", 403, reads...)
	if done := b.done("Orders", "upsert", "customer_id\nC1\n"); done["state"] != "JobComplete" {
		t.Errorf("%v", done)
	} else {
		b.ask("PATCH", "/"+done["id"].(string), `{"state":"Aborted"}`, 409)
		b.ask("PATCH", "/"+done["id"].(string), `{"state":"UploadComplete"}`, 200)
		b.ask("PUT", "/"+done["id"].(string)+"/batches", "customer_id\nC2\n", 409)
	}
}

func TestBulk_DeletesPeopleForWhomeverMayDeleteThem(t *testing.T) {
	t.Parallel()
	b := bulkAPI{t, open(t, settings(t, t.TempDir()))}
	batch(t, b.App, `{"type":"identify","userId":"jane","messageId":"m1","traits":{"email":"jane@x.example"}}`,
		`{"type":"identify","userId":"max","messageId":"m2"}`, `{"type":"identify","userId":"eve","messageId":"m3"}`)
	writes := keyed(t, b.App, `"write"`)
	const body = `{"object":"Contacts","sourceName":"` + writeKey + `","operation":"delete"}`
	b.ask("POST", "", body, 403, writes...)
	job := b.made("Contacts", "delete")
	b.ask("PUT", job+"/batches", "eve\n", 403, writes...)
	b.ask("PATCH", job, `{"state":"UploadComplete"}`, 403, writes...)
	// There is no header: the first row is a key.
	b.ask("PUT", job+"/batches", "jane@x.example,2026-03-01T12:00:00.000Z\n\"jane\"\nmax\n,x\nnobody\nmax,2,3\n", 202)
	b.ask("PATCH", job, `{"state":"UploadComplete"}`, 200)
	got := b.ended(job)
	b.has(got, `{"state":"JobComplete","numberRecordsProcessed":6,"numberRecordsFailed":3,"numberPeopleErased":2}`)
	codes := strings.Split(flaws(got), ", ")
	slices.Sort(codes)
	if want := "1:4 missing_identifier, 1:5 unknown_user, 1:6 ragged_row"; strings.Join(codes, ", ") != want || len(got["privacyRequests"].([]any)) != 1 {
		t.Errorf("%v, want %s: %v", codes, want, got)
	}
	for who, want := range map[string]bool{"jane": false, "max": false, "eve": true} {
		waitFor(t, func() bool {
			status, _, _ := call(t, "GET", b.URL()+"/api/v1/profiles/user_id:"+who, "", bearer()...)
			return status == 200 == want
		})
	}
}

func TestBulk_GoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	b := bulkAPI{t, open(t, c)}
	const count, wrong = 9_000, 90
	var files [2]strings.Builder
	for i := range files {
		files[i].WriteString("customer_id,amount\n")
	}
	for i := range count {
		who := fmt.Sprint("C", i%50)
		if i%100 == 7 {
			who = "" // names nobody
		}
		fmt.Fprintf(&files[i*2/count], "%s,%d\n", who, i)
	}
	job := b.made("Orders", "upsert")
	for i := range files {
		b.ask("PUT", job+"/batches", files[i].String(), 202)
	}
	b.ask("PATCH", job, `{"state":"UploadComplete"}`, 200)
	waitFor(t, func() bool { return sums(t, b.App)["stored"] > 0 })
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(c.Path("bulk-jobs")); err != nil || len(left) != 3 {
		t.Fatalf("the job was at its end before the restart: %v %v", left, err)
	}
	b.App = open(t, c)
	b.has(b.ended(job), fmt.Sprintf(`{"state":"JobComplete","numberRecordsProcessed":%d,"numberRecordsFailed":%d}`, count, wrong))
	if got := sums(t, b.App); got["stored"] != count-wrong || got["dead_lettered"] != wrong || got["deduplicated"] != 0 {
		t.Errorf("the sums are %v", got)
	}
}

// A job is one of the instance itself: what its rows are is not held against the
// limits of the source, however much it is.
func TestBulk_IsNotHeldAgainstLimits(t *testing.T) {
	t.Parallel()
	b := bulkAPI{t, open(t, settings(t, t.TempDir()))}
	api(t, b.App, "PUT", "/sources/default", `{"name":"Site","kind":"web","limits":{"per_day":2}}`, 200)
	b.has(b.done("Orders", "upsert", "customer_id\nC1\nC2\n\"\"\nC3\n"), `{"state":"JobComplete","numberRecordsProcessed":4,"numberRecordsFailed":1}`)
	for i, want := range []int{200, 200, 429} {
		status, _, text := call(t, "POST", b.URL()+"/v1/track", fmt.Sprintf(`{"writeKey":%q,"userId":"ann","event":"A","messageId":"m%d"}`, writeKey, i))
		if status != want {
			t.Errorf("event %d: %d, want %d: %s", i, status, want, text)
		}
	}
}
