package arch_test

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// impure are packages that act or ask the world. The domain computes: values
// in, values out. What parses only (net/url, net/netip) is not among them.
var impure = []string{
	"context", "crypto/rand", "database/sql", "io/fs", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http",
	"net/mail", "os", "os/exec", "os/signal", "sync", "sync/atomic", "syscall",
}

// ticking are the functions of package time that read the clock or wait on it.
var ticking = []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Sleep"}

// named are what packages of the base import though it belongs to those: they name
// something of it, and do nothing with it.
var named = map[string]string{
	"fault": "syscall", // the numbers of a full disk
	"trace": "context", // it hands on what the context is about
}

// purity keeps I/O, clocks, goroutines and randomness out of the domain.
func purity(tr *tree) []string {
	var out []string
	tr.source(func(f *file) {
		folder, ok := strings.CutPrefix(f.dir(), "internal/")
		if !ok || place(slices.Concat(domain, base), folder) < 0 || strings.HasSuffix(folder, "test") {
			return // what only tests use may draw random numbers
		}
		for _, imp := range f.imports {
			if slices.Contains(impure, imp) && named[folder] != imp {
				out = append(out, fmt.Sprintf("%s imports %s: the domain computes and never acts; pass the value in", f.name, imp))
			}
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok {
				out = append(out, fmt.Sprintf("%s starts a goroutine: the domain never does", tr.line(n)))
			}
			if name := ofTime(f, n); slices.Contains(ticking, name) {
				out = append(out, fmt.Sprintf("%s uses time.%s: hand the domain an instant", tr.line(n), name))
			}
			return true
		})
	})
	return out
}

// ofTime gives X where the node is time.X, by whatever name time is imported.
func ofTime(f *file, n ast.Node) string {
	sel, ok := n.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	pkg, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	for _, spec := range f.syntax.Imports {
		name := "time"
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if spec.Path.Value == `"time"` && name == pkg.Name {
			return sel.Sel.Name
		}
	}
	return ""
}

// sleepless refuses to wait for time to pass, in tests above all: a test that
// sleeps is slow when it passes and wrong when the machine is.
func sleepless(tr *tree) []string {
	var out []string
	for _, f := range tr.files {
		if f.syntax == nil {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if ofTime(f, n) == "Sleep" {
				out = append(out, fmt.Sprintf("%s sleeps: wait on a channel, a timer with a context, or testing/synctest", tr.line(n)))
			}
			return true
		})
	}
	return out
}

// stateless refuses init functions: what happens before main is told nowhere.
func stateless(tr *tree) []string {
	var out []string
	tr.source(func(f *file) {
		for _, d := range f.syntax.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				out = append(out, fmt.Sprintf("%s has an init function: let app call it", tr.line(fn)))
			}
		}
	})
	return out
}

// comments asks every package for one comment, and those of internal/ to say
// what they never do.
func comments(tr *tree) []string {
	texts := map[string][]string{}
	tr.source(func(f *file) {
		if f.generated() {
			return
		}
		texts[f.dir()] = append(texts[f.dir()], "")
		if doc := f.syntax.Doc.Text(); doc != "" {
			texts[f.dir()][len(texts[f.dir()])-1] = doc
		}
	})
	var out []string
	for dir, all := range texts {
		docs := slices.DeleteFunc(all, func(s string) bool { return s == "" })
		switch {
		case len(docs) != 1:
			out = append(out, fmt.Sprintf("%s has %d package comments, want 1", dir, len(docs)))
		case strings.HasPrefix(dir, "internal/") && !never.MatchString(docs[0]):
			out = append(out, fmt.Sprintf("%s: the package comment does not say what the package never does", dir))
		}
	}
	return out
}

var never = regexp.MustCompile(`(?i)\bnever\b`)

// Lengths that fit in one sitting.
const (
	maxSource = 400
	maxTest   = 800
	maxMain   = 60
)

// lengths keeps files short enough to be read in one go.
func lengths(tr *tree) []string {
	var out []string
	for _, f := range tr.files {
		if f.syntax == nil || f.generated() {
			continue
		}
		limit := maxSource
		switch {
		case f.test(), strings.HasSuffix(f.dir(), "test"):
			limit = maxTest // a suite such as storetest is tests for others to call
		case path.Base(f.name) == "main.go" && strings.HasPrefix(f.name, "cmd/"):
			limit = maxMain
		}
		if n := f.lines(); n > limit {
			out = append(out, fmt.Sprintf("%s has %d lines, the limit is %d: split it by verb", f.name, n, limit))
		}
	}
	return out
}

// row is the line that ARCHITECTURE.md gives a folder.
var row = regexp.MustCompile("(?m)^\\| `(internal/[a-z0-9/]+)` \\|")

// mapped checks the map of the house: a line for every folder, and none for a
// folder that is gone.
func mapped(tr *tree) []string {
	i := slices.IndexFunc(tr.files, func(f *file) bool { return f.name == "ARCHITECTURE.md" })
	if i < 0 {
		return []string{"ARCHITECTURE.md is missing"}
	}
	var named, out []string
	for _, m := range row.FindAllSubmatch(tr.files[i].text, -1) {
		named = append(named, strings.TrimPrefix(string(m[1]), "internal/"))
	}
	for _, folder := range tr.folders() {
		if !slices.Contains(named, folder) {
			out = append(out, fmt.Sprintf("ARCHITECTURE.md has no line for internal/%s", folder))
		}
	}
	for _, folder := range named {
		if !slices.Contains(tr.folders(), folder) {
			out = append(out, fmt.Sprintf("ARCHITECTURE.md names internal/%s, which is not there", folder))
		}
	}
	return out
}

// places are absolute paths of somebody's machine, marks what a file must hold
// to be worth that search; hosts are package registries, which every user
// chooses for himself. The names are cut in two so that this file does not
// break its own rule.
var (
	places = regexp.MustCompile("(?m)(?:^|[\\s\"'`(=])(/(?:wo" + "rk|ro" + "ot|tm" + "p|Us" + "ers|ho" + "me/\\w+)/[\\w.-]+)")
	marks  = []string{"/wo" + "rk/", "/ro" + "ot/", "/tm" + "p/", "/Us" + "ers/", "/ho" + "me/"}
	hosts  = []string{
		"proxy.go" + "lang.org", "sum.go" + "lang.org", "registry.npm" + "js.org", "registry.yarn" + "pkg.com",
		"py" + "pi.org", "crates.i" + "o", "deb.deb" + "ian.org", "repo.mav" + "en", "repo1.mav" + "en",
	}
)

// portable keeps the names of one machine or one network out of the tree.
func portable(tr *tree) []string {
	var out []string
	for _, f := range tr.files {
		text := string(f.text)
		holds := func(part string) bool { return strings.Contains(text, part) }
		if i := slices.IndexFunc(hosts, holds); i >= 0 {
			out = append(out, fmt.Sprintf("%s names a package registry: %s", f.name, hosts[i]))
		}
		if !slices.ContainsFunc(marks, holds) {
			continue
		}
		if m := places.FindStringSubmatch(text); m != nil {
			out = append(out, fmt.Sprintf("%s names a place on one machine: %s", f.name, m[1]))
		}
	}
	return out
}
