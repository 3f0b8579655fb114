package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"rapport/bench/load"
)

// erased is a privacy request as the API shows it.
type erased struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Step  string `json:"step"`
	Proof struct {
		Identifiers int `json:"identifiers"`
		Rows        int `json:"rows"`
		Log         struct {
			Records int `json:"records"`
		} `json:"log"`
		Scan struct {
			LogHits   int `json:"log_hits"`
			StateHits int `json:"state_hits"`
			StateRows int `json:"state_rows"`
			Files     struct {
				Files int      `json:"files"`
				Bytes int64    `json:"bytes"`
				Hits  []string `json:"hits"`
			} `json:"files"`
		} `json:"scan"`
		Steps []struct {
			Name string `json:"name"`
			Ms   int64  `json:"ms"`
		} `json:"steps"`
	} `json:"proof"`
}

// erasure loads people with a profile and two events each, erases one of them
// and prints what each step took, from the request to the proof.
func (b *bench) erasure(ctx context.Context) error {
	defer b.scrap("erasure")
	s, err := b.product(ctx, "erasure", "")
	if err != nil {
		return err
	}
	defer s.kill()
	for _, part := range []struct {
		kind  load.Kind
		times int
	}{{load.Profiles, 1}, {load.Known, 2}} {
		job := b.job(s)
		job.Kind, job.Events, job.Even = part.kind, b.people*part.times, true
		m, err := b.send(ctx, s, job)
		if err != nil {
			return err
		}
		b.say("%d people, %d events: %.0f events/s", b.people, job.Events, m.perSecond())
	}
	if s, err = b.backUp(ctx, s); err != nil {
		return err
	}
	defer s.kill()
	cpu, begin := s.cpu(), time.Now()
	r, err := s.erase(ctx, "user_id:"+whoIsErased)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	for _, step := range r.Proof.Steps {
		b.say("%-42s %8.2f s", step.Name, float64(step.Ms)/1000)
	}
	b.say("processor time of the server %.1f s; %d identifiers, %d records, %d rows searched, %d files with %d MiB",
		(s.cpu() - cpu).Seconds(), r.Proof.Identifiers, r.Proof.Log.Records, r.Proof.Scan.StateRows, r.Proof.Scan.Files.Files, r.Proof.Scan.Files.Bytes>>20)
	if hits := r.Proof.Scan.LogHits + r.Proof.Scan.StateHits + len(r.Proof.Scan.Files.Hits); hits > 0 {
		return fmt.Errorf("%d hits after the erasure: %+v", hits, r.Proof.Scan)
	}
	b.atMost(fmt.Sprintf("erasure at %d people, from request to proof", b.people), took.Seconds(), 600, " s")
	return b.restoreOlder(ctx, s)
}

// whoIsErased is one of the people of a load.
const whoIsErased = "u-00000001"

// backUp stops the server, makes a backup and starts it again.
func (b *bench) backUp(ctx context.Context, s *server) (*server, error) {
	begin := time.Now()
	if err := s.stop(); err != nil {
		return nil, err
	}
	if err := b.rapport(ctx, "erasure", "backup", "--to", filepath.Join(b.dir, "erasure-backup")); err != nil {
		return nil, err
	}
	b.say("backup made before the erasure in %v", short(time.Since(begin)))
	return b.product(ctx, "erasure", "")
}

// restoreOlder restores the backup from before the erasure with the ledger of
// today, and looks for the person: over the API, and in the bytes of all files
// once the server has stopped.
func (b *bench) restoreOlder(ctx context.Context, s *server) error {
	defer b.scrap("erasure-restored")
	defer b.scrap("erasure-backup")
	if err := s.stop(); err != nil {
		return err
	}
	begin := time.Now()
	if err := b.rapport(ctx, "erasure-restored", "restore", "--from", filepath.Join(b.dir, "erasure-backup"),
		"--ledger", filepath.Join(b.dir, "erasure", "erasures")); err != nil {
		return err
	}
	b.say("restored in %v", short(time.Since(begin)))
	begin = time.Now()
	again, err := b.product(ctx, "erasure-restored", "")
	if err != nil {
		return err
	}
	defer again.kill()
	b.say("erased again and ready after %v", short(time.Since(begin)))
	var other, gone struct{ ID string }
	if err := again.get(ctx, "/api/v1/profiles/user_id:u-00000002", &other); err != nil || other.ID == "" {
		return fmt.Errorf("somebody else of the backup is not there: %w", err)
	}
	if err := again.get(ctx, "/api/v1/profiles/user_id:"+whoIsErased, &gone); err != nil {
		return err
	}
	if err := again.stop(); err != nil {
		return err
	}
	in, err := filesWith(filepath.Join(b.dir, "erasure-restored"), []byte(whoIsErased))
	if err != nil {
		return err
	}
	if gone.ID != "" {
		in = append(in, "profile "+gone.ID)
	}
	for _, f := range in {
		b.say("a hit in %s", f)
	}
	b.atMost("hits after restoring a backup made before the erasure", float64(len(in)), 0, "")
	return nil
}

// rapport runs a command of the product on a data folder.
func (b *bench) rapport(ctx context.Context, folder string, args ...string) error {
	c := exec.CommandContext(ctx, b.binary, append(args, "--data", filepath.Join(b.dir, folder))...)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("rapport %s: %w\n%s", args[0], err, out)
	}
	return nil
}

// filesWith gives the files below a folder that hold some bytes.
func filesWith(root string, what []byte) (hits []string, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path) //nolint:gosec // a file of the run
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // it is only read
		buf, kept := make([]byte, 4<<20), 0
		for {
			n, err := f.Read(buf[kept:])
			if bytes.Contains(buf[:kept+n], what) {
				hits = append(hits, path)
				return nil
			}
			if err != nil {
				if errors.Is(err, io.EOF) {
					return nil
				}
				return err
			}
			end := kept + n
			kept = min(end, len(what)-1) // it may begin here and go on in the next piece
			copy(buf, buf[end-kept:end])
		}
	})
	return hits, err
}

func (s *server) erase(ctx context.Context, ref string) (erased, error) {
	var r erased
	body := strings.NewReader(fmt.Sprintf(`{"type":"erasure","identifiers":[%q]}`, ref))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+"/api/v1/privacy/requests", body)
	if err != nil {
		return r, err
	}
	req.Header.Set("Authorization", "Bearer "+secretKey)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, err
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(&r); err != nil || res.StatusCode != http.StatusAccepted {
		return r, fmt.Errorf("asking for the erasure: status %d, %w", res.StatusCode, err)
	}
	for r.State != "done" {
		if err := s.pause(ctx, 50*time.Millisecond); err != nil {
			return r, err
		}
		if err := s.get(ctx, "/api/v1/privacy/requests/"+r.ID, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}
