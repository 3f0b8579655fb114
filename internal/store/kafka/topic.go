// Package kafka keeps the blocks of a log as the records of a topic. It never
// says which block is part of the log and in which order: that is in the
// database, and a record that it does not name is noise. START READING at
// Topic.Put and Topic.Get.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"

	"rapport/internal/fault"
	"rapport/internal/store"
)

const (
	// recordBytes is the largest record that brokers take without being told, the
	// batch around it included.
	recordBytes = 1_000_012
	// around is what a batch adds to a record.
	around = 512
	// patience is how long a topic may take to answer.
	patience = 15 * time.Second
	// metadataAge is how soon brokers are asked again who leads a partition: an
	// append waits for the answer.
	metadataAge = 100 * time.Millisecond
	// newPartitions is how many a topic gets that is made here.
	newPartitions = 8
	// atOnce is how many blocks are fetched side by side.
	atOnce = 8
)

// Topic is a carrier of blocks. Any number of calls may run at once.
type Topic struct {
	client     *kgo.Client
	name       string
	id         [16]byte
	partitions int32
	replicas   int
	largest    int
	next       atomic.Uint32
}

var _ store.Carrier = (*Topic)(nil)

// Open connects to a topic. One that is not there is made, to be kept for ever;
// one that deletes its records is refused.
func Open(ctx context.Context, address string) (*Topic, error) { return open(ctx, address, true) }

// Inspection is what a topic says of itself.
type Inspection struct {
	Name       string
	Partitions int // 0: there is no such topic yet
	Replicas   int // on how many brokers each partition is
}

// Inspect asks a topic what it is. It makes and changes nothing, and fails where
// Open would.
func Inspect(ctx context.Context, address string) (Inspection, error) {
	t, err := open(ctx, address, false)
	if err != nil {
		return Inspection{}, err
	}
	defer t.Close()
	return Inspection{t.name, int(t.partitions), t.replicas}, nil
}

func open(ctx context.Context, address string, create bool) (*Topic, error) {
	a, err := ParseAddress(address)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "invalid_setting", "log_store: %w", err)
	}
	options, err := a.client()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to Kafka: %w", err)
	}
	t := &Topic{client: client, name: a.Topic, largest: recordBytes - around}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := t.prepare(ctx, create); err != nil {
		client.Close()
		return nil, fmt.Errorf("the topic %s of the log: %w", a.Topic, err)
	}
	return t, nil
}

// Close ends the connections.
func (t *Topic) Close() { t.client.Close() }

// Largest is how many bytes a block may have.
func (t *Topic) Largest() int { return t.largest }

// forEver are the settings of a topic that keeps all that it was given.
var forEver = map[string]string{"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"}

// prepare finds or makes the topic, and looks whether it can be relied on.
func (t *Topic) prepare(ctx context.Context, create bool) error {
	admin := kadm.NewClient(t.client)
	list, err := admin.ListTopics(ctx, t.name)
	if err != nil {
		return err
	}
	if errors.Is(list[t.name].Err, kerr.UnknownTopicOrPartition) {
		if !create {
			return nil
		}
		configs := map[string]*string{}
		for k, v := range forEver {
			configs[k] = &v
		}
		if _, err := admin.CreateTopic(ctx, newPartitions, -1, configs, t.name); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("making it: %w", err)
		}
		if list, err = t.made(ctx, admin); err != nil {
			return err
		}
	}
	d := list[t.name]
	if d.Err != nil {
		return d.Err
	}
	t.id, t.partitions, t.replicas = d.ID, int32(len(d.Partitions)), d.Partitions.NumReplicas()
	configs, err := admin.DescribeTopicConfigs(ctx, t.name)
	if err != nil {
		return err
	}
	return t.reliable(configs)
}

