package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"rapport/internal/access"
	"rapport/internal/config"
	"rapport/internal/fault"
	"rapport/internal/store"
	"rapport/internal/store/embedded"
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

// storeEvents is what an engine tells while it is open.
type storeEvents struct {
	waiting func(owner string) // another node holds the data; this one waits
	lost    func(error)        // another node took the data: this one must stop
}

func openStore(ctx context.Context, c *config.Config, b config.Budget, p Parts, tell storeEvents) (store.Store, error) {
	if p.Store != nil {
		return p.Store, nil
	}
	if c.Postgres() {
		return openPostgres(ctx, c, b, p, tell)
	}
	s, err := embedded.Open(c.Path(storeFolder), embedded.Options{
		MemoryBudget: int64(b.Store),
		Random:       p.Entropy,
		Report:       func(err error) { p.Log.Error("store", "error", err) },
	})
	if err != nil {
		return nil, fmt.Errorf("opening the data in %s: %w", c.Path(storeFolder), err)
	}
	return s, nil
}

func openPostgres(ctx context.Context, c *config.Config, b config.Budget, p Parts, tell storeEvents) (store.Store, error) {
	master, fresh, err := masterKey(c, p)
	if err != nil {
		return nil, err
	}
	owner, err := nodeName(c, p)
	if err != nil {
		return nil, err
	}
	s, err := postgres.Open(ctx, postgres.Options{
		DSN: c.Store, Owner: owner, Master: master, MemoryBudget: int64(b.Store), Random: p.Entropy,
		Lease: c.Cluster.Lease, Waiting: tell.waiting, Lost: tell.lost,
	})
	if errors.Is(err, postgres.ErrMaster) && fresh {
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
	text, err := os.ReadFile(path)
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
	if err := access.WriteFile(path, []byte(name+"\n")); err != nil {
		return "", fmt.Errorf("keeping the node's name: %w", err)
	}
	return name, nil
}

// masterKey is the key that wraps the data keys of a database: the setting, or
// the file in the data folder, which is made where there is none.
func masterKey(c *config.Config, p Parts) (key [seal.MasterBytes]byte, fresh bool, err error) {
	text := []byte(c.MasterKey)
	path := c.Path(masterKeyFile)
	if c.MasterKey == "" {
		if text, err = os.ReadFile(path); errors.Is(err, fs.ErrNotExist) {
			p.fill(key[:])
			return key, true, access.WriteFile(path, []byte(hex.EncodeToString(key[:])+"\n"))
		}
		if err != nil {
			return key, false, fmt.Errorf("reading the master key: %w", err)
		}
	}
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(b) != len(key) {
		return key, false, fault.Errorf(fault.Internal, "master_key", "%s is damaged: restore it from a backup or copy it from another node, nothing can be read without it", path)
	}
	return [seal.MasterBytes]byte(b), false, nil
}

// instanceKey is the key that profile ids are made with. It is made with the
// data and must stay with it.
func instanceKey(c *config.Config, p Parts) (key [16]byte, err error) {
	path := c.Path(instanceKeyFile)
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		b, err := hex.DecodeString(strings.TrimSpace(string(text)))
		if err != nil || len(b) != len(key) {
			return key, fault.Errorf(fault.Internal, "instance_key", "%s is damaged: restore it from a backup, profile ids depend on it", path)
		}
		return [16]byte(b), nil
	case !errors.Is(err, fs.ErrNotExist):
		return key, fmt.Errorf("reading the instance key: %w", err)
	}
	if c.Postgres() {
		// Every node of an instance comes to the same key by itself.
		master, _, err := masterKey(c, p)
		return [16]byte(seal.Derive(master, "instance key")), err
	}
	if _, err := os.Stat(c.Path(storeFolder)); err == nil {
		return key, fault.Errorf(fault.Internal, "instance_key", "%s is missing: restore it from a backup, profile ids depend on it", path)
	}
	p.fill(key[:])
	if err := access.WriteFile(path, []byte(hex.EncodeToString(key[:])+"\n")); err != nil {
		return key, fmt.Errorf("keeping the instance key: %w", err)
	}
	return key, nil
}
