// Package config gathers the settings of an instance from flags, the
// environment and a file into one struct, checks them and divides the memory.
// It never changes a setting after Load and keeps none in a global.
package config

//go:generate go test . -run TestReference -update

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/knadh/koanf/v2"

	"rapport/internal/fault"
)

// Config is every setting of an instance. The koanf tags are the keys of
// settings, which says what each one means.
type Config struct {
	Data      string `koanf:"data"`
	Listen    string `koanf:"listen"`
	Store     string `koanf:"store"`
	LogStore  string `koanf:"log_store"`
	Memory    Size   `koanf:"memory"` // zero before Load: half of the machine's
	WriteKey  string `koanf:"write_key"`
	SecretKey string `koanf:"secret_key"`
	MasterKey string `koanf:"master_key"`
	// Cluster is how nodes on one database work together.
	Cluster Cluster `koanf:"cluster"`
	Log     Log     `koanf:"log"`
	Queue   Queue   `koanf:"queue"`
	Wait    Wait    `koanf:"wait"`
	HTTP    HTTP    `koanf:"http"`
	TLS     TLS     `koanf:"tls"`
	// OIDC is where members sign in beside passwords.
	OIDC OIDC `koanf:"oidc"`
	// ReadOnly answers whatever would change something with 503.
	ReadOnly bool `koanf:"read_only"`
	// Egress bounds what the instance reaches of its own accord.
	Egress Egress `koanf:"egress"`
	// Imports bounds what pulls read on this machine.
	Imports Imports `koanf:"imports"`
	Enrich  Enrich  `koanf:"enrich"`
	Backup  Backup  `koanf:"backup"`
	// Encryption is with which key the data folder and backups are enciphered.
	Encryption Encryption `koanf:"encryption"`
	Lake       Lake       `koanf:"lake"`
	Tables     Tables     `koanf:"tables"`
	Tracing    Tracing    `koanf:"tracing"`

	// Files is the file system of the data folder once somebody opened it; nil
	// before. It is no setting.
	Files vfs.FS `koanf:"-"`

	origins map[string]string
}

// Cluster is how nodes on one database work together.
type Cluster struct {
	// Address is where other nodes reach this one; empty: it is found out.
	Address string `koanf:"address"`
	// Hold is how long a request waits while the data changes hands.
	Hold time.Duration `koanf:"hold"`
	// Lease is how long a node that fell silent keeps the data.
	Lease time.Duration `koanf:"lease"`
}

func (c *Cluster) validate() error {
	switch {
	case c.Address != "" && !isOrigin(c.Address):
		return bad("cluster.address", c.Address, "give scheme and host alone, such as http://10.0.0.5:8080")
	case c.Hold <= 0 || c.Hold > time.Minute:
		return bad("cluster.hold", c.Hold.String(), "give up to 1m")
	case c.Lease < time.Second || c.Lease > time.Minute:
		return bad("cluster.lease", c.Lease.String(), "give 1s to 1m")
	}
	return nil
}

// Log is how much is logged, and in which form.
type Log struct {
	Level  string `koanf:"level"`
	Format string `koanf:"format"`
}

// Queue bounds what waits between the door and the log. What does not fit is
// answered 429.
type Queue struct {
	Requests int           `koanf:"requests"`
	Bytes    Size          `koanf:"bytes"` // zero: the budget's share
	Time     time.Duration `koanf:"time"`  // zero: bytes alone count
}

// Wait bounds ?wait=applied.
type Wait struct {
	Timeout    time.Duration `koanf:"timeout"`
	MaxTimeout time.Duration `koanf:"max_timeout"`
}

// HTTP bounds a connection.
type HTTP struct {
	ReadTimeout time.Duration `koanf:"read_timeout"`
	StopTimeout time.Duration `koanf:"stop_timeout"`
	// Drain is how long it is answered yet after /readyz says no.
	Drain        time.Duration `koanf:"drain"`
	MaxBodyBytes Size          `koanf:"max_body_bytes"`
	PublicURL    string        `koanf:"public_url"` // empty: as each request says
	// TrustedProxies are networks whose word for whom they ask is believed.
	TrustedProxies string `koanf:"trusted_proxies"`
}

// TLS is the certificate that the instance answers with; without one it speaks
// plain HTTP.
type TLS struct {
	CertFile      string `koanf:"cert_file"`
	KeyFile       string `koanf:"key_file"`
	ACMEDomains   string `koanf:"acme_domains"`
	ACMEEmail     string `koanf:"acme_email"`
	ACMEDirectory string `koanf:"acme_directory"`
}

// On tells whether the instance speaks TLS.
func (t *TLS) On() bool { return t.CertFile != "" || t.ACMEDomains != "" }

// Domains are the names for which certificates are got.
func (t *TLS) Domains() []string {
	var out []string
	for d := range strings.SplitSeq(t.ACMEDomains, ",") {
		if d = strings.ToLower(strings.TrimSpace(d)); d != "" {
			out = append(out, d)
		}
	}
	return out
}

