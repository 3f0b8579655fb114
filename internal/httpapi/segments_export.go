package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
	"rapport/internal/pipeline"
	"rapport/internal/profile"
	"rapport/internal/rowfile"
)

// The bounds of an export.
const (
	exportColumns = 100
	exportPage    = 1000
	exportPause   = 2 * time.Minute // a client that takes nothing for so long is gone
)

// computedPrefix begins the name of a computed trait in an export.
const computedPrefix = "computed."

type exportQuestion struct {
	CriterionKey
	Format      string `query:"format" enum:"csv,jsonl,parquet" default:"jsonl" doc:"csv and parquet have a text per value: a string as it is, all else as JSON"`
	Traits      string `query:"traits" maxLength:"8192" doc:"Traits, one column each, parted by commas; computed.x is the computed trait x"`
	Identifiers string `query:"identifiers" maxLength:"1024" default:"user_id,email" doc:"Namespaces, one column each, parted by commas; of several identifiers the first by text"`
}

// exportTypes are the media types of an export's formats.
func exportTypes() []string {
	out := []string{rowfile.CSV.ContentType(), rowfile.JSONLines.ContentType(), rowfile.Parquet.ContentType()}
	for i, kind := range out {
		out[i], _, _ = strings.Cut(kind, ";")
	}
	return out
}

// exportMembers writes everybody who is in a segment, in memory that does not
// grow with their number.
func (a *API) exportMembers(ctx context.Context, in *exportQuestion) (*modelAnswer, error) {
	if _, err := a.pickCriterion(segmentCriteria, in.Key, ""); err != nil {
		return nil, err
	}
	sheet, err := sheetOf(in)
	if err != nil {
		return nil, err
	}
	// What can be refused is refused before the status is sent.
	page, err := a.Spine.SegmentProfiles(ctx, in.Key, "", exportPage, sheet.computed)
	if err != nil {
		return nil, err
	}
	return &modelAnswer{Body: func(c huma.Context) {
		format := rowfile.Format(in.Format)
		c.SetHeader("Content-Type", format.ContentType())
		c.SetHeader("Content-Disposition", "attachment; filename="+strconv.Quote(in.Key+"."+in.Format))
		if err := a.writeMembers(ctx, c.BodyWriter(), format, sheet, page); err != nil {
			// The status is sent: a list that breaks off must not look whole.
			a.Log.Error("the export of a segment broke off", "segment", in.Key, "error", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (a *API) writeMembers(ctx context.Context, to io.Writer, f rowfile.Format, s *sheet, page pipeline.Page[pipeline.MemberProfile]) error {
	w, err := rowfile.New(f, to, s.columns)
	if err != nil {
		return err
	}
	for {
		if r, ok := to.(http.ResponseWriter); ok {
			_ = http.NewResponseController(r).SetWriteDeadline(time.Now().Add(exportPause)) // the line knows no other clock; not every one has a deadline
		}
		for i := range page.Items {
			if err := w.Write(s.row(&page.Items[i])); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return w.Close()
		}
		if page, err = a.Spine.SegmentProfiles(ctx, s.segment, page.Next, exportPage, s.computed); err != nil {
			return err
		}
	}
}

// sheet is what an export has of each member.
type sheet struct {
	segment     string
	columns     []string
	identifiers []string
	traits      []string
	computed    bool // some of the traits are
	line        []json.RawMessage
}

func sheetOf(in *exportQuestion) (*sheet, error) {
	s := &sheet{segment: in.Key, columns: []string{"profile_id", "since"}}
	s.identifiers, s.traits = listed(in.Identifiers), listed(in.Traits)
	s.computed = slices.ContainsFunc(s.traits, func(t string) bool { return strings.HasPrefix(t, computedPrefix) })
	s.columns = slices.Concat(s.columns, s.identifiers, s.traits)
	if len(s.columns) > exportColumns {
		return nil, fault.Errorf(fault.Invalid, "too_many_columns", "the export has %d columns: ask for at most %d traits and identifiers together", len(s.columns), exportColumns-2).At("traits")
	}
	sorted := slices.Sorted(slices.Values(s.columns))
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return nil, fault.Errorf(fault.Invalid, "column_twice", "the column %q comes twice: name each trait and each identifier once, and leave out profile_id and since", sorted[i]).At("traits")
		}
	}
	s.line = make([]json.RawMessage, len(s.columns))
	return s, nil
}

// listed are the parts between commas.
func listed(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// row is a member's line. It is valid until the next.
func (s *sheet) row(m *pipeline.MemberProfile) []json.RawMessage {
	v := m.Profile
	s.line[0], s.line[1] = jsondoc.AppendString(nil, m.ID), nil
	if m.Since != 0 {
		s.line[1] = jsondoc.AppendString(nil, m.Since.String())
	}
	for i, namespace := range s.identifiers {
		at := 2 + i
		s.line[at] = nil
		k := slices.IndexFunc(v.Identifiers, func(x profile.IdentifierSeen) bool { return x.Namespace == namespace })
		if k >= 0 {
			s.line[at] = jsondoc.AppendString(nil, v.Identifiers[k].Value)
		}
	}
	for i, name := range s.traits {
		at := 2 + len(s.identifiers) + i
		if computed, ok := strings.CutPrefix(name, computedPrefix); ok {
			s.line[at] = v.Computed.Traits[computed]
		} else {
			s.line[at] = v.Traits[name]
		}
	}
	return s.line
}
