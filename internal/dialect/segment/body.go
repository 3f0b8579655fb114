package segment

import (
	"net/http"

	"rapport/internal/dialect"
	"rapport/internal/fault"
)

// readBody reads and unpacks a body. The bytes belong to the caller. A fault
// says what is wrong with it.
func readBody(r *http.Request) ([]byte, error) {
	most := func(packed int) int { return max(min(packed*MaxRatio, MaxExpanded), MaxBatch) }
	return dialect.ReadUnpacked(r, MaxWire, most, tooLong)
}

func tooLong(most int) error {
	return fault.Errorf(fault.TooLarge, "body_too_large", "the body is longer than %d bytes, packed or unpacked; send at most %d per batch", most, MaxBatch)
}
