package health_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rapport/internal/clock"
	"rapport/internal/health"
)

var begin = clock.From(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC))

// well is an instance with nothing to complain of.
func well(at clock.Instant) health.Measured {
	return health.Measured{
		At: at, Stored: 1_000_000, LogBytes: 300 << 20, StateBytes: 200 << 20,
		Disk:   &health.Disk{Path: "/data", Total: 1000 << 30, Free: 900 << 30},
		Backup: health.BackupState{URL: "/b", Every: 86400, Last: at.Add(-time.Hour)},
		Lanes:  []health.Worker{{Name: "people-0", Applied: 7}},
	}
}

func codes(r *health.HealthReport) []string {
	out := []string{}
	for _, f := range r.Findings {
		out = append(out, string(f.Severity)+" "+f.Code)
	}
	return out
}

func TestLook_NamesEachTroubleWithItsMend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(m *health.Measured)
		want  []string
		is    health.Status
	}{
		"all is well":       {func(*health.Measured) {}, []string{}, health.Healthy},
		"starting":          {func(m *health.Measured) { m.NotReady = "replaying" }, []string{"critical not_ready"}, health.Failing},
		"log":               {func(m *health.Measured) { m.LogFailing = "disk full" }, []string{"critical log_failing"}, health.Failing},
		"read-only":         {func(m *health.Measured) { m.ReadOnly = true }, []string{"notice read_only"}, health.Healthy},
		"disk nearly full":  {func(m *health.Measured) { m.Disk.Free = 90 << 30 }, []string{"warning disk"}, health.Attention},
		"disk full":         {func(m *health.Measured) { m.Disk.Free = 20 << 30 }, []string{"critical disk"}, health.Failing},
		"disk unknown":      {func(m *health.Measured) { m.Disk = nil }, []string{}, health.Healthy},
		"late":              {func(m *health.Measured) { m.Lanes[0].Waiting, m.Lanes[0].Oldest = 9, m.At.Add(-2*time.Minute) }, []string{"warning late"}, health.Attention},
		"very late":         {func(m *health.Measured) { m.Lanes[0].Waiting, m.Lanes[0].Oldest = 9, m.At.Add(-time.Hour) }, []string{"critical late"}, health.Failing},
		"lane lost records": {func(m *health.Measured) { m.Lanes[0].Problem = "no room" }, []string{"critical lane_failing"}, health.Failing},
		"quiet source":      {func(m *health.Measured) { m.Sources = []health.SeenSource{{Key: "web", Status: "quiet"}} }, []string{"notice source_quiet"}, health.Healthy},
		"failing source":    {func(m *health.Measured) { m.Sources = []health.SeenSource{{Key: "web", Status: "failing"}} }, []string{"warning source_failing"}, health.Attention},
		"expired source":    {func(m *health.Measured) { m.Sources = []health.SeenSource{{Key: "web", Status: "expired"}} }, []string{"warning source_expired"}, health.Attention},
		"destination": {func(m *health.Measured) {
			m.Destinations = []health.ToldDestination{{Key: "crm", State: "failing", Dead: 2}}
		}, []string{"critical destination_failing", "warning destination_dead_letters"}, health.Failing},
		"stopped destination":   {func(m *health.Measured) { m.Destinations = []health.ToldDestination{{Key: "crm", State: "stopped"}} }, []string{"critical destination_stopped"}, health.Failing},
		"lake":                  {func(m *health.Measured) { m.Lake = &health.LakeDelay{Error: "bucket is gone"} }, []string{"warning lake"}, health.Attention},
		"tables":                {func(m *health.Measured) { m.Tables = &health.LakeDelay{Lag: 301} }, []string{"warning tables"}, health.Attention},
		"certificate ends soon": {func(m *health.Measured) { m.Certificate = &health.Certificate{Expires: m.At.Add(10 * 24 * time.Hour)} }, []string{"warning certificate"}, health.Attention},
		"certificate over":      {func(m *health.Measured) { m.Certificate = &health.Certificate{Expires: m.At.Add(-time.Hour)} }, []string{"critical certificate"}, health.Failing},
		"no backup":             {func(m *health.Measured) { m.Backup = health.BackupState{} }, []string{"notice no_backup"}, health.Healthy},
		"backup overdue":        {func(m *health.Measured) { m.Backup.Last = m.At.Add(-48 * time.Hour) }, []string{"warning backup_overdue"}, health.Attention},
		"columns left out": {func(m *health.Measured) {
			m.Columns = &health.ColumnsReport{LeftOut: []health.LeftColumn{{Column: "trait:email", Bytes: 61 << 20}}, Bytes: 61 << 20, Memory: "4GiB"}
		}, []string{"warning columns_left_out"}, health.Attention},
		"job": {func(m *health.Measured) { m.FailedJobs = []health.FailedJob{{ID: "1", Kind: "backup", Error: "no"}} }, []string{"warning job_failed"}, health.Attention},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := well(begin)
			c.spoil(&m)
			r, _ := health.New().Look(&m)
			if got := codes(&r); !slices.Equal(got, c.want) || r.Status != c.is {
				t.Errorf("%s: %v, want %s: %v", r.Status, got, c.is, c.want)
			}
			for _, f := range r.Findings {
				if f.Mend == "" || f.Message == "" || f.Since != m.At {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

func TestLook_ALaneThatDoesNotMoveIsStuckSinceItStopped(t *testing.T) {
	t.Parallel()
	w := health.New()
	look := func(after time.Duration, applied uint64, waiting int) health.HealthReport {
		m := well(begin.Add(after))
		m.Lanes[0] = health.Worker{Name: "people-0", Applied: applied, Waiting: waiting}
		r, _ := w.Look(&m)
		return r
	}
	look(0, 7, 0)
	if r := look(10*time.Second, 7, 5); len(r.Findings) != 0 {
		t.Fatalf("it only began to wait: %v", codes(&r))
	}
	look(50*time.Second, 7, 6)
	r := look(70*time.Second, 7, 9)
	if !slices.Equal(codes(&r), []string{"critical stuck"}) || r.Late.Lanes[0].Stuck == 0 {
		t.Fatalf("%v %+v", codes(&r), r.Late)
	}
	since := r.Findings[0].Since
	if r = look(90*time.Second, 7, 9); r.Findings[0].Since != since {
		t.Errorf("since %s, then %s", since, r.Findings[0].Since)
	}
	if r = look(100*time.Second, 8, 9); len(r.Findings) != 0 {
		t.Errorf("it moves again: %v", codes(&r))
	}
}

func TestLook_ForeseesWhenTheDiskIsFull(t *testing.T) {
	t.Parallel()
	w := health.New()
	m := well(begin)
	if r, _ := w.Look(&m); r.Disk.PerDay != nil || r.Disk.FullAt != nil {
		t.Fatalf("foreseen from one look: %+v", r.Disk)
	}
	if r, _ := w.Look(&m); r.Disk.PerMillion == nil || *r.Disk.PerMillion != 500<<20 {
		t.Errorf("%+v", r.Disk)
	}
	// 100 GiB in half a day: of 800 free ones four days are left.
	again := health.New()
	if err := again.Remember(w.Remembered()); err != nil {
		t.Fatal(err)
	}
	m = well(begin.Add(12 * time.Hour))
	m.Disk.Free -= 100 << 30
	r, fresh := again.Look(&m)
	if !fresh || r.Disk.FullAt == nil || *r.Disk.FullAt != begin.Add(12*time.Hour+4*24*time.Hour).String() {
		t.Fatalf("fresh %v, full at %v", fresh, r.Disk.FullAt)
	}
	if !slices.Equal(codes(&r), []string{"warning disk"}) {
		t.Errorf("%v", codes(&r))
	}
	m.Elsewhere = true
	if r, _ = again.Look(&m); r.Disk.FullAt != nil {
		t.Error("the disk of a database was foreseen from that of the data folder")
	}
}

func TestLook_DeadLettersRise(t *testing.T) {
	t.Parallel()
	w := health.New()
	look := func(after time.Duration, dead uint64) health.HealthReport {
		m := well(begin.Add(after))
		m.DeadLettered = dead
		r, _ := w.Look(&m)
		return r
	}
	look(0, 5000)
	if r := look(30*time.Minute, 5090); len(r.Findings) != 0 {
		t.Errorf("%v", codes(&r))
	}
	if r := look(50*time.Minute, 5100); !slices.Equal(codes(&r), []string{"warning dead_letters"}) {
		t.Errorf("%v", codes(&r))
	}
	if r := look(2*time.Hour, 5100); len(r.Findings) != 0 {
		t.Errorf("an hour later: %v", codes(&r))
	}
}

func TestLook_WhatIsRememberedStaysBounded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, at := health.New(), begin
		for range 300 {
			at = at.Add(time.Duration(rapid.Int64Range(-1, 3*3600).Draw(t, "step")) * time.Second)
			m := well(at)
			m.Disk.Free = rapid.Uint64Range(0, m.Disk.Total).Draw(t, "free")
			m.DeadLettered = rapid.Uint64Range(0, 1000).Draw(t, "dead")
			w.Look(&m)
		}
		if n := len(w.Remembered()); n > 1100*60 {
			t.Fatalf("%d bytes", n)
		}
	})
}
