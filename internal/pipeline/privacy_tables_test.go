package pipeline

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"rapport/internal/store"
)

// TestExport_KnowsEveryTable says of each table of the state where an export of
// a person has what stands in it, or why it has not. Who adds a table has to
// say so here.
func TestExport_KnowsEveryTable(t *testing.T) {
	t.Parallel()
	exported := map[store.Table]string{
		store.TableAnchors: "profiles.jsonl", store.TableTimeline: "timeline.jsonl", store.TableEntities: "entities.jsonl",
		store.TableNodes: "identity.jsonl", store.TableEdges: "identity.jsonl", store.TableSightings: "identity.jsonl",
		store.TableFacts: "identity.jsonl", store.TableAudit: "identity.jsonl", store.TableDeadLetters: "dead_letters.jsonl",
		store.TableMembers: "segments.jsonl", store.TableHistory: "segments.jsonl", store.TableDecisions: "decisions.jsonl",
		store.TableSuppressed: "suppressions.jsonl",
	}
	left := map[store.Table]string{
		store.TableSeen:        "hashes of the message ids that the timeline has",
		store.TableKinds:       "a list of the entities that are exported",
		store.TableComponents:  "whose identifiers belong together, as the identity shows it",
		store.TableLookup:      "the identifiers once more, for search",
		store.TableDefinitions: "written by the company for everybody",
		store.TableTimers:      "when something is due, without a value",
		store.TableShares:      "the same as the anchors, on its way to the home",
		store.TableAnswers:     "answers to commands: the entities and changes are exported",
		store.TableJobs:        "work of the instance; of a privacy request it has the id",
		store.TableErased:      "keyed hashes of people who are erased",
		store.TableRequests:    "the requests themselves name nobody; the export's is in request.json",
		store.TableColumns:     "keys of anchors whose columns changed",
		store.TableItems:       "items of the catalog",
		store.TableCuts:        "times of shared identifiers, as the identity shows them",
		store.TableMeta:        "counters",
		store.TableFlows:       "how many entered and left a segment in an hour",
		store.TablePassages:    "keys of rows of the history, until the lake has them",
		store.TableDisplaced:   "places of records in the log",
		store.TableTrials:      "numbers of experiments: the timeline has what they are of",
		store.TableOutbox:      "places of records in the log and counts, without a value",
	}
	source, err := os.ReadFile("../store/store.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`(?m)^\tTable(\w+)\s+Table = '(.)'`).FindAllSubmatch(source, -1) {
		if !slices.Contains(allTables(), store.Table(found[2][0])) {
			t.Errorf("the proof of an erasure does not look into table %s", found[1])
		}
	}
	for _, table := range allTables() {
		if (exported[table] == "") == (left[table] == "") {
			t.Errorf("table %c: say where an export has it, or why not", table)
		}
	}
	for table := range exported {
		if !slices.Contains(allTables(), table) {
			t.Errorf("the proof of an erasure does not look into table %c", table)
		}
	}
}
