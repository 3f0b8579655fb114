package links_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rapport/internal/dialect/dialecttest"
	"rapport/internal/dialect/links"
	"rapport/internal/dialect/segment"
	"rapport/internal/identity"
	"rapport/internal/message/link"
)

type rules struct{ of identity.Rules }

func (r rules) Current() *identity.Rules { return &r.of }

type world struct {
	door  *links.Door
	maker *link.Maker
	seen  *dialecttest.Ledger
	left  []link.Link
	fails bool
}

func build(t *testing.T) *world {
	t.Helper()
	m, err := link.New("https://cdp.example.com", []byte("a secret for links of tests"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{maker: m, seen: &dialecttest.Ledger{Dialect: segment.Dialect}}
	w.door = links.New(links.Config{
		Links: m, Accept: w.seen, Rules: rules{identity.DefaultRules()}, Dialect: segment.Dialect, Mapper: segment.NewMapper,
		Leave: func(_ context.Context, l link.Link) error {
			if w.fails {
				return errors.New("full")
			}
			w.left = append(w.left, l)
			return nil
		},
		Now: func() time.Time { return dialecttest.At("2026-03-01T12:00:00Z").Time() }, Random: func(b []byte) { copy(b, "0123456789abcdef") },
		Log: slog.New(slog.DiscardHandler),
	})
	return w
}

var about = link.Link{
	Destination: "newsletter", Message: "d1", Namespace: "email", Identifier: "Ada@example.org", Channel: "email", Purpose: "marketing", Target: "https://shop.example/?a=1&b=ü",
}

func (w *world) use(t *testing.T, method string, action link.Action, change func(*link.Link)) *httptest.ResponseRecorder {
	t.Helper()
	l := about
	l.Action = action
	if change != nil {
		change(&l)
	}
	u, err := url.Parse(w.maker.URL(l))
	if err != nil {
		t.Fatal(err)
	}
	return w.ask(t, method, u.Path)
}

func (w *world) ask(t *testing.T, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader("List-Unsubscribe=One-Click"))
	r.Header.Set("User-Agent", "Mail/1")
	out := httptest.NewRecorder()
	w.door.ServeHTTP(out, r)
	return out
}

func TestDoor_TellsOfOpensAndClicks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		action link.Action
		name   string
		status int
	}{{link.Open, "Email Opened", 200}, {link.Click, "Email Link Clicked", 302}} {
		w := build(t)
		got := w.use(t, http.MethodGet, c.action, nil)
		if got.Code != c.status || got.Header().Get("Cache-Control") == "" {
			t.Errorf("%s: %d %v", c.action, got.Code, got.Header())
		}
		if c.action == link.Click && got.Header().Get("Location") != about.Target || c.action == link.Open && got.Header().Get("Content-Type") != "image/gif" {
			t.Errorf("%s: %v", c.action, got.Header())
		}
		a := w.seen.Only(t)
		e := a.Event
		if e.Name != c.name || len(e.Identifiers) != 1 || e.Identifiers[0].Namespace != "email" || e.Identifiers[0].Value != "ada@example.org" ||
			e.Properties.Get("campaign").Text() != "newsletter" || e.Properties.Get("delivery").Text() != "d1" ||
			a.Envelope.Source != links.Source || a.Envelope.UserAgent != "Mail/1" || !a.Envelope.Verified {
			t.Errorf("%s: %+v", c.action, a)
		}
		if link := e.Properties.Get("link_url").Text(); link != about.Target {
			t.Errorf("%s: link %q", c.action, link)
		}
		if w.use(t, http.MethodHead, c.action, nil); len(w.seen.Arrivals()) != 1 {
			t.Errorf("%s: asking for the head is an event", c.action)
		}
	}
}

func TestDoor_UnsubscribesByAPostAlone(t *testing.T) {
	t.Parallel()
	w := build(t)
	if got := w.use(t, http.MethodGet, link.Unsubscribe, nil); got.Code != 200 || !strings.Contains(got.Body.String(), "<button>Unsubscribe") || len(w.left) != 0 || len(w.seen.Arrivals()) != 0 {
		t.Errorf("looking: %d %v", got.Code, w.left)
	}
	if got := w.use(t, http.MethodPost, link.Unsubscribe, nil); got.Code != 200 || len(w.left) != 1 || w.left[0].Identifier != "Ada@example.org" || w.left[0].Purpose != "marketing" {
		t.Errorf("posting: %d %v", got.Code, w.left)
	}
	if e := w.seen.Only(t).Event; e.Name != "Unsubscribed" {
		t.Errorf("event %+v", e)
	}
	w.fails = true
	if got := w.use(t, http.MethodPost, link.Unsubscribe, nil); got.Code != 503 || got.Header().Get("Retry-After") == "" || len(w.seen.Arrivals()) != 1 {
		t.Errorf("where it cannot be kept: %d", got.Code)
	}
}

func TestDoor_RefusesWhatItDidNotMake(t *testing.T) {
	t.Parallel()
	w := build(t)
	for _, path := range []string{"/t/", "/t/x", "/t/../x", "/t/" + strings.Repeat("A", 500)} {
		if got := w.ask(t, http.MethodGet, path); got.Code != 404 {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
	for method, action := range map[string]link.Action{http.MethodPost: link.Click, http.MethodPut: link.Unsubscribe, http.MethodDelete: link.Open} {
		if got := w.use(t, method, action, nil); got.Code != 405 {
			t.Errorf("%s %s: %d", method, action, got.Code)
		}
	}
	for _, target := range []string{"javascript:alert(1)", "//evil.example", "", "data:text/html,x"} {
		if got := w.use(t, http.MethodGet, link.Click, func(l *link.Link) { l.Target = target }); got.Code != 404 || got.Header().Get("Location") != "" {
			t.Errorf("%q: %d %v", target, got.Code, got.Header())
		}
	}
	if len(w.seen.Arrivals()) != 0 {
		t.Errorf("events %v", w.seen.Sums())
	}
	w.door.Links = nil
	if got := w.use(t, http.MethodGet, link.Click, nil); got.Code != 404 {
		t.Errorf("without links: %d", got.Code)
	}
}

// Where the event cannot be kept, people get to where they want all the same.
func TestDoor_LeadsOnWhateverHappens(t *testing.T) {
	t.Parallel()
	w := build(t)
	w.seen.Err = errors.New("full")
	if got := w.use(t, http.MethodGet, link.Click, nil); got.Code != 302 {
		t.Errorf("%d", got.Code)
	}
	w.seen.Err = nil
	got := w.use(t, http.MethodGet, link.Click, func(l *link.Link) { l.Identifier = "nobody" })
	if got.Code != 302 || len(w.seen.Arrivals()) != 0 {
		t.Errorf("%d %s", got.Code, fmt.Sprint(w.seen.Sums()))
	}
}
