// Package health judges how an instance is: what of it fails, what is late, what
// is stuck, and when its disk is full. It is handed what was measured and
// remembers since when each trouble lasts. It never measures, never mends and
// never asks the clock.
package health

import (
	"rapport/internal/clock"
)

// Status is how an instance is, in one word.
type Status string

// The statuses, from the best.
const (
	Healthy   Status = "healthy"   // nothing is to be done
	Attention Status = "attention" // it works, and somebody should look today
	Failing   Status = "failing"   // it does not do all that it should
)

// Severity is how urgent a finding is.
type Severity string

// The severities. A notice does not change the status.
const (
	Notice   Severity = "notice"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Measured is what was measured of an instance at one moment.
type Measured struct {
	At clock.Instant
	// NotReady says why the instance does not serve; empty: it does.
	NotReady string
	// LogFailing says why the log cannot be written; empty: it can.
	LogFailing   string
	ReadOnly     bool
	Received     uint64 // events since the data was made
	Pending      uint64
	Stored       uint64
	DeadLettered uint64
	Lanes        []Worker
	// Disk is the one under the data folder; nil: it cannot be asked.
	Disk *Disk
	// LogBytes and StateBytes are what the data takes.
	LogBytes, StateBytes uint64
	// Elsewhere tells that the data is in a database, whose disk is not seen.
	Elsewhere    bool
	Sources      []SeenSource
	Destinations []ToldDestination
	Backup       BackupState
	Lake         *LakeDelay // nil: none is written
	Tables       *LakeDelay // those for analysts; nil: none are written
	Certificate  *Certificate
	FailedJobs   []FailedJob
	Nodes        []Node // empty: the data is not in a database
	// Columns are those of the index of people that do not fit into memory; nil:
	// all do.
	Columns *ColumnsReport
}

// ColumnsReport is what does not fit into memory of the index by which people are
// searched and counted.
type ColumnsReport struct {
	LeftOut []LeftColumn `json:"left_out" nullable:"false" doc:"What of people is not in the index, the largest first"`
	Bytes   uint64       `json:"bytes" doc:"About what they would take together"`
	Memory  string       `json:"memory" doc:"The setting memory with which they fit"`
}

// LeftColumn is a column of the index that does not fit into memory.
type LeftColumn struct {
	Column string `json:"column" doc:"With its kind, such as trait:email, identifier:phone or event:Order Completed"`
	Bytes  uint64 `json:"bytes" doc:"About what is missing of it"`
}

// Node is one of several that answer for an instance.
type Node struct {
	ID      string  `json:"id"`
	Address string  `json:"address" doc:"Where the other nodes reach it"`
	Version string  `json:"version"`
	Role    string  `json:"role" enum:"holder,standby,stopping,silent" doc:"holder: it folds and answers; standby: it passes requests to the holder and takes over from it; stopping: it hands over; silent: it was not heard of lately"`
	Silent  float64 `json:"silent_seconds" doc:"How long ago it was last heard of"`
}

// Silent is the role of a node that was not heard of lately.
const Silent = "silent"

// Worker is a worker that folds the records of a span of buckets.
type Worker struct {
	Name    string        `json:"name" doc:"Which buckets it folds"`
	Waiting int           `json:"waiting" doc:"Records that wait for it"`
	Applied uint64        `json:"applied" doc:"Place in the log up to which it has come"`
	Oldest  clock.Instant `json:"oldest_at,omitzero" doc:"When the oldest record that waits was received"`
	Problem string        `json:"problem,omitempty" doc:"Why what follows from its records cannot be kept"`
	Stuck   clock.Instant `json:"stuck_since,omitzero" doc:"Since when records wait and none is folded"`
}

// Disk is a disk.
type Disk struct {
	Path        string
	Total, Free uint64 // bytes
}

// SeenSource is how a source does.
type SeenSource struct {
	Key    string        `json:"key"`
	Status string        `json:"status" doc:"As its own health says"`
	Last   clock.Instant `json:"last_received_at,omitzero"`
	// Received counts what came.
	Received uint64 `json:"received" doc:"Events and bodies that came, since the data was made"`
}

// ToldDestination is how a destination does.
type ToldDestination struct {
	Key     string        `json:"key"`
	State   string        `json:"state" doc:"As the destination itself says"`
	Since   clock.Instant `json:"since,omitzero"`
	Problem string        `json:"problem,omitempty"`
	Waiting int64         `json:"waiting" doc:"Messages that wait"`
	Dead    int64         `json:"dead" doc:"Messages that were given up and can be replayed"`
}

// BackupState is when the data was last copied.
type BackupState struct {
	URL   string        `json:"url,omitempty" doc:"Where to; left out: nowhere"`
	Every float64       `json:"every_seconds,omitempty" doc:"How often; left out: by hand"`
	Last  clock.Instant `json:"last_at,omitzero" doc:"When the newest was made"`
	// Overdue is judged, not measured.
	Overdue bool `json:"overdue"`
}

// LakeDelay is how far the data lake is, or the tables for analysts.
type LakeDelay struct {
	Lag   float64 `json:"lag_seconds"`
	Error string  `json:"error,omitempty"`
}

// Certificate is the one that the instance answers with.
type Certificate struct {
	Names   []string      `json:"names" nullable:"false"`
	Expires clock.Instant `json:"expires_at"`
	Error   string        `json:"error,omitempty" doc:"Why a newer one cannot be had"`
}

// FailedJob is a background job that failed.
type FailedJob struct {
	ID    string        `json:"id"`
	Kind  string        `json:"kind"`
	About string        `json:"subject,omitempty"`
	Error string        `json:"error"`
	Time  clock.Instant `json:"finished_at"`
}

// Finding is one thing that is not as it should be.
type Finding struct {
	Code     string        `json:"code" doc:"Which kind of trouble; stable"`
	Severity Severity      `json:"severity" enum:"notice,warning,critical"`
	About    string        `json:"about,omitempty" doc:"What it is about, such as destination:crm"`
	Message  string        `json:"message" doc:"What is wrong"`
	Mend     string        `json:"mend" doc:"What to do about it"`
	Since    clock.Instant `json:"since"`
}

// HealthReport is how an instance is.
type HealthReport struct {
	Status       Status            `json:"status" enum:"healthy,attention,failing" doc:"healthy: nothing is to be done; attention: it works, and somebody should look today; failing: it does not do all that it should"`
	Summary      string            `json:"summary" doc:"The same in a sentence"`
	CheckedAt    clock.Instant     `json:"checked_at"`
	ReadOnly     bool              `json:"read_only" doc:"Nothing is taken in and nothing changed, by the setting read_only"`
	Findings     []Finding         `json:"findings" nullable:"false" doc:"The most urgent first"`
	Late         Late              `json:"late"`
	DeadLetters  uint64            `json:"dead_letters" doc:"Events that were not understood and wait for somebody to repair them"`
	Disk         DiskReport        `json:"disk"`
	Backup       BackupState       `json:"backup"`
	Certificate  *Certificate      `json:"certificate" doc:"null: it answers without TLS"`
	Lake         *LakeDelay        `json:"lake" doc:"null: none is written"`
	Tables       *LakeDelay        `json:"tables" doc:"Tables for analysts; null: none are written"`
	Sources      []SeenSource      `json:"sources" nullable:"false"`
	Destinations []ToldDestination `json:"destinations" nullable:"false"`
	FailedJobs   []FailedJob       `json:"failed_jobs" nullable:"false" doc:"Background jobs that failed in the last day"`
	Nodes        []Node            `json:"nodes" nullable:"false" doc:"The nodes on the database, one of which holds the data; empty where the data is in the data folder"`
	Columns      *ColumnsReport    `json:"columns" doc:"What does not fit into memory of the index by which people are searched and counted; null: all fits"`
}

// Late is what waits to be folded.
type Late struct {
	Events  uint64   `json:"events" doc:"Acknowledged events that are not in profiles yet"`
	Seconds float64  `json:"seconds" doc:"How long ago the oldest record was received that waits; 0: none waits"`
	Lanes   []Worker `json:"lanes" nullable:"false" doc:"The workers for whom something waits"`
}

// DiskReport is what the data takes, and how long there is room.
type DiskReport struct {
	Path       string   `json:"path" doc:"The data folder"`
	Total      uint64   `json:"total_bytes" doc:"Of the disk under it; 0: it cannot be asked"`
	Free       uint64   `json:"free_bytes"`
	Log        uint64   `json:"log_bytes" doc:"What events take as they came"`
	State      uint64   `json:"state_bytes" doc:"What profiles, timelines and all else that is folded take"`
	PerMillion *float64 `json:"bytes_per_million_events" doc:"Log and state together; null until ten thousand events are stored"`
	PerDay     *float64 `json:"bytes_per_day" doc:"How fast the disk fills, by what was seen in up to a week; null until an hour was seen, or where the data is in a database"`
	FullAt     *string  `json:"full_at" format:"date-time" doc:"When the disk is full if it goes on like this; null: not known, or not within ten years"`
}
