package segment_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/segment"
)

func batch(events ...string) string { return `{"batch":[` + strings.Join(events, ",") + `]}` }

// with puts members in front of those of an event that is right.
func with(members string) string { return strings.Replace(visit, "{", "{"+members+",", 1) }

// without is an event that is right with one member gone.
func without(member string) string { return strings.Replace(visit, member+",", "", 1) }

func TestBatch_KeepsTheOthersOfABadEvent(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	var wide strings.Builder
	for i := range 1_001 {
		fmt.Fprintf(&wide, `,"k%d":1`, i)
	}
	for reason, events := range map[string][]string{
		"invalid_event":       {`5`, `"track"`, `null`, `[]`, `true`},
		"missing_type":        {without(`"type":"track"`), `{"type":null,"event":"x","userId":"u"}`},
		"invalid_type":        {strings.Replace(visit, `"track"`, `7`, 1)},
		"unknown_type":        {strings.Replace(visit, `"track"`, `"dance"`, 1), strings.Replace(visit, `"track"`, `""`, 1), strings.Replace(visit, `"track"`, `"Track"`, 1)},
		"missing_event_name":  {without(`"event":"Seen"`), strings.Replace(visit, `"Seen"`, `""`, 1)},
		"invalid_event_name":  {strings.Replace(visit, `"Seen"`, `{}`, 1), strings.Replace(visit, "Seen", strings.Repeat("x", 1_001), 1)},
		"missing_identifier":  {without(`"anonymousId":"a1"`), strings.Replace(visit, `"a1"`, `"anonymous"`, 1), strings.Replace(visit, `"a1"`, `"0000-0000"`, 1), strings.Replace(visit, `a1`, strings.Repeat("x", 600), 1)},
		"invalid_user_id":     {with(`"userId":{}`), with(`"userId":true`), with(`"userId":["u"]`)},
		"invalid_message_id":  {strings.Replace(visit, "m1", strings.Repeat("ä", 101), 1), strings.Replace(visit, `"m1"`, `{}`, 1)},
		"invalid_properties":  {with(`"properties":[]`), with(`"properties":"x"`)},
		"invalid_context":     {with(`"context":1`)},
		"invalid_traits":      {with(`"traits":"x"`)},
		"invalid_timestamp":   {strings.Replace(visit, "2026-03-01T11:59:59Z", "yesterday", 1), strings.Replace(visit, `"2026-03-01T11:59:59Z"`, "true", 1), with(`"originalTimestamp":"2026-02-30"`)},
		"too_deep":            {with(`"properties":` + deep)},
		"too_many_keys":       {with(`"properties":{` + wide.String()[1:] + `}`)},
		"number_out_of_range": {with(`"properties":{"n":1e999}`), with(`"properties":{"n":-` + strings.Repeat("9", 400) + `}`)},
		"invalid_utf8":        {with("\"properties\":{\"n\":\"\xff\"}"), with("\"\xc3\":1")},
		"nul_character":       {with(`"properties":{"n":"a\u0000"}`), with("\"properties\":{\"n\":\"\x00\"}")},
		"lone_surrogate":      {with(`"properties":{"n":"\udc00"}`)},
		"control_character":   {with("\"properties\":{\"n\":\"\n\"}")},
		"duplicate_key":       {with(`"event":"Other"`)},
		"event_too_large":     {with(`"properties":{"n":"` + strings.Repeat("x", segment.MaxEvent) + `"}`)},
		"missing_group_id":    {`{"type":"group","userId":"u"}`},
		"invalid_group_id":    {`{"type":"group","userId":"u","groupId":"` + strings.Repeat("g", 501) + `"}`, `{"type":"group","userId":"u","groupId":[]}`},
		"missing_previous_id": {`{"type":"alias","userId":"u"}`},
		"invalid_previous_id": {`{"type":"alias","userId":"u","previousId":{}}`},
	} {
		for _, bad := range events {
			l := &dialecttest.Ledger{Dialect: segment.Dialect}
			w := send(segment.New(config(l)), call{path: "/v1/batch", body: batch(visit, bad, visit), header: auth("wk")})
			if w.Code != 200 || w.Body.String() != ok || l.Sums() != "2, dead "+reason {
				t.Errorf("%.80s: %d %s, took %s, want %s", bad, w.Code, w.Body, l.Sums(), reason)
				continue
			}
			if got := string(l.Subs[0].Dead[0].Body); got != bad {
				t.Errorf("kept %.80q of %.80q", got, bad)
			}
			if bad == "null" || bad[0] != '{' || reason == "missing_type" || reason == "invalid_type" || reason == "unknown_type" || !strings.Contains(bad, `"track"`) {
				continue
			}
			l = &dialecttest.Ledger{Dialect: segment.Dialect}
			w = send(segment.New(config(l)), call{path: "/v1/track", body: bad, header: auth("wk")})
			if w.Code != 400 || !strings.Contains(w.Body.String(), `"code":"`+reason+`"`) || l.Sums() != "0, dead "+reason {
				t.Errorf("alone %.80s: %d %s, took %s", bad, w.Code, w.Body, l.Sums())
			}
		}
	}
}

