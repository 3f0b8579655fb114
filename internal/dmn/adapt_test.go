package dmn_test

import (
	"testing"

	"rapport/internal/dmn"
	"rapport/internal/feel"
)

func TestAdapt_ReadsTextAsTheDeclaredType(t *testing.T) {
	t.Parallel()
	m := compile(t, model(`<itemDefinition name="tTrip"><itemComponent name="from"><typeRef>date</typeRef></itemComponent>`+
		`<itemComponent name="stays" isCollection="true"><typeRef>days and time duration</typeRef></itemComponent></itemDefinition>`+
		input("trip", "tTrip")+decision("D", "", literal("trip.from + trip.stays[1]"), "in:trip")))
	in, _ := m.Find("", "trip")
	v, err := feel.FromGo(map[string]any{"from": "2026-02-27", "stays": []any{"P2D"}, "note": "2026-02-27"})
	if err != nil {
		t.Fatal(err)
	}
	run := m.NewSession(dmn.SessionOptions{})
	run.SetIndex(in.Index, dmn.Adapt(v, in.Type))
	if got, _ := run.Decide("", "D"); !feel.Equal(got, value(t, `@"2026-03-01"`)).IsTrue() {
		t.Errorf("D is %s; %v", got.Literal(), run.Diagnostics())
	}
	if got := dmn.Adapt(feel.String("soon"), feel.DateType); got.Kind() != feel.KindString {
		t.Errorf("text became %s", got.Literal())
	}
}
