// Package wordingtest holds catalogs against the sentences that a program says:
// one that a catalog lacks would stand in English between German ones. It never
// judges how well something is said.
package wordingtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rapport/internal/wording"
)

// Sentences reads every text of a file of Go that has words in it.
func Sentences(t *testing.T, file string) (out []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field: // its tag is no sentence
			return false
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && strings.Contains(strings.TrimSpace(text), " ") {
				out = append(out, text)
			}
		}
		return true
	})
	return out
}

var verbs = regexp.MustCompile(`%(?:\[\d+\])?[-+#.0-9]*[a-zA-Z]`)

// Holds checks that a catalog has each of some sentences, and fills into its
// German what their English fills in.
func Holds(t *testing.T, c wording.Catalog, sentences []string) {
	t.Helper()
	for _, english := range sentences {
		if _, ok := c[english]; !ok {
			t.Errorf("no German for %q", english)
		}
	}
	plain := func(text string) []string {
		found := verbs.FindAllString(text, -1)
		for i, v := range found {
			found[i] = regexp.MustCompile(`\[\d+\]`).ReplaceAllString(v, "")
		}
		slices.Sort(found)
		return found
	}
	for english, german := range c {
		if a, b := plain(english), plain(german); german == "" || !slices.Equal(a, b) {
			t.Errorf("%q fills in %v, its German %q %v", english, a, german, b)
		}
	}
}
