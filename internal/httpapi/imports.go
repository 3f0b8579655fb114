package httpapi

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"rapport/internal/access"
	"rapport/internal/fault"
	"rapport/internal/feed"
)

const (
	importsPath = "/imports"
	// uploadPatience is how long the bytes of a table may take to arrive.
	uploadPatience = 2 * time.Hour
	octets         = "application/octet-stream"
)

// Imports is what the API asks of the imports.
type Imports interface {
	Import(ctx context.Context, u feed.Upload, body io.Reader) (feed.Import, error)
	Suggest(ctx context.Context, u feed.Upload, body io.Reader) (*feed.Looked, error)
	Find(ctx context.Context, id string) (feed.Import, error)
	List(ctx context.Context, after string, limit int) (items []feed.Import, more bool, err error)
	Report(id string) (io.ReadCloser, error)
	RunPull(ctx context.Context, key string) error
	PullStatus(ctx context.Context, key string) (feed.PullStatus, error)
}

// ImportID names an import in a path.
type ImportID struct {
	ID string `path:"id" maxLength:"64" doc:"The import's id"`
}

// Upload is the body of a request as it comes, and what the query says of it.
type Upload struct {
	Name string `query:"name" maxLength:"200" doc:"Of the file, such as user-2024-05-31.csv.gz: says what the rows are"`
	Kind string `query:"kind" enum:"user,catalog,product,category,promotion,transaction,segment,email,event,tracking,posthog" doc:"What the rows are about, where the name does not say it"`

	body io.Reader
}

// Resolve keeps the body for the handler, and lets it take its time.
func (u *Upload) Resolve(ctx huma.Context) []error {
	_, w := humago.Unwrap(ctx)
	connection := http.NewResponseController(w)
	until := time.Now().Add(uploadPatience)
	_ = connection.SetReadDeadline(until)                   // not every connection has one
	_ = connection.SetWriteDeadline(until.Add(time.Minute)) // the answer comes after the body
	u.body = ctx.BodyReader()
	return nil
}

// importAnswer is the answer where an import was made.
type importAnswer struct {
	Location string `header:"Location"`
	Body     feed.Import
}

func (a *API) importRoutes() {
	at := func(id, method, path, summary, scope string, status int) spec {
		return spec{id: id, method: method, path: importsPath + path, tag: "imports", summary: summary, scope: scope, status: status}
	}
	register(a, at("list-imports", http.MethodGet, "", "Imports of the last 30 days, newest first", access.ScopeRead, http.StatusOK), a.listImports)
	create := at("create-import", http.MethodPost, "", "Take a table (CSV, JSON lines, Excel or Parquet; plain, gzip, zip or zstd) and import it in the background", access.ScopeWrite, http.StatusAccepted)
	create.takes = octets
	register(a, create, a.createImport)
	suggest := at("suggest-import", http.MethodPost, "/suggest", "Look at a table, or at its beginning, and suggest a mapping or try one", access.ScopeWrite, http.StatusOK)
	suggest.takes = octets
	register(a, suggest, a.suggestImport)
	register(a, at("get-import", http.MethodGet, "/{id}", "One import: how far it is, and what became of its rows", access.ScopeRead, http.StatusOK), a.getImport)
	report := at("get-import-report", http.MethodGet, "/{id}/report", "The rows that were not simply taken: line, column, value, code, reason and mend, as CSV", access.ScopeRead, http.StatusOK)
	report.gives = []string{"text/csv"}
	register(a, report, a.getReport)
}

func (a *API) createImport(ctx context.Context, in *struct {
	Upload
	Source     string `query:"source" maxLength:"128" doc:"Key of the source that the rows belong to; left out: the default source"`
	Mapping    string `query:"mapping" maxLength:"128" doc:"Key of a mapping; left out: the columns suggest one"`
	Historical bool   `query:"historical" doc:"The rows are of the past: they change what is known and cause no effects"`
},
) (*importAnswer, error) {
	v, err := a.Imports.Import(ctx, feed.Upload{
		Name: in.Name, Kind: feed.Kind(in.Kind), Source: in.Source, Mapping: in.Mapping, Historical: in.Historical, Author: author(ctx),
	}, in.body)
	if err != nil {
		return nil, err
	}
	return &importAnswer{prefix[:len(prefix)-1] + importsPath + "/" + v.ID, v}, nil
}

func (a *API) suggestImport(ctx context.Context, in *struct {
	Upload
	Encoding string `query:"encoding" maxLength:"40" doc:"Of the file, such as windows-1252"`
	Sheet    string `query:"sheet" maxLength:"100" doc:"Of a spreadsheet; left out: the first"`
	Document string `query:"document" maxLength:"65536" doc:"A mapping as JSON, with its own encoding and sheet: it is tried instead of suggesting one"`
},
) (*body[feed.Looked], error) {
	v, err := a.Imports.Suggest(ctx, feed.Upload{Name: in.Name, Kind: feed.Kind(in.Kind), Encoding: in.Encoding, Sheet: in.Sheet, Try: in.Document}, in.body)
	if err != nil {
		return nil, err
	}
	v.Flaws = flawsIn(ctx, v.Flaws)
	return &body[feed.Looked]{*v}, nil
}

func (a *API) listImports(ctx context.Context, in *Paging) (*body[List[feed.Import]], error) {
	items, more, err := a.Imports.List(ctx, in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	for i := range items {
		items[i].Error = told(ctx, items[i].Error)
	}
	out := List[feed.Import]{Items: items}
	if items == nil {
		out.Items = []feed.Import{}
	}
	if more {
		out.Next = &items[len(items)-1].ID
	}
	return &body[List[feed.Import]]{out}, nil
}

func (a *API) getImport(ctx context.Context, in *ImportID) (*body[feed.Import], error) {
	v, err := a.Imports.Find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	v.Error = told(ctx, v.Error)
	return &body[feed.Import]{v}, nil
}

func (a *API) getReport(ctx context.Context, in *ImportID) (*huma.StreamResponse, error) {
	f, err := a.Imports.Report(in.ID)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		defer f.Close() //nolint:errcheck // it was only read
		c.SetHeader("Content-Type", "text/csv; charset=utf-8")
		c.SetHeader("Content-Disposition", `attachment; filename="import-`+in.ID+`.csv"`)
		if err := copyReport(ctx, c.BodyWriter(), f); err != nil && fault.KindOf(err) == fault.Internal {
			panic(http.ErrAbortHandler) // the status is sent: a report that breaks off must not look whole
		}
	}}, nil
}
