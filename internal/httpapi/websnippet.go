package httpapi

import (
	"context"

	"rapport/internal/fault"
)

// WebSnippet is how a page loads the web library.
type WebSnippet struct {
	WriteKey        string `json:"write_key" doc:"The one that is written into the script"`
	Version         string `json:"version" doc:"Of the library"`
	URL             string `json:"url" doc:"Address of the script with the source's settings: its bytes never change"`
	Integrity       string `json:"integrity" doc:"Hash of these bytes, for the attribute integrity"`
	HTML            string `json:"html" doc:"For the head of a page, before what it has to fill"`
	LatestURL       string `json:"latest_url" doc:"Address of the newest library with the settings of now; it has no hash"`
	ModuleURL       string `json:"module_url" doc:"The library for bundlers; beside it rapport.d.ts"`
	MarkupURL       string `json:"markup_url" doc:"The plug-in for HTML variants"`
	MarkupIntegrity string `json:"markup_integrity"`
	PanelsURL       string `json:"panels_url" doc:"The plug-in for forms and notifications"`
	PanelsIntegrity string `json:"panels_integrity"`
}

// Snippets know how a page loads the web library.
type Snippets interface {
	// Snippet is that of a write key; the base is where pages reach the
	// library's paths.
	Snippet(writeKey, base string) (*WebSnippet, error)
}

func (a *API) webSnippet(_ context.Context, in *struct {
	SourceKey
	Base string `query:"base" maxLength:"500" default:"/site/" doc:"Where pages reach the library's paths: a path of the site that is handed on to /site/, or the address of /site/ itself; it ends in a slash"`
},
) (*body[WebSnippet], error) {
	s := a.Access.Index().Source(in.Key)
	if s == nil {
		return nil, noSource(in.Key)
	}
	if len(s.WriteKeys) == 0 {
		return nil, fault.Errorf(fault.Conflict, "no_write_key", "source %q has no write key: POST %ssources/%s/write-keys makes one", in.Key, prefix, in.Key)
	}
	out, err := a.Snippets.Snippet(s.WriteKeys[0].Key, in.Base)
	if err != nil {
		return nil, err
	}
	return &body[WebSnippet]{*out}, nil
}
