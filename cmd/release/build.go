package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed rapport.service
var unit []byte

const (
	consoleFolder = "console/dist"
	sumsFile      = "SHA256SUMS"
	// unfinishedFile stands in its place until all is made, so that what was cut off
	// has no checksums that seem to hold, and can be made again.
	unfinishedFile = sumsFile + ".unfinished"
	noticesFile    = "THIRD-PARTY-LICENSES"
)

// clear makes the folder anew, of a release that is not finished. One that no release is in stays as it is: it may
// be somebody's.
func (r *release) clear() error {
	entries, err := os.ReadDir(r.out)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		ours := func(e os.DirEntry) bool { return e.Name() == sumsFile || e.Name() == unfinishedFile }
		if !slices.ContainsFunc(entries, ours) {
			return fmt.Errorf("%s holds something else than a release: empty it, or give another folder with -out", r.out)
		}
	}
	if err := errors.Join(os.RemoveAll(r.out), os.MkdirAll(r.out, 0o755)); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, unfinishedFile), nil, 0o644)
}

// keptFolder holds data that each release wrote, for the upgrade tests of those to
// come.
const keptFolder = "internal/app/testdata/releases"

// kept refuses a release of which no data is kept: nobody could prove later that
// it is still read. What is no release, behind a tag or without one, needs none.
func (r *release) kept() error {
	if strings.Contains(r.version, "+") {
		return nil
	}
	for _, engine := range []string{"", "-postgres"} {
		name := filepath.Join(keptFolder, r.version+engine+".tar.gz")
		if _, err := os.Stat(filepath.Join(r.source, name)); err != nil {
			return fmt.Errorf("there is no %s: make data VERSION=%s keeps what this version writes, commit it (%w)", name, r.version, err)
		}
	}
	return nil
}

// make makes everything and gives the checksums.
func (r *release) make(ctx context.Context) ([]byte, error) {
	if _, err := os.Stat(filepath.Join(r.source, consoleFolder, "index.html")); err != nil {
		return nil, fmt.Errorf("the console is not built, and no release goes without it: run make console with Node.js 20.19 or later (%w)", err)
	}
	if err := r.kept(); err != nil {
		return nil, err
	}
	if err := r.clear(); err != nil {
		return nil, err
	}
	binaries := map[target][]byte{}
	for _, t := range r.targets {
		b, err := r.build(ctx, t)
		if err == nil {
			err = r.pack(t, b)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t, err)
		}
		binaries[t] = b
	}
	image, err := imageOf(r, binaries)
	if err != nil {
		return nil, err
	}
	if image != nil {
		if err := r.write("rapport-"+r.version+"-image.tar", image); err != nil {
			return nil, err
		}
	}
	lock, err := os.ReadFile(filepath.Join(r.source, "console", "package-lock.json"))
	if err != nil {
		return nil, err
	}
	bill, err := billOf(r, binaries, lock)
	if err != nil {
		return nil, err
	}
	if err := r.write("rapport-"+r.version+".cdx.json", bill); err != nil {
		return nil, err
	}
	return r.sums()
}

// build makes one binary: without C, without paths of this machine, and with the
// version in it.
func (r *release) build(ctx context.Context, t target) ([]byte, error) {
	fmt.Fprintln(r.say, "building", t)
	file := filepath.Join(r.out, "binary")
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid= -X main.released="+r.version, "-o", path, "./cmd/rapport")
	cmd.Dir, cmd.Stderr = r.source, os.Stderr
	// An empty value would let the user's own settings of Go stand.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=-mod=readonly", "GOFIPS140=off", "GOWORK=off")
	if r.cache != "" {
		cmd.Env = append(cmd.Env, "GOCACHE="+r.cache)
	}
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("building: %w", err)
	}
	b, err := os.ReadFile(file)
	return b, errors.Join(err, os.Remove(file))
}

// pack writes what people install from.
func (r *release) pack(t target, binary []byte) error {
	files := []file{{name: noticesFile, mode: 0o644, data: r.notices}}
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		data, err := os.ReadFile(filepath.Join(r.source, name))
		if err != nil {
			return err
		}
		files = append(files, file{name: name, mode: 0o644, data: data})
	}
	system := t.os
	switch t.os {
	case "windows":
		name := fmt.Sprintf("rapport-%s-windows-%s", r.version, t.arch)
		b, err := zipOf(under(name, append(files, file{name: "rapport.exe", mode: 0o755, data: binary})), r.when)
		if err != nil {
			return err
		}
		return r.write(name+".zip", b)
	case "darwin":
		system = "macos"
	case "linux":
		files = append(files, file{name: "rapport.service", mode: 0o644, data: unit})
		b, err := debOf(r, t, binary)
		if err != nil {
			return err
		}
		if err := r.write(fmt.Sprintf("rapport_%s_%s.deb", debVersion(r.version), t.arch), b); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("rapport-%s-%s-%s", r.version, system, t.arch)
	b, err := tarGzOf(under(name, append(files, file{name: "rapport", mode: 0o755, data: binary})), r.when)
	if err != nil {
		return err
	}
	return r.write(name+".tar.gz", b)
}

func (r *release) write(name string, data []byte) error {
	fmt.Fprintf(r.say, "%9d bytes  %s\n", len(data), name)
	return os.WriteFile(filepath.Join(r.out, name), data, 0o644)
}

// sums writes the checksums, as sha256sum --check reads them.
func (r *release) sums() ([]byte, error) {
	entries, err := os.ReadDir(r.out) // by name
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, e := range entries {
		if e.Name() == unfinishedFile {
			continue
		}
		data, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		fmt.Fprintf(&out, "%s  %s\n", hex.EncodeToString(sum[:]), e.Name())
	}
	unfinished := filepath.Join(r.out, unfinishedFile)
	if err := os.WriteFile(unfinished, out.Bytes(), 0o644); err != nil {
		return nil, err
	}
	return out.Bytes(), os.Rename(unfinished, filepath.Join(r.out, sumsFile))
}
