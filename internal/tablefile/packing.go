package tablefile

import (
	"archive/zip"
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"rapport/internal/fault"
)

// free is how much may come out of a packed file before its ratio counts.
const free = 256 << 20

// stream is a file after unpacking. It stops where more comes out than a table
// of that size can have.
type stream struct {
	r        io.Reader
	close    func() error
	packed   int64 // bytes of the file
	taken    int64
	limits   Limits
	how      string // gzip, zstd, zip; empty: plain
	warnings []RowError
}

// Read reads. A file that is damaged or too large ends with a fault.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.taken += int64(n)
	switch {
	case s.how == "":
		return n, err
	case s.taken > s.limits.Unpacked || s.taken > free && s.taken/s.limits.Ratio > s.packed:
		return 0, fault.Errorf(fault.Invalid, "unpacks_to_too_much",
			"the %s file has %d bytes and unpacks to more than %d; send it plain, or in parts", s.how, s.packed, s.taken)
	case err != nil && !errors.Is(err, io.EOF):
		return n, fault.Errorf(fault.Invalid, "damaged_file",
			"the %s file is damaged or was not written to its end: after %d unpacked bytes it breaks off; send it again: %w", s.how, s.taken, err)
	}
	return n, err
}

// Close ends the unpacking.
func (s *stream) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// packing tells by the first bytes how a stream is packed.
func packing(head []byte) string {
	switch {
	case len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		return "gzip"
	case strings.HasPrefix(string(head), "\x28\xb5\x2f\xfd"):
		return "zstd"
	case strings.HasPrefix(string(head), "PK\x03\x04"):
		return "zip"
	case strings.HasPrefix(string(head), "PAR1"):
		return "parquet"
	case strings.HasPrefix(string(head), "BZh"):
		return "bzip2"
	case strings.HasPrefix(string(head), "\xfd7zX"):
		return "xz"
	case strings.HasPrefix(string(head), "7z\xbc\xaf"):
		return "7-Zip"
	case strings.HasPrefix(string(head), "Rar!"):
		return "RAR"
	case strings.HasPrefix(string(head), "\xd0\xcf\x11\xe0"):
		return "xls"
	}
	return ""
}

// unpack looks through the packing of a file that is read from its start.
func unpack(r io.Reader, head []byte, size int64, l Limits) (*stream, error) {
	s := &stream{r: r, packed: size, limits: l, how: packing(head)}
	switch s.how {
	case "":
		return s, nil
	case "gzip":
		z, err := gzip.NewReader(bufio.NewReaderSize(r, 1<<16))
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "damaged_file", "the file begins as gzip and is none; send it again: %w", err)
		}
		s.r, s.close = z, z.Close
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "damaged_file", "the file begins as zstd and is none; send it again: %w", err)
		}
		s.r, s.close = z, func() error { z.Close(); return nil }
	case "xls":
		return nil, fault.Errorf(fault.Invalid, "unknown_spreadsheet", "the file is a spreadsheet as Excel 97 wrote it (.xls), or has a password; save it as Excel (.xlsx) or CSV, without a password")
	default:
		return nil, fault.Errorf(fault.Invalid, "unknown_packing", "the file is packed by %s; send it plain, or as gzip, zip or zstd", s.how)
	}
	return s, s.unnested()
}

// unnested refuses what is packed twice.
func (s *stream) unnested() error {
	b := bufio.NewReaderSize(s.r, 1<<16)
	head, _ := b.Peek(4) // what is wrong with the stream is said where it is read
	s.r = b
	if inner := packing(head); inner != "" {
		return errors.Join(fault.Errorf(fault.Invalid, "packed_twice", "the %s file holds a %s file; pack CSV or JSON lines once, and send Excel and Parquet as they are", s.how, inner), s.Close())
	}
	return nil
}

// openZip reads a spreadsheet, or the one table of an archive. Names in an
// archive are only looked at: nothing is ever written to where they point.
func openZip(f io.ReaderAt, size int64, o Options) (Reader, error) {
	z, err := zip.NewReader(f, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, fault.Errorf(fault.Invalid, "damaged_file", "the zip file is damaged or was not written to its end; send it again: %w", err)
	}
	if slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == "xl/workbook.xml" }) {
		return openExcel(z, size, o)
	}
	if slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == "content.xml" || f.Name == "xl/workbook.bin" }) {
		return nil, fault.Errorf(fault.Invalid, "unknown_spreadsheet", "the file is an OpenDocument spreadsheet (.ods) or a binary one (.xlsb); save it as Excel (.xlsx) or CSV")
	}
	if slices.ContainsFunc(z.File, func(f *zip.File) bool { return strings.HasPrefix(f.Name, "word/") || strings.HasPrefix(f.Name, "ppt/") }) {
		return nil, notATable("Word or PowerPoint")
	}
	s := &stream{packed: size, limits: o.Limits, how: "zip"}
	var table *zip.File
	for _, entry := range z.File {
		base := path.Base(entry.Name)
		switch {
		case unsafeName(entry.Name):
			s.warnings = append(s.warnings, RowError{
				Code: "unsafe_path", Value: Show([]byte(entry.Name)),
				Reason: "a file of the archive has a path that leads out of it; it was left out", Mend: "pack the table by its name alone",
			})
		case entry.FileInfo().IsDir() || strings.HasPrefix(base, ".") || strings.HasPrefix(entry.Name, "__MACOSX/"):
		case table != nil:
			return nil, fault.Errorf(fault.Invalid, "several_files", "the archive holds %q and %q; send each table in a file of its own", Show([]byte(table.Name)), Show([]byte(entry.Name)))
		default:
			table = entry
		}
	}
	if table == nil && len(s.warnings) > 0 {
		return nil, fault.Errorf(fault.Invalid, "unsafe_path", "the archive holds %q, whose path leads out of it, and no other table; pack the table by its name alone", s.warnings[0].Value)
	}
	if table == nil {
		return nil, fault.Errorf(fault.Invalid, "no_table", "the archive holds no table; pack one CSV or JSON lines file by its name alone")
	}
	if table.Flags&1 != 0 {
		return nil, fault.Errorf(fault.Invalid, "encrypted_file", "the archive is encrypted; send it without a password")
	}
	r, err := table.Open()
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "damaged_file", "the archive cannot be unpacked: %w", err)
	}
	s.r, s.close = r, r.Close
	if err := s.unnested(); err != nil {
		return nil, err
	}
	return openText(s, o)
}

// unsafeName tells a path that leads out of the folder it would be unpacked in.
func unsafeName(name string) bool {
	slashed := strings.ReplaceAll(name, `\`, "/")
	return strings.HasPrefix(slashed, "/") || strings.Contains(slashed, ":") || slices.Contains(strings.Split(slashed, "/"), "..") || strings.ContainsRune(name, 0)
}

// part reads one file of a spreadsheet, as far as it may unpack.
func part(z *zip.Reader, name string, size int64, l Limits) (*stream, error) {
	for _, f := range z.File {
		if strings.EqualFold(strings.TrimPrefix(f.Name, "/"), name) {
			r, err := f.Open()
			if err != nil {
				return nil, fault.Errorf(fault.Invalid, "damaged_file", "the spreadsheet cannot be unpacked: %w", err)
			}
			return &stream{r: r, close: r.Close, packed: size, limits: l, how: "xlsx"}, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", name, errNoPart)
}

var errNoPart = errors.New("the spreadsheet has no such part")
