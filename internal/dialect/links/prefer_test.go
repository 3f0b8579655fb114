package links_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"rapport/internal/dialect/links"
	"rapport/internal/message/link"
)

// chooser is a world in which a recipient has two kinds of messages.
func chooser(t *testing.T, language string) (*world, *[]links.Choice) {
	t.Helper()
	w := build(t)
	have := []links.Choice{
		{Purpose: "marketing", Channel: "email", Name: "Offers", Names: map[string]string{"de": "Angebote"}, On: true},
		{Purpose: "re|search", Channel: "sms", Name: "Surveys & more"},
	}
	w.door.Standing = func(context.Context, link.Link) (*links.Standing, error) {
		return &links.Standing{Language: language, Choices: append([]links.Choice(nil), have...)}, nil
	}
	w.door.Choose = func(_ context.Context, _ link.Link, choices []links.Choice) error {
		for _, c := range choices {
			for i := range have {
				if have[i].Purpose == c.Purpose && have[i].Channel == c.Channel {
					have[i].On = c.On
				}
			}
		}
		return nil
	}
	return w, &have
}

// field is an input of a form.
type field struct {
	name, value string
	on          bool
}

// fields are the inputs of a page, and whether each of those one sees has a label.
func fields(t *testing.T, page string) (out []field) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "input" {
			continue
		}
		f, kind := field{}, ""
		for _, a := range n.Attr {
			switch a.Key {
			case "name":
				f.name = a.Val
			case "value":
				f.value = a.Val
			case "type":
				kind = a.Val
			case "checked":
				f.on = true
			}
		}
		if kind != "hidden" && n.Parent.Data != "label" {
			t.Errorf("the input %s has no label", f.value)
		}
		out = append(out, f)
	}
	return out
}

func (w *world) post(t *testing.T, form url.Values) *httptest.ResponseRecorder {
	t.Helper()
	l := about
	l.Action = link.Preferences
	u, err := url.Parse(w.maker.URL(l))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, u.Path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	out := httptest.NewRecorder()
	w.door.ServeHTTP(out, r)
	return out
}

func TestPreferences_AreShownAndChangedWithoutScript(t *testing.T) {
	t.Parallel()
	w, have := chooser(t, "")
	r := w.use(t, http.MethodGet, link.Preferences, nil)
	page := r.Body.String()
	if r.Code != 200 || strings.Contains(page, "Ada@") || !strings.Contains(page, "A•••@example.org") || strings.Contains(page, "<script") || !strings.Contains(page, "Surveys &amp; more") {
		t.Fatalf("%d %s", r.Code, page)
	}
	form := url.Values{}
	for _, f := range fields(t, page) {
		if f.name == "choice" || f.on || strings.HasPrefix(f.value, "re%7Csearch") {
			form.Add(f.name, f.value)
		}
	}
	// Both are wanted now.
	if r := w.post(t, form); r.Code != 200 || !strings.Contains(r.Body.String(), `role="status"`) {
		t.Fatalf("%d %s", r.Code, r.Body)
	}
	if !(*have)[0].On || !(*have)[1].On {
		t.Errorf("%+v", *have)
	}
	// A form that shows only one changes only that.
	w.post(t, url.Values{"choice": {"re%7Csearch|sms"}})
	if !(*have)[0].On || (*have)[1].On {
		t.Errorf("%+v", *have)
	}
	w.post(t, url.Values{"none": {"1"}})
	if (*have)[0].On {
		t.Errorf("%+v", *have)
	}
	if e := w.seen.Only(t).Event; e.Name != "Unsubscribed" {
		t.Errorf("event %+v", e)
	}
}

func TestPages_SpeakTheLanguageOfTheirReader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ person, accept, want string }{
		{"", "", "en"}, {"", "de-AT,en;q=0.5", "de"}, {"", "fr, de;q=0.3", "de"}, {"", "de;q=0, en", "en"}, {"de", "en", "de"}, {"fr", "de", "de"}, {"fr", "fr", "en"},
	} {
		w, _ := chooser(t, c.person)
		for _, action := range []link.Action{link.Preferences, link.Unsubscribe} {
			l := about
			l.Action = action
			u, err := url.Parse(w.maker.URL(l))
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, u.Path, http.NoBody)
			r.Header.Set("Accept-Language", c.accept)
			out := httptest.NewRecorder()
			w.door.ServeHTTP(out, r)
			if got := out.Header().Get("Content-Language"); got != c.want || !strings.Contains(out.Body.String(), `<html lang="`+c.want+`">`) {
				t.Errorf("%+v, %s: %s", c, action, got)
			}
		}
	}
}
