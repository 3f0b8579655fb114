package app_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"rapport/internal/app"
)

// updateBad writes down what the doors answer: what changes is to be read.
var updateBad = flag.Bool("update-bad", false, "write testdata/bad_input.txt anew")

// wireDoor is how an event comes through one door.
type wireDoor struct {
	name, path string
	kind       string // content type
	event      string // that is right; ID is its person, AT its time
	status     int    // of success
	wrap       func(event []byte) []byte
	get        bool // the event is a parameter of the address
	header     []string
}

func wireDoors() []wireDoor {
	form := func(b []byte) []byte { return []byte("event=" + url.QueryEscape(string(b))) }
	packed := func(b []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(b)) }
	b64 := func(b []byte) []byte { return form(packed(b)) }
	const (
		sitecore  = `{"type":"SEEN","browser_id":"ID","channel":"WEB","pos":"main","requested_at":"AT"}`
		evergage  = `{"action":"Seen","user":{"anonId":"ID"},"source":{"channel":"Web","time":"AT"}}`
		dataCloud = `{"eventType":"userEngagement","interactionName":"seen","eventId":"ID","deviceId":"ID","dateTime":"AT"}`
		segment   = `{"type":"track","event":"Seen","anonymousId":"ID","timestamp":"AT"}`
	)
	in := func(name string) func([]byte) []byte {
		return func(b []byte) []byte { return fmt.Appendf(nil, `{%q:[%s]}`, name, b) }
	}
	secret := []string{"Authorization", "Bearer " + secretKey}
	basic := []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(writeKey+":"))}
	return []wireDoor{
		{name: "segment track", path: "/v1/track", kind: "application/json", event: segment, status: 200, header: basic},
		{name: "segment batch", path: "/v1/batch", kind: "application/json", event: segment, status: 200, wrap: in("batch"), header: basic},
		{name: "sitecore edge", path: "/v1/events/v1.2/events?sitecoreContextId=" + writeKey, kind: "application/json", event: sitecore, status: 201},
		{name: "sitecore direct", path: "/v1.2/events?client_key=" + writeKey, kind: "application/json", event: sitecore, status: 201},
		{name: "sitecore script", path: "/v1.2/event/create.json?client_key=" + writeKey + "&message=", event: sitecore, status: 201, get: true},
		{name: "evergage json", path: "/api2/event/" + writeKey, kind: "application/json", event: evergage, status: 200},
		{name: "evergage form", path: "/api2/event/" + writeKey, kind: "application/x-www-form-urlencoded", event: evergage, status: 200, wrap: form},
		{name: "evergage base64", path: "/api2/event/" + writeKey, kind: "application/x-www-form-urlencoded", event: evergage, status: 200, wrap: b64},
		{name: "evergage get", path: "/api2/event/" + writeKey + "?event=", event: evergage, status: 200, get: true, wrap: packed},
		{name: "data cloud web", path: "/web/events/" + writeKey, kind: "application/json", event: dataCloud, status: 200, wrap: in("events")},
		{name: "data cloud rows", path: "/api/v1/ingest/sources/" + writeKey + "/Visits", kind: "application/json", event: `{"event_id":"ID","customer_id":"ID","created_at":"AT"}`, status: 202, wrap: in("data"), header: secret},
	}
}

