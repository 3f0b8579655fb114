package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

func (a *API) viewCriterion(ctx context.Context, v *definition.Version, whole bool) (CriterionView, error) {
	view := CriterionView{
		Key: v.Key, Version: v.Version, Status: v.Status(), Live: liveOf(a.Spine.Definitions().Get(v.Kind, v.Key)),
		Rollback: v.RollbackOf, Changes: v.Changes, State: a.Spine.SegmentState(v.Kind, v.Key),
	}
	if !whole {
		return view, nil
	}
	d, err := a.Spine.Definition(ctx, v.Kind, v.Key, v.Version)
	if err != nil {
		return view, fmt.Errorf("document of version %d: %w", v.Version, err)
	}
	view.Document, view.Sentence = d.Document, pipeline.SegmentSentence(pipeline.Language(ctx), v.Kind, d.Document)
	return view, nil
}

// pickCriterion finds a version by its number, "live", or the newest where
// nothing is said.
func (a *API) pickCriterion(c criteria, key, version string) (*definition.Version, error) {
	s := a.Spine.Definitions().Get(c.kind, key)
	if s == nil {
		return nil, fault.Errorf(fault.NotFound, "segment_not_found", "there is no %s %q: PUT %s%s/%s makes one", c.name, key, prefix[:len(prefix)-1], c.path, key)
	}
	switch version {
	case "":
		return s.Newest(), nil
	case "live":
		if v := s.Live(); v != nil {
			return v, nil
		}
		return nil, fault.Errorf(fault.NotFound, "no_live_version", "no version of %q is live: make one live with POST …/status, or ask for a version", key)
	}
	n, err := strconv.Atoi(version)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_version", "version %q: give a number or live", version).At("version")
	}
	if v := s.At(n); v != nil {
		return v, nil
	}
	return nil, fault.Errorf(fault.NotFound, "version_not_found", "%q has no version %d: it has 1 to %d", key, n, s.Newest().Version).At("version")
}

type criterionQuestion struct {
	CriterionKey
	PickVersion
}

func (a *API) getCriterion(ctx context.Context, c criteria, in *criterionQuestion) (*stored[CriterionView], error) {
	v, err := a.pickCriterion(c, in.Key, in.Version)
	if err != nil {
		return nil, err
	}
	view, err := a.viewCriterion(ctx, v, true)
	return &stored[CriterionView]{Status: http.StatusOK, ETag: v.ETag(), Body: view}, err
}

type criteriaQuestion struct {
	Paging
	Include string `query:"include" enum:"document" doc:"document: with the documents and what they say in words"`
}

func (a *API) listCriteria(ctx context.Context, c criteria, in *criteriaQuestion) (*body[List[CriterionView]], error) {
	page, err := pageOf(a.Spine.Definitions().List(c.kind), func(s *definition.Series) string { return s.Key }, in.Paging)
	if err != nil {
		return nil, err
	}
	out := pipeline.Page[CriterionView]{Items: make([]CriterionView, len(page.Items)), Next: page.Next}
	for i, s := range page.Items {
		if out.Items[i], err = a.viewCriterion(ctx, s.Newest(), in.Include != ""); err != nil {
			return nil, err
		}
	}
	return &body[List[CriterionView]]{listOf(out)}, nil
}

type criterionVersions struct {
	CriterionKey
	Paging
}

func (a *API) listCriterionVersions(_ context.Context, c criteria, in *criterionVersions) (*body[List[VersionView]], error) {
	if _, err := a.pickCriterion(c, in.Key, ""); err != nil {
		return nil, err
	}
	return versionsOf(a.Spine.Definitions().Get(c.kind, in.Key), in.Paging)
}

type criterionDiff struct {
	CriterionKey
	From string `query:"from" required:"true" maxLength:"20" doc:"A version: a number, or live"`
	To   string `query:"to" maxLength:"20" doc:"A version; left out: the newest"`
}

func (a *API) diffCriterion(ctx context.Context, c criteria, in *criterionDiff) (*body[ModelDiff], error) {
	var documents [2][]byte
	var numbers [2]int
	for i, version := range []string{in.From, in.To} {
		v, err := a.pickCriterion(c, in.Key, version)
		if err != nil {
			return nil, err
		}
		d, err := a.Spine.Definition(ctx, c.kind, in.Key, v.Version)
		if err != nil {
			return nil, err
		}
		documents[i], numbers[i] = d.Document, v.Version
	}
	return &body[ModelDiff]{ModelDiff{numbers[0], numbers[1], definition.Diff(documents[0], documents[1])}}, nil
}

func (a *API) listMembers(ctx context.Context, in *struct {
	CriterionKey
	Paging
},
) (*body[List[pipeline.SegmentMember]], error) {
	if _, err := a.pickCriterion(segmentCriteria, in.Key, ""); err != nil {
		return nil, err
	}
	page, err := a.Spine.SegmentMembers(ctx, in.Key, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return &body[List[pipeline.SegmentMember]]{listOf(page)}, nil
}

// SegmentHistory is how large a segment was.
type SegmentHistory struct {
	Items []pipeline.SegmentSize `json:"items" nullable:"false" doc:"Oldest first"`
}

// historySpan is what is shown of a segment's history where nothing is said.
const historySpan = 7 * 24 * time.Hour

func (a *API) segmentHistory(ctx context.Context, in *struct {
	CriterionKey
	From string `query:"from" maxLength:"40" doc:"RFC 3339; left out: seven days before to"`
	To   string `query:"to" maxLength:"40" doc:"RFC 3339; left out: now"`
	Step string `query:"step" enum:"hour,day" default:"hour" doc:"A point an hour, or a day of UTC"`
},
) (*body[SegmentHistory], error) {
	if _, err := a.pickCriterion(segmentCriteria, in.Key, ""); err != nil {
		return nil, err
	}
	to, err := instantOr(in.To, "to", a.Clock.Now())
	if err != nil {
		return nil, err
	}
	from, err := instantOr(in.From, "from", to.Add(-historySpan))
	if err != nil {
		return nil, err
	}
	sizes, err := a.Spine.SegmentHistory(ctx, in.Key, pipeline.SizeSpan{From: from, To: to, Days: in.Step == "day"})
	if err != nil {
		return nil, err
	}
	if sizes == nil {
		sizes = []pipeline.SegmentSize{}
	}
	return &body[SegmentHistory]{SegmentHistory{sizes}}, nil
}

// instantOr reads a parameter that is an instant.
func instantOr(text, name string, otherwise clock.Instant) (clock.Instant, error) {
	if text == "" {
		return otherwise, nil
	}
	return instant(name, text)
}