func (t *TLS) validate() error {
	switch {
	case (t.CertFile == "") != (t.KeyFile == ""):
		return bad("tls.key_file", t.KeyFile, "tls.cert_file and tls.key_file go together: give both")
	case t.CertFile != "" && t.ACMEDomains != "":
		return bad("tls.acme_domains", t.ACMEDomains, "give either files or domains")
	case t.ACMEDirectory != "" && !strings.HasPrefix(t.ACMEDirectory, "https://"):
		return bad("tls.acme_directory", t.ACMEDirectory, "give the https:// address of a directory")
	}
	for _, d := range t.Domains() {
		if strings.ContainsAny(d, "/:* ") || !strings.Contains(d, ".") {
			return bad("tls.acme_domains", d, "give names alone, such as events.example.com")
		}
	}
	return nil
}

// Encryption is the keys that an operator keeps outside of the data folder.
type Encryption struct {
	Key           string `koanf:"key"`
	KeyFile       string `koanf:"key_file"`
	FormerKeyFile string `koanf:"former_key_file"`
}

func (e *Encryption) validate() error {
	switch {
	case e.Key != "" && !hexOf(e.Key, 32):
		return bad("encryption.key", "…", "give 64 hexadecimal digits, as from: openssl rand -hex 32")
	case e.Key != "" && e.KeyFile != "":
		return bad("encryption.key_file", e.KeyFile, "give either encryption.key or encryption.key_file")
	}
	return nil
}

// Embedded is the engine that keeps the data in the data folder.
const Embedded = "embedded"

// Postgres tells whether the data is kept in a database.
func (c *Config) Postgres() bool { return isPostgres(c.Store) }

func hexOf(text string, n int) bool {
	b, err := hex.DecodeString(text)
	return err == nil && len(b) == n
}

// Egress is where connections that the instance opens may lead.
type Egress struct {
	Allow string `koanf:"allow"`
}

// Imports is what pulls may read on the machine of the instance.
type Imports struct {
	Folders string `koanf:"folders"`
}

// Enrich is what events are enriched with beside what they say.
type Enrich struct {
	GeoDatabase string `koanf:"geo_database"` // empty: none
}

// Lake is where and how Parquet files are written of what happens.
type Lake struct {
	URL         string        `koanf:"url"` // a folder or s3://bucket/prefix; empty: none
	Flush       time.Duration `koanf:"flush"`
	UsersAfter  time.Duration `koanf:"users_after"`
	Join        int           `koanf:"join"`
	S3Endpoint  string        `koanf:"s3_endpoint"`
	S3Region    string        `koanf:"s3_region"`
	S3AccessKey string        `koanf:"s3_access_key"`
	S3SecretKey string        `koanf:"s3_secret_key"`
}

func (l *Lake) validate() error {
	switch {
	case l.URL == "":
	case l.Flush < 50*time.Millisecond || l.Flush > time.Hour:
		return bad("lake.flush", l.Flush.String(), "give 50ms to 1h")
	case l.UsersAfter <= 0:
		return bad("lake.users_after", l.UsersAfter.String(), "give more than 0, such as 30m")
	case l.Join < 0 || l.Join == 1:
		return bad("lake.join", fmt.Sprint(l.Join), "give at least 2, or 0 to join none")
	case strings.HasPrefix(l.URL, "s3://") && (l.S3AccessKey == "" || l.S3SecretKey == ""):
		return bad("lake.s3_secret_key", "…", "a bucket needs lake.s3_access_key and lake.s3_secret_key")
	case strings.Contains(l.URL, "://") && !strings.HasPrefix(l.URL, "s3://"):
		return bad("lake.url", l.URL, "give a folder or s3://BUCKET/PREFIX")
	}
	return nil
}

// Input is where settings come from. Load reads nothing else.
type Input struct {
	Flags   map[string]string // those given, by key; "config" names the file
	Environ []string          // as of os.Environ
	Machine Size              // memory of the machine; zero: asked of it
}

// Load gathers the settings: flags win over the environment, the environment
// over the file, the file over the defaults. A key that no setting has is a
// fault that names the nearest one.
func Load(in Input) (Config, error) {
	origins := map[string]string{}
	k := koanf.New(".")
	env, err := fromEnviron(in.Environ)
	if err != nil {
		return Config{}, err
	}
	path := cmp.Or(in.Flags[fileKey], env[fileKey])
	file, err := fromFile(path)
	if err != nil {
		return Config{}, err
	}
	flags, err := fromFlags(in.Flags)
	if err != nil {
		return Config{}, err
	}
	for _, layer := range []struct {
		name string
		m    map[string]any
	}{
		{"default", defaults()},
		{"file " + path, file},
		{"environment", withoutFile(env)},
		{"flag", flags},
	} {
		if err := k.Load(values(layer.m), nil); err != nil {
			return Config{}, fmt.Errorf("reading settings of %s: %w", layer.name, err)
		}
		for key := range layer.m {
			origins[key] = layer.name
		}
	}
	var c Config
	if err := k.Unmarshal("", &c); err != nil {
		return Config{}, fault.Errorf(fault.Invalid, "invalid_config", "settings: %s", firstLine(err))
	}
	if c.Memory == 0 {
		c.Memory = max(MinMemory, cmp.Or(in.Machine, MachineMemory())/2)
	}
	c.origins = origins
	return c, c.Validate()
}