// badKinds are the kinds of bad input: what becomes of an event that is right.
// whole of them spoil the request and not the event.
var badKinds = []struct {
	name   string
	event  func(good string) string
	whole  func(body []byte) []byte
	header []string
}{
	{name: "broken JSON", event: func(string) string { return `{"type":` }},
	{name: "half an event", event: func(good string) string { return good[:len(good)/2] }},
	{name: "nothing", whole: func([]byte) []byte { return nil }},
	{name: "null", event: func(string) string { return `null` }},
	{name: "a number", event: func(string) string { return `7` }},
	{name: "a list", event: func(string) string { return `[[1]]` }},
	{name: "nobody", event: func(good string) string { return strings.ReplaceAll(good, `"ID"`, `""`) }},
	{name: "person of another type", event: func(good string) string { return strings.ReplaceAll(good, `"ID"`, `{"a":true}`) }},
	{name: "deep nesting", event: with(`"x":` + strings.Repeat(`[`, 60) + strings.Repeat(`]`, 60))},
	{name: "very deep nesting", event: with(`"x":` + strings.Repeat(`[`, 4_000) + strings.Repeat(`]`, 4_000))},
	{name: "huge number", event: with(`"x":1e999999`)},
	{name: "endless number", event: with(`"x":` + strings.Repeat("9", 5_000))},
	{name: "invalid UTF-8", event: with("\"x\":\"\xff\xfe\"")},
	{name: "NUL escape", event: with(`"x":"a\u0000b"`)},
	{name: "NUL byte", event: with("\"x\":\"a\x00b\"")},
	{name: "lone surrogate", event: with(`"x":"\ud800"`)},
	{name: "duplicate key", event: with(`"x":1,"x":2`)},
	{name: "very long text", event: with(`"x":"` + strings.Repeat("x", 300<<10) + `"`)},
	{name: "no time", event: at("soon")},
	{name: "time of another type", event: func(good string) string { return strings.ReplaceAll(good, `"AT"`, `{}`) }},
	{name: "ancient time", event: at("0044-03-15T00:00:00Z")},
	{name: "time far ahead", event: at("9999-12-31T23:59:59Z")},
	{name: "packed mark at the start", whole: func(body []byte) []byte { return gzipped(append([]byte("\xef\xbb\xbf"), body...)) }, header: []string{"Content-Encoding", "gzip"}},
	{name: "mark at the start", whole: func(body []byte) []byte { return append([]byte("\xef\xbb\xbf"), body...) }},
	{name: "UTF-16", whole: func(body []byte) []byte {
		var out []byte
		for _, u := range utf16.Encode([]rune("\ufeff" + string(body))) {
			out = append(out, byte(u), byte(u>>8))
		}
		return out
	}},
	{name: "gzip that is none", header: []string{"Content-Encoding", "gzip"}},
	{name: "half a gzip", whole: func(body []byte) []byte { z := gzipped(body); return z[:len(z)-9] }, header: []string{"Content-Encoding", "gzip"}},
	{name: "gzip bomb", whole: func([]byte) []byte { return bomb() }, header: []string{"Content-Encoding", "gzip"}},
	{name: "unknown encoding", header: []string{"Content-Encoding", "br"}},
}

// with puts members behind those of an event.
func with(members string) func(string) string {
	return func(good string) string { return good[:len(good)-1] + "," + members + "}" }
}

func at(text string) func(string) string {
	return func(good string) string { return strings.ReplaceAll(good, "AT", text) }
}

// bomb is small and unpacks to more than any door reads.
var bomb = sync.OnceValue(func() []byte { return gzipped(bytes.Repeat([]byte(" "), 40<<20)) })

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // into memory
	_ = z.Close()
	return out.Bytes()
}