// made waits until a topic that was made a moment ago is known.
func (t *Topic) made(ctx context.Context, admin *kadm.Client) (kadm.TopicDetails, error) {
	for {
		list, err := admin.ListTopics(ctx, t.name)
		if err != nil || list[t.name].Err == nil && len(list[t.name].Partitions) > 0 {
			return list, err
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// reliable looks whether a topic keeps what it is given.
func (t *Topic) reliable(configs kadm.ResourceConfigs) error {
	for _, r := range configs {
		if r.Err != nil {
			return r.Err
		}
		for _, c := range r.Configs {
			if want, ask := forEver[c.Key]; ask && c.Value != nil && *c.Value != want {
				return fault.Errorf(fault.Conflict, "topic_forgets",
					"it has %[1]s=%[2]s and would lose what customers did: kafka-configs.sh --alter --topic %[3]s --add-config retention.ms=-1,retention.bytes=-1,cleanup.policy=delete", c.Key, *c.Value, t.name)
			}
			if c.Key != "max.message.bytes" || c.Value == nil {
				continue
			}
			if n, err := strconv.Atoi(*c.Value); err == nil && n > around {
				t.largest = min(t.largest, n-around)
			}
		}
	}
	return nil
}

// Put writes blocks, spread over the partitions, and waits for all replicas that
// are in step.
func (t *Topic) Put(ctx context.Context, blocks [][]byte) ([]store.Place, error) {
	records := make([]*kgo.Record, len(blocks))
	for i, b := range blocks {
		records[i] = &kgo.Record{Topic: t.name, Partition: int32(t.next.Add(1) % uint32(t.partitions)), Value: b}
	}
	if err := t.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return nil, fmt.Errorf("writing to the topic %s: %w", t.name, err)
	}
	out := make([]store.Place, len(records))
	for i, r := range records {
		out[i] = store.Place{Partition: r.Partition, Offset: r.Offset}
	}
	return out, nil
}

// Get reads blocks where they are.
func (t *Topic) Get(ctx context.Context, places []store.Place) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out := make([][]byte, len(places))
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for i, p := range places {
		all.Go(func() (err error) {
			out[i], err = t.get(ctx, p)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return nil, fmt.Errorf("reading the topic %s: %w", t.name, err)
	}
	return out, nil
}

// get reads one block, and asks again while the partition moves to another broker.
func (t *Topic) get(ctx context.Context, p store.Place) ([]byte, error) {
	for fresh := false; ; fresh = true {
		block, err := t.ask(ctx, p, fresh)
		if err == nil || ctx.Err() != nil || errors.Is(err, store.ErrNoBlock) {
			return block, err
		}
		if !kerr.IsRetriable(err) && !kgo.IsRetryableBrokerErr(err) {
			return nil, fmt.Errorf("partition %d at %d: %w", p.Partition, p.Offset, err)
		}
		if pause(ctx) != nil {
			return nil, err
		}
	}
}

// ask fetches from the broker that leads the partition.
func (t *Topic) ask(ctx context.Context, p store.Place, fresh bool) ([]byte, error) {
	leader, err := t.leader(ctx, p.Partition, fresh)
	if err != nil {
		return nil, err
	}
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = 1000, 1, 2*recordBytes, -1
	topic, part := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	topic.Topic, topic.TopicID = t.name, t.id
	part.Partition, part.FetchOffset, part.PartitionMaxBytes = p.Partition, p.Offset, int32(recordBytes)
	topic.Partitions = append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	answer, err := t.client.Broker(int(leader)).Request(ctx, req)
	if err != nil {
		return nil, err
	}
	got := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
		return nil, err
	}
	if len(got.Topics) == 0 || len(got.Topics[0].Partitions) == 0 {
		return nil, kerr.UnknownTopicOrPartition
	}
	read, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Offset: p.Offset, Topic: t.name, Partition: p.Partition},
		&got.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	switch {
	case errors.Is(read.Err, kerr.OffsetOutOfRange):
		return nil, fmt.Errorf("partition %d has nothing at %d: %w", p.Partition, p.Offset, store.ErrNoBlock)
	case read.Err != nil:
		return nil, read.Err
	case len(read.Records) == 0 || read.Records[0].Offset != p.Offset:
		return nil, fmt.Errorf("partition %d has nothing at %d any more: %w", p.Partition, p.Offset, store.ErrNoBlock)
	}
	return read.Records[0].Value, nil
}

// leader tells which broker leads a partition; fresh asks the cluster.
func (t *Topic) leader(ctx context.Context, partition int32, fresh bool) (int32, error) {
	req := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = &t.name
	req.Topics = append(req.Topics, topic)
	age := time.Minute
	if fresh {
		age = metadataAge
	}
	meta, err := t.client.RequestCachedMetadata(ctx, req, age)
	if err != nil {
		return 0, err
	}
	for _, m := range meta.Topics {
		if err := kerr.ErrorForCode(m.ErrorCode); err != nil {
			return 0, err
		}
		for _, p := range m.Partitions {
			if p.Partition == partition {
				return p.Leader, kerr.ErrorForCode(p.ErrorCode)
			}
		}
	}
	return 0, fmt.Errorf("it has no partition %d: %w", partition, store.ErrNoBlock)
}

func pause(ctx context.Context) error {
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
