package httpapi

import (
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
