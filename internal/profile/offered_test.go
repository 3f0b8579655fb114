package profile_test

import (
	"fmt"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
	"rapport/internal/profile"
	offers "rapport/internal/profile/shown"
)

func offered(t *testing.T, name string, at clock.Instant, offer string) *event.Event {
	t.Helper()
	doc, err := jsondoc.Parse(fmt.Appendf(nil, `{"placement":"hero","offer":%q,"channel":"web"}`, offer), jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	e := &event.Event{
		Type: event.Track, Name: name, Time: at, ReceivedAt: at, Source: "shop", Channel: "web",
		Identifiers: []event.Identifier{{Namespace: event.AnonymousID, Value: "a"}}, Properties: doc.Root(),
	}
	if name == offers.DecisionMade {
		e.Source, e.Verified = offers.Source, true
	}
	return e
}

func TestFold_KeepsWhatWasOfferedThroughPartsAndMerges(t *testing.T) {
	t.Parallel()
	const minute = clock.Instant(60_000_000)
	p := profile.New()
	p.Fold(offered(t, "Offer Viewed", 10*minute, "o1"), profile.Input{Short: 1})
	parts := [][]byte{p.AppendFull(nil)}
	p.Fold(offered(t, "Offer Clicked", 11*minute, "o1"), profile.Input{Short: 2})
	parts = append(parts, p.AppendChanges(nil))
	increment := profile.After(p.Times())
	increment.Fold(offered(t, "Offer Viewed", 12*minute, "o2"), profile.Input{Short: 3})
	parts = append(parts, increment.AppendIncrement(nil))
	back, err := profile.Decode(parts, profile.NewNames())
	if err != nil {
		t.Fatal(err)
	}
	other := profile.New()
	other.Fold(offered(t, "Offer Viewed", 13*minute, "o1"), profile.Input{Short: 4})
	s := profile.Merged([]*profile.Partial{back, other, profile.New()}).Shown()
	got := ""
	for _, e := range s.Entries() {
		got += fmt.Sprintf("%s %d/%d ", e.Offer, e.Ever(offers.Viewed), e.Ever(offers.Clicked))
	}
	if got != "o1 2/1 o2 1/0 " {
		t.Errorf("got %s", got)
	}
}

func TestFold_ADecisionOpensNoSession(t *testing.T) {
	t.Parallel()
	p := profile.New()
	p.Fold(offered(t, offers.DecisionMade, 60_000_000, "o1"), profile.Input{Short: 1})
	if p.Due() != 0 {
		t.Error("a session was opened")
	}
	p.Fold(offered(t, "Offer Viewed", 60_000_000, "o1"), profile.Input{Short: 2})
	if p.Due() == 0 {
		t.Error("something seen opens one")
	}
}
