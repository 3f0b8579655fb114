package imports

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"rapport/internal/feed"
	"rapport/internal/tablefile"
)

func TestCount_AFullReportNamesNoMoreRowsAndSaysSo(t *testing.T) {
	t.Parallel()
	var report bytes.Buffer
	w := &work{csv: csv.NewWriter(&report)}
	for line := range int64(4) {
		if line == 1 {
			w.cursor.Report = reportSize
		}
		w.count(&record{Record: feed.Record{Line: line, Rows: 1}, delta: failed, bad: &tablefile.RowError{Line: line, Code: "ragged_row"}})
	}
	w.csv.Flush()
	if got := report.String(); w.cursor.Sums.Failed != 4 || strings.Count(got, "ragged_row") != 1 || strings.Count(got, "report_full") != 1 {
		t.Errorf("%d failed, the report: %s", w.cursor.Sums.Failed, got)
	}
}

func TestLook_SaysWhyNoneOfTheFirstRowsCanBeRead(t *testing.T) {
	t.Parallel()
	file := strings.NewReader("userId,name\n" + strings.Repeat("x\n", sampleRows+1))
	got, err := look(file, file.Size(), feed.Upload{Name: "user.csv"})
	if err != nil || !strings.Contains(got.Problem, "none of its first 1000 rows can be read: row 1001: it has 1 cells and the header has 2") {
		t.Errorf("%+v, %v", got, err)
	}
}
