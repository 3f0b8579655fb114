package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/store/memory"
)

// letters lists the dead letters that wait and checks that the sums say so.
func letters(t *testing.T, p *Pipeline, want Accounting) []DeadLetterView {
	t.Helper()
	page, err := p.DeadLetters(t.Context(), DeadLetterQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Accounting(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a.Reasons, want.Received = nil, 6
	if fmt.Sprint(a) != fmt.Sprint(want) || len(page.Items) != int(a.DeadLettered) {
		t.Fatalf("the sums are %+v, want %+v; %d letters are listed", a, want, len(page.Items))
	}
	return page.Items
}

// What a mapping of today does not understand, though it was stored once, is a
// dead letter after a rebuild, to be replayed or discarded, and an event again
// where a later rebuild understands it.
func TestDeadLetters_AnEventThatIsNotUnderstoodAgainIsOne(t *testing.T) {
	t.Parallel()
	disk := memory.NewDisk()
	refused := "Odd" // by the mapping
	settings := func() Config {
		c := config(memory.Open(disk), 2, 3)
		old, refuse := mapper(), refused
		c.Mappers = map[string]event.Mapper{"test": func(env *event.Envelope, body jsondoc.Value) (*event.Event, error) {
			if name, _ := body.Get("event").Str(); refuse != "" && strings.HasPrefix(name, refuse) {
				return nil, errors.New("the name is odd")
			}
			return old(env, body)
		}}
		return c
	}
	open := func() *Pipeline {
		p, err := Open(context.Background(), settings(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	rebuild := func() *Pipeline {
		if err := Rebuild(context.Background(), settings(), nil); err != nil {
			t.Fatal(err)
		}
		return open()
	}
	p := open()
	var facts []fact
	for n, name := range []string{"Odd 1", "Fine 2", "Odd 3", "Odd 4", "Fine 5", "Fine 6"} {
		at := worldStart.Add(time.Duration(n) * time.Minute)
		facts = append(facts, fact{received: at, body: fmt.Sprintf(`{"type":"track","event":%q,"userId":"u","messageId":"m%d","timestamp":%q}`, name, n, at), kind: event.Track})
	}
	play(t, p, facts, 2)
	letters(t, p, Accounting{Stored: 6})
	closeNow(t, p)

	p = rebuild()
	list := letters(t, p, Accounting{Stored: 3, DeadLettered: 3})
	one, err := p.DeadLetter(t.Context(), list[0].ID)
	if err != nil || one.Reason != reasonUnread || !strings.Contains(one.Body, "Odd 1") || one.Message != "the name is odd" {
		t.Errorf("the letter is %+v, %v", one, err)
	}
	if _, err := p.ReplayDeadLetter(t.Context(), list[0].ID); fault.KindOf(err) != fault.Conflict {
		t.Errorf("replayed as it is: %v", err)
	}
	if _, err := p.DiscardDeadLetter(t.Context(), list[1].ID); err != nil {
		t.Fatal(err)
	}
	closeNow(t, p)

	p = rebuild() // what was discarded stays so
	letters(t, p, Accounting{Stored: 3, DeadLettered: 2, Rejected: 1})
	closeNow(t, p)

	refused = "" // the mapping is mended, the state is as it was
	p = open()
	list = letters(t, p, Accounting{Stored: 3, DeadLettered: 2, Rejected: 1})
	if _, err := p.ReplayDeadLetter(t.Context(), list[0].ID); err != nil {
		t.Fatal(err)
	}
	letters(t, p, Accounting{Stored: 4, DeadLettered: 1, Rejected: 1})
	closeNow(t, p)

	refused = "Odd" // one is stored by nobody's mapping now, two are letters
	p = rebuild()
	letters(t, p, Accounting{Stored: 3, DeadLettered: 2, Rejected: 1})
	closeNow(t, p)

	refused = ""
	p = rebuild()
	defer closeNow(t, p)
	letters(t, p, Accounting{Stored: 6})
}
