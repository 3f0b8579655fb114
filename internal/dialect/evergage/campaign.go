package evergage

import (
	"bytes"
	"net/url"

	"rapport/internal/jsondoc"
)

// campaign writes the campaign that the address of the page names.
func (w *writer) campaign(page jsondoc.Value) {
	b, _ := page.StrBytes()
	_, query, ok := bytes.Cut(b, []byte{'?'})
	if !ok || !bytes.Contains(query, []byte("utm_")) {
		return
	}
	query, _, _ = bytes.Cut(query, []byte{'#'})
	values, err := url.ParseQuery(string(query))
	if err != nil && len(values) == 0 {
		return
	}
	m := w.open("campaign", '{')
	for _, p := range [...][2]string{
		{"name", "utm_campaign"}, {"source", "utm_source"}, {"medium", "utm_medium"}, {"term", "utm_term"}, {"content", "utm_content"},
	} {
		w.text(p[0], values.Get(p[1]))
	}
	w.close(m)
}
