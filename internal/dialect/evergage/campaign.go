package evergage

import (
	"bytes"
	"net/url"

	"rapport/internal/jsondoc"
)

// campaignNames are the parameters of an address that name a campaign, and what
// they are called here.
var campaignNames = [...]struct{ name, parameter string }{
	{"name", "utm_campaign"}, {"source", "utm_source"}, {"medium", "utm_medium"}, {"term", "utm_term"}, {"content", "utm_content"},
}

// campaign writes the campaign that the address of the page names.
func (w *writer) campaign(page jsondoc.Value) {
	b, _ := page.StrBytes()
	_, query, ok := bytes.Cut(b, []byte{'?'})
	if !ok || !bytes.Contains(query, []byte("utm_")) {
		return
	}
	query, _, _ = bytes.Cut(query, []byte{'#'})
	m := w.open("campaign", '{')
	for _, n := range campaignNames {
		w.text(n.name, parameter(query, n.parameter))
	}
	w.close(m)
}

// parameter is the first value of a parameter in a query, as url.ParseQuery reads
// one; empty where there is none.
func parameter(query []byte, name string) string {
	for pair := range bytes.SplitSeq(query, []byte{'&'}) {
		key, value, _ := bytes.Cut(pair, []byte{'='})
		if bytes.IndexByte(pair, ';') >= 0 || !spells(key, name) {
			continue
		}
		if text, err := url.QueryUnescape(string(value)); err == nil {
			return text
		}
	}
	return ""
}

// spells tells whether a key of a query is a name, escaped or not.
func spells(key []byte, name string) bool {
	if bytes.IndexByte(key, '%') < 0 {
		return string(key) == name
	}
	text, err := url.QueryUnescape(string(key))
	return err == nil && text == name
}
