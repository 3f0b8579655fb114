package main

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVersionOf_IsOrderedAsRevisionsAre(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"v1.4.0-0-g0123456789ab":            {"1.4.0", "1.4.0"},
		"v1.4.0-0-g0123456789ab-dirty":      {"1.4.0+dirty", "1.4.0+dirty"},
		"v1.4.0-rc.1-0-g0123456789ab":       {"1.4.0-rc.1", "1.4.0~rc.1"},
		"v1.4.0-12-g0123456789ab":           {"1.4.0+12.g0123456789ab", "1.4.0+12.g0123456789ab"},
		"v1.4.0-rc.1-2-g0123456789ab-dirty": {"1.4.0-rc.1+2.g0123456789ab.dirty", "1.4.0~rc.1+2.g0123456789ab.dirty"},
		"0123456789ab":                      {"0.0.0+g0123456789ab", "0.0.0+g0123456789ab"},
	} {
		got, err := versionOf(text)
		if err != nil || got != want[0] || !semantic.MatchString(got) {
			t.Errorf("%s: %q %v", text, got, err)
		}
		if deb := debVersion(got); deb != want[1] || strings.Contains(deb, "-") {
			t.Errorf("%s: %q", text, deb)
		}
	}
	if v, err := versionOf("nightly"); err == nil {
		t.Errorf("%q", v)
	}
}

func TestFind_RefusesWhatCannotBe(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1774747814")
	r := release{version: "1.4.0", source: t.TempDir()}
	if err := r.find(t.Context(), "linux/arm64,windows/amd64"); err != nil || r.when.Unix() != 1774747814 || len(r.targets) != 2 {
		t.Errorf("%+v %v", r, err)
	}
	if err := r.find(t.Context(), "linux/arm64,linux/arm"); err == nil || !strings.Contains(err.Error(), `"linux/arm"`) {
		t.Error(err)
	}
	r.version = "1.4.0 -X main.x=y"
	if err := r.find(t.Context(), ""); err == nil {
		t.Error("a version with spaces is taken")
	}
	r.version = "1.4.0"
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if err := r.find(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
		t.Error(err)
	}
}

func TestClear_LeavesWhatIsSomebodyElses(t *testing.T) {
	t.Parallel()
	r := prepared(t, "1.4.0")
	kept := filepath.Join(r.out, "letters")
	if err := os.WriteFile(kept, []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.clear(); err == nil {
		t.Error("it is emptied")
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(r.out, sumsFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.clear(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(r.out); err != nil || len(left) != 1 || left[0].Name() != unfinishedFile {
		t.Errorf("%v %v", left, err)
	}
}

func TestMake_GoesWithTheConsoleOrNotAtAll(t *testing.T) {
	t.Parallel()
	if _, err := prepared(t, "1.4.0").make(t.Context()); err == nil || !strings.Contains(err.Error(), "make console") {
		t.Error(err)
	}
}

const lock = `{"packages": {"": {"version": "1"}, "node_modules/react": {"version": "19.3.1", "license": "MIT"},
	"node_modules/a/node_modules/@b/c": {"version": "2.0.0"}, "node_modules/vite": {"version": "8.0.0", "dev": true}}}`

func TestBill_NamesWhatIsInside(t *testing.T) {
	t.Parallel()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	r := prepared(t, "1.4.0+1.gabc")
	text, err := billOf(r, map[target][]byte{{"linux", "amd64"}: binary}, []byte(lock))
	if err != nil {
		t.Fatal(err)
	}
	var bill struct {
		BomFormat, SpecVersion string
		Metadata               struct{ Component component }
		Components             []component
	}
	if err := json.Unmarshal(text, &bill); err != nil {
		t.Fatal(err)
	}
	var purls []string
	for _, c := range bill.Components {
		purls = append(purls, c.Purl)
	}
	want := "pkg:golang/stdlib@" + strings.TrimPrefix(info.GoVersion, "go") + " pkg:npm/%40b/c@2.0.0 pkg:npm/react@19.3.1"
	if got := strings.Join(purls, " "); got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if bill.BomFormat != "CycloneDX" || bill.SpecVersion != "1.5" || bill.Metadata.Component.Purl != "pkg:generic/rapport@1.4.0%2B1.gabc" {
		t.Errorf("%+v", bill)
	}
}

func TestNotices_OfWhatHasNoneNothingIsGiven(t *testing.T) {
	t.Parallel()
	with, without := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"LICENSE-MIT.txt": "take it\r\n", "NOTICE": "by us", "licenses.go": "package x"} {
		if err := os.WriteFile(filepath.Join(with, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := noticesOf(map[string]string{"b": with, "a": without}, map[string]string{"a": "MIT"})
	if want := "==== a\n\nLicence: MIT\n\n==== b\n\ntake it\n\nby us\n\n"; err != nil || string(got) != want {
		t.Errorf("%q %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(without, "Readme.md"), []byte("how to use it"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := noticesOf(map[string]string{"a": without}, nil); err == nil || !strings.Contains(err.Error(), "a has no licence") {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(without, "Readme.md"), []byte("## License\n\nMIT\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := noticesOf(map[string]string{"a": without}, nil); err != nil || string(got) != "==== a\n\n## License\n\nMIT\n\n" {
		t.Errorf("%q %v", got, err)
	}
}

// A release whose data nobody kept cannot be upgraded from with proof.
func TestMake_RefusesAReleaseOfWhichNoDataIsKept(t *testing.T) {
	t.Parallel()
	for version, refused := range map[string]bool{"1.4.0": true, "1.4.0-rc.1": true, "1.4.0+3.gabc": false, "0.0.0+gabc": false} {
		r := prepared(t, version)
		at := filepath.Join(r.source, filepath.FromSlash(keptFolder))
		for _, engine := range []string{"", "-postgres"} {
			if err := r.kept(); (err != nil) != refused {
				t.Errorf("%s before %q is kept: %v", version, engine, err)
			}
			if err := errors.Join(os.MkdirAll(at, 0o755), os.WriteFile(filepath.Join(at, version+engine+".tar.gz"), nil, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.kept(); err != nil {
			t.Error(err)
		}
	}
}
