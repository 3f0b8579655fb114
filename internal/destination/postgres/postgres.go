// Package postgres keeps a table of a PostgreSQL database in step with what it
// is told: a row per key, written over with each message, taken away when a
// person leaves. It never makes or changes a table, and never builds SQL of
// values.
package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"rapport/internal/destination"
)

// Settings are the settings of a table.
type Settings struct {
	URL      string            `json:"url" required:"true" doc:"The database without the password, such as postgres://rapport@db.example.com/warehouse. Left out, sslmode is verify-full"`
	Password string            `json:"password,omitempty" secret:"true" doc:"Of the user"`
	Table    string            `json:"table" required:"true" doc:"The table, with its schema where that is not public: marketing.members"`
	Key      []string          `json:"key" required:"true" doc:"The columns that make a row: there must be a unique index on them"`
	Columns  map[string]string `json:"columns,omitempty" doc:"For each column what goes into it, as the path of a value: {\"id\": \"person.id\", \"email\": \"identifiers.email\", \"told_at\": \"message.time\"}. What is not there becomes null. Left out: the names of the payload are the columns"`
	Leaving  string            `json:"leaving,omitempty" enum:"delete,upsert" default:"delete" doc:"What becomes of a row when the person leaves the segment or the audience: it is deleted, or written like any other"`
}

// Type is the register's entry.
func Type() destination.Type {
	return destination.Type{
		Name: "postgres", Title: "PostgreSQL table",
		About:  "Keeps a table in step: each message writes the row of its key, and a person who leaves is taken out. Values become what the columns' types make of them.",
		Schema: destination.SchemaOf[Settings](), Open: open,
	}
}

type sink struct {
	Settings
	pool  *pgxpool.Pool
	table string // quoted
	mask  *destination.Masker
}

// The parameters that an address may have. Others would read files of this
// machine or send it elsewhere.
var parameters = []string{"sslmode", "application_name", "search_path", "statement_timeout", "host"}

const maxConnections = 4

func open(ctx context.Context, settings json.RawMessage, env destination.Env) (destination.Sink, error) {
	s := &sink{}
	if err := destination.Decode(settings, &s.Settings); err != nil {
		return nil, err
	}
	config, err := s.config(env)
	if err != nil {
		return nil, err
	}
	if err := s.checkTable(); err != nil {
		return nil, err
	}
	s.mask = destination.NewMasker(s.Password)
	// The pool ends with Close, not with the context that opened it.
	if s.pool, err = pgxpool.NewWithConfig(context.WithoutCancel(ctx), config); err != nil {
		return nil, destination.Invalid("url", "the database cannot be used: %v", err)
	}
	return s, nil
}

func (s *sink) config(env destination.Env) (*pgxpool.Config, error) {
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.User == nil || u.User.Username() == "" {
		return nil, destination.Invalid("url", "url is no address such as postgres://user@host/database")
	}
	if _, has := u.User.Password(); has {
		return nil, destination.Invalid("url", "url holds a password: give it as the setting password, which is kept encrypted")
	}
	q := u.Query()
	for name := range q {
		if !slices.Contains(parameters, name) {
			return nil, destination.Invalid("url", "url has the parameter %q; there may be %s", name, strings.Join(parameters[:4], ", "))
		}
	}
	switch q.Get("sslmode") {
	case "":
		q.Set("sslmode", "verify-full")
	case "disable", "require", "verify-ca", "verify-full":
	default:
		return nil, destination.Invalid("url", "sslmode %q: give verify-full, verify-ca, require or disable", q.Get("sslmode"))
	}
	u.RawQuery = q.Encode()
	config, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return nil, destination.Invalid("url", "url cannot be read as a database's address")
	}
	c := config.ConnConfig
	c.Password = s.Password // and never one of this machine's environment
	if env.Dial != nil {
		c.DialFunc = env.Dial
	}
	// Names are resolved where addresses are looked at.
	c.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	c.ConnectTimeout = 10 * time.Second
	config.MaxConns, config.MinConns = maxConnections, 0
	return config, nil
}

func (s *sink) checkTable() error {
	parts := strings.Split(s.Table, ".")
	if len(parts) > 2 || slices.Contains(parts, "") {
		return destination.Invalid("table", "table %q: give a name, or a schema and a name", s.Table)
	}
	s.table = pgx.Identifier(parts).Sanitize()
	for _, k := range s.Key {
		if _, ok := s.Columns[k]; len(s.Columns) > 0 && !ok {
			return destination.Invalid("key", "key names %q, which is none of the columns", k)
		}
	}
	return nil
}

func (s *sink) Limits() destination.Limits {
	return destination.Limits{Batch: 500, Bytes: 8 << 20, Concurrency: maxConnections, Timeout: 30 * time.Second}
}

func (s *sink) Close() error {
	s.pool.Close()
	return nil
}

// statement is what one message does.
type statement struct {
	sql string
	row []byte // JSON of the columns
}

