package evergage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"rapport/internal/catalog"
	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/evergage"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

// crowd is five people in a segment; the third one did something.
type crowd struct{ erased [][]string }

func (*crowd) Profile(_ context.Context, ref string, _ pipeline.ProfileOptions) (*profile.View, error) {
	name, ok := strings.CutPrefix(ref, "user_id:")
	if !ok || len(name) != 2 || name[0] != 'u' {
		return nil, fault.Errorf(fault.NotFound, "profile_not_found", "nobody")
	}
	return &profile.View{ID: "p" + name[1:], Identifiers: []profile.IdentifierSeen{{Identifier: event.Identifier{Namespace: "user_id", Value: name}}}, Computed: profile.Computed{SessionCount: 7}}, nil
}

func (*crowd) Timeline(_ context.Context, ref string, q pipeline.TimelineQuery) (pipeline.Page[profile.Item], error) {
	if q.Cursor == "" {
		return pipeline.Page[profile.Item]{Next: "more", Items: []profile.Item{
			{Time: dialecttest.At("2026-03-01T11:00:00Z"), Class: "order", Properties: json.RawMessage(`{"order_id":"O1"}`)},
			{Time: dialecttest.At("2026-03-01T10:40:00Z"), Class: "order", Properties: json.RawMessage(`{"orderId":"O1"}`)},
		}}, nil
	}
	return pipeline.Page[profile.Item]{Items: []profile.Item{{Time: dialecttest.At("2026-03-01T08:00:00Z"), Class: "order", MessageID: "O2", Properties: json.RawMessage(`{}`)}}}, nil
}

func (*crowd) PersonSegments(context.Context, string, string) (*pipeline.PersonSegments, error) {
	since := dialecttest.At("2026-02-01T00:00:00Z")
	return &pipeline.PersonSegments{Items: []pipeline.Standing{{Key: "vip", Member: true, Since: &since}}}, nil
}

func (*crowd) SegmentMembers(_ context.Context, key, cursor string, limit int) (pipeline.Page[pipeline.SegmentMember], error) {
	from := 0
	_, _ = fmt.Sscan(cursor, &from)
	var page pipeline.Page[pipeline.SegmentMember]
	for i := from; i < min(from+limit, 5); i++ {
		page.Items = append(page.Items, pipeline.SegmentMember{ID: fmt.Sprint("p", i)})
	}
	if from+limit < 5 {
		page.Next = fmt.Sprint(from + limit)
	}
	return page, nil
}

func (*crowd) Entity(_ context.Context, _ catalog.Kind, id string) (pipeline.Stored, error) {
	if id == "O2" {
		return pipeline.Stored{}, fault.Errorf(fault.NotFound, "order_not_found", "none")
	}
	return pipeline.Stored{View: map[string]string{"id": id}}, nil
}

func (c *crowd) Erase(_ context.Context, refs []string, author string) (string, error) {
	c.erased = append(c.erased, append(refs, author))
	return fmt.Sprint("pr_", len(c.erased)), nil
}

func TestPeople_AreExportedWithVisitsOrdersAndSegments(t *testing.T) {
	t.Parallel()
	cfg := config(&dialecttest.Ledger{Dialect: evergage.Dialect})
	cfg.People = &crowd{}
	w := send(evergage.New(cfg), call{method: "GET", path: "/api/dataset/engage/user/u3", header: basic("key_1", "sk_read")})
	for _, want := range []string{
		`"userSummary":{"_id":"p3"}`, `"namedUserId":"u3"`, `"orderHistory":[{"id":"O1"}]`, `"segmentMembership":[{"id":"vip","joined":1769904000000}]`,
		`"visitHistory":[{"start":1772361600000,"lastEventTime":1772362800000,"visitIndex":7},{"start":1772352000000,"lastEventTime":1772352000000,"visitIndex":6}]`,
	} {
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d %s lacks %s", w.Code, w.Body, want)
		}
	}
}

func TestPeople_AreListedPageByPage(t *testing.T) {
	t.Parallel()
	cfg := config(&dialecttest.Ledger{Dialect: evergage.Dialect})
	cfg.People = &crowd{}
	for query, want := range map[string]string{
		"page=0&pageSize=2": `"more":true,"page":0,"pageSize":2,"users":[{"_id":"p0","joined":0},{"_id":"p1","joined":0}]`,
		"page=2&pageSize=2": `"more":false,"page":2,"pageSize":2,"users":[{"_id":"p4","joined":0}]`,
		"page=3&pageSize=2": `"users":[]`,
		"pageSize=0":        `invalid_query`,
		"page=x":            `invalid_query`,
	} {
		w := send(evergage.New(cfg), call{method: "GET", path: "/api/dataset/engage/users.json?filter=vip&" + query, header: basic("key_1", "sk_read")})
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want %s", query, w.Code, w.Body, want)
		}
	}
}

// FuzzUserList sends any file as the list of users to delete.
func FuzzUserList(f *testing.F) {
	for _, s := range []string{"name\nu1\nu2\n", "\ufeffname;x\n", "a,name\n1,u1\n2\n", "\"name\n", "name\n\"u\n1\"\n", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, file string) {
		cfg, people := config(&dialecttest.Ledger{Dialect: evergage.Dialect}), &crowd{}
		cfg.People = people
		body := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"u.csv\"\r\n\r\n" + file + "\r\n--x--\r\n"
		header := basic("key_1", "sk_admin")
		header["Content-Type"] = "multipart/form-data; boundary=x"
		w := send(evergage.New(cfg), call{path: "/api/dataset/engage/users/delete", body: body, header: header})
		deleted, requested := 0, 0
		switch w.Code {
		case 200:
			if _, err := fmt.Sscanf(w.Body.String(), "Deleted %d users (%d requested)", &deleted, &requested); err != nil {
				t.Fatalf("%v: %s", err, w.Body)
			}
		case 400, 413:
		default:
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		n := 0
		for _, e := range people.erased {
			if e[len(e)-1] != "key_1" {
				t.Fatalf("erased by %s", e[len(e)-1])
			}
			n += len(e) - 1
		}
		if n != deleted || deleted > requested {
			t.Fatalf("%s, and %d were erased", w.Body, n)
		}
	})
}
