package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"gopkg.in/yaml.v3"

	"rapport/internal/access"
	"rapport/internal/definition"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// criteria are a kind of definition that is evaluated for everybody: segments,
// computed traits and affinities are handled alike.
type criteria struct {
	kind definition.Kind
	path string
	name string // of one, for people
	word string // of one, in operation ids
}

var (
	segmentCriteria  = criteria{definition.Segment, "/segments", "segment", "segment"}
	traitCriteria    = criteria{definition.ComputedTrait, "/computed-traits", "computed trait", "computed-trait"}
	affinityCriteria = criteria{definition.Affinity, "/affinities", "affinity", "affinity"}
)

// CriterionKey names a segment, a computed trait or an affinity in a path.
type CriterionKey struct {
	Key string `path:"key" maxLength:"128" doc:"Letters, digits, dots, hyphens, underscores"`
}

// SegmentBody is a segment as it is written.
type SegmentBody struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitempty"`
	Condition   map[string]any `json:"condition" doc:"As spec/condition.schema.json says"`
}

// CriterionView is one version of a segment, a computed trait or an affinity.
type CriterionView struct {
	Key      string              `json:"key"`
	Version  int                 `json:"version" doc:"Counted from 1"`
	Status   definition.Status   `json:"status" enum:"draft,test,live,archived"`
	Live     *int                `json:"live_version" doc:"The version that is to count, null where none is"`
	Rollback int                 `json:"rollback_of,omitempty" doc:"The version whose document this is again"`
	Changes  []definition.Change `json:"changes" doc:"What became of the version, oldest first"`
	// State says which version counts at present, and how far the next one is.
	State    pipeline.SegmentState `json:"state"`
	Sentence string                `json:"sentence,omitempty" doc:"The condition in words"`
	Document json.RawMessage       `json:"document,omitempty" doc:"As it was written; in lists with include=document"`
}

func (a *API) segmentRoutes() {
	for _, c := range [...]criteria{segmentCriteria, traitCriteria, affinityCriteria} {
		a.criteriaRoutes(c)
	}
	get := func(id, path, summary string) spec {
		return spec{id: id, method: http.MethodGet, path: path, tag: "segments", summary: summary, scope: access.ScopeRead, status: http.StatusOK}
	}
	export := get("export-segment-members", "/segments/{key}/export", "Everybody who is in a segment, with chosen traits, as one file")
	export.gives = exportTypes()
	register(a, export, a.exportMembers)
	register(a, get("get-segment-history", "/segments/{key}/history", "How large a segment was, and how many came and went"), a.segmentHistory)
	register(a, get("list-segment-members", "/segments/{key}/members", "Who is in a segment"), a.listMembers)
}

func (a *API) criteriaRoutes(c criteria) {
	at := func(verb, method, path, summary string) spec {
		s := spec{
			id: verb, method: method, path: c.path + path, tag: "segments", summary: summary,
			scope: access.ScopeWrite, status: http.StatusOK,
		}
		if method == http.MethodGet {
			s.scope = access.ScopeRead
		}
		return s
	}
	plural := strings.TrimPrefix(c.path, "/")
	register(a, at("list-"+plural, http.MethodGet, "", "All of them, with their newest versions and how far they are"), func(ctx context.Context, in *criteriaQuestion) (*body[List[CriterionView]], error) {
		return a.listCriteria(ctx, c, in)
	})
	register(a, at("get-"+c.word, http.MethodGet, "/{key}", "One version, with its document"), func(ctx context.Context, in *criterionQuestion) (*stored[CriterionView], error) {
		return a.getCriterion(ctx, c, in)
	})
	put := at("put-"+c.word, http.MethodPut, "/{key}", "Add a version, live at once unless status says draft or test. What is live is evaluated for everybody before it counts")
	put.body, put.accepts, put.also = map[string]any{}, []string{"application/yaml", "text/yaml"}, []int{http.StatusCreated}
	if c.kind == definition.Segment {
		put.body = SegmentBody{}
	}
	register(a, put, func(ctx context.Context, in *criterionPut) (*stored[CriterionView], error) {
		return a.putCriterion(ctx, c, in)
	})
	register(a, at("delete-"+c.word, http.MethodDelete, "/{key}", "Archive the live version: nobody is in it any more, its versions stay"), func(ctx context.Context, in *criterionDelete) (*stored[CriterionView], error) {
		return a.deleteCriterion(ctx, c, in)
	})
	register(a, at("list-"+c.word+"-versions", http.MethodGet, "/{key}/versions", "The versions, newest first"), func(ctx context.Context, in *criterionVersions) (*body[List[VersionView]], error) {
		return a.listCriterionVersions(ctx, c, in)
	})
	register(a, at("diff-"+c.word, http.MethodGet, "/{key}/diff", "The lines that differ between two versions"), func(ctx context.Context, in *criterionDiff) (*body[ModelDiff], error) {
		return a.diffCriterion(ctx, c, in)
	})
	register(a, at("set-"+c.word+"-status", http.MethodPost, "/{key}/status", "Take a version from draft to test, live or archived"), func(ctx context.Context, in *criterionStatus) (*stored[CriterionView], error) {
		return a.setCriterionStatus(ctx, c, in)
	})
	register(a, at("rollback-"+c.word, http.MethodPost, "/{key}/rollback", "Add a version with the document of an older one, live at once"), func(ctx context.Context, in *criterionRollback) (*stored[CriterionView], error) {
		return a.rollbackCriterion(ctx, c, in)
	})
}

