package broadcast_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"rapport/internal/broadcast"
	"rapport/internal/clock"
	"rapport/internal/effect"
	"rapport/internal/fault"
	"rapport/internal/profile"
)

func at(t *testing.T, text string) clock.Instant {
	t.Helper()
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return clock.From(when)
}

func person(zone string) *profile.View {
	v := &profile.View{ID: "p", Traits: map[string]json.RawMessage{}}
	if zone != "" {
		v.Traits["tz"] = json.RawMessage(`"` + zone + `"`)
	}
	return v
}

func TestQuietHours_EndInTheZoneOfThePerson(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ quiet, zone, now, want string }{
		{`{"from":"21:00","to":"08:00","time_zone":"Europe/Berlin"}`, "", "2026-11-22T20:30:00Z", "2026-11-23T07:00:00.000Z"}, // 21:30 there
		{`{"from":"21:00","to":"08:00","time_zone":"Europe/Berlin"}`, "", "2026-11-22T19:59:59Z", ""},
		{`{"from":"21:00","to":"08:00","time_zone":"Europe/Berlin"}`, "", "2026-11-23T07:00:00Z", ""},
		{`{"from":"21:00","to":"08:00","trait":"tz"}`, "Asia/Tokyo", "2026-11-22T12:30:00Z", "2026-11-22T23:00:00.000Z"}, // 21:30 there
		{`{"from":"21:00","to":"08:00","trait":"tz"}`, "Asia/Tokyo", "2026-11-22T22:30:00Z", "2026-11-22T23:00:00.000Z"}, // 07:30 there
		{`{"from":"21:00","to":"08:00","trait":"tz"}`, "no zone", "2026-11-22T23:00:00Z", "2026-11-23T08:00:00.000Z"},
		{`{"from":"12:00","to":"13:30"}`, "", "2026-11-22T12:00:00Z", "2026-11-22T13:30:00.000Z"},
		{`{"from":"12:00","to":"13:30"}`, "", "2026-11-22T13:30:00Z", ""},
		// The night in which the clocks are put forward: 08:00 comes an hour sooner.
		{`{"from":"21:00","to":"08:00","time_zone":"Europe/Berlin"}`, "", "2026-03-28T22:00:00Z", "2026-03-29T06:00:00.000Z"},
	} {
		b, err := broadcast.Read([]byte(`{"segment":"s","destination":"d","quiet_hours":` + c.quiet + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := b.QuietHours.After(person(c.zone), at(t, c.now)).String(); got != c.want {
			t.Errorf("%s, zone %q at %s: %q, not %q", c.quiet, c.zone, c.now, got, c.want)
		}
	}
}

func TestRead_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`{"destination":"d"}`: "segment is missing",
		`{"segment":"s"}`:     "destination is missing",
		`{"segment":"s","destination":"d","hold_out":100}`:                                               "0 to 99",
		`{"segment":"s","destination":"d","content":[]}`:                                                 "content is no object",
		`{"segment":"s","destination":"d","quiet_hours":{"from":"9 pm","to":"08:00"}}`:                   "21:00",
		`{"segment":"s","destination":"d","quiet_hours":{"from":"08:00","to":"08:00"}}`:                  "the same",
		`{"segment":"s","destination":"d","quiet_hours":{"from":"1:00","to":"2:00","time_zone":"Mars"}}`: "Europe/Berlin",
		`{"segment":"s","destination":"d","frequency":{"most":0,"in":"1h"}}`:                             "1 to 32",
		`{"segment":"s","destination":"d","frequency":{"most":1,"in":"9999h"}}`:                          "at most",
		`{"segment":"s","destination":"d","subject":"x"}`:                                                "subject",
	} {
		if _, err := broadcast.Read([]byte(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", document, err)
		}
	}
}

func TestVerdict_NamesTheFirstReason(t *testing.T) {
	t.Parallel()
	now := clock.Instant(1_000_000_000_000_000)
	b := &broadcast.Broadcast{Frequency: &broadcast.Frequency{Most: 2, In: effect.Span(time.Hour)}}
	often := []clock.Instant{now.Add(-time.Minute), now.Add(-59 * time.Minute), now.Add(-2 * time.Hour)}
	for _, c := range []struct {
		broadcast.Candidate
		want string
	}{
		{broadcast.Candidate{}, ""},
		{broadcast.Candidate{Told: true, Refused: "denied"}, broadcast.Told},
		{broadcast.Candidate{Refused: "denied", NoAddress: true}, "denied"},
		{broadcast.Candidate{NoAddress: true, Recent: often}, broadcast.NoAddress},
		{broadcast.Candidate{Recent: often, Problem: "x"}, broadcast.TooOften},
		{broadcast.Candidate{Recent: often[1:], Problem: "x"}, broadcast.Unwritten},
		{broadcast.Candidate{Recent: often[1:]}, ""},
	} {
		if got := b.Verdict("k", &c.Candidate, now); got != c.want {
			t.Errorf("%+v: %q", c.Candidate, got)
		}
	}
}