// send brings an event through a door, and gives status and body of the answer.
func (d *wireDoor) send(t *testing.T, a *app.App, event string, whole func([]byte) []byte, header ...string) (int, string) {
	t.Helper()
	body := []byte(event)
	if d.wrap != nil {
		body = d.wrap(body)
	}
	if whole != nil {
		body = whole(body)
	}
	method, address := http.MethodPost, a.URL()+d.path
	if d.get {
		method, address, body = http.MethodGet, address+url.QueryEscape(string(body)), nil
	}
	mark := "?"
	if strings.Contains(address, "?") {
		mark = "&"
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address+mark+"wait=applied", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", d.kind)
	for _, h := range [][]string{d.header, header} {
		if len(h) > 0 {
			r.Header.Set(h[0], h[1])
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// TestBadInput_IsAnsweredCountedAndHarmsNothingElse walks through every door for
// events with every kind of bad input. testdata/bad_input.txt says for each the
// answer and the column it is counted in; an event that is right follows each
// time, and is kept.
func TestBadInput_IsAnsweredCountedAndHarmsNothingElse(t *testing.T) {
	t.Parallel()
	said := ledgerOf(t, "testdata/bad_input.txt")
	a := open(t, settings(t, t.TempDir()))
	now := time.Now().UTC().Format(time.RFC3339)
	n, before := 0, sums(t, a)
	for _, d := range wireDoors() {
		for _, k := range badKinds {
			if d.get && k.header != nil {
				continue // there is no body
			}
			n++
			event := d.event
			if k.event != nil {
				event = k.event(event)
			}
			event = strings.NewReplacer("ID", fmt.Sprintf("bad-%d", n), "AT", now).Replace(event)
			status, text := d.send(t, a, event, k.whole, k.header...)
			after := sums(t, a)
			key := d.name + ", " + k.name
			said.hold(t, key, fmt.Sprintf("%d %s; %s", status, codeOf(text), moved(before, after)), text)
			who := fmt.Sprintf("good-%d", n)
			good := strings.NewReplacer("ID", who, "AT", now).Replace(d.event)
			if status, text := d.send(t, a, good, nil); status != d.status {
				t.Errorf("%s: an event that is right is answered %d %s afterwards", key, status, text)
			}
			if before = sums(t, a); before["stored"] != after["stored"]+1 {
				t.Errorf("%s: an event that is right moves %s", key, moved(after, before))
			}
		}
	}
}

// saidLedger is a file of what is said to each kind of bad input.
type saidLedger struct {
	file string
	want map[string]string
	now  strings.Builder
}

func ledgerOf(t *testing.T, file string) *saidLedger {
	t.Helper()
	l := &saidLedger{file: file, want: map[string]string{}}
	l.now.WriteString("What is said to each kind of bad input, and what becomes of it.\ngo test ./internal/app -run BadInput -update-bad writes it anew: read what changes.\n\n")
	text, err := os.ReadFile(file)
	if err != nil && !*updateBad {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if key, says, ok := strings.Cut(lines.Text(), " -> "); ok {
			l.want[key] = says
		}
	}
	t.Cleanup(func() {
		if *updateBad {
			if err := os.WriteFile(file, []byte(l.now.String()), 0o600); err != nil {
				t.Error(err)
			}
		} else if len(l.want) > 0 {
			t.Errorf("%s speaks of what nobody sends: %v", file, l.want)
		}
	})
	return l
}

// hold compares what is said with the file.
func (l *saidLedger) hold(t *testing.T, key, says, text string) {
	t.Helper()
	fmt.Fprintf(&l.now, "%s -> %s\n", key, says)
	if !*updateBad && l.want[key] != says {
		t.Errorf("%s: %s, want %s\n%.300s", key, says, l.want[key], text)
	}
	delete(l.want, key)
}

// codeOf is the code of an answer, in the words of any dialect; - where it has
// none. A code without a message is no answer.
func codeOf(text string) string {
	var said struct {
		Code, Error any
		Message     string
		Detail      string
		ErrorMsg    string `json:"error_msg"`
		MoreInfo    any    `json:"moreInfo"`
	}
	if json.Unmarshal([]byte(text), &said) != nil {
		return "-"
	}
	code := "-"
	for _, c := range []any{said.Code, said.Error, said.MoreInfo} {
		if s, ok := c.(string); ok && code == "-" {
			code = s
		}
	}
	if code != "-" && len(said.Message)+len(said.ErrorMsg)+len(said.Detail) < 10 {
		code += " without a message"
	}
	return code
}

// moved says which columns have grown.
func moved(before, after map[string]float64) string {
	out := ""
	for _, column := range []string{"received", "stored", "deduplicated", "dead_lettered", "rejected"} {
		if by := after[column] - before[column]; by != 0 && column != "received" {
			out += fmt.Sprintf("%s %v ", column, by)
		}
	}
	if out == "" {
		return "not received"
	}
	return strings.TrimSpace(out)
}

// badTables are tables with something wrong in them, between two people who are
// right; ONE and TWO are theirs.
func badTables() []struct{ name, file string } {
	const head = "userId,attribute:points,attribute:note\n"
	rows := func(bad string) string { return head + "ONE,1,a\n" + bad + "TWO,2,b\n" }
	wide := ""
	for _, u := range utf16.Encode([]rune("\ufeff" + rows(""))) {
		wide += string([]byte{byte(u), byte(u >> 8)})
	}
	return []struct{ name, file string }{
		{"user-mark.csv", "\xef\xbb\xbf" + rows("")},
		{"user-utf16.csv", wide},
		{"user-latin1.csv", rows("x,3,M\xfcller\n")},
		{"user-quotes.csv", rows("x,3,\"open\n")},
		{"user-behind-quote.csv", rows("x,3,\"a\"b\n")},
		{"user-ragged.csv", rows("x,3\nx,3,c,d\n")},
		{"user-twice.csv", "userId,attribute:points,attribute:points\nONE,1,3\nTWO,2,4\n"},
		{"user-long.csv", rows("x,3," + strings.Repeat("y", 2<<20) + "\n")},
		{"user-nul.csv", rows("x,3,a\x00b\n")},
		{"user-half.csv", rows("") + "x,3"},
		{"user-nobody.csv", rows(",3,c\n")},
		{"user-number.csv", rows("x,1e999999,c\n")},
		{"user-returns.csv", strings.ReplaceAll(rows(""), "\n", "\r")},
		{"user-windows.csv", strings.ReplaceAll(rows("x,3,c\n"), "\n", "\r\n")},
		{"user-nothing.csv", ""},
		{"user-head.csv", head},
		{"user-page.csv", "<!doctype html><p>Not found</p>"},
		{"email-campaign-time.csv", "userId,campaignId,action,sendDate\nONE,c,open,2024-01-02\nx,c,open,0044-03-15\nx,c,open,9999-12-31\nTWO,c,open,2024-01-02\n"},
		{"user-broken.jsonl", `{"userId":"ONE","attribute:points":1}` + "\n{\"userId\":\n[1]\n7\n" + `{"userId":"TWO","attribute:points":2}` + "\n"},
		{"user-flaws.jsonl", `{"userId":"ONE","attribute:points":1}` + "\n" + `{"userId":"x","userId":"y"}` + "\n" + `{"userId":"x","attribute:n":1e999999}` + "\n" +
			`{"userId":"x","attribute:n":"\u0000"}` + "\n{\"userId\":\"\xff\"}\n" + `{"userId":"x","attribute:n":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + "}\n" +
			`{"userId":{}}` + "\n" + `{"userId":"TWO","attribute:points":2}` + "\n" + `{"userId":"x`},
		{"user-list.jsonl", `[{"userId":"ONE"}]`},
		{"user-half.csv.gz", func() string { z := gzipped([]byte(rows(""))); return string(z[:len(z)-6]) }()},
		{"user-none.csv.gz", "\x1f\x8b\x08 this is no gzip"},
		{"user-twice.csv.gz", string(gzipped(gzipped([]byte(rows("")))))},
		{"user-path.zip", string(archive(map[string]string{"../../etc/user.csv": rows(""), "user.csv": rows("")}))},
		{"user-two.zip", string(archive(map[string]string{"a.csv": rows(""), "b.csv": rows("")}))},
		{"user-half.zip", string(archive(map[string]string{"user.csv": rows("")})[:70])},
		{"user-none.xlsx", "PK\x03\x04 this is no spreadsheet"},
		{"user-none.parquet", "PAR1 this is no table PAR1"},
		{"user-none.csv.zst", "\x28\xb5\x2f\xfd this is no zstd"},
	}
}

func archive(files map[string]string) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if w, err := z.Create(name); err == nil {
			_, _ = io.WriteString(w, files[name]) // into memory
		}
	}
	_ = z.Close()
	return out.Bytes()
}

// TestBadInput_OfTablesIsNamedAndHarmsNoOtherRow walks through the formats of
// imports with every kind of bad input. testdata/bad_tables.txt says for each what
// becomes of it and what its report names; whoever is right in it is known
// afterwards, and each line of a report says how to mend it.
func TestBadInput_OfTablesIsNamedAndHarmsNoOtherRow(t *testing.T) {
	t.Parallel()
	said := ledgerOf(t, "testdata/bad_tables.txt")
	a := open(t, settings(t, t.TempDir()))
	for i, c := range badTables() {
		one, two := fmt.Sprintf("one%02d", i), fmt.Sprintf("two%02d", i)
		file := strings.NewReplacer("ONE", one, "TWO", two).Replace(c.file)
		if strings.HasSuffix(c.name, ".gz") || strings.HasSuffix(c.name, ".zip") || c.name == "user-utf16.csv" {
			file, one, two = c.file, "ONE", "TWO"
		}
		status, _, text := call(t, "POST", a.URL()+"/api/v1/imports?name="+c.name, file, bearer()...)
		if status != 202 {
			said.hold(t, c.name, fmt.Sprintf("%d %s", status, codeOf(text)), text)
			continue
		}
		got, report := ended(t, a, text)
		rows, err := csv.NewReader(strings.NewReader(report)).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		codes := ""
		for _, row := range rows[1:] {
			if row[4] == "" || row[5] == "" {
				t.Errorf("%s: the report does not say what is wrong or how to mend it: %q", c.name, row)
			}
			codes += " " + row[0] + ":" + row[3]
		}
		known := ""
		for _, who := range []string{one, two} {
			if status, _, _ := call(t, "GET", a.URL()+"/api/v1/profiles/user_id:"+who, "", bearer()...); status == 200 {
				known += "+"
			}
		}
		said.hold(t, c.name, fmt.Sprintf("%s; report%s; known %s", got, codes, known), report)
		sums(t, a)
	}
}
