// Command empty is an HTTP server that reads a request and answers with a few
// fixed bytes: what the machine, the protocol and the client cost alone. With
// -decode it also decodes the request. It decides nothing and keeps nothing.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address")
	decodes := flag.Bool("decode", false, "decode the request as one of OFREP, and answer as that does")
	answer := []byte(`{"model":"empty","version":1,"outputs":{"Offer":"none"},"diagnostics":[]}` + "\n")
	flag.Parse()
	flagAnswer := []byte(`{"key":"e0","value":"a","reason":"SPLIT","variant":"a","metadata":{"assignment":"assigned","phase":1}}`)
	s := &http.Server{Addr: *listen, ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if !*decodes || r.Method == http.MethodGet {
			_, _ = w.Write(answer)
			return
		}
		var asked struct {
			Context map[string]any `json:"context"`
		}
		if json.Unmarshal(body, &asked) != nil || asked.Context["targetingKey"] == nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = w.Write(flagAnswer)
	})}
	if err := s.ListenAndServe(); err != nil {
		fmt.Fprintln(os.Stderr, "empty:", err)
		os.Exit(1)
	}
}
