package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// blob is a part of an image, as others name it.
type blob struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	OS   string `json:"os"`
	Arch string `json:"architecture"`
}

const (
	ociTypes    = "application/vnd.oci.image."
	ociManifest = ociTypes + "manifest.v1+json"
	ociIndex    = ociTypes + "index.v1+json"
	// nobody owns the process and its data: a user that no system has.
	nobody = 65532
)

// layout is an archive in the layout of OCI's image specification 1.1.
type layout struct {
	parts []file
	known map[string]bool
}

// add takes a part in, once.
func (l *layout) add(kind string, data []byte) blob {
	name := digest(data)
	if !l.known[name] {
		l.known[name] = true
		l.parts = append(l.parts, file{name: "blobs/sha256/" + name, mode: 0o644, data: data})
	}
	return blob{MediaType: kind, Digest: "sha256:" + name, Size: len(data)}
}

// addJSON takes a document in.
func (l *layout) addJSON(kind string, document map[string]any) (blob, error) {
	data, err := json.Marshal(document)
	return l.add(kind, data), err
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// imageOf writes an image of nothing but the program, for each processor that
// there is a binary for; nil where none runs on Linux. Authorities and time
// zones are in the program.
func imageOf(r *release, binaries map[target][]byte) ([]byte, error) {
	l := &layout{known: map[string]bool{}}
	var manifests []blob
	for _, t := range r.targets {
		if t.os != "linux" {
			continue
		}
		m, err := l.platform(r, t, binaries[t])
		if err != nil {
			return nil, err
		}
		manifests = append(manifests, m)
	}
	if manifests == nil {
		return nil, nil
	}
	// Tools that load an archive take what index.json names: the index of all
	// platforms, under a name. A tag knows no plus.
	all, err := l.addJSON(ociIndex, map[string]any{"schemaVersion": 2, "mediaType": ociIndex, "manifests": manifests})
	if err != nil {
		return nil, err
	}
	tag := strings.ReplaceAll(r.version, "+", "-")
	all.Annotations = map[string]string{"io.containerd.image.name": "docker.io/library/rapport:" + tag, "org.opencontainers.image.ref.name": tag}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": ociIndex, "manifests": []blob{all}})
	if err != nil {
		return nil, err
	}
	files := []file{
		{name: "oci-layout", mode: 0o644, data: []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{name: "index.json", mode: 0o644, data: index},
		{name: "blobs/", mode: 0o755},
		{name: "blobs/sha256/", mode: 0o755},
	}
	return tarOf(append(files, l.parts...), r.when)
}

// platform takes in the image of one processor.
func (l *layout) platform(r *release, t target, binary []byte) (blob, error) {
	layer, err := tarOf([]file{
		{name: "data/", mode: 0o700, owner: nobody},
		{name: "licenses/", mode: 0o755}, {name: "licenses/" + noticesFile, mode: 0o644, data: r.notices},
		{name: "rapport", mode: 0o755, data: binary}, {name: "tmp/", mode: 0o1777},
	}, r.when)
	if err != nil {
		return blob{}, err
	}
	packed, err := gzipOf(layer)
	if err != nil {
		return blob{}, err
	}
	config, err := l.addJSON(ociTypes+"config.v1+json", map[string]any{
		"created": r.when.Format(time.RFC3339), "os": t.os, "architecture": t.arch,
		"config": map[string]any{
			"User": "65532:65532", "Entrypoint": []string{"/rapport"}, "Cmd": []string{"serve"}, "Env": []string{"RAPPORT_DATA=/data", "RAPPORT_LISTEN=0.0.0.0:8080"},
			"ExposedPorts": map[string]any{"8080/tcp": map[string]any{}}, "Volumes": map[string]any{"/data": map[string]any{}}, "WorkingDir": "/data",
			"Labels": map[string]string{"org.opencontainers.image.title": "Rapport", "org.opencontainers.image.version": r.version, "org.opencontainers.image.licenses": "Apache-2.0"},
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	if err != nil {
		return blob{}, err
	}
	m, err := l.addJSON(ociManifest, map[string]any{
		"schemaVersion": 2, "mediaType": ociManifest,
		"config": config, "layers": []blob{l.add(ociTypes+"layer.v1.tar+gzip", packed)},
	})
	m.Platform = &platform{t.os, t.arch}
	return m, err
}
