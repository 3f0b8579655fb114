// Package definition is what an instance is told to do, as versioned
// documents: decision models, their test cases, and whatever else people
// define. It knows the statuses of a version and which may follow which. It
// never reads what a document says, never stores and never asks the clock.
package definition

import (
	"slices"
	"strconv"

	"rapport/internal/clock"
)

// Kind is what a document defines. It is a word of letters, digits and
// underscores, and part of the rows on disk.
type Kind string

// The kinds.
const (
	DecisionModel      Kind = "decision_model"       // DMN, as XML
	DecisionModelTests Kind = "decision_model_tests" // test cases of the model of the same key, as JSON
	PredictiveModel    Kind = "predictive_model"     // LightGBM, XGBoost, PMML or linear
	Reconciliation     Kind = "reconciliation"       // which value of a trait counts, as JSON
	TraitSchema        Kind = "trait_schema"         // what traits are, as JSON
	RFMBoundaries      Kind = "rfm"                  // when somebody bought recently, often, for much, as JSON
	Segment            Kind = "segment"              // a name and a condition, as JSON
	ComputedTrait      Kind = "computed_trait"       // a value made of what a person did, as JSON
	Affinity           Kind = "affinity"             // how much a person likes the values of a dimension, as JSON

	// What decision models are kept, fed and tried with, and how they ask others.
	DecisionModelSettings Kind = "decision_model_settings" // of the model of the same key, as JSON
	DataConnection        Kind = "connection"              // as JSON, secrets sealed
	IdentityRules         Kind = "identity_rules"          // which identifiers make one person, as JSON
	ConsentPolicy         Kind = "consent_policy"          // what is asked of consent, as JSON
	ImportMapping         Kind = "import_mapping"          // what the columns of a table become, as JSON
	Webhook               Kind = "webhook"                 // what another service reports and what becomes of it, as JSON, secrets sealed
	ImportPull            Kind = "import_pull"             // where tables come from by themselves, as JSON, secrets sealed
	TrackingPlan          Kind = "tracking_plan"           // which events a source may send, as JSON
	EntityType            Kind = "entity_type"             // which fields entities of a type have, as JSON

	// What visitors get.
	Experiment Kind = "experiment" // who gets which variant, and what is counted, as JSON

	// Who outside is told, and whether it is told now.
	Destination        Kind = "destination"         // as JSON, secrets sealed
	DestinationControl Kind = "destination_control" // of the destination of the same key: paused, draining, released, as JSON
	Broadcast          Kind = "broadcast"           // a message to everybody in a segment, as JSON
	BroadcastProgress  Kind = "broadcast_progress"  // of the broadcast of the same key: approved, scheduled, paused, stopped, as JSON
	BroadcastRules     Kind = "broadcast_rules"     // what holds for all broadcasts, as JSON

	// What is offered to whom, where and when.
	Offer      Kind = "offer"       // as JSON
	Placement  Kind = "placement"   // as JSON
	Experience Kind = "experience"  // as JSON
	PublicData Kind = "public_data" // what of people callers who only claim to be them may be treated by, as JSON

	Alert     Kind = "alert"     // of what is wrong with the instance somebody is told, as JSON
	Retention Kind = "retention" // how long which events are kept, as JSON
	// ProcessingStatement is what the controller says of the processing, as JSON.
	ProcessingStatement Kind = "processing_statement"
)

// DefaultKey is the key of what an instance has one of.
const DefaultKey = "default"

// Status is how far a version has come.
type Status string

// The statuses in their order. Of the versions of a key one at most is live.
const (
	Draft    Status = "draft"    // being written; runs only where it is asked for
	Test     Status = "test"     // runs beside the live one, without effect
	Live     Status = "live"     // what runs
	Archived Status = "archived" // never runs again; a rollback copies it
)

// The largest documents, in bytes: files of predictive models come out of
// training and are what they are; the others are written by people.
const (
	MaxDocument   = 4 << 20
	MaxPredictive = 64 << 20
)

// Max is the largest document of a kind, in bytes.
func (k Kind) Max() int {
	if k == PredictiveModel {
		return MaxPredictive
	}
	return MaxDocument
}

// Change is one step of a version: when it got a status, and by whom.
type Change struct {
	Status Status        `json:"status"`
	Author string        `json:"author" doc:"Id of the key that asked for it"`
	Time   clock.Instant `json:"time"`
	Note   string        `json:"note,omitempty"`
}

// Version is one document of a key. Documents never change: another document
// is another version. What changes is the status; every change is kept.
type Version struct {
	Kind        Kind     `json:"kind"`
	Key         string   `json:"key"`
	Version     int      `json:"version" doc:"Counted from 1"`
	ContentType string   `json:"content_type"`
	Size        int      `json:"size" doc:"Of the document, in bytes"`
	RollbackOf  int      `json:"rollback_of,omitempty" doc:"The version whose document this is again"`
	Changes     []Change `json:"changes" doc:"Oldest first: the first made the version, the last is its status now"`
}

// Status is what the version is now.
func (v *Version) Status() Status { return v.Changes[len(v.Changes)-1].Status }

// Made is the change that made the version.
func (v *Version) Made() Change { return v.Changes[0] }

// Last is the newest change.
func (v *Version) Last() Change { return v.Changes[len(v.Changes)-1] }

// ETag tells the states of a version apart: it changes with every change.
func (v *Version) ETag() string {
	return `"v` + strconv.Itoa(v.Version) + "." + strconv.Itoa(len(v.Changes)) + `"`
}

// Definition is a version with its document.
type Definition struct {
	Version
	Document []byte
}

// Series is all versions of a key, oldest first. It is immutable: Apply gives
// another one.
type Series struct {
	Kind     Kind
	Key      string
	Versions []Version
}

// Newest is the version that was made last; nil where there is none.
func (s *Series) Newest() *Version {
	if s == nil || len(s.Versions) == 0 {
		return nil
	}
	return &s.Versions[len(s.Versions)-1]
}

// Live is the version that runs; nil where there is none.
func (s *Series) Live() *Version {
	if s == nil {
		return nil
	}
	for i := len(s.Versions) - 1; i >= 0; i-- {
		if s.Versions[i].Status() == Live {
			return &s.Versions[i]
		}
	}
	return nil
}

// At is a version by its number; nil where there is none.
func (s *Series) At(version int) *Version {
	if s == nil {
		return nil
	}
	i := slices.IndexFunc(s.Versions, func(v Version) bool { return v.Version == version })
	if i < 0 {
		return nil
	}
	return &s.Versions[i]
}