func TestBatch_AllBadIsStillASuccess(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: segment.Dialect}
	w := send(segment.New(config(l)), call{path: "/v1/batch", body: batch(`1`, `2`), header: auth("wk")})
	if w.Code != 200 || w.Body.String() != ok || l.Sums() != "0, dead invalid_event, dead invalid_event" {
		t.Errorf("%d %s, took %s", w.Code, w.Body, l.Sums())
	}
}

func TestBatch_EmptyIsASuccessOfNothing(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: segment.Dialect}
	if w := send(segment.New(config(l)), call{path: "/v1/batch", body: batch(), header: auth("wk")}); w.Code != 200 || w.Body.String() != ok || len(l.Subs) != 0 {
		t.Errorf("%d %s, took %s", w.Code, w.Body, l.Sums())
	}
}

func TestBatch_FlawOfTheSharedContextIsEveryEventsFlaw(t *testing.T) {
	t.Parallel()
	for context, reason := range map[string]string{`"x"`: "invalid_context", `{"a":"\u0000"}`: "nul_character"} {
		l := &dialecttest.Ledger{Dialect: segment.Dialect}
		w := send(segment.New(config(l)), call{path: "/v1/batch", body: `{"batch":[` + visit + `],"context":` + context + `}`, header: auth("wk")})
		if w.Code != 200 || l.Sums() != "0, dead "+reason {
			t.Errorf("%s: %d, took %s", context, w.Code, l.Sums())
		}
	}
}

func TestDoor_CountsWhatCannotBeCutAsOneRejected(t *testing.T) {
	t.Parallel()
	big := `{"batch":[` + visit + `,` + with(`"properties":{"n":"`+strings.Repeat("x", segment.MaxBatch)+`"}`) + `]}`
	huge := `{"batch":["` + strings.Repeat("x", segment.MaxWire) + `"]}`
	bomb := zipped(strings.Repeat("0", 12<<20))
	dense := zipped(`{"batch":[],"x":"` + strings.Repeat("0", 2<<20) + `"}`)
	many := strings.TrimSuffix(strings.Repeat(visit+",", 3_000), ",")
	for name, c := range map[string]struct{ body, encoding, code, sums string }{
		"empty":             {"", "", "invalid_json", "0, rejected invalid_json 1"},
		"broken":            {`{"batch":[`, "", "invalid_json", "0, rejected invalid_json 1"},
		"not JSON":          {"event=Seen&userId=1", "", "invalid_json", "0, rejected invalid_json 1"},
		"no object":         {`[1]`, "", "invalid_body", "0, rejected invalid_body 1"},
		"no batch":          {`{"type":"track"}`, "", "missing_batch", "0, rejected missing_batch 1"},
		"batch of no list":  {`{"batch":{}}`, "", "missing_batch", "0, rejected missing_batch 1"},
		"batch twice":       {`{"batch":[],"batch":[]}`, "", "duplicate_key", "0, rejected duplicate_key 1"},
		"nested for ever":   {`{"batch":` + strings.Repeat("[", 20_000), "", "invalid_json", "0, rejected invalid_json 1"},
		"too large":         {big, "", "batch_too_large", "0, rejected batch_too_large 2"},
		"too large to read": {huge, "", "body_too_large", "0, rejected body_too_large 1"},
		"too many packed":   {zipped(`{"batch":[` + many + `]}`), "gzip", "", "2500, rejected too_many_events 500"},
		"shared too large":  {batchWith(33<<10, 2), "", "context_too_large", "0, rejected context_too_large 2"},
		"shared by many":    {batchWith(6<<10, 1_000), "", "context_too_large", "0, rejected context_too_large 1000"},
		"bomb":              {bomb, "gzip", "body_too_large", "0, rejected body_too_large 1"},
		"dense":             {dense, "gzip", "body_too_large", "0, rejected body_too_large 1"},
		"not gzip":          {batch(visit), "gzip", "invalid_gzip", "0, rejected invalid_gzip 1"},
		"half a gzip":       {zipped(batch(visit))[:40], "gzip", "invalid_gzip", "0, rejected invalid_gzip 1"},
		"another encoding":  {"x", "br", "unsupported_encoding", "0, rejected unsupported_encoding 1"},
	} {
		l := &dialecttest.Ledger{Dialect: segment.Dialect}
		head := auth("wk")
		head["Content-Encoding"] = c.encoding
		w := send(segment.New(config(l)), call{path: "/v1/batch", body: c.body, header: head})
		want := 400
		if c.code == "" {
			want = 200
		}
		if w.Code != want || !strings.Contains(w.Body.String(), c.code) || l.Sums() != c.sums {
			t.Errorf("%s: %d %.200s, took %s, want %s", name, w.Code, w.Body, l.Sums(), c.sums)
		}
		l = &dialecttest.Ledger{Dialect: segment.Dialect}
		delete(head, "Authorization")
		if w = send(segment.New(config(l)), call{path: "/v1/batch", body: c.body, header: head}); len(l.Subs) > 0 || w.Code == 200 {
			t.Errorf("%s without a key: %d, took %s", name, w.Code, l.Sums())
		}
	}
}

