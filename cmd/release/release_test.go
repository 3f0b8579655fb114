package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

var when = time.Date(2026, 3, 29, 1, 30, 14, 0, time.UTC)

// prepared is a release whose sources are a few words.
func prepared(t *testing.T, version string) *release {
	t.Helper()
	r := &release{version: version, when: when, source: t.TempDir(), out: t.TempDir(), targets: targets(), notices: []byte("theirs\n"), say: io.Discard}
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		if err := os.WriteFile(filepath.Join(r.source, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// program stands for a binary: a text that compresses little.
func program(t target) []byte {
	var b bytes.Buffer
	for i := range 5000 {
		fmt.Fprintf(&b, "%s %x ", t, i*i*2654435761)
	}
	return b.Bytes()
}

// packAll writes all archives and the image, and gives them by name.
func packAll(t *testing.T, r *release) map[string][]byte {
	t.Helper()
	binaries := map[target][]byte{}
	for _, x := range r.targets {
		binaries[x] = program(x)
		if err := r.pack(x, binaries[x]); err != nil {
			t.Fatal(err)
		}
	}
	image, err := imageOf(r, binaries)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.write("image.tar", image); err != nil {
		t.Fatal(err)
	}
	if _, err := r.sums(); err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	entries, err := os.ReadDir(r.out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if out[e.Name()], err = os.ReadFile(filepath.Join(r.out, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// inTar reads an archive back, by name; owners and times are looked at.
func inTar(t *testing.T, b []byte) map[string]*entry {
	t.Helper()
	out := map[string]*entry{}
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(when) || h.Uname != "" || out[h.Name] != nil {
			t.Errorf("%s: time %s, owner %q, or twice", h.Name, h.ModTime, h.Uname)
		}
		out[h.Name] = &entry{h, data}
	}
}

type entry struct {
	*tar.Header
	data []byte
}

func unzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil || !r.ModTime.IsZero() || r.Name != "" {
		t.Fatal(err, r.Header)
	}
	return out
}

func TestPack_TwiceIsTheSameBytes(t *testing.T) {
	t.Parallel()
	first, second := packAll(t, prepared(t, "1.4.0")), packAll(t, prepared(t, "1.4.0"))
	if len(first) != 6+2+1+1 {
		t.Errorf("%d files", len(first))
	}
	for name, b := range first {
		if !bytes.Equal(b, second[name]) {
			t.Errorf("%s differs", name)
		}
	}
	// A part of them alone is as it is among all.
	r := prepared(t, "1.4.0")
	if err := r.choose("linux/arm64"); err != nil {
		t.Fatal(err)
	}
	for name, b := range packAll(t, r) {
		if name != "image.tar" && name != sumsFile && !bytes.Equal(b, first[name]) {
			t.Errorf("%s alone differs", name)
		}
	}
}

func TestPack_ArchivesHoldTheProgramAndItsPapers(t *testing.T) {
	t.Parallel()
	made := packAll(t, prepared(t, "1.4.0"))
	for _, x := range targets() {
		system := map[string]string{"darwin": "macos", "linux": "linux", "windows": "windows"}[x.os]
		folder := "rapport-1.4.0-" + system + "-" + x.arch
		found := map[string][]byte{}
		if x.os == "windows" {
			b := made[folder+".zip"]
			z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(folder, err)
			}
			for _, f := range z.File {
				in, err := f.Open()
				if err != nil {
					t.Fatal(err)
				}
				if found[f.Name], err = io.ReadAll(in); err != nil || !f.Modified.Equal(when) {
					t.Errorf("%s: %s %v", f.Name, f.Modified, err)
				}
			}
		} else {
			all := inTar(t, unzipped(t, made[folder+".tar.gz"]))
			for name, e := range all {
				found[name] = e.data
			}
			if m := all[folder+"/rapport"]; m == nil || m.Mode != 0o755 || m.Uid != 0 {
				t.Errorf("%s: %+v", folder, m)
			}
		}
		want := []string{"LICENSE", "README.md", "CHANGELOG.md", noticesFile}
		name := folder + "/rapport"
		if x.os == "windows" {
			name += ".exe"
		}
		if !bytes.Equal(found[name], program(x)) {
			t.Errorf("%s has another program", folder)
		}
		if x.os == "linux" {
			want = append(want, "rapport.service")
		}
		for _, w := range want {
			if len(found[folder+"/"+w]) == 0 {
				t.Errorf("%s has no %s", folder, w)
			}
		}
	}
}

// inAr reads an ar archive back.
func inAr(t *testing.T, b []byte) (names []string, parts map[string][]byte) {
	t.Helper()
	rest, ok := bytes.CutPrefix(b, []byte("!<arch>\n"))
	if !ok {
		t.Fatal("no ar archive")
	}
	parts = map[string][]byte{}
	for len(rest) > 0 {
		name, end := strings.TrimSpace(string(rest[:16])), string(rest[58:60])
		size, err := strconv.Atoi(strings.TrimSpace(string(rest[48:58])))
		if err != nil || end != "`\n" {
			t.Fatalf("%q %q %v", name, end, err)
		}
		names, parts[name] = append(names, name), rest[60:60+size]
		rest = rest[60+size+size%2:]
	}
	return names, parts
}

func TestDeb_IsReadBack(t *testing.T) {
	t.Parallel()
	for _, x := range []target{{"linux", "amd64"}, {"linux", "arm64"}} {
		made := packAll(t, prepared(t, "1.4.0-rc.1"))
		names, parts := inAr(t, made["rapport_1.4.0~rc.1_"+x.arch+".deb"])
		if got := strings.Join(names, " "); got != "debian-binary control.tar.gz data.tar.gz" || string(parts["debian-binary"]) != "2.0\n" {
			t.Fatalf("%s: %q", got, parts["debian-binary"])
		}
		control := inTar(t, unzipped(t, parts["control.tar.gz"]))
		text := string(control["./control"].data)
		for _, line := range []string{"Package: rapport", "Version: 1.4.0~rc.1", "Architecture: " + x.arch, "Installed-Size: ", "Maintainer: ", "Description: "} {
			if !strings.Contains("\n"+text, "\n"+line) {
				t.Errorf("%q is not in\n%s", line, text)
			}
		}
		data := inTar(t, unzipped(t, parts["data.tar.gz"]))
		if p := data["./usr/bin/rapport"]; p == nil || !bytes.Equal(p.data, program(x)) || p.Mode != 0o755 {
			t.Error("the program differs")
		}
		if u := data["./usr/lib/systemd/system/rapport.service"]; u == nil || !bytes.Equal(u.data, unit) || u.Mode != 0o644 {
			t.Error("the unit differs")
		}
		sums := string(control["./md5sums"].data)
		for name := range data {
			if !strings.HasSuffix(name, "/") && !strings.Contains(sums, "  "+strings.TrimPrefix(name, "./")+"\n") {
				t.Errorf("no sum of %s", name)
			}
		}
	}
}

func TestImage_EveryPartIsWhatItsNameSays(t *testing.T) {
	t.Parallel()
	files := inTar(t, packAll(t, prepared(t, "1.4.0+3.gabc"))["image.tar"])
	if got := string(files["oci-layout"].data); got != `{"imageLayoutVersion":"1.0.0"}` {
		t.Error(got)
	}
	used := 0
	part := func(b blob) []byte {
		t.Helper()
		f := files["blobs/sha256/"+strings.TrimPrefix(b.Digest, "sha256:")]
		if f == nil || len(f.data) != b.Size || "sha256:"+digest(f.data) != b.Digest {
			t.Fatalf("%+v is not there", b)
		}
		used++
		return f.data
	}
	read := func(text []byte, into any) {
		t.Helper()
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	var top, all struct{ Manifests []blob }
	read(files["index.json"].data, &top)
	if len(top.Manifests) != 1 || top.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "1.4.0-3.gabc" {
		t.Fatalf("%+v", top)
	}
	read(part(top.Manifests[0]), &all)
	for i, arch := range []string{"amd64", "arm64"} {
		var m struct {
			Config blob
			Layers []blob
		}
		if p := all.Manifests[i].Platform; p == nil || p.OS != "linux" || p.Arch != arch {
			t.Errorf("%+v", p)
		}
		read(part(all.Manifests[i]), &m)
		var c struct {
			OS, Architecture string
			Created          time.Time
			Config           struct {
				User            string
				Entrypoint, Env []string
			}
			RootFS struct {
				DiffIDs []string `json:"diff_ids"`
			}
		}
		read(part(m.Config), &c)
		layer := unzipped(t, part(m.Layers[0]))
		if c.Architecture != arch || !c.Created.Equal(when) || c.Config.User != "65532:65532" || c.Config.Entrypoint[0] != "/rapport" ||
			len(m.Layers) != 1 || c.RootFS.DiffIDs[0] != "sha256:"+digest(layer) {
			t.Errorf("%+v", c)
		}
		inside := inTar(t, layer)
		if p := inside["rapport"]; p == nil || !bytes.Equal(p.data, program(target{"linux", arch})) || p.Mode != 0o755 || p.Uid != 0 {
			t.Error("the program differs, or its user may change it")
		}
		if d := inside["data/"]; d == nil || d.Uid != nobody || d.Gid != nobody || d.Mode != 0o700 {
			t.Errorf("%+v", d)
		}
	}
	if want := len(files) - 4; used != want { // oci-layout, index.json, two folders
		t.Errorf("%d parts are used of %d", used, want)
	}
}

func TestUnit_IsSandboxed(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"DynamicUser=yes", "StateDirectoryMode=0700", "NoNewPrivileges=yes", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
		"ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes", "ProtectKernelTunables=yes",
		"ProtectKernelModules=yes", "ProtectControlGroups=yes", "RestrictNamespaces=yes", "RestrictSUIDSGID=yes",
		"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "MemoryDenyWriteExecute=yes", "LockPersonality=yes",
		"SystemCallArchitectures=native", "SystemCallFilter=@system-service", "UMask=0077", "RestartPreventExitStatus=2",
	} {
		if !bytes.Contains(unit, []byte("\n"+line+"\n")) {
			t.Errorf("it has no %s", line)
		}
	}
}

// TestBuild_StampsAVariableThatIsThere: the linker says nothing when it is not.
func TestBuild_StampsAVariableThatIsThere(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "rapport", "version.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if f.Name.Name != "main" || f.Scope.Lookup("released") == nil {
		t.Error("cmd/rapport has no main.released")
	}
}

// TestSums_AreThereOnlyOfAllOfIt: what was cut off has none, and is made again.
func TestSums_AreThereOnlyOfAllOfIt(t *testing.T) {
	t.Parallel()
	r := prepared(t, "1.4.0")
	sums := filepath.Join(r.out, sumsFile)
	for range 2 { // the first is cut off
		if err := r.clear(); err != nil {
			t.Fatal(err)
		}
		if err := r.write("rapport.deb", []byte("packed")); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(sums); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("there are checksums of what is not finished: %v", err)
		}
	}
	said, err := r.sums()
	if err != nil {
		t.Fatal(err)
	}
	const want = "88cb8a087b6e8cebfc9ae5602f5a2159a6bcf923e7f2c56809bcda6cad1727a7  rapport.deb\n"
	if got, err := os.ReadFile(sums); err != nil || string(got) != string(said) || string(got) != want {
		t.Errorf("checksums %q and %q, want %q: %v", got, said, want, err)
	}
	if left, err := os.ReadDir(r.out); err != nil || len(left) != 2 {
		t.Errorf("the folder holds %v: %v", left, err)
	}
	if err := r.clear(); err != nil {
		t.Errorf("a finished release is not made anew: %v", err)
	}
	r.out = t.TempDir()
	if err := r.write("letters.txt", []byte("dear")); err != nil {
		t.Fatal(err)
	}
	if err := r.clear(); err == nil {
		t.Error("somebody's folder was emptied")
	}
}
