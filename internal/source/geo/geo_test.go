package geo_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"rapport/internal/enrich"
	"rapport/internal/source/geo"
)

// write makes a database with one network in it.
func write(t *testing.T, path, network, name string) {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-City", RecordSize: 24, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	_, n, err := net.ParseCIDR(network)
	if err != nil {
		t.Fatal(err)
	}
	names := func(text string) mmdbtype.Map { return mmdbtype.Map{"en": mmdbtype.String(text)} }
	if err := tree.Insert(n, mmdbtype.Map{
		"city": mmdbtype.Map{"names": names(name)}, "country": mmdbtype.Map{"iso_code": mmdbtype.String("DE")},
		"subdivisions": mmdbtype.Slice{mmdbtype.Map{"iso_code": mmdbtype.String("BW"), "names": names("Baden-Württemberg")}},
		"postal":       mmdbtype.Map{"code": mmdbtype.String("89073")},
		"location":     mmdbtype.Map{"latitude": mmdbtype.Float64(48.4), "longitude": mmdbtype.Float64(9.99), "time_zone": mmdbtype.String("Europe/Berlin")},
	}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLocate_ReadsADatabaseInMaxMindsFormat(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "city.mmdb")
	write(t, path, "192.0.2.0/24", "Ulm")
	d, err := geo.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	want := enrich.Place{Country: "DE", Region: "Baden-Württemberg", City: "Ulm", PostalCode: "89073", TimeZone: "Europe/Berlin", Latitude: 48.4, Longitude: 9.99, Located: true}
	if got, ok := d.Locate(netip.MustParseAddr("192.0.2.7")); !ok || got != want {
		t.Errorf("%+v, %v", got, ok)
	}
	for _, ip := range []string{"198.51.100.1", "2001:db8::1"} {
		if got, ok := d.Locate(netip.MustParseAddr(ip)); ok {
			t.Errorf("%s lies in %+v", ip, got)
		}
	}
}

func TestRefresh_TakesOverANewerFileAndKeepsAGoodOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "city.mmdb")
	write(t, path, "192.0.2.0/24", "Ulm")
	d, err := geo.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	ip := netip.MustParseAddr("192.0.2.7")
	if err := os.WriteFile(path, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Refresh(); err == nil {
		t.Error("a broken file was taken over")
	}
	if p, ok := d.Locate(ip); !ok || p.City != "Ulm" {
		t.Errorf("after a broken file: %+v", p)
	}
	write(t, path, "192.0.2.0/24", "Neu-Ulm")
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := d.Refresh(); err != nil {
		t.Fatal(err)
	}
	if p, _ := d.Locate(ip); p.City != "Neu-Ulm" {
		t.Errorf("after a newer file: %+v", p)
	}
}

func TestOpen_RefusesWhatIsNoDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.mmdb")
	if _, err := geo.Open(path); err == nil {
		t.Error("a file that is not there was opened")
	}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := geo.Open(path); err == nil {
		t.Error("JSON was opened")
	}
}
