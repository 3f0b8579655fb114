package feed

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// Pull says where tables come from by themselves, and when they are looked for.
type Pull struct {
	Name       string `json:"name,omitempty" doc:"For people"`
	Every      string `json:"every" doc:"How often it is looked: 30s to 24h, such as 15m"`
	Paused     bool   `json:"paused,omitempty" doc:"It is only looked when somebody asks for it"`
	Source     string `json:"source,omitempty" doc:"Key of the source that the rows belong to; left out: the default source"`
	Mapping    string `json:"mapping,omitempty" doc:"Key of a mapping; left out: the columns suggest one"`
	Kind       Kind   `json:"kind,omitempty" enum:"user,catalog,product,category,promotion,transaction,segment,email,event,tracking,posthog" doc:"What the rows are about, where the names of the files do not say it"`
	Historical bool   `json:"historical,omitempty" doc:"The rows cause no effects"`
	Pattern    string `json:"pattern,omitempty" doc:"Of the names of files, such as user-*.csv.gz; left out: all but those that begin with a dot or end with .tmp or .part"`

	Folder   *FolderOrigin   `json:"folder,omitempty" doc:"A folder of this machine. Name one origin"`
	SFTP     *SFTPOrigin     `json:"sftp,omitempty"`
	S3       *S3Origin       `json:"s3,omitempty"`
	HTTP     *HTTPOrigin     `json:"http,omitempty"`
	Database *DatabaseOrigin `json:"database,omitempty"`

	Secret       string `json:"secret,omitempty" doc:"Password, private key (PEM), secret access key or token. It is kept encrypted and shown as ********; sending that back leaves it as it was"`
	SecretSealed []byte `json:"secret_sealed,omitempty" hidden:"true" doc:"The secret as it is stored"`
}

// FolderOrigin is a folder that is watched.
type FolderOrigin struct {
	Path string `json:"path" doc:"Below one of the folders of the setting imports.folders"`
}

// SFTPOrigin is a folder on another machine.
type SFTPOrigin struct {
	Address string `json:"address" doc:"host or host:port"`
	User    string `json:"user"`
	HostKey string `json:"host_key" doc:"Fingerprint of the server's key as ssh-keygen -lf shows it: SHA256:…"`
	Path    string `json:"path" doc:"The folder"`
}

// S3Origin is a part of a bucket, on Amazon or anything that speaks like it.
type S3Origin struct {
	Endpoint  string `json:"endpoint,omitempty" doc:"Such as https://minio.example.org; left out: Amazon's"`
	Region    string `json:"region,omitempty" doc:"Left out: us-east-1"`
	Bucket    string `json:"bucket"`
	Prefix    string `json:"prefix,omitempty" doc:"What the keys begin with, such as exports/"`
	AccessKey string `json:"access_key" doc:"Id of the access key; the secret is its other half"`
}

// HTTPOrigin is one file at an address. It is taken again when its ETag,
// Last-Modified or bytes changed.
type HTTPOrigin struct {
	URL    string `json:"url"`
	Auth   string `json:"auth,omitempty" enum:"none,basic,bearer,header" doc:"How the secret is sent; left out: none"`
	User   string `json:"user,omitempty" doc:"Of basic"`
	Header string `json:"header,omitempty" doc:"Of header: its name"`
}

// DatabaseOrigin is a query.
type DatabaseOrigin struct {
	Engine   string `json:"engine" enum:"postgresql,mysql"`
	Address  string `json:"address" doc:"host or host:port"`
	Database string `json:"database"`
	User     string `json:"user"`
	TLS      string `json:"tls,omitempty" enum:"verify,require,off" doc:"verify checks the server's certificate; left out: verify"`
	Query    string `json:"query" doc:"One SELECT, run in a read-only transaction. With a cursor column it has one parameter ($1 or ?): the largest value so far"`
	Cursor   string `json:"cursor_column,omitempty" doc:"A column that only grows, by which the query orders and selects; left out: all rows each time"`
	Start    string `json:"cursor_start,omitempty" doc:"Of the cursor at the first time"`
}

// Mask stands where a secret was.
const Mask = "********"

// How often a pull may be looked for.
const (
	minEvery = 30 * time.Second
	maxEvery = 24 * time.Hour
)