// batchWith shares a context of so many bytes among so many events.
func batchWith(bytes, events int) string {
	list := strings.TrimSuffix(strings.Repeat(visit+",", events), ",")
	return `{"context":{"a":"` + strings.Repeat("x", bytes) + `"},"batch":[` + list + `]}`
}

func TestBatch_TakesTwoThousandFiveHundredEvents(t *testing.T) {
	t.Parallel()
	small := `{"type":"page","userId":"u"}`
	for n, want := range map[int]string{2_500: "2500", 2_503: "2500, rejected too_many_events 3"} {
		l := &dialecttest.Ledger{Dialect: segment.Dialect}
		body := `{"batch":[` + strings.TrimSuffix(strings.Repeat(small+",", n), ",") + `]}`
		w := send(segment.New(config(l)), call{path: "/v1/batch", body: body, header: auth("wk")})
		if w.Code != 200 || l.Sums() != want {
			t.Errorf("%d: %d, took %s", n, w.Code, l.Sums())
		}
	}
}

func TestDoor_TakesEventsAndBatchesUpToTheirLimits(t *testing.T) {
	t.Parallel()
	fill := func(total int) string {
		head, tail := `{"type":"track","event":"x","userId":"u","properties":{"a":"`, `"}}`
		half := (total - len(head) - len(tail) - 7) / 2
		rest := total - len(head) - len(tail) - 7 - half
		return head + strings.Repeat("x", half) + `","b":"` + strings.Repeat("y", rest) + tail
	}
	for n, want := range map[int]string{segment.MaxEvent: "1", segment.MaxEvent + 1: "0, dead event_too_large"} {
		l := &dialecttest.Ledger{Dialect: segment.Dialect}
		event := fill(n)
		if len(event) != n {
			t.Fatalf("made %d bytes, want %d", len(event), n)
		}
		send(segment.New(config(l)), call{path: "/v1/track", body: event, header: auth("wk")})
		if l.Sums() != want {
			t.Errorf("%d bytes: took %s, want %s", n, l.Sums(), want)
		}
	}
	event := fill(segment.MaxEvent)
	events := strings.Repeat(event+",", 15)
	room := segment.MaxBatch - len(events) - len(batch())
	l := &dialecttest.Ledger{Dialect: segment.Dialect}
	if w := send(segment.New(config(l)), call{path: "/v1/batch", body: batch(events + fill(room)), header: auth("wk")}); w.Code != 200 || l.Sums() != "16" {
		t.Errorf("a full batch: %d %s, took %s", w.Code, w.Body, l.Sums())
	}
}

func TestDoor_ForgetsABodyThatNeverEnded(t *testing.T) {
	t.Parallel()
	l := &dialecttest.Ledger{Dialect: segment.Dialect}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/batch", brokenBody{})
	if err != nil {
		t.Fatal(err)
	}
	w := sendRequest(segment.New(config(l)), r)
	if w.Code != 503 || len(l.Subs) > 0 {
		t.Errorf("%d %s, took %s", w.Code, w.Body, l.Sums())
	}
}

func TestDoor_LetsAClientReadWhyItsBodyIsRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(segment.New(config(&dialecttest.Ledger{Dialect: segment.Dialect})))
	defer server.Close()
	for key, status := range map[string]int{"wk": 400, "nobody": 401} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/v1/batch", strings.NewReader(strings.Repeat("x", 6<<20)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", basic(key+":"))
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != status || !strings.Contains(string(body), `"success":false`) {
			t.Errorf("%s: %d %s %v", key, answer.StatusCode, body, err)
		}
	}
}
