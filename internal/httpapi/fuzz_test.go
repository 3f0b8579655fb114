package httpapi

import (
	"fmt"
	"strings"
	"testing"
)

func FuzzPageOf_ACursorIsReadOrRefused(f *testing.F) {
	for _, seed := range []string{"", "AAAA", "a2V5OmI", "!", "a2V5Og"} {
		f.Add(seed, 1)
	}
	all := []string{"a", "b", "c", "d"}
	self := func(s string) string { return s }
	f.Fuzz(func(t *testing.T, cursor string, limit int) {
		limit = 1 + max(limit, -limit, 0)%500
		p, err := pageOf(all, self, Paging{Limit: limit, Cursor: cursor})
		if err != nil {
			return
		}
		if len(p.Items) > limit || !strings.Contains("abcd", strings.Join(p.Items, "")) {
			t.Errorf("cursor %q limit %d gives %v", cursor, limit, p.Items)
		}
		if p.Next != "" {
			rest, err := pageOf(all, self, Paging{Limit: limit, Cursor: p.Next})
			if err != nil || len(rest.Items) == 0 {
				t.Errorf("next of %v gives %v, %v", p.Items, rest.Items, err)
			}
		}
	})
}

func FuzzRequests_NothingBreaksTheDoor(f *testing.F) {
	for _, seed := range [][3]string{
		{"GET", "/api/v1/profiles/user_id:1?include=lineage", ""},
		{"PUT", "/api/v1/orders/%2F", `{"total":1}`},
		{"PUT", "/api/v1/sources/shop", `{"name":"x","kind":"web"}`},
		{"POST", "/api/v1/keys", `{"name":"x","scopes":["read"]}`},
		{"POST", "/api/v1/orders/1/refunds", `{"amount":1e999}`},
		{"PATCH", "/api/v1//carts/1", "\x00"},
		{"GET", "/%zz", ""},
		{"POST", "/api/v1/dead-letters/replay", `{"limit":-1}`},
		{"GET", "/api/v1/orders?limit=99999999999999999999", ""},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, method, path, body string) {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " \r\n\t") || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || method == "" {
			return // no server hands that on
		}
		d := newDoor(t)
		defer func() {
			if p := recover(); p != nil && !strings.Contains(fmt.Sprint(p), "invalid NewRequest arguments") {
				panic(p)
			}
		}()
		res, text := d.ask(t, method, path, body)
		if res.StatusCode >= 500 {
			t.Errorf("%s %q %q: %d %s\n%s", method, path, body, res.StatusCode, text, d.log)
		}
		if res.StatusCode >= 400 && method != "HEAD" {
			d.problem(t, res, text)
		}
	})
}