func (s *sink) Send(ctx context.Context, batch []destination.Message) []destination.Result {
	out := make([]destination.Result, len(batch))
	todo, at := make([]statement, 0, len(batch)), make([]int, 0, len(batch))
	for i := range batch {
		st, bad := s.statement(&batch[i])
		if bad != nil {
			out[i] = *bad
			continue
		}
		todo, at = append(todo, st), append(at, i)
	}
	err := s.together(ctx, todo)
	for j, i := range at {
		one := err
		if err != nil && ofData(err) {
			// One row spoils the transaction: each is tried by itself.
			one = s.together(ctx, todo[j:j+1])
		}
		out[i] = s.result(ctx, &todo[j], one)
	}
	return out
}

// together runs statements in one transaction and one round trip.
func (s *sink) together(ctx context.Context, todo []statement) error {
	if len(todo) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	for _, st := range todo {
		b.Queue(st.sql, string(st.row))
	}
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return tx.SendBatch(ctx, b).Close() })
}

// row gives the values of a message's columns.
func (s *sink) row(m *destination.Message) (map[string]any, *destination.Result) {
	if len(s.Columns) == 0 {
		var row map[string]any
		if err := json.Unmarshal(m.Payload, &row); err != nil || row == nil {
			r := destination.Result{Outcome: destination.Refused, Reason: "the payload is no object: let the mapping document make one, or name the columns in the settings"}
			return nil, &r
		}
		raw := map[string]json.RawMessage{}
		if json.Unmarshal(m.Payload, &raw) == nil {
			for k, v := range raw {
				row[k] = v // numbers as they are written
			}
		}
		return row, nil
	}
	vars, err := destination.Vars(m)
	if err != nil {
		r := destination.NoJSON()
		return nil, &r
	}
	row := make(map[string]any, len(s.Columns))
	for column, path := range s.Columns {
		row[column], _ = destination.At(vars, path)
	}
	return row, nil
}

func (s *sink) statement(m *destination.Message) (st statement, bad *destination.Result) {
	row, bad := s.row(m)
	if bad != nil {
		return st, bad
	}
	for _, k := range s.Key {
		if v, ok := row[k]; !ok || v == nil || fmt.Sprintf("%s", v) == "null" {
			return st, &destination.Result{Outcome: destination.Refused, Reason: fmt.Sprintf("the message has no value for the key %q", k)}
		}
	}
	text, err := json.Marshal(row)
	if err != nil {
		r := destination.NoJSON()
		return st, &r
	}
	st.row = text
	if s.Leaving == "delete" && destination.Leaves(m) {
		st.sql = s.remove()
	} else {
		st.sql = s.upsert(slices.Sorted(maps.Keys(row)))
	}
	return st, nil
}

func quote(names []string, format string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.ReplaceAll(format, "?", pgx.Identifier{n}.Sanitize())
	}
	return out
}

// upsert writes a row. The database makes of JSON what the columns' types want.
func (s *sink) upsert(columns []string) string {
	list := strings.Join(quote(columns, "?"), ", ")
	var rest []string
	for _, c := range columns {
		if !slices.Contains(s.Key, c) {
			rest = append(rest, c)
		}
	}
	do := "NOTHING"
	if len(rest) > 0 {
		do = "UPDATE SET " + strings.Join(quote(rest, "? = EXCLUDED.?"), ", ")
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM jsonb_populate_record(NULL::%s, $1::text::jsonb) ON CONFLICT (%s) DO %s",
		s.table, list, list, s.table, strings.Join(quote(s.Key, "?"), ", "), do)
}

func (s *sink) remove() string {
	return fmt.Sprintf("DELETE FROM %s AS t USING jsonb_populate_record(NULL::%s, $1::text::jsonb) AS r WHERE %s",
		s.table, s.table, strings.Join(quote(s.Key, "t.? = r.?"), " AND "))
}

// ofData tells that an error is of a row, not of the database.
func ofData(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && outcome(e.Code) == destination.Refused
}

// outcome is what an error of PostgreSQL means for a message.
func outcome(code string) destination.Outcome {
	switch {
	case code == "42P01", code == "42501", code == "42P10":
		return destination.Retry // somebody makes the table or the index, or gives the right
	case slices.Contains([]string{"22", "23", "42", "P0"}, code[:min(2, len(code))]):
		return destination.Refused
	}
	return destination.Retry
}

func (s *sink) result(ctx context.Context, st *statement, err error) destination.Result {
	r := destination.Result{Outcome: destination.Delivered, Request: s.mask.Show(append(append([]byte(st.sql), "\n"...), st.row...))}
	var refused interface{ Refused() bool }
	e, said := errors.AsType[*pgconn.PgError](err)
	switch {
	case err == nil:
	case said:
		r.Outcome = outcome(e.Code)
		r.Answer = s.mask.Show([]byte(e.Code + " " + e.Message + " " + e.Detail))
		r.Reason = s.mask.Text("PostgreSQL answers " + e.Code + ": " + e.Message)
	case errors.As(err, &refused) && refused.Refused():
		r.Outcome, r.Reason = destination.Refused, err.Error()
	default:
		r.Outcome, r.Reason = destination.Retry, destination.Unreachable(ctx, err)
	}
	return r
}
