package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"
)

// target is what a binary runs on.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

func targets() []target {
	return []target{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"}}
}

// release is one revision on its way out.
type release struct {
	version string
	when    time.Time // of the revision: the time of every file
	source  string    // the folder of the module
	out     string
	targets []target
	cache   string // what was compiled is looked for and kept here; empty: the user's
	notices []byte // the licences of others' work
	say     io.Writer
}

func run(ctx context.Context, args []string, say io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	r := release{source: ".", say: say}
	flags.StringVar(&r.version, "version", "", "such as 1.4.0; left out: what git describes")
	flags.StringVar(&r.out, "out", "dist", "folder that is made anew")
	only := flags.String("only", "", "targets such as linux/amd64, separated by commas; left out: all")
	twice := flags.Bool("twice", false, "make all of it a second time, from a copy in another folder and with nothing compiled beforehand, and compare")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no option: see -help", flags.Arg(0))
	}
	if err := r.find(ctx, *only); err != nil {
		return err
	}
	var err error
	if r.notices, err = r.licences(ctx); err != nil {
		return err
	}
	sums, err := r.make(ctx)
	if err != nil || !*twice {
		return err
	}
	return r.again(ctx, sums)
}
