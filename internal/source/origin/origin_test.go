package origin_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rapport/internal/fault"
	"rapport/internal/feed"
	"rapport/internal/source/origin"
)

// deps reach whatever they are told to.
func deps(folders ...string) origin.Deps {
	return origin.Deps{
		HTTP: &http.Client{
			Transport:     http.DefaultTransport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Dial: new(net.Dialer).DialContext, Folders: folders, Now: time.Now,
	}
}

// checked is a pull as it would be read.
func checked(t *testing.T, p *feed.Pull, secret string) *feed.Pull {
	t.Helper()
	p.Every = "1m"
	if secret != "" {
		p.SecretSealed = []byte("sealed")
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	return p
}

// got is what an origin gave.
type got struct {
	names []string
	bytes map[string]string
	marks map[string]string
	fresh map[string]bool
}

// all lists and fetches everything.
func all(t *testing.T, d origin.Deps, p *feed.Pull, secret, cursor string) (got, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := got{bytes: map[string]string{}, marks: map[string]string{}, fresh: map[string]bool{}}
	o, err := d.Open(ctx, checked(t, p, secret), secret, cursor)
	if err != nil {
		return out, err
	}
	defer func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}()
	files, err := o.List(ctx)
	if err != nil {
		return out, err
	}
	for _, f := range files {
		var b bytes.Buffer
		mark, err := o.Fetch(ctx, f, &b)
		if err != nil {
			return out, err
		}
		out.names = append(out.names, f.Name)
		out.bytes[f.Name], out.marks[f.Name], out.fresh[f.Name] = b.String(), mark, f.Fresh
	}
	return out, nil
}

// refused checks that an error has a code and says what helps.
func refused(t *testing.T, err error, code, words string) {
	t.Helper()
	f, ok := err.(*fault.Fault) //nolint:errorlint // joined errors hide one
	if !ok {
		for _, e := range unjoin(err) {
			if f, ok = e.(*fault.Fault); ok { //nolint:errorlint // the same
				break
			}
		}
	}
	if !ok || f.Code != code || !strings.Contains(f.Message, words) {
		t.Errorf("%v, want %s: %s", err, code, words)
	}
}

func unjoin(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()
	}
	return nil
}

func write(t *testing.T, age time.Duration, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestFolder_GivesFilesThatRest(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	in := filepath.Join(top, "in")
	for _, dir := range []string{in, filepath.Join(in, "user-older.csv")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, time.Hour, filepath.Join(in, "user-2.csv"), "two")
	write(t, time.Hour, filepath.Join(in, "user-1.csv"), "one")
	write(t, time.Second, filepath.Join(in, "user-3.csv"), "thr") // somebody still writes it
	write(t, time.Hour, filepath.Join(in, "other.csv"), "other")
	out, err := all(t, deps(top), &feed.Pull{Pattern: "user-*.csv", Folder: &feed.FolderOrigin{Path: in}}, "", "")
	if err != nil || strings.Join(out.names, " ") != "user-1.csv user-2.csv user-3.csv" || out.bytes["user-2.csv"] != "two" {
		t.Errorf("%+v %v", out, err)
	}
	if out.fresh["user-1.csv"] || !out.fresh["user-3.csv"] {
		t.Errorf("fresh: %v", out.fresh)
	}
	write(t, time.Hour, filepath.Join(in, ".hidden"), "x")
	write(t, time.Hour, filepath.Join(in, "user-4.csv.part"), "x")
	if out, err := all(t, deps(top), &feed.Pull{Folder: &feed.FolderOrigin{Path: in}}, "", ""); err != nil || len(out.names) != 4 {
		t.Errorf("%v %v", out.names, err)
	}
}

func TestFolder_NothingLeadsOutOfWhatIsAllowed(t *testing.T) {
	t.Parallel()
	top, other := t.TempDir(), t.TempDir()
	write(t, time.Hour, filepath.Join(other, "secret.csv"), "secret")
	if err := os.Symlink(other, filepath.Join(top, "way-out")); err != nil {
		t.Skip("no links here:", err)
	}
	if err := os.Symlink(filepath.Join(other, "secret.csv"), filepath.Join(top, "link.csv")); err != nil {
		t.Fatal(err)
	}
	for path, code := range map[string]string{
		other: "folder_not_allowed", top + "/../" + filepath.Base(other): "folder_not_allowed", top + "x": "folder_not_allowed", "in": "folder_not_allowed",
		filepath.Join(top, "way-out"): "folder_unreadable", filepath.Join(top, "none"): "folder_unreadable",
	} {
		_, err := all(t, deps(top), &feed.Pull{Folder: &feed.FolderOrigin{Path: path}}, "", "")
		refused(t, err, code, "folder")
	}
	_, err := all(t, deps(), &feed.Pull{Folder: &feed.FolderOrigin{Path: top}}, "", "")
	refused(t, err, "folder_not_allowed", "imports.folders")
	if out, err := all(t, deps(top), &feed.Pull{Folder: &feed.FolderOrigin{Path: top}}, "", ""); err != nil || len(out.names) != 0 {
		t.Errorf("a link is no file: %v %v", out.names, err)
	}
}
