package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"rapport/internal/health"
)

func TestHealth_AnInstanceKnowsHowItIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := open(t, settings(t, dir))
	track(t, a, "1", "Seen")
	status, _, text := call(t, "GET", a.URL()+"/api/v1/health", "", bearer()...)
	var r health.HealthReport
	if err := json.Unmarshal([]byte(text), &r); err != nil || status != 200 {
		t.Fatalf("%d %v %s", status, err, text)
	}
	if r.Late.Events != 0 || r.Disk.Total == 0 || r.Disk.Log == 0 || len(r.Sources) == 0 || r.Sources[0].Status != "healthy" || r.Sources[0].Last == 0 {
		t.Errorf("%s", text)
	}
	for _, f := range r.Findings {
		if f.Code != "no_backup" && f.Code != "disk" { // how full the machine is that runs the test is its own
			t.Errorf("%+v", f)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "health.json")); err != nil {
		t.Errorf("how the disk grows is not written down: %v", err)
	}
	if status, _, text := call(t, "GET", a.URL()+"/api/v1/health", "", "Authorization", "Bearer "+writeKey); status != 401 {
		t.Errorf("a write key: %d %s", status, text)
	}
}
