package postgres

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"rapport/internal/fault"
	"rapport/internal/store"
)

// What a database says while it cannot be used is no failure of the server's own:
// who asked tries again.
func TestTranslate(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name string
		err  error
		kind fault.Kind
		code string
	}{
		{"as many connections as it may have", &pgconn.PgError{Code: "53300"}, fault.Unavailable, "database_unavailable"},
		{"it ends", &pgconn.PgError{Code: "57P01"}, fault.Unavailable, "database_unavailable"},
		{"it starts", &pgconn.PgError{Code: "57P03"}, fault.Unavailable, "database_unavailable"},
		{"it undid a transaction", &pgconn.PgError{Code: "40001"}, fault.Unavailable, "database_unavailable"},
		{"the connection was refused", &net.OpError{Op: "dial", Err: io.ErrClosedPipe}, fault.Unavailable, "database_unavailable"},
		{"the connection broke", io.ErrUnexpectedEOF, fault.Unavailable, "database_unavailable"},
		{"the disk is full", &pgconn.PgError{Code: "53100"}, fault.Unavailable, "disk_full"},
		{"a statement is wrong", &pgconn.PgError{Code: "42601"}, fault.Internal, ""},
		{"who asked went away", context.Canceled, fault.Internal, ""},
		{"a damaged row", store.ErrMisuse, fault.Internal, ""},
	} {
		err := translate(fmt.Errorf("asking: %w", x.err))
		code := ""
		if f := fault.Of(err); f != nil {
			code = f.Code
		}
		if fault.KindOf(err) != x.kind || code != x.code {
			t.Errorf("%s: kind %v, code %q, want %v, %q", x.name, fault.KindOf(err), code, x.kind, x.code)
		}
	}
}
