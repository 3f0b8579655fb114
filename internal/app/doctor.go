package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"rapport/internal/access"
	"rapport/internal/clock"
	"rapport/internal/config"
	"rapport/internal/health"
	"rapport/internal/lake/tables"
	"rapport/internal/store/kafka"
	"rapport/internal/store/postgres"
)

// Check is one thing that was looked at.
type Check struct {
	Name     string          `json:"name"`
	Severity health.Severity `json:"severity,omitempty"` // empty: it is well
	Says     string          `json:"says"`
	Mend     string          `json:"mend,omitempty"`
}

// doctor looks at a machine and an instance's folder, whether it runs or not.
type doctor struct {
	config *config.Config
	parts  Parts
	found  []Check
}

// Examine looks at all that an instance stands on: disk, clock, keys, port,
// memory, store. Nothing is changed but for a file that is written to measure the
// disk, and removed.
func Examine(ctx context.Context, c *config.Config, parts Parts) []Check {
	d := doctor{config: c, parts: parts.filled()}
	d.folder()
	d.disk()
	d.clock()
	d.keys()
	d.port(ctx)
	d.memory()
	d.system()
	d.store(ctx)
	return d.found
}

func (d *doctor) well(name, format string, args ...any) {
	d.found = append(d.found, Check{Name: name, Says: fmt.Sprintf(format, args...)})
}

func (d *doctor) ill(severity health.Severity, name, mend, format string, args ...any) {
	d.found = append(d.found, Check{name, severity, fmt.Sprintf(format, args...), mend})
}

func (d *doctor) folder() {
	info, err := os.Stat(d.config.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.ill(health.Notice, "data folder", "Start the server: it makes it. Or give another with --data.", "%s does not exist", d.config.Data)
	case err != nil:
		d.ill(health.Critical, "data folder", "Give the process the right to read and write it.", "%v", err)
	case !info.IsDir():
		d.ill(health.Critical, "data folder", "Give a folder with --data.", "%s is no folder", d.config.Data)
	case info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/':
		d.ill(health.Warning, "data folder", "chmod 700 "+d.config.Data, "%s can be entered by others on this machine (%s): it holds people and keys", d.config.Data, info.Mode().Perm())
	default:
		d.well("data folder", "%s", d.config.Data)
	}
	if err := openToRead(d.config, d.parts); err != nil {
		d.ill(health.Critical, "data folder", "Give the key that it was begun with, with encryption.key_file.", "%v", err)
	} else if err := CheckFormat(d.config); err != nil {
		d.ill(health.Critical, "data folder", "Start the version that wrote it or a later one, or restore a backup from before the upgrade.", "%v", err)
	}
}

// How the disk is judged, by the median of fsyncs.
const (
	syncs     = 40
	syncBytes = 4 << 10
	syncSlow  = 20 * time.Millisecond
	syncAwful = 100 * time.Millisecond
	syncFake  = 15 * time.Microsecond
)

func (d *doctor) disk() {
	folder := d.config.Data
	if _, err := os.Stat(folder); err != nil {
		folder = filepath.Dir(filepath.Clean(folder))
	}
	if u := diskOf(folder); u != nil {
		free := float64(u.Free) / float64(max(u.Total, 1))
		text := fmt.Sprintf("%s of %s free (%.0f%%)", config.Size(u.Free), config.Size(u.Total), free*100)
		switch {
		case free < 0.03:
			d.ill(health.Critical, "disk space", "Free space: what cannot be written is refused.", "%s", text)
		case free < 0.1:
			d.ill(health.Warning, "disk space", "Free space, or give the disk more.", "%s", text)
		default:
			d.well("disk space", "%s", text)
		}
	}
	took, err := syncTimes(folder)
	if err != nil {
		d.ill(health.Critical, "disk sync", "Give the process the right to write there, or free space.", "%v", err)
		return
	}
	slices.Sort(took)
	median, worst := took[len(took)/2], took[len(took)-1]
	text := fmt.Sprintf("fsync of %d bytes takes %s, at worst %s", syncBytes, median.Round(time.Microsecond), worst.Round(time.Microsecond))
	switch {
	case median >= syncAwful:
		d.ill(health.Critical, "disk sync", "Put the data folder on a local disk, an SSD at best: every acknowledgement waits for one.", "%s", text)
	case median >= syncSlow:
		d.ill(health.Warning, "disk sync", "Put the data folder on an SSD: every acknowledgement waits for one.", "%s", text)
	case median < syncFake:
		d.ill(health.Notice, "disk sync", "Make sure that the data folder is no memory disk: a power loss would take it.", "%s: no disk is that fast", text)
	default:
		d.well("disk sync", "%s", text)
	}
}

