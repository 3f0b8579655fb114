package pipeline

import (
	"fmt"
	"testing"

	"rapport/internal/store/memory"
)

func TestJobs_AreKeptListedForgottenAndComeBackAfterARebuild(t *testing.T) {
	t.Parallel()
	disk := memory.NewDisk()
	p := open(t, memory.Open(disk), 2, 7)
	for i, status := range []string{"a", "b", "a2"} {
		row := JobRow{ID: fmt.Sprintf("job_%d", i%2), Status: []byte(status)}
		if i < 2 {
			row.Spec = []byte("spec")
		}
		if err := p.KeepJob(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	check := func(p *Pipeline, want string) {
		t.Helper()
		rows, err := p.Jobs(t.Context(), "", 10)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, r := range rows {
			got += fmt.Sprintf("%s=%s/%s ", r.ID, r.Spec, r.Status)
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	check(p, "job_0=spec/a2 job_1=spec/b ")
	if rows, err := p.Jobs(t.Context(), "job_0", 1); err != nil || len(rows) != 1 || rows[0].ID != "job_1" {
		t.Errorf("after one: %v %v", rows, err)
	}
	if row, err := p.Job(t.Context(), "job_7"); err != nil || row.Spec != nil {
		t.Errorf("of none: %v %v", row, err)
	}
	if err := p.KeepJob(t.Context(), JobRow{ID: "job_1"}); err != nil {
		t.Fatal(err)
	}
	check(p, "job_0=spec/a2 ")
	closeNow(t, p)
	if err := Rebuild(t.Context(), config(memory.Open(disk), 1, 1), nil); err != nil {
		t.Fatal(err)
	}
	p = open(t, memory.Open(disk), 2, 16)
	defer closeNow(t, p)
	check(p, "job_0=spec/a2 ")
}
