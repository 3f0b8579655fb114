package lake

import (
	"slices"
	"strings"

	"rapport/internal/blob"
)

// Target is where a lake lies.
type Target = blob.Target

// ours tells whether a name is one that a lake gives: nothing else is ever
// removed, whatever lies beside.
func ours(name string) bool {
	if strings.HasPrefix(name, pendingFolder+"/") {
		return true
	}
	object, rest, ok := strings.Cut(name, "/")
	if !ok || !strings.HasPrefix(rest, "day=") {
		return false
	}
	return slices.Contains(Names(), object) && strings.HasSuffix(strings.TrimSuffix(rest, blob.StagedSuffix), ".parquet")
}
