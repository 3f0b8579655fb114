// Package enrich says what follows from how an event came: browser, system and
// device of its user agent, the place of its address, the campaign and the
// click ids of its page's address, whether a robot sent it. What was found is
// written beside the event, once, in a compact form. It never asks anything
// outside, never changes an event, and gives no answer to what the event says
// itself. START READING at Finder.
package enrich

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf8"

	"rapport/internal/fault"
	"rapport/internal/jsondoc"
)

// fact names one value. The numbers are on disk: append only.
type fact uint8

// The facts.
const (
	botFact fact = 1 + iota
	browserName
	browserVersion
	campaignContent
	campaignID
	campaignMedium
	campaignName
	campaignSource
	campaignTerm
	clickID // name, zero byte, value; there may be several
	currency
	deviceModel
	deviceType
	locale
	city
	country
	latitude
	longitude
	postalCode
	region
	osName
	osVersion
	pointOfSale
	timezone
	facts
)

// paths are where facts stand in a context, in the order of their members'
// names, so that what is built is canonical.
var paths = [...]struct{ object, member string }{
	botFact:     {"", "bot"},
	browserName: {"browser", "name"}, browserVersion: {"browser", "version"},
	campaignContent: {"campaign", "content"}, campaignID: {"campaign", "id"}, campaignMedium: {"campaign", "medium"},
	campaignName: {"campaign", "name"}, campaignSource: {"campaign", "source"}, campaignTerm: {"campaign", "term"},
	clickID:     {"click_ids", ""},
	currency:    {"", "currency"},
	deviceModel: {"device", "model"}, deviceType: {"device", "type"},
	locale: {"", "locale"},
	city:   {"location", "city"}, country: {"location", "country"}, latitude: {"location", "latitude"}, longitude: {"location", "longitude"},
	postalCode: {"location", "postal_code"}, region: {"location", "region"},
	osName: {"os", "name"}, osVersion: {"os", "version"},
	pointOfSale: {"", "point_of_sale"},
	timezone:    {"", "timezone"},
}

// maxValue bounds a value in bytes: what is longer is no browser and no
// campaign.
const maxValue = 250

// maxFacts bounds a record of them.
const maxFacts = 64

// list collects facts, in their order.
type list struct {
	b []byte
}

// add takes a value that says something; facts come in their order.
func (l *list) add(f fact, value string) {
	if value == "" || len(value) > maxValue || !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0 && f != clickID {
		return
	}
	l.b = append(l.b, byte(f))
	l.b = binary.AppendUvarint(l.b, uint64(len(value)))
	l.b = append(l.b, value...)
}

// errFacts is of a record that was damaged.
var errFacts = fault.Errorf(fault.Internal, "damaged_enrichment", "what was derived of an event is damaged")

// each visits the facts of a record.
func each(b []byte, visit func(f fact, value []byte)) error {
	last, n := fact(0), 0
	for len(b) > 0 {
		f := fact(b[0])
		size, k := binary.Uvarint(b[1:])
		if f == 0 || f >= facts || f < last || f == last && f != clickID || k <= 0 || size > maxValue || size > uint64(len(b)-1-k) {
			return errFacts
		}
		value := b[1+k : 1+k+int(size)]
		if n++; n > maxFacts || !utf8.Valid(value) {
			return errFacts
		}
		visit(f, value)
		last, b = f, b[1+k+int(size):]
	}
	return nil
}

// Expand gives the context that a record stands for, in canonical form.
func Expand(record []byte) ([]byte, error) {
	out := append(make([]byte, 0, 2*len(record)+64), '{')
	open, bad := "", false
	err := each(record, func(f fact, value []byte) {
		at := paths[f]
		name := at.member
		if f == clickID {
			i := slices.Index(value, 0)
			if i <= 0 {
				bad = true
				return
			}
			name, value = string(value[:i]), value[i+1:]
		}
		if open != at.object && open != "" {
			out = append(out, '}')
			open = ""
		}
		if last := out[len(out)-1]; last != '{' {
			out = append(out, ',')
		}
		if at.object != open {
			out = append(append(append(out, '"'), at.object...), `":{`...)
			open = at.object
		}
		out = append(jsondoc.AppendString(out, name), ':')
		switch f {
		case botFact:
			out = append(out, "true"...)
		case latitude, longitude:
			if !number(value) {
				bad = true
			}
			out = append(out, value...)
		default:
			out = jsondoc.AppendString(out, string(value))
		}
	})
	if err == nil && bad {
		err = errFacts
	}
	if open != "" {
		out = append(out, '}')
	}
	return append(out, '}'), err
}

// number tells whether a text is the decimal form that coordinates have.
func number(b []byte) bool {
	doc, err := jsondoc.Parse(b, jsondoc.Limits{})
	return err == nil && doc.Root().Kind() == jsondoc.Number
}
