package httpapi

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rapport/internal/wording"
	"rapport/internal/wording/wordingtest"
)

// foreign tells rooms whose errors the own API and the console never show: other
// clients' paths answer in the shape of these, and the rest stops a process.
func foreign(pkg string) bool {
	for _, room := range []string{"dialect", "store", "disk", "backup"} {
		if pkg == room || strings.HasPrefix(pkg, room+"/") {
			return true
		}
	}
	return false
}

func TestGerman_HasEveryCode(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, c := range codes(t) {
		there[c.name] = true
		if strings.Contains(c.name, "{}") { // put together at run time
			c.name = strings.ReplaceAll(c.name, "{}", "something")
		} else if !foreign(c.pkg) && germanOf[c.name] == "" {
			t.Errorf("%s of %s has no German: add it to germanOf", c.name, c.pkg)
		}
		if said := germanSentence("x is wrong", c.name); !foreign(c.pkg) && (!strings.HasSuffix(said, "„x is wrong“") || len(said) < 40) {
			t.Errorf("%s: %q", c.name, said)
		}
	}
	for code := range germanOf {
		if !there[code] {
			t.Errorf("germanOf has %s, which is no code", code)
		}
	}
	for _, a := range answers() {
		if titles[a.status] == "" {
			t.Errorf("the status %d has no German", a.status)
		}
	}
}

// TestGerman_HasWhatFormsAreToldOfFields reads the messages of the library that
// holds requests against the API's description.
func TestGerman_HasWhatFormsAreToldOfFields(t *testing.T) {
	t.Parallel()
	folder, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", "github.com/danielgtaylor/huma/v2/validation").Output()
	if err != nil {
		t.Fatal(err)
	}
	said := wordingtest.Sentences(t, filepath.Join(strings.TrimSpace(string(folder)), "messages.go"))
	if len(said) < 40 {
		t.Fatalf("found %d messages", len(said))
	}
	for _, r := range refusals {
		said = append(said, r.detail)
	}
	wordingtest.Holds(t, germanProblems, said)
}

// TestGerman_OfSentencesThatThereAre finds forms whose English was changed.
func TestGerman_OfSentencesThatThereAre(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	for _, room := range []string{"access", "retention", "broadcast", "alert", "definition", "policy", "pipeline", "httpapi", "dialect/segment"} {
		files, err := filepath.Glob("../" + room + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatal(room, err)
		}
		for _, file := range files {
			if strings.HasPrefix(filepath.Base(file), "german") {
				continue
			}
			for _, text := range wordingtest.Sentences(t, file) {
				there[text] = true
			}
		}
	}
	for english := range germanForms {
		if !there[english] {
			t.Errorf("nobody says %q", english)
		}
	}
	wordingtest.Holds(t, problemForms(), nil)
}

func TestGerman_ProblemsAreSaidAsTheReaderAsks(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	for _, c := range []struct{ method, path, body, title, detail string }{
		{"PUT", "/api/v1/retention-policies/pages", `{"keep_days":0}`, "Ungültige Anfrage", "Die Frist ist 0: Geben Sie 1 bis 36500 Tage; ohne Regel bleiben Ereignisse für immer."},
		{"POST", "/api/v1/retention/runs", `{"dry_run":"yes"}`, "Ungültige Anfrage", "/dry_run: muss true oder false sein"},
		{"GET", "/api/v1/jobs?limit=0", "", "Ungültige Anfrage", "limit: muss mindestens 1 sein"},
		{"GET", "/api/v1/nothing", "", "Nicht gefunden", "Diese Adresse gibt es nicht. Im Wortlaut: „no such address: GET /api/v1/openapi.json lists them; in a path, percent-encode values (/ is %2F)“"},
	} {
		res, text := d.ask(t, c.method, c.path, c.body, "Accept-Language", "de")
		var p Problem
		if err := json.Unmarshal([]byte(text), &p); err != nil || p.Title != c.title || p.Detail != c.detail {
			t.Errorf("%s %s: %d %s", c.method, c.path, res.StatusCode, text)
		}
	}
	english := newProblem(http.StatusForbidden, "sign_in_again", "a new passkey needs a sign-in of the last 10 minutes: sign out, sign in again and make it then")
	if got := english.in(wording.German); got.Detail != "Ein neuer Passkey braucht eine Anmeldung der letzten 10 Minuten: Melden Sie sich ab und wieder an, und legen Sie ihn dann an." || english.in(wording.English).Detail != english.Detail {
		t.Errorf("%+v", got)
	}
}
