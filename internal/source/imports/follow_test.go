package imports

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/feed"
	"rapport/internal/identity"
	"rapport/internal/pipeline"
	"rapport/internal/soak"
	"rapport/internal/store/memory"
)

// deltas gives what becomes of rows on one item that come in parts of so many.
func deltas(t *testing.T, bodies []string, together int) string {
	t.Helper()
	now := clock.Clock(time.Now)
	spine, err := pipeline.Open(t.Context(), pipeline.Config{
		Store: memory.New(), Mappers: map[string]event.Mapper{}, Clock: now, Log: slog.New(slog.DiscardHandler), Random: func(b []byte) { clear(b) }, CommitEvery: time.Hour,
		Sources: func(string) pipeline.SourceInfo { return pipeline.SourceInfo{} }, Rules: identity.DefaultRules(), InstanceKey: [16]byte{1}, Lanes: 1,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer spine.Close(t.Context()) //nolint:errcheck // nothing is kept
	j, err := openJournal(vfs.NewMem(), "journal", 0)
	if err != nil {
		t.Fatal(err)
	}
	w := &work{Door: &Door{Config: Config{Spine: spine, Now: now}}, ctx: t.Context(), items: true, journal: j, feeder: pipeline.Feeder{To: spine}}
	var out []string
	for from := 0; from < len(bodies); from += together {
		var records []*record
		for i, body := range bodies[from:min(from+together, len(bodies))] {
			records = append(records, &record{Record: feed.Record{Line: int64(from + i + 1), Rows: 1, Item: "p", Body: []byte(body)}})
		}
		part, _, about := part(records)
		if _, err := w.apply(part, about); err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			out = append(out, fmt.Sprintf("%d: %v %s", r.Line, r.delta, r.Body[:min(60, len(r.Body))]))
		}
	}
	return strings.Join(out, "\n")
}

// What rows come to does not depend on how many of them are read at once.
func TestFollow_CountsAsRowByRow(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return `"` + strings.Repeat("x", n<<10) + `"` }
	values := []string{
		`1`, `1.0`, `null`, `[1]`, `"a"`, `["a"]`, `{"x":1}`, `{"x":1}`, `{"x":{"y":2}}`, `{"x":{"y":null}}`, `{"x":null,"z":[1]}`,
		`{"l1":` + long(6) + `}`, `{"l2":` + long(6) + `}`, `{"l3":` + long(6) + `}`, long(20),
	}
	brands := []string{`"X"`, `["X"]`, `"X"`, `"Y"`, `null`, `7`}
	for seed := range uint64(soak.Worlds(40)) {
		random := rand.New(rand.NewPCG(seed, 6))
		var bodies []string
		for range 16 {
			body := fmt.Sprintf(`{"attributes":{"a":%s,"b%d":%s},"dimensions":{"Brand":%s}}`,
				values[random.IntN(len(values))], random.IntN(2), values[random.IntN(len(values))], brands[random.IntN(len(brands))])
			bodies = append(bodies, body)
		}
		if one, all := deltas(t, bodies, 1), deltas(t, bodies, len(bodies)); one != all {
			t.Fatalf("seed %d: row by row\n%s\nat once\n%s", seed, one, all)
		}
	}
}
