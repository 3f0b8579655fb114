package lake

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// The sizes of pages, and of what a dictionary may hold before values are written
// out instead.
const (
	pageRows  = 20_000
	pageBytes = 512 << 10
	wordsMost = 1 << 14
	wordBytes = 1 << 20
	// boundBytes is the longest text that stands among the bounds of a column.
	boundBytes = 64
)

// pages writes the columns of a file, page by page: data pages of the second
// version, as docs/formats/lake.md has them.
type pages struct {
	out     bytes.Buffer
	encoder *thrift.Encoder
	packing bool // values are compressed

	levels, packed, bits []byte
	dictionary
}

func newPages(packing bool) *pages {
	p := &pages{packing: packing}
	p.encoder = thrift.NewEncoder(new(thrift.CompactProtocol).NewWriter(&p.out))
	return p
}

// column writes a column of a group of rows.
func (p *pages) column(of *Column, c *column) (format.ColumnChunk, error) {
	start := p.out.Len()
	meta := format.ColumnMetaData{
		Type: of.Type.physical(), Encoding: thrift.Slice[format.Encoding]{format.Plain, format.RLE}, PathInSchema: thrift.Slice[string]{of.Name},
		Codec: format.Uncompressed, NumValues: int64(len(c.set)),
	}
	if p.packing {
		meta.Codec = format.Snappy
	}
	var err error
	if p.packing && of.few && p.learn(c) {
		meta.Encoding = append(meta.Encoding, format.RLEDictionary)
		meta.DictionaryPageOffset = int64(start)
		if err = p.words(&meta); err == nil {
			meta.DataPageOffset = int64(p.out.Len())
			err = p.indexes(&meta, c)
		}
		meta.Statistics.MinValue, meta.Statistics.MaxValue = p.bounds()
	} else {
		meta.DataPageOffset = int64(start)
		err = p.plain(&meta, of.Type, c)
		if of.Type == Integer || of.Type == Time {
			meta.Statistics.MinValue, meta.Statistics.MaxValue = integerBounds(c.plain)
		}
	}
	meta.Statistics.NullCount = int64(len(c.set) - ones(c.set))
	meta.TotalCompressedSize = int64(p.out.Len() - start)
	return format.ColumnChunk{MetaData: meta}, err
}

// plain writes the values as they are.
func (p *pages) plain(meta *format.ColumnMetaData, t Type, c *column) error {
	plain := c.plain
	for from := 0; from < len(c.set); {
		to, n := fit(t, c.set, plain, from)
		body := plain[:n]
		if t == Boolean {
			p.bits = packBits(p.bits[:0], body)
			body = p.bits
		}
		if err := p.page(meta, format.Plain, c.set[from:to], body); err != nil {
			return err
		}
		from, plain = to, plain[n:]
	}
	return nil
}

// fit says which rows have room in a page, and how many bytes their values have.
func fit(t Type, set, plain []byte, from int) (to, n int) {
	if len(set)-from <= pageRows && len(plain) <= pageBytes {
		return len(set), len(plain)
	}
	to = min(from+pageRows, len(set))
	if w := t.width(); w > 0 {
		return to, w * ones(set[from:to])
	}
	for at := from; at < to; at++ {
		if n > pageBytes {
			return at, n
		}
		if set[at] != 0 {
			n += lengthBytes + int(binary.LittleEndian.Uint32(plain[n:]))
		}
	}
	return to, n
}

// indexes writes the places of the values in the dictionary.
func (p *pages) indexes(meta *format.ColumnMetaData, c *column) error {
	index := p.index
	for from := 0; from < len(c.set); {
		to := min(from+pageRows, len(c.set))
		n := ones(c.set[from:to])
		body, err := (&rle.DictionaryEncoding{}).EncodeInt32(p.bits[:0], index[:n])
		if err != nil {
			return err
		}
		p.bits = body
		if err := p.page(meta, format.RLEDictionary, c.set[from:to], body); err != nil {
			return err
		}
		from, index = to, index[n:]
	}
	return nil
}

