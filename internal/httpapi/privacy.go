package httpapi

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"rapport/internal/access"
	"rapport/internal/pipeline"
	"rapport/internal/schedule"
)

// JobPrivacy is the kind of the background jobs that do privacy requests.
const JobPrivacy = "privacy_request"

// PrivacyBody asks for what is known of a person, or to forget it.
type PrivacyBody struct {
	Type        string   `json:"type" enum:"access,erasure"`
	Identifiers []string `json:"identifiers" minItems:"1" maxItems:"100" doc:"Profile ids or namespace:value; all that belongs to the same person is found from them"`
	Suppress    []string `json:"suppress,omitempty" maxItems:"64" doc:"Of an erasure: keys of suppression lists on which the erased addresses and numbers shall be, as keyed hashes; left out: on none"`
}

// RequestID names a privacy request in a path.
type RequestID struct {
	ID string `path:"id" maxLength:"64" doc:"The request's id"`
}

func (a *API) privacyRoutes() {
	at := func(id, method, path, summary string, status int) spec {
		return spec{id: id, method: method, path: "/privacy/requests" + path, tag: "privacy", summary: summary, scope: access.ScopeAdmin, status: status}
	}
	register(a, at("create-privacy-request", http.MethodPost, "", "Ask for what is known of a person, or to erase it", http.StatusAccepted), a.createPrivacy)
	register(a, at("list-privacy-requests", http.MethodGet, "", "Privacy requests", http.StatusOK), a.listPrivacy)
	register(a, at("get-privacy-request", http.MethodGet, "/{id}", "How far one is; the proof of an erasure", http.StatusOK), a.getPrivacy)
	export := at("export-privacy-request", http.MethodGet, "/{id}/export", "Everything known of the person, as a ZIP of JSON lines", http.StatusOK)
	export.gives = []string{"application/zip"}
	register(a, export, a.exportPrivacy)
	register(a, at("close-privacy-request", http.MethodDelete, "/{id}", "Close a request for access: its export cannot be fetched any more", http.StatusNoContent), a.closePrivacy)
}

// privacyMade is the answer to a new request.
type privacyMade struct {
	Location string `header:"Location"`
	Body     pipeline.PrivacyRequest
}

func (a *API) createPrivacy(ctx context.Context, in *struct{ Body PrivacyBody }) (*privacyMade, error) {
	r, err := a.Spine.RequestPrivacy(ctx, pipeline.PrivacyCommand{Type: in.Body.Type, Refs: in.Body.Identifiers, Author: author(ctx), Suppress: in.Body.Suppress})
	if err != nil {
		return nil, err
	}
	_, err = a.Jobs.Submit(ctx, schedule.Request{
		Kind: JobPrivacy, Subject: r.ID, Author: author(ctx), Params: map[string]string{"request": r.ID},
	})
	if err != nil {
		return nil, err
	}
	return &privacyMade{Location: prefix + "privacy/requests/" + r.ID, Body: r}, nil
}

func (a *API) listPrivacy(ctx context.Context, in *Paging) (*body[List[pipeline.PrivacyRequest]], error) {
	page, err := a.Spine.PrivacyRequests(ctx, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	return &body[List[pipeline.PrivacyRequest]]{listOf(page)}, nil
}

func (a *API) getPrivacy(ctx context.Context, in *RequestID) (*body[pipeline.PrivacyRequest], error) {
	r, err := a.Spine.Privacy(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &body[pipeline.PrivacyRequest]{r}, nil
}

func (a *API) closePrivacy(ctx context.Context, in *RequestID) (*struct{}, error) {
	return nil, a.Spine.ForgetPrivacy(ctx, in.ID)
}

// privacyExport is a ZIP.
type privacyExport struct {
	Type        string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (a *API) exportPrivacy(ctx context.Context, in *RequestID) (*privacyExport, error) {
	files := map[string]*bytes.Buffer{}
	err := a.Spine.ExportPrivacy(ctx, in.ID, func(file string, item any) error {
		if files[file] == nil {
			files[file] = &bytes.Buffer{}
		}
		e := json.NewEncoder(files[file])
		e.SetEscapeHTML(false)
		return e.Encode(item)
	})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.Copy(w, files[name])
		}
		if err != nil {
			return nil, fmt.Errorf("making the export: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("making the export: %w", err)
	}
	return &privacyExport{
		Type: "application/zip", Disposition: `attachment; filename="` + in.ID + `.zip"`, Body: out.Bytes(),
	}, nil
}
