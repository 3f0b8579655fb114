package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"rapport/internal/alert"
	"rapport/internal/health"
)

// fakeHealth has found that the disk fills.
type fakeHealth struct{}

func (fakeHealth) Report(context.Context) health.HealthReport {
	r, _ := health.New().Look(&health.Measured{At: 1, Disk: &health.Disk{Path: "/data", Total: 100, Free: 1}, Backup: health.BackupState{URL: "/b"}})
	return r
}

func TestHealth_TellsWhatIsFoundAndTheMend(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	res, text := d.ask(t, http.MethodGet, "/api/v1/health", "")
	var r health.HealthReport
	if err := json.Unmarshal([]byte(text), &r); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	if r.Status != health.Failing || len(r.Findings) != 1 || r.Findings[0].Code != "disk" || r.Findings[0].Mend == "" || r.Summary != r.Findings[0].Message {
		t.Errorf("%+v", r)
	}
}

// fakeAlerts has one alert that stands and one that was said.
type fakeAlerts struct{}

func (fakeAlerts) Check(context.Context, string, []byte) error { return nil }

func (fakeAlerts) Test(key string, document []byte) (alert.SaidAlert, error) {
	r, err := alert.Read(key, document)
	if err != nil {
		return alert.SaidAlert{}, err
	}
	return alert.New().Test(r, 1), nil
}

func (fakeAlerts) Standing(context.Context) []alert.StandingAlert {
	return []alert.StandingAlert{{Alert: "full", About: "disk"}}
}

func (fakeAlerts) Said() []alert.SaidAlert {
	return []alert.SaidAlert{{ID: "2", Alert: "full", Time: 2, Told: []alert.ToldAlert{}}, {ID: "1", Alert: "late", Time: 1, Told: []alert.ToldAlert{}}}
}
