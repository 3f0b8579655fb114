package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/fault"
)

// Lake is what the API asks of the data lake.
type Lake interface {
	State() LakeState
	Readable() bool
	Views() string
}

// LakeState is how the lake stands.
type LakeState struct {
	Target   string        `json:"target" doc:"Folder or s3:// address"`
	Written  clock.Instant `json:"written_at,omitzero" doc:"When the manifest was written last"`
	Position uint64        `json:"position" doc:"Place in the log up to which events are in the files"`
	End      uint64        `json:"log_end" doc:"Where the log ends"`
	Lag      float64       `json:"lag_seconds" doc:"How long the oldest row that waits has waited; 0: none waits"`
	Waiting  int64         `json:"waiting_bytes" doc:"Bytes of rows that wait to be written"`
	Due      int           `json:"people_due" doc:"People of whom a users row is written when they have been still for long enough"`
	CatchUp  bool          `json:"catching_up" doc:"What is missing is being read from the log"`
	Files    int           `json:"files"`
	Rows     int           `json:"rows"`
	Bytes    int           `json:"bytes"`
	Objects  []LakeObject  `json:"objects" nullable:"false"`
	Since    LakeSince     `json:"since_start"`
	Error    string        `json:"error,omitempty" doc:"Why it cannot be written now; nothing is lost, the log has it"`
}

// LakeSince is what was done since the start.
type LakeSince struct {
	Manifests uint64 `json:"manifests" doc:"How often the manifest was written"`
	Files     uint64 `json:"files"`
	Rows      uint64 `json:"rows" doc:"Rows written, those of joined files once more"`
	Bytes     uint64 `json:"bytes"`
	Joined    uint64 `json:"joined" doc:"Files that were joined into larger ones"`
	Users     uint64 `json:"users" doc:"Users rows"`
}

// LakeObject is one object of the lake.
type LakeObject struct {
	Name    string       `json:"name"`
	Files   int          `json:"files"`
	Rows    int          `json:"rows"`
	Bytes   int          `json:"bytes"`
	Columns []LakeColumn `json:"columns" nullable:"false"`
}

// LakeColumn is a column of an object.
type LakeColumn struct {
	Name  string `json:"name"`
	Type  string `json:"type" enum:"text,integer,number,boolean,time,decimal"`
	Trait string `json:"trait,omitempty" doc:"The attribute of people whose values it has"`
}

func (a *API) lakeRoutes() {
	at := func(id, path, summary string) spec {
		return spec{id: id, method: http.MethodGet, path: "/lake" + path, tag: "lake", summary: summary, scope: access.ScopeRead, status: http.StatusOK, data: impersonal}
	}
	register(a, at("get-lake", "", "How the data lake stands: objects, columns, files, how far it is behind"), func(_ context.Context, _ *struct{}) (*body[LakeState], error) {
		if a.Lake == nil {
			return nil, noLake()
		}
		return &body[LakeState]{a.Lake.State()}, nil
	})
	views := at("get-lake-views", "/views.sql", "SQL that makes views of the lake in DuckDB, events with their users among them")
	views.gives = []string{"application/sql"}
	register(a, views, func(_ context.Context, _ *struct{}) (*modelAnswer, error) {
		if a.Lake == nil {
			return nil, noLake()
		}
		if !a.Lake.Readable() {
			return nil, fault.Errorf(fault.Unavailable, "lake_starting", "the lake is being set up: ask again in a second; GET /api/v1/lake says what keeps it from that")
		}
		return &modelAnswer{Body: func(c huma.Context) {
			c.SetHeader("Content-Type", "application/sql; charset=utf-8")
			_, _ = c.BodyWriter().Write([]byte(a.Lake.Views())) // whoever asked may be gone
		}}, nil
	})
}

func noLake() error {
	return fault.Errorf(fault.NotFound, "no_lake", "no lake is written: set lake.url (RAPPORT_LAKE_URL) to a folder or s3://BUCKET/PREFIX and start again")
}
