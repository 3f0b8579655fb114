package feed

import (
	"encoding/json"

	"rapport/internal/clock"
	"rapport/internal/tablefile"
)

// Upload is what is said of a table beside its bytes.
type Upload struct {
	Name       string // of the file: says the kind where nothing else does
	Kind       Kind   // empty: by the name, else by the columns
	Source     string // key; empty: the default source
	Mapping    string // key; empty: the one that the columns suggest
	Historical bool
	Author     string
	Encoding   string // only looked at where there is no mapping
	Sheet      string // the same
	Try        string // a mapping document that is tried instead of suggesting one; only looked at
	Pull       string // key of the pull that brought it; empty: somebody sent it
}

// Sums count the rows of an import by what became of them.
type Sums struct {
	Rows      int64 `json:"rows" doc:"Rows looked at so far"`
	Inserted  int64 `json:"inserted" doc:"What they say was not known"`
	Updated   int64 `json:"updated" doc:"It was known otherwise"`
	Unchanged int64 `json:"unchanged" doc:"It was known; nothing was written"`
	Conflict  int64 `json:"conflict" doc:"Their identifiers belonged to different people; they were taken"`
	Failed    int64 `json:"failed" doc:"They were not taken; the report says why"`
}

// Import is an import as it is shown.
type Import struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Size       int64           `json:"size" doc:"Bytes of the file"`
	Created    clock.Instant   `json:"created_at"`
	Author     string          `json:"author" doc:"Id of the key that sent it, or the pull that brought it"`
	Source     string          `json:"source"`
	Historical bool            `json:"historical" doc:"The rows cause no effects"`
	MappingKey string          `json:"mapping,omitempty" doc:"Key of the mapping; left out: the columns suggested one"`
	Version    int             `json:"mapping_version,omitempty"`
	Mapping    json.RawMessage `json:"mapping_document" doc:"What the columns became"`
	Pull       string          `json:"pull,omitempty" doc:"Key of the pull that brought it"`
	Job        string          `json:"job" doc:"Id of the background job; it can be cancelled there"`
	State      string          `json:"state" enum:"queued,running,waiting,done,failed,cancelled"`
	Error      string          `json:"error,omitempty"`
	Read       int64           `json:"bytes_read"`
	Sums       Sums            `json:"sums"`
	Rate       float64         `json:"rows_per_second"`
	Remaining  float64         `json:"remaining_seconds" doc:"0 where it is not known"`
	Started    clock.Instant   `json:"started_at,omitzero"`
	Finished   clock.Instant   `json:"finished_at,omitzero"`
	Report     string          `json:"report" doc:"Address of the report: a CSV of the rows that were not simply taken"`
}

// Looked is what the first rows of a table say.
type Looked struct {
	Mapping  *Mapping             `json:"mapping" doc:"Suggested, or the one that was tried; PUT /api/v1/import-mappings/{key} keeps one"`
	Problem  string               `json:"problem,omitempty" doc:"Why it cannot be used as it is"`
	Rows     int                  `json:"rows_looked_at"`
	Columns  []string             `json:"columns" nullable:"false"`
	Sample   [][]string           `json:"sample" nullable:"false" doc:"The cells of the first rows, as text, in the order of the columns"`
	Examples []json.RawMessage    `json:"examples" nullable:"false" doc:"What the first rows would become"`
	Flaws    []tablefile.RowError `json:"flaws" nullable:"false" doc:"What is wrong with the rows that were looked at"`
}

// PullStatus is how a pull stands.
type PullStatus struct {
	Running bool          `json:"running"`
	Looked  clock.Instant `json:"looked_at,omitzero" doc:"When it was looked last"`
	Next    clock.Instant `json:"next_at,omitzero" doc:"When it is looked next; left out while it is paused"`
	Taken   int64         `json:"files_taken" doc:"Files that became imports, since it was made"`
	Error   string        `json:"error,omitempty" doc:"What went wrong the last time"`
	Cursor  string        `json:"cursor,omitempty" doc:"Of a query: the largest value so far"`
	Imports []string      `json:"imports" nullable:"false" doc:"Ids of the last imports, newest first"`
}