// Validate tells the first setting that cannot be, and what can.
func (c *Config) Validate() error {
	switch _, _, err := net.SplitHostPort(c.Listen); {
	case err != nil:
		return bad("listen", c.Listen, "give HOST:PORT, such as 127.0.0.1:8080")
	case c.Data == "":
		return bad("data", c.Data, "give a folder")
	case c.Store != Embedded && !c.Postgres():
		return bad("store", c.Store, "give embedded or a postgres:// address")
	case c.MasterKey != "" && !hexOf(c.MasterKey, 32):
		return bad("master_key", "…", "give 64 hexadecimal digits, as from: openssl rand -hex 32")
	case c.Memory < MinMemory:
		return bad("memory", c.Memory.String(), "give at least "+MinMemory.String())
	case !oneOf(c.Log.Level, "debug", "info", "warn", "error"):
		return bad("log.level", c.Log.Level, "give debug, info, warn or error")
	case !oneOf(c.Log.Format, "text", "json"):
		return bad("log.format", c.Log.Format, "give text or json")
	case c.Queue.Requests < 1:
		return bad("queue.requests", fmt.Sprint(c.Queue.Requests), "give at least 1")
	case c.Queue.Time < 0:
		return bad("queue.time", c.Queue.Time.String(), "give 0 for no limit but that of bytes, or more")
	case c.Queue.Bytes < 0:
		return bad("queue.bytes", c.Queue.Bytes.String(), "give 0 for a share of the memory, or more")
	case c.Wait.Timeout <= 0 || c.Wait.Timeout > c.Wait.MaxTimeout:
		return bad("wait.timeout", c.Wait.Timeout.String(), "give more than 0 and at most wait.max_timeout")
	case c.HTTP.ReadTimeout <= 0:
		return bad("http.read_timeout", c.HTTP.ReadTimeout.String(), "give more than 0")
	case c.HTTP.StopTimeout <= 0:
		return bad("http.stop_timeout", c.HTTP.StopTimeout.String(), "give more than 0")
	case c.HTTP.Drain < 0 || c.HTTP.Drain > time.Minute:
		return bad("http.drain", c.HTTP.Drain.String(), "give up to 1m")
	case c.HTTP.MaxBodyBytes < 64<<10:
		return bad("http.max_body_bytes", c.HTTP.MaxBodyBytes.String(), "give at least 64KiB")
	case c.HTTP.PublicURL != "" && !isOrigin(c.HTTP.PublicURL):
		return bad("http.public_url", c.HTTP.PublicURL, "give scheme and host alone, such as https://events.example.com")
	case c.WriteKey != "" && !keyShape(c.WriteKey):
		return bad("write_key", "…", "give 1 to 128 letters, digits, - _ or .")
	case c.SecretKey != "" && strings.ContainsFunc(c.SecretKey, func(r rune) bool { return r <= ' ' || r > '~' }):
		return bad("secret_key", "…", "give letters, digits and signs without spaces; 16 and more are hard to guess")
	}
	for _, check := range []func() error{c.Cluster.validate, c.TLS.validate, c.Backup.validate, c.Encryption.validate, c.Tracing.validate} {
		if err := check(); err != nil {
			return err
		}
	}
	if err := c.OIDC.validate(c.HTTP.PublicURL); err != nil {
		return err
	}
	if err := c.Tables.validate(c.Postgres()); err != nil {
		return err
	}
	return c.Lake.validate()
}

// Path names a file in the data folder.
func (c *Config) Path(name ...string) string {
	return filepath.Join(append([]string{c.Data}, name...)...)
}

func bad(key, value, mend string) error {
	return fault.Errorf(fault.Invalid, "invalid_config", "setting %s: %q will not do: %s", key, value, mend).At(key)
}

// isOrigin tells whether an address is scheme and host, and nothing else.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && oneOf(u.Scheme, "http", "https") && u.Host != "" && u.User == nil && s == u.Scheme+"://"+u.Host
}

func oneOf(s string, all ...string) bool { return slices.Contains(all, s) }

func keyShape(s string) bool {
	if len(s) > 128 {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == ""
}

func firstLine(err error) string {
	lines := strings.Split(err.Error(), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// readFile is os.ReadFile with a fault a person can act on.
func readFile(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_config", "settings file %s cannot be read: check RAPPORT_CONFIG or --config: %w", path, err)
	}
	return b, nil
}
