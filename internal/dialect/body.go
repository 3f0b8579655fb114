package dialect

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"rapport/internal/fault"
)

// ReadBody reads a body of at most so many bytes, as it comes and, packed with
// gzip, as it unpacks; tooLong makes the fault of a longer one. The bytes belong
// to the caller.
func ReadBody(r *http.Request, most int, tooLong func(most int) error) ([]byte, error) {
	return ReadUnpacked(r, most, func(int) int { return most }, tooLong)
}

// ReadUnpacked is ReadBody where a packed body may unpack to more than may come
// over the wire: to what unpacked says of one of so many packed bytes.
func ReadUnpacked(r *http.Request, wire int, unpacked func(packed int) int, tooLong func(most int) error) ([]byte, error) {
	if r.ContentLength > int64(wire) {
		Drain(r)
		return nil, tooLong(wire)
	}
	switch encoding := r.Header.Get("Content-Encoding"); {
	case encoding == "" || strings.EqualFold(encoding, "identity"):
		return readPlain(r, wire, tooLong)
	case strings.EqualFold(encoding, "gzip"):
		return readPacked(r, wire, unpacked, tooLong)
	default:
		Drain(r)
		return nil, fault.Errorf(fault.Invalid, "unsupported_encoding", "Content-Encoding %.40q is not understood; send gzip or none", encoding)
	}
}

func readPlain(r *http.Request, most int, tooLong func(most int) error) ([]byte, error) {
	b := make([]byte, 0, max(int(r.ContentLength), 512)+1)
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > most:
			Drain(r)
			return nil, tooLong(most)
		case err == io.EOF:
			return Unmarked(b), nil
		case err != nil:
			return nil, Broken(err)
		}
	}
}

// unpacker is the memory of one unpacking.
type unpacker struct {
	packed bytes.Buffer
	zip    gzip.Reader
}

var unpackers = sync.Pool{New: func() any { return new(unpacker) }}

func readPacked(r *http.Request, wire int, unpacked func(packed int) int, tooLong func(most int) error) ([]byte, error) {
	u, _ := unpackers.Get().(*unpacker)
	defer unpackers.Put(u)
	u.packed.Reset()
	n, err := u.packed.ReadFrom(io.LimitReader(r.Body, int64(wire)+1))
	if err != nil {
		return nil, Broken(err)
	}
	if n > int64(wire) {
		Drain(r)
		return nil, tooLong(wire)
	}
	packed, most := u.packed.Bytes(), unpacked(int(n))
	if err := u.zip.Reset(bytes.NewReader(packed)); err != nil {
		return nil, errPacked(err)
	}
	size := 0
	if n >= 18 { // the trailer says how long the content is; it is only believed as a hint
		size = int(min(int64(binary.LittleEndian.Uint32(packed[n-4:])), int64(most), 20*n))
	}
	out := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := out.ReadFrom(io.LimitReader(&u.zip, int64(most)+1)); err != nil {
		return nil, errPacked(err)
	}
	if out.Len() > most {
		return nil, tooLong(most)
	}
	return Unmarked(out.Bytes()), nil
}

func errPacked(err error) error {
	return fault.Errorf(fault.Invalid, "invalid_gzip", "the body is not the gzip that Content-Encoding says it is: %w", err)
}

// drained is how much of a body that is refused is still read, so that the
// client gets to read the answer instead of a broken connection.
const drained = 16 << 20

// Drain reads what is left of a body that is refused.
func Drain(r *http.Request) { _, _ = io.CopyN(io.Discard, r.Body, drained) } // the answer does not depend on it

// Unmarked is a body without the byte order mark that some programs begin UTF-8
// with: JSON knows none, and lets a reader pass over it.
func Unmarked(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) }

// Broken is the fault of a body that stopped in the middle: the client is gone
// or slow, so nothing was received.
func Broken(err error) error {
	return fault.Errorf(fault.Unavailable, "body_incomplete", "reading the body: %w", err)
}
