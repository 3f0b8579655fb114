package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"rapport/internal/destination"
	"rapport/internal/destination/postgres"
	"rapport/internal/destination/sinktest"
	"rapport/internal/fault"
	"rapport/internal/store/postgres/pgtest"
)

var server *pgtest.Server

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, &server)) }

// table makes a table of a name that wants quotes, and gives its schema.
func table(t *testing.T) string {
	t.Helper()
	if server == nil {
		t.Skip(pgtest.ErrNone)
	}
	schema := server.Schema(t)
	server.Exec(t, `CREATE TABLE `+schema+`."Mem""bers" ("the id" text PRIMARY KEY, n bigint, "select" jsonb, at timestamptz, amount numeric(20,4), tags text[])`)
	return schema
}

func settings(t *testing.T, schema string, change func(*postgres.Settings)) json.RawMessage {
	t.Helper()
	u, err := url.Parse(server.DSN)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("sslmode", "disable")
	u.RawQuery = q.Encode()
	s := postgres.Settings{
		URL: u.String(), Password: "a secret password", Table: schema + `.Mem"bers`, Key: []string{"the id"},
		Columns: map[string]string{"the id": "message.id", "n": "n", "select": "profile", "at": "message.time", "amount": "amount", "tags": "tags"},
	}
	if password, ok := u.User.Password(); ok {
		u.User, s.Password = url.User(u.User.Username()), password
		s.URL = u.String()
	}
	if change != nil {
		change(&s)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// query gives rows as texts.
func query(t *testing.T, sql string) []string {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), server.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // it was only read
	rows, err := conn.Query(context.Background(), sql)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPostgres_PassesTheSuite(t *testing.T) {
	t.Parallel()
	schema := table(t)
	sinktest.Run(t, sinktest.Suite{
		Type: postgres.Type(), Settings: settings(t, schema, nil), Secrets: []string{"a secret password"}, Once: true,
		Received: func() []string { return query(t, `SELECT "the id" FROM `+schema+`."Mem""bers" ORDER BY 1`) },
	})
}

func open(t *testing.T, s json.RawMessage) destination.Sink {
	t.Helper()
	sink, err := postgres.Type().Open(t.Context(), s, sinktest.Env(t, &sinktest.Line{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	return sink
}

func message(id string, kind destination.Kind, payload string) destination.Message {
	return destination.Message{ID: id, Kind: kind, Person: "p", Time: sinktest.At, Payload: json.RawMessage(payload)}
}

func TestPostgres_WritesDeletesAndKeepsTypes(t *testing.T) {
	t.Parallel()
	schema := table(t)
	sink := open(t, settings(t, schema, func(s *postgres.Settings) { s.Columns["the id"] = "person.id" }))
	payload := `{"person":{"id":"%s"},"n":%d,"profile":{"a":[1,"'; DROP TABLE x; --"]},"amount":12345678901.1234,"tags":["a","b,\"c"]}`
	for i, r := range sink.Send(t.Context(), []destination.Message{
		message("1", destination.Profile, fmt.Sprintf(payload, "a", 1)),
		message("2", destination.Profile, fmt.Sprintf(payload, "b", 2)),
		message("3", destination.Profile, fmt.Sprintf(payload, "a", 9007199254740993)),
		message("4", destination.Member, `{"person":{"id":"c"},"audience":{"key":"x","change":"added"}}`),
		message("5", destination.Left, fmt.Sprintf(payload, "b", 2)),
		message("6", destination.Member, `{"person":{"id":"c"},"audience":{"key":"x","change":"removed"}}`),
		message("7", destination.Member, `{"person":{"id":"d"},"audience":{"key":"x","change":"added"}}`),
	}) {
		if r.Outcome != destination.Delivered {
			t.Errorf("%d: %+v", i, r)
		}
	}
	got := query(t, `SELECT row_to_json(t)::text FROM `+schema+`."Mem""bers" t ORDER BY "the id"`)
	want := []string{
		`{"the id":"a","n":9007199254740993,"select":{"a": [1, "'; DROP TABLE x; --"]},"at":"2026-11-22T`,
		`{"the id":"d","n":null,"select":{"id": "d"},"at":"2026-11-22T`,
	}
	for i := range want {
		if len(got) != 2 || !strings.HasPrefix(got[i], want[i]) {
			t.Fatalf("rows %q", got)
		}
	}
	if !strings.Contains(got[0], `"amount":12345678901.1234,"tags":["a","b,\"c"]`) {
		t.Errorf("row %s", got[0])
	}
}

func TestPostgres_OneBadRowSpoilsNoOther(t *testing.T) {
	t.Parallel()
	schema := table(t)
	sink := open(t, settings(t, schema, func(s *postgres.Settings) { s.Columns = nil }))
	results := sink.Send(t.Context(), []destination.Message{
		message("1", destination.Event, `{"the id":"a","n":1}`), message("2", destination.Event, `{"the id":"b","n":"many"}`),
		message("3", destination.Event, `{"the id":"c","none":1}`), message("4", destination.Event, `{"n":1}`),
		message("5", destination.Event, `{"the id":"d","select":"\u0000"}`), message("6", destination.Event, `[]`),
		message("7", destination.Event, `{"the id":"e"}`), message("8", destination.Event, `{"the id":null}`),
		message("9", destination.Event, `{"the id":"x\"; DROP SCHEMA public --","n\"":1}`),
	})
	var outcomes []string
	for _, r := range results {
		outcomes = append(outcomes, string(r.Outcome[0]))
	}
	if got := strings.Join(outcomes, ""); got != "drrrrrdrr" {
		t.Errorf("outcomes %s: %+v", got, results)
	}
	for i, want := range map[int]string{1: "22P02", 2: `column "none"`, 3: `key "the id"`, 5: "no object"} {
		if !strings.Contains(results[i].Reason, want) || results[i].Outcome != destination.Refused {
			t.Errorf("%d: %+v, want %s", i, results[i], want)
		}
	}
	if got := query(t, `SELECT "the id" FROM `+schema+`."Mem""bers" ORDER BY 1`); strings.Join(got, "") != "ae" {
		t.Errorf("rows %q", got)
	}
}

func TestPostgres_WaitsForTheTable(t *testing.T) {
	t.Parallel()
	schema := table(t)
	sink := open(t, settings(t, schema, func(s *postgres.Settings) { s.Table, s.Columns = schema+".later", nil }))
	batch := []destination.Message{message("1", destination.Event, `{"the id":"a"}`)}
	if r := sink.Send(t.Context(), batch)[0]; r.Outcome != destination.Retry || !strings.Contains(r.Reason, "42P01") {
		t.Errorf("without a table: %+v", r)
	}
	server.Exec(t, `CREATE TABLE `+schema+`.later ("the id" text)`)
	if r := sink.Send(t.Context(), batch)[0]; r.Outcome != destination.Retry || !strings.Contains(r.Reason, "42P10") {
		t.Errorf("without an index: %+v", r)
	}
	server.Exec(t, `CREATE UNIQUE INDEX ON `+schema+`.later ("the id")`)
	if r := sink.Send(t.Context(), batch)[0]; r.Outcome != destination.Delivered {
		t.Errorf("with both: %+v", r)
	}
}

func TestOpen_NamesTheSettingThatIsWrong(t *testing.T) {
	t.Parallel()
	good := postgres.Settings{URL: "postgres://u@h/d", Table: "t", Key: []string{"k"}}
	for field, change := range map[string]func(*postgres.Settings){
		"/settings/table": func(s *postgres.Settings) { s.Table = "a.b.c" },
		"/settings/key":   func(s *postgres.Settings) { s.Columns = map[string]string{"x": "y"} },
		"/settings/url":   func(s *postgres.Settings) { s.URL = "mysql://u@h/d" },
	} {
		s := good
		change(&s)
		check(t, s, field)
	}
	for _, u := range []string{
		"postgres://u:secret@h/d", "postgres://h/d", "postgres://u@h/d?sslrootcert=/etc/passwd", "postgres://u@h/d?passfile=/x", "postgres://u@h/d?service=x",
		"postgres://u@h/d?sslmode=prefer", "postgres://u@h:99999/d",
	} {
		s := good
		s.URL = u
		check(t, s, "/settings/url")
	}
}

func check(t *testing.T, s postgres.Settings, field string) {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	_, err = postgres.Type().Open(t.Context(), b, destination.Env{})
	var f *fault.Fault
	if !errors.As(err, &f) || f.Field != field || strings.Contains(err.Error(), "secret@") {
		t.Errorf("%+v: %v", s, err)
	}
}
