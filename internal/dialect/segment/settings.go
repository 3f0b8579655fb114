package segment

import (
	"net/http"
	"net/url"
	"strings"

	"rapport/internal/jsondoc"
)

// cacheable lets caches keep a settings document for five minutes: the
// libraries do not start without it.
const cacheable = "public, max-age=300, stale-while-revalidate=86400, stale-if-error=86400"

// settings gives the document that browsers and apps fetch before anything
// else. It names exactly one integration, because more of them make the
// browser download bundles that are not ours.
func (d *Door) settings(w http.ResponseWriter, r *http.Request, to route) {
	if _, ok := d.Keys.SourceByWriteKey(to.rest); !ok {
		answerError(w, http.StatusNotFound, "invalid_write_key", "the write key is not known here, so there are no settings for it")
		return
	}
	scheme, host := d.reachedAt(r)
	b := append(make([]byte, 0, 640), `{"integrations":{"Segment.io":{"apiKey":`...)
	b = append(jsondoc.AppendString(b, to.rest), `,"apiHost":`...)
	b = append(jsondoc.AppendString(b, host+"/v1"), `,"protocol":`...)
	b = append(jsondoc.AppendString(b, scheme), `,"retryQueue":true}},"plan":{`...)
	for i, kind := range [...]string{"track", "identify", "group"} {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, '"'), kind...)
		b = append(b, `":{"__default":{"enabled":true}}`...)
	}
	b = append(b, `},"edgeFunction":{},"middlewareSettings":{},"metrics":{"sampleRate":0},`+
		`"consentSettings":{},"autoInstrumentation":{},"analyticsNextEnabled":true}`...)
	w.Header().Set("Cache-Control", cacheable)
	answerJSON(w, http.StatusOK, b)
}

// reachedAt is how the client reached the server: the scheme and the host.
func (d *Door) reachedAt(r *http.Request) (scheme, host string) {
	if u, err := url.Parse(d.PublicURL); err == nil && u.Host != "" {
		return u.Scheme, u.Host
	}
	scheme = "http"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme = "https"
	}
	return scheme, r.Host
}

// sourceConfig is RudderStack's settings document. There are no destinations
// on the device: all of them are served from here.
func (d *Door) sourceConfig(w http.ResponseWriter, r *http.Request, to route) {
	to.query = true
	c, err := d.fromHeader(r, to)
	if err != nil {
		answerFault(w, err)
		return
	}
	if !c.known {
		answerFault(w, errKey)
		return
	}
	b := append(make([]byte, 0, 512), `{"source":{"id":`...)
	b = append(jsondoc.AppendString(b, c.source.Key), `,"name":`...)
	b = append(jsondoc.AppendString(b, c.source.Name), `,"writeKey":`...)
	b = append(jsondoc.AppendString(b, c.key), `,"workspaceId":"rapport","enabled":true,"config":{"statsCollection":`+
		`{"errors":{"enabled":false},"metrics":{"enabled":false}}},"connections":[],"destinations":[],"dataplanes":{}}}`...)
	w.Header().Set("Cache-Control", "private, max-age=300")
	answerJSON(w, http.StatusOK, b)
}

// clusterInfo tells RudderStack's Go client to spread over one address.
func (d *Door) clusterInfo(w http.ResponseWriter, _ *http.Request, _ route) {
	answerJSON(w, http.StatusOK, []byte(`{"nodeCount":1}`))
}

// bundle says where the browser library comes from: not from here.
func (d *Door) bundle(w http.ResponseWriter, r *http.Request, _ route) {
	answerError(w, http.StatusNotFound, "bundle_not_served", "the browser library "+r.URL.Path+
		" is not served here; bundle the npm package @segment/analytics-next with the site and point its cdnURL at this server")
}
