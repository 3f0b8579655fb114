package tablefile

import (
	"archive/zip"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// look is what a style shows a number as.
type look uint8

// The looks. One as a span may have more hours than a day.
const (
	asNumber look = iota
	asDay
	asMoment
	asClock
	asSpan
)

// readStyles tells what the styles of cells show a number as.
func readStyles(z *zip.Reader, size int64, l Limits) ([]look, error) {
	var doc struct {
		Formats []struct {
			ID   int    `xml:"numFmtId,attr"`
			Code string `xml:"formatCode,attr"`
		} `xml:"numFmts>numFmt"`
		Styles []struct {
			Format int `xml:"numFmtId,attr"`
		} `xml:"cellXfs>xf"`
	}
	if err := decodePart(z, "xl/styles.xml", size, l, &doc); err != nil {
		if errors.Is(err, errNoPart) {
			return nil, nil
		}
		return nil, err
	}
	own := map[int]look{}
	for _, f := range doc.Formats {
		own[f.ID] = lookOf(f.Code)
	}
	out := make([]look, len(doc.Styles))
	for i, s := range doc.Styles {
		known, is := own[s.Format]
		if !is {
			known = lookOfBuiltIn(s.Format)
		}
		out[i] = known
	}
	return out, nil
}

// lookOfBuiltIn is that of the formats that need not be written out.
func lookOfBuiltIn(format int) look {
	switch {
	case format >= 14 && format <= 17:
		return asDay
	case format >= 18 && format <= 21 || format == 45 || format == 47:
		return asClock
	case format == 22:
		return asMoment
	case format == 46:
		return asSpan
	}
	return asNumber
}

// lookOf tells whether a format shows days or hours, outside of its literals.
// Hours in brackets go on beyond a day.
func lookOf(code string) look {
	quoted, bracket := false, 0
	days, months, hours := false, false, false
	for i := 0; i < len(code); i++ {
		switch b := code[i]; {
		case b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '[':
			bracket = i + 1
		case b == ']':
			if inside := strings.ToLower(code[bracket:i]); inside != "" && strings.Trim(inside, "hms") == "" {
				return asSpan
			}
			bracket = 0
		case bracket > 0:
		case strings.IndexByte("ydYD", b) >= 0:
			days = true
		case strings.IndexByte("hsHS", b) >= 0:
			hours = true
		case b == 'm' || b == 'M':
			months = true
		}
	}
	switch {
	case days && hours:
		return asMoment
	case hours:
		return asClock
	case days || months:
		return asDay
	}
	return asNumber
}

// calendar is how days are counted.
type calendar struct {
	from time.Time // day 0
	// leap says that 1900 is taken for a leap year: day 60 is its 29 February, and
	// those before come a day later.
	leap bool
}

// calendarOf is that of a spreadsheet. LibreOffice counts days as they were.
func calendarOf(z *zip.Reader, size int64, l Limits, from1904 string) calendar {
	if from1904 == "1" || from1904 == "true" {
		return calendar{from: time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)}
	}
	var writer struct {
		Application string
	}
	_ = decodePart(z, "docProps/app.xml", size, l, &writer) // nothing else hangs on it
	return calendar{from: time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC), leap: !strings.HasPrefix(writer.Application, "LibreOffice")}
}

// The days from the year 1 to the year 9999, about.
const (
	firstDay = -693_593
	lastDay  = 2_958_466
	dayMs    = 24 * 60 * 60 * 1000
)

// show is what a number of days is as a style shows it: a date, a moment as RFC
// 3339, or a time of day. None of it is lost: a date with a time of day is a
// moment.
func (c calendar) show(days string, as look) (string, bool) {
	n, err := strconv.ParseFloat(days, 64)
	if err != nil || !(n >= firstDay && n < lastDay) {
		return "", false
	}
	if as == asSpan || as == asClock && n >= 0 && n < 1 {
		return hoursOf(n), true
	}
	from := c.from
	if c.leap && n < 61 && n >= 0 {
		from = from.AddDate(0, 0, 1)
	}
	whole := math.Floor(n)
	ms := math.Round((n - whole) * dayMs)
	at := from.AddDate(0, 0, int(whole)).Add(time.Duration(ms) * time.Millisecond)
	if ms == 0 && as == asDay {
		return at.Format(time.DateOnly), true
	}
	return at.Format(time.RFC3339Nano), true
}

// hoursOf writes days as hours, minutes and seconds.
func hoursOf(days float64) string {
	sign := ""
	if days < 0 {
		sign = "-"
	}
	ms := int64(math.Round(math.Abs(days) * dayMs))
	out := fmt.Sprintf("%s%02d:%02d:%02d", sign, ms/3_600_000, ms/60_000%60, ms/1000%60)
	if rest := ms % 1000; rest > 0 {
		out += strings.TrimRight(fmt.Sprintf(".%03d", rest), "0")
	}
	return out
}
