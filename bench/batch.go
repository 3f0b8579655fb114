package main

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the protocol's checksum
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/klauspost/compress/gzip"
)

// guestsPerFile keeps a file below the 50 MB that one may have.
const guestsPerFile = 250_000

// batchState is a batch of guests as the server shows it.
type batchState struct {
	Location struct {
		Href string `json:"href"`
	} `json:"location"`
	Status struct {
		Code string `json:"code"`
	} `json:"status"`
	Result struct {
		Changed   int `json:"changed"`
		Unchanged int `json:"unchanged"`
		Failed    int `json:"failed"`
	} `json:"result"`
}

// batches takes guests as files of the Batch API, and the same files again, within
// 1.5 GB.
func (b *bench) batches(ctx context.Context) error {
	defer b.scrap("batch")
	s, err := b.product(ctx, "batch", "1280MiB")
	if err != nil {
		return err
	}
	defer s.kill()
	var took [2]time.Duration
	var spent [2]time.Duration
	for round := range 2 {
		cpu := s.cpu()
		for from := 0; from < b.guests; from += guestsPerFile {
			n := min(guestsPerFile, b.guests-from)
			file, err := guestFile(from, n)
			if err != nil {
				return err
			}
			begin := time.Now()
			state, err := s.batch(ctx, fmt.Sprintf("00000000-0000-4000-8000-%06d%06d", round, from/guestsPerFile), file)
			if err != nil {
				return err
			}
			took[round] += time.Since(begin)
			want := [2]int{n, 0}
			want[round], want[1-round] = n, 0
			if state.Status.Code != "success" || state.Result.Changed != want[0] || state.Result.Unchanged != want[1] {
				return fmt.Errorf("round %d: %+v, want %d changed and %d unchanged", round, state, want[0], want[1])
			}
		}
		spent[round] = s.cpu() - cpu
		most, _ := s.memory()
		b.say("round %d: %d guests in %.1f s, %.1f µs of processor time each, at most %.0f MiB", round+1, b.guests, took[round].Seconds(),
			float64(spent[round].Microseconds())/float64(b.guests), most)
	}
	million := float64(b.guests) / 1e6
	most, _ := s.memory()
	b.atMost("1 M guests by batch, processor time over 2 cores", spent[0].Seconds()/million/2, 60, " s")
	b.atMost("1 M guests by batch, wall clock", took[0].Seconds()/million, 60, " s")
	b.atMost("the same again to the first time, processor time", spent[1].Seconds()/spent[0].Seconds(), 1, "×")
	b.atMost("resident memory", most, 1430, " MiB") // 1.5 GB
	return nil
}

// guestFile is a file of guests as a shop would export them.
func guestFile(from, n int) ([]byte, error) {
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	for i := from; i < from+n; i++ {
		_, err = fmt.Fprintf(zip, `{"ref":"%08d-0000-4000-8000-000000000000","schema":"guest","mode":"upsert","value":{"email":"guest%08d@shop.example",`+
			`"firstName":"Given%d","lastName":"Family%d","gender":"Female","dateOfBirth":"1980-02-%02dT00:00","city":"Graz","country":"AT","postCode":"8010",`+
			`"identifiers":[{"provider":"crm","id":"c-%08d"}],"extensions":[{"name":"ext","key":"default","tier":"gold","points":%d}]}}`+"\n",
			i, i, i%1000, i%5000, i%28+1, i, i%9999)
		if err != nil {
			return nil, err
		}
	}
	err = zip.Close()
	return out.Bytes(), err
}

// batch announces a file, uploads it and waits until it is done.
func (s *server) batch(ctx context.Context, ref string, file []byte) (state batchState, err error) {
	address := "http://" + s.address + "/v2/batches/" + ref
	body := fmt.Sprintf(`{"checksum":"%x","size":%d}`, md5.Sum(file), len(file)) //nolint:gosec // the protocol's checksum
	if err := s.exchange(ctx, http.MethodPut, address, []byte(body), &state); err != nil {
		return state, err
	}
	if err := s.exchange(ctx, http.MethodPut, state.Location.Href, file, nil); err != nil {
		return state, err
	}
	for {
		state = batchState{}
		if err := s.exchange(ctx, http.MethodGet, address, nil, &state); err != nil {
			return state, err
		}
		if state.Status.Code != "processing" {
			return state, nil
		}
		if err := s.pause(ctx, 50*time.Millisecond); err != nil {
			return state, err
		}
	}
}

func (s *server) exchange(ctx context.Context, method, address string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.SetBasicAuth(writeKey, secretKey)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s %s", method, address, answer.Status, text)
	}
	if err == nil && into != nil {
		err = json.Unmarshal(text, into)
	}
	return err
}
