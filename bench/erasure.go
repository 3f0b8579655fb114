package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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
	cpu, begin := s.cpu(), time.Now()
	r, err := s.erase(ctx, "user_id:u-00000001")
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
	return nil
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
