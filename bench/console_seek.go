package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// seekings are how people are looked for by what somebody types, by what it takes.
var seekings = []struct {
	name  string
	query func(n int) string
}{
	{"a part of a name", func(n int) string { return fmt.Sprintf("mily%d", n%5000) }},
	{"the beginning of an e-mail address", func(n int) string { return fmt.Sprintf("person%05d", n/1000) }},
	{"a part of an e-mail address", func(n int) string { return fmt.Sprintf("%06d@sh", n%1_000_000) }},
	{"a whole address", func(n int) string { return fmt.Sprintf("person%08d@shop.example", n) }},
	{"what nobody has", func(n int) string { return fmt.Sprintf("xq%dz", n) }},
	{"what half of them have", func(n int) string { return []string{"given", "shop.example", "amily1", "iven2"}[n%4] }},
	{"two words", func(n int) string { return fmt.Sprintf("given%d fam", n%1000) }},
	{"two words, one of which nobody has", func(n int) string { return fmt.Sprintf("given xq%d", n) }},
}

// seek looks for people and says what processor time each search takes of the server,
// with whatever else it does at that time.
func (b *bench) seek(ctx context.Context, s *server) error {
	const rounds, rows = 40, 25
	for _, k := range seekings {
		var took []float64
		found := 0
		for range rounds {
			var page struct {
				Items []struct{ ID string } `json:"items"`
			}
			path := fmt.Sprintf("/api/v1/profiles?limit=%d&query=%s", rows, url.QueryEscape(k.query(rand.IntN(b.people))))
			before := s.ran()
			if err := s.get(ctx, path, &page); err != nil {
				return err
			}
			took = append(took, (s.ran()-before).Seconds()*1000)
			found += len(page.Items)
		}
		b.atMost(fmt.Sprintf("find people by %s: %.0f found, processor time p50 %.1f ms, p95", k.name, float64(found)/rounds, quantile(took, 0.5)), quantile(took, 0.95), 100, " ms")
	}
	return nil
}

// indexed waits until the columns are up to date with everybody: until then people
// are not found, and the processor time beside a search is that of making columns.
func (s *server) indexed(ctx context.Context) error {
	for {
		behind, err := s.gauge(ctx, "rapport_columns_suspects")
		if err != nil || behind == 0 {
			return err
		}
		if err := s.pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
}

// gauge is the value of a metric without labels.
func (s *server) gauge(ctx context.Context, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if value, is := strings.CutPrefix(lines.Text(), name+" "); is {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("/metrics has no %s", name)
}

// ran is the processor time of the server's threads, finer than cpu.
func (s *server) ran() (sum time.Duration) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", s.cmd.Process.Pid))
	for _, path := range threads {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it ended
		}
		first, _, _ := strings.Cut(string(raw), " ")
		ns, _ := strconv.ParseInt(first, 10, 64)
		sum += time.Duration(ns)
	}
	return sum
}
