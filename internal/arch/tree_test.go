package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the path that every import of our own begins with.
const module = "rapport/"

// file is one file of the tree with what the rules ask about.
type file struct {
	name    string // slash-separated, from the root
	text    []byte
	syntax  *ast.File // nil where it is no Go
	imports []string
}

// dir is the folder of the file, from the root.
func (f *file) dir() string { return path.Dir(f.name) }

// test tells whether only tests are built with the file.
func (f *file) test() bool { return strings.HasSuffix(f.name, "_test.go") }

// generated tells a file that no person wrote.
func (f *file) generated() bool { return f.syntax != nil && ast.IsGenerated(f.syntax) }

// lines counts line ends: the parser would stop counting after the imports.
func (f *file) lines() int { return strings.Count(string(f.text), "\n") }

// tree is a repository as the rules see it.
type tree struct {
	fset  *token.FileSet
	files []*file
}

// skipped are folders with nothing of ours in them.
var skipped = []string{".git", "node_modules", "testdata", "bin", "dist", "rapport-data", "tmp", ".next"}

// kinds are the endings of files that people write. Files without an ending
// (Makefile, .ci/run) count as well.
var kinds = []string{"", ".go", ".md", ".js", ".mjs", ".ts", ".tsx", ".json", ".yaml", ".yml", ".toml", ".txtar", ".sh", ".html", ".css"}

// load reads every file that people write below the root.
func load(t *testing.T, root fs.FS) *tree {
	t.Helper()
	out := &tree{fset: token.NewFileSet()}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(skipped, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || !slices.Contains(kinds, path.Ext(name)) {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		out.files = append(out.files, &file{name: name, text: text})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range out.files {
		out.parse(t, f)
	}
	return out
}

func (tr *tree) parse(t *testing.T, f *file) {
	t.Helper()
	if path.Ext(f.name) != ".go" {
		return
	}
	syntax, err := parser.ParseFile(tr.fset, f.name, f.text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	f.syntax = syntax
	for _, spec := range syntax.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		f.imports = append(f.imports, imp)
	}
}

// line is the place of a node, for a message.
func (tr *tree) line(n ast.Node) string {
	p := tr.fset.Position(n.Pos())
	return p.Filename + ":" + strconv.Itoa(p.Line)
}

// source visits the Go files that are built into the product.
func (tr *tree) source(visit func(f *file)) {
	for _, f := range tr.files {
		if f.syntax != nil && !f.test() {
			visit(f)
		}
	}
}

// folders lists those below internal/ that have Go files, named from there.
func (tr *tree) folders() []string {
	var out []string
	for _, f := range tr.files {
		if in, ok := strings.CutPrefix(f.dir(), "internal/"); ok && f.syntax != nil && !slices.Contains(out, in) {
			out = append(out, in)
		}
	}
	slices.Sort(out)
	return out
}
