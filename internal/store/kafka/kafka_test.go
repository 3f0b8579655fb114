package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"rapport/internal/fault"
	"rapport/internal/id"
	"rapport/internal/soak"
	"rapport/internal/store"
	"rapport/internal/store/kafka"
	"rapport/internal/store/postgres"
	"rapport/internal/store/postgres/pgtest"
	"rapport/internal/store/storetest"
)

var (
	server *pgtest.Server
	broker string // host:port, of the fake unless STORETEST_KAFKA names a real one
	topics atomic.Int64
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if broker = os.Getenv("STORETEST_KAFKA"); broker == "" {
		fake, err := kfake.NewCluster(kfake.NumBrokers(2))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer fake.Close()
		broker = strings.Join(fake.ListenAddrs(), ",")
	}
	return pgtest.Main(m, &server)
}

// newTopic is the address of a topic that nobody uses.
func newTopic(t testing.TB) (address, name string) {
	name = fmt.Sprintf("log-%d-%d", os.Getpid(), topics.Add(1))
	return "kafka://" + broker + "/" + name, name
}

func open(t testing.TB, address string) *kafka.Topic {
	t.Helper()
	topic, err := kafka.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(topic.Close)
	return topic
}

// disk is a schema of the server and a topic.
type disk struct {
	t       testing.TB
	schema  string
	address string // empty: the log is in the database
}

func newDisk(t testing.TB) *disk {
	t.Helper()
	if server == nil {
		t.Skip(pgtest.ErrNone)
	}
	address, _ := newTopic(t)
	return &disk{t, server.Schema(t), address}
}

func (d *disk) open() (*postgres.Store, error) {
	o := postgres.Options{DSN: server.DSN, Schema: d.schema, Connections: 6, Owner: "test"}
	if d.address != "" {
		topic, err := kafka.Open(context.Background(), d.address)
		if err != nil {
			return nil, err
		}
		o.Carrier = topic
	}
	s, err := postgres.Open(context.Background(), o)
	if err == nil {
		d.t.Cleanup(func() { s.Close() }) //nolint:errcheck // its lease may be lost
	}
	return s, err
}

func (d *disk) Open() (store.Store, error) { return d.open() }

// Crash lets the lease of the node that fell silent run out.
func (d *disk) Crash(func(int) int) {
	server.Exec(d.t, "UPDATE "+d.schema+".leases SET expires = 'epoch'")
}

// The promises of storage hold where the log is a topic. The state is where it
// always is, so only a soak looks at it again.
func TestStore_WithItsLogInATopic(t *testing.T) {
	t.Parallel()
	run := storetest.RunLog
	if soak.Long() {
		run = storetest.Run
	}
	run(t, func(t *testing.T) storetest.Disk { return newDisk(t) })
}

