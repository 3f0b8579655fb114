package imports

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"rapport/internal/clock"
	"rapport/internal/definition"
	"rapport/internal/disk"
	"rapport/internal/fault"
	"rapport/internal/feed"
	"rapport/internal/schedule"
)

// Origin is where a pull finds files.
type Origin interface {
	List(ctx context.Context) ([]feed.Remote, error)
	Fetch(ctx context.Context, f feed.Remote, to io.Writer) (mark string, err error)
	Close() error
}

// How pulls go about it.
const (
	pullTick     = 5 * time.Second
	pullsAtOnce  = 4
	filesAtOnce  = 10 // of one look
	pullPatience = 3 * time.Hour
	keptImports  = 20
)

// pulls are the pulls under way.
type pulls struct {
	mu      sync.Mutex
	running map[string]bool
	context context.Context //nolint:containedctx // the life of the pulls, which outlives every call
	stop    context.CancelFunc
	wait    sync.WaitGroup
	slots   chan struct{}
}

// pulled is what is kept of a pull beside its definition.
type pulled struct {
	Looked  clock.Instant    `json:"looked_at"`
	Taken   int64            `json:"files_taken"`
	Error   string           `json:"error,omitempty"`
	Cursor  string           `json:"cursor,omitempty"`
	Origin  string           `json:"origin"` // that the cursor and the files are of
	Files   map[string]taken `json:"files"`
	Imports []string         `json:"imports"`
}

// taken is a file that became an import.
type taken struct {
	Mark string `json:"mark"`
	Sum  string `json:"sum"`
}

// Start lets pulls look when it is their time, until Close.
func (d *Door) Start(ctx context.Context) {
	p := &d.pulls
	p.mu.Lock()
	p.context, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	p.slots = make(chan struct{}, pullsAtOnce)
	p.mu.Unlock()
	p.wait.Go(func() {
		every := time.NewTicker(pullTick)
		defer every.Stop()
		for {
			select {
			case <-p.context.Done():
				return
			case <-every.C:
			}
			d.lookAround()
		}
	})
}

// Close stops the pulls under way; what they did not bring they bring the next
// time.
func (d *Door) Close() {
	if d.pulls.stop != nil {
		d.pulls.stop()
	}
	d.pulls.wait.Wait()
}

// lookAround begins the pulls whose time has come.
func (d *Door) lookAround() {
	for _, s := range d.Documents.Definitions().List(definition.ImportPull) {
		p, err := d.pull(d.pulls.context, s.Key)
		if err != nil || p.Paused {
			continue
		}
		if d.Now().Sub(d.pulled(s.Key).Looked.Time()) >= p.Interval() {
			d.beginPull(s.Key)
		}
	}
}

// pull reads the live version of a pull.
func (d *Door) pull(ctx context.Context, key string) (*feed.Pull, error) {
	v := d.Documents.Definitions().Get(definition.ImportPull, key).Live()
	if v == nil {
		return nil, fault.Errorf(fault.NotFound, "pull_not_found", "there is no live pull %.80q: PUT /api/v1/import-pulls/%.80s makes one", key, key)
	}
	doc, err := d.Documents.Definition(ctx, v.Kind, key, v.Version)
	if err != nil {
		return nil, err
	}
	return feed.ReadPull(doc.Document)
}

var plainKey = regexp.MustCompile(`^[\w.-]{1,128}$`)

func (d *Door) pullFile(key string) string { return filepath.Join(d.Folder, "pull-"+key+".state") }

// pulled reads what is kept of a pull; what cannot be read is forgotten, which
// only means that files are looked at again.
func (d *Door) pulled(key string) pulled {
	out := pulled{Files: map[string]taken{}}
	b, err := disk.ReadFile(d.Files, d.pullFile(key))
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.Log.Warn("what was kept of a pull cannot be read: its files are looked at again", "pull", key, "error", err)
	}
	if out.Files == nil {
		out.Files = map[string]taken{}
	}
	return out
}

func (d *Door) keepPulled(key string, s *pulled) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return disk.WriteFile(d.Files, d.pullFile(key), b)
}

// RunPull lets a pull look now.
func (d *Door) RunPull(ctx context.Context, key string) error {
	if _, err := d.pull(ctx, key); err != nil {
		return err
	}
	d.beginPull(key)
	return nil
}

// PullStatus tells how a pull stands.
func (d *Door) PullStatus(ctx context.Context, key string) (feed.PullStatus, error) {
	d.pulls.mu.Lock()
	running := d.pulls.running[key]
	d.pulls.mu.Unlock()
	s := d.pulled(key) // after that: what is kept of a pull that ended is all there is
	out := feed.PullStatus{Running: running, Looked: s.Looked, Taken: s.Taken, Error: s.Error, Cursor: s.Cursor, Imports: s.Imports}
	if out.Imports == nil {
		out.Imports = []string{}
	}
	p, err := d.pull(ctx, key)
	if fault.KindOf(err) == fault.NotFound {
		return out, nil // a draft, or archived
	}
	if err == nil && !p.Paused {
		out.Next = max(s.Looked.Add(p.Interval()), d.Now.Now())
	}
	return out, err
}

// beginPull looks in the background; one that looks already goes on.
func (d *Door) beginPull(key string) {
	p := &d.pulls
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running[key] || p.context == nil || p.context.Err() != nil || !plainKey.MatchString(key) {
		return
	}
	p.running[key] = true
	p.wait.Go(func() {
		defer func() {
			p.mu.Lock()
			delete(p.running, key)
			p.mu.Unlock()
		}()
		select {
		case p.slots <- struct{}{}:
			defer func() { <-p.slots }()
		case <-p.context.Done():
			return
		}
		ctx, cancel := context.WithTimeout(p.context, pullPatience)
		defer cancel()
		d.lookOnce(ctx, key)
	})
}

