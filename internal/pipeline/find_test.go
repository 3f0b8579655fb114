package pipeline

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/columns"
	"rapport/internal/id"
	"rapport/internal/store/memory"
)

func TestSearch_FindsPeopleByWhatTheyAreCalled(t *testing.T) {
	t.Parallel()
	now := &atomic.Int64{}
	now.Store(int64(worldStart))
	p := indexed(t, memory.New(), vfs.NewMem(), now)
	defer closeNow(t, p)
	var facts []fact
	for i, traits := range []string{
		`{"name":"Ada Lovelace","email":"countess@byron.example"}`,
		`{"firstName":"Adam","last_name":"Müller"}`,
		`{"first_name":"Grace \"Amazing\"","last_name":"Hopper","email":"grace@navy.example"}`,
		`{"name":"ada@","email":"other@navy.example"}`,
		`{"nickname":"Ada"}`,
		`{"name":["Ada"]}`,
	} {
		body := fmt.Sprintf(`{"type":"identify","userId":"u%d","messageId":"m%d","traits":%s}`, i, i, traits)
		facts = append(facts, fact{received: worldStart, body: body})
	}
	facts = append(facts, fact{received: worldStart, body: `{"type":"identify","userId":"ada-7","messageId":"m7","traits":{"name":"Zoe"}}`})
	play(t, p, facts, 3)
	find := func(q SearchQuery) (found []string) {
		t.Helper()
		for {
			page, err := p.Search(t.Context(), q)
			if err != nil {
				t.Fatalf("%+v: %v", q, err)
			}
			for _, s := range page.Items {
				for _, i := range s.Identifiers {
					if i.Namespace == "user_id" {
						found = append(found, i.Value+" "+s.FullName)
					}
				}
			}
			if q.Cursor = page.Next; q.Cursor == "" || len(found) > 10 {
				return found
			}
		}
	}
	for query, want := range map[string][]string{
		"ada":           {"ada-7 Zoe", "u0 Ada Lovelace", "u1 Adam Müller", "u3 ada@"},
		"LOVE":          {"u0 Ada Lovelace"},
		"müLL":          {"u1 Adam Müller"},
		"muller":        {"u1 Adam Müller"},
		"ádam":          {"u1 Adam Müller"},
		"ler dam":       {"u1 Adam Müller"},
		`"amaz`:         {`u2 Grace "Amazing" Hopper`},
		"navy":          {`u2 Grace "Amazing" Hopper`, "u3 ada@"},
		"navy grace":    {`u2 Grace "Amazing" Hopper`},
		"grace@":        {`u2 Grace "Amazing" Hopper`},
		"user_id:u1":    {"u1 Adam Müller"},
		"user_id:":      {"ada-7 Zoe", "u0 Ada Lovelace", "u1 Adam Müller", `u2 Grace "Amazing" Hopper`, "u3 ada@", "u4 ", "u5 "},
		"email:grace":   {`u2 Grace "Amazing" Hopper`},
		"a":             {"ada-7 Zoe"},
		"nobody at all": nil,
	} {
		for _, limit := range []int{1, 2, 50} {
			found := find(SearchQuery{Query: query, Limit: limit})
			if slices.Sort(found); !slices.Equal(found, want) {
				t.Errorf("%s, pages of %d: %q, want %q", query, limit, found, want)
			}
		}
	}
	if found := find(SearchQuery{Query: "love", Limit: 5, Hidden: []string{"name"}}); found != nil {
		t.Errorf("a hidden trait was searched: %q", found)
	}
	if found := find(SearchQuery{Query: "u0", Limit: 5, Hidden: []string{"name"}}); !slices.Equal(found, []string{"u0 "}) {
		t.Errorf("a hidden trait was shown: %q", found)
	}
	// Of a crowd that is behind a search looks at nobody, the upkeep at everybody.
	for i := range findGlances {
		p.index.Suspect([]id.Key{{byte(i), byte(i >> 8), 1}})
	}
	for part := range columns.Parts {
		p.index.Renew(part)
	}
	behind := p.index.Stats().Suspect
	if found := find(SearchQuery{Query: "love", Limit: 5}); found != nil || p.index.Stats().Suspect != behind {
		t.Errorf("a search among %d people that are behind looked at some: %q, %d left", behind, found, p.index.Stats().Suspect)
	}
	if page, err := p.Search(t.Context(), SearchQuery{Query: "u0", Limit: 5}); err != nil || page.Coverage != 0 || len(page.Items) != 1 {
		t.Errorf("by an identifier, with everybody behind: %+v, %v", page, err)
	}
	if err := p.tendIndex(t.Context(), func(time.Duration) {}); err != nil {
		t.Fatal(err)
	}
	if found := find(SearchQuery{Query: "love", Limit: 5}); !slices.Equal(found, []string{"u0 Ada Lovelace"}) {
		t.Errorf("once nobody is behind: %q", found)
	}
	if page, err := p.Search(t.Context(), SearchQuery{Query: "u0", Limit: 5}); err != nil || page.Coverage != 1 {
		t.Errorf("once nobody is behind: %+v, %v", page, err)
	}
}
