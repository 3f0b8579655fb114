package tck

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"rapport/internal/dmn"
	"rapport/internal/dmn/dmnxml"
	"rapport/internal/feel"
)

// Options are the outside of a run.
type Options struct {
	Now feel.Value // what now() gives
}

// Result is what running one suite gave.
type Result struct {
	Suite string
	Cases []CaseResult
}

// CaseResult is the outcome of one test case: it passes when all of its
// results are as expected.
type CaseResult struct {
	File, ID string
	Passed   bool
	Nodes    []NodeResult
}

// NodeResult is the outcome of one expected result.
type NodeResult struct {
	Name        string
	Passed      bool
	Expected    string
	Actual      string
	ExpectsNull bool
	Reasons     []string
}

// Count gives how many test cases passed and failed.
func (r *Result) Count() (passed, failed int) {
	for _, c := range r.Cases {
		if c.Passed {
			passed++
		} else {
			failed++
		}
	}
	return passed, failed
}

// Suites lists the folders under root that hold test cases, in order.
func Suites(fsys fs.FS, root string) ([]string, error) {
	var out []string
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || !strings.HasSuffix(name, ".xml") || slices.Contains(out, path.Dir(name)) {
			return nil
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if isCases(src) {
			out = append(out, path.Dir(name))
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

// Run runs the suite in a folder.
func Run(fsys fs.FS, dir string, o Options) (*Result, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("run suite: %w", err)
	}
	s := &suite{options: o, files: map[string]*dmnxml.Definitions{}, errs: map[string]error{}, models: map[string]*dmn.Model{}}
	res := &Result{Suite: dir}
	var tests []string
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch path.Ext(name) {
		case ".dmn":
			src, err := fs.ReadFile(fsys, name)
			if err != nil {
				return nil, fmt.Errorf("run suite: %w", err)
			}
			s.add(e.Name(), src)
		case ".xml":
			tests = append(tests, name)
		}
	}
	if err := s.addNested(fsys, dir); err != nil {
		return nil, err
	}
	for _, name := range tests {
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("run suite: %w", err)
		}
		if isCases(src) {
			res.Cases = append(res.Cases, s.run(path.Base(name), src)...)
		}
	}
	return res, nil
}

// addNested adds models of folders below, which those of the suite may import.
func (s *suite) addNested(fsys fs.FS, dir string) error {
	return fs.WalkDir(fsys, dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".dmn" || path.Dir(name) == dir {
			return err
		}
		src, err := fs.ReadFile(fsys, name)
		if err == nil {
			s.add(strings.TrimPrefix(name, dir+"/"), src)
		}
		return err
	})
}

type suite struct {
	options Options
	files   map[string]*dmnxml.Definitions
	order   []string // of files: those of the folder itself come first
	errs    map[string]error
	models  map[string]*dmn.Model
}

func (s *suite) add(name string, src []byte) {
	defs, err := dmnxml.Decode(src)
	if err != nil {
		s.errs[name] = err
		return
	}
	s.files[name] = defs
	s.order = append(s.order, name)
}

func (s *suite) model(name string) (*dmn.Model, error) {
	name = strings.TrimSpace(name)
	if path.Ext(name) != ".dmn" {
		name += ".dmn"
	}
	if m := s.models[name]; m != nil {
		return m, nil
	}
	if err := s.errs[name]; err != nil {
		return nil, err
	}
	defs := s.files[name]
	if defs == nil {
		return nil, fmt.Errorf("there is no model %s", name)
	}
	m, err := dmn.Compile(defs, dmn.CompileOptions{Import: s.imported})
	if err == nil {
		s.models[name] = m
	}
	return m, err
}

// imported finds a model beside the one that imports it, by its namespace.
func (s *suite) imported(namespace, location string) (*dmnxml.Definitions, error) {
	for _, name := range s.order {
		if defs := s.files[name]; defs.Namespace == namespace {
			return defs, nil
		}
	}
	if defs := s.files[path.Base(location)]; defs != nil {
		return defs, nil
	}
	return nil, errors.New("no file in the folder has this namespace")
}

func (s *suite) run(file string, src []byte) []CaseResult {
	tf, err := parseCases(src)
	if err != nil {
		return []CaseResult{{File: file, Nodes: []NodeResult{{Reasons: []string{err.Error()}}}}}
	}
	m, err := s.model(tf.ModelName)
	out := make([]CaseResult, 0, len(tf.Cases))
	for i := range tf.Cases {
		c := &tf.Cases[i]
		r := CaseResult{File: file, ID: c.ID, Passed: true}
		for k := range c.Results {
			n := NodeResult{Name: c.Results[k].Name}
			if err != nil {
				n.Reasons = []string{err.Error()}
			} else {
				n = s.node(m, c, &c.Results[k])
			}
			r.Passed = r.Passed && n.Passed
			r.Nodes = append(r.Nodes, n)
		}
		out = append(out, r)
	}
	return out
}
