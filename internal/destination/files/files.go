// Package files writes messages as rows of CSV, JSON lines or Parquet files into
// a folder or into storage that speaks S3. A message is in one file, once,
// whatever happens between two attempts. It never changes or removes a file that
// is there for others to read, except to take out somebody who is erased.
package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"rapport/internal/destination"
	"rapport/internal/rowfile"
)

// Settings are the settings of files.
type Settings struct {
	Target   string            `json:"target,omitempty" enum:"local,s3" default:"local" doc:"local: a folder of this server; s3: a bucket"`
	Folder   string            `json:"folder,omitempty" doc:"The folder within the one that the operator gives to files, or the prefix within the bucket; files of a day lie in day=2026-11-22 below it"`
	Format   string            `json:"format,omitempty" enum:"csv,jsonl,parquet" default:"jsonl" doc:"How rows are written"`
	Columns  []Column          `json:"columns,omitempty" doc:"The columns in their order, such as [{\"name\": \"email\", \"value\": \"identifiers.email\"}]; left out: id, kind, person, time and payload"`
	Audience string            `json:"audience,omitempty" enum:"google,meta,linkedin,tiktok" doc:"Write files that the platform takes as a customer list: its columns, each value in its form and hashed (SHA-256). Who is added is in files below add, who is removed below remove. Left out: the columns as they are"`
	Fields   map[string]string `json:"fields,omitempty" doc:"Of an audience: where its fields are, such as {\"first_name\": \"person.traits.given\"}: email, phone, first_name, last_name, city, state, zip, country, birthday, gender. Left out: identifiers and traits of these names"`
	Gather   int               `json:"gather_seconds,omitempty" default:"10" doc:"How long a row may wait for others to be in one file with it, 1 to 3600: fewer files, later. A file is also written when 4,000 people wait for one, or 8 MiB"`
	S3       S3                `json:"s3,omitzero"`
}

// Column is a column of the files.
type Column struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// S3 are the settings of a bucket.
type S3 struct {
	Endpoint  string `json:"endpoint,omitempty" doc:"Such as https://s3.eu-central-1.amazonaws.com or https://minio.example.com"`
	Region    string `json:"region,omitempty" default:"us-east-1" doc:"What signatures name"`
	Bucket    string `json:"bucket,omitempty" doc:"The bucket; it must be there"`
	PathStyle bool   `json:"path_style,omitempty" doc:"The bucket stands in the path and not in the host name, as MinIO wants it"`
	AccessKey string `json:"access_key,omitempty" doc:"The key's id"`
	SecretKey string `json:"secret_key,omitempty" secret:"true" doc:"The key"`
	Token     string `json:"session_token,omitempty" secret:"true" doc:"Of temporary keys"`
}

// Type is the register's entry.
func Type() destination.Type {
	return destination.Type{
		Name: "files", Title: "Files",
		About:  "Writes messages as rows of CSV, JSON lines or Parquet files into a folder or a bucket that speaks S3. Each message is in one file, once.",
		Schema: destination.SchemaOf[Settings](), Open: open, Retaken: retaken,
	}
}

// retaken: an erasure takes rows out of files. Only a platform that took an
// audience from them has to be told beside that.
func retaken(settings json.RawMessage) bool {
	var s Settings
	return json.Unmarshal(settings, &s) == nil && s.Audience == ""
}

// store is where finished files go. Publish makes a staged file of a name be
// there as a whole or not at all, and takes it from the stage.
type store interface {
	stage() string
	publish(ctx context.Context, staged, name string) destination.Result
}

type sink struct {
	Settings
	env    destination.Env
	store  store
	mask   *destination.Masker
	mu     sync.Mutex
	ledger *ledger // nil until it is read
}

func open(_ context.Context, settings json.RawMessage, env destination.Env) (destination.Sink, error) {
	s := &sink{env: env}
	if err := destination.Decode(settings, &s.Settings); err != nil {
		return nil, err
	}
	if s.Folder != "" && !filepath.IsLocal(s.Folder) || strings.ContainsAny(s.Folder, "\\\x00") {
		return nil, destination.Invalid("folder", "folder %q leads elsewhere: give a name, or several with slashes between them", s.Folder)
	}
	if s.Gather < 1 || s.Gather > 3600 {
		return nil, destination.Invalid("gather_seconds", "gather_seconds %d: give 1 to 3600", s.Gather)
	}
	if env.Folder == "" {
		return nil, destination.Invalid("target", "there is no folder to remember in what was written")
	}
	seen := map[string]bool{}
	for _, c := range s.Columns {
		if c.Name == "" || c.Value == "" || seen[c.Name] {
			return nil, destination.Invalid("columns", "each column needs a name of its own and a value")
		}
		seen[c.Name] = true
	}
	if err := s.checkAudience(); err != nil {
		return nil, err
	}
	if s.Target == "s3" {
		return s, s.openBucket()
	}
	if env.Files == "" {
		return nil, destination.Invalid("target", "this server writes no local files: the operator has to name a folder for them, or choose s3")
	}
	s.store = folder{filepath.Join(env.Files, filepath.FromSlash(s.Folder))}
	return s, nil
}

// What one file may hold.
const (
	maxRows  = 10_000
	maxBytes = 32 << 20
)

func (s *sink) Limits() destination.Limits {
	return destination.Limits{Batch: maxRows, Bytes: maxBytes, Concurrency: 1, Timeout: time.Minute, Gather: time.Duration(s.Gather) * time.Second}
}

func (s *sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ledger == nil {
		return nil
	}
	err := s.ledger.close()
	s.ledger = nil
	return err
}

