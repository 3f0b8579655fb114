package event_test

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"rapport/internal/clock"
	"rapport/internal/event"
)

func TestEnvelope_ComesBackWithItsBody(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 40, 200)
		want := event.Envelope{
			Dialect: text.Draw(t, "dialect"), Source: text.Draw(t, "source"),
			Type:      event.Type(rapid.IntRange(0, 6).Draw(t, "type")),
			MessageID: text.Draw(t, "message"),
			Received:  clock.Instant(rapid.Int64().Draw(t, "received")),
			SentAt:    clock.Instant(rapid.Int64().Draw(t, "sent")),
			IP:        text.Draw(t, "ip"), UserAgent: text.Draw(t, "agent"),
			Shared:   rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "shared"),
			Verified: rapid.Bool().Draw(t, "verified"), Historical: rapid.Bool().Draw(t, "historical"),
		}
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		payload := want.AppendPayload([]byte("before"), body)
		got, rest, err := event.ReadPayload(payload[len("before"):])
		if err != nil || !bytes.Equal(rest, body) {
			t.Fatalf("body %q came back as %q, %v", body, rest, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func TestTypeOf_KnowsTheNamesOnTheWire(t *testing.T) {
	t.Parallel()
	for typ := event.Track; typ <= event.Alias; typ++ {
		if got := event.TypeOf(typ.String()); got != typ {
			t.Errorf("%q is type %d, want %d", typ, got, typ)
		}
	}
	for _, name := range []string{"Track", "tracks", "purchase"} {
		if got := event.TypeOf(name); got != 0 {
			t.Errorf("%q is type %d, want none", name, got)
		}
	}
}

func FuzzReadPayload(f *testing.F) {
	e := event.Envelope{Dialect: "segment", Source: "shop", MessageID: "m", Shared: []byte(`{}`)}
	f.Add(e.AppendPayload(nil, []byte(`{"type":"track"}`)))
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, body, err := event.ReadPayload(payload)
		if err != nil {
			return
		}
		again, rest, err := event.ReadPayload(e.AppendPayload(nil, body))
		if err != nil || !bytes.Equal(rest, body) || again.Source != e.Source || again.Received != e.Received {
			t.Errorf("read twice: %+v and %+v, %v", e, again, err)
		}
	})
}
