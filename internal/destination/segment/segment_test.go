package segment_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rapport/internal/destination"
	"rapport/internal/destination/segment"
	"rapport/internal/destination/sinktest"
	"rapport/internal/dialect/dialecttest"
	door "rapport/internal/dialect/segment"
	"rapport/internal/identity"
)

const writeKey = "a-write-key"

type keys struct{}

func (keys) SourceByWriteKey(key string) (door.Source, bool) {
	return door.Source{Key: "copy", Name: "Copy"}, key == writeKey
}

// rapport is another Rapport's door.
func rapport() (*door.Door, *dialecttest.Ledger) {
	l := &dialecttest.Ledger{Dialect: door.Dialect}
	return door.New(door.Config{
		Accept: l, Keys: keys{}, Rules: identity.DefaultRules(), Now: func() time.Time { return sinktest.At }, Random: func([]byte) {},
	}), l
}

func settings(t *testing.T, s segment.Settings) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func payload(i int) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"id":"x","kind":"event","person":{"id":"p","identifiers":[{"namespace":"email","value":"a@example.com"},{"namespace":"user_id","value":"u%d"},
		{"namespace":"anonymous_id","value":"a%d"}],"traits":{"name":"Ada"}},"event":{"message_id":"m","type":"track","name":"Order Completed","time":"2026-03-01T10:00:00Z","properties":{"n":%d},"context":{"ip":"1.2.3.4"}}}`, i, i, i))
}

func TestSegment_PassesTheSuiteAgainstRapport(t *testing.T) {
	t.Parallel()
	sinktest.RunHTTP(t, sinktest.HTTPSuite{
		Suite: sinktest.Suite{Type: segment.Type(), Secrets: []string{writeKey, "YS13cml0ZS1rZXk6"}, Payload: payload},
		Settings: func(base string) json.RawMessage {
			return settings(t, segment.Settings{URL: base + "/", WriteKey: writeKey})
		},
		Serve: func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) []string {
			d, l := rapport()
			again := httptest.NewRequestWithContext(t.Context(), r.Method, r.URL.String(), strings.NewReader(string(body)))
			again.Header = r.Header
			d.ServeHTTP(w, again)
			var ids []string
			for _, a := range l.Arrivals() {
				ids = append(ids, a.Event.MessageID)
			}
			if len(l.Arrivals()) == 0 || l.Sums() != fmt.Sprint(len(l.Arrivals())) {
				t.Errorf("%s of %s", l.Sums(), body)
			}
			return ids
		},
	})
}

// forward gives what another Rapport takes of a payload.
func forward(t *testing.T, text string) (string, destination.Result) {
	t.Helper()
	got := ""
	far := sinktest.NewFar(t, &sinktest.HTTPSuite{Serve: func(_ *testing.T, w http.ResponseWriter, r *http.Request, body []byte) []string {
		got = string(body)
		fmt.Fprint(w, `{"success":true}`)
		return nil
	}})
	sink, err := segment.Type().Open(t.Context(), settings(t, segment.Settings{URL: far.URL, WriteKey: writeKey}), sinktest.Env(t, &sinktest.Line{}))
	if err != nil {
		t.Fatal(err)
	}
	r := sink.Send(t.Context(), []destination.Message{{ID: "m1", Kind: destination.Event, Time: sinktest.At, Payload: json.RawMessage(text)}})[0]
	return strings.TrimSuffix(strings.TrimPrefix(got, `{"batch":[`), "]}"), r
}

func TestSegment_MakesCallsOfMessages(t *testing.T) {
	t.Parallel()
	const who = `"person":{"identifiers":[{"namespace":"user_id","value":"u1"}],"traits":{"plan":"pro"}}`
	const end = `"messageId":"m1",`
	for in, want := range map[string]string{
		string(payload(1)): `{"anonymousId":"a1","context":{"ip":"1.2.3.4"},"event":"Order Completed","messageId":"m1","properties":{"n":1},"timestamp":"2026-03-01T10:00:00Z","type":"track","userId":"u1"}`,
		`{` + who + `}`:    `{` + end + `"timestamp":"2026-11-22T09:30:00.000Z","traits":{"plan":"pro"},"type":"identify","userId":"u1"}`,
		`{` + who + `,"segment":{"key":"vip","change":"entered"}}`: `{"event":"Segment Entered",` + end +
			`"properties":{"key":"vip","traits":{"plan":"pro"},"vip":true},"timestamp":"2026-11-22T09:30:00.000Z","type":"track","userId":"u1"}`,
		`{` + who + `,"audience":{"key":"vip","change":"removed"},"instructions":{"offer":"x"}}`: `{"event":"Audience Exited",` + end +
			`"properties":{"instructions":{"offer":"x"},"key":"vip","traits":{"plan":"pro"},"vip":false},"timestamp":"2026-11-22T09:30:00.000Z","type":"track","userId":"u1"}`,
		`{"type":"page","userId":"u2","name":"Home","properties":{"big":12345678901234567890}}`:         `{` + end + `"name":"Home","properties":{"big":12345678901234567890},"timestamp":"2026-11-22T09:30:00.000Z","type":"page","userId":"u2"}`,
		`{` + who + `,"event":{"type":"page","name":"Home","time":"2026-03-01T10:00:00Z"}}`:             `{` + end + `"name":"Home","timestamp":"2026-03-01T10:00:00Z","type":"page","userId":"u1"}`,
		`{` + who + `,"event":{"type":"group","group_id":"acme","traits":{"name":"ACME"}}}`:             `{"groupId":"acme",` + end + `"timestamp":"2026-11-22T09:30:00.000Z","traits":{"name":"ACME"},"type":"group","userId":"u1"}`,
		`{` + who + `,"event":{"type":"page","identifiers":[{"namespace":"user_id","value":"later"}]}}`: `{` + end + `"timestamp":"2026-11-22T09:30:00.000Z","type":"page","userId":"later"}`,
		`{"type":"identify","userId":"u3","person":"x"}`:                                                `{` + end + `"person":"x","timestamp":"2026-11-22T09:30:00.000Z","type":"identify","userId":"u3"}`,
	} {
		if got, r := forward(t, in); got != want || r.Outcome != destination.Delivered {
			t.Errorf("%s\n is %s (%s)\nwant %s", in, got, r.Reason, want)
		}
	}
	for in, want := range map[string]string{
		`{"person":{"identifiers":[{"namespace":"email","value":"x"}]}}`: "no identifier",
		`{` + who + `,"event":{"type":"alias"}}`:                         "cannot be forwarded",
		`{` + who + `,"event":{"type":"group"}}`:                         "which account",
		`[1]`:                                                            "no event",
		`{"type":"track","userId":"u","properties":"` + strings.Repeat("x", 40_000) + `"}`: "32 KiB",
	} {
		if got, r := forward(t, in); got != "" || r.Outcome != destination.Refused || !strings.Contains(r.Reason, want) {
			t.Errorf("%.80s: %q, %+v", in, got, r)
		}
	}
}

// A batch of the largest events is cut where the protocol's limit wants it.
func TestSegment_CutsBatches(t *testing.T) {
	t.Parallel()
	requests, events := 0, 0
	far := sinktest.NewFar(t, &sinktest.HTTPSuite{Serve: func(t *testing.T, w http.ResponseWriter, r *http.Request, body []byte) []string {
		var b struct{ Batch []json.RawMessage }
		if err := json.Unmarshal(body, &b); err != nil || len(body) > 500<<10 {
			t.Errorf("%d bytes, %v", len(body), err)
		}
		requests, events = requests+1, events+len(b.Batch)
		fmt.Fprint(w, `{"success":true}`)
		return nil
	}})
	sink, err := segment.Type().Open(t.Context(), settings(t, segment.Settings{URL: far.URL, WriteKey: writeKey}), sinktest.Env(t, &sinktest.Line{}))
	if err != nil {
		t.Fatal(err)
	}
	var batch []destination.Message
	for i := range 60 {
		text := fmt.Sprintf(`{"type":"track","userId":"u","event":"e","properties":{"x":"%s"}}`, strings.Repeat("x", 30_000))
		if i%7 == 3 {
			text = `{}`
		}
		batch = append(batch, destination.Message{ID: fmt.Sprint(i), Time: sinktest.At, Payload: json.RawMessage(text)})
	}
	for i, r := range sink.Send(t.Context(), batch) {
		if want := map[bool]destination.Outcome{true: destination.Refused, false: destination.Delivered}[i%7 == 3]; r.Outcome != want {
			t.Errorf("%d is %+v", i, r)
		}
	}
	if requests != 4 || events != 52-1 {
		t.Errorf("%d events in %d requests", events, requests)
	}
}

func FuzzCall(f *testing.F) {
	f.Add(string(payload(1)))
	f.Add(`{"type":"track","userId":1}`)
	f.Add(`{"person":{"identifiers":[{"namespace":"user_id","value":"u1"}]},"segment":{"key":"userId","change":"entered"}}`)
	f.Fuzz(func(t *testing.T, text string) {
		b, r := segment.Event([]byte(text))
		if r == nil && !json.Valid(b) {
			t.Errorf("%q becomes %q", text, b)
		}
		if r != nil && r.Reason == "" {
			t.Errorf("%q is refused without a reason", text)
		}
	})
}
