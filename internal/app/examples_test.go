package app_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"rapport/internal/config"
)

// measured finds names of metrics in an expression.
var measured = regexp.MustCompile(`\brapport_[a-z_]+\b`)

func TestExamples_RulesAndDashboardAskForMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	a := open(t, settings(t, t.TempDir()))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil || res.Body.Close() != nil {
		t.Fatal(err)
	}
	reference, err := os.ReadFile("../../docs/reference/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	read(t, "../../examples/prometheus/rules.yaml", yaml.Unmarshal, &rules)
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	read(t, "../../examples/prometheus/dashboard.json", json.Unmarshal, &board)
	asked := map[string]string{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			asked[r.Alert] = r.Expr
		}
	}
	for _, p := range board.Panels {
		for _, q := range p.Targets {
			asked[p.Title+" "+q.Expr] = q.Expr
		}
	}
	if len(asked) < 25 {
		t.Fatalf("only %d expressions", len(asked))
	}
	for where, expr := range asked {
		for _, name := range measured.FindAllString(expr, -1) {
			name = strings.TrimSuffix(name, "_bucket")
			served := strings.Contains(string(text), "# TYPE "+name+" ")
			if !served && !strings.Contains(string(reference), "`"+name+"`") {
				t.Errorf("%s: there is no metric %s", where, name)
			}
		}
	}
}

func read(t *testing.T, path string, decode func([]byte, any) error, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = decode(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// setting finds names of settings in a manifest.
var setting = regexp.MustCompile(`\bRAPPORT_[A-Z_]+\b`)

func TestExamples_ManifestsNameSettingsThatThereAre(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, s := range config.Settings() {
		known[s.Env()] = true
	}
	for _, name := range []string{"compose.yaml", "kubernetes.yaml"} {
		path := "../../examples/cluster/" + name
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		documents := 0
		for d := yaml.NewDecoder(strings.NewReader(string(text))); ; documents++ {
			var document map[string]any
			if err := d.Decode(&document); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		asked := setting.FindAllString(string(text), -1)
		if documents == 0 || len(asked) < 8 {
			t.Errorf("%s has %d documents and %d settings", name, documents, len(asked))
		}
		for _, s := range asked {
			if !known[s] {
				t.Errorf("%s names %s, which is no setting", name, s)
			}
		}
	}
}
