// Package kafka appends each message to a topic: an idempotent producer, all
// replicas, the person as the key, so that what concerns a person stays in one
// partition and in order. It never makes a topic.
package kafka

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"regexp"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"rapport/internal/destination"
)

// Settings are the settings of a topic.
type Settings struct {
	Brokers   []string `json:"brokers" required:"true" doc:"Addresses to begin with, such as [\"kafka-1.example.com:9092\"]; the cluster tells the others"`
	Topic     string   `json:"topic" required:"true" doc:"The topic; it must be there"`
	TLS       string   `json:"tls,omitempty" enum:"yes,no" default:"yes" doc:"Whether connections are secured"`
	CA        string   `json:"ca_certificate,omitempty" doc:"PEM of the authority that signed the brokers' certificates, where it is one of your own"`
	Mechanism string   `json:"mechanism,omitempty" enum:"none,plain,scram-sha-256,scram-sha-512" default:"none" doc:"How the producer says who it is (SASL)"`
	User      string   `json:"user,omitempty" doc:"Of the mechanism"`
	Password  string   `json:"password,omitempty" secret:"true" doc:"Of the user"`
}

// Type is the register's entry.
func Type() destination.Type {
	return destination.Type{
		Name: "kafka", Title: "Kafka topic",
		About:  "Appends each message to a topic with the person as the key. The record's value is the payload; the headers rapport-id, rapport-kind and rapport-time say the rest.",
		Schema: destination.SchemaOf[Settings](), Open: open,
	}
}

type sink struct {
	Settings
	options []kgo.Opt
	mask    *destination.Masker
	mu      sync.Mutex
	client  *kgo.Client
}

var topics = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

func open(_ context.Context, settings json.RawMessage, env destination.Env) (destination.Sink, error) {
	s := &sink{}
	if err := destination.Decode(settings, &s.Settings); err != nil {
		return nil, err
	}
	if !topics.MatchString(s.Topic) {
		return nil, destination.Invalid("topic", "topic %q: give letters, digits, dots, dashes and underscores", s.Topic)
	}
	for _, b := range s.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			return nil, destination.Invalid("brokers", "broker %q: give host and port, such as kafka-1.example.com:9092", b)
		}
	}
	if s.Mechanism != "none" && (s.User == "" || s.Password == "") {
		return nil, destination.Invalid("password", "%s needs user and password", s.Mechanism)
	}
	if _, err := destination.TLS("ca_certificate", "", s.CA); err != nil {
		return nil, err
	}
	s.mask = destination.NewMasker(s.Password)
	s.options = s.clientOptions(env)
	return s, nil
}

func (s *sink) clientOptions(env destination.Env) []kgo.Opt {
	out := []kgo.Opt{
		kgo.SeedBrokers(s.Brokers...), kgo.ClientID("rapport"), kgo.DefaultProduceTopic(s.Topic), kgo.DisableClientMetrics(),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerBatchCompression(kgo.SnappyCompression(), kgo.NoCompression()),
		kgo.UnknownTopicRetries(1), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			return s.dial(ctx, env, network, address)
		}),
	}
	switch s.Mechanism {
	case "plain":
		out = append(out, kgo.SASL(plain.Auth{User: s.User, Pass: s.Password}.AsMechanism()))
	case "scram-sha-256":
		out = append(out, kgo.SASL(scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism()))
	case "scram-sha-512":
		out = append(out, kgo.SASL(scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism()))
	}
	return out
}

func (s *sink) dial(ctx context.Context, env destination.Env, network, address string) (net.Conn, error) {
	conn, err := env.Dial(ctx, network, address)
	if err != nil || s.TLS == "no" {
		return conn, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	config, err := destination.TLS("ca_certificate", host, s.CA)
	if err != nil {
		return nil, err
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close() // the handshake's error says more
		return nil, err
	}
	return secured, nil
}

func (s *sink) Limits() destination.Limits {
	return destination.Limits{Batch: 1000, Bytes: 8 << 20, Concurrency: 1, Timeout: 30 * time.Second}
}

func (s *sink) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
	return nil
}

// producer gives the client, a new one where there is none.
func (s *sink) producer() (*kgo.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	c, err := kgo.NewClient(s.options...)
	s.client = c
	return c, err
}

// drop ends a client: what it still holds is never sent by it, so that it
// cannot overtake or come twice when the outbox sends it again.
func (s *sink) drop(c *kgo.Client) {
	s.mu.Lock()
	if s.client == c {
		s.client = nil
	}
	s.mu.Unlock()
	c.Close()
}

func (s *sink) Send(ctx context.Context, batch []destination.Message) []destination.Result {
	c, err := s.producer()
	if err != nil {
		return destination.Same(len(batch), destination.Result{Outcome: destination.Refused, Reason: s.mask.Text("the settings are not taken: " + err.Error())})
	}
	out := make([]destination.Result, len(batch))
	said := make([]error, len(batch))
	var group sync.WaitGroup
	for i := range batch {
		if !json.Valid(batch[i].Payload) {
			out[i] = destination.NoJSON()
			continue
		}
		group.Add(1)
		c.Produce(ctx, record(&batch[i]), func(_ *kgo.Record, err error) {
			said[i] = err
			group.Done()
		})
	}
	// What is on the line cannot be called back: the line is cut instead.
	stop := context.AfterFunc(ctx, func() { s.drop(c) })
	group.Wait()
	ended := !stop()
	lost := false
	for i := range batch {
		if out[i].Outcome == "" {
			out[i] = s.result(ctx, &batch[i], said[i])
			lost = lost || out[i].Outcome == destination.Retry
		}
	}
	if lost && !ended {
		// A producer that lost records refuses those behind them.
		s.drop(c)
	}
	return out
}

func record(m *destination.Message) *kgo.Record {
	r := &kgo.Record{
		Value: m.Payload, Timestamp: m.Time,
		Headers: []kgo.RecordHeader{
			{Key: "rapport-id", Value: []byte(m.ID)},
			{Key: "rapport-kind", Value: []byte(m.Kind)},
			{Key: "rapport-time", Value: []byte(m.Time.UTC().Format(time.RFC3339Nano))},
		},
	}
	if m.Person != "" {
		r.Key = []byte(m.Person)
	}
	return r
}
