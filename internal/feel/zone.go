package feel

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"io"
	"sync"
	"time"
)

// Zone is the zone of a time or of a date and time: an offset, or an IANA zone.
type Zone struct {
	name   string         // IANA name, or ""
	loc    *time.Location // for IANA zones
	offset int32          // seconds east of UTC, for offsets
}

// UTC is the zone written Z.
var UTC = &Zone{}

// maxOffset is the largest offset from UTC, 18 hours.
const maxOffset = 18 * 3600

// zoneData is the IANA time zone database (public domain) in the form the Go
// distribution carries it. Having it inside keeps the results of time zone
// arithmetic the same on every machine.
//
//go:embed tzdata/zoneinfo.zip
var zoneData []byte

var (
	zoneFiles = sync.OnceValue(indexZones)
	zoneCache sync.Map // name -> *Zone
	offsets   = makeOffsets()
)

func indexZones() map[string]*zip.File {
	files := map[string]*zip.File{}
	r, err := zip.NewReader(bytes.NewReader(zoneData), int64(len(zoneData)))
	if err != nil {
		return files
	}
	for _, f := range r.File {
		files[f.Name] = f
	}
	return files
}

// makeOffsets prepares the zones at whole quarters of an hour: all that are in
// use today.
func makeOffsets() map[int32]*Zone {
	m := make(map[int32]*Zone, 2*maxOffset/900+1)
	for o := int32(-maxOffset); o <= maxOffset; o += 900 {
		m[o] = &Zone{offset: o}
	}
	m[0] = UTC
	return m
}

// OffsetZone is the zone with a fixed offset in seconds east of UTC, or nil
// when it is more than 18 hours away.
func OffsetZone(seconds int) *Zone {
	if seconds < -maxOffset || seconds > maxOffset {
		return nil
	}
	if z, ok := offsets[int32(seconds)]; ok {
		return z
	}
	return &Zone{offset: int32(seconds)}
}

// NamedZone is an IANA zone and whether there is one of that name.
func NamedZone(name string) (*Zone, bool) {
	if z, ok := zoneCache.Load(name); ok {
		return z.(*Zone), true
	}
	f, ok := zoneFiles()[name]
	if !ok {
		return nil, false
	}
	r, err := f.Open()
	if err != nil {
		return nil, false
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, false
	}
	loc, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return nil, false
	}
	z, _ := zoneCache.LoadOrStore(name, &Zone{name: name, loc: loc})
	return z.(*Zone), true
}

// Name is the IANA name, or "" for an offset.
func (z *Zone) Name() string { return z.name }

// offsetAt is the offset in force at an instant, in seconds since 1970.
func (z *Zone) offsetAt(unix int64) int64 {
	if z.loc == nil {
		return int64(z.offset)
	}
	_, off := time.Unix(unix, 0).In(z.loc).Zone()
	return int64(off)
}

// offsetOf is the offset of a local time, in seconds since 1970 on the local
// clock. In a gap or an overlap the offset before the change counts.
func (z *Zone) offsetOf(local int64) int64 {
	if z.loc == nil {
		return int64(z.offset)
	}
	before := z.offsetAt(local - 86400)
	if z.offsetAt(local-before) == before {
		return before
	}
	after := z.offsetAt(local + 86400)
	if z.offsetAt(local-after) == after {
		return after
	}
	return z.offsetAt(local - before)
}

// same tells whether two zones are written alike.
func (z *Zone) same(o *Zone) bool {
	if z == o {
		return true
	}
	return z != nil && o != nil && z.name == o.name && z.offset == o.offset
}

// Location is the zone for Go's time package. It comes from the data inside
// this package, so that it is the same on every machine.
func (z *Zone) Location() *time.Location {
	switch {
	case z.loc != nil:
		return z.loc
	case z.offset == 0:
		return time.UTC
	}
	return time.FixedZone("", int(z.offset))
}
