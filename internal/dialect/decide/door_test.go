package decide

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"rapport/internal/assigner"
	"rapport/internal/dialect"
	"rapport/internal/experiment"
	"rapport/internal/identity"
	"rapport/internal/responder"
)

type deciding struct{ decided int }

func (d *deciding) Decide(context.Context, *responder.Request) (*responder.WhatToShow, error) {
	d.decided++
	return &responder.WhatToShow{Decisions: []responder.ShownDecision{{Placement: "p"}}}, nil
}

func (*deciding) Flush(context.Context) error { return nil }

type assigning struct{}

func (assigning) Assign(context.Context, *assigner.Request) (*assigner.Answer, error) {
	return &assigner.Answer{
		Assignments: []experiment.Assignment{{Experiment: "x", Variant: "a", Reason: experiment.Assigned}}, Controls: make([]json.RawMessage, 1),
	}, nil
}

func (assigning) Flush(context.Context) error { return nil }

type anybody struct{}

func (anybody) Caller(string, string) (dialect.Caller, bool) {
	return dialect.Caller{Source: "s"}, true
}

type ordinary struct{ rules identity.Rules }

func (o *ordinary) Current() *identity.Rules { return &o.rules }

func TestDecide_AsksOnlyForWhatIsWanted(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]struct {
		decided int
		answer  string
	}{
		`{"anonymousId":"d","experiments":["x"]}`:                    {0, `{"decisions":[],"experiments":{"x":{"variant":"a","reason":"assigned"}}}`},
		`{"anonymousId":"d"}`:                                        {0, `{"decisions":[],"experiments":{"x":{"variant":"a","reason":"assigned"}}}`},
		`{"experiments":["x"]}`:                                      {0, `{"decisions":[],"reason":"unidentified","experiments":{"x":{"reason":"unidentified"}}}`},
		`{"anonymousId":"d","placements":["p"]}`:                     {1, `{"decisions":[{"placement":"p"}]}`},
		`{"anonymousId":"d","placements":["p"],"experiments":["x"]}`: {1, `{"decisions":[{"placement":"p"}],"experiments":{"x":{"variant":"a","reason":"assigned"}}}`},
	} {
		d := &deciding{}
		w := httptest.NewRecorder()
		New(Config{Decide: d, Assign: assigning{}, Keys: anybody{}, Rules: &ordinary{identity.DefaultRules()}}).ServeHTTP(w,
			httptest.NewRequestWithContext(t.Context(), "POST", Path, strings.NewReader(body)))
		if got := w.Body.String(); d.decided != want.decided || got != want.answer {
			t.Errorf("%s: decided %d times, %s", body, d.decided, got)
		}
	}
}

// linked tells which QA tokens came, and that none counts.
type linked struct {
	assigning
	links []string
}

func (l *linked) Assign(_ context.Context, q *assigner.Request) (*assigner.Answer, error) {
	l.links = q.Links
	return &assigner.Answer{BadLink: "qa_link_expired"}, nil
}

func TestDecide_TakesQATokensOfThePageToo(t *testing.T) {
	t.Parallel()
	l := &linked{}
	w := httptest.NewRecorder()
	New(Config{Decide: &deciding{}, Assign: l, Keys: anybody{}, Rules: &ordinary{identity.DefaultRules()}}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", Path,
		strings.NewReader(`{"anonymousId":"d","experiments":["x"],"qa":["one"],"context":{"page":{"url":"https://shop.example/a?rapport_qa=two&b=1"}}}`)))
	if got := strings.Join(l.links, " "); got != "one two" || !strings.Contains(w.Body.String(), `"qa":"qa_link_expired"`) {
		t.Errorf("tokens %q, %s", got, w.Body)
	}
}
