package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The keys of the servers under load.
const (
	writeKey  = "bench-write-key"
	secretKey = "bench-secret-key-of-no-worth"
)

// server is one process under load.
type server struct {
	address string
	cmd     *exec.Cmd
	log     *os.File
	settles bool // answers /api/v1/accounting
	ready   time.Duration
	ended   chan error
}

// product starts rapport on a folder of the run's own. Memory may be empty;
// settings are more of the environment.
func (b *bench) product(ctx context.Context, folder, memory string, settings ...string) (*server, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	if memory != "" {
		settings = append(settings, "RAPPORT_MEMORY="+memory)
	}
	return b.serve(ctx, folder, address, settings...)
}

// serve starts rapport at an address.
func (b *bench) serve(ctx context.Context, folder, address string, settings ...string) (*server, error) {
	c := exec.CommandContext(context.WithoutCancel(ctx), b.binary, "serve") // it is stopped, not killed, when the run is
	c.Env = append(os.Environ(),
		"RAPPORT_DATA="+filepath.Join(b.dir, folder), "RAPPORT_LISTEN="+address,
		"RAPPORT_WRITE_KEY="+writeKey, "RAPPORT_SECRET_KEY="+secretKey)
	c.Env = append(c.Env, settings...)
	return b.start(ctx, c, address, true)
}

// ceiling starts the limit.
func (b *bench) ceiling(ctx context.Context, file string) (*server, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(b.dir, "ceiling"), "-listen", address, "-file", filepath.Join(b.dir, file),
		"-bare="+strconv.FormatBool(b.ceilingBare))
	return b.start(ctx, c, address, false)
}

func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// start runs the command and waits until it is ready.
func (b *bench) start(ctx context.Context, c *exec.Cmd, address string, settles bool) (*server, error) {
	log, err := os.OpenFile(filepath.Join(b.dir, filepath.Base(c.Path)+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the server's log: %w", err)
	}
	c.Stdout, c.Stderr = log, log
	begin := time.Now()
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Path, err)
	}
	s := &server{address: address, cmd: c, log: log, settles: settles, ended: make(chan error, 1)}
	go func() { s.ended <- c.Wait() }()
	for {
		if s.serves(ctx) {
			s.ready = time.Since(begin)
			return s, nil
		}
		if err := s.pause(ctx, 2*time.Millisecond); err != nil {
			s.kill()
			return nil, fmt.Errorf("waiting for %s to be ready, see %s: %w", c.Path, log.Name(), err)
		}
	}
}

// serves asks whether the server takes requests.
func (s *server) serves(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/readyz", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

// pause waits, unless the server or the run ends.
func (s *server) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case err := <-s.ended:
		s.ended <- err
		return fmt.Errorf("the server ended: %v", err) //nolint:errorlint // nil is an end too
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// explain adds what the server said last, where it ended under the load.
func (s *server) explain(ctx context.Context, err error) error {
	ended := s.pause(ctx, time.Second)
	if ended == nil || ctx.Err() != nil {
		return err
	}
	said, _ := os.ReadFile(s.log.Name())
	lines := strings.Split(string(said), "\n")
	return fmt.Errorf("%w: %w, and said last:\n%s", err, ended, strings.Join(lines[max(0, len(lines)-40):], "\n"))
}

// stop ends the server as an operator would, and waits for it.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping the server: %w", err)
	}
	err := <-s.ended
	s.ended <- err // whoever asks again gets the same answer
	if err := s.log.Close(); err != nil {
		return fmt.Errorf("keeping what the server said: %w", err)
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && !exit.Exited() {
		return nil // the ceiling does not handle the signal
	}
	return err
}

// kill ends the server as a crash would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	s.ended <- <-s.ended // whoever asks again gets the same answer
	_ = s.log.Close()    // what it said so far is in the file
}

// sums are the answer of /api/v1/accounting.
type sums struct {
	Received     int64 `json:"received"`
	Pending      int64 `json:"pending"`
	Stored       int64 `json:"stored"`
	Deduplicated int64 `json:"deduplicated"`
	DeadLettered int64 `json:"dead_lettered"`
	Rejected     int64 `json:"rejected"`
}

func (s sums) balanced() bool {
	return s.Received == s.Pending+s.Stored+s.Deduplicated+s.DeadLettered+s.Rejected
}

func (s *server) accounting(ctx context.Context) (sums, error) {
	var out sums
	err := s.get(ctx, "/api/v1/accounting", &out)
	return out, err
}

// get reads one document of the own API; any other answer leaves into as it is.
func (s *server) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+secretKey)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return err
	}
	return json.Unmarshal(raw, into)
}

// settle waits until everything acknowledged is applied, and checks the sums.
func (s *server) settle(ctx context.Context) error {
	for s.settles {
		a, err := s.accounting(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("asking for the sums: %w", err)
		case !a.balanced():
			return fmt.Errorf("the sums do not add up: %+v", a)
		case a.DeadLettered+a.Rejected > 0:
			return fmt.Errorf("the server refused events of the load: %+v", a)
		case a.Received > 0 && a.Pending == 0:
			return nil
		}
		if err := s.pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// cpu is the processor time that the process has used.
func (s *server) cpu() time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	// The name in brackets may hold blanks; utime and stime are 12th and 13th after it.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	ticks := 0
	for _, f := range fields[11:13] {
		n, _ := strconv.Atoi(f)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// memory is the most and the present resident memory of the process, in MiB.
func (s *server) memory() (most, now float64) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) > 1 {
			kib, _ := strconv.ParseFloat(f[1], 64)
			switch f[0] {
			case "VmHWM:":
				most = kib / 1024
			case "VmRSS:":
				now = kib / 1024
			}
		}
	}
	return most, now
}

// ownCPU is the processor time of this program.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// diskUse sums the files of a folder.
func diskUse(folder string) (int64, error) {
	sum := int64(0)
	err := filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			sum += st.Blocks * 512 // what was set aside counts, holes do not
		}
		return nil
	})
	return sum, err
}
