// Package geo finds the place of an address in a database in MaxMind's format
// that the operator gives. It never asks anybody else and brings no data of its
// own.
package geo

import (
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"

	"rapport/internal/enrich"
	"rapport/internal/fault"
)

// Database is a file of places. It is safe for concurrent use.
type Database struct {
	path   string
	reader atomic.Pointer[maxminddb.Reader]
	stamp  atomic.Pointer[stamp]
}

// stamp tells two files apart.
type stamp struct {
	size     int64
	modified time.Time
}

// Open reads a database.
func Open(path string) (*Database, error) {
	d := &Database{path: path}
	if err := d.Refresh(); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_geo_database", "enrich.geo_database %s is no database in MaxMind's format (.mmdb): %w", path, err)
	}
	return d, nil
}

// Refresh takes over a file that has changed; one that cannot be read leaves
// what is there in force.
func (d *Database) Refresh() error {
	info, err := os.Stat(d.path)
	if err != nil {
		return fmt.Errorf("geo database: %w", err)
	}
	now := stamp{info.Size(), info.ModTime()}
	if old := d.stamp.Load(); old != nil && *old == now {
		return nil
	}
	// The bytes are read, not mapped: a file that is cut short under a mapping
	// would end the process, and one that is replaced could not be let go of
	// while somebody looks something up.
	text, err := os.ReadFile(d.path)
	if err != nil {
		return fmt.Errorf("geo database: %w", err)
	}
	r, err := maxminddb.OpenBytes(text)
	if err != nil {
		return fmt.Errorf("geo database: %w", err)
	}
	d.reader.Store(r)
	d.stamp.Store(&now)
	return nil
}

// record is what is read of an entry: the members that MaxMind's databases of
// cities and countries have, and others made to their form.
type record struct {
	City struct {
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"city"`
	Country struct {
		ISO string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	Registered struct {
		ISO string `maxminddb:"iso_code"`
	} `maxminddb:"registered_country"`
	Subdivisions []struct {
		ISO   string            `maxminddb:"iso_code"`
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"subdivisions"`
	Postal struct {
		Code string `maxminddb:"code"`
	} `maxminddb:"postal"`
	Location struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
		TimeZone  string   `maxminddb:"time_zone"`
	} `maxminddb:"location"`
}

// Locate finds the place of an address; false where the database knows none.
func (d *Database) Locate(ip netip.Addr) (enrich.Place, bool) {
	var p enrich.Place
	found := d.reader.Load().Lookup(ip)
	if !found.Found() {
		return p, false
	}
	var r record
	if err := found.Decode(&r); err != nil {
		return p, false // an entry of another form, or a damaged one
	}
	p.Country = r.Country.ISO
	if p.Country == "" {
		p.Country = r.Registered.ISO
	}
	p.City, p.PostalCode, p.TimeZone = r.City.Names["en"], r.Postal.Code, r.Location.TimeZone
	if len(r.Subdivisions) > 0 {
		if p.Region = r.Subdivisions[0].Names["en"]; p.Region == "" {
			p.Region = r.Subdivisions[0].ISO
		}
	}
	if r.Location.Latitude != nil && r.Location.Longitude != nil {
		p.Latitude, p.Longitude, p.Located = *r.Location.Latitude, *r.Location.Longitude, true
	}
	return p, p != enrich.Place{}
}
