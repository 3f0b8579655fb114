// Package pgtest gives tests a PostgreSQL: the one that STORETEST_DSN names, or
// one of the installed version on a folder of its own. It is never part of the
// product.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Env names the variable that holds the address of a server to use, as a
// postgres:// URL.
const Env = "STORETEST_DSN"

// ErrNone says that there is no PostgreSQL to test with.
var ErrNone = errors.New("no PostgreSQL: install it (apt-get install postgresql) or set " + Env + " to a server's address")

// Server is one server.
type Server struct {
	DSN    string
	folder string
	bin    string
	owner  *syscall.Credential
	more   []string // arguments of the server
	cmd    *exec.Cmd
}

// Start gives a server. Stop ends it, if it was started here. Arguments are
// given to a server that is started here.
func Start(more ...string) (*Server, error) {
	if dsn := os.Getenv(Env); dsn != "" {
		return &Server{DSN: dsn}, nil
	}
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, more: more}
	if s.folder, err = os.MkdirTemp("", "pgtest"); err != nil {
		return nil, err
	}
	if s.owner, err = owner(s.folder); err != nil {
		return nil, err
	}
	init := s.command("initdb", "-D", s.data(), "-U", "rapport", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	s.DSN = "postgres://rapport@/postgres?host=" + url.QueryEscape(s.folder)
	return s, s.Run()
}

// programs finds the folder with the server's programs, the newest version.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return version(a) - version(b) })
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	one, err := exec.LookPath("postgres")
	if err != nil {
		return "", ErrNone
	}
	return filepath.Dir(one), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4]) // an odd name is the oldest
	return n
}

// owner gives who runs the server: root may not.
func owner(folder string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(folder, uid, gid)
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.bin, name), args...)
	cmd.Dir = s.folder
	cmd.SysProcAttr = WithParent(syscall.SIGQUIT)
	cmd.SysProcAttr.Credential, cmd.SysProcAttr.Setpgid = s.owner, true
	return cmd
}

// Run starts the server's process and waits until it answers.
func (s *Server) Run() error {
	s.cmd = s.command("postgres", "-D", s.data(), "-k", s.folder, "-c", "listen_addresses=", "-c", "max_connections=400",
		"-c", "shared_buffers=64MB", "-c", "autovacuum_naptime=5s", "-c", "max_wal_size=2GB")
	s.cmd.Args = append(s.cmd.Args, s.more...)
	log, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the process has its own handle
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.DSN)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("PostgreSQL does not answer: %w: %s", err, text)
		}
	}
}

// Kill ends the process as a loss of power would end it for the server: what it
// did not write to its own log is gone. Run starts it again.
func (s *Server) Kill() error {
	if s.cmd == nil {
		return errors.New("the server was not started here")
	}
	if err := s.cmd.Process.Signal(syscall.SIGQUIT); err != nil {
		return err
	}
	_, err := s.cmd.Process.Wait()
	return err
}

// Process is the id of the server's process and of its group; zero where it was
// not started here.
func (s *Server) Process() int {
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

// Stop ends a server that was started here and removes its folder.
func (s *Server) Stop() error {
	if s.cmd == nil {
		return nil
	}
	return errors.Join(s.Kill(), os.RemoveAll(s.folder))
}

// Main runs the tests of a package with one server for all, and gives the code to
// exit with. The server is nil where there is no PostgreSQL.
func Main(m *testing.M, server **Server) int {
	var err error
	if *server, err = Start(); err != nil && !errors.Is(err, ErrNone) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if s := *server; s != nil {
		if err := s.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	return code
}

var schemas atomic.Int64

// For starts a server for one test and stops it with the test, which is skipped
// where there is no PostgreSQL.
func For(t testing.TB) *Server {
	t.Helper()
	s, err := Start()
	if errors.Is(err, ErrNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Schema makes an empty schema for a test and gives its name.
func (s *Server) Schema(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("t%d_%d", os.Getpid(), schemas.Add(1))
	s.Exec(t, "CREATE SCHEMA "+name)
	t.Cleanup(func() { s.Exec(t, "DROP SCHEMA "+name+" CASCADE") })
	return name
}

// Address gives the URL of an empty schema for a test.
func (s *Server) Address(t testing.TB) string {
	t.Helper()
	return s.In(t, s.Schema(t))
}

// In gives the URL of a schema.
func (s *Server) In(t testing.TB, schema string) string {
	t.Helper()
	u, err := url.Parse(s.DSN)
	if err != nil {
		t.Fatalf("%s is no URL: %v", Env, err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// Dump gives a schema and what is in it, as statements.
func (s *Server) Dump(t testing.TB, schema string) []byte {
	t.Helper()
	cmd := s.command("pg_dump", "--schema="+schema, "--inserts", "--no-owner", "--no-privileges", "--no-comments", s.DSN)
	var failed strings.Builder
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("pg_dump: %v: %s", err, failed.String())
	}
	// What is for psql alone, and settings of one version, no other server knows.
	lines := slices.DeleteFunc(strings.SplitAfter(string(out), "\n"), func(l string) bool {
		return strings.HasPrefix(l, "\\") || strings.HasPrefix(l, "--") || strings.HasPrefix(l, "SET ") || l == "\n"
	})
	return []byte(strings.Join(lines, ""))
}

// Exec runs a statement on a connection of its own.
func (s *Server) Exec(t testing.TB, sql string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.DSN)
	if err == nil {
		_, err = conn.Exec(ctx, sql)
		err = errors.Join(err, conn.Close(ctx))
	}
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
