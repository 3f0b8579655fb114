package storetest

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"rapport/internal/id"
	"rapport/internal/store"
)

// record makes a record of an anchor.
func record(anchor, payload string) store.Record {
	key := id.KeyOf("user_id", anchor)
	return store.Record{Kind: store.KindEvent, Anchor: key, Bucket: key.Bucket(), Received: 1_700_000_000_000_000, Payload: []byte(payload)}
}

// put seals and appends frames, one for each list of records.
func put(t testing.TB, s store.Store, lists ...[]store.Record) []*store.Frame {
	t.Helper()
	var frames []*store.Frame
	for _, list := range lists {
		f := &store.Frame{Records: list, Received: uint64(len(list))}
		noError(t, s.Log().Seal(ctx(t), f))
		frames = append(frames, f)
	}
	noError(t, s.Log().Append(ctx(t), frames))
	return frames
}

// readAll gives copies of the records after a position.
func readAll(t testing.TB, l store.Log, from store.Position) []store.Record {
	t.Helper()
	var out []store.Record
	noError(t, l.Read(ctx(t), from, func(r *store.Record) error {
		c := *r
		c.Payload = bytes.Clone(r.Payload)
		out = append(out, c)
		return nil
	}))
	return out
}

// sameRecord compares what is stored of two records; positions on demand.
func sameRecord(t testing.TB, got, want *store.Record, position bool) {
	t.Helper()
	if got.Kind != want.Kind || got.Bucket != want.Bucket || got.Anchor != want.Anchor || got.Received != want.Received {
		t.Fatalf("record is %+v, want %+v", got, want)
	}
	if !bytes.Equal(got.Payload, want.Payload) || (got.Payload == nil) != (want.Payload == nil) {
		t.Fatalf("record at %d: payload of %d bytes %.60q, want %d bytes %.60q",
			got.Position, len(got.Payload), got.Payload, len(want.Payload), want.Payload)
	}
	if position && got.Position != want.Position {
		t.Fatalf("record is at %d, want %d", got.Position, want.Position)
	}
	if got.Attached != nil {
		t.Fatal("what was attached came back from the log")
	}
}

func noise(n int) string {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// shapes are payloads in which engines could differ.
func shapes() []string {
	return []string{
		"", "x", "\x00", "\x00\x00a\x00", "\xff\xfe invalid UTF-8 \x80", `{"type":"track"}`,
		strings.Repeat("a", 23), strings.Repeat("a", 24), strings.Repeat("compressible ", 90_000),
		noise(700), noise(70_000), noise(3 << 20),
	}
}
