package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"rapport/internal/access"
	"rapport/internal/app"
	"rapport/internal/clock"
	"rapport/internal/config"
	"rapport/internal/health"
)

// said is what a doctor says of something, with the most urgent severity.
func said(t *testing.T, c config.Config, parts app.Parts, name string) (out app.Check) {
	t.Helper()
	found := false
	for _, k := range app.Examine(t.Context(), &c, parts) {
		if k.Severity != "" && k.Mend == "" {
			t.Errorf("no mend: %+v", k)
		}
		if k.Name == name && (!found || k.Severity == health.Critical || out.Severity == "") {
			out, found = k, true
		}
	}
	if !found {
		t.Errorf("nothing about %s", name)
	}
	return out
}

func TestDoctor_EachFindingHasItsMend(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	if got := said(t, c, app.Parts{}, "disk sync"); !strings.Contains(got.Says, "fsync") {
		t.Errorf("%+v", got)
	}
	if left, _ := filepath.Glob(filepath.Join(c.Data, "*")); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
	if got := said(t, c, app.Parts{Clock: func() time.Time { return time.Unix(0, 0) }}, "clock"); got.Severity != health.Critical {
		t.Errorf("1970: %+v", got)
	}
	huge := c
	huge.Memory = config.MachineMemory() * 2
	if got := said(t, huge, app.Parts{}, "memory"); got.Severity != health.Critical {
		t.Errorf("%+v", got)
	}
	if err := os.Chmod(c.Data, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := said(t, c, app.Parts{}, "data folder"); got.Severity != health.Warning || !strings.Contains(got.Mend, "chmod 700") {
		t.Errorf("%+v", got)
	}
	gone := c
	gone.Data = filepath.Join(c.Data, "none")
	if got := said(t, gone, app.Parts{}, "data folder"); got.Severity != health.Notice {
		t.Errorf("%+v", got)
	}
	nobody := c
	nobody.Store = "postgres://nobody@127.0.0.1:1/none?connect_timeout=1"
	if got := said(t, nobody, app.Parts{}, "store"); got.Severity != health.Critical {
		t.Errorf("%+v", got)
	}
}

func TestDoctor_LooksAtARunningInstanceAndItsKeys(t *testing.T) {
	t.Parallel()
	c := settings(t, t.TempDir())
	a := open(t, c)
	c.Listen = strings.TrimPrefix(a.URL(), "http://")
	if got := said(t, c, app.Parts{}, "port"); got.Severity != "" || !strings.Contains(got.Says, "an instance answers") {
		t.Errorf("%+v", got)
	}
	if got := said(t, c, app.Parts{}, "store"); !strings.Contains(got.Says, "has it open") {
		t.Errorf("%+v", got)
	}
	r, _, err := access.Open(vfs.Default, c.Data, time.Now, strings.NewReader(strings.Repeat("x", 1000)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.CreateSecretKey("test", "", access.KeyTerms{Name: "short", Scopes: []string{"read"}, Expires: clock.From(time.Now().Add(time.Hour))}); err != nil {
		t.Fatal(err)
	}
	if got := said(t, c, app.Parts{}, "keys"); got.Severity == "" || !strings.Contains(got.Mend, "rapport keys") {
		t.Errorf("%+v", got)
	}
	if err := os.Rename(filepath.Join(c.Data, "instance-key"), filepath.Join(c.Data, "kept")); err != nil {
		t.Fatal(err)
	}
	if got := said(t, c, app.Parts{}, "keys"); got.Severity != health.Critical {
		t.Errorf("%+v", got)
	}
	if err := os.Rename(filepath.Join(c.Data, "kept"), filepath.Join(c.Data, "instance-key")); err != nil {
		t.Fatal(err)
	}
}