func (s *sink) Send(ctx context.Context, batch []destination.Message) []destination.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return destination.Same(len(batch), destination.Result{Outcome: destination.Retry, Reason: destination.Unreachable(ctx, err)})
	}
	if err := s.ready(); err != nil {
		return destination.Same(len(batch), onDisk(err))
	}
	// What was begun is finished first: the file of the last attempt is there, or
	// comes to be there now with the same rows.
	if r := s.finish(ctx); r.Outcome != destination.Delivered {
		return destination.Same(len(batch), r)
	}
	out := make([]destination.Result, len(batch))
	for _, c := range s.contents(batch, out) {
		var r destination.Result
		if err := s.begin(c); err != nil {
			r = onDisk(err)
		} else {
			r = s.finish(ctx)
		}
		for _, i := range c.at {
			out[i] = r
		}
		if r.Outcome != destination.Delivered {
			break
		}
	}
	return out
}

// errLater stands where a file before this one is not there yet.
var errLater = errors.New("a file before this one could not be written")

// content is what one file will hold.
type content struct {
	below string // a folder in front of the day; empty: none
	rows  [][]json.RawMessage
	ids   []string
	at    []int // where in the batch
}

// onDisk is the result of something that this server's own disk did not take.
func onDisk(err error) destination.Result {
	return destination.Result{Outcome: destination.Retry, Reason: "this server cannot write: " + err.Error()}
}

func (s *sink) ready() (err error) {
	if s.ledger == nil {
		s.ledger, err = openLedger(filepath.Join(s.env.Folder, "files.log"))
	}
	return err
}

// contents are what is to be written, file by file, without what was written
// before and without what cannot be a row.
func (s *sink) contents(batch []destination.Message, out []destination.Result) (all []*content) {
	for i := range batch {
		m := &batch[i]
		if s.ledger.has(m.ID) {
			out[i] = destination.Result{Outcome: destination.Delivered, Answer: []byte("it was written before")}
			continue
		}
		row, bad := s.row(m)
		if bad != nil {
			out[i] = *bad
			continue
		}
		out[i] = onDisk(errLater)
		below := s.below(m)
		// Who is added, removed and added again is in three files in this order.
		if len(all) == 0 || all[len(all)-1].below != below {
			all = append(all, &content{below: below})
		}
		c := all[len(all)-1]
		c.rows, c.ids, c.at = append(c.rows, row), append(c.ids, m.ID), append(c.at, i)
	}
	return all
}

// below is the folder of an audience's file: platforms add and remove by
// different lists.
func (s *sink) below(m *destination.Message) string {
	switch {
	case s.Audience == "":
		return ""
	case destination.Leaves(m):
		return "remove/"
	}
	return "add/"
}

var defaultColumns = []Column{
	{"id", "message.id"}, {"kind", "message.kind"}, {"person", "message.person"}, {"time", "message.time"}, {"payload", ""},
}

func (s *sink) columns() (out []Column) {
	for _, h := range headers(s.Audience) {
		out = append(out, Column{h, ""})
	}
	if len(out) > 0 {
		return out
	}
	if len(s.Columns) > 0 {
		return s.Columns
	}
	return defaultColumns
}

func (s *sink) row(m *destination.Message) ([]json.RawMessage, *destination.Result) {
	vars, err := destination.Vars(m)
	if err != nil {
		r := destination.NoJSON()
		return nil, &r
	}
	if s.Audience != "" {
		return s.matched(vars)
	}
	row := make([]json.RawMessage, len(s.columns()))
	for i, c := range s.columns() {
		if c.Value == "" {
			var b bytes.Buffer
			if err := json.Compact(&b, m.Payload); err != nil {
				r := destination.NoJSON()
				return nil, &r
			}
			row[i] = b.Bytes()
			continue
		}
		v, ok := destination.At(vars, c.Value)
		if !ok || v == nil {
			continue
		}
		if row[i], err = json.Marshal(v); err != nil {
			return nil, &destination.Result{Outcome: destination.Refused, Reason: fmt.Sprintf("the value of %q cannot be written", c.Name)}
		}
	}
	return row, nil
}

// begin stages a file and notes what will be in it.
func (s *sink) begin(c *content) error {
	var file bytes.Buffer
	names := make([]string, len(s.columns()))
	for i, column := range s.columns() {
		names[i] = column.Name
	}
	w, err := rowfile.New(rowfile.Format(s.Format), &file, names)
	if err != nil {
		return err
	}
	for _, row := range c.rows {
		if err := w.Write(row); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	changing.RLock()
	defer changing.RUnlock()
	sum := sha256.Sum256([]byte(strings.Join(c.ids, "\n")))
	now := s.env.Now().UTC()
	name := fmt.Sprintf("%sday=%s/%s-%08d-%s.%s", c.below, now.Format(time.DateOnly), now.Format("20060102T150405Z"), s.ledger.next(), hex.EncodeToString(sum[:8]), s.Format)
	staged := filepath.Join(s.store.stage(), filepath.Base(name))
	if err := writeSynced(staged, file.Bytes()); err != nil {
		return err
	}
	return s.ledger.intend(name, c.ids)
}

// finish publishes what is staged and not yet there.
func (s *sink) finish(ctx context.Context) destination.Result {
	name := s.ledger.pending
	if name == "" {
		return destination.Result{Outcome: destination.Delivered}
	}
	staged := filepath.Join(s.store.stage(), filepath.Base(name))
	there, err := exists(staged)
	if err != nil {
		return onDisk(err)
	}
	r := destination.Result{Outcome: destination.Delivered, Request: []byte(name)}
	if there {
		// What is gone from the stage was published.
		if r = s.store.publish(ctx, staged, name); r.Outcome != destination.Delivered {
			return r
		}
	}
	if err := s.ledger.done(); err != nil {
		return onDisk(err)
	}
	return r
}
