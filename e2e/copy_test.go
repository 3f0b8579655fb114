package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rapport/internal/soak"
)

// ask makes a request, of the API with the secret key, and gives the answer.
func (p *process) ask(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, "/api/") {
		req.Header.Set("Authorization", "Bearer "+binarySecretKey)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// told is what an instance says of everything that the test put into it.
func told(t *testing.T, p *process) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, path := range []string{
		"/api/v1/profiles/user_id:copy-1", "/api/v1/profiles/user_id:copy-1/timeline", "/api/v1/profiles/user_id:copy-1/identity",
		"/api/v1/profiles/email:two@copy.example?include=lineage", "/api/v1/segments/buyers/members", "/api/v1/segments/buyers/history",
		"/api/v1/orders?limit=100", "/api/v1/accounting", "/api/v1/dead-letters", "/api/v1/sources", "/api/v1/profiles/user_id:gone",
	} {
		status, text := p.ask(t, http.MethodGet, path, "")
		var body bytes.Buffer
		if err := json.Compact(&body, []byte(text)); err != nil {
			t.Fatalf("GET %s: %v in %s", path, err, text)
		}
		if status == http.StatusNotFound || status == http.StatusGone {
			body.Reset() // it has an id of the request in it
		}
		out[path] = fmt.Sprint(status, " ", body.String())
	}
	return out
}

func fill(t *testing.T, p *process, round int) {
	t.Helper()
	var events []string
	for i := range 40 {
		user, id := i%5, fmt.Sprintf("copy-%d-%d", round, i)
		events = append(events, fmt.Sprintf(`{"type":"track","event":"Order Completed","userId":"copy-%d","anonymousId":"dev-%d","messageId":"%s",
			"properties":{"order_id":"%s","total":%d,"currency":"EUR"}}`, user, i, id, id, i))
	}
	events = append(events, `{"type":"identify","userId":"copy-2","traits":{"email":"two@copy.example"}}`, `{"type":"track","userId":"copy-3"}`,
		fmt.Sprintf(`{"type":"track","event":"Left","userId":"gone","messageId":"gone-%d"}`, round))
	status, text := p.ask(t, http.MethodPost, "/v1/batch?wait=applied&timeout=30s", `{"writeKey":"`+binaryWriteKey+`","batch":[`+strings.Join(events, ",")+`]}`)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
}

// erase asks for an erasure and waits for its proof.
func erase(t *testing.T, p *process, who string) {
	t.Helper()
	status, text := p.ask(t, http.MethodPost, "/api/v1/privacy/requests", `{"type":"erasure","identifiers":["`+who+`"]}`)
	var request struct{ ID, State string }
	if err := json.Unmarshal([]byte(text), &request); err != nil || status/100 != 2 {
		t.Fatalf("%d %s", status, text)
	}
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for end := time.Now().Add(patience); request.State != "done"; <-every.C {
		if p.get(t, "/api/v1/privacy/requests/"+request.ID, &request); time.Now().After(end) {
			t.Fatalf("the erasure is %s", request.State)
		}
	}
}

// TestCopy_AnInstanceMovesBetweenFolderAndDatabaseAndStaysTheSame moves an
// instance to PostgreSQL and back, and uses it at each place.
func TestCopy_AnInstanceMovesBetweenFolderAndDatabaseAndStaysTheSame(t *testing.T) {
	t.Parallel()
	soak.Unraced(t)
	binary := program(t)
	p := startProcess(t, binary)
	if status, text := p.ask(t, http.MethodPut, "/api/v1/segments/buyers", `{"name":"Buyers","condition":{"event":"Order Completed","count":{"min":8}}}`); status/100 != 2 {
		t.Fatalf("%d %s", status, text)
	}
	fill(t, p, 0)
	erase(t, p, "user_id:gone")
	p.barrier(t)
	from := filepath.Join(p.folder, "data")
	// Also after the files were searched for who was erased.
	if _, errs, code := run(t, binary, p.folder, "copy", "--from", from, "--to", t.TempDir()); code != 2 || !strings.Contains(errs, "in use") {
		t.Fatalf("an instance that runs was copied: %d %s", code, errs)
	}
	place := []string{"--from", from}
	for round := 1; round <= 2; round++ {
		before := told(t, p)
		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		next := &process{binary: binary, folder: t.TempDir(), barriers: 100 * round}
		data := filepath.Join(next.folder, "data")
		args, there := append([]string{"copy", "--to", data}, place...), []string{"--from", data}
		if round%2 == 1 {
			address := database(t)
			next.settings = []string{"RAPPORT_STORE=" + address}
			args = append([]string{"copy", "--to", address, "--to-data", data}, place...)
			there = []string{"--from", address, "--from-data", data}
		}
		if out, errs, code := run(t, binary, next.folder, args...); code != 0 || !strings.Contains(out, "read back and the same") {
			t.Fatalf("round %d: %d %s %s", round, code, out, errs)
		}
		if _, errs, code := run(t, binary, next.folder, args...); code != 2 || !strings.Contains(errs, "empty") {
			t.Fatalf("a place in use was taken: %d %s", code, errs)
		}
		next.run(t, "127.0.0.1:0")
		t.Cleanup(func() { _ = next.stop(os.Kill) })
		p, place = next, there
		after := told(t, p)
		for path, was := range before {
			if is := after[path]; is != was {
				t.Errorf("round %d: GET %s\nwas %s\nis  %s", round, path, was, is)
			}
		}
		fill(t, p, round)
		p.barrier(t)
	}
}
