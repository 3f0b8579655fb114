package web

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"rapport/internal/dialect"
	"rapport/internal/fault"
	"rapport/internal/id"
)

// CookieName is where a browser's id is kept. No script can read it.
const CookieName = "rapport_id"

// lifetime is how long the cookie lasts, in seconds: as long as browsers keep
// one at most, 400 days.
const lifetime = 400 * 24 * 60 * 60

const maxAsked = 4 << 10

var (
	idShape   = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)
	pathShape = regexp.MustCompile(`^/([A-Za-z0-9._~-]+/)*$`)
)

// identify keeps a browser's id in a cookie, or gives the one that is kept.
// Only the site's own pages may ask: what they get says who their visitor is.
func (d *Door) identify(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if r.Method != http.MethodPost {
		h.Set("Allow", "POST")
		dialect.Refuse(w, http.StatusMethodNotAllowed, fault.Errorf(fault.Invalid, "method_not_allowed", "the id is asked for with POST"))
		return
	}
	raw, err := dialect.ReadBody(r, maxAsked, func(most int) error {
		return fault.Errorf(fault.TooLarge, "body_too_large", "the question is longer than %d bytes", most)
	})
	// A member id that is null takes the cookie away; one that is missing asks.
	asked := struct {
		Key  string          `json:"key"`
		Path string          `json:"path"`
		ID   json.RawMessage `json:"id"`
	}{}
	if err != nil || json.Unmarshal(raw, &asked) != nil {
		dialect.Refuse(w, http.StatusBadRequest, fault.Errorf(fault.Invalid, "invalid_json", "the question is no JSON object of at most %d bytes", maxAsked))
		return
	}
	origins, known := d.Origins(asked.Key)
	switch {
	case !known:
		dialect.Refuse(w, http.StatusUnauthorized, fault.Errorf(fault.Unauthenticated, "invalid_write_key", "the write key is not known here"))
		return
	case !ownPage(r) || dialect.MayCome(r, origins) != nil:
		dialect.Refuse(w, http.StatusForbidden, fault.Errorf(fault.Forbidden, "origin_not_allowed", "only pages of the site's own origin may ask for the id: hand a path of the site on to "+Prefix))
		return
	case !pathShape.MatchString(asked.Path):
		dialect.Refuse(w, http.StatusBadRequest, fault.Errorf(fault.Invalid, "invalid_path", "path is %.100q: give the path of the site that is handed on, such as %s", asked.Path, Prefix))
		return
	}
	if string(asked.ID) == "null" {
		http.SetCookie(w, d.cookie(r, "", asked.Path, -1))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	var browser string
	if asked.ID != nil && (json.Unmarshal(asked.ID, &browser) != nil || !idShape.MatchString(browser)) {
		dialect.Refuse(w, http.StatusBadRequest, fault.Errorf(fault.Invalid, "invalid_id", "id is 8 to 64 letters, digits, - and _"))
		return
	}
	if browser == "" {
		browser = d.kept(r)
	}
	http.SetCookie(w, d.cookie(r, browser, asked.Path, lifetime))
	text, _ := json.Marshal(map[string]string{"id": browser}) // a text
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(text) // a client that is gone needs no answer
}

// kept is the id that the browser sent, or a new one.
func (d *Door) kept(r *http.Request) string {
	if c, err := r.Cookie(CookieName); err == nil && idShape.MatchString(c.Value) {
		return c.Value
	}
	var b [16]byte
	d.Random(b[:])
	return id.UUID(b)
}

func (d *Door) cookie(r *http.Request, value, path string, age int) *http.Cookie {
	return &http.Cookie{
		Name: CookieName, Value: value, Path: path, MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https"),
	}
}

// ownPage tells whether the browser says that a page of the same origin asks.
// Browsers set Sec-Fetch-Site themselves and no page can change it; what does
// not send it, an old browser, keeps the id in its page.
func ownPage(r *http.Request) bool { return r.Header.Get("Sec-Fetch-Site") == "same-origin" }
