package origin_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"rapport/internal/feed"
	"rapport/internal/source/origin"
	"rapport/internal/store/postgres/pgtest"
)

// server is a real PostgreSQL for the tests of this package.
var server *pgtest.Server

func TestMain(m *testing.M) {
	var err error
	if server, err = pgtest.Start(); err != nil {
		server = nil
	}
	code := m.Run()
	if server != nil {
		if err := server.Stop(); err != nil {
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// making keeps two tests from making the same table at once.
var making sync.Mutex

// shop is a database with customers: how to reach it, and the origin of a query
// on it.
func shop(t *testing.T) (origin.Deps, func(query string) *feed.DatabaseOrigin) {
	t.Helper()
	if server == nil {
		t.Skip("there is no PostgreSQL on this machine")
	}
	at, err := pgx.ParseConfig(server.DSN)
	if err != nil {
		t.Fatal(err)
	}
	d := deps()
	d.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { // it may listen on a socket of the file system only
		network, address := pgconn.NetworkAddress(at.Host, at.Port)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	making.Lock()
	defer making.Unlock()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.ConnectConfig(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, do := range []string{
		`create table if not exists customers (id bigint primary key, mail text, points numeric, tags text[], born date, changed timestamptz)`,
		`insert into customers values (1, 'ada@example.org', 12.50, '{a,b}', '1990-01-02', '2024-01-01T10:00:00Z'), (2, null, null, null, null, '2024-01-02T10:00:00Z') on conflict do nothing`,
	} {
		if _, err := conn.Exec(ctx, do); err != nil {
			t.Fatal(err)
		}
	}
	return d, func(query string) *feed.DatabaseOrigin {
		return &feed.DatabaseOrigin{Engine: "postgresql", Address: "db.example.org", Database: at.Database, User: at.User, TLS: "off", Query: query}
	}
}

func TestPostgreSQL_GivesTheRowsOfAQueryFromWhereItWas(t *testing.T) {
	t.Parallel()
	d, of := shop(t)
	o := of("select id as \"userId\", mail, points, tags, born, changed from customers where changed > $1 order by changed -- the end")
	o.Cursor, o.Start = "changed", "2000-01-01"
	out, err := all(t, d, &feed.Pull{Database: o}, "x", "2000-01-01")
	name := o.Database + ".jsonl"
	want := `{"userId":1,"mail":"ada@example.org","points":12.50,"tags":["a","b"],"born":"1990-01-02"`
	if err != nil || !strings.HasPrefix(out.bytes[name], want) || strings.Count(out.bytes[name], "\n") != 2 {
		t.Fatalf("%+v %v", out, err)
	}
	if again, err := all(t, d, &feed.Pull{Database: o}, "x", out.marks[name]); err != nil || again.bytes[name] != "" || again.marks[name] != out.marks[name] {
		t.Errorf("behind %q: %+v %v", out.marks[name], again, err)
	}
	if all, err := all(t, d, &feed.Pull{Database: of("select * from customers")}, "x", ""); err != nil || strings.Count(all.bytes[name], "\n") != 2 {
		t.Errorf("%+v %v", all, err)
	}
}

func TestPostgreSQL_OnlyReads(t *testing.T) {
	t.Parallel()
	d, of := shop(t)
	for query, words := range map[string]string{
		"delete from customers returning *":                                   "refuses the query",
		"with gone as (delete from customers returning *) select * from gone": "refuses the query",
		"select 1) as row; delete from customers; select * from (select 1":    "refuses the query",
		"select nextval(pg_get_serial_sequence('customers','id')), 1/0":       "refuses the query",
		"selct": "refuses the query",
	} {
		_, err := all(t, d, &feed.Pull{Database: of(query)}, "x", "")
		refused(t, err, "query_refused", words)
	}
	if out, err := all(t, d, &feed.Pull{Database: of("select * from customers")}, "x", ""); err != nil || len(out.names) != 1 || strings.Count(out.bytes[out.names[0]], "\n") != 2 {
		t.Errorf("rows are gone: %+v %v", out, err)
	}
	o := of("select 1")
	o.Database = "none"
	if _, err := all(t, d, &feed.Pull{Database: o}, "hidden", ""); err == nil || strings.Contains(err.Error(), "hidden") || errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
