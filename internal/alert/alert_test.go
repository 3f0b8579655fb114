package alert_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rapport/internal/alert"
	"rapport/internal/clock"
	"rapport/internal/fault"
	"rapport/internal/health"
)

const begin = clock.Instant(1_772_366_400_000_000) // 2026-03-01T12:00:00Z

func rule(t *testing.T, key, when string, more ...string) *alert.Rule {
	t.Helper()
	r, err := alert.Read(key, []byte(`{"name":"`+key+`","send_to":["ops"],"when":`+when+strings.Join(append([]string{""}, more...), ",")+`}`))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// states are what was said, the oldest first.
func states(b *alert.Book) (out []string) {
	for _, s := range slices.Backward(b.Said()) {
		out = append(out, string(s.State)+" "+s.About)
	}
	return out
}

func expect(t *testing.T, b *alert.Book, want ...string) {
	t.Helper()
	if got := states(b); !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
}

func TestLook_SaysOnceWhatLastsAndThatItIsOver(t *testing.T) {
	t.Parallel()
	b := alert.New()
	rules := []*alert.Rule{rule(t, "crm", `{"destination_failing":{}}`, `"for":"1m"`, `"repeat":"1h"`)}
	at := func(d time.Duration, state string) {
		b.Look(rules, &health.HealthReport{CheckedAt: begin.Add(d), Destinations: []health.ToldDestination{{Key: "crm", State: state, Problem: "refused"}}})
	}
	at(0, "failing")
	at(50*time.Second, "failing")
	expect(t, b)
	at(55*time.Second, "delivering") // it did not last
	at(60*time.Second, "failing")
	at(119*time.Second, "failing")
	expect(t, b)
	for s := 120; s < 3700; s += 10 {
		at(time.Duration(s)*time.Second, "failing")
	}
	expect(t, b, "fired destination:crm")
	at(3720*time.Second, "stopped")
	expect(t, b, "fired destination:crm", "repeated destination:crm")
	// It comes and goes: it is not over yet.
	at(3730*time.Second, "delivering")
	at(3780*time.Second, "failing")
	at(3790*time.Second, "delivering")
	if s := b.Standing(); len(s) != 1 || s[0].Since != begin.Add(time.Minute) || s[0].Gone == 0 {
		t.Errorf("%+v", s)
	}
	at(3850*time.Second, "delivering")
	expect(t, b, "fired destination:crm", "repeated destination:crm", "recovered destination:crm")
	if len(b.Standing()) != 0 {
		t.Errorf("%+v", b.Standing())
	}
}

func TestLook_WhatItSaidOutlastsARestartAndEndsWithItsAlert(t *testing.T) {
	t.Parallel()
	b := alert.New()
	rules := []*alert.Rule{rule(t, "full", `{"disk":{}}`, `"for":"0s"`)}
	report := func(d time.Duration) *health.HealthReport {
		return &health.HealthReport{CheckedAt: begin.Add(d), Disk: health.DiskReport{Path: "/d", Total: 100, Free: 3}}
	}
	b.Look(rules, report(0))
	kept, err := b.Keep()
	if err != nil || kept == nil {
		t.Fatal(err)
	}
	b = alert.New()
	if err := b.Remember(kept); err != nil {
		t.Fatal(err)
	}
	b.Look(rules, report(time.Minute))
	expect(t, b, "fired disk")
	b.Look(nil, report(2*time.Minute))
	expect(t, b, "fired disk", "ended disk")
	if told := b.Said()[0].Told; len(told) != 0 {
		t.Errorf("an alert that was taken away is told to %+v", told)
	}
	if err := b.Remember([]byte("[")); err == nil {
		t.Error("a damaged file is read")
	}
}

func TestLook_FindsEachKindOfTrouble(t *testing.T) {
	t.Parallel()
	soon := begin.Add(20 * time.Hour).String()
	for when, c := range map[string]struct {
		spoil func(h *health.HealthReport)
		about string
	}{
		`{"source_silent":{"sources":["shop"],"after":"30m"}}`: {func(h *health.HealthReport) {
			h.Sources = []health.SeenSource{
				{Key: "shop", Status: "healthy", Last: begin.Add(-31 * time.Minute)}, {Key: "other", Status: "quiet", Last: 1}, {Key: "never", Status: "silent"},
			}
		}, "source:shop"},
		`{"destination_failing":{"destinations":["crm"]}}`: {func(h *health.HealthReport) {
			h.Destinations = []health.ToldDestination{{Key: "crm", State: "stopped"}, {Key: "mail", State: "failing"}}
		}, "destination:crm"},
		`{"disk":{"free_below":0.2}}`: {func(h *health.HealthReport) { h.Disk = health.DiskReport{Total: 100, Free: 19} }, "disk"},
		`{"disk":{"full_in":"24h"}}`:  {func(h *health.HealthReport) { h.Disk = health.DiskReport{Total: 100, Free: 80, FullAt: &soon} }, "disk"},
		`{"lag":{"above":"30s"}}`:     {func(h *health.HealthReport) { h.Late.Seconds = 31 }, ""},
		`{"certificate":{}}`:          {func(h *health.HealthReport) { h.Certificate = &health.Certificate{Expires: begin.Add(100 * time.Hour)} }, "certificate"},
		`{"certificate":{"within":"24h"}}`: {func(h *health.HealthReport) {
			h.Certificate = &health.Certificate{Expires: begin.Add(1000 * time.Hour), Error: "refused"}
		}, "certificate"},
		`{"finding":{"codes":["stuck"]}}`: {func(h *health.HealthReport) {
			h.Findings = []health.Finding{{Code: "stuck", Severity: health.Critical, About: "lane:1", Message: "It is stuck."}, {Code: "disk", Severity: health.Critical}}
		}, "stuck lane:1"},
	} {
		b, h := alert.New(), &health.HealthReport{CheckedAt: begin}
		r := rule(t, "it", when, `"for":"0s"`)
		b.Look([]*alert.Rule{r}, h)
		if got := states(b); len(got) != 0 {
			t.Errorf("%s: %q though all is well", when, got)
		}
		c.spoil(h)
		b.Look([]*alert.Rule{r}, h)
		expect(t, b, "fired "+c.about)
		if s := b.Said(); len(s) == 1 && (s[0].Message == "" || s[0].Title != "it") {
			t.Errorf("%s: %+v", when, s[0])
		}
	}
}

func TestLook_DeadLettersThatRise(t *testing.T) {
	t.Parallel()
	b := alert.New()
	rules := []*alert.Rule{rule(t, "dead", `{"dead_letters":{"rise":10,"within":"10m"}}`, `"for":"0s"`)}
	at := func(minutes int, events uint64, messages int64) {
		b.Look(rules, &health.HealthReport{
			CheckedAt: begin.Add(time.Duration(minutes) * time.Minute), DeadLetters: events, Destinations: []health.ToldDestination{{Key: "crm", Dead: messages}},
		})
	}
	at(0, 1000, 5) // what was there before rose earlier
	at(5, 1009, 5)
	expect(t, b)
	at(16, 1015, 5) // slowly
	expect(t, b)
	at(17, 1025, 5)
	expect(t, b, "fired events")
	at(18, 0, 5) // discarded
	expect(t, b, "fired events", "recovered events")
	at(19, 0, 15)
	expect(t, b, "fired events", "recovered events", "fired destination:crm")
}

func TestLook_AnHourThatIsNotAsUsual(t *testing.T) {
	t.Parallel()
	b := alert.New()
	rules := []*alert.Rule{rule(t, "volume", `{"volume_anomaly":{}}`, `"for":"0s"`)}
	n, h := uint64(0), 0
	pass := func(hours int, each func(hourOfDay int) uint64) {
		for range hours {
			n += each((12 + h) % 24)
			h++
			for _, s := range []int{5, 1805} {
				b.Look(rules, &health.HealthReport{CheckedAt: begin.Add(time.Duration(h)*time.Hour + time.Duration(s)*time.Second), Sources: []health.SeenSource{{Key: "shop", Status: "healthy", Received: n}}})
			}
		}
	}
	// At night little comes, and that is as usual.
	usual := func(hour int) uint64 { return map[bool]uint64{true: 120, false: 5000}[hour < 6] }
	pass(6*24, usual)
	expect(t, b)
	pass(1, func(hour int) uint64 { return usual(hour) * 4 / 10 })
	expect(t, b, "fired source:shop")
	pass(1, usual)
	expect(t, b, "fired source:shop", "recovered source:shop")
	pass(1, func(hour int) uint64 { return usual(hour) * 4 })
	expect(t, b, "fired source:shop", "recovered source:shop", "fired source:shop")
}

// What is counted of sources and destinations is forgotten with them, so that what
// is kept does not grow for ever.
func TestLook_ForgetsCountsOfWhatIsGone(t *testing.T) {
	t.Parallel()
	b := alert.New()
	rules := []*alert.Rule{rule(t, "dead", `{"dead_letters":{"rise":10,"within":"1h"}}`, `"for":"0s"`)}
	at := func(minutes int, sources []health.SeenSource, destinations ...health.ToldDestination) string {
		t.Helper()
		b.Look(rules, &health.HealthReport{CheckedAt: begin.Add(time.Duration(minutes) * time.Minute), Sources: sources, Destinations: destinations})
		kept, err := b.Keep()
		if err != nil {
			t.Fatal(err)
		}
		return string(kept)
	}
	shop, blog := health.SeenSource{Key: "shop"}, health.SeenSource{Key: "blog"}
	if kept := at(0, []health.SeenSource{shop, blog}, health.ToldDestination{Key: "crm", Dead: 5}); !strings.Contains(kept, "blog") {
		t.Fatalf("kept: %s", kept)
	}
	if kept := at(1, []health.SeenSource{shop}); strings.Contains(kept, "blog") || !strings.Contains(kept, "shop") {
		t.Errorf("kept: %s", kept)
	}
	// One that is made anew under the key begins anew.
	at(2, []health.SeenSource{shop}, health.ToldDestination{Key: "crm", Dead: 100})
	expect(t, b)
}

// The history has one order, whichever was said first of what was said at a time.
func TestSaid_IsInTheOrderOfTimeAndThenOfIDs(t *testing.T) {
	t.Parallel()
	b := alert.New()
	for i, name := range []string{"b", "c", "a"} {
		b.Test(rule(t, name, `{"lag":{}}`), begin.Add(time.Duration(i/2)*time.Second))
	}
	var got []string
	for _, s := range b.Said() {
		got = append(got, s.Alert)
	}
	if strings.Join(got, "") != "abc" {
		t.Errorf("%v", got)
	}
}

func TestDue_TriesAgainInOrderAndGivesUp(t *testing.T) {
	t.Parallel()
	b := alert.New()
	r := rule(t, "x", `{"lag":{}}`, `"for":"0s"`)
	b.Test(r, begin)
	late := &health.HealthReport{CheckedAt: begin.Add(time.Second), Late: health.Late{Seconds: 1000}}
	b.Look([]*alert.Rule{r}, late)
	now := late.CheckedAt
	due := b.Due(now)
	if len(due) != 1 || due[0].State != alert.Tested {
		t.Fatalf("%+v", due) // the one behind it waits for it
	}
	b.Done(due[0].ID, "ops", alert.Result{Outcome: alert.Waiting, Reason: "no answer", After: time.Minute}, now)
	if got := b.Due(now.Add(59 * time.Second)); len(got) != 0 {
		t.Errorf("too early: %+v", got)
	}
	now = now.Add(time.Minute)
	b.Done(b.Due(now)[0].ID, "ops", alert.Result{Outcome: alert.Delivered, Reason: "", After: 0}, now)
	due = b.Due(now)
	if len(due) != 1 || due[0].State != alert.Fired {
		t.Fatalf("%+v", due)
	}
	attempts := 0
	for ; len(due) > 0 && attempts < 1000; attempts++ {
		b.Done(due[0].ID, "ops", alert.Result{Outcome: alert.Waiting, Reason: "no answer", After: 0}, now)
		now = now.Add(10 * time.Minute)
		due = b.Due(now)
	}
	told := b.Said()[0].Told[0]
	if told.Outcome != alert.GivenUp || told.Attempts < 100 || told.Attempts > 150 || told.Reason == "" {
		t.Errorf("after %d attempts: %+v", attempts, told)
	}
	for i := range 1200 {
		b.Test(r, now.Add(time.Duration(i)*time.Second))
	}
	if n := len(b.Said()); n != 1000 {
		t.Errorf("%d entries are kept", n)
	}
}

func TestRead_NamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for document, field := range map[string]string{
		`{`:                                      "/",
		`{"name":"x","when":{"lag":{}}}`:         "/send_to",
		`{"when":{"lag":{}},"send_to":["a"]}`:    "/name",
		`{"name":"x","when":{},"send_to":["a"]}`: "/when",
		`{"name":"x","when":{"lag":{},"disk":{}},"send_to":["a"]}`:                             "/when",
		`{"name":"x","when":{"lag":{"above":"soon"}},"send_to":["a"]}`:                         "/when/lag/above",
		`{"name":"x","when":{"lag":{}},"for":"48h","send_to":["a"]}`:                           "/for",
		`{"name":"x","when":{"lag":{}},"repeat":"1s","send_to":["a"]}`:                         "/repeat",
		`{"name":"x","when":{"disk":{"free_below":2}},"send_to":["a"]}`:                        "/when/disk/free_below",
		`{"name":"x","when":{"finding":{"severity":"loud"}},"send_to":["a"]}`:                  "/when/finding/severity",
		`{"name":"x","when":{"volume_anomaly":{"below":1.5}},"send_to":["a"]}`:                 "/when/volume_anomaly/below",
		`{"name":"x","when":{"volume_anomaly":{"above":0.5}},"send_to":["a"]}`:                 "/when/volume_anomaly/above",
		`{"name":"x","when":{"volume_anomaly":{"above":0,"below":0}},"send_to":["a"]}`:         "/when/volume_anomaly",
		fmt.Sprintf(`{"name":%q,"when":{"lag":{}},"send_to":["a"]}`, strings.Repeat("x", 201)): "/name",
		`{"name":"x","when":{"dead_letters":{"rise":-1}},"send_to":["a"]}`:                     "/when/dead_letters/rise",
		`{"name":"x","when":{"lag":{}},"send_to":["a"],"unknown":1}`:                           "/",
		`{"name":"x","when":{"lag":{}},"send_to":["a"]}}`:                                      "/",
		`{"name":"x","when":{"lag":{}},"send_to":["a"]} {}`:                                    "/",
	} {
		_, err := alert.Read("x", []byte(document))
		if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Kind != fault.Invalid || f.Field != field {
			t.Errorf("%s: %v", document, err)
		}
	}
}
