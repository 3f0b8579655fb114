package main

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the format asks for it; nothing is proved by it
	"fmt"
	"strings"
)

// debVersion is a version as Debian orders them: what comes before a release
// follows a tilde, what comes behind it a plus.
func debVersion(v string) string {
	core, behind, found := strings.Cut(v, "+")
	core = strings.ReplaceAll(core, "-", "~")
	if !found {
		return core
	}
	return core + "+" + strings.ReplaceAll(behind, "-", ".")
}

const copyright = "Rapport. Apache License 2.0; on Debian systems see /usr/share/common-licenses/Apache-2.0.\n" +
	"The licences of what else is in it are in " + noticesFile + ".gz beside this file.\n"

// debOf writes a Debian package: an ar archive of a version, a tar of what is
// said of it and a tar of its files (deb(5)). It runs no scripts: it starts
// nothing, and makes no user.
func debOf(r *release, t target, binary []byte) ([]byte, error) {
	notices, err := gzipOf(r.notices)
	if err != nil {
		return nil, err
	}
	var files []file
	for _, folder := range []string{"./", "./usr/", "./usr/bin/", "./usr/lib/", "./usr/lib/systemd/", "./usr/lib/systemd/system/", "./usr/share/", "./usr/share/doc/", "./usr/share/doc/rapport/"} {
		files = append(files, file{name: folder, mode: 0o755})
	}
	kept := []file{
		{name: "./usr/bin/rapport", mode: 0o755, data: binary},
		{name: "./usr/lib/systemd/system/rapport.service", mode: 0o644, data: unit},
		{name: "./usr/share/doc/rapport/copyright", mode: 0o644, data: []byte(copyright)},
		{name: "./usr/share/doc/rapport/" + noticesFile + ".gz", mode: 0o644, data: notices},
	}
	data, err := tarGzOf(append(files, kept...), r.when)
	if err != nil {
		return nil, err
	}
	var sums strings.Builder
	size := 0
	for _, f := range kept {
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(f.data), strings.TrimPrefix(f.name, "./")) //nolint:gosec // as above
		size += len(f.data)
	}
	control := fmt.Sprintf("Package: rapport\nVersion: %s\nArchitecture: %s\nMaintainer: The Rapport authors <rapport@localhost>\nInstalled-Size: %d\nSection: database\nPriority: optional\nDescription: customer data and personalization platform\n Takes in what customers do, keeps every event, and answers who each of them is.\n",
		debVersion(r.version), t.arch, (size+1023)/1024)
	head, err := tarGzOf([]file{{name: "./", mode: 0o755}, {name: "./control", mode: 0o644, data: []byte(control)}, {name: "./md5sums", mode: 0o644, data: []byte(sums.String())}}, r.when)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString("!<arch>\n")
	for _, f := range []file{{name: "debian-binary", data: []byte("2.0\n")}, {name: "control.tar.gz", data: head}, {name: "data.tar.gz", data: data}} {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", f.name, r.when.Unix(), 0, 0, "100644", len(f.data))
		out.Write(f.data)
		if len(f.data)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes(), nil
}
