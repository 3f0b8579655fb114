package httpapi

import (
	"encoding/json"
	"strings"
	"testing"

	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
)

func TestSheet_HasAColumnForEachThingAskedFor(t *testing.T) {
	t.Parallel()
	s, err := sheetOf(&exportQuestion{Identifiers: "email, user_id", Traits: "plan,computed.ltv,gone"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.columns, " "); got != "profile_id since email user_id plan computed.ltv gone" {
		t.Errorf("the columns are %s", got)
	}
	v := &profile.View{
		Traits:      map[string]json.RawMessage{"plan": json.RawMessage(`"gold"`), "ltv": json.RawMessage("1")},
		Identifiers: []profile.IdentifierSeen{{Identifier: event.Identifier{Namespace: "user_id", Value: "u1"}}},
	}
	v.Computed.Traits = map[string]json.RawMessage{"ltv": json.RawMessage("12.50")}
	row := s.row(&pipeline.MemberProfile{SegmentMember: pipeline.SegmentMember{ID: "p1", Since: 1_000_000}, Profile: v})
	var got []string
	for _, x := range row {
		got = append(got, string(x))
	}
	if want := `"p1"|"1970-01-01T00:00:01.000Z"||"u1"|"gold"|12.50|`; strings.Join(got, "|") != want {
		t.Errorf("the row is %s, want %s", strings.Join(got, "|"), want)
	}
}

func TestSheet_RefusesWhatCannotBeAColumn(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]exportQuestion{
		"twice":    {Traits: "plan,plan"},
		"reserved": {Traits: "since"},
		"many":     {Traits: strings.Repeat("a,b", exportColumns)},
	} {
		if _, err := sheetOf(&in); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
