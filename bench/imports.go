package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// importState is an import as the server shows it.
type importState struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Error string `json:"error"`
	Sums  struct {
		Rows      int `json:"rows"`
		Inserted  int `json:"inserted"`
		Updated   int `json:"updated"`
		Unchanged int `json:"unchanged"`
		Conflict  int `json:"conflict"`
		Failed    int `json:"failed"`
	} `json:"sums"`
}

// linesPerOrder is how many rows of the transaction feed make one order.
const linesPerOrder = 3

// tables are the feeds that are measured.
var tables = []struct {
	name, header string
	row          func(out *bytes.Buffer, i int)
}{
	{"user-bench.csv", "userId,attribute:emailAddress,attribute:firstName,attribute:lastName,attribute:city,attribute:country,attribute:tier,attribute:points", func(out *bytes.Buffer, i int) {
		fmt.Fprintf(out, "u-%08d,user%08d@shop.example,Given%d,Family%d,Graz,AT,gold,%d\n", i, i, i%1000, i%5000, i%9999)
	}},
	{"product-bench.csv", "id,name,description,url,imageUrl,price,inventoryCount,categories", func(out *bytes.Buffer, i int) {
		fmt.Fprintf(out, "p-%08d,Product %d,\"A thing, number %d\",https://shop.example/p/%d,https://shop.example/i/%d.jpg,%d.99,%d,office|school\n", i, i, i, i, i, i%90, i%500)
	}},
	{"transaction-bench.csv", "transactionId,userId,purchaseDate,productId,price,quantity,currency", func(out *bytes.Buffer, i int) {
		order := i / linesPerOrder
		fmt.Fprintf(out, "t-%08d,u-%08d,2024-%02d-%02d 10:%02d:00,p-%08d,%d.50,%d,EUR\n", order, order%500_000, order%12+1, order%28+1, order%60, i%2000, i%90, i%3+1)
	}},
}

// imports loads feeds as CSV, and the same files again.
func (b *bench) imports(ctx context.Context) error {
	defer b.scrap("imports")
	s, err := b.product(ctx, "imports", b.limit)
	if err != nil {
		return err
	}
	defer s.kill()
	for _, feed := range tables {
		if b.part != "" && !bytes.HasPrefix([]byte(feed.name), []byte(b.part)) {
			continue
		}
		var file bytes.Buffer
		file.WriteString(feed.header + "\n")
		for i := range b.rows {
			feed.row(&file, i)
		}
		var spent [2]float64
		for round := range 2 {
			cpu, begin := s.cpu(), time.Now()
			state, err := s.load(ctx, feed.name, file.Bytes())
			if err != nil {
				return err
			}
			took := time.Since(begin)
			spent[round] = float64((s.cpu() - cpu).Microseconds()) / float64(b.rows)
			want := [2]int{b.rows, 0}
			if round == 1 {
				want = [2]int{0, b.rows}
			}
			if state.State != "done" || state.Sums.Inserted != want[0] || state.Sums.Unchanged != want[1] {
				return fmt.Errorf("%s, round %d: %+v, want %d inserted and %d unchanged", feed.name, round+1, state, want[0], want[1])
			}
			b.say("%s, round %d: %d rows in %.1f s, %.0f rows/s, %.1f µs of processor time each", feed.name, round+1, b.rows, took.Seconds(), float64(b.rows)/took.Seconds(), spent[round])
		}
		b.atLeast(feed.name+": rows/s by processor time on 2 cores", 2e6/spent[0], 30_000, "")
		b.atLeast(feed.name+": the same again", 2e6/spent[1], 30_000, "")
	}
	most, _ := s.memory()
	b.say("resident memory: at most %.0f MiB", most)
	return nil
}

// load sends a table and waits until it is imported.
func (s *server) load(ctx context.Context, name string, file []byte) (state importState, err error) {
	if err := s.call(ctx, http.MethodPost, "/api/v1/imports?name="+url.QueryEscape(name), file, &state); err != nil {
		return state, err
	}
	for state.State != "done" && state.State != "failed" {
		if err := s.pause(ctx, 50*time.Millisecond); err != nil {
			return state, err
		}
		if err := s.call(ctx, http.MethodGet, "/api/v1/imports/"+state.ID, nil, &state); err != nil {
			return state, err
		}
	}
	return state, nil
}

// call calls the own API.
func (s *server) call(ctx context.Context, method, path string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+secretKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s %s: %s %s", method, path, answer.Status, text)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