func syncTimes(folder string) (took []time.Duration, err error) {
	f, err := os.CreateTemp(folder, ".doctor-*.tmp")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, syncBytes)
	for range syncs {
		begin := time.Now()
		if _, err := f.Write(block); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
	}
	return took, nil
}

// born is before this program was written: a clock that says earlier is wrong.
var born = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (d *doctor) clock() {
	const mend = "Let a time service set the clock, such as systemd-timesyncd or chrony."
	now := d.parts.Clock.Now().Time()
	switch synced, known := clockSynced(); {
	case now.Before(born):
		d.ill(health.Critical, "clock", mend, "it says %s", now.UTC().Format(time.RFC3339))
	case known && !synced:
		d.ill(health.Warning, "clock", mend, "the system does not hold it to be synchronised; it says %s", now.UTC().Format(time.RFC3339))
	default:
		d.well("clock", "%s", now.UTC().Format(time.RFC3339))
	}
}

// soonOver is when the end of a key is told beforehand.
const soonOver = 14 * 24 * time.Hour

func (d *doctor) keys() {
	c := d.config
	if _, err := os.Stat(c.Path("access.yaml")); err != nil {
		return // there are none yet
	}
	if c.Files == nil {
		return // said already: they cannot be read
	}
	r, _, err := access.Open(c.Files, c.Data, d.parts.Clock, d.parts.Entropy)
	if err != nil {
		d.ill(health.Critical, "keys", "Mend access.yaml in the data folder, or bring it back from a backup.", "%v", err)
		return
	}
	now, before := d.parts.Clock.Now(), len(d.found)
	doc := r.Index().Document()
	for _, k := range doc.SecretKeys {
		var ends clock.Instant
		switch {
		case k.Expires == "" || ends.UnmarshalText([]byte(k.Expires)) != nil:
		case ends <= now:
			d.ill(health.Notice, "keys", "rapport keys revoke "+k.ID, "%s (%s) ended at %s", k.ID, k.Name, ends)
		case ends.Sub(now) < soonOver:
			d.ill(health.Warning, "keys", "rapport keys rotate "+k.ID+", and give the new one to those who use it.", "%s (%s) ends at %s", k.ID, k.Name, ends)
		}
	}
	for _, left := range [...]struct{ name, mend string }{
		{"secret-key", "Move it to where you keep secrets, and remove the file."},
		{"console-link", "Sign up with it, or remove the file: whoever reads it becomes the first admin."},
	} {
		if _, err := os.Stat(c.Path(left.name)); err == nil {
			d.ill(health.Notice, "keys", left.mend, "the file %s of the first start is still in %s", left.name, c.Data)
		}
	}
	if _, err := os.Stat(c.Path(storeFolder)); err == nil {
		if _, err := os.Stat(c.Path(instanceKeyFile)); err != nil {
			d.ill(health.Critical, "keys", "Bring it back from a backup: profile ids depend on it.", "the file %s is missing", instanceKeyFile)
		}
	}
	if len(d.found) == before {
		d.well("keys", "%d secret keys, %d sources", len(doc.SecretKeys), len(doc.Sources))
	}
}