// Those to compare with are as many as asked for, the same each time, and not the
// same for two broadcasts.
func TestVerdict_HoldsOutItsShare(t *testing.T) {
	t.Parallel()
	b := &broadcast.Broadcast{HoldOut: 12.5}
	n, both := 0, 0
	for i := range 20_000 {
		c := broadcast.Candidate{Person: fmt.Sprint(i)}
		one := b.Verdict("one", &c, 0) == broadcast.HeldOut
		if one != (b.Verdict("one", &c, 0) == broadcast.HeldOut) {
			t.Fatal("asked twice it is another answer")
		}
		if one {
			n++
			if b.Verdict("two", &c, 0) == broadcast.HeldOut {
				both++
			}
		}
	}
	// Six standard deviations of a binomial.
	if n < 2500-281 || n > 2500+281 || both < 312-100 || both > 312+100 {
		t.Errorf("%d of 20000, %d in both", n, both)
	}
}

func TestTimes_KeepsTheNewestAndIsReadBack(t *testing.T) {
	t.Parallel()
	var list []clock.Instant
	for i := range 40 {
		list = append(list, clock.Instant(1000-i), clock.Instant(1000-i))
	}
	got := broadcast.ReadTimes(broadcast.Times(list))
	if len(got) != 32 || got[0] != 969 || got[31] != 1000 {
		t.Errorf("%v", got)
	}
	if got := broadcast.ReadTimes(""); got != nil {
		t.Errorf("%v", got)
	}
}

func TestHear_FollowsTheStates(t *testing.T) {
	t.Parallel()
	rules := &broadcast.Rules{Approval: true}
	var p broadcast.Progress
	p.State = broadcast.Draft
	say := func(what, who, want string) {
		t.Helper()
		next, err := p.Hear(broadcast.Word{What: what, Who: "key of " + who, Person: who, When: 10, Author: "ann", About: 3, Rules: rules, At: 50})
		switch {
		case err == nil && want == "":
			p = next
		case err == nil || want == "" || codeOf(err) != want:
			t.Errorf("%s by %s on %s: %v, not %q", what, who, p.State, err, want)
		}
	}
	say("send", "ann", "not_approved")
	say("approve", "ann", "own_broadcast")
	say("approve", "bob", "")
	say("pause", "bob", "broadcast_state")
	say("send", "ann", "")
	if p.State != broadcast.Scheduled || p.Begins != 50 || p.Due(49) || !p.Due(50) || p.Changeable() == nil {
		t.Errorf("%+v", p)
	}
	say("send", "ann", "broadcast_state")
	say("pause", "ann", "")
	if p.Due(60) {
		t.Error("a paused one is due")
	}
	say("resume", "ann", "")
	say("stop", "ann", "")
	if p.State != broadcast.Draft || p.Approved != 3 || p.Changeable() != nil {
		t.Errorf("%+v", p)
	}
	say("send", "ann", "")
	p = p.Begin(0, 60)
	if p.State != broadcast.Sending || p.Position == 0 || !p.Due(60) {
		t.Errorf("%+v", p)
	}
	say("pause", "ann", "")
	say("resume", "ann", "")
	if p.State != broadcast.Sending {
		t.Errorf("%+v", p)
	}
	say("stop", "ann", "")
	say("resume", "ann", "broadcast_state")
	say("send", "ann", "broadcast_state")
	say("sing", "ann", "unknown_command")
	b, err := p.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := broadcast.ReadProgress(b); err != nil || again != p {
		t.Errorf("%+v %v", again, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"segment":"s","destination":"d","quiet_hours":{"from":"21:00","to":"08:00"},"frequency":{"most":1,"in":"1h"},"at":"2026-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		b, err := broadcast.Read(document)
		if err != nil {
			return
		}
		now := clock.Instant(1_790_000_000_000_000)
		if after := b.QuietHours.After(person(""), now); after != 0 && (after <= now || after.Sub(now) > 25*time.Hour) {
			t.Errorf("%s: quiet until %v at %v", document, after, now)
		}
	})
}

func codeOf(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f.Code
	}
	return ""
}
