package httpapi

import (
	"encoding/json"
	"strconv"

	"rapport/internal/definition"
)

// What the addresses of all kinds of definitions share: models, connections,
// segments, rules.

// DefinitionPut is what a write of a definition says beside its document.
type DefinitionPut struct {
	Status      string `query:"status" enum:"draft,test,live" default:"live" doc:"What the version is at once"`
	Note        string `query:"note" maxLength:"2000" doc:"Why it changed"`
	IfMatch     string `header:"If-Match" maxLength:"512" doc:"Add it only if the newest version has this ETag"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"512" doc:"*: only if there is none yet"`
	Waiting
}

// command is the write of a document.
func (in *DefinitionPut) command(document []byte, contentType string) definition.Command {
	return definition.Command{
		Status: definition.Status(in.Status), Document: document, ContentType: contentType, Note: in.Note,
		IfMatch: in.IfMatch, IfNoneMatch: in.IfNoneMatch,
	}
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
