package origin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"rapport/internal/fault"
	"rapport/internal/feed"
)

// queryTime bounds a query together with what it gives.
const queryTime = 2 * time.Hour

// postgres is a query on PostgreSQL.
type postgres struct {
	of     *feed.DatabaseOrigin
	conn   *pgx.Conn
	cursor string
}

func (d Deps) postgres(ctx context.Context, p *feed.Pull, secret, cursor string) (Origin, error) {
	of := p.Database
	host, port, err := net.SplitHostPort(withPort(of.Address, "5432"))
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_pull", "database/address: it is no host or host:port").At("database/address")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_pull", "database/address: %.10q is no port", port).At("database/address")
	}
	// Nothing comes from the environment or from files of this machine.
	c, err := pgx.ParseConfig("postgres://nobody@localhost/nothing?sslmode=disable&servicefile=&passfile=/dev/null")
	if err != nil {
		return nil, err
	}
	c.Host, c.Port, c.Database, c.User, c.Password = host, uint16(n), of.Database, of.User, secret
	c.TLSConfig, c.Fallbacks, c.RuntimeParams = tlsOf(of, host), nil, map[string]string{"application_name": "rapport"}
	c.DialFunc = d.Dial
	c.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // Dial looks up, and checks
	c.ConnectTimeout = handshake
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return nil, unreachable("the database", err)
	}
	return &postgres{of, conn, cursor}, nil
}

func tlsOf(of *feed.DatabaseOrigin, host string) *tls.Config {
	switch of.TLS {
	case "off":
		return nil
	case "require":
		return &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // whoever says require and not verify wants that
	}
	return &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
}

// List gives the query: one file that is always another one.
func (q *postgres) List(context.Context) ([]feed.Remote, error) { return theQuery(q.of, q.cursor), nil }

// theQuery is the file that a query makes.
func theQuery(of *feed.DatabaseOrigin, cursor string) []feed.Remote {
	return []feed.Remote{{Name: of.Database + ".jsonl", Size: -1, Mark: cursor}}
}

// Fetch writes the rows as JSON lines, made by the server, and gives the largest
// value of the cursor column.
func (q *postgres) Fetch(ctx context.Context, _ feed.Remote, to io.Writer) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	tx, err := q.conn.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly, IsoLevel: pgx.RepeatableRead})
	if err != nil {
		return "", unreachable("the database", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // it was only read
	query := strings.TrimRight(strings.TrimSpace(q.of.Query), "; \n\t")
	// The end of the query stands on a line of its own, behind a comment perhaps.
	mark, args := "null::text", []any(nil)
	if q.of.Cursor != "" {
		mark, args = "("+pgx.Identifier{"row", q.of.Cursor}.Sanitize()+")::text", []any{q.cursor}
	}
	rows, err := tx.Query(ctx, "select row_to_json(row)::text, "+mark+" from (\n"+query+"\n) as row", args...)
	if err != nil {
		return "", refusedQuery(err)
	}
	defer rows.Close()
	last := q.cursor
	for rows.Next() {
		var at *string
		var line []byte
		if err := rows.Scan(&line, &at); err != nil {
			return "", refusedQuery(err)
		}
		if _, err := to.Write(append(line, '\n')); err != nil {
			return "", fmt.Errorf("keep the rows of a query: %w", err)
		}
		if at != nil {
			last = *at
		}
	}
	return last, refusedQuery(rows.Err())
}

// refusedQuery tells what a database said of a query; who defines pulls may know.
func refusedQuery(err error) error {
	if err == nil {
		return nil
	}
	var said interface{ SQLState() string }
	if errors.As(err, &said) {
		return fault.Errorf(fault.Invalid, "query_refused", "the database refuses the query: %.500s", err.Error()).At("database/query")
	}
	return unreachable("the database", err)
}

// Close ends the connection.
func (q *postgres) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), handshake)
	defer cancel()
	return q.conn.Close(ctx)
}
