package tablefile

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"path"
	"strconv"
	"strings"

	"rapport/internal/fault"
)

// book is what a spreadsheet says of its sheets.
type book struct {
	calendar calendar
	path     string // of the sheet that is read
}

func readBook(z *zip.Reader, size int64, o Options) (*book, error) {
	var doc struct {
		Properties struct {
			From1904 string `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []struct {
			Name string `xml:"name,attr"`
			ID   string `xml:"http://schemas.openxmlformats.org/officeDocument/2006/relationships id,attr"`
		} `xml:"sheets>sheet"`
	}
	if err := decodePart(z, "xl/workbook.xml", size, o.Limits, &doc); err != nil {
		return nil, err
	}
	var links struct {
		All []struct {
			ID     string `xml:"Id,attr"`
			Target string `xml:"Target,attr"`
		} `xml:"Relationship"`
	}
	if err := decodePart(z, "xl/_rels/workbook.xml.rels", size, o.Limits, &links); err != nil {
		return nil, err
	}
	b := &book{calendar: calendarOf(z, size, o.Limits, doc.Properties.From1904)}
	for _, sheet := range doc.Sheets {
		if o.Sheet != "" && sheet.Name != o.Sheet {
			continue
		}
		for _, link := range links.All {
			if link.ID == sheet.ID {
				b.path = strings.TrimPrefix(path.Join("/xl", link.Target), "/")
				if strings.HasPrefix(link.Target, "/") {
					b.path = strings.TrimPrefix(path.Clean(link.Target), "/")
				}
				return b, nil
			}
		}
	}
	return nil, fault.Errorf(fault.Invalid, "no_sheet", "the spreadsheet has no sheet %q; leave the name out for the first", o.Sheet).At("sheet")
}

// maxPart is bytes of the parts that are read as a whole.
const maxPart = 16 << 20

func decodePart(z *zip.Reader, name string, size int64, l Limits, into any) error {
	s, err := part(z, name, size, l)
	if err == nil {
		err = errors.Join(xml.NewDecoder(io.LimitReader(s, maxPart)).Decode(into), s.Close())
	}
	if err != nil {
		return fault.Errorf(fault.Invalid, "damaged_file", "the spreadsheet is damaged at %s; save it again: %w", name, err)
	}
	return nil
}

// readShared reads the texts that cells point to.
func readShared(z *zip.Reader, size int64, l Limits) ([]string, error) {
	s, err := part(z, "xl/sharedStrings.xml", size, l)
	if errors.Is(err, errNoPart) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer s.Close() //nolint:errcheck // it was only read
	in := newTokens(s, l)
	var out []string
	var h held
	taken := int64(0)
	for {
		t, err := in.next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, damaged(err)
		}
		if start, ok := t.(xml.StartElement); ok && start.Name.Local == "si" {
			h.text = h.text[:0]
		}
		h.take(t, l.Row)
		if end, ok := t.(xml.EndElement); !ok || end.Name.Local != "si" {
			continue
		}
		if taken += int64(len(h.text)) + 16; taken > l.Shared {
			return nil, fault.Errorf(fault.Invalid, "unpacks_to_too_much", "the texts of the spreadsheet have more than %d bytes; save it as CSV", l.Shared)
		}
		out = append(out, string(unescaped(h.text)))
	}
}

// numberOf is a number as JSON has it: a spreadsheet writes 1E-3 and 0.1 as
// 0.10000000000000001.
func numberOf(text string) (string, bool) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
		return "", false
	}
	if math.Abs(n) >= 1e21 || n != 0 && math.Abs(n) < 1e-6 {
		return strconv.FormatFloat(n, 'e', -1, 64), true
	}
	return strconv.FormatFloat(n, 'f', -1, 64), true
}