// ReadPull reads the document of a pull and checks it.
func ReadPull(document []byte) (*Pull, error) {
	p := new(Pull)
	if err := jsondoc.Strict(document, p); err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_pull", "the pull cannot be read: %s", err)
	}
	return p, p.Check()
}

// Interval is how often it is looked.
func (p *Pull) Interval() time.Duration {
	d, _ := time.ParseDuration(p.Every) // Check has read it
	return d
}

func badPull(at, format string, args ...any) error {
	return fault.Errorf(fault.Invalid, "invalid_pull", at+": "+format, args...).At(at)
}

// Check says what is wrong with a pull.
func (p *Pull) Check() error {
	every, err := time.ParseDuration(p.Every)
	switch {
	case err != nil || every < minEvery || every > maxEvery:
		return badPull("every", "%.40q is no span of 30s to 24h, such as 15m", p.Every)
	case p.Kind != "" && !p.Kind.Known():
		return badPull("kind", "%.40q is none; use one of %v", p.Kind, Kinds())
	case len(p.Secret) > 16<<10:
		return badPull("secret", "it has more than 16 KiB")
	}
	if _, err := path.Match(p.Pattern, "x"); err != nil || strings.ContainsAny(p.Pattern, `/\`) {
		return badPull("pattern", "%.80q is no pattern of a file name: * stands for any part of it, ? for one character", p.Pattern)
	}
	var named []string
	for _, o := range p.origins() {
		if o.given {
			named = append(named, o.name)
			err = o.check()
		}
	}
	if len(named) != 1 {
		return badPull("folder", "name one origin: folder, sftp, s3, http or database; these are %d", len(named))
	}
	return err
}

type origin struct {
	name  string
	given bool
	check func() error
}

func (p *Pull) origins() []origin {
	return []origin{
		{"folder", p.Folder != nil, p.checkFolder},
		{"sftp", p.SFTP != nil, p.checkSFTP},
		{"s3", p.S3 != nil, p.checkS3},
		{"http", p.HTTP != nil, p.checkHTTP},
		{"database", p.Database != nil, p.checkDatabase},
	}
}

// Origin is the name of the origin.
func (p *Pull) Origin() string {
	for _, o := range p.origins() {
		if o.given {
			return o.name
		}
	}
	return ""
}

// Place is the address that the secret is for: a secret that is left as it was
// must not be sent anywhere else.
func (p *Pull) Place() string {
	switch {
	case p.SFTP != nil:
		return p.SFTP.Address + " " + p.SFTP.HostKey
	case p.S3 != nil:
		return p.S3.Endpoint
	case p.HTTP != nil:
		u, err := url.Parse(p.HTTP.URL)
		if err != nil {
			return p.HTTP.URL
		}
		return u.Scheme + "://" + u.Host
	case p.Database != nil:
		return p.Database.Engine + " " + p.Database.Address + " " + p.Database.TLS
	}
	return ""
}

func (p *Pull) hasSecret() bool { return p.Secret != "" || len(p.SecretSealed) > 0 }

func (p *Pull) checkFolder() error {
	if p.Folder.Path == "" || len(p.Folder.Path) > 1_000 {
		return badPull("folder/path", "name the folder")
	}
	return nil
}

func (p *Pull) checkSFTP() error {
	s := p.SFTP
	switch {
	case !isAddress(s.Address):
		return badPull("sftp/address", "%.80q is no host or host:port", s.Address)
	case s.User == "":
		return badPull("sftp/user", "name the user")
	case !strings.HasPrefix(s.HostKey, "SHA256:") || len(s.HostKey) != len("SHA256:")+43:
		return badPull("sftp/host_key", "give the fingerprint of the server's key: ssh-keyscan HOST | ssh-keygen -lf - shows it as SHA256:…")
	case s.Path == "":
		return badPull("sftp/path", "name the folder")
	case !p.hasSecret():
		return badPull("secret", "sftp needs a password or a private key")
	}
	return nil
}

func (p *Pull) checkS3() error {
	s := p.S3
	switch {
	case s.Endpoint != "" && !isURL(s.Endpoint):
		return badPull("s3/endpoint", "%.80q is no address: give https://host", s.Endpoint)
	case s.Bucket == "" || strings.ContainsAny(s.Bucket, "/ "):
		return badPull("s3/bucket", "name the bucket")
	case s.AccessKey == "":
		return badPull("s3/access_key", "name the access key")
	case !p.hasSecret():
		return badPull("secret", "s3 needs the secret access key")
	}
	return nil
}

func (p *Pull) checkHTTP() error {
	h := p.HTTP
	switch {
	case !isURL(h.URL):
		return badPull("http/url", "%.80q is no address: give https://host/path", h.URL)
	case !slices.Contains([]string{"", "none", "basic", "bearer", "header"}, h.Auth):
		return badPull("http/auth", "%.40q is none: give none, basic, bearer or header", h.Auth)
	case h.Auth == "basic" && h.User == "":
		return badPull("http/user", "basic needs a user")
	case h.Auth == "header" && (h.Header == "" || strings.ContainsAny(h.Header, ": \r\n") || strings.EqualFold(h.Header, "Host")):
		return badPull("http/header", "name a header that can be sent")
	case h.Auth != "" && h.Auth != "none" && !p.hasSecret():
		return badPull("secret", "%s needs a secret", h.Auth)
	}
	return nil
}

func (p *Pull) checkDatabase() error {
	d := p.Database
	query := strings.TrimRight(strings.TrimSpace(d.Query), ";")
	switch {
	case d.Engine != "postgresql" && d.Engine != "mysql":
		return badPull("database/engine", "%.40q is none: give postgresql or mysql", d.Engine)
	case !isAddress(d.Address):
		return badPull("database/address", "%.80q is no host or host:port", d.Address)
	case d.Database == "":
		return badPull("database/database", "name the database")
	case d.User == "":
		return badPull("database/user", "name the user")
	case !slices.Contains([]string{"", "verify", "require", "off"}, d.TLS):
		return badPull("database/tls", "%.40q is none: give verify, require or off", d.TLS)
	case query == "" || len(query) > 100_000:
		return badPull("database/query", "give one SELECT")
	case d.Cursor == "" && d.Start != "":
		return badPull("database/cursor_start", "it needs a cursor_column")
	}
	return nil
}

func isAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = s, "1"
	}
	return host != "" && port != "" && !strings.ContainsAny(host, "/ @?#")
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil
}

// Store is the document as it is kept: the secret sealed. Before is the version
// before it, nil where there is none.
func (p *Pull) Store(seal func([]byte) ([]byte, error), before *Pull) ([]byte, error) {
	kept := *p
	switch {
	case len(p.SecretSealed) > 0:
		return nil, badPull("secret_sealed", "it cannot be given; give the secret")
	case p.Secret == Mask && (before == nil || len(before.SecretSealed) == 0):
		return nil, badPull("secret", "there is none to leave as it was; give the secret")
	case p.Secret == Mask && before.Place() != p.Place():
		return nil, badPull("secret", "the address changed: give the secret again")
	case p.Secret == Mask:
		kept.SecretSealed = before.SecretSealed
	case p.Secret != "":
		var err error
		if kept.SecretSealed, err = seal([]byte(p.Secret)); err != nil {
			return nil, fmt.Errorf("seal the secret of a pull: %w", err)
		}
	}
	kept.Secret = ""
	return json.Marshal(&kept)
}

// Encode writes the document as it was read.
func (p *Pull) Encode() ([]byte, error) { return json.Marshal(p) }

// Shown is the pull without its secret.
func (p *Pull) Shown() Pull {
	out := *p
	if out.Secret = ""; len(p.SecretSealed) > 0 {
		out.Secret = Mask
	}
	out.SecretSealed = nil
	return out
}

// Wants tells whether a file of a name is one that the pull takes.
func (p *Pull) Wants(name string) bool {
	if p.Pattern != "" {
		ok, _ := path.Match(p.Pattern, name) // Check has read it
		return ok
	}
	return !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".tmp") && !strings.HasSuffix(name, ".part")
}

// Remote is a file at an origin. Of two with the same name one whose mark is
// another is another file.
type Remote struct {
	Name string
	Size int64
	Mark string // time of change, ETag or alike; empty: found out by the bytes
	// Fresh says that the file changed so lately that it may still be written.
	Fresh bool
}
