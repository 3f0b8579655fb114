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

// parameters are what is looked for, in the order in which it is said: of
// campaigns, and those by which advertising networks know a click.
var parameters = [...]struct {
	fact fact
	name string
}{
	{campaignContent, "utm_content"},
	{campaignID, "utm_id"},
	{campaignMedium, "utm_medium"},
	{campaignName, "utm_campaign"},
	{campaignSource, "utm_source"},
	{campaignTerm, "utm_term"},
	{clickID, "dclid"},
	{clickID, "epik"},
	{clickID, "fbclid"},
	{clickID, "gbraid"},
	{clickID, "gclid"},
	{clickID, "irclickid"},
	{clickID, "li_fat_id"},
	{clickID, "msclkid"},
	{clickID, "rdt_cid"},
	{clickID, "sccid"},
	{clickID, "ttclid"},
	{clickID, "twclid"},
	{clickID, "wbraid"},
	{clickID, "yclid"},
}

// tell says what the parameters tell of a campaign and of clicks, where that is
// wanted. Of a parameter that comes twice the first value counts.
func (q arrival) tell(l *list, campaign, clicks bool) {
	if len(q) == 0 {
		return
	}
	var values [len(parameters)]string
	var seen [len(parameters)]bool
	text, _, _ := strings.Cut(strings.TrimPrefix(string(q), "?"), "#")
	for part := range strings.SplitSeq(text, "&") {
		key, value, _ := strings.Cut(part, "=")
		for i := range parameters {
			if strings.EqualFold(key, parameters[i].name) {
				if !seen[i] {
					values[i], seen[i] = value, true
				}
				break
			}
		}
	}
	for i, p := range &parameters {
		wanted := campaign
		if p.fact == clickID {
			wanted = clicks
		}
		value, err := url.QueryUnescape(values[i])
		if value = strings.TrimSpace(value); !wanted || err != nil || value == "" {
			continue
		}
		if p.fact != clickID {
			l.add(p.fact, value)
		} else if strings.IndexByte(value, 0) < 0 {
			l.add(clickID, p.name+"\x00"+value)
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
