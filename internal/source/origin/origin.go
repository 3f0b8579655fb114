// Package origin fetches the tables that a pull names: from a folder, over SFTP,
// from what speaks S3, over HTTP, or by a query on PostgreSQL or MySQL. It only
// ever reads, reaches other machines through the connections that it is handed,
// and never knows what the rows are about.
package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"rapport/internal/egress"
	"rapport/internal/fault"
	"rapport/internal/feed"
)

// Deps is how origins reach what is outside.
type Deps struct {
	// HTTP asks addresses; it refuses those that may not be reached.
	HTTP *http.Client
	// Dial connects to other machines; it refuses the same.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Folders are those of this machine that may be read, with all below them.
	Folders []string
	Now     func() time.Time
}

// Origin is where files are. It is used by one goroutine and closed by it.
type Origin interface {
	// List gives the files that are there, in the order in which to take them.
	List(ctx context.Context) ([]feed.Remote, error)
	// Fetch writes a file. What it gives is the mark of what was written, where
	// List could not know it.
	Fetch(ctx context.Context, f feed.Remote, to io.Writer) (mark string, err error)
	Close() error
}

// Open reaches the origin of a pull that Check has passed. The secret is in the
// clear; cursor is the largest value that a query gave before.
func (d Deps) Open(ctx context.Context, p *feed.Pull, secret, cursor string) (Origin, error) {
	switch {
	case p.Folder != nil:
		return d.folder(p)
	case p.SFTP != nil:
		return d.sftp(ctx, p, secret)
	case p.S3 != nil:
		return d.s3(p, secret)
	case p.HTTP != nil:
		return &page{d, p.HTTP, secret, ""}, nil
	case p.Database != nil && p.Database.Engine == "mysql":
		return d.mysql(p, secret, cursor)
	case p.Database != nil:
		return d.postgres(ctx, p, secret, cursor)
	}
	return nil, fault.Errorf(fault.Invalid, "invalid_pull", "the pull names no origin")
}

// settled is how long a file must not have changed before it is taken: who
// writes it is done then.
const settled = 10 * time.Second

// maxFiles is how many files of an origin are looked at.
const maxFiles = 100_000

func tooMany(where string) error {
	return fault.Errorf(fault.Invalid, "too_many_files", "%s holds more than %d files; move those away that were imported", where, maxFiles)
}

// unreachable tells what went wrong on the way to an origin. What it answered is
// not shown: it may hold what is no business of whoever defines pulls.
func unreachable(what string, err error) error {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f
	}
	if refused, ok := errors.AsType[*egress.RefusedError](err); ok {
		return fault.Errorf(fault.Forbidden, "origin_not_allowed", "%s: %s", what, refused.Error())
	}
	reason := "it cannot be reached"
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		reason = "no answer in time"
	case errors.Is(err, context.Canceled):
		return err
	case strings.Contains(err.Error(), "unable to authenticate"):
		reason = "it does not take the user and the secret"
	}
	return fault.Errorf(fault.Unavailable, "origin_unreachable", "%s: %s: %w", what, reason, err)
}

// withPort adds the usual port to an address that has none.
func withPort(address, port string) string {
	if _, _, err := net.SplitHostPort(address); err == nil {
		return address
	}
	return net.JoinHostPort(strings.Trim(address, "[]"), port)
}

// copied copies, until the context ends.
func copied(ctx context.Context, to io.Writer, from io.Reader) error {
	_, err := io.Copy(to, &until{ctx, from})
	if err != nil {
		return fmt.Errorf("fetch a file: %w", err)
	}
	return nil
}

type until struct {
	ctx context.Context //nolint:containedctx // for the length of one copy
	r   io.Reader
}

// Read reads on while the context lasts.
func (u *until) Read(p []byte) (int, error) {
	if err := context.Cause(u.ctx); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