type criterionPut struct {
	CriterionKey
	DefinitionPut
	RawBody []byte
}

func (a *API) putCriterion(ctx context.Context, c criteria, in *criterionPut) (*stored[CriterionView], error) {
	doc, err := asJSON(in.RawBody)
	if err != nil {
		return nil, err
	}
	if err := a.Spine.SegmentCheck(c.kind, in.Key, doc); err != nil {
		return nil, err
	}
	command := in.command(in.Key, doc, "application/json")
	command.Kind = c.kind
	return a.defineCriterion(ctx, in.Waiting, command)
}

// asJSON makes a document that may be YAML one in JSON, a line per member, so
// that versions can be compared line by line.
func asJSON(raw []byte) ([]byte, error) {
	doc := bytes.Clone(raw)
	if trimmed := bytes.TrimSpace(doc); len(trimmed) == 0 || trimmed[0] != '{' {
		var v any
		if err := yaml.Unmarshal(doc, &v); err != nil {
			return nil, fault.Errorf(fault.Invalid, "invalid_document", "the document is neither JSON nor YAML: %v", err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "invalid_document", "the document cannot be kept as JSON: %v", err)
		}
		doc = b
	}
	var out bytes.Buffer
	if err := json.Indent(&out, doc, "", "  "); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_json", "the document cannot be read: %v", err)
	}
	return out.Bytes(), nil
}

// defineCriterion has the pipeline decide; whoever waits does so until the version
// counts.
func (a *API) defineCriterion(ctx context.Context, w Waiting, c definition.Command) (*stored[CriterionView], error) {
	return define(ctx, a, w, pathOf(c.Kind)+"/"+c.Key, c, func(v *definition.Version) (CriterionView, error) {
		return a.viewCriterion(ctx, v, true)
	})
}

func pathOf(kind definition.Kind) string {
	for _, c := range [...]criteria{segmentCriteria, traitCriteria, affinityCriteria} {
		if c.kind == kind {
			return c.path
		}
	}
	return ""
}

type criterionDelete struct {
	CriterionKey
	IfMatch string `header:"If-Match" maxLength:"512" doc:"Archive it only if the newest version has this ETag"`
	Waiting
}

func (a *API) deleteCriterion(ctx context.Context, c criteria, in *criterionDelete) (*stored[CriterionView], error) {
	v, err := a.pickCriterion(c, in.Key, "live")
	if err != nil {
		return nil, err
	}
	return a.changeCriterion(ctx, in.Waiting, c, definition.Command{
		Kind: c.kind, Key: in.Key, Status: definition.Archived, Version: v.Version, IfMatch: in.IfMatch,
	})
}

// changeCriterion gives a version another status. What others name cannot go,
// and what goes live has to fit what is live.
func (a *API) changeCriterion(ctx context.Context, w Waiting, c criteria, command definition.Command) (*stored[CriterionView], error) {
	s := a.Spine.Definitions().Get(c.kind, command.Key)
	v := s.At(command.Version)
	if command.RollbackTo != 0 {
		v = s.At(command.RollbackTo)
	}
	switch {
	case command.Status == definition.Live:
		d, err := a.Spine.Definition(ctx, c.kind, command.Key, v.Version)
		if err != nil {
			return nil, err
		}
		if err := a.Spine.SegmentCheck(c.kind, command.Key, d.Document); err != nil {
			return nil, err
		}
	case command.Status == definition.Archived && v.Status() == definition.Live:
		if users := a.Spine.SegmentUsers(c.kind, command.Key); len(users) > 0 {
			return nil, fault.Errorf(fault.Conflict, "still_used", "the %s %q is named by %s: change or archive these first", c.name, command.Key, strings.Join(users, ", "))
		}
	}
	return a.defineCriterion(ctx, w, command)
}

type criterionStatus struct {
	CriterionKey
	DefinitionChange
	Body StatusBody
}

func (a *API) setCriterionStatus(ctx context.Context, c criteria, in *criterionStatus) (*stored[CriterionView], error) {
	v, err := a.pickCriterion(c, in.Key, number(in.Body.Version))
	if err != nil {
		return nil, err
	}
	return a.changeCriterion(ctx, in.Waiting, c, definition.Command{
		Kind: c.kind, Key: in.Key, Status: definition.Status(in.Body.Status), Version: v.Version, Note: in.Body.Note, IfMatch: in.IfMatch,
	})
}

type criterionRollback struct {
	CriterionKey
	DefinitionChange
	Body RollbackBody
}

func (a *API) rollbackCriterion(ctx context.Context, c criteria, in *criterionRollback) (*stored[CriterionView], error) {
	if _, err := a.pickCriterion(c, in.Key, number(in.Body.Version)); err != nil {
		return nil, err
	}
	command := in.Body.command(in.IfMatch)
	command.Kind, command.Key = c.kind, in.Key
	return a.changeCriterion(ctx, in.Waiting, c, command)
}
