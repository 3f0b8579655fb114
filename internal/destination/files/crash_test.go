package files_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rapport/internal/destination"
	"rapport/internal/destination/files"
	"rapport/internal/destination/sinktest"
)

// childEnv holds what the child is to do.
const childEnv = "FILES_CRASH_CHILD"

type orders struct {
	Settings json.RawMessage
	Files    string
	Folder   string
	From     int
	Size     int
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		child(text)
		return
	}
	os.Exit(m.Run())
}

// child sends one batch after the other and says how far it has come, until it
// is killed.
func child(text string) {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	env := destination.Env{
		HTTP: http.DefaultClient, Now: func() time.Time { return sinktest.At }, Files: o.Files, Folder: o.Folder,
	}
	sink, err := files.Type().Open(context.Background(), o.Settings, env)
	if err != nil {
		panic(err)
	}
	suite := sinktest.Suite{}
	for at := o.From; ; at += o.Size {
		for _, r := range sink.Send(context.Background(), suite.Messages(at, o.Size)) {
			if r.Outcome != destination.Delivered {
				panic(r.Reason)
			}
		}
		fmt.Fprintln(os.Stdout, at+o.Size)
	}
}

// Killed at any moment, each message is in one file, once: those that were
// delivered before are not sent again, and of the others batches are cut anew.
func TestFiles_AKilledProcessLeavesNoDuplicateAndNoGap(t *testing.T) {
	t.Parallel()
	far := newStorage(t)
	folder := t.TempDir()
	for name, c := range map[string]struct {
		orders
		rows func() []map[string]string
	}{
		"Folder": {orders{Settings: settings(t, files.Settings{}), Files: folder, Folder: t.TempDir()}, func() []map[string]string { return local(t, folder) }},
		"Bucket": {orders{Settings: settings(t, far.settings("jsonl")), Folder: t.TempDir()}, func() []map[string]string { return far.rows(t) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			r := rand.New(rand.NewPCG(seed, 0))
			for range 12 {
				c.Size = 1 + r.IntN(7)
				c.From = killed(t, c.orders, 1+r.IntN(12), time.Duration(r.IntN(3000))*time.Microsecond)
			}
			// The last one is killed too; what it began is finished here.
			env := sinktest.Env(t, &sinktest.Line{})
			env.Files, env.Folder = c.Files, c.Folder
			sink, err := files.Type().Open(t.Context(), c.Settings, env)
			if err != nil {
				t.Fatal(err)
			}
			suite := sinktest.Suite{}
			for _, r := range sink.Send(t.Context(), suite.Messages(c.From, 20)) {
				if r.Outcome != destination.Delivered {
					t.Errorf("%+v", r)
				}
			}
			got := ids(c.rows())
			for i, id := range got {
				if want := fmt.Sprintf("msg_%04d", i); id != want {
					t.Fatalf("seed %d: row %d is %s; %d rows", seed, i, id, len(got))
				}
			}
			if len(got) < c.From+20 {
				t.Errorf("seed %d: %d rows, want %d", seed, len(got), c.From+20)
			}
			t.Logf("%d rows over 12 kills", len(got))
			if err := sink.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// killed runs a child, kills it a moment after it said so many words, and gives
// how far it said it had come.
func killed(t *testing.T, o orders, words int, later time.Duration) int {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	at := o.From
	s := bufio.NewScanner(out)
	for i := 0; s.Scan(); i++ {
		if n, err := strconv.Atoi(s.Text()); err == nil {
			at = n
		}
		if i == words {
			time.AfterFunc(later, func() { _ = cmd.Process.Kill() }) // it may be over
		}
	}
	if err := cmd.Wait(); err == nil || said.Len() > 0 {
		t.Fatalf("the child ended by itself: %v, %s", err, said.String())
	}
	return at
}

// A ledger whose last line a crash cut is good up to it, and an old one is made
// shorter without forgetting what may still come.
func TestLedger_KeepsWhatItMustKnow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "files.log")
	l, err := files.OpenLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range 9 {
		var ids []string
		for range 50_000 {
			ids = append(ids, strconv.Itoa(n))
			n++
		}
		if err := l.Write("f"+strconv.Itoa(n), ids); err != nil {
			t.Fatal(err)
		}
	}
	check := func(l *files.Ledger) {
		t.Helper()
		old, _ := l.Has("0")
		first, count := l.Has(strconv.Itoa(n - 200_000))
		last, _ := l.Has(strconv.Itoa(n - 1))
		if old || !first || !last || count > 400_000 {
			t.Errorf("knows %v %v %v of %d", old, first, last, count)
		}
	}
	check(l)
	if err := l.End(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"file":"cut","ids":["cut`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if l, err = files.OpenLedger(path); err != nil {
			t.Fatal(err)
		}
		check(l)
		if err := l.Write("g", []string{"more"}); err != nil {
			t.Fatal(err)
		}
		if known, _ := l.Has("more"); !known {
			t.Error("what was written behind a cut line is not known")
		}
		if err := l.End(); err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzLedger_AnyBytesAreRead(f *testing.F) {
	f.Add([]byte("{\"file\":\"a\",\"ids\":[\"1\"],\"number\":1}\n{\"done\":\"a\"}\n"))
	f.Add([]byte("{\"file\":\"a\"}\n{\"done\":\"b\"}\n{}\nx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "files.log")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			l, err := files.OpenLedger(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Write("new", []string{"new"}); err != nil {
				t.Fatal(err)
			}
			if known, _ := l.Has("new"); !known {
				t.Error("what was written is not known")
			}
			if err := l.End(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
