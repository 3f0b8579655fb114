package lake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// errOtherPages is of pages that are not as a lake writes new rows now.
var errOtherPages = errors.New("the values are encoded in another way")

// mostPageRows is the most rows of a page that are read here.
const mostPageRows = 1 << 20

// readChunk adds the rows of a column of a file: its bytes as they are where they
// are neither compressed nor encoded, else value by value.
func (c *column) readChunk(t Type, content []byte, meta *format.ColumnMetaData, chunk parquet.ColumnChunk) error {
	set, plain := len(c.set), len(c.plain)
	b, err := bytesOf(content, meta)
	if err == nil && meta.Codec == format.Uncompressed {
		if err = c.readPlain(t, b); err == nil && len(c.set)-set != int(meta.NumValues) {
			err = errDamaged("a column has another number of values than it says")
		}
	} else if err == nil {
		err = errOtherPages
	}
	if errors.Is(err, errOtherPages) {
		c.set, c.plain = c.set[:set], c.plain[:plain]
		return c.readValues(t, chunk)
	}
	return err
}

// bytesOf are the pages of a column.
func bytesOf(content []byte, meta *format.ColumnMetaData) ([]byte, error) {
	from, n := startOf(meta), meta.TotalCompressedSize
	if from < 0 || n < 0 || from > int64(len(content)) || n > int64(len(content))-from {
		return nil, errDamaged("a column lies outside of it")
	}
	return content[from : from+n], nil
}

// startOf is where the pages of a column begin.
func startOf(meta *format.ColumnMetaData) int64 {
	if d := meta.DictionaryPageOffset; d > 0 && d < meta.DataPageOffset {
		return d
	}
	return meta.DataPageOffset
}

// readPlain adds the values of pages that have them as they are.
func (c *column) readPlain(t Type, b []byte) error {
	var protocol thrift.CompactProtocol
	var levels []byte
	for len(b) > 0 {
		var h format.PageHeader
		in := protocol.NewReaderFromBytes(b)
		if err := thrift.NewDecoder(in).Decode(&h); err != nil {
			return fmt.Errorf("read the head of a page: %w", err)
		}
		b = b[in.BytesRead():]
		v := &h.DataPageHeaderV2.V
		if h.Type != format.DataPageV2 || !h.DataPageHeaderV2.Valid || v.Encoding != format.Plain || v.RepetitionLevelsByteLength != 0 {
			return errOtherPages
		}
		n, long, rows := int(h.CompressedPageSize), int(v.DefinitionLevelsByteLength), int(v.NumValues)
		if n < 0 || n > len(b) || long < 0 || long > n || rows < 0 {
			return errDamaged("a page has another size than it says")
		}
		if rows > mostPageRows {
			return errOtherPages
		}
		var ok bool
		if levels, ok = readLevels(levels[:0], b[:long], rows); !ok {
			return errDamaged("a page does not say which of its rows have a value")
		}
		if err := c.readBody(t, levels, b[long:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// readLevels reads of so many rows whether they have a value: runs, and bits that
// stand for themselves.
func readLevels(out, b []byte, rows int) ([]byte, bool) {
	for len(out) < rows {
		head, k := binary.Uvarint(b)
		n := int(min(head>>1, uint64(rows)))
		if k <= 0 || n == 0 {
			return nil, false
		}
		b = b[k:]
		if head&1 == 0 {
			if len(b) == 0 || b[0] > 1 {
				return nil, false
			}
			for range min(n, rows-len(out)) {
				out = append(out, b[0])
			}
			b = b[1:]
			continue
		}
		if n > len(b) {
			return nil, false
		}
		for i := range min(8*n, rows-len(out)) {
			out = append(out, b[i/8]>>(i%8)&1)
		}
		b = b[n:]
	}
	return out, true
}

func (c *column) readBody(t Type, set, body []byte) error {
	n := ones(set)
	if t == Boolean {
		if len(body) < (n+7)/8 {
			return errDamaged("a page has fewer values than it says")
		}
		for i := range n {
			c.plain = append(c.plain, body[i/8]>>(i%8)&1)
		}
	} else {
		if !whole(t, body, n) {
			return errDamaged("a page has other values than it says")
		}
		c.plain = append(roomFor(c.plain, len(body)), body...)
	}
	c.set = append(c.set, set...)
	return nil
}

// readValues adds the values of a column as the library reads them.
func (c *column) readValues(t Type, from parquet.ColumnChunk) (err error) {
	in := parquet.NewColumnChunkValueReader(from)
	defer func() { err = errors.Join(err, in.Close()) }()
	room := make([]parquet.Value, valueBatch)
	for {
		n, err := in.ReadValues(room)
		for _, v := range room[:n] {
			c.value(t, v)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
