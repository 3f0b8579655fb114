// Command ceiling is the limit that the product is measured against: net/http,
// the product's own door and decoder, append to a file, one fsync per group
// commit, and nothing else. It never keeps state and never reads what it wrote.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"rapport/internal/jsondoc"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "HOST:PORT to serve on")
	file := flag.String("file", "ceiling.log", "the file that is appended to")
	bare := flag.Bool("bare", false, "parse each body once and map nothing: an even higher limit")
	flag.Parse()
	if err := serve(*listen, *file, *bare); err != nil {
		log.Fatal(err)
	}
}

func serve(listen, file string, bare bool) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	to := newAppender(f)
	tracking := door(to)
	if bare {
		tracking = parseOnly(to)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/v1/", tracking)
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	return http.Serve(l, mux)
}

// parseOnly reads a body, parses it and appends it as it came.
func parseOnly(to *appender) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, max(r.ContentLength, 0))
		if _, err := io.ReadFull(r.Body, body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if _, err := jsondoc.Parse(body, jsondoc.DefaultLimits()); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := to.append(func(b []byte) []byte { return append(b, body...) }); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if _, err := io.WriteString(w, `{"success":true}`); err != nil {
			panic(http.ErrAbortHandler) // the client has gone
		}
	}
}
