package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"rapport/internal/definition"
)

// What the addresses of all kinds of definitions share: models, connections,
// segments, rules.

// DefinitionWrite is what a write of any definition says beside its document.
type DefinitionWrite struct {
	Note        string `query:"note" maxLength:"2000" doc:"Why it changed"`
	IfMatch     string `header:"If-Match" maxLength:"512" doc:"Add it only if the newest version has this ETag"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"512" doc:"*: only if there is none yet"`
	Waiting
}

func (in *DefinitionWrite) command(key string, status definition.Status, document []byte, contentType string) definition.Command {
	return definition.Command{
		Key: key, Status: status, Document: document, ContentType: contentType, Note: in.Note,
		IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch,
	}
}

// DefinitionPut is a write of a definition that can be tested before it is live.
type DefinitionPut struct {
	Status string `query:"status" enum:"draft,test,live" default:"live" doc:"What the version is at once"`
	DefinitionWrite
}

// command is the write of a document.
func (in *DefinitionPut) command(key string, document []byte, contentType string) definition.Command {
	return in.DefinitionWrite.command(key, definition.Status(in.Status), document, contentType)
}

// DraftPut is a write of a definition that is a draft or live.
type DraftPut struct {
	Status string `query:"status" enum:"draft,live" default:"live" doc:"What the version is at once"`
	DefinitionWrite
}

// command is the write of a document.
func (in *DraftPut) command(key string, document []byte, contentType string) definition.Command {
	return in.DefinitionWrite.command(key, definition.Status(in.Status), document, contentType)
}

// DefinitionChange is what a change of a definition says beside its body.
type DefinitionChange struct {
	IfMatch string `header:"If-Match" maxLength:"512" doc:"Change it only if the newest version has this ETag"`
	Waiting
}

// StatusBody says what a version shall be.
type StatusBody struct {
	Status  string `json:"status" enum:"draft,test,live,archived"`
	Version int    `json:"version,omitempty" minimum:"1" doc:"Left out: the newest"`
	Note    string `json:"note,omitempty" maxLength:"2000" doc:"Why"`
}

// RollbackBody says which version's document comes back.
type RollbackBody struct {
	Version int    `json:"version" minimum:"1" doc:"Whose document it is to be again"`
	Status  string `json:"status,omitempty" enum:"draft,test,live" default:"live"`
	Note    string `json:"note,omitempty" maxLength:"2000" doc:"Why"`
}

// command is the rollback.
func (in *RollbackBody) command(ifMatch string) definition.Command {
	status := definition.Status(in.Status)
	if status == "" {
		status = definition.Live
	}
	return definition.Command{Status: status, RollbackTo: in.Version, Note: in.Note, IfMatch: ifMatch}
}

// Including asks a list for what is in it, too.
type Including struct {
	Include string `query:"include" enum:"document" doc:"document: each with its document. A page then ends early where documents are large"`
}

// mostDocuments bounds the documents of one page, in bytes.
const mostDocuments = 8 << 20

// documents reads those of a page, and no more than fit into an answer: one at
// least.
func documents(n int, read func(i int) (json.RawMessage, error)) ([]json.RawMessage, error) {
	out, size := make([]json.RawMessage, 0, n), 0
	for i := range n {
		d, err := read(i)
		if err != nil {
			return nil, err
		}
		if size += len(d); size > mostDocuments && i > 0 {
			break
		}
		out = append(out, d)
	}
	return out, nil
}

// stored is the answer to a read or write of one version of a definition.
type stored[T any] struct {
	Status   int
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Applied
	Body T
}

// define has the pipeline decide on a command, waits where that is asked for, and
// shows with view what came of it. at is where the definition is found, below the
// prefix of all addresses.
func define[T any](ctx context.Context, a *API, w Waiting, at string, c definition.Command, view func(*definition.Version) (T, error)) (*stored[T], error) {
	if err := a.waitable(w); err != nil {
		return nil, err
	}
	c.Author, c.Time = author(ctx), a.Clock.Now()
	d, err := a.Spine.Define(ctx, c)
	if err != nil {
		return nil, err
	}
	out := &stored[T]{Status: http.StatusOK, ETag: d.ETag()}
	if first(&d.Version) {
		out.Status, out.Location = http.StatusCreated, prefix[:len(prefix)-1]+at
	}
	if out.Applied, err = a.await(ctx, w, d.Receipt); err != nil {
		return nil, err
	}
	out.Body, err = view(&d.Version)
	return out, err
}

// first tells whether a write made the first version of a definition.
func first(d *definition.Version) bool { return d.Version == 1 && len(d.Changes) == 1 }

// versionsOf is a page of a definition's versions, the newest first: the cursor
// counts down.
func versionsOf(s *definition.Series, in Paging) (*body[List[VersionView]], error) {
	var all []VersionView
	if s != nil {
		all = make([]VersionView, len(s.Versions))
		for i, v := range s.Versions {
			all[len(all)-1-i] = VersionView{v, v.Status()}
		}
	}
	page, err := pageOf(all, func(v VersionView) string { return descending(v.Version.Version) }, in)
	if err != nil {
		return nil, err
	}
	return &body[List[VersionView]]{listOf(page)}, nil
}

// descending makes a text that sorts the other way round.
func descending(n int) string { return strconv.Itoa(1_999_999_999 - n) }
