package origin_test

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the protocol's
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"rapport/internal/feed"
)

// mysqlServer speaks the protocol of MySQL, as far as a client that asks one
// query needs it: handshake with mysql_native_password, text result sets.
type mysqlServer struct {
	password string
	columns  []mysqlColumn
	mu       sync.Mutex
	asked    []string
}

type mysqlColumn struct {
	name   string
	typ    byte
	values []any // a text or nil
}

const mysqlNonce = "abcdefghijklmnopqrst"

type mysqlConn struct {
	net.Conn
	seq byte
}

func (c *mysqlConn) send(payload []byte) {
	head := []byte{byte(len(payload)), byte(len(payload) >> 8), byte(len(payload) >> 16), c.seq}
	c.seq++
	_, _ = c.Write(append(head, payload...))
}

func (c *mysqlConn) receive() ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(c, head); err != nil {
		return nil, err
	}
	c.seq = head[3] + 1
	payload := make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
	_, err := io.ReadFull(c, payload)
	return payload, err
}

func (c *mysqlConn) ok() { c.send([]byte{0, 0, 0, 2, 0, 0, 0}) }

func (c *mysqlConn) refuse(code uint16, message string) {
	c.send(append(binary.LittleEndian.AppendUint16([]byte{0xff}, code), "#42000"+message...))
}

func text(s string) []byte {
	if len(s) < 251 {
		return append([]byte{byte(len(s))}, s...)
	}
	return append(binary.LittleEndian.AppendUint16([]byte{0xfc}, uint16(len(s))), s...)
}

func newMySQL(t *testing.T, s *mysqlServer) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(&mysqlConn{Conn: conn})
		}
	}()
	return l.Addr().String()
}

func (s *mysqlServer) serve(c *mysqlConn) {
	defer func() { _ = c.Close() }()
	hello := append([]byte{10}, "8.0.36\x00\x01\x00\x00\x00"+mysqlNonce[:8]+"\x00\x0d\xa2\x21\x02\x00\x08\x00\x15"...)
	hello = append(append(hello, make([]byte, 10)...), mysqlNonce[8:]+"\x00mysql_native_password\x00"...)
	c.send(hello)
	answer, err := c.receive()
	if err != nil || len(answer) < 32 {
		return
	}
	_, rest, _ := bytes.Cut(answer[32:], []byte{0})
	if len(rest) == 0 || !bytes.Equal(rest[1:1+int(rest[0])], scrambled(s.password)) {
		c.refuse(1045, "Access denied for user")
		return
	}
	c.ok()
	for {
		command, err := c.receive()
		if err != nil || command[0] == 1 {
			return
		}
		query := string(command[1:])
		s.mu.Lock()
		s.asked = append(s.asked, query)
		s.mu.Unlock()
		switch {
		case command[0] == 3 && strings.HasPrefix(query, "select"):
			s.result(c)
		case command[0] == 3 && strings.HasPrefix(query, "delete"):
			c.refuse(1792, "Cannot execute statement in a READ ONLY transaction.")
		default:
			c.ok()
		}
	}
}

// scrambled is what proves a password.
func scrambled(password string) []byte {
	one := sha1.Sum([]byte(password))                       //nolint:gosec // the protocol's
	two := sha1.Sum(one[:])                                 //nolint:gosec // the protocol's
	with := sha1.Sum(append([]byte(mysqlNonce), two[:]...)) //nolint:gosec // the protocol's
	for i := range one {
		one[i] ^= with[i]
	}
	return one[:]
}

func (s *mysqlServer) result(c *mysqlConn) {
	c.send([]byte{byte(len(s.columns))})
	for _, col := range s.columns {
		def := append(append(text("def"), 0, 0, 0), text(col.name)...)
		def = append(append(def, text(col.name)...), 0x0c, 0x21, 0, 0, 1, 0, 0, col.typ, 0, 0, 0, 0, 0)
		c.send(def)
	}
	end := []byte{0xfe, 0, 0, 2, 0}
	c.send(end)
	for i := range s.columns[0].values {
		var row []byte
		for _, col := range s.columns {
			if v, ok := col.values[i].(string); ok {
				row = append(row, text(v)...)
			} else {
				row = append(row, 0xfb)
			}
		}
		c.send(row)
	}
	c.send(end)
}

func TestMySQL_GivesTheRowsOfAQueryFromWhereItWas(t *testing.T) {
	t.Parallel()
	s := &mysqlServer{password: "pass word", columns: []mysqlColumn{
		{"userId", 3, []any{"1", "2"}},
		{"mail", 253, []any{`a"da@example.org`, nil}},
		{"points", 246, []any{"12.50", nil}},
		{"zip", 3, []any{"00801", "1"}},
		{"extra", 245, []any{`{"a": [1]}`, nil}},
		{"raw", 252, []any{"\xff\x00", "x"}},
		{"changed", 12, []any{"2024-01-01 10:00:00", "2024-01-02 10:00:00"}},
	}}
	o := &feed.DatabaseOrigin{
		Engine: "mysql", Address: newMySQL(t, s), Database: "shop", User: "u", TLS: "off", Query: "select * from customers where changed > ? order by changed;",
		Cursor: "changed", Start: "2000-01-01",
	}
	out, err := all(t, deps(), &feed.Pull{Database: o}, "pass word", "it's")
	want := `{"userId":1,"mail":"a\"da@example.org","points":12.50,"zip":801,"extra":{"a": [1]},"raw":"/wA=","changed":"2024-01-01 10:00:00"}` + "\n" +
		`{"userId":2,"mail":null,"points":null,"zip":1,"extra":null,"raw":"x","changed":"2024-01-02 10:00:00"}` + "\n"
	if err != nil || out.bytes["shop.jsonl"] != want || out.marks["shop.jsonl"] != "2024-01-02 10:00:00" {
		t.Fatalf("%+v %v", out, err)
	}
	s.mu.Lock()
	asked := strings.Join(s.asked, "\n")
	s.mu.Unlock()
	if !strings.Contains(asked, "READ ONLY") || !strings.Contains(asked, `changed > 'it\'s' order`) {
		t.Errorf("asked:\n%s", asked)
	}
	_, err = all(t, deps(), &feed.Pull{Database: o}, "guess", "")
	refused(t, err, "origin_refused", "user and the secret")
	o.Query, o.Cursor, o.Start = "delete from customers", "", ""
	_, err = all(t, deps(), &feed.Pull{Database: o}, "pass word", "")
	refused(t, err, "query_refused", "READ ONLY")
}
