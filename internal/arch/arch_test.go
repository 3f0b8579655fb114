package arch_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

// rules are all that the shape is held by. Each gives what breaks it.
var rules = map[string]func(*tree) []string{
	"order":     order,
	"purity":    purity,
	"sleepless": sleepless,
	"stateless": stateless,
	"comments":  comments,
	"lengths":   lengths,
	"mapped":    mapped,
	"portable":  portable,
}

func TestTheHouseKeepsItsShape(t *testing.T) {
	t.Parallel()
	house := load(t, os.DirFS(filepath.Join("..", "..")))
	if len(house.folders()) < 5 {
		t.Fatalf("found %d folders in internal/, the test looks in the wrong place", len(house.folders()))
	}
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, finding := range rule(house) {
				t.Error(finding)
			}
		})
	}
}

// TestEachRuleFindsWhatBreaksIt runs every rule over small houses with faults
// built in. The comment of an archive lists the findings, one a line, as
// "rule: text".
func TestEachRuleFindsWhatBreaksIt(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives in testdata: %v", err)
	}
	broken := map[string]bool{}
	for _, archive := range archives {
		a, err := txtar.ParseFile(archive)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(strings.TrimSpace(string(a.Comment)), "\n")
		for _, w := range want {
			rule, _, _ := strings.Cut(w, ":")
			broken[rule] = true
		}
		t.Run(strings.TrimSuffix(path.Base(filepath.ToSlash(archive)), ".txtar"), func(t *testing.T) {
			t.Parallel()
			house := load(t, small(a))
			var got []string
			for name, rule := range rules {
				for _, finding := range rule(house) {
					got = append(got, name+": "+finding)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w && w != "none" {
				t.Errorf("findings:\n%s\nwant:\n%s", g, w)
			} else if w == "none" && g != "" {
				t.Errorf("findings in a house without faults:\n%s", g)
			}
		})
	}
	for name := range rules {
		if !broken[name] {
			t.Errorf("no archive in testdata breaks the rule %q", name)
		}
	}
}

// small makes a house of an archive. A line "<< N lines >>" stands for N empty
// ones, so that a file too long need not be stored.
func small(a *txtar.Archive) fs.FS {
	out := fstest.MapFS{}
	for _, f := range a.Files {
		text := string(f.Data)
		if before, rest, ok := strings.Cut(text, "<< "); ok {
			count, after, _ := strings.Cut(rest, " lines >>")
			n := 0
			for _, digit := range count {
				n = n*10 + int(digit-'0')
			}
			text = before + strings.Repeat("\n", n) + strings.TrimPrefix(after, "\n")
		}
		out[f.Name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}