// page writes a page of values.
func (p *pages) page(meta *format.ColumnMetaData, encoding format.Encoding, set, body []byte) (err error) {
	if p.levels, err = (&rle.Encoding{BitWidth: 1}).EncodeLevels(p.levels[:0], set); err != nil {
		return err
	}
	long := len(body)
	body, packed := p.pack(body)
	nulls := len(set) - ones(set)
	h := format.PageHeader{
		Type: format.DataPageV2, UncompressedPageSize: int32(len(p.levels) + long), CompressedPageSize: int32(len(p.levels) + len(body)),
		DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
			NumValues: int32(len(set)), NumNulls: int32(nulls), NumRows: int32(len(set)), Encoding: encoding,
			DefinitionLevelsByteLength: int32(len(p.levels)), IsCompressed: thrift.New(packed),
			Statistics: format.Statistics{NullCount: int64(nulls)},
		}),
	}
	return p.put(meta, &h, p.levels, body)
}

// words writes the page of the dictionary.
func (p *pages) words(meta *format.ColumnMetaData) error {
	// This page cannot say that it is not compressed.
	body := s2.EncodeSnappy(p.packed[:cap(p.packed)], p.plainWords)
	p.packed = body
	return p.put(meta, &format.PageHeader{
		Type: format.DictionaryPage, UncompressedPageSize: int32(len(p.plainWords)), CompressedPageSize: int32(len(body)),
		DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(len(p.order)), Encoding: format.Plain}),
	}, nil, body)
}

// pack compresses values where that makes them smaller.
func (p *pages) pack(body []byte) ([]byte, bool) {
	if !p.packing || len(body) == 0 {
		return body, false
	}
	packed := s2.EncodeSnappy(p.packed[:cap(p.packed)], body)
	p.packed = packed
	if len(packed) >= len(body) {
		return body, false
	}
	return packed, true
}

func (p *pages) put(meta *format.ColumnMetaData, h *format.PageHeader, levels, body []byte) error {
	before := p.out.Len()
	if err := p.encoder.Encode(h); err != nil {
		return fmt.Errorf("write the head of a page: %w", err)
	}
	meta.TotalUncompressedSize += int64(p.out.Len()-before) + int64(h.UncompressedPageSize)
	p.out.Write(levels)
	p.out.Write(body)
	return nil
}

// dictionary is the different values of a column.
type dictionary struct {
	at         map[string]int32
	order      []string
	index      []int32 // of each value
	plainWords []byte
}

// learn makes the dictionary of a column, and tells whether it is worth it.
func (d *dictionary) learn(c *column) bool {
	if d.at == nil {
		d.at = map[string]int32{}
	}
	clear(d.at)
	d.order, d.index, d.plainWords = d.order[:0], d.index[:0], d.plainWords[:0]
	for plain := c.plain; len(plain) > 0; {
		n := lengthBytes + int(binary.LittleEndian.Uint32(plain))
		i, known := d.at[string(plain[lengthBytes:n])]
		if !known {
			i = int32(len(d.order))
			word := string(plain[lengthBytes:n])
			d.at[word], d.order, d.plainWords = i, append(d.order, word), append(d.plainWords, plain[:n]...)
			if len(d.order) > wordsMost || len(d.plainWords) > wordBytes {
				return false
			}
		}
		d.index, plain = append(d.index, i), plain[n:]
	}
	return len(d.order) > 0
}

// bounds are the least and the greatest value; none where one is long.
func (d *dictionary) bounds() (least, most []byte) {
	lo, hi := d.order[0], d.order[0]
	for _, s := range d.order {
		lo, hi = min(lo, s), max(hi, s)
	}
	if len(lo) > boundBytes || len(hi) > boundBytes {
		return nil, nil
	}
	return []byte(lo), []byte(hi)
}

// integerBounds are the least and the greatest of numbers; none where there are
// none.
func integerBounds(plain []byte) (least, most []byte) {
	if len(plain) == 0 {
		return nil, nil
	}
	lo := int64(binary.LittleEndian.Uint64(plain))
	hi := lo
	for ; len(plain) > 0; plain = plain[8:] {
		n := int64(binary.LittleEndian.Uint64(plain))
		lo, hi = min(lo, n), max(hi, n)
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(lo)), binary.LittleEndian.AppendUint64(nil, uint64(hi))
}

func (t Type) physical() format.Type {
	switch t {
	case Integer, Time:
		return format.Int64
	case Number:
		return format.Double
	case Boolean:
		return format.Boolean
	case Decimal:
		return format.FixedLenByteArray
	}
	return format.ByteArray
}

// packBits packs bytes that are 0 or 1.
func packBits(out, values []byte) []byte {
	for i, v := range values {
		if i%8 == 0 {
			out = append(out, 0)
		}
		out[len(out)-1] |= v << (i % 8)
	}
	return out
}