// lookOnce looks at the origin and takes what is new; it keeps what came of it.
func (d *Door) lookOnce(ctx context.Context, key string) {
	s := d.pulled(key)
	s.Looked = d.Now.Now()
	p, err := d.pull(ctx, key)
	if err == nil {
		err = d.bring(ctx, key, p, &s)
	}
	if ctx.Err() != nil && d.pulls.context.Err() != nil {
		return // the instance is stopping: it was not looked
	}
	s.Error = ""
	if err != nil {
		s.Error = "something went wrong here; the log says more"
		if f, ok := errors.AsType[*fault.Fault](err); ok {
			s.Error = f.Message
		}
		d.Log.Warn("a pull did not bring all", "pull", key, "error", err)
	}
	if err := d.keepPulled(key, &s); err != nil {
		d.Log.Error("what came of a pull was not kept: its files are looked at again", "pull", key, "error", err)
	}
}

// bring takes the new files of an origin. The files of a pull are imported one
// look after the other, so that none overtakes an older one.
func (d *Door) bring(ctx context.Context, key string, p *feed.Pull, s *pulled) (err error) {
	if busy, err := d.busy(ctx, s); busy || err != nil {
		return err
	}
	if place := p.Origin() + " " + p.Place(); s.Origin != place {
		s.Origin, s.Cursor, s.Files = place, "", map[string]taken{}
	}
	if s.Cursor == "" && p.Database != nil {
		s.Cursor = p.Database.Start
	}
	secret := []byte(nil)
	if len(p.SecretSealed) > 0 {
		if secret, err = d.Reveal(p.SecretSealed); err != nil {
			return fault.Errorf(fault.Invalid, "secret_unreadable", "the secret cannot be read: PUT the pull with the secret again: %w", err)
		}
	}
	o, err := d.Reach(ctx, p, string(secret), s.Cursor)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	files, err := o.List(ctx)
	if err != nil {
		return err
	}
	there := make(map[string]taken, len(files))
	for _, f := range files {
		if t, ok := s.Files[f.Name]; ok {
			there[f.Name] = t
		}
	}
	s.Files = there // what is gone may come again
	return (&looking{d, key, p, s, o}).takeNew(ctx, files)
}

// busy tells whether imports of the pull are still under way.
func (d *Door) busy(ctx context.Context, s *pulled) (bool, error) {
	for _, id := range s.Imports {
		v, err := d.Find(ctx, id)
		switch {
		case fault.KindOf(err) == fault.NotFound:
		case err != nil:
			return false, err
		case !schedule.State(v.State).Final():
			return true, nil
		}
	}
	return false, nil
}

// looking is a pull while it looks.
type looking struct {
	*Door
	key   string
	pull  *feed.Pull
	state *pulled
	at    Origin
}

func (l *looking) takeNew(ctx context.Context, files []feed.Remote) error {
	var flaws error
	n := 0
	for _, f := range files {
		before, ok := l.state.Files[f.Name]
		if f.Fresh || ok && l.pull.Database == nil && f.Mark != "" && before.Mark == f.Mark {
			continue
		}
		if n++; n > filesAtOnce {
			return flaws // the others at the next look
		}
		err := l.takeOne(ctx, f)
		if err != nil && fault.KindOf(err) != fault.Invalid && !errors.Is(err, errNothing) {
			return errors.Join(fmt.Errorf("%s: %w", f.Name, err), flaws)
		}
		if err != nil && !errors.Is(err, errNothing) && flaws == nil {
			flaws = fault.Errorf(fault.Invalid, "file_refused", "%.100q was not imported: %s", f.Name, messageOf(err))
		}
		// Each file by itself: a crash brings back the last one only.
		if err := l.keepPulled(l.key, l.state); err != nil {
			return err
		}
	}
	return flaws
}

func messageOf(err error) string {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f.Message
	}
	return err.Error()
}

// takeOne fetches a file and begins to import it. One with the bytes of the last
// time, or without any, is none. One that cannot be imported is left alone until
// it changes.
func (l *looking) takeOne(ctx context.Context, f feed.Remote) error {
	p, s := l.pull, l.state
	var now taken
	v, err := l.take(ctx, feed.Upload{
		Name: filepath.Base(f.Name), Kind: p.Kind, Source: p.Source, Mapping: p.Mapping, Historical: p.Historical, Author: "pull:" + l.key, Pull: l.key,
	}, func(to io.Writer) (err error) {
		sum := sha256.New()
		count := &counting{w: io.MultiWriter(to, sum)}
		if now.Mark, err = l.at.Fetch(ctx, f, count); err != nil {
			return err
		}
		now.Sum = hex.EncodeToString(sum.Sum(nil))
		if count.n == 0 && p.Database != nil || s.Files[f.Name].Sum == now.Sum && now.Sum != "" {
			return errNothing
		}
		return nil
	})
	if now.Sum != "" && (err == nil || errors.Is(err, errNothing) || fault.KindOf(err) == fault.Invalid) {
		s.Files[f.Name] = now
		if p.Database != nil && p.Database.Cursor != "" {
			s.Cursor = now.Mark
		}
	}
	if err == nil {
		s.Taken++
		s.Imports = append([]string{v.ID}, s.Imports[:min(len(s.Imports), keptImports-1)]...)
	}
	return err
}

// counting counts what is written.
type counting struct {
	w io.Writer
	n int64
}

// Write writes on.
func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
