package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// headRoom is where the request's head is put in front of its body, so that
// both go out in one write.
const headRoom = 1024

// conn is one keep-alive connection.
type conn struct {
	net  net.Conn
	in   *bufio.Reader
	head []byte // up to the length of the body
	buf  []byte
}

// dial connects. Head is the first line and headers; the key is sent as
// Segment's clients send it.
func dial(ctx context.Context, address, head, writeKey string) (*conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	all := fmt.Appendf(nil, "%sHost: %s\r\nAuthorization: Basic %s\r\nContent-Length: ",
		head, address, base64.StdEncoding.EncodeToString([]byte(writeKey+":")))
	return &conn{net: c, in: bufio.NewReader(c), head: all, buf: make([]byte, headRoom, 128<<10)}, nil
}

// answer is what the server said.
type answer struct {
	status     int
	retryAfter time.Duration
}

// exchange sends a body that was appended to room() and reads the answer.
func (c *conn) exchange(room []byte) (answer, error) {
	c.buf = room
	length := strconv.Itoa(len(room) - headRoom)
	from := headRoom - len(c.head) - len(length) - 4
	at := room[from:headRoom]
	at = at[copy(at, c.head):]
	at = at[copy(at, length):]
	copy(at, "\r\n\r\n")
	if _, err := c.net.Write(room[from:]); err != nil {
		return answer{}, fmt.Errorf("sending: %w", err)
	}
	return c.answer()
}

// room is the buffer to which the next body is appended.
func (c *conn) room() []byte { return c.buf[:headRoom] }

func (c *conn) answer() (answer, error) {
	var a answer
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return a, fmt.Errorf("reading the answer: %w", err)
	}
	if len(line) < 12 {
		return a, errors.New("the answer is no HTTP")
	}
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, errors.New("the answer is no HTTP")
	}
	length := -1
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return a, fmt.Errorf("reading the answer's head: %w", err)
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		if v, ok := field(line, "Content-Length:"); ok {
			length = v
		}
		if v, ok := field(line, "Retry-After:"); ok {
			a.retryAfter = time.Duration(v) * time.Second
		}
	}
	if length < 0 {
		return a, errors.New("the answer has no Content-Length")
	}
	if _, err = io.CopyN(io.Discard, c.in, int64(length)); err != nil {
		return a, fmt.Errorf("reading the answer's body: %w", err)
	}
	return a, nil
}

func field(line []byte, name string) (int, bool) {
	if len(line) < len(name) || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return 0, false
	}
	v, err := strconv.Atoi(string(bytes.TrimSpace(line[len(name):])))
	return v, err == nil
}
