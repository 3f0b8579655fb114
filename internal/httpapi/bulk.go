package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"rapport/internal/access"
	"rapport/internal/event"
	"rapport/internal/fault"
	"rapport/internal/pipeline"
)

// Tracker takes events of the tracking protocol whose identifiers a secret key
// vouches for. Of each body it says why it was not taken, nil where it was.
type Tracker interface {
	Track(ctx context.Context, source string, bodies [][]byte) (failed []error, r pipeline.Receipt, err error)
	// Read makes an event of a body and takes it nowhere.
	Read(source string, body []byte) (*pipeline.Arrival, error)
}

// maxProfiles bounds how many profiles one request writes, and maxBulk its bytes.
const (
	maxProfiles = 1_000
	maxBulk     = 8 << 20
)

// BulkProfiles is what many profiles are written with.
type BulkProfiles struct {
	Profiles []BulkProfile `json:"profiles" minItems:"1" maxItems:"1000"`
}

// BulkProfile is what is said of one person.
type BulkProfile struct {
	Identifiers []event.Identifier         `json:"identifiers" minItems:"1" maxItems:"50" doc:"Who it is: namespace and value each"`
	Traits      map[string]json.RawMessage `json:"traits,omitempty" doc:"What is known of the person; null takes a trait away"`
	Time        string                     `json:"time,omitempty" format:"date-time" doc:"When it was so; left out: now. Of two words on a trait the later counts"`
	MessageID   string                     `json:"message_id,omitempty" maxLength:"100" doc:"The same id of the same person counts once; left out: made"`
	GroupID     string                     `json:"group_id,omitempty" maxLength:"500" doc:"Account that the person belongs to"`
}

// BulkResult is what became of each.
type BulkResult struct {
	Accepted int         `json:"accepted"`
	Failed   []BulkError `json:"failed" nullable:"false" doc:"Those of which nothing was taken"`
}

// BulkError is one that was not taken.
type BulkError struct {
	Index   int    `json:"index" doc:"Of the profile in the request, counted from 0"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

type bulkAnswer struct {
	Applied
	Body BulkResult
}

func (a *API) bulkRoutes() {
	register(a, spec{
		id: "write-profiles", method: http.MethodPost, path: "/profiles", tag: "profiles", scope: access.ScopeWrite, status: http.StatusOK,
		summary: "Write traits and identifiers of many people, as one event each", maxBody: maxBulk,
	}, a.writeProfiles)
}

func (a *API) writeProfiles(ctx context.Context, in *struct {
	Source string `query:"source" maxLength:"64" doc:"Key of the source that says it; left out: the API"`
	Waiting
	Body BulkProfiles
},
) (*bulkAnswer, error) {
	if err := a.waitable(in.Waiting); err != nil {
		return nil, err
	}
	source := in.Source
	if source == "" {
		source = Source
	} else if a.Access.Index().Source(source) == nil {
		return nil, fault.Errorf(fault.Invalid, "unknown_source", "source: no source %q: GET %ssources lists them", source, prefix).At("source")
	}
	bodies := make([][]byte, len(in.Body.Profiles))
	for i := range in.Body.Profiles {
		var err error
		if bodies[i], err = in.Body.Profiles[i].identify(); err != nil {
			return nil, err
		}
	}
	failed, receipt, err := a.Tracker.Track(ctx, source, bodies)
	if err != nil {
		return nil, err
	}
	out := &bulkAnswer{Body: BulkResult{Failed: []BulkError{}}}
	for i, why := range failed {
		if why == nil {
			out.Body.Accepted++
			continue
		}
		e := BulkError{Index: i, Code: "invalid", Message: why.Error()}
		if f, ok := errors.AsType[*fault.Fault](why); ok {
			e.Code, e.Message = f.Code, fmt.Sprintf("profiles/%d: %s", i, f.Message)
		}
		out.Body.Failed = append(out.Body.Failed, e)
	}
	out.Applied, err = a.await(ctx, in.Waiting, receipt)
	return out, err
}

// identify is a profile as the tracking protocol says it.
func (p *BulkProfile) identify() ([]byte, error) {
	traits := map[string]json.RawMessage{}
	maps.Copy(traits, p.Traits)
	e := map[string]any{"type": "identify"}
	about := naming(e, p.Identifiers)
	if p.GroupID != "" {
		about["groupId"] = p.GroupID
	}
	e["traits"] = traits
	if p.Time != "" {
		e["timestamp"] = p.Time
	}
	if p.MessageID != "" {
		e["messageId"] = p.MessageID
	}
	return json.Marshal(e)
}

// naming says in an event of the tracking protocol whom it is about, and gives
// its context.
func naming(e map[string]any, identifiers []event.Identifier) (about map[string]any) {
	var others []map[string]string
	for _, i := range identifiers {
		switch i.Namespace {
		case event.UserID:
			e["userId"] = i.Value
		case event.AnonymousID:
			e["anonymousId"] = i.Value
		default:
			others = append(others, map[string]string{"id": i.Value, "type": i.Namespace, "collection": "users", "encoding": "none"})
		}
	}
	about = map[string]any{}
	if len(others) > 0 {
		about["externalIds"] = others
	}
	e["context"] = about
	return about
}
