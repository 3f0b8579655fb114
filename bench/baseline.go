package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// baseline builds the product of an earlier commit and sends the load of ingest
// to it and to the present one in alternation. What counts is processor time:
// the rest of the machine moves it less.
func (b *bench) baseline(ctx context.Context) error {
	now := b.binary
	then, err := b.earlier(ctx)
	if err != nil {
		return err
	}
	defer func() { b.binary = now }()
	var rounds [2][]measure
	for round := range 2 * b.rounds {
		which := round % 2
		b.binary = []string{then, now}[which]
		m, _, err := b.productRound(ctx, round)
		if err != nil {
			return err
		}
		rounds[which] = append(rounds[which], m)
		b.say("%-7s %v", []string{b.base, "present"}[which], m)
	}
	before, after := merge(rounds[0]), merge(rounds[1])
	b.say("%s %.1f CPU µs/event, present %.1f", b.base, before.cpuPerEvent(), after.cpuPerEvent())
	b.atMost("processor time per event, to that of "+b.base, after.cpuPerEvent()/before.cpuPerEvent(), 1.15, "×")
	return nil
}

// earlier builds rapport as it was at a commit.
func (b *bench) earlier(ctx context.Context) (binary string, err error) {
	tree := filepath.Join(b.dir, "earlier")
	if out, err := exec.CommandContext(ctx, "git", "worktree", "add", "--detach", tree, b.base).CombinedOutput(); err != nil {
		return "", fmt.Errorf("taking out %s: %w\n%s", b.base, err, out)
	}
	defer func() {
		out, failed := exec.CommandContext(context.WithoutCancel(ctx), "git", "worktree", "remove", "--force", tree).CombinedOutput()
		if failed != nil && err == nil {
			err = fmt.Errorf("putting %s away: %w\n%s", b.base, failed, out)
		}
	}()
	binary = filepath.Join(b.dir, "rapport-earlier")
	c := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/rapport")
	c.Dir = tree
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", b.base, err, out)
	}
	return binary, nil
}