func TestTopic_GivesBackWhatItWasGiven(t *testing.T) {
	t.Parallel()
	address, _ := newTopic(t)
	topic := open(t, address)
	blocks := [][]byte{{1}, bytes.Repeat([]byte("ab"), topic.Largest()/2), {}, []byte("last")}
	places, err := topic.Put(t.Context(), blocks)
	if err != nil {
		t.Fatal(err)
	}
	again := open(t, address)
	got, err := again.Get(t.Context(), []store.Place{places[3], places[1], places[0], places[2]})
	if err != nil || !bytes.Equal(got[0], blocks[3]) || !bytes.Equal(got[1], blocks[1]) || !bytes.Equal(got[2], blocks[0]) || len(got[3]) != 0 {
		t.Errorf("%d blocks came back otherwise: %v", len(got), err)
	}
	for _, p := range []store.Place{{Partition: places[0].Partition, Offset: 1 << 40}, {Partition: 5000}} {
		if _, err := again.Get(t.Context(), []store.Place{p}); !errors.Is(err, store.ErrNoBlock) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	if _, err := topic.Put(t.Context(), [][]byte{make([]byte, topic.Largest()+1024)}); err == nil {
		t.Error("a block over the limit was taken")
	}
}

// A door cannot wait for ever for brokers that are away.
func TestPut_EndsWhileBrokersAreAway(t *testing.T) {
	t.Parallel()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	topic := open(t, "kafka://"+fake.ListenAddrs()[0]+"/log")
	if _, err := topic.Put(t.Context(), [][]byte{{1}}); err != nil {
		t.Fatal(err)
	}
	fake.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := topic.Put(ctx, [][]byte{{2}}); err == nil {
		t.Error("a block was taken by nobody")
	}
}

// A topic that deletes what it was given is no log.
func TestOpen_RefusesATopicThatForgets(t *testing.T) {
	t.Parallel()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(broker, ",")...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for key, value := range map[string]string{"retention.ms": "604800000", "cleanup.policy": "compact", "retention.bytes": "1000000"} {
		address, name := newTopic(t)
		configs := map[string]*string{"retention.ms": new("-1"), key: &value}
		if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, configs, name); err != nil {
			t.Fatal(err)
		}
		_, err := kafka.Open(t.Context(), address)
		if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Code != "topic_forgets" || !strings.Contains(err.Error(), key+"="+value) || !strings.Contains(err.Error(), "--add-config") {
			t.Errorf("%s=%s: %v", key, value, err)
		}
	}
}

// An instance finds out before it writes that its topic is another one, or none.
func TestOpen_FindsThatTheLogIsElsewhere(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	s, err := d.open()
	if err != nil {
		t.Fatal(err)
	}
	one := append1(t, s, "of the topic")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	right := d.address
	other, _ := newTopic(t)
	for name, address := range map[string]string{"another topic": other, "none": ""} {
		d.address = address
		_, err := d.open()
		if f, ok := errors.AsType[*fault.Fault](err); !ok || f.Code != "log_elsewhere" {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.address = right
	if s, err = d.open(); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Log().At(t.Context(), one); err != nil || string(r.Payload) != "of the topic" {
		t.Errorf("%q, %v", r.Payload, err)
	}
}

// What was written before the log moved into a topic is read beside what came
// after, and what a topic does not take stays in the database.
func TestStore_MovesItsLogIntoATopic(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	right := d.address
	d.address = ""
	s, err := d.open()
	if err != nil {
		t.Fatal(err)
	}
	append1(t, s, "before")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	d.address = right
	if s, err = d.open(); err != nil {
		t.Fatal(err)
	}
	append1(t, s, "after")
	large := noise(2 << 20)
	append1(t, s, large)
	var got []string
	if err := s.Log().Read(t.Context(), 0, func(r *store.Record) error { got = append(got, string(r.Payload)); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0] != "before" || got[1] != "after" || got[2] != large {
		t.Errorf("%d records were read", len(got))
	}
	conn, err := pgx.Connect(t.Context(), server.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // read only
	var away string
	const ask = "SELECT string_agg((bytes IS NULL)::text, ' ' ORDER BY ends) FROM "
	if err := conn.QueryRow(t.Context(), ask+d.schema+".log_blocks").Scan(&away); err != nil || away != "false true false" {
		t.Errorf("blocks outside the database: %s, %v", away, err)
	}
}

// noise is text that does not compress.
func noise(n int) string {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b) //nolint:errcheck // never fails
	return string(b)
}

// append1 puts one record into the log and gives its position.
func append1(t testing.TB, s store.Store, payload string) store.Position {
	t.Helper()
	f := &store.Frame{Records: []store.Record{{Kind: store.KindEvent, Anchor: id.KeyOf("user_id", "ada"), Payload: []byte(payload)}}}
	f.Records[0].Bucket = f.Records[0].Anchor.Bucket()
	if err := errors.Join(s.Log().Seal(t.Context(), f), s.Log().Append(t.Context(), []*store.Frame{f})); err != nil {
		t.Fatal(err)
	}
	return f.Records[0].Position
}
