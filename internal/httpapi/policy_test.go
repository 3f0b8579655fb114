package httpapi

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/access"
)

const policyFile = "testdata/policy.txt"

// caller is one way to come to the API.
type caller struct {
	name    string
	headers []string
	may     func(area access.Area, scope string) bool
	refused string // the code of the answer where the caller may never come in
}

// member signs somebody in and gives the cookie.
func (d *door) member(t *testing.T, roles ...access.Role) (access.Member, string) {
	t.Helper()
	m, link, err := d.api.Access.PutMember("test", access.Member{
		Name: "Test", Email: fmt.Sprintf("%s%d@example.org", roles[0], len(d.api.Access.Index().Document().Members)), Roles: roles,
	})
	if err != nil {
		t.Fatal(err)
	}
	if m, err = d.api.Access.Enter(link, "", "", "a few good words"); err != nil {
		t.Fatal(err)
	}
	token, err := d.api.Sessions.Begin(m.ID)
	if err != nil {
		t.Fatal(err)
	}
	return m, sessionCookie + "=" + token
}

func (d *door) callers(t *testing.T) []caller {
	t.Helper()
	out := []caller{
		{name: "anonymous", headers: []string{"Authorization", ""}, refused: "no_key"},
		{name: "write key", headers: []string{"Authorization", "Bearer " + d.writeKey}, refused: "write_key"},
		{name: "unknown key", headers: []string{"Authorization", "Bearer rp_sk_0"}, refused: "unknown_key"},
		{name: "forged session", headers: []string{"Authorization", "", "Cookie", sessionCookie + "=0"}, refused: "session_over"},
	}
	_, admin := d.member(t, access.Admin)
	out = append(out, caller{
		name: "cross-site", refused: "foreign_page",
		headers: []string{"Authorization", "", "Cookie", admin, consoleHeader, "1", "Sec-Fetch-Site", "cross-site"},
	})
	for _, scope := range access.Scopes() {
		k, err := d.api.Access.CreateSecretKey("test", "", access.KeyTerms{Name: scope, Scopes: []string{scope}})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, caller{name: "key " + scope, headers: []string{"Authorization", "Bearer " + k.Secret}, may: access.OfKey(&k.SecretKey).May})
	}
	for _, role := range access.Roles() {
		m, cookie := d.member(t, role)
		out = append(out, caller{
			name: string(role), headers: []string{"Authorization", "", "Cookie", cookie, consoleHeader, "1"}, may: access.OfMember(&m).May,
		})
	}
	return out
}

// operations lists every operation of the API with its method and path.
func (d *door) operations() []*huma.Operation {
	var out []*huma.Operation
	for _, item := range d.api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
			if op != nil {
				out = append(out, op)
			}
		}
	}
	slices.SortFunc(out, func(a, b *huma.Operation) int { return strings.Compare(a.Path+a.Method, b.Path+b.Method) })
	return out
}

// TestPolicy_EveryRouteHasOneAndTheAnswersFit holds the answers of the running
// API against the table that people review: who may call what.
func TestPolicy_EveryRouteHasOneAndTheAnswersFit(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	callers := d.callers(t)
	var table strings.Builder
	for _, op := range d.operations() {
		scope, _ := op.Metadata[scopeOf].(string)
		area := access.Area(op.Tags[0])
		if !slices.Contains(access.Areas(), area) {
			t.Errorf("%s %s is in the area %q, of which no role knows: add it to access.Areas and say in access.ofRole who may", op.Method, op.Path, area)
		}
		if scope == "" {
			fmt.Fprintf(&table, "%s %s: everybody\n", op.Method, op.Path)
			continue
		}
		var may []string
		for _, c := range callers {
			if c.may != nil && c.may(area, scope) {
				may = append(may, c.name)
			}
			if op.OperationID != "sign-out" { // it would end the caller's session
				d.holds(t, op, c, c.may != nil && c.may(area, scope))
			}
		}
		kind := ""
		if p, _ := op.Metadata[personalOf].(bool); p {
			kind = " (personal)"
		}
		fmt.Fprintf(&table, "%s %s%s: %s\n", op.Method, op.Path, kind, strings.Join(may, ", "))
	}
	if *update {
		if err := os.WriteFile(policyFile, []byte(table.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(policyFile); err != nil || string(want) != table.String() {
		t.Errorf("who may call what is not what %s says (%v): look at the difference, then write it anew with go test ./internal/httpapi -run Policy -update", policyFile, err)
	}
}

// holds checks one answer: whoever may gets past the guard, whoever may not
// gets a problem that says why.
func (d *door) holds(t *testing.T, op *huma.Operation, c caller, may bool) {
	t.Helper()
	path := op.Path
	for strings.Contains(path, "{") {
		open, end := strings.Index(path, "{"), strings.Index(path, "}")
		path = path[:open] + "x:1" + path[end+1:]
	}
	body := ""
	if op.RequestBody != nil {
		body = `"neither"`
	}
	res, text := d.ask(t, op.Method, path, body, c.headers...)
	refused := res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden
	if raw, _ := op.Metadata[rawOf].(bool); raw && may && strings.Contains(text, "unmask_needed") {
		refused = false
	}
	if refused == may {
		t.Errorf("%s may %t, got %d for %s %s: %s", c.name, may, res.StatusCode, op.Method, op.Path, text)
	}
	if c.refused != "" && !strings.Contains(text, c.refused) {
		t.Errorf("%s: %s %s does not answer %s: %s", c.name, op.Method, op.Path, c.refused, text)
	}
}

func TestPolicy_ASessionChangesNothingWithoutTheConsolesHeader(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	_, cookie := d.member(t, access.Admin)
	res, text := d.ask(t, "POST", "/api/v1/keys", `{"name":"x","scopes":["admin"]}`, "Authorization", "", "Cookie", cookie)
	if res.StatusCode != http.StatusForbidden || !strings.Contains(text, "foreign_page") {
		t.Errorf("%d %s", res.StatusCode, text)
	}
	if res, text := d.ask(t, "GET", "/api/v1/keys", "", "Authorization", "", "Cookie", cookie); res.StatusCode != http.StatusOK {
		t.Errorf("reading: %d %s", res.StatusCode, text)
	}
}
