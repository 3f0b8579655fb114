// Command empty is an HTTP server that reads a request and answers with a few
// fixed bytes: what the machine, the protocol and the client cost alone. It
// decides nothing and keeps nothing.
package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	flag.Parse()
	answer := []byte(`{"model":"empty","version":1,"outputs":{"Offer":"none"},"diagnostics":[]}` + "\n")
	s := &http.Server{Addr: *listen, ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	})}
	if err := s.ListenAndServe(); err != nil {
		fmt.Fprintln(os.Stderr, "empty:", err)
		os.Exit(1)
	}
}
