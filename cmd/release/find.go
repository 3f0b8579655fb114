package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (r *release) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.source
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(text)), nil
}

var (
	described = regexp.MustCompile(`^v(.+)-(\d+)-(g[0-9a-f]+)(-dirty)?$`)
	untagged  = regexp.MustCompile(`^([0-9a-f]+)(-dirty)?$`)
	semantic  = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
)

// versionOf makes a semantic version of what git describes in its long form:
// that of the tag, or behind a tag the tag's and how far behind.
func versionOf(text string) (string, error) {
	version, rest := "", []string{}
	if m := described.FindStringSubmatch(text); m != nil {
		version = m[1]
		if m[2] != "0" {
			rest = append(rest, m[2], m[3])
		}
	} else if m := untagged.FindStringSubmatch(text); m != nil {
		version, rest = "0.0.0", append(rest, "g"+m[1])
	} else {
		return "", fmt.Errorf("git describes the revision as %q: give -version", text)
	}
	if strings.HasSuffix(text, "-dirty") {
		rest = append(rest, "dirty")
	}
	if len(rest) > 0 {
		version += "+" + strings.Join(rest, ".")
	}
	return version, nil
}

// find fills in what git and the command line say.
func (r *release) find(ctx context.Context, only string) error {
	if r.version == "" {
		text, err := r.git(ctx, "describe", "--tags", "--long", "--always", "--dirty", "--abbrev=12", "--match=v[0-9]*")
		if err != nil {
			return fmt.Errorf("finding the version, give -version: %w", err)
		}
		if r.version, err = versionOf(text); err != nil {
			return err
		}
	}
	if !semantic.MatchString(r.version) {
		return fmt.Errorf("%q is no semantic version: give one such as 1.4.0 or 1.4.0-rc.1", r.version)
	}
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		var err error
		if epoch, err = r.git(ctx, "log", "-1", "--format=%ct"); err != nil {
			return fmt.Errorf("finding the time of the revision, set SOURCE_DATE_EPOCH: %w", err)
		}
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil || seconds < earliest {
		return fmt.Errorf("SOURCE_DATE_EPOCH %q is no number of seconds from 1980 on", epoch)
	}
	r.when = time.Unix(seconds, 0).UTC()
	return r.choose(only)
}

// earliest is the first time that a zip archive can say.
const earliest = 315532800

func (r *release) choose(only string) error {
	r.targets = targets()
	if only == "" {
		return nil
	}
	wanted := strings.Split(only, ",")
	for _, name := range wanted {
		if !slices.ContainsFunc(targets(), func(t target) bool { return t.String() == name }) {
			return fmt.Errorf("-only: there is no target %q: give some of %v", name, targets())
		}
	}
	r.targets = slices.DeleteFunc(r.targets, func(t target) bool { return !slices.Contains(wanted, t.String()) })
	return nil
}
