package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"rapport/internal/config"
	"rapport/internal/disk"
	"rapport/internal/fault"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
	"rapport/internal/store/kafka"
	"rapport/internal/store/postgres"
	"rapport/internal/store/seal"
)

const (
	storeFolder     = "store"
	columnsFolder   = "columns"
	instanceKeyFile = "instance-key"
	masterKeyFile   = "master-key"
	nodeFile        = "node"
)

// storeOptions are what an engine is opened with, and what it tells while it is
// open.
type storeOptions struct {
	memory  int64
	master  master             // of a database
	waiting func(owner string) // another node holds the data; this one waits
	lost    func(error)        // another node took the data: this one must stop
}

func openStore(ctx context.Context, c *config.Config, p Parts, o storeOptions) (store.Store, error) {
	if p.Store != nil {
		return p.Store, nil
	}
	if c.Postgres() {
		return openPostgres(ctx, c, p, o)
	}
	if c.LogStore != "" {
		return nil, fault.Errorf(fault.Invalid, "invalid_setting", "log_store needs a database: set store to its postgres:// address; it keeps the order of what Kafka keeps")
	}
	s, err := embedded.Open(c.Path(storeFolder), embedded.Options{
		FS:           c.Files,
		WrittenOnce:  disk.Enciphers(c.Files),
		MemoryBudget: o.memory,
		Random:       p.Entropy,
		Report:       func(err error) { p.Log.Error("store", "error", err) },
	})
	if err != nil {
		return nil, fmt.Errorf("opening the data in %s: %w", c.Path(storeFolder), err)
	}
	return s, nil
}

func openPostgres(ctx context.Context, c *config.Config, p Parts, o storeOptions) (store.Store, error) {
	owner, err := nodeName(c, p)
	if err != nil {
		return nil, err
	}
	var log store.Carrier
	if c.LogStore != "" {
		if log, err = kafka.Open(ctx, c.LogStore); err != nil {
			return nil, err
		}
	}
	s, err := postgres.Open(ctx, postgres.Options{
		DSN: c.Store, Owner: owner, Master: o.master.key, MemoryBudget: o.memory, Random: p.Entropy, Carrier: log,
		Lease: c.Cluster.Lease, Waiting: o.waiting, Lost: o.lost,
	})
	if errors.Is(err, postgres.ErrMaster) && o.master.fresh {
		// The key was made a moment ago and opens nothing.
		err = errors.Join(err, os.Remove(c.Path(masterKeyFile)))
	}
	if err != nil {
		return nil, fmt.Errorf("opening the data in the database: %w", err)
	}
	if f := s.Flavour(); f.Superuser {
		p.Log.Warn("the database role is a superuser, which this program does not need: give it a role that owns its schema and no more")
	}
	return s, nil
}

// nodeName tells this node, that is its data folder, from others on the same
// database, also after a restart.
func nodeName(c *config.Config, p Parts) (string, error) {
	path := c.Path(nodeFile)
	text, err := disk.ReadFile(c.Files, path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the node's name: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	var end [4]byte
	p.fill(end[:])
	name := host + "-" + hex.EncodeToString(end[:])
	if err := disk.WriteFile(c.Files, path, []byte(name+"\n")); err != nil {
		return "", fmt.Errorf("keeping the node's name: %w", err)
	}
	return name, nil
}

// master is the key that wraps the data keys of a database, and of which nodes make
// those that they share.
type master struct {
	key   [seal.MasterBytes]byte
	fresh bool // it was made a moment ago
}

// masterKey reads the key once, for all that need it: the setting, or the file in
// the data folder, which is made where there is none. Without a database there is
// no such key.
func masterKey(c *config.Config, p Parts) (m master, err error) {
	if !c.Postgres() {
		return m, nil
	}
	text := []byte(c.MasterKey)
	path := c.Path(masterKeyFile)
	if c.MasterKey == "" {
		if text, err = disk.ReadFile(c.Files, path); errors.Is(err, fs.ErrNotExist) {
			m.fresh = true
			p.fill(m.key[:])
			return m, disk.WriteFile(c.Files, path, []byte(hex.EncodeToString(m.key[:])+"\n"))
		}
		if err != nil {
			return m, fmt.Errorf("reading the master key: %w", err)
		}
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != len(m.key) {
		return m, fault.Errorf(fault.Internal, "master_key", "%s is damaged: restore it from a backup or copy it from another node, nothing can be read without it", path)
	}
	m.key = [seal.MasterBytes]byte(b)
	return m, nil
}

// instanceKey is the key that profile ids are made with. It is made with the
// data and must stay with it.
func instanceKey(ctx context.Context, c *config.Config, p Parts, m master) (key [16]byte, err error) {
	path := c.Path(instanceKeyFile)
	text, err := disk.ReadFile(c.Files, path)
	switch {
	case err == nil:
		return parseInstanceKey(path, text)
	case !errors.Is(err, fs.ErrNotExist):
		return key, fmt.Errorf("reading the instance key: %w", err)
	}
	if c.Postgres() {
		text, err := postgres.ReadFile(ctx, postgres.Options{DSN: c.Store, Master: m.key}, instanceKeyFile)
		if err != nil || text != nil {
			if err == nil {
				key, err = parseInstanceKey(instanceKeyFile, text)
			}
			return key, err
		}
		// Every node of an instance that began there comes to the same key by itself.
		return derivedInstanceKey(m), nil
	}
	if _, err := os.Stat(c.Path(storeFolder)); err == nil {
		return key, fault.Errorf(fault.Internal, "instance_key", "%s is missing: restore it from a backup, profile ids depend on it", path)
	}
	p.fill(key[:])
	return key, writeInstanceKey(c, path, key)
}

// derivedInstanceKey is that of an instance whose data was in a database from
// the beginning.
func derivedInstanceKey(m master) [16]byte {
	return [16]byte(seal.Derive(m.key, "instance key"))
}

func writeInstanceKey(c *config.Config, path string, key [16]byte) error {
	if err := disk.WriteFile(c.Files, path, instanceKeyText(key)); err != nil {
		return fmt.Errorf("keeping the instance key: %w", err)
	}
	return nil
}

func instanceKeyText(key [16]byte) []byte { return []byte(hex.EncodeToString(key[:]) + "\n") }

func parseInstanceKey(path string, text []byte) (key [16]byte, err error) {
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != len(key) {
		return key, fault.Errorf(fault.Internal, "instance_key", "%s is damaged: restore it from a backup, profile ids depend on it", path)
	}
	return [16]byte(b), nil
}
