package enrich

import (
	"bytes"
	"net/url"
	"strings"

	"rapport/internal/event"
)

// arrival is the query of the address of the page that an event happened on:
// the parameters that say what brought the person there.
type arrival []byte

// query finds it; empty where nothing in it is looked for.
func query(e *event.Event, s *said) arrival {
	if b, ok := s.search.StrBytes(); ok && telling(b) {
		return b
	}
	if b, ok := s.url.StrBytes(); ok {
		return queryOf(b)
	}
	if e.Type == event.Page || e.Type == event.Screen {
		if b, ok := e.Properties.Get("url").StrBytes(); ok {
			return queryOf(b)
		}
	}
	return nil
}

func queryOf(address []byte) arrival {
	i := bytes.IndexByte(address, '?')
	if i < 0 || !telling(address[i:]) {
		return nil
	}
	return address[i:]
}

// telling is a quick look whether it is worth reading.
func telling(b []byte) bool {
	return len(b) > 4 && (bytes.Contains(b, []byte("utm_")) || bytes.Contains(b, []byte("cl")) || bytes.Contains(b, []byte("id=")) || bytes.Contains(b, []byte("epik=")))
}

// value is a parameter's first value; nil where there is none.
func (q arrival) value(name string) (string, bool) {
	text := strings.TrimPrefix(string(q), "?")
	text, _, _ = strings.Cut(text, "#")
	for part := range strings.SplitSeq(text, "&") {
		key, value, _ := strings.Cut(part, "=")
		if !strings.EqualFold(key, name) {
			continue
		}
		value, err := url.QueryUnescape(value)
		value = strings.TrimSpace(value)
		return value, err == nil && value != ""
	}
	return "", false
}

func (q arrival) campaign(l *list) {
	if len(q) == 0 {
		return
	}
	for _, p := range [...]struct {
		f    fact
		name string
	}{
		{campaignContent, "utm_content"},
		{campaignID, "utm_id"},
		{campaignMedium, "utm_medium"},
		{campaignName, "utm_campaign"},
		{campaignSource, "utm_source"},
		{campaignTerm, "utm_term"},
	} {
		if v, ok := q.value(p.name); ok {
			l.add(p.f, v)
		}
	}
}

// clickNames are the parameters by which advertising networks know a click, in
// the order of their names.
var clickNames = [...]string{
	"dclid", "epik", "fbclid", "gbraid", "gclid", "irclickid", "li_fat_id", "msclkid", "rdt_cid", "sccid", "ttclid", "twclid", "wbraid", "yclid",
}

func (q arrival) clicks(l *list) {
	if len(q) == 0 {
		return
	}
	for _, name := range clickNames {
		if v, ok := q.value(name); ok && strings.IndexByte(v, 0) < 0 {
			l.add(clickID, name+"\x00"+v)
		}
	}
}

// preferred is the language that a reader likes best, of the header
// Accept-Language; "" where it names none.
func preferred(languages string) string {
	tag, _, _ := strings.Cut(languages, ",")
	tag, _, _ = strings.Cut(tag, ";")
	tag = strings.TrimSpace(tag)
	if len(tag) < 2 || len(tag) > 35 {
		return ""
	}
	for i := range len(tag) {
		if c := tag[i]; c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return ""
		}
	}
	return tag
}
