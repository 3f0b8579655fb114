package httpapi

import (
	"context"
	"net/http"

	"rapport/internal/access"
)

type insiderKey struct{}

// insider is a part of the instance that asks as a client does.
type insider struct {
	principal *access.Principal
	source    string
}

// Inside lets a part of the instance itself ask through the handler, in the name
// of whoever had it do so and with a right to everything; the entities it writes
// come from the source. Nothing that a request brings along can do the same: it
// is in the context alone, and requests from outside have none of it.
func Inside(r *http.Request, author, source string) *http.Request {
	who := access.OfKey(&access.SecretKey{ID: author, Scopes: []string{access.ScopeAdmin}})
	return r.WithContext(context.WithValue(r.Context(), insiderKey{}, &insider{who, source}))
}

func insiderOf(ctx context.Context) *insider {
	in, _ := ctx.Value(insiderKey{}).(*insider)
	return in
}
