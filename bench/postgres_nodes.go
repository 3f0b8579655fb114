package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"rapport/bench/load"
)

// nodes are servers on one schema of a database.
type nodes []*server

func (n nodes) cpu() (sum time.Duration) {
	for _, s := range n {
		sum += s.cpu()
	}
	return sum
}

func (n nodes) stop() (err error) {
	for _, s := range n {
		err = errors.Join(err, s.stop())
	}
	return err
}

func (n nodes) kill() {
	for _, s := range n {
		s.kill()
	}
}

// open starts nodes on a new schema.
func (d *database) open(ctx context.Context, schema string, count int) (all nodes, err error) {
	if err := query(ctx, d.Server, "CREATE SCHEMA "+schema); err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	for i := range count {
		address, err := freeAddress(ctx)
		var s *server
		if err == nil {
			s, err = d.serve(ctx, fmt.Sprintf("%s-%d", schema, i), address, "RAPPORT_STORE="+d.DSN+"&search_path="+schema,
				"RAPPORT_MASTER_KEY="+hex.EncodeToString(key), "RAPPORT_CLUSTER_ADDRESS=http://"+address)
		}
		if err != nil {
			all.kill()
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// round sends the load of a round to nodes, to each its share.
func (d *database) round(ctx context.Context, schema string, count int) (r dbRound, err error) {
	all, err := d.open(ctx, schema, count)
	if err != nil {
		return r, err
	}
	servers, database, before := all.cpu(), familyCPU(d.Process()), d.counted(ctx)
	m, err := d.measured(ctx, all[0], func() (load.Result, error) { return d.share(ctx, all) })
	if err != nil {
		all.kill()
		return r, err
	}
	m.cpu, database = all.cpu()-servers, familyCPU(d.Process())-database
	r = d.counted(ctx)
	r.measure, r.database = m, database
	r.commits, r.statements, r.batches = r.commits-before.commits, r.statements-before.statements, r.batches-before.batches
	if err := all.stop(); err != nil {
		return r, err
	}
	for i := range count {
		d.scrap(fmt.Sprintf("%s-%d", schema, i))
	}
	return r, query(ctx, d.Server, "DROP SCHEMA "+schema+" CASCADE")
}

// share sends a job to nodes at once, to each as many events.
func (d *database) share(ctx context.Context, all nodes) (sum load.Result, err error) {
	results := make([]load.Result, len(all))
	group, ctx := errgroup.WithContext(ctx)
	for i, s := range all {
		job := d.job(s)
		job.Events, job.Conns = job.Events/len(all), job.Conns/len(all)
		group.Go(func() (err error) {
			results[i], err = load.Run(ctx, job)
			return err
		})
	}
	err = group.Wait()
	for i := range results {
		r := &results[i]
		sum.Events, sum.Requests, sum.Bytes, sum.Refused = sum.Events+r.Events, sum.Requests+r.Requests, sum.Bytes+r.Bytes, sum.Refused+r.Refused
		sum.Latency.Merge(&r.Latency)
	}
	return sum, err
}

// readings is how many people are asked for, and how many rows by their key.
const readings = 3000

// rowKey is where a row of the state is.
type rowKey struct {
	Bucket, Kind int16
	Key          []byte
}

// reads loads people and reads profiles of theirs, in turns with a bare query of a
// row of the state by its primary key.
func (d *database) reads(ctx context.Context) error {
	all, err := d.open(ctx, "reading", 1)
	if err != nil {
		return err
	}
	defer all.kill()
	s := all[0]
	job := d.job(s)
	job.Even = true // then nearly everybody comes
	if _, err := d.send(ctx, s, job); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, d.DSN+"&search_path=reading")
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // it was only read
	rows, err := conn.Query(ctx, "SELECT bucket, kind, key FROM state_rows ORDER BY md5(key) LIMIT $1", readings)
	if err != nil {
		return err
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[rowKey])
	if err != nil {
		return err
	}
	var profiles, bare load.Histogram
	for i, k := range keys {
		var parts []byte
		begin := time.Now()
		if err := conn.QueryRow(ctx, "SELECT parts FROM state_rows WHERE bucket = $1 AND kind = $2 AND key = $3", k.Bucket, k.Kind, k.Key).Scan(&parts); err != nil {
			return err
		}
		bare.Add(time.Since(begin))
		var profile struct{ ID string }
		begin = time.Now()
		if err := s.get(ctx, fmt.Sprintf("/api/v1/profiles/user_id:u-%08d", i*7919%d.people), &profile); err != nil {
			return err
		}
		if profile.ID != "" { // somebody of whom events came
			profiles.Add(time.Since(begin))
		}
	}
	d.say("%d profiles over HTTP p50 %v p99 %v; rows by their primary key p50 %v p99 %v", profiles.Count(), short(profiles.Quantile(0.5)),
		short(profiles.Quantile(0.99)), short(bare.Quantile(0.5)), short(bare.Quantile(0.99)))
	d.atMost("a profile, p99, to that of a bare query by primary key", float64(profiles.Quantile(0.99))/float64(bare.Quantile(0.99)), 3, "×")
	return nil
}
