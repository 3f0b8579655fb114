package origin

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"unicode/utf8"

	driver "github.com/go-sql-driver/mysql"

	"rapport/internal/fault"
	"rapport/internal/feed"
	"rapport/internal/jsondoc"
)

// mysql is a query on MySQL or MariaDB.
type mysql struct {
	of     *feed.DatabaseOrigin
	db     *sql.DB
	cursor string
}

func (d Deps) mysql(p *feed.Pull, secret, cursor string) (Origin, error) {
	of := p.Database
	c := driver.NewConfig()
	c.User, c.Passwd, c.DBName, c.Net, c.Addr = of.User, secret, of.Database, "tcp", withPort(of.Address, "3306")
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_pull", "database/address: it is no host or host:port").At("database/address")
	}
	c.DialFunc, c.TLS = d.Dial, tlsOf(of, host)
	c.Timeout, c.ReadTimeout, c.WriteTimeout = handshake, queryTime, handshake
	c.InterpolateParams, c.AllowCleartextPasswords, c.AllowOldPasswords, c.AllowFallbackToPlaintext = true, false, false, false
	c.Logger = &driver.NopLogger{}
	connector, err := driver.NewConnector(c)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_pull", "the database cannot be named like this: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return &mysql{of, db, cursor}, nil
}

// List gives the query: one file that is always another one.
func (q *mysql) List(context.Context) ([]feed.Remote, error) { return theQuery(q.of, q.cursor), nil }

// Fetch writes the rows as JSON lines and gives the largest value of the cursor
// column.
func (q *mysql) Fetch(ctx context.Context, _ feed.Remote, to io.Writer) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	tx, err := q.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return "", q.refused(err)
	}
	defer tx.Rollback() //nolint:errcheck // it was only read
	query, args := strings.TrimRight(strings.TrimSpace(q.of.Query), "; \n\t"), []any(nil)
	if q.of.Cursor != "" {
		args = []any{q.cursor}
	}
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return "", q.refused(err)
	}
	defer rows.Close() //nolint:errcheck // Err says what went wrong
	last, err := q.write(rows, to)
	if err != nil {
		return "", err
	}
	if err := rows.Err(); err != nil {
		return "", q.refused(err)
	}
	return last, nil
}

func (q *mysql) write(rows *sql.Rows, to io.Writer) (last string, err error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return "", q.refused(err)
	}
	values, into := make([]sql.RawBytes, len(types)), make([]any, len(types))
	at := -1
	for i, t := range types {
		into[i] = &values[i]
		if strings.EqualFold(t.Name(), q.of.Cursor) && q.of.Cursor != "" {
			at = i
		}
	}
	if q.of.Cursor != "" && at < 0 {
		return "", fault.Errorf(fault.Invalid, "query_refused", "the query gives no column %.80q", q.of.Cursor).At("database/cursor_column")
	}
	last = q.cursor
	var line []byte
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return "", q.refused(err)
		}
		line = append(line[:0], '{')
		for i, t := range types {
			if i > 0 {
				line = append(line, ',')
			}
			line = append(jsondoc.AppendString(line, t.Name()), ':')
			line = appendValue(line, t.DatabaseTypeName(), values[i])
		}
		if _, err := to.Write(append(line, '}', '\n')); err != nil {
			return "", fmt.Errorf("keep the rows of a query: %w", err)
		}
		if at >= 0 && values[at] != nil {
			last = string(values[at])
		}
	}
	return last, nil
}

// unquoted are the types whose text is JSON.
var unquoted = map[string]bool{
	"TINYINT": true, "SMALLINT": true, "MEDIUMINT": true, "INT": true, "BIGINT": true, "DECIMAL": true, "FLOAT": true, "DOUBLE": true, "YEAR": true, "JSON": true,
}

// appendValue adds a value as its type says.
func appendValue(line []byte, typ string, v sql.RawBytes) []byte {
	typ = strings.TrimPrefix(typ, "UNSIGNED ")
	switch {
	case v == nil:
		return append(line, "null"...)
	case unquoted[typ] && json.Valid(v): // 007 of a column that is filled with zeros is not
		return append(line, v...)
	case !utf8.Valid(v): // a binary column
		return append(base64.StdEncoding.AppendEncode(append(line, '"'), v), '"')
	}
	return jsondoc.AppendString(line, string(v))
}

func (q *mysql) refused(err error) error {
	if said, ok := errors.AsType[*driver.MySQLError](err); ok {
		if said.Number == 1044 || said.Number == 1045 {
			return fault.Errorf(fault.Unavailable, "origin_refused", "the database does not take the user and the secret, or does not let them read %.80q", q.of.Database)
		}
		return fault.Errorf(fault.Invalid, "query_refused", "the database refuses the query: %.500s", said.Message).At("database/query")
	}
	return unreachable("the database", err)
}

// Close ends the connection.
func (q *mysql) Close() error { return q.db.Close() }