func (d *doctor) port(ctx context.Context) {
	c := d.config
	if host, _, err := net.SplitHostPort(c.Listen); err == nil && !loopback(host) && !c.TLS.On() && c.HTTP.TrustedProxies == "" {
		d.ill(health.Warning, "port", "Set tls.cert_file and tls.key_file, or tls.acme_domains; behind a proxy that speaks TLS name it in http.trusted_proxies.", "%s is reached from outside without TLS: keys travel in the clear", c.Listen)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err == nil {
		_ = l.Close() // it was opened to see whether it can be
		d.well("port", "%s is free", c.Listen)
		return
	}
	base, client := Local(c)
	r, bad := http.NewRequestWithContext(ctx, http.MethodGet, base+"/healthz", nil)
	if bad == nil {
		client.Timeout = 5 * time.Second
		res, askErr := client.Do(r)
		if askErr == nil {
			defer res.Body.Close() //nolint:errcheck // its status is all that counts
			if res.StatusCode == http.StatusOK {
				d.well("port", "an instance answers at %s", c.Listen)
				return
			}
		}
	}
	d.ill(health.Critical, "port", "Give another address with --listen, or end what holds this one.", "%v", err)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Local is how a command on the machine reaches the instance that the settings
// are of. Its certificate is made out to names of the world outside: on the
// machine itself it is not asked for.
func Local(c *config.Config) (base string, client *http.Client) {
	host, port, err := net.SplitHostPort(c.Listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	address := net.JoinHostPort(host, port)
	if !c.TLS.On() {
		return "http://" + address, &http.Client{}
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: loopback(host)} //nolint:gosec // the loopback alone
	if names := c.TLS.Domains(); len(names) > 0 {
		t.ServerName = names[0]
	}
	return "https://" + address, &http.Client{Transport: &http.Transport{TLSClientConfig: t}}
}

func (d *doctor) memory() {
	machine := config.MachineMemory()
	text := fmt.Sprintf("%s of %s", d.config.Memory, machine)
	switch {
	case d.config.Memory > machine:
		d.ill(health.Critical, "memory", "Set memory to at most four fifths of it.", "%s: more than there is", text)
	case float64(d.config.Memory) > 0.9*float64(machine):
		d.ill(health.Warning, "memory", "Set memory to at most four fifths of it: the system needs some too.", "%s", text)
	default:
		d.well("memory", "%s", text)
	}
}

// storeTimeout bounds the asking of a database.
const storeTimeout = 15 * time.Second

// topic looks at the topic that has the log.
func (d *doctor) topic(ctx context.Context) {
	i, err := kafka.Inspect(ctx, d.config.LogStore)
	switch {
	case err != nil:
		d.ill(health.Critical, "store", "Check log_store: the brokers, the name, the rights to read and write, and that the topic deletes nothing.", "%v", err)
	case i.Partitions == 0:
		d.well("store", "the topic %s of the log is made at the start", i.Name)
	case i.Replicas < 2:
		d.ill(health.Warning, "store", "Give the topic three replicas and min.insync.replicas=2.", "the topic %s of the log is on one broker: when its disk dies the log is gone", i.Name)
	default:
		d.well("store", "the log is in the topic %s (%d partitions, %d replicas)", i.Name, i.Partitions, i.Replicas)
	}
}

func (d *doctor) store(ctx context.Context) {
	c := d.config
	defer d.tables(ctx)
	if !c.Postgres() {
		switch _, err := os.Stat(c.Path(storeFolder)); {
		case err != nil:
			d.well("store", "embedded; there is no data yet")
		case Running(c):
			d.well("store", "embedded; a server has it open")
		default:
			d.well("store", "embedded; nobody has it open")
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	i, err := postgres.Inspect(ctx, c.Store)
	if err != nil {
		d.ill(health.Critical, "store", "Check address, password and network; the role must be able to connect.", "%v", err)
		return
	}
	version, _, _ := strings.Cut(i.Version, " on ")
	d.well("store", "%s (%s), schema step %d of %d", i.Name(), version, i.Step, i.Latest)
	if c.LogStore != "" {
		d.topic(ctx)
	}
	if i.Citus {
		d.well("store", "Citus spreads %d tables over its workers: %s", len(i.Distributed), strings.Join(i.Distributed, ", "))
	}
	if i.Superuser {
		d.ill(health.Warning, "store", "Give it a role that owns its schema and no more.", "the role is a superuser, which this program does not need")
	}
	if i.Step > i.Latest {
		d.ill(health.Critical, "store", "Upgrade this program.", "the tables are of a newer version")
	}
	if name := i.Name(); name == "CockroachDB" || name == "YugabyteDB" {
		d.ill(health.Notice, "store", "Run the suite against it before you rely on it: STORETEST_DSN.", "%s speaks PostgreSQL's protocol and was not tested", name)
	}
}

// tables looks at the tables for analysts.
func (d *doctor) tables(ctx context.Context) {
	c := d.config
	if c.Tables.URL == "" {
		if c.Postgres() {
			d.well("store", "there are no tables for analysts; tables.url = store has them written")
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	i, err := tables.Inspect(ctx, tablesAddress(c), c.Tables.Schema)
	switch {
	case err != nil:
		d.ill(health.Warning, "store", "Check the address of tables.url, password and network.", "the tables for analysts cannot be looked at: %v", err)
	case !i.Mine:
		d.ill(health.Warning, "store", "Have an administrator run CREATE SCHEMA "+c.Tables.Schema+" AUTHORIZATION with the name of the role.",
			"the role may not write tables for analysts into the schema %s", c.Tables.Schema)
	case !i.There:
		d.well("store", "tables for analysts are made in the schema %s with the next start", c.Tables.Schema)
	case !i.Whole:
		d.well("store", "the tables for analysts in the schema %s are being filled, events are there up to %d of the log", c.Tables.Schema, i.Events)
	default:
		d.well("store", "the tables for analysts in the schema %s have events up to %d of the log, and everybody", c.Tables.Schema, i.Events)
	}
}
