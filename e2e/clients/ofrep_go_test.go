package clients_test

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-feature/go-sdk-contrib/providers/ofrep"
	"github.com/open-feature/go-sdk/openfeature"
)

// TestOFREPGoProvider proves the dialect with OpenFeature's provider for Go, as
// published, against the real binary.
func TestOFREPGoProvider(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "rapport")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/rapport").CombinedOutput()
	if err != nil {
		t.Fatalf("building the binary: %v\n%s", err, out)
	}
	s := startServer(t, binary)
	for key, document := range map[string]string{
		"color":  `{"name":"color","state":"running","public":true,"variants":[{"key":"blue","value":"blue"},{"key":"red","value":"red"}]}`,
		"hidden": `{"name":"hidden","state":"running","variants":[{"key":"on","value":true},{"key":"more","value":true}]}`,
		"limits": `{"name":"limits","state":"running","public":true,"variants":[{"key":"a","value":{"most":3}},{"key":"b","value":{"most":3}}]}`,
		"most":   `{"name":"most","state":"running","public":true,"variants":[{"key":"a","value":7},{"key":"b","value":7}]}`,
	} {
		putExperiment(t, s.url, key, document)
	}
	client := func(key string) *openfeature.Client {
		if err := openfeature.SetNamedProviderAndWait(key, ofrep.NewProvider(s.url, ofrep.WithBearerToken(key))); err != nil {
			t.Fatal(err)
		}
		return openfeature.NewClient(key)
	}
	trusted, claimed := client(goSecretKey), client(goWriteKey)
	ctx, given := t.Context(), map[string]int{}
	for n := range 60 {
		who := openfeature.NewEvaluationContext(fmt.Sprintf("u%d", n), nil)
		first, err := trusted.StringValueDetails(ctx, "color", "none", who)
		if err != nil || first.Reason != openfeature.SplitReason || first.Variant != first.Value {
			t.Fatalf("u%d: %+v %v", n, first, err)
		}
		given[first.Value]++
		if again, err := claimed.StringValue(ctx, "color", "none", who); err != nil || again != first.Value {
			t.Errorf("u%d: %q, then %q %v", n, first.Value, again, err)
		}
	}
	if given["blue"] < 10 || given["red"] < 10 {
		t.Errorf("given: %v", given)
	}
	ann := openfeature.NewEvaluationContext("ann", nil)
	if on, err := trusted.BooleanValue(ctx, "hidden", false, ann); err != nil || !on {
		t.Errorf("hidden, by a secret key: %t %v", on, err)
	}
	if d, err := claimed.BooleanValueDetails(ctx, "hidden", false, ann); err == nil || d.Value || d.ErrorCode != openfeature.FlagNotFoundCode {
		t.Errorf("hidden, by a public key: %+v %v", d, err)
	}
	if n, err := claimed.IntValue(ctx, "most", 0, ann); err != nil || n != 7 {
		t.Errorf("most: %d %v", n, err)
	}
	if x, err := claimed.ObjectValue(ctx, "limits", nil, ann); err != nil || fmt.Sprint(x) != "map[most:3]" {
		t.Errorf("limits: %v %v", x, err)
	}
	if d, err := claimed.StringValueDetails(ctx, "color", "none", openfeature.EvaluationContext{}); err == nil || d.Value != "none" || d.ErrorCode != openfeature.TargetingKeyMissingCode {
		t.Errorf("nobody: %+v %v", d, err)
	}
}

func putExperiment(t *testing.T, url, key, document string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPut, url+"/api/v1/experiments/"+key+"?wait=applied", strings.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+goSecretKey)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		t.Fatalf("experiment %s: %s", key, res.Status)
	}
}
