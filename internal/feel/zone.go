package feel

import "time"

// Zone is the zone of a time or of a date and time: an offset, or an IANA zone.
type Zone struct {
	name   string         // IANA name, or ""
	loc    *time.Location // for IANA zones
	offset int32          // seconds east of UTC, for offsets
}

// UTC is the zone written Z.
var UTC = &Zone{}

// Name is the IANA name, or "" for an offset.
func (z *Zone) Name() string { return z.name }
