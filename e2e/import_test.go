package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"rapport/internal/soak"
)

// The rows of the import that is killed, and how often it is killed.
const (
	importRows      = 12_000
	importKills     = 3
	importSoakKills = 60
	raggedEvery     = 500
)

// imported is an import as the server shows it.
type imported struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Error string `json:"error"`
	Sums  struct {
		Rows      int `json:"rows"`
		Inserted  int `json:"inserted"`
		Updated   int `json:"updated"`
		Unchanged int `json:"unchanged"`
		Conflict  int `json:"conflict"`
		Failed    int `json:"failed"`
	} `json:"sums"`
}

// TestKill_AnImportLosesNothingDoublesNothingAndItsReportIsWhole kills the real
// binary while it imports a table. The import goes on by itself, and in the end
// it says what it would have said without the kills.
func TestKill_AnImportLosesNothingDoublesNothingAndItsReportIsWhole(t *testing.T) {
	t.Parallel()
	soak.Unraced(t)
	rounds := importKills
	if soak.Long() {
		rounds = importSoakKills
	}
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		killImports(t, startProcess(t, program(t)), importRows*max(1, rounds/20), rounds)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		killImports(t, startProcess(t, program(t), "RAPPORT_STORE="+database(t)), importRows/3, max(1, rounds/20))
	})
}

func killImports(t *testing.T, s *process, rows, rounds int) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	users, items := importTable(rows, "userId,attribute:tier,attribute:points", "u-%05d,gold,%d"), importTable(rows, "id,name,price", "p-%05d,Pen,%d.50")
	var before sums
	s.barrier(t)
	s.get(t, "/api/v1/accounting", &before)
	for name, table := range map[string]string{"user-1.csv": users, "product-1.csv": items} {
		v := s.load(t, name, table)
		killed := 0
		for v.State != "done" && v.State != "failed" {
			if killed < rounds && v.Sums.Rows > killed*rows/rounds {
				wait(time.Duration(random.IntN(60)) * time.Millisecond)
				if err := s.stop(syscall.SIGKILL); err == nil {
					t.Fatal("the server ended by itself before it was killed")
				}
				s.run(t, s.address())
				killed++
			}
			wait(5 * time.Millisecond)
			s.get(t, "/api/v1/imports/"+v.ID, &v)
		}
		if killed == 0 {
			t.Fatalf("%s was done before it could be killed", name)
		}
		t.Logf("%s: %d kills, %+v", name, killed, v)
		s.isWhole(t, v, rows, 0)
		soak.Did(t, killed, "kills while it imports", seed)
	}
	s.barrier(t)
	var after sums
	s.get(t, "/api/v1/accounting", &after)
	good := rows - rows/raggedEvery
	if got := after.Stored - before.Stored - s.barriers + 1; got != good {
		t.Errorf("%d events stored, want %d", got, good)
	}
	if after.Pending != 0 || after.Received != after.Stored+after.Deduplicated+after.DeadLettered+after.Rejected {
		t.Errorf("the sums do not add up: %+v", after)
	}
	for range 50 {
		n := random.IntN(rows) + 1
		if n%raggedEvery == 0 {
			continue
		}
		var person struct {
			Traits   map[string]any `json:"traits"`
			Computed struct {
				EventCount int `json:"event_count"`
			} `json:"computed"`
		}
		s.get(t, fmt.Sprintf("/api/v1/profiles/user_id:u-%05d", n), &person)
		if person.Traits["tier"] != "gold" || person.Computed.EventCount != 1 {
			t.Errorf("row %d: %+v", n, person)
		}
	}
	for name, table := range map[string]string{"user-1.csv": users, "product-1.csv": items} {
		v := s.load(t, name, table)
		for v.State != "done" && v.State != "failed" {
			wait(5 * time.Millisecond)
			s.get(t, "/api/v1/imports/"+v.ID, &v)
		}
		s.isWhole(t, v, rows, good)
	}
}

// importTable has a row too long by a cell now and then.
func importTable(rows int, header, row string) string {
	var b strings.Builder
	b.WriteString(header + "\n")
	for i := 1; i <= rows; i++ {
		fmt.Fprintf(&b, row, i, i%100)
		if i%raggedEvery == 0 {
			b.WriteString(",and more")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// isWhole checks the sums and that each row that was not taken is named once.
func (s *process) isWhole(t *testing.T, v imported, rows, unchanged int) {
	t.Helper()
	ragged := rows / raggedEvery
	if v.State != "done" || v.Sums.Rows != rows || v.Sums.Failed != ragged || v.Sums.Unchanged != unchanged || v.Sums.Inserted != rows-ragged-unchanged {
		t.Errorf("%+v, want %d unchanged and %d failed of %d", v, unchanged, ragged, rows)
	}
	report := s.text(t, "/api/v1/imports/"+v.ID+"/report")
	lines := strings.Split(strings.TrimSpace(report), "\n")
	if len(lines) != ragged+1 {
		t.Fatalf("the report has %d lines, want %d", len(lines), ragged+1)
	}
	for i, line := range lines[1:] {
		if want := fmt.Sprintf("%d,,", (i+1)*raggedEvery+1); !strings.HasPrefix(line, want) || !strings.Contains(line, "ragged_row") {
			t.Errorf("line %d of the report is %q, want %s", i+2, line, want)
		}
	}
}

func (s *process) load(t *testing.T, name, table string) (v imported) {
	t.Helper()
	res, body := s.send(t, http.MethodPost, "/api/v1/imports?name="+name, table)
	if res != http.StatusAccepted {
		t.Fatalf("%s: %d %s", name, res, body)
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (s *process) text(t *testing.T, path string) string {
	t.Helper()
	status, body := s.send(t, http.MethodGet, path, "")
	if status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, status, body)
	}
	return body
}

func (s *process) send(t *testing.T, method, path, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+binarySecretKey)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}
