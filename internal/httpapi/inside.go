package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"rapport/internal/access"
)

type insiderKey struct{}

// insider is a part of the instance that asks as a client does.
type insider struct {
	principal *access.Principal
	source    string
}

func insiderOf(ctx context.Context) *insider {
	in, _ := ctx.Value(insiderKey{}).(*insider)
	return in
}

// Inside lets a part of the instance itself ask through the handler, in the name
// of whoever had it do so and with a right to everything; the entities it writes
// come from the source. Nothing that a request brings along can do the same: it
// is in the context alone, and requests from outside have none of it.
func Inside(h http.Handler, author, source string) http.RoundTripper {
	who := access.OfKey(&access.SecretKey{ID: author, Scopes: []string{access.ScopeAdmin}})
	return inside{h, &insider{who, source}}
}

// inside carries requests of the instance to itself, without a network.
type inside struct {
	handler http.Handler
	who     *insider
}

// RoundTrip has the handler answer.
func (i inside) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.WithContext(context.WithValue(r.Context(), insiderKey{}, i.who))
	if in.Body == nil {
		in.Body = http.NoBody
	}
	in.Host, in.RemoteAddr, in.RequestURI = r.URL.Host, "127.0.0.1:0", r.URL.RequestURI()
	w := &answerHeld{header: http.Header{}}
	i.handler.ServeHTTP(w, in)
	_ = in.Body.Close() // bytes in memory
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.header, Request: r,
		Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()),
	}, nil
}

// answerHeld keeps an answer in memory.
type answerHeld struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header are the headers to be sent.
func (w *answerHeld) Header() http.Header { return w.header }

// Write adds to the body.
func (w *answerHeld) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// WriteHeader keeps the first status.
func (w *answerHeld) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}
