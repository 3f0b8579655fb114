// Command release makes what is given to others of one revision: binaries for
// Linux, macOS and Windows, Debian packages, an image from scratch, the list of
// what is in them, the licences of that and their checksums. The same revision,
// version and Go are to give the same bytes, wherever they are built. It never
// publishes or signs anything.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}
