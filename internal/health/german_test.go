package health

import (
	"testing"
	"time"

	"rapport/internal/clock"
	"rapport/internal/wording"
	"rapport/internal/wording/wordingtest"
)

func TestGerman_HasWhatIsFound(t *testing.T) {
	t.Parallel()
	said := wordingtest.Sentences(t, "judge.go")
	if len(said) < 45 {
		t.Fatalf("found %d sentences", len(said))
	}
	wordingtest.Holds(t, German(), said)
}

func TestIn_SaysAReportInGerman(t *testing.T) {
	t.Parallel()
	fits, _ := New().Look(&Measured{Backup: BackupState{URL: "/b"}, Columns: &ColumnsReport{LeftOut: []LeftColumn{{"trait:email", 61 << 20}, {"event:Order Completed", 5}}, Memory: "4GiB"}})
	if f := fits.In(wording.German).Findings[0]; f.Message != "Vom Index der Personen passen 2 Spalten nicht in den Arbeitsspeicher: trait:email (62 MiB), event:Order Completed (1 MiB). Suchen danach finden weniger Personen, und Zählungen damit sind Schätzungen." ||
		f.Mend != "Setzen Sie memory auf 4GiB oder mehr, und starten Sie neu, oder senden Sie weniger, was bei allen verschieden ist." {
		t.Errorf("%+v", f)
	}
	r, _ := New().Look(&Measured{
		At: clock.From(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)), Disk: &Disk{Path: "/data", Total: 1000, Free: 25},
		Backup: BackupState{URL: "/b"}, Sources: []SeenSource{{Key: "web", Status: "failing"}},
	})
	got := r.In(wording.German)
	if got.Summary != "2,5 % der Platte unter /data sind frei." || got.Findings[1].Message != "Was die Quelle web zuletzt sandte, wurde nicht verstanden." || got.Findings[1].Mend != "Sehen Sie ihr Unzustellbares an." {
		t.Errorf("%q, %+v", got.Summary, got.Findings)
	}
	if r.Findings[1].Mend != "Look at its dead letters." || r.In(wording.English).Summary != r.Summary {
		t.Errorf("the report itself became %+v", r)
	}
}
