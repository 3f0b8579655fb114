package config

import (
	"slices"
	"strings"
)

// Setting describes one key.
type Setting struct {
	Key     string // in the file; dots make groups
	Default string // empty: worked out at start, as Doc says
	Doc     string
	Secret  bool // its value is never shown
}

// Env is the setting's name in the environment.
func (s Setting) Env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.Key, ".", "_"))
}

// Flag is the setting's name on the command line, without dashes.
func (s Setting) Flag() string { return flagName(s.Key) }

func flagName(key string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(key) }

const (
	envPrefix = "RAPPORT_"
	fileKey   = "config"
)

// Settings lists every key in the order of the reference.
func Settings() []Setting {
	return []Setting{
		{Key: "data", Default: "./rapport-data", Doc: "Folder of all data. Made at the first start."},
		{Key: "listen", Default: "127.0.0.1:8080", Doc: "HOST:PORT to listen on; port 0 takes a free one."},
		{Key: "store", Default: "embedded", Doc: "Engine that keeps the data: embedded, or the postgres:// address of a database."},
		{Key: "log_store", Doc: "Where the blocks of the log are, for an instance on a database: the kafka:// or kafkas:// address of a topic, as kafka://user:password@host:9092,host:9092/topic. Default: the database.", Secret: true},
		{Key: "memory", Doc: "Memory the process may use, such as 512MiB or 6GiB. Default: half of the machine's, or of the container's limit."},
		{Key: "write_key", Doc: "Public key that may append events. Default: made at the first start.", Secret: false},
		{Key: "secret_key", Doc: "Key of the own API. Default: made at the first start and shown once.", Secret: true},
		{Key: "master_key", Doc: "64 hexadecimal digits that wrap the data keys in a database; every node has the same. Default: the file master-key in the data folder, made at the first start.", Secret: true},
		{Key: "cluster.address", Doc: "Where the other nodes on the same database reach this one: scheme, host and port, such as http://10.0.0.5:8080. Default: the address from which it reaches the database, with its own port. Where the nodes answer with TLS, give a name that the certificate holds."},
		{Key: "cluster.hold", Default: "10s", Doc: "How long a request waits while the data goes from one node to another; then it is answered 503."},
		{Key: "cluster.lease", Default: "6s", Doc: "How long a node that fell silent keeps the data before another takes over, 1s to 1m. All nodes have the same."},
		{Key: "log.level", Default: "info", Doc: "debug, info, warn or error."},
		{Key: "log.format", Default: "text", Doc: "text or json."},
		{Key: "queue.requests", Default: "4096", Doc: "Requests that may wait for the log; more are answered 429."},
		{Key: "queue.bytes", Default: "0", Doc: "Bytes that may wait for the log; more are answered 429. 0: the memory's share for queues."},
		{Key: "queue.time", Default: "5s", Doc: "How long what came may wait to be applied, by how fast that goes at present; where it would be longer the answer is 429. 8 MiB may wait however slowly it goes. 0: queue.bytes alone counts."},
		{Key: "wait.timeout", Default: "5s", Doc: "How long ?wait=applied waits where the request does not say."},
		{Key: "wait.max_timeout", Default: "30s", Doc: "The longest timeout a request may ask for."},
		{Key: "http.read_timeout", Default: "30s", Doc: "How long a client may take to send a request."},
		{Key: "http.stop_timeout", Default: "15s", Doc: "How long requests under way may take at a stop."},
		{Key: "http.drain", Default: "0s", Doc: "How long requests are still taken after a stop was asked for, while /readyz says 503: give a load balancer, if there is one, the time to notice."},
		{Key: "http.public_url", Doc: "How clients reach the instance: scheme and host, such as https://events.example.com. Settings documents name it, and assertions of OAuth clients must be made for it. Default: what each request says, which whoever sends it can choose."},
		{Key: "http.trusted_proxies", Doc: "Addresses and networks, separated by commas, of proxies before the instance, such as 127.0.0.1 or 10.0.0.0/8. What they say in X-Forwarded-For is who asks; from others it counts for nothing. Default: none, and the address of the connection counts."},
		{Key: "tls.cert_file", Doc: "File of a certificate with its chain, PEM. A newer one in its place is taken over within seconds. Default: plain HTTP."},
		{Key: "tls.key_file", Doc: "File of the certificate's key, PEM."},
		{Key: "tls.acme_domains", Doc: "Names, separated by commas, for which certificates are got from an authority and renewed (ACME). The instance must be reached at port 443 under each. Who sets it agrees to the authority's terms."},
		{Key: "tls.acme_email", Doc: "Where the authority writes to."},
		{Key: "tls.acme_directory", Doc: "Another authority than Let's Encrypt: the address of its directory. One in a private network must be named in egress.allow."},
		{Key: "oidc.issuer", Doc: "Address of the OpenID provider at which members sign in, as it writes it itself, such as https://login.example.com. One in a private network must be named in egress.allow. Needs http.public_url; the provider is told PUBLIC_URL/api/v1/session/openid/callback as the address to come back to. Default: members sign in with a password."},
		{Key: "oidc.client_id", Doc: "The id with which this instance is registered at the provider."},
		{Key: "oidc.client_secret", Doc: "The secret that goes with it. Default: none, and the instance is a public client.", Secret: true},
		{Key: "oidc.name", Doc: "What the sign-in page calls the provider, such as Example Ltd. Default: the issuer's host."},
		{Key: "oidc.scopes", Default: "openid profile email", Doc: "Scopes that are asked for, with spaces."},
		{Key: "oidc.role_claim", Doc: "Claim that roles follow, such as groups, or a path with dots such as realm_access.roles. They follow it at every sign-in. Default: members keep the roles that admins give."},
		{Key: "oidc.roles", Doc: "Which value of the claim gives which role, separated by commas (or by semicolons, where values hold commas), such as crm-admins=admin,crm=marketer."},
		{Key: "oidc.domains", Doc: "Domains, separated by commas, whose addresses come in; the provider has to vouch for the address. Default: all."},
		{Key: "oidc.provision", Default: "false", Doc: "true: whoever the provider lets in and who is no member becomes one. Needs oidc.domains, or oidc.role_claim without oidc.default_role. Who was removed does not come back by it."},
		{Key: "oidc.default_role", Doc: "Role of those whom oidc.provision makes members, and of those whose claim gives none. Default: none, and they do not come in."},
		{Key: "oidc.sign_out", Default: "false", Doc: "true: who signs out here is led to the provider to sign out there too."},
		{Key: "read_only", Default: "false", Doc: "true: nothing is taken in and nothing changed; whoever sends hears 503 and comes again. Deliveries that wait go on."},
		{Key: "egress.allow", Doc: "Networks and host names, separated by commas, with a port or without, that the instance may reach though they are private, such as 10.1.0.0/16,crm.internal:8443. It is asked for data connections, destinations and pulls of imports. Default: none."},
		{Key: "imports.folders", Doc: "Folders of this machine, separated by commas, that pulls of imports may read, with all below them. Default: none."},
		{Key: "enrich.geo_database", Doc: "File of a geo database in MaxMind's format (.mmdb), by which the place of an event's address is found when it comes. A newer file in its place is taken over within a minute. Default: none, and no place is looked for."},
		{Key: "backup.url", Doc: "Where backups of the embedded engine's data go: a folder, or s3://BUCKET/PREFIX. Default: none are made."},
		{Key: "backup.every", Default: "24h", Doc: "How often a backup is made; 0: only when somebody asks."},
		{Key: "backup.keep", Default: "720h", Doc: "How long backups are kept; 0: for ever. The newest always stays."},
		{Key: "backup.rate", Default: "64MiB", Doc: "How much a second a backup of a running instance reads at most; 0: as fast as it goes."},
		{Key: "backup.s3_endpoint", Doc: "Scheme and host of the storage, such as https://minio.internal:9000; one in a private network must be named in egress.allow. Default: AWS."},
		{Key: "backup.s3_region", Default: "us-east-1", Doc: "Region of the bucket."},
		{Key: "backup.s3_access_key", Doc: "Access key of the bucket."},
		{Key: "backup.s3_secret_key", Doc: "Secret key of the bucket.", Secret: true},
		{Key: "encryption.key_file", Doc: "File with the key, 64 hexadecimal digits, under which everything in the data folder and in backups is enciphered. It must lie outside of both. A folder that was begun without one is copied into one that begins with it. Default: nothing but the log's payloads is enciphered."},
		{Key: "encryption.key", Doc: "The key itself, in place of a file.", Secret: true},
		{Key: "encryption.former_key_file", Doc: "File with the key that was in force before: the next start changes from it to the present one."},
		{Key: "lake.url", Doc: "Where the data lake is written: a folder, or s3://BUCKET/PREFIX. Default: none is written."},
		{Key: "lake.flush", Default: "600ms", Doc: "How long an event waits at most before it is in a file of the lake."},
		{Key: "lake.users_after", Default: "30m", Doc: "How long a person has to be still before the row of users is written."},
		{Key: "lake.join", Default: "32", Doc: "How many small files of a day are joined into a larger one; 0 joins none."},
		{Key: "lake.s3_endpoint", Doc: "Scheme and host of the storage, such as https://minio.internal:9000; one in a private network must be named in egress.allow. Default: AWS."},
		{Key: "lake.s3_region", Default: "us-east-1", Doc: "Region of the bucket."},
		{Key: "lake.s3_access_key", Doc: "Access key of the bucket."},
		{Key: "lake.s3_secret_key", Doc: "Secret key of the bucket.", Secret: true},
		{Key: "tables.url", Doc: "Database in which tables for analysts are written: store for that of the store, or a postgres:// address. Default: none are written."},
		{Key: "tables.schema", Default: "rapport_views", Doc: "Schema of the tables for analysts; nothing else may be in it."},
		{Key: "tables.flush", Default: "2s", Doc: "How long an event or a change of a person waits at most before the tables have it."},
		{Key: "tracing.endpoint", Doc: "Where traces are sent by OpenTelemetry's protocol: http://HOST:4318 or https:// (with /v1/traces where no path is given), or grpc://HOST:4317 or grpcs://. A collector in a private network must be named in egress.allow. Default: none are made."},
		{Key: "tracing.headers", Doc: "Headers for the collector, such as Authorization=Bearer x, with commas between them.", Secret: true},
		{Key: "tracing.sample", Default: "0.1", Doc: "Part of the requests, deliveries and jobs that is traced, 0 to 1. A request whose sender traces it (W3C traceparent, sampled) is traced in any case."},
		{Key: "tracing.per_second", Default: "100", Doc: "How many traces a second at most, whoever asked for them."},
		{Key: "tracing.service", Default: "rapport", Doc: "The service's name in traces."},
		{Key: "http.max_body_bytes", Default: "1MiB", Doc: "Largest body of the own API. Tracking has the limits of its dialect."},
	}
}

func defaults() map[string]any {
	m := map[string]any{}
	for _, s := range Settings() {
		if s.Default != "" {
			m[s.Key] = s.Default
		}
	}
	return m
}

func known(key string) bool {
	return key == fileKey || slices.ContainsFunc(Settings(), func(s Setting) bool { return s.Key == key })
}

// nearest is the known name with the fewest edits to name.
func nearest(name string, of func(Setting) string) string {
	best, least := "", len(name)+64
	for _, s := range Settings() {
		if d := edits(name, of(s)); d < least {
			best, least = of(s), d
		}
	}
	return best
}

// edits is the Levenshtein distance of two short names.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
