package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rapport/internal/app"
	"rapport/internal/config"
	"rapport/internal/httpapi/contract"
)

// elsewhere are the operations that need an OpenID provider, an authenticator or a
// run that takes a while: internal/httpapi has them, and holds every one of these
// operations against the document.
var elsewhere = regexp.MustCompile(`/session/(openid|passkeys?)(/|$)|/retention/runs/{id}/cancel$`)

// TestRoutes walks through spec/routes.txt on one instance: every operation of the
// OpenAPI document answers with a success at least once, and whatever is answered
// is as the document says.
func TestRoutes_EveryOneAnswersAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	c, err := contract.Read("../api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	walk, err := readWalk("../spec/routes.txt", c)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{known: map[string]any{"$folder": t.TempDir()}, contract: c}
	s.outside(t)
	s.url = openWalk(t, s)
	for _, x := range walk {
		if name := placeholder.FindString(s.named(x.path)); name != "" {
			t.Errorf("%s: no line before says what %s is", x.request, name)
			continue
		}
		if err := s.act(t.Context(), x); err != nil {
			t.Errorf("%s: %v", x.request, err)
		}
	}
	missing := slices.DeleteFunc(c.Missing(), elsewhere.MatchString)
	if len(missing) > 0 {
		t.Errorf("spec/routes.txt has no success of %d operations: add a line for each:\n%s", len(missing), strings.Join(missing, "\n"))
	}
}

// openWalk starts an instance that has all that a route can need.
func openWalk(t *testing.T, s *scene) string {
	t.Helper()
	folder := s.known["$folder"].(string)
	c, err := config.Load(config.Input{Flags: map[string]string{
		"data": t.TempDir(), "listen": "127.0.0.1:0", "memory": "256MiB", "write_key": sceneWriteKey, "secret_key": sceneSecretKey,
		"egress.allow": "127.0.0.1", "imports.folders": folder,
		"backup.url": filepath.Join(folder, "backups"), "backup.every": "0", "lake.url": filepath.Join(folder, "lake"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	// Time goes on with each look at the clock too: a count that takes long takes
	// long on every machine.
	var looks atomic.Int64
	slow := func() time.Time { return s.now().Add(time.Duration(looks.Add(1)) * 200 * time.Microsecond) }
	return openApp(t, c, app.Parts{Clock: slow})
}

// walkLine is a request with its headers, its body and the answer.
var walkLine = regexp.MustCompile(`^((?:UNTIL )?[A-Z]+ \S+)(?: \((.*?)\))?(?: (.*?))??(?: -> (\d{3})(?: \((.*?)\))?(?: (.*))?)?$`)

// readWalk reads a walk: a request in a line, as spec/routes.txt says.
func readWalk(file string, c *contract.Contract) (out []exchange, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		m := walkLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("line %d: %q is no request", i+1, line)
		}
		x := exchange{request: fmt.Sprintf("line %d, %s", i+1, m[1]), header: headersOf(m[2]), body: []byte(m[3]), answerHeader: headersOf(m[5]), answer: []byte(m[6])}
		x.status, _ = strconv.Atoi(m[4])
		m[1], x.again = strings.CutPrefix(m[1], "UNTIL ")
		x.method, x.path, _ = strings.Cut(m[1], " ")
		if strings.HasPrefix(x.path, "~") {
			x.path = "/api/v1" + x.path[1:]
		}
		if x.method == "DOCUMENT" {
			out = append(out, document(&x, c)...)
			continue
		}
		out = append(out, x)
	}
	return out, nil
}

// document is what all documents of one kind are asked, as far as the OpenAPI
// document has it.
func document(of *exchange, c *contract.Contract) (out []exchange) {
	list := of.path[:strings.LastIndex(of.path, "/")]
	for _, x := range []exchange{
		{method: "PUT", path: of.path, body: of.body},
		{method: "GET", path: of.path},
		{method: "GET", path: list},
		{method: "GET", path: of.path + "/versions"},
		{method: "POST", path: of.path + "/rollback", body: []byte(`{"version":1}`)},
		{method: "GET", path: of.path + "/diff?from=1"},
		{method: "POST", path: of.path + "/status", body: []byte(`{"status":"archived","version":2}`)},
		{method: "PUT", path: of.path, body: of.body}, // what is archived cannot be taken away
		{method: "DELETE", path: of.path},
	} {
		path, _, _ := strings.Cut(x.path, "?")
		again := x.method == http.MethodPut && len(out) > 0
		if c.Has(x.method, path) && (!again || c.Has(http.MethodDelete, path)) {
			x.request = of.request + ": " + x.method + " " + x.path
			out = append(out, x)
		}
	}
	return out
}
