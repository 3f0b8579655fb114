package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// component is one of a bill of materials.
type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Purl    string `json:"purl,omitempty"`
}

func library(kind, name, version string) component {
	// A package URL keeps some signs for itself.
	escape := strings.NewReplacer("@", "%40", "+", "%2B")
	ref := "pkg:" + kind + "/" + escape.Replace(name) + "@" + escape.Replace(version)
	return component{"library", ref, name, version, ref}
}

// billOf lists what the binaries were made of, as they say themselves, and what
// the console was, by its lock file; as CycloneDX 1.5.
func billOf(r *release, binaries map[target][]byte, lock []byte) ([]byte, error) {
	found := map[string]component{}
	add := func(c component) { found[c.Ref] = c }
	for t, b := range binaries {
		info, err := buildinfo.Read(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("%s: what the binary is made of: %w", t, err)
		}
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			add(library("golang", m.Path, m.Version))
		}
		add(library("golang", "stdlib", strings.TrimPrefix(info.GoVersion, "go")))
	}
	packages, err := npmOf(lock)
	if err != nil {
		return nil, err
	}
	for _, p := range packages {
		add(library("npm", p.name, p.Version))
	}
	list := make([]component, 0, len(found))
	for _, ref := range slices.Sorted(maps.Keys(found)) {
		list = append(list, found[ref])
	}
	self := library("generic", "rapport", r.version)
	self.Type = "application"
	text, err := json.MarshalIndent(map[string]any{
		"$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
		"metadata":   map[string]any{"timestamp": r.when.Format(time.RFC3339), "component": self},
		"components": list,
	}, "", "  ")
	return append(text, '\n'), err
}

// npmPackage is one that the console may have in it.
type npmPackage struct {
	name, folder string
	Version      string `json:"version"`
	License      string `json:"license"`
	Dev          bool   `json:"dev"`
	DevOptional  bool   `json:"devOptional"`
	Optional     bool   `json:"optional"`
}

// npmOf reads from a lock file what is more than a tool of the build, by folder.
func npmOf(lock []byte) ([]npmPackage, error) {
	var read struct {
		Packages map[string]npmPackage `json:"packages"`
	}
	if err := json.Unmarshal(lock, &read); err != nil {
		return nil, fmt.Errorf("the console's lock file: %w", err)
	}
	var out []npmPackage
	for _, folder := range slices.Sorted(maps.Keys(read.Packages)) {
		p := read.Packages[folder]
		if folder == "" || p.Dev || p.DevOptional || p.Optional {
			continue
		}
		p.folder, p.name = folder, folder[strings.LastIndex(folder, "node_modules/")+len("node_modules/"):]
		out = append(out, p)
	}
	return out, nil
}

// licences gathers the licences of others' work, which want to go along with it:
// of Go, of each module of any target, of each package of the console.
func (r *release) licences(ctx context.Context) ([]byte, error) {
	folders := map[string]string{}
	// Of all targets, whichever are made: each archive has the same bytes alone.
	for _, t := range targets() {
		cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", "./cmd/rapport")
		cmd.Dir, cmd.Stderr = r.source, os.Stderr
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOFLAGS=-mod=readonly", "GOWORK=off")
		text, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("listing modules: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			if name, dir, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
				folders[name] = dir
			}
		}
	}
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("finding Go: %w", err)
	}
	folders["Go"] = strings.TrimSpace(string(root))
	lock, err := os.ReadFile(filepath.Join(r.source, "console", "package-lock.json"))
	if err != nil {
		return nil, err
	}
	packages, err := npmOf(lock)
	if err != nil {
		return nil, err
	}
	stated := map[string]string{}
	for _, p := range packages {
		name := "npm " + p.name + " " + p.Version
		folders[name], stated[name] = filepath.Join(r.source, "console", p.folder), p.License
	}
	return noticesOf(folders, stated)
}

// noticesOf joins the licences in folders, by name. Where a folder has none, a
// readme that speaks of one, or what the lock file states, stands for it; where
// there is not that either, nothing may be given to others.
func noticesOf(folders, stated map[string]string) ([]byte, error) {
	var out bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		texts, err := textsOf(folders[name], isNotice)
		if err == nil && len(texts) == 0 {
			texts, err = textsOf(folders[name], isReadme)
			texts = slices.DeleteFunc(texts, func(text string) bool { return !strings.Contains(strings.ToLower(text), "licen") })
		}
		if err != nil {
			return nil, fmt.Errorf("the licence of %s: %w", name, err)
		}
		if len(texts) == 0 && stated[name] != "" {
			texts = []string{"Licence: " + stated[name]}
		}
		if len(texts) == 0 {
			return nil, fmt.Errorf("%s has no licence in %s: it cannot be given to others", name, folders[name])
		}
		fmt.Fprintf(&out, "==== %s\n\n%s\n\n", name, strings.Join(texts, "\n\n"))
	}
	return out.Bytes(), nil
}

// textsOf reads the files of a folder whose names fit, by name.
func textsOf(folder string, fits func(name string) bool) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if !e.Type().IsRegular() || !fits(stem(e.Name())) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	return out, nil
}

// stem is a name before its first dot or hyphen, in small letters.
func stem(name string) string {
	return strings.ToLower(name[:len(name)-len(strings.TrimLeftFunc(name, func(r rune) bool { return r != '.' && r != '-' }))])
}

func isNotice(stem string) bool {
	return slices.Contains([]string{"license", "licence", "copying", "notice", "copyright", "patents"}, stem)
}

func isReadme(stem string) bool { return stem == "readme" }
