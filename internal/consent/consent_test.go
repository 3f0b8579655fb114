package consent_test

import (
	"fmt"
	"testing"

	"rapport/internal/clock"
	"rapport/internal/consent"
	"rapport/internal/event"
	"rapport/internal/jsondoc"
)

func said(purpose, channel string, status consent.Status, at clock.Instant) consent.Said {
	return consent.Said{Entry: consent.Entry{Purpose: purpose, Channel: channel, Status: status}, Time: at}
}

func TestAllowed_AnswersWithTheReason(t *testing.T) {
	t.Parallel()
	s := consent.State{
		said("ads", "", consent.Granted, 10),
		said("ads", "email", consent.Denied, 12),
		said("news", "email", consent.Granted, 10),
		said("news", "", consent.Withdrawn, 20),
		said("sale", "", consent.Denied, 5),
		said("push", "app", consent.Granted, 30),
		said("push", "", consent.Denied, 20),
	}
	rules := &consent.Rules{
		WithoutConsent: []string{"service"},
		Suppressed:     func(channel string) bool { return channel == "sms" },
	}
	for _, x := range []struct {
		purpose, channel string
		at               clock.Instant
		allowed          bool
		reason           string
	}{
		{"ads", "", 10, true, consent.ReasonGranted},
		{"ads", "", 9, false, consent.ReasonUnknown}, // nobody had said yes then
		{"ads", "web", 11, true, consent.ReasonGranted},
		{"ads", "email", 11, true, consent.ReasonGranted},
		{"ads", "email", 12, false, consent.ReasonDenied},
		{"ads", "sms", 12, false, consent.ReasonSuppressed},
		{"news", "email", 15, true, consent.ReasonGranted},
		{"news", "email", 20, false, consent.ReasonWithdrawn}, // the later no holds for all
		{"push", "app", 40, true, consent.ReasonGranted},      // the later yes holds for its channel
		{"push", "web", 40, false, consent.ReasonDenied},
		{"sale", "web", 6, false, consent.ReasonDenied},
		{"service", "email", 1, true, consent.ReasonAllowed},
		{"unknown", "email", 1, false, consent.ReasonUnknown},
	} {
		if got, reason := s.Allowed(rules, x.purpose, x.channel, x.at); got != x.allowed || reason != x.reason {
			t.Errorf("%s on %q at %d: %t, %s; want %t, %s", x.purpose, x.channel, x.at, got, reason, x.allowed, x.reason)
		}
	}
	if got, reason := consent.State(nil).Allowed(nil, "service", "email", 1); got || reason != consent.ReasonUnknown {
		t.Errorf("without rules: %t, %s", got, reason)
	}
}

func TestRead_FindsWhatAnEventSays(t *testing.T) {
	t.Parallel()
	for context, want := range map[string]string{
		`{}`: `[]`,
		`{"consent":{"categoryPreferences":{"ads":true,"sale":false,"odd":"yes"}}}`: `[{ads  granted  } {sale  denied  }]`,
		`{"gpc":true}`:              `[{advertising  denied gpc }]`,
		`{"gpc":false,"dnt":"yes"}`: `[]`,
		`{"consent":{"purposes":[{"purpose":"news","channel":"email","status":"withdrawn","proof":"p","version":"2"},{"purpose":"","status":"granted"},{"purpose":"x","status":"maybe"}]}}`: `[{news email withdrawn p 2}]`,
		`{"consent":5}`: `[]`,
		`{"consent":{"purposes":{"purpose":"news"},"categoryPreferences":[true]}}`: `[]`,
	} {
		doc, err := jsondoc.Parse([]byte(context), jsondoc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got := consent.Read(&event.Event{Context: doc.Root()})
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", context, got, want)
		}
		for _, e := range got {
			if again, ok := consent.ReadRegister(e.Register(), e.Value()); !ok || again != e {
				t.Errorf("%v came back as %v", e, again)
			}
		}
	}
}
