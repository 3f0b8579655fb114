package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"strings"
	"time"
)

// file is one that is packed. A name that ends with a slash is a folder.
type file struct {
	name  string
	mode  int64
	data  []byte
	owner int // user and group; 0: root
}

// under puts files into a folder.
func under(folder string, files []file) []file {
	out := []file{{name: folder + "/", mode: 0o755}}
	for _, f := range files {
		f.name = folder + "/" + f.name
		out = append(out, f)
	}
	return out
}

// tarOf packs files in their order.
func tarOf(files []file, when time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		h := &tar.Header{
			Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: when, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR,
			Uid: f.owner, Gid: f.owner,
		}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func gzipOf(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression) // without a name or a time
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

func tarGzOf(files []file, when time.Time) ([]byte, error) {
	b, err := tarOf(files, when)
	if err != nil {
		return nil, err
	}
	return gzipOf(b)
}

// zipOf packs files in their order. Folders are told by the names in them.
func zipOf(files []file, when time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		if strings.HasSuffix(f.name, "/") {
			continue
		}
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: when.UTC()}
		h.ExternalAttrs = uint32(f.mode|0o100000) << 16 // as Unix says it
		part, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := part.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}
