package segment

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"rapport/internal/dialect"
	"rapport/internal/fault"
)

// unpacker is the memory of one unpacking.
type unpacker struct {
	packed bytes.Buffer
	zip    *gzip.Reader
}

var unpackers = sync.Pool{New: func() any { return new(unpacker) }}

// readBody reads and unpacks a body. The bytes belong to the caller. A fault
// says what is wrong with it.
func readBody(r *http.Request) ([]byte, error) {
	switch encoding := r.Header.Get("Content-Encoding"); {
	case encoding == "" || strings.EqualFold(encoding, "identity"):
		return dialect.ReadBody(r, MaxWire, errWire)
	case strings.EqualFold(encoding, "gzip"):
		return readPacked(r)
	default:
		dialect.Drain(r)
		return nil, fault.Errorf(fault.Invalid, "unsupported_encoding", "Content-Encoding %.40q is not understood; send gzip or none", encoding)
	}
}

func readPacked(r *http.Request) ([]byte, error) {
	u, _ := unpackers.Get().(*unpacker)
	defer unpackers.Put(u)
	u.packed.Reset()
	n, err := u.packed.ReadFrom(io.LimitReader(r.Body, MaxWire+1))
	if err != nil {
		return nil, dialect.Broken(err)
	}
	if n > MaxWire {
		dialect.Drain(r)
		return nil, errWire(MaxWire)
	}
	packed := u.packed.Bytes()
	if u.zip == nil {
		u.zip = new(gzip.Reader)
	}
	if err := u.zip.Reset(bytes.NewReader(packed)); err != nil {
		return nil, errPacked(err)
	}
	size := 512
	if n >= 18 { // the trailer says how long the content is; it is only believed as a hint
		size = int(min(binary.LittleEndian.Uint32(packed[n-4:]), MaxBatch))
	}
	limit := max(min(int(n)*MaxRatio, MaxExpanded), MaxBatch)
	out := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err = out.ReadFrom(io.LimitReader(u.zip, int64(limit)+1)); err != nil {
		return nil, errPacked(err)
	}
	if out.Len() > limit {
		return nil, fault.Errorf(fault.TooLarge, "body_too_large",
			"the body unpacks to more than %d bytes; send at most %d per batch", limit, MaxBatch)
	}
	return dialect.Unmarked(out.Bytes()), nil
}

func errWire(most int) error {
	return fault.Errorf(fault.TooLarge, "body_too_large", "the body is longer than %d bytes; send at most %d per batch", most, MaxBatch)
}

func errPacked(err error) error {
	return fault.Errorf(fault.Invalid, "invalid_gzip", "the body is not the gzip that Content-Encoding says it is: %w", err)
}
