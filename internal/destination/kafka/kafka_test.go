package kafka_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"rapport/internal/destination"
	"rapport/internal/destination/kafka"
	"rapport/internal/destination/sinktest"
	"rapport/internal/fault"
)

const password = "a secret password"

func cluster(t *testing.T, more ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append(more, kfake.NumBrokers(2), kfake.SeedTopics(3, "people"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func settings(t *testing.T, c *kfake.Cluster, change func(*kafka.Settings)) json.RawMessage {
	t.Helper()
	s := kafka.Settings{Brokers: c.ListenAddrs(), Topic: "people", TLS: "no"}
	if change != nil {
		change(&s)
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// records are those of the topic, by partition and in their order.
func records(t *testing.T, c *kfake.Cluster) []*kgo.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	req := kmsg.NewPtrListOffsetsRequest()
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = "people"
	for p := range int32(3) {
		one := kmsg.NewListOffsetsRequestTopicPartition()
		one.Partition, one.Timestamp = p, -1
		topic.Partitions = append(topic.Partitions, one)
	}
	req.Topics = append(req.Topics, topic)
	var want int64
	at := map[int32]kgo.Offset{}
	for _, shard := range client.RequestSharded(t.Context(), req) {
		if shard.Err != nil {
			t.Fatal(shard.Err)
		}
		for _, topic := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
			for _, p := range topic.Partitions {
				want += p.Offset
				at[p.Partition] = kgo.NewOffset().AtStart()
			}
		}
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{"people": at})
	var out []*kgo.Record
	for int64(len(out)) < want {
		fetched := client.PollFetches(t.Context())
		if err := fetched.Err0(); err != nil {
			t.Fatal(err)
		}
		out = append(out, fetched.Records()...)
	}
	return out
}

func id(r *kgo.Record) string {
	for _, h := range r.Headers {
		if h.Key == "rapport-id" {
			return string(h.Value)
		}
	}
	return ""
}

// suite runs against a cluster. Order is kept by person, so each person is
// looked at alone, and the suite's own look is for one person only.
func suite(t *testing.T, c *kfake.Cluster, s json.RawMessage) {
	t.Helper()
	sinktest.Run(t, sinktest.Suite{Type: kafka.Type(), Settings: s, Secrets: []string{password}})
	last := map[string]string{}
	seen := map[string]int32{}
	have := map[string]bool{}
	for _, r := range records(t, c) {
		have[id(r)] = true
		if p, ok := seen[string(r.Key)]; ok && r.Key != nil && p != r.Partition {
			t.Errorf("%s is in the partitions %d and %d", r.Key, p, r.Partition)
		}
		seen[string(r.Key)] = r.Partition
		// Those of the first part of the suite were sent once, in order.
		if i := id(r); i < "msg_0100" && strings.HasPrefix(i, "msg_") {
			if last[string(r.Key)] >= i {
				t.Errorf("%s comes behind %s", i, last[string(r.Key)])
			}
			last[string(r.Key)] = i
		}
	}
	for i := range 20 {
		if name := fmt.Sprintf("msg_%04d", i); !have[name] {
			t.Errorf("%s is missing", name)
		}
	}
	for _, first := range []int{400 + 40, 400 + 60, 400 + 80, 400 + 100, 400 + 120, 400 + 140} {
		if name := fmt.Sprintf("msg_%04d", first+3); !have[name] {
			t.Errorf("%s is missing after a fault of the line", name)
		}
	}
}

func TestKafka_PassesTheSuite(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	suite(t, c, settings(t, c, nil))
}

func TestKafka_SaysWhoItIs(t *testing.T) {
	t.Parallel()
	for name, mechanism := range map[string]string{"PLAIN": "plain", "SCRAM-SHA-256": "scram-sha-256", "SCRAM-SHA-512": "scram-sha-512"} {
		c := cluster(t, kfake.EnableSASL(), kfake.Superuser(name, "rapport", password))
		sink := open(t, settings(t, c, func(s *kafka.Settings) { s.Mechanism, s.User, s.Password = mechanism, "rapport", password }))
		if r := sink.Send(t.Context(), one(`{}`))[0]; r.Outcome != destination.Delivered {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func open(t *testing.T, s json.RawMessage) destination.Sink {
	t.Helper()
	sink, err := kafka.Type().Open(t.Context(), s, sinktest.Env(t, &sinktest.Line{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sink.Close() })
	return sink
}

func one(payload string) []destination.Message {
	return []destination.Message{{ID: "m", Kind: destination.Entered, Person: "p1", Time: sinktest.At, Payload: json.RawMessage(payload)}}
}

func TestKafka_WritesARecord(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	if r := open(t, settings(t, c, nil)).Send(t.Context(), one(`{"a":1}`))[0]; r.Outcome != destination.Delivered {
		t.Fatalf("%+v", r)
	}
	all := records(t, c)
	if len(all) != 1 || string(all[0].Key) != "p1" || string(all[0].Value) != `{"a":1}` || !all[0].Timestamp.Equal(sinktest.At) ||
		fmt.Sprintf("%s", all[0].Headers) != "[{rapport-id m} {rapport-kind entered} {rapport-time 2026-11-22T09:30:00Z}]" {
		t.Errorf("%+v", all)
	}
}

func TestKafka_TellsWhatAnErrorMeans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  *kerr.Error
		want destination.Outcome
	}{
		{kerr.MessageTooLarge, destination.Refused}, {kerr.InvalidRecord, destination.Refused}, {kerr.TopicAuthorizationFailed, destination.Retry},
	} {
		far := cluster(t)
		far.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
			far.KeepControl()
			in := req.(*kmsg.ProduceRequest)
			out := in.ResponseKind().(*kmsg.ProduceResponse)
			for _, topic := range in.Topics {
				t := kmsg.NewProduceResponseTopic()
				t.Topic, t.TopicID = topic.Topic, topic.TopicID
				for _, p := range topic.Partitions {
					answer := kmsg.NewProduceResponseTopicPartition()
					answer.Partition, answer.ErrorCode = p.Partition, c.err.Code
					t.Partitions = append(t.Partitions, answer)
				}
				out.Topics = append(out.Topics, t)
			}
			return out, nil, true
		})
		r := open(t, settings(t, far, nil)).Send(t.Context(), one(`{}`))[0]
		if r.Outcome != c.want || !strings.Contains(r.Reason, c.err.Message) {
			t.Errorf("%s: %+v", c.err.Message, r)
		}
	}
}

func TestKafka_WaitsForATopic(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	r := open(t, settings(t, c, func(s *kafka.Settings) { s.Topic = "none" })).Send(t.Context(), one(`{}`))[0]
	if r.Outcome != destination.Retry || !strings.Contains(r.Reason, "UNKNOWN_TOPIC_OR_PARTITION") {
		t.Errorf("%+v", r)
	}
}

func TestOpen_NamesTheSettingThatIsWrong(t *testing.T) {
	t.Parallel()
	for field, s := range map[string]kafka.Settings{
		"/settings/topic":          {Brokers: []string{"a:1"}, Topic: "a b"},
		"/settings/brokers":        {Brokers: []string{"a"}, Topic: "a"},
		"/settings/password":       {Brokers: []string{"a:1"}, Topic: "a", Mechanism: "plain"},
		"/settings/ca_certificate": {Brokers: []string{"a:1"}, Topic: "a", CA: "x"},
		"/settings/mechanism":      {Brokers: []string{"a:1"}, Topic: "a", Mechanism: "oauth"},
	} {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		_, err = kafka.Type().Open(context.Background(), b, destination.Env{})
		var f *fault.Fault
		if !errors.As(err, &f) || f.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// The brokers' certificates are checked: against an authority of one's own where
// one is given, else against those that the machine knows.
func TestKafka_SecuresItsConnections(t *testing.T) {
	t.Parallel()
	secured, ca := sinktest.Secured(t)
	c := cluster(t, kfake.TLS(secured))
	sink := open(t, settings(t, c, func(s *kafka.Settings) { s.TLS, s.CA = "yes", ca }))
	if r := sink.Send(t.Context(), one(`{}`))[0]; r.Outcome != destination.Delivered {
		t.Errorf("%+v", r)
	}
	for name, change := range map[string]func(*kafka.Settings){
		"an authority that nobody knows": func(s *kafka.Settings) { s.TLS = "yes" },
		"no TLS":                         func(s *kafka.Settings) { s.TLS = "no" },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		if r := open(t, settings(t, c, change)).Send(ctx, one(`{}`))[0]; r.Outcome != destination.Retry {
			t.Errorf("%s: %+v", name, r)
		}
		cancel()
	}
}
