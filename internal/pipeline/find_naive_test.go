package pipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/store/memory"
)

func TestFolding_MakesTextsPlain(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var f folding
	for range 20_000 {
		b := make([]byte, r.IntN(40))
		for i := range b {
			b[i] = byte(r.IntN(128))
		}
		text := string(b)
		if r.IntN(2) == 0 {
			for range r.IntN(9) {
				text += string(rune(r.IntN([]int{0x250, 0x700, 0x3000}[r.IntN(3)])))
			}
		}
		if got, want := string(f.plain(text)), plain(text); got != want {
			t.Fatalf("%q became %q, want %q", text, got, want)
		}
	}
}

// TestSearch_FindsWhomAReaderWould holds the search against going through everybody.
func TestSearch_FindsWhomAReaderWould(t *testing.T) {
	t.Parallel()
	now := &atomic.Int64{}
	now.Store(int64(worldStart))
	p := indexed(t, memory.New(), vfs.NewMem(), now)
	defer closeNow(t, p)
	r := rand.New(rand.NewPCG(3, 4))
	parts := []string{"an", "na", "Jo", "ö", "Ø", "ß", "ŉa", "é", "e\u0301", "Ανά", "Ёл", " ", "-", "\"", "\\", "u00", "漢", "X"}
	text := func() (s string) {
		for range 1 + r.IntN(5) {
			s += parts[r.IntN(len(parts))]
		}
		return s
	}
	crowd := map[string]map[string]string{}
	var facts []fact
	for i := range 60 {
		traits := map[string]string{}
		for _, name := range []string{"name", "first_name", "lastName", "nickname"} {
			if r.IntN(2) == 0 {
				traits[name] = text()
			}
		}
		user := fmt.Sprintf("%s%d", []string{"jo", "u"}[i%2], i)
		crowd[user] = traits
		raw, err := json.Marshal(traits)
		if err != nil {
			t.Fatal(err)
		}
		facts = append(facts, fact{received: worldStart, body: fmt.Sprintf(`{"type":"identify","userId":%q,"messageId":"m%d","traits":%s}`, user, i, raw)})
	}
	play(t, p, facts, 3)
	for range 300 {
		query := strings.TrimSpace(text())
		if query == "" {
			continue
		}
		found := map[string]bool{}
		for q := (SearchQuery{Query: query, Limit: 1 + r.IntN(9)}); ; {
			page, err := p.Search(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range page.Items {
				found[s.Identifiers[0].Value] = true
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
		var want []string
		for user, traits := range crowd {
			if strings.HasPrefix(user, strings.ToLower(query)) || called(query, traits) {
				want = append(want, user)
			}
		}
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
			t.Fatalf("%q found %q, want %q", query, got, want)
		}
	}
}

// called reads the traits of one person.
func called(query string, traits map[string]string) bool {
	long := false
	for _, word := range strings.Fields(plain(query)) {
		long = long || utf8.RuneCountInString(word) >= findLetters
		if !slices.ContainsFunc(calledBy, func(n string) bool { return strings.Contains(plain(traits[n]), word) }) {
			return false
		}
	}
	return long
}

func TestSearch_CommitsNothing(t *testing.T) {
	t.Parallel()
	now := &atomic.Int64{}
	now.Store(int64(worldStart))
	p := indexedEvery(t, memory.New(), vfs.NewMem(), now, time.Hour)
	defer closeNow(t, p)
	facts := []fact{
		{received: worldStart, body: `{"type":"identify","userId":"ada","messageId":"1","traits":{"email":"ada@a.example"}}`},
	}
	play(t, p, facts, 3)
	before := p.graphLane.committed
	page, err := p.Search(t.Context(), SearchQuery{Query: "ada@", Limit: 5})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("found %+v, %v", page.Items, err)
	}
	if before == p.graphLane.applied {
		t.Fatal("all was committed before the search: this test shows nothing")
	}
	if p.graphLane.committed != before {
		t.Errorf("the search committed what waited from %d to %d", before, p.graphLane.committed)
	}
}
